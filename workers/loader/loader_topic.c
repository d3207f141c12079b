#include "loader_topic.h"

#include "loader_log.h"
#include "loader_metrics.h"
#include "loader_pg.h"
#include "mr_clock.h"
#include "mr_random.h"
#include <stdlib.h>

#define MISSING_MS 10000
/* A lane is paused above so much of what waits: twice a flush, so that one can be filled while
 * the other is written. */
#define QUEUE_FLUSHES 2

struct loader_topic {
    struct loader_topic_settings settings;
    const char *name; /* of the topic */
    struct loader_rows *rows;
    struct loader_pg *pg;
    struct loader_log *log;
    struct engine_loader *engine;
    struct loader_metrics *metrics;
    bool up; /* the warehouse's session */
    void (*on_closed)(void *owner);
    void *closed_owner;
};

/* ---- the engine's small ports ---- */

static int64_t now_ms(void *ctx)
{
    struct loader_topic *t = ctx;
    return mr_loop_now_ms(t->settings.all->loop);
}

static uint64_t draw(void *ctx)
{
    (void)ctx;
    return mr_random_u64();
}

static void free_record(void *ctx, struct engine_load_record *record)
{
    (void)ctx;
    loader_record_free(record);
}

static void note_stop(struct loader_topic *t, int32_t lane, const char *reason)
{
    struct engine_load_view v;
    engine_loader_look(t->engine, lane, &v);
    loader_pg_note_stop(t->pg, lane, v.fence, reason);
}

static void tell(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text)
{
    static const struct {
        const char *msg;
        enum mr_log_level level;
    } known[] = {
        [ENGINE_LANE_TAKEN] = {"lane taken over", MR_LOG_INFO},
        [ENGINE_LANE_LOST] = {"lane lost", MR_LOG_WARN},
        [ENGINE_LANE_RELEASED] = {"lane let go", MR_LOG_INFO},
        [ENGINE_LANE_STOPPED] = {"lane stopped, it waits for millracectl warehouse set-position",
                                 MR_LOG_ERROR},
        [ENGINE_EVENT_MISSING] = {"event missing", MR_LOG_ERROR},
    };
    struct loader_topic *t = ctx;
    mr_log_write(t->settings.all->log, known[kind].level, known[kind].msg,
                 MR_LOG_FIELDS(mr_f_text("topic", t->name), mr_f_int("lane", lane),
                               mr_f_text("detail", text)));
    if (kind == ENGINE_LANE_STOPPED)
        note_stop(t, lane, text);
}

/* ---- the warehouse's word ---- */

static void on_connection(void *owner, bool up)
{
    struct loader_topic *t = owner;
    t->up = up;
    engine_loader_on_connection(t->engine, up);
}

static void on_loaded(void *owner, const struct engine_ledger *g)
{
    struct loader_topic *t = owner;
    loader_report_lane(t->settings.report, t->name, g->lane, g->next_offset, g->last_sequence);
}

static void on_flushed(void *owner, int64_t took_ms)
{
    struct loader_topic *t = owner;
    loader_metrics_flushed(t->metrics, took_ms);
}

/* ---- life ---- */

static struct engine_loader *make_engine(struct loader_topic *t)
{
    const struct loader_settings *all = t->settings.all;
    struct engine_load_ports ports = {
        .log = loader_log_port(t->log),
        .warehouse = loader_pg_port(t->pg),
        .clock = {.ctx = t, .now_ms = now_ms},
        .random = {.ctx = t, .u64 = draw},
        .notice = {.ctx = t, .tell = tell},
        .free_record = free_record,
    };
    struct engine_load_options options = {
        .lanes = t->settings.lanes,
        .flush_rows = all->flush_rows,
        .flush_bytes = all->flush_bytes,
        .flush_ms = all->flush_ms,
        .queue_bytes_max = (size_t)all->flush_bytes * QUEUE_FLUSHES,
        .missing_ms = MISSING_MS,
        .by_offset = t->settings.facts,
    };
    return engine_loader_new(&ports, &options);
}

static struct loader_topic *make(const struct loader_topic_settings *settings)
{
    const struct loader_settings *all = settings->all;
    struct loader_topic *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->settings = *settings;
    t->name = loader_topic_name(settings->domain, settings->facts);
    t->rows = loader_rows_new(&(struct loader_rows_settings){
        .catalog = all->catalog,
        .domain = settings->domain->name,
        .facts = settings->facts,
        .lanes = settings->lanes,
        .stopped = settings->stopped,
    });
    t->log = loader_log_new(&(struct loader_log_settings){
        .loop = all->loop,
        .log = all->log,
        .conf = all->kafka,
        .topic = t->name,
        .domain = settings->domain->name,
        .facts = settings->facts,
        .lanes = settings->lanes,
        .group_instance_id = all->group_instance_id,
        .session_timeout_ms = (uint32_t)all->session_timeout_ms,
        .rows = t->rows,
    });
    t->metrics = loader_metrics_new(&(struct loader_metrics_settings){
        .metrics = all->metrics,
        .catalog = all->catalog,
        .domain = settings->domain,
        .facts = settings->facts,
        .topic = t->name,
        .lanes = settings->lanes,
        .stopped = settings->stopped,
    });
    return t;
}

enum mr_status loader_topic_new(const struct loader_topic_settings *settings,
                                struct loader_topic **out, struct mr_error *why)
{
    const struct loader_settings *all = settings->all;
    struct loader_topic *t = make(settings);
    struct loader_pg_settings pg = {
        .loop = all->loop,
        .log = all->log,
        .catalog = all->catalog,
        .topic = t->name,
        .lanes = settings->lanes,
        .conninfo = all->warehouse,
        .lock_wait_ms = all->ledger_lock_wait_ms,
        .on_connection = on_connection,
        .on_loaded = on_loaded,
        .on_flushed = on_flushed,
        .owner = t,
    };
    *out = t; /* on failure too: the caller closes it */
    enum mr_status s = loader_pg_new(&pg, &t->pg, why);
    if (s != MR_OK)
        return s;
    t->engine = make_engine(t);
    loader_pg_serve(t->pg, t->engine);
    return loader_log_serve(t->log, t->engine, why);
}

void loader_topic_tick(struct loader_topic *t)
{
    engine_loader_tick(t->engine);
}

void loader_topic_copy_metrics(struct loader_topic *t)
{
    loader_metrics_copy(t->metrics, t->engine, t->log, t->pg, mr_clock_wall_ms());
}

size_t loader_topic_lanes(const struct loader_topic *t)
{
    size_t assigned = 0;
    return loader_log_assigned(t->log, &assigned) ? assigned : 0;
}

const char *loader_topic_look(const struct loader_topic *t, struct mr_buf *detail)
{
    size_t assigned = 0;
    int stopped = 0, missing = 0;
    bool spoken = loader_log_assigned(t->log, &assigned);
    for (int32_t i = 0; i < t->settings.lanes; i++) {
        struct engine_load_view v;
        engine_loader_look(t->engine, i, &v);
        stopped += v.state == ENGINE_LANE_STOPPED_STATE;
        missing += v.missing;
    }
    mr_buf_printf(detail,
                  "{\"topic\":\"%s\",\"lanes\":%zu,\"stopped_lanes\":%d,\"missing_events\":%d,"
                  "\"standing_by\":%s}",
                  t->name, assigned, stopped, missing, spoken && assigned == 0 ? "true" : "false");
    if (!t->up)
        return "the warehouse";
    return spoken ? NULL : "the group's assignment";
}

void loader_topic_stop(struct loader_topic *t)
{
    engine_loader_stop(t->engine);
}

bool loader_topic_is_stopped(const struct loader_topic *t)
{
    return engine_loader_is_stopped(t->engine);
}

static void on_pg_closed(void *owner)
{
    struct loader_topic *t = owner;
    void (*on_closed)(void *) = t->on_closed;
    void *closed_owner = t->closed_owner;
    engine_loader_free(t->engine);
    loader_metrics_free(t->metrics);
    loader_rows_free(t->rows);
    free(t);
    on_closed(closed_owner);
}

static void on_log_closed(void *owner)
{
    struct loader_topic *t = owner;
    if (t->pg)
        loader_pg_close(t->pg, on_pg_closed, t);
    else
        on_pg_closed(t);
}

void loader_topic_close(struct loader_topic *t, void (*on_closed)(void *owner), void *owner)
{
    t->on_closed = on_closed;
    t->closed_owner = owner;
    loader_log_close(t->log, on_log_closed, t);
}
