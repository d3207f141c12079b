#include "edge_start.h"

#include "edge_read.h"
#include "millrace_migrations.h"
#include "mr_kafka_admin.h"
#include "mr_kafka_conf.h"
#include "mr_pg_conn.h"
#include "mr_pg_migrate.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_MS        1000
#define DESCRIBE_MS     3000
#define RECORD_OVERHEAD 8192 /* headers and framing beside the largest body */

static const struct mr_pg_migrations *const schema_sets[] = {&millrace_migrations};

struct edge_start {
    struct edge_start_settings set;
    int32_t *topic_lanes; /* by the catalogue's domain; 0: not known yet, or no commands */
    int32_t *row_lanes;   /* the same in millrace.domain */

    struct mr_job job; /* describes the topics */
    struct mr_timer retry_kafka;
    bool describing, kafka_done;
    enum mr_status described;
    struct mr_error described_why; /* written by the job, read when it has ended */

    struct mr_pg_conn *conn; /* NULL once it is done */
    struct mr_timer retry_pg;
    size_t probing; /* the resource whose probe is asked */
    bool pg_done, is_closing, told;
    char kafka_waits[sizeof(struct mr_error)], pg_waits[sizeof(struct mr_error)];
    struct mr_log_limit limit;
    void (*closed)(void *data);
    void *closed_data;
};

static void ask_schema(void *data);

/* ---- outcomes ---- */

static void differs(struct edge_start *s, const char *why)
{
    if (s->told || s->is_closing)
        return;
    s->told = true;
    s->set.differs(why, s->set.data);
}

static void waits(struct edge_start *s, char *slot, const char *why)
{
    snprintf(slot, sizeof(struct mr_error), "%s", why);
    MR_LOG_LIMITED(s->set.edge->log, &s->limit, WARN, "a check at start has to wait",
                   mr_f_text("error", why));
}

static void compare(struct edge_start *s)
{
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_error why;
    for (size_t i = 0; i < catalog->domain_count; i++)
        if (s->topic_lanes[i] && s->row_lanes[i] && s->topic_lanes[i] != s->row_lanes[i]) {
            (void)mr_fail(&why, MR_FATAL,
                          "%s has %d partitions, and millrace.domain says %d lanes of %s",
                          catalog->domains[i].commands_topic, (int)s->topic_lanes[i],
                          (int)s->row_lanes[i], catalog->domains[i].name);
            differs(s, why.text);
            return;
        }
    if (s->kafka_done && s->pg_done)
        MR_LOG(s->set.edge->log, INFO, "checked topics and database");
}

/* ---- Kafka ---- */

static enum mr_status describe(struct edge_start *s, struct mr_kafka_admin *admin,
                               const struct mr_catalog_domain *domain)
{
    struct mr_kafka_topic_state state;
    const struct mr_kafka_topic want = {
        .name = domain->commands_topic,
        .lanes = s->set.lanes,
        .replicas = 1,
        .in_sync_min = 1,
        .message_bytes_max = (int64_t)s->set.edge->body_bytes_max + RECORD_OVERHEAD,
    };
    enum mr_status status =
        mr_kafka_admin_describe(admin, domain->commands_topic, &state, &s->described_why);
    if (status != MR_OK)
        return status;
    if (!state.exists)
        return mr_fail(&s->described_why, MR_LOST,
                       "There is no topic %s: run millracectl topics create",
                       domain->commands_topic);
    s->topic_lanes[domain->index] = state.lanes;
    return mr_kafka_topic_check(&want, &state, &s->described_why);
}

/* On a thread of the pool. */
static void describe_all(void *data)
{
    struct edge_start *s = data;
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_kafka_admin *admin;
    s->described = mr_kafka_admin_new(s->set.kafka, &admin, &s->described_why);
    if (s->described != MR_OK)
        return;
    mr_kafka_admin_timeout(admin, DESCRIBE_MS);
    for (size_t i = 0; i < catalog->domain_count && s->described == MR_OK; i++)
        if (catalog->domains[i].command_count > 0)
            s->described = describe(s, admin, &catalog->domains[i]);
    mr_kafka_admin_free(admin);
}

static void end(struct edge_start *s);

static void on_described(void *data)
{
    struct edge_start *s = data;
    s->describing = false;
    if (s->is_closing) {
        end(s);
        return;
    }
    if (s->described == MR_OK) {
        s->kafka_done = true;
        compare(s);
    } else if (s->described == MR_INVALID) {
        differs(s, s->described_why.text);
    } else {
        waits(s, s->kafka_waits, s->described_why.text);
        mr_timer_start(&s->retry_kafka, RETRY_MS);
    }
}

static void begin_to_describe(void *data)
{
    struct edge_start *s = data;
    s->describing = true;
    mr_job_start(&s->job, s->set.edge->loop, describe_all, on_described, s);
}

/* ---- Postgres ---- */

static void on_pg_closed(void *data)
{
    struct edge_start *s = data;
    s->conn = NULL;
    if (s->is_closing)
        end(s);
    else
        compare(s);
}

static void retry_pg(struct edge_start *s, const char *why)
{
    waits(s, s->pg_waits, why);
    if (s->conn && !s->is_closing)
        mr_timer_start(&s->retry_pg, RETRY_MS);
}

static void ask_probe(struct edge_start *s);

static void on_probe(struct mr_pg_result *result, void *data)
{
    struct edge_start *s = data;
    const struct mr_catalog_resource *resource = &s->set.edge->catalog->resources[s->probing];
    struct mr_error why, text;
    enum mr_status status = mr_pg_result_status(result, &why);
    if (status == MR_OK) {
        s->probing++;
        ask_probe(s);
    } else if (status == MR_FATAL || status == MR_INVALID) {
        (void)mr_fail(&text, MR_FATAL, "%s: %s cannot be read: %s. Run millracectl migrate",
                      resource->file, resource->view ? resource->view : resource->function,
                      why.text);
        differs(s, text.text);
    } else {
        retry_pg(s, why.text);
    }
}

static void ask_probe(struct edge_start *s)
{
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_arena arena;
    struct mr_pg_params params;
    static const struct mr_uuid nobody;
    if (s->probing == catalog->resource_count) {
        s->pg_done = true;
        mr_pg_close(s->conn, on_pg_closed, s);
        return;
    }
    const struct edge_sql *sql =
        edge_reads_sql(s->set.edge->reads, &catalog->resources[s->probing]);
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&params, &arena);
    mr_pg_param_uuid(&params, &nobody);
    if (mr_pg_query(s->conn, &sql->probe, &params, on_probe, s) == MR_OK)
        mr_pg_sync(s->conn);
    else
        retry_pg(s, "Postgres went away");
    mr_arena_free(&arena);
}

static const struct mr_pg_stmt select_domains = {
    .sql = "SELECT name, lanes FROM millrace.domain",
};

static void on_domains(struct mr_pg_result *result, void *data)
{
    struct edge_start *s = data;
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_error why;
    if (mr_pg_result_status(result, &why) != MR_OK) {
        retry_pg(s, why.text);
        return;
    }
    for (int row = 0; row < mr_pg_result_rows(result); row++) {
        const struct mr_catalog_domain *domain =
            mr_catalog_domain_of(catalog, mr_pg_result_text(result, row, 0).data);
        if (domain)
            s->row_lanes[domain->index] = mr_pg_result_int4(result, row, 1);
    }
    for (size_t i = 0; i < catalog->domain_count; i++)
        if (catalog->domains[i].command_count > 0 && s->row_lanes[i] == 0) {
            (void)mr_fail(&why, MR_BUSY,
                          "millrace.domain does not know %s: run millracectl topics create",
                          catalog->domains[i].name);
            retry_pg(s, why.text);
            return;
        } else if (s->set.lanes && s->row_lanes[i] && s->row_lanes[i] != s->set.lanes) {
            (void)mr_fail(&why, MR_FATAL,
                          "MILLRACE_LANES is %d, and millrace.domain says %d lanes of %s",
                          (int)s->set.lanes, (int)s->row_lanes[i], catalog->domains[i].name);
            differs(s, why.text);
            return;
        }
    s->probing = 0;
    ask_probe(s);
}

static void on_schema(enum mr_status status, const struct mr_error *why, void *data)
{
    struct edge_start *s = data;
    if (status == MR_FATAL) {
        differs(s, why->text);
    } else if (status != MR_OK) {
        retry_pg(s, why->text);
    } else if (mr_pg_query(s->conn, &select_domains, NULL, on_domains, s) == MR_OK) {
        mr_pg_sync(s->conn);
    } else {
        retry_pg(s, "Postgres went away");
    }
}

static void ask_schema(void *data)
{
    struct edge_start *s = data;
    if (mr_pg_schema_check(s->conn, schema_sets, sizeof schema_sets / sizeof *schema_sets,
                           on_schema, s) != MR_OK)
        retry_pg(s, "Postgres is away");
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct edge_start *s = data;
    (void)conn;
    (void)backend;
    mr_timer_start(&s->retry_pg, 0);
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    struct edge_start *s = data;
    (void)conn;
    mr_timer_stop(&s->retry_pg); /* on_up asks again */
    waits(s, s->pg_waits, down->why.text);
}

/* ---- life ---- */

enum mr_status edge_start_new(const struct edge_start_settings *settings, struct edge_start **out,
                              struct mr_error *why)
{
    struct edge_start *s = calloc(1, sizeof *s);
    size_t domains = settings->edge->catalog->domain_count + 1;
    if (!s || !(s->topic_lanes = calloc(domains, sizeof *s->topic_lanes)) ||
        !(s->row_lanes = calloc(domains, sizeof *s->row_lanes)))
        abort();
    s->set = *settings;
    snprintf(s->kafka_waits, sizeof s->kafka_waits, "Kafka has not answered yet");
    snprintf(s->pg_waits, sizeof s->pg_waits, "Postgres has not answered yet");
    mr_timer_init(&s->retry_kafka, settings->edge->loop, begin_to_describe, s);
    mr_timer_init(&s->retry_pg, settings->edge->loop, ask_schema, s);
    struct mr_pg_options options = {.conninfo = settings->pg,
                                    .application_name = "millrace-edge start",
                                    .statement_timeout_ms = EDGE_READ_DEADLINE_MS};
    struct mr_pg_events events = {.on_up = on_up, .on_down = on_down, .data = s};
    enum mr_status status = mr_pg_open(&settings->edge->loop->uv, &options, &events, &s->conn, why);
    if (status != MR_OK) {
        free(s->topic_lanes);
        free(s->row_lanes);
        free(s);
        return status;
    }
    begin_to_describe(s);
    *out = s;
    return MR_OK;
}

void edge_start_detail(const struct edge_start *s, struct mr_buf *out)
{
    bool is_done = s->kafka_done && s->pg_done;
    mr_buf_text(out, "\"checks\":");
    mr_buf_json_string(out, mr_slice_text(is_done          ? "done"
                                          : !s->kafka_done ? s->kafka_waits
                                                           : s->pg_waits));
}

static void end(struct edge_start *s)
{
    if (s->describing || s->conn)
        return;
    void (*closed)(void *data) = s->closed;
    void *data = s->closed_data;
    free(s->topic_lanes);
    free(s->row_lanes);
    free(s);
    closed(data);
}

void edge_start_close(struct edge_start *s, void (*closed)(void *data), void *data)
{
    s->is_closing = true;
    s->closed = closed;
    s->closed_data = data;
    mr_timer_stop(&s->retry_kafka);
    mr_timer_stop(&s->retry_pg);
    if (s->conn && !s->pg_done)
        mr_pg_close(s->conn, on_pg_closed, s);
    end(s);
}
