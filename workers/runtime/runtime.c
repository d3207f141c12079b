/* STARTING: Postgres up -> schema new enough -> lanes read -> topics as they must be -> RUNNING.
 * An absent server makes it wait at its step; a definite difference is fatal. RUNNING -stop->
 * STOPPING (the engine drains) -> CLOSING (log and store are closed) -> gone. */
#include "runtime.h"

#include "mr_clock.h"
#include "mr_kafka_admin.h"
#include "mr_random.h"
#include "mr_time.h"
#include "runtime_check.h"
#include "runtime_days.h"
#include "runtime_metrics.h"
#include "runtime_store.h"
#include <stdio.h>
#include <stdlib.h>

#define EVENT_OVERHEAD_BYTES 8192
#define TICK_MS              20
#define RETRY_MS             500
#define METRICS_EVERY_MS     1000
#define FLUSH_TIMEOUT_MS     5000
#define STOP_TIMEOUT_MS      7000 /* then an operation that is still open is given up */
#define PUBLISH_AHEAD_MAX    20000
#define QUEUE_BYTES_MAX      ((size_t)64 << 20)
#define BATCH_ARENA_MAX      ((size_t)256 << 20)

enum phase { STARTING, RUNNING, STOPPING, CLOSING };

struct runtime {
    struct runtime_settings settings;
    enum phase phase;
    const char *waits_for; /* STARTING, or standing by: for /readyz */
    struct runtime_store *store;
    struct runtime_log *log;
    struct engine *engine;
    struct runtime_metrics *metrics;
    struct mr_timer tick, retry;
    bool store_up, asking, job_running;
    int32_t lanes; /* 0: not known yet */
    int64_t metrics_ms, stop_ms;
    struct runtime_days days;
    int64_t message_bytes_max; /* of the events topic */

    /* the topics' check in the thread pool */
    struct mr_job job;
    enum mr_status topics_status;
    int32_t topic_lanes[2];
    struct mr_error topics_why;

    void (*on_stopped)(void *owner);
    void *stopped_owner;
};

static void fatal(struct runtime *rt, const char *why)
{
    rt->settings.on_fatal(rt->settings.owner, why);
}

/* ---- the engine's small ports ---- */

static int64_t now_ms(void *ctx)
{
    struct runtime *rt = ctx;
    return mr_loop_now_ms(rt->settings.loop);
}

static int64_t wall_ms(void *ctx)
{
    (void)ctx;
    return mr_clock_wall_ms();
}

static uint64_t draw(void *ctx)
{
    (void)ctx;
    return mr_random_u64();
}

static void tell(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text)
{
    static const char *const names[] = {
        [ENGINE_LANE_TAKEN] = "lane taken over",
        [ENGINE_LANE_LOST] = "lane lost",
        [ENGINE_LANE_RELEASED] = "lane let go",
        [ENGINE_LANE_STOPPED] = "lane stopped, it waits for millracectl lanes set-position",
        [ENGINE_COMMAND_PARKED] = "command parked",
        [ENGINE_COMMAND_QUARANTINED] = "record quarantined",
        [ENGINE_BATCH_RETRIED] = "batch retried",
        [ENGINE_ROUND_ENDED] = "publication round ended",
        [ENGINE_EVENT_MISSING] = "event missing",
    };
    struct runtime *rt = ctx;
    struct mr_log *log = rt->settings.log;
    if (kind == ENGINE_LANE_TAKEN || kind == ENGINE_LANE_RELEASED)
        MR_LOG(log, INFO, names[kind], mr_f_int("lane", lane), mr_f_text("detail", text));
    else if (kind == ENGINE_LANE_STOPPED)
        MR_LOG(log, ERROR, names[kind], mr_f_int("lane", lane), mr_f_text("detail", text));
    else
        MR_LOG(log, WARN, names[kind], mr_f_int("lane", lane), mr_f_text("detail", text));
    if (kind == ENGINE_LANE_STOPPED) {
        struct engine_lane_view v;
        engine_lane_look(rt->engine, lane, &v);
        runtime_store_note_stop(rt->store, lane, v.fence, text);
    }
}

/* ---- running ---- */

static void closed_all(void *owner);

static void on_store_closed(void *owner)
{
    closed_all(owner);
}

static void on_log_closed(void *owner)
{
    struct runtime *rt = owner;
    rt->log = NULL;
    runtime_store_close(rt->store, on_store_closed, rt);
}

static void close_all(struct runtime *rt)
{
    if (rt->phase == CLOSING || rt->job_running)
        return; /* the job's end comes here again */
    rt->phase = CLOSING;
    mr_timer_stop(&rt->tick);
    mr_timer_stop(&rt->retry);
    runtime_log_close(rt->log, on_log_closed, rt);
}

static void closed_all(void *owner)
{
    struct runtime *rt = owner;
    void (*on_stopped)(void *) = rt->on_stopped;
    void *stopped_owner = rt->stopped_owner;
    engine_free(rt->engine);
    runtime_metrics_free(rt->metrics);
    free(rt);
    if (on_stopped)
        on_stopped(stopped_owner);
}

static void tell_lanes(const struct runtime *rt)
{
    size_t lanes = 0;
    bool spoken = runtime_log_assigned(rt->log, &lanes);
    rt->settings.on_lanes(rt->settings.owner, spoken ? (int32_t)lanes : 0);
}

static void on_tick(void *data)
{
    struct runtime *rt = data;
    int64_t now = mr_loop_now_ms(rt->settings.loop);
    engine_tick(rt->engine);
    if (now - rt->metrics_ms >= METRICS_EVERY_MS) {
        rt->metrics_ms = now;
        runtime_metrics_copy(rt->metrics, rt->engine, rt->log, rt->store, mr_clock_wall_ms());
        tell_lanes(rt);
    }
    runtime_log_tick(rt->log);
    runtime_days_turn(&rt->days, now, mr_time_day(mr_clock_wall_ms()));
    if (rt->phase == STOPPING &&
        (engine_is_stopped(rt->engine) || now - rt->stop_ms >= STOP_TIMEOUT_MS))
        close_all(rt);
    else
        mr_timer_start(&rt->tick, TICK_MS);
}

static void run(struct runtime *rt)
{
    struct mr_error why;
    struct engine_ports ports = {
        .log = runtime_log_port(rt->log),
        .store = runtime_store_port(rt->store),
        .clock = {.ctx = rt, .now_ms = now_ms, .wall_ms = wall_ms},
        .random = {.ctx = rt, .u64 = draw},
        .checker = runtime_checker(rt->settings.catalog),
        .notice = {.ctx = rt, .tell = tell},
    };
    struct engine_options options = {
        .lanes = rt->lanes,
        .batch_commands_max = (size_t)rt->settings.batch_commands_max,
        .batch_bytes_max = (size_t)rt->settings.batch_bytes_max,
        .batch_arena_bytes_max = BATCH_ARENA_MAX,
        .queue_bytes_max = QUEUE_BYTES_MAX,
        .event_bytes_max = (size_t)rt->settings.event_bytes_max,
        .publish_ahead_max = PUBLISH_AHEAD_MAX,
        .commit_target_ms = 50,
        .flush_timeout_ms = FLUSH_TIMEOUT_MS,
    };
    rt->phase = RUNNING;
    rt->waits_for = NULL;
    rt->metrics =
        runtime_metrics_new(rt->settings.metrics, rt->settings.domain->domain->name, rt->lanes);
    rt->engine = engine_new(rt->settings.domain->domain, &ports, &options);
    runtime_store_serve(rt->store, rt->engine);
    engine_on_connection(rt->engine, rt->store_up);
    runtime_days_init(&rt->days, rt->store, rt->settings.domain->pruned,
                      (int32_t)rt->settings.retention_days);
    mr_timer_start(&rt->tick, TICK_MS);
    if (runtime_log_serve(rt->log, rt->engine, rt->lanes, &why) != MR_OK) {
        fatal(rt, why.text);
        return;
    }
    MR_LOG(rt->settings.log, INFO, "working",
           mr_f_text("domain", rt->settings.domain->domain->name), mr_f_int("lanes", rt->lanes));
}

/* ---- starting: the topics ---- */

static void check_topics(void *data)
{
    struct runtime *rt = data;
    const char *domain = rt->settings.domain->domain->name;
    char names[2][64];
    struct mr_kafka_admin *admin = NULL;
    struct mr_kafka_topic topics[2];
    for (int i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "%s.%s", domain, i == 0 ? "commands" : "events");
        topics[i] = (struct mr_kafka_topic){
            .name = names[i],
            .lanes = 0,
            .replicas = 1,
            .in_sync_min = 1,
            .retention_ms = i == 0 ? MR_KAFKA_RETENTION_COMMANDS_MS : MR_KAFKA_RETENTION_EVENTS_MS,
            .message_bytes_max = MR_KAFKA_MESSAGE_BYTES_MAX,
        };
    }
    enum mr_status s = mr_kafka_admin_new(rt->settings.kafka, &admin, &rt->topics_why);
    if (s == MR_OK)
        s = mr_kafka_admin_check(admin, topics, 2, &rt->topics_why);
    for (int i = 0; i < 2 && s == MR_OK; i++) {
        struct mr_kafka_topic_state state;
        s = mr_kafka_admin_describe(admin, names[i], &state, &rt->topics_why);
        rt->topic_lanes[i] = state.lanes;
        rt->message_bytes_max = state.message_bytes_max;
    }
    mr_kafka_admin_free(admin);
    rt->topics_status = s;
}

static void on_topics(void *data)
{
    struct runtime *rt = data;
    char text[256];
    rt->job_running = false;
    if (rt->phase != STARTING) {
        close_all(rt);
        return;
    }
    if (rt->topics_status == MR_BUSY || rt->topics_status == MR_LOST) {
        MR_LOG(rt->settings.log, WARN, "waiting for Kafka and its topics",
               mr_f_text("error", rt->topics_why.text));
        mr_timer_start(&rt->retry, RETRY_MS);
    } else if (rt->topics_status != MR_OK) {
        fatal(rt, rt->topics_why.text);
    } else if (rt->topic_lanes[0] != rt->lanes || rt->topic_lanes[1] != rt->lanes) {
        snprintf(text, sizeof text,
                 "the topics have %d and %d partitions, the database says %d lanes",
                 (int)rt->topic_lanes[0], (int)rt->topic_lanes[1], (int)rt->lanes);
        fatal(rt, text);
    } else if (rt->settings.event_bytes_max + EVENT_OVERHEAD_BYTES > rt->message_bytes_max) {
        snprintf(text, sizeof text,
                 "MILLRACE_EVENT_BYTES_MAX is %lld, but the events topic takes messages of %lld "
                 "bytes with all that is around an event (%d)",
                 (long long)rt->settings.event_bytes_max, (long long)rt->message_bytes_max,
                 EVENT_OVERHEAD_BYTES);
        fatal(rt, text);
    } else {
        run(rt);
    }
}

/* ---- starting: the database ---- */

static const struct mr_pg_stmt domain_lanes = {
    .sql = "SELECT lanes FROM millrace.domain WHERE name = $1::text",
    .nparams = 1,
};

static void start_topics(struct runtime *rt)
{
    rt->waits_for = "Kafka and its topics";
    rt->job_running = true;
    mr_job_start(&rt->job, rt->settings.loop, check_topics, on_topics, rt);
}

static void on_lanes(struct mr_pg_result *result, void *data)
{
    struct runtime *rt = data;
    rt->asking = false;
    if (rt->phase != STARTING)
        return;
    if (mr_pg_result_outcome(result) != MR_PG_OK || mr_pg_result_rows(result) == 0) {
        rt->waits_for = "the domain's lanes: run millracectl topics create";
        MR_LOG(rt->settings.log, WARN, "waiting for the domain's lanes in Postgres");
        mr_timer_start(&rt->retry, RETRY_MS);
        return;
    }
    rt->lanes = mr_pg_result_int4(result, 0, 0);
    start_topics(rt);
}

static void ask_lanes(struct runtime *rt)
{
    struct mr_arena arena;
    struct mr_pg_params p;
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&p, &arena);
    mr_pg_param_text(&p, mr_slice_text(rt->settings.domain->domain->name));
    rt->asking =
        mr_pg_query(runtime_store_conn(rt->store), &domain_lanes, &p, on_lanes, rt) == MR_OK;
    if (rt->asking)
        mr_pg_sync(runtime_store_conn(rt->store));
    else
        mr_timer_start(&rt->retry, RETRY_MS);
    mr_arena_free(&arena);
}

static void on_schema(enum mr_status status, const struct mr_error *why, void *data)
{
    struct runtime *rt = data;
    rt->asking = false;
    if (rt->phase != STARTING)
        return;
    if (status == MR_FATAL)
        fatal(rt, why->text);
    else if (status != MR_OK)
        mr_timer_start(&rt->retry, RETRY_MS);
    else
        ask_lanes(rt);
}

static void start_step(void *data)
{
    struct runtime *rt = data;
    if (rt->phase != STARTING || rt->asking || rt->job_running || !rt->store_up)
        return;
    if (rt->lanes > 0) {
        start_topics(rt);
        return;
    }
    rt->waits_for = "Postgres";
    rt->asking = mr_pg_schema_check(runtime_store_conn(rt->store), rt->settings.migrations,
                                    rt->settings.migration_count, on_schema, rt) == MR_OK;
    if (!rt->asking)
        mr_timer_start(&rt->retry, RETRY_MS);
}

static void on_connection(void *owner, bool up)
{
    struct runtime *rt = owner;
    rt->store_up = up;
    if (rt->engine)
        engine_on_connection(rt->engine, up);
    else if (up)
        start_step(rt);
}

/* ---- outside ---- */

static void on_log_fatal(void *owner, const char *why)
{
    fatal(owner, why);
}

/* A fact is stored in a table of its domain's, which the store must know how to look ids up in. */
static enum mr_status check_facts(const struct runtime_settings *settings, struct mr_error *why)
{
    const struct mr_catalog *c = settings->catalog;
    const char *domain = settings->domain->domain->name;
    for (size_t i = 0; i < c->command_count; i++)
        if (strcmp(c->commands[i].domain->name, domain) == 0 &&
            c->commands[i].record == MR_RECORD_NONE && !settings->domain->known_facts)
            return mr_fail(why, MR_INVALID,
                           "%s says \"record\": \"none\", but domain %s keeps no facts",
                           c->commands[i].file, domain);
    return MR_OK;
}

enum mr_status runtime_new(const struct runtime_settings *settings, struct runtime **out,
                           struct mr_error *why)
{
    enum mr_status s = check_facts(settings, why);
    if (s != MR_OK)
        return s;
    struct runtime *rt = calloc(1, sizeof *rt);
    if (!rt)
        abort();
    rt->settings = *settings;
    rt->waits_for = "Postgres";
    mr_timer_init(&rt->tick, settings->loop, on_tick, rt);
    mr_timer_init(&rt->retry, settings->loop, start_step, rt);
    struct runtime_log_settings log = {
        .loop = settings->loop,
        .log = settings->log,
        .conf = settings->kafka,
        .domain = settings->domain->domain->name,
        .has_ticks = settings->domain->domain->tick_interval_ms > 0,
        .group_instance_id = settings->group_instance_id,
        .session_timeout_ms = (uint32_t)settings->session_timeout_ms,
        .on_fatal = on_log_fatal,
        .owner = rt,
    };
    struct runtime_store_settings store = {
        .loop = settings->loop,
        .log = settings->log,
        .domain = settings->domain,
        .conninfo = settings->conninfo,
        .lane_lock_wait_ms = settings->lane_lock_wait_ms,
        .on_connection = on_connection,
        .owner = rt,
    };
    s = runtime_store_new(&store, &rt->store, why);
    if (s == MR_OK)
        s = runtime_log_new(&log, &rt->log, why);
    if (s == MR_OK) {
        *out = rt;
        return MR_OK;
    }
    if (rt->store)
        runtime_store_close(rt->store, NULL, NULL);
    free(rt);
    return s;
}

bool runtime_is_ready(const struct runtime *rt, struct mr_buf *detail)
{
    size_t assigned = 0;
    int32_t stopped = 0;
    bool spoken = rt->log && runtime_log_assigned(rt->log, &assigned);
    for (int32_t i = 0; rt->engine && i < rt->lanes; i++) {
        struct engine_lane_view v;
        engine_lane_look(rt->engine, i, &v);
        stopped += v.state == ENGINE_LANE_STOPPED_STATE;
    }
    const char *waits = rt->waits_for;
    if (!waits && !rt->store_up)
        waits = "Postgres";
    if (!waits && !spoken)
        waits = "the group's assignment";
    if (!waits && rt->phase != RUNNING)
        waits = "its end";
    mr_buf_printf(detail,
                  "{\"lanes\":%zu,\"stopped_lanes\":%d,\"standing_by\":%s,\"waits_for\":", assigned,
                  (int)stopped, !waits && assigned == 0 ? "true" : "false");
    if (waits)
        mr_buf_json_string(detail, mr_slice_text(waits));
    else
        mr_buf_text(detail, "null");
    mr_buf_char(detail, '}');
    return !waits;
}

void runtime_stop(struct runtime *rt, void (*on_stopped)(void *owner), void *owner)
{
    rt->on_stopped = on_stopped;
    rt->stopped_owner = owner;
    if (rt->phase == RUNNING) {
        rt->phase = STOPPING;
        rt->stop_ms = mr_loop_now_ms(rt->settings.loop);
        engine_stop(rt->engine);
    } else if (rt->phase == STARTING) {
        rt->phase = STOPPING;
        close_all(rt);
    }
}
