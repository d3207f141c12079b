/* STARTING, one step at a time: Postgres is new enough -> its lanes are read -> the warehouse is
 * new enough -> tables and views are made -> topics are as they must be -> RUNNING. An absent
 * server makes it wait at its step; a definite difference is fatal. RUNNING -stop-> STOPPING (the
 * engines flush and let go, within DRAIN_MS) -> CLOSING (topics, then sessions) -> gone. */
#include "loader.h"

#include "loader_report.h"
#include "loader_tables.h"
#include "loader_topic.h"
#include "mr_kafka_admin.h"
#include <stdio.h>
#include <stdlib.h>

#define TICK_MS          20
#define RETRY_MS         500
#define METRICS_EVERY_MS 1000
#define DRAIN_MS         6000 /* what is not flushed by then is read again by the next owner */

enum phase { STARTING, RUNNING, STOPPING, CLOSING };
enum step { PG_SCHEMA, LANES, WAREHOUSE_SCHEMA, TABLES, TOPICS };

/* A topic: of a domain's events, or of its commands where facts are among them. */
struct part {
    const struct mr_catalog_domain *domain;
    bool facts;
    int32_t lanes;       /* by Postgres; 0: not known yet */
    int32_t topic_lanes; /* the job's */
    struct loader_topic *topic;
};

struct loader {
    struct loader_settings settings;
    enum phase phase;
    enum step step; /* the one that is under way or tried again */
    struct loader_report *report;
    struct mr_pg_conn *warehouse; /* for the check at start */
    struct part *parts;
    size_t part_count;
    struct loader_tables tables;
    struct mr_timer tick, retry;
    bool pg_up, asking;
    int64_t metrics_ms, stop_by_ms;

    /* in the thread pool */
    struct mr_job job;
    bool job_running;
    enum mr_status job_status;
    struct mr_error job_why;

    int open; /* CLOSING: what is not closed yet */
    void (*on_stopped)(void *owner);
    void *stopped_owner;
};

static const char *const waits_for[] = {
    [PG_SCHEMA] = "Postgres",
    [LANES] = "the domains' lanes: run millracectl topics create",
    [WAREHOUSE_SCHEMA] = "the warehouse",
    [TABLES] = "the warehouse's tables",
    [TOPICS] = "Kafka and its topics",
};

static void fatal(struct loader *l, const char *why)
{
    l->settings.on_fatal(l->settings.owner, why);
}

static void start_step(void *data);
static void close_all(struct loader *l);

static void next_step(struct loader *l)
{
    l->step++;
    start_step(l);
}

static void again(struct loader *l, const char *why)
{
    MR_LOG(l->settings.log, WARN, "waiting at start", mr_f_text("for", waits_for[l->step]),
           mr_f_text("error", why));
    mr_timer_start(&l->retry, RETRY_MS);
}

/* ---- running ---- */

static void show(struct loader *l)
{
    size_t lanes = 0;
    for (size_t i = 0; i < l->part_count; i++) {
        loader_topic_copy_metrics(l->parts[i].topic);
        lanes += loader_topic_lanes(l->parts[i].topic);
    }
    l->settings.on_lanes(l->settings.owner, (int32_t)lanes);
}

static void on_tick(void *data)
{
    struct loader *l = data;
    int64_t now = mr_loop_now_ms(l->settings.loop);
    bool all_stopped = true;
    for (size_t i = 0; i < l->part_count; i++) {
        loader_topic_tick(l->parts[i].topic);
        all_stopped = all_stopped && loader_topic_is_stopped(l->parts[i].topic);
    }
    if (now - l->metrics_ms >= METRICS_EVERY_MS) {
        l->metrics_ms = now;
        show(l);
    }
    if (l->phase == STOPPING && (all_stopped || now >= l->stop_by_ms))
        close_all(l);
    else
        mr_timer_start(&l->tick, TICK_MS);
}

static void run(struct loader *l)
{
    struct mr_error why;
    l->phase = RUNNING;
    mr_pg_close(l->warehouse, NULL, NULL);
    l->warehouse = NULL;
    for (size_t i = 0; i < l->part_count; i++) {
        struct loader_topic_settings topic = {
            .all = &l->settings,
            .domain = l->parts[i].domain,
            .facts = l->parts[i].facts,
            .lanes = l->parts[i].lanes,
            .stopped = (const char *const *)l->tables.stopped,
            .report = l->report,
        };
        if (loader_topic_new(&topic, &l->parts[i].topic, &why) != MR_OK) {
            l->part_count = i + 1;
            fatal(l, why.text);
            return;
        }
        MR_LOG(l->settings.log, INFO, "loading",
               mr_f_text("topic", loader_topic_name(l->parts[i].domain, l->parts[i].facts)),
               mr_f_int("lanes", l->parts[i].lanes));
    }
    mr_timer_start(&l->tick, TICK_MS);
}

/* ---- starting: tables and topics, in the thread pool ---- */

static void make_tables(void *data)
{
    struct loader *l = data;
    l->job_status =
        loader_tables_make(l->settings.warehouse, l->settings.catalog, &l->tables, &l->job_why);
}

static enum mr_status check_topic(struct loader *l, struct mr_kafka_admin *admin, struct part *part)
{
    struct mr_kafka_topic_state state;
    const struct mr_kafka_topic want = {
        .name = loader_topic_name(part->domain, part->facts),
        .replicas = 1,
        .in_sync_min = 1,
        .retention_ms = part->facts ? MR_KAFKA_RETENTION_COMMANDS_MS : MR_KAFKA_RETENTION_EVENTS_MS,
        .message_bytes_max = MR_KAFKA_MESSAGE_BYTES_MAX,
    };
    enum mr_status s = mr_kafka_admin_check(admin, &want, 1, &l->job_why);
    if (s == MR_OK)
        s = mr_kafka_admin_describe(admin, want.name, &state, &l->job_why);
    if (s == MR_OK && state.lanes != part->lanes)
        s = mr_fail(&l->job_why, MR_INVALID, "%s has %d partitions, the database says %d lanes",
                    want.name, (int)state.lanes, (int)part->lanes);
    return s;
}

static void check_topics(void *data)
{
    struct loader *l = data;
    struct mr_kafka_admin *admin = NULL;
    l->job_status = mr_kafka_admin_new(l->settings.kafka, &admin, &l->job_why);
    for (size_t i = 0; i < l->part_count && l->job_status == MR_OK; i++)
        l->job_status = check_topic(l, admin, &l->parts[i]);
    mr_kafka_admin_free(admin);
}

static void tell_tables(struct loader *l)
{
    for (size_t i = 0; i < l->tables.table_count; i++)
        if (l->tables.stopped[i])
            MR_LOG(l->settings.log, ERROR, "table stopped, its events go to bad_rows",
                   mr_f_text("table", l->settings.catalog->tables[i].name),
                   mr_f_text("error", l->tables.stopped[i]));
    for (size_t i = 0; i < l->tables.domain_count; i++)
        if (l->tables.views_why[i])
            MR_LOG(l->settings.log, ERROR, "the domain's views could not be made",
                   mr_f_text("domain", l->settings.catalog->domains[i].name),
                   mr_f_text("error", l->tables.views_why[i]));
}

static void on_job(void *data)
{
    struct loader *l = data;
    l->job_running = false;
    if (l->phase != STARTING) {
        close_all(l);
    } else if (l->job_status == MR_BUSY || l->job_status == MR_LOST) {
        again(l, l->job_why.text);
    } else if (l->job_status != MR_OK) {
        fatal(l, l->job_why.text);
    } else if (l->step == TABLES) {
        tell_tables(l);
        next_step(l);
    } else {
        run(l);
    }
}

static void start_job(struct loader *l, void (*work)(void *data))
{
    l->job_running = true;
    mr_job_start(&l->job, l->settings.loop, work, on_job, l);
}

/* ---- starting: the databases ---- */

static const struct mr_pg_stmt select_lanes = {.sql = "SELECT name, lanes FROM millrace.domain"};

static void on_lanes(struct mr_pg_result *result, void *data)
{
    struct loader *l = data;
    struct mr_error why;
    l->asking = false;
    if (l->phase != STARTING)
        return;
    if (mr_pg_result_status(result, &why) != MR_OK) {
        again(l, why.text);
        return;
    }
    for (int r = 0; r < mr_pg_result_rows(result); r++)
        for (size_t i = 0; i < l->part_count; i++)
            if (mr_slice_is(mr_pg_result_text(result, r, 0), l->parts[i].domain->name))
                l->parts[i].lanes = mr_pg_result_int4(result, r, 1);
    for (size_t i = 0; i < l->part_count; i++)
        if (l->parts[i].lanes == 0) {
            again(l, l->parts[i].domain->name);
            return;
        }
    next_step(l);
}

static enum mr_status ask_lanes(struct loader *l)
{
    struct mr_pg_conn *conn = loader_report_conn(l->report);
    enum mr_status s = mr_pg_query(conn, &select_lanes, NULL, on_lanes, l);
    mr_pg_sync(conn);
    return s;
}

static void on_schema(enum mr_status status, const struct mr_error *why, void *data)
{
    struct loader *l = data;
    l->asking = false;
    if (l->phase != STARTING)
        return;
    if (status == MR_OK)
        next_step(l);
    else if (status == MR_FATAL)
        fatal(l, why->text);
    else
        again(l, why->text);
}

static void start_step(void *data)
{
    struct loader *l = data;
    enum mr_status s = MR_BUSY;
    if (l->phase != STARTING || l->asking || l->job_running)
        return;
    switch (l->step) {
    case PG_SCHEMA:
        s = mr_pg_schema_check(loader_report_conn(l->report), &l->settings.pg_migrations, 1,
                               on_schema, l);
        break;
    case LANES:
        s = ask_lanes(l);
        break;
    case WAREHOUSE_SCHEMA:
        s = mr_pg_schema_check(l->warehouse, &l->settings.warehouse_migrations, 1, on_schema, l);
        break;
    case TABLES:
        start_job(l, make_tables);
        return;
    case TOPICS:
        start_job(l, check_topics);
        return;
    }
    l->asking = s == MR_OK;
    if (!l->asking)
        mr_timer_start(&l->retry, RETRY_MS); /* on_down has said why */
}

static void on_report_connection(void *owner, bool up)
{
    struct loader *l = owner;
    l->pg_up = up;
    if (up)
        start_step(l);
}

static void on_warehouse_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend,
                            void *data)
{
    struct loader *l = data;
    (void)conn;
    (void)backend;
    start_step(l);
}

static void on_warehouse_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    struct loader *l = data;
    (void)conn;
    if (down->was_up || down->attempts == 1)
        MR_LOG(l->settings.log, WARN, "the warehouse is away", mr_f_text("error", down->why.text));
}

/* ---- closing ---- */

static void on_part_closed(void *owner)
{
    struct loader *l = owner;
    if (--l->open > 0)
        return;
    void (*on_stopped)(void *) = l->on_stopped;
    void *stopped_owner = l->stopped_owner;
    loader_tables_free(&l->tables);
    free(l->parts);
    free(l);
    if (on_stopped)
        on_stopped(stopped_owner);
}

/* The report goes last: it tells how far the last flush came. */
static void on_topic_closed(void *owner)
{
    struct loader *l = owner;
    if (--l->open > 0)
        return;
    l->open = l->warehouse ? 2 : 1;
    if (l->warehouse)
        mr_pg_close(l->warehouse, on_part_closed, l);
    loader_report_close(l->report, on_part_closed, l);
}

static void close_all(struct loader *l)
{
    if (l->phase == CLOSING || l->job_running)
        return; /* the job's end comes here again */
    l->phase = CLOSING;
    mr_timer_stop(&l->tick);
    mr_timer_stop(&l->retry);
    l->open = 1;
    for (size_t i = 0; i < l->part_count; i++)
        if (l->parts[i].topic) {
            l->open++;
            loader_topic_close(l->parts[i].topic, on_topic_closed, l);
        }
    on_topic_closed(l);
}

/* ---- outside ---- */

static bool has_facts(const struct mr_catalog_domain *domain)
{
    for (size_t i = 0; i < domain->command_count; i++)
        if (domain->commands[i].record == MR_RECORD_NONE && domain->commands[i].feed_count > 0)
            return true;
    return false;
}

static struct loader *make(const struct loader_settings *settings)
{
    struct loader *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->settings = *settings;
    l->parts = calloc(2 * settings->catalog->domain_count + 1, sizeof *l->parts);
    if (!l->parts)
        abort();
    for (size_t i = 0; i < settings->catalog->domain_count; i++) {
        const struct mr_catalog_domain *domain = &settings->catalog->domains[i];
        if (domain->event_count > 0)
            l->parts[l->part_count++].domain = domain;
        if (has_facts(domain))
            l->parts[l->part_count++] = (struct part){.domain = domain, .facts = true};
    }
    mr_timer_init(&l->tick, settings->loop, on_tick, l);
    mr_timer_init(&l->retry, settings->loop, start_step, l);
    return l;
}

enum mr_status loader_new(const struct loader_settings *settings, struct loader **out,
                          struct mr_error *why)
{
    struct loader *l = make(settings);
    struct loader_report_settings report = {
        .loop = settings->loop,
        .log = settings->log,
        .conninfo = settings->pg,
        .on_connection = on_report_connection,
        .owner = l,
    };
    struct mr_pg_options options = {.conninfo = settings->warehouse,
                                    .application_name = "millrace loader"};
    struct mr_pg_events events = {
        .on_up = on_warehouse_up, .on_down = on_warehouse_down, .data = l};
    enum mr_status s = mr_pg_open(&settings->loop->uv, &options, &events, &l->warehouse, why);
    if (s == MR_OK)
        s = loader_report_new(&report, &l->report, why);
    if (s == MR_OK) {
        *out = l;
        return MR_OK;
    }
    if (l->warehouse)
        mr_pg_close(l->warehouse, NULL, NULL);
    free(l->parts);
    free(l);
    return s;
}

bool loader_is_ready(const struct loader *l, struct mr_buf *detail)
{
    const char *waits = NULL;
    if (l->phase == STARTING)
        waits = waits_for[l->step];
    else if (l->phase != RUNNING)
        waits = "its end";
    else if (!l->pg_up)
        waits = "Postgres";
    mr_buf_printf(detail, "{\"stopped_tables\":%zu,\"topics\":[", l->tables.stopped_count);
    for (size_t i = 0; l->phase != STARTING && i < l->part_count; i++) {
        if (i > 0)
            mr_buf_char(detail, ',');
        const char *topic_waits = loader_topic_look(l->parts[i].topic, detail);
        waits = waits ? waits : topic_waits;
    }
    mr_buf_text(detail, "],\"waits_for\":");
    if (waits)
        mr_buf_json_string(detail, mr_slice_text(waits));
    else
        mr_buf_text(detail, "null");
    mr_buf_char(detail, '}');
    return !waits;
}

void loader_stop(struct loader *l, void (*on_stopped)(void *owner), void *owner)
{
    l->on_stopped = on_stopped;
    l->stopped_owner = owner;
    if (l->phase == RUNNING) {
        l->phase = STOPPING;
        l->stop_by_ms = mr_loop_now_ms(l->settings.loop) + DRAIN_MS;
        for (size_t i = 0; i < l->part_count; i++)
            if (l->parts[i].topic)
                loader_topic_stop(l->parts[i].topic);
        if (!mr_timer_is_set(&l->tick))
            mr_timer_start(&l->tick, TICK_MS);
    } else if (l->phase == STARTING) {
        l->phase = STOPPING;
        close_all(l);
    }
}
