/* The parts of the program in their order, and what they tell. */
#include "edge_auth.h"
#include "edge_ingest.h"
#include "edge_keys.h"
#include "edge_metrics.h"
#include "edge_program.h"
#include "edge_read.h"
#include "edge_route.h"
#include "edge_start.h"
#include "edge_wait.h"
#include "mr_catalog_folder.h"
#include "mr_descriptors.h"
#include "mr_files.h"
#include "self_report.h"

#define STOPPED            3 /* exit status */
#define POOL_CONNECTIONS   4
#define SEARCH_CONNECTIONS 6
#define HELD_BODIES        16   /* collected as a whole at a time, each as long as may be */
#define OTHER_DESCRIPTORS  128  /* of Kafka, Postgres, the log and the loop */
#define READY_AFTER_MS     2000 /* without a word from Postgres */

/* ---- what is told ---- */

/* Until Postgres was reached, or was tried in vain, keys are not known: a proxy that sends clients
 * before that has them refused. */
static bool has_started(const struct edge_program *p)
{
    return p->pg_tried || mr_loop_now_ms(&p->loop) - p->opened_ms >= READY_AFTER_MS;
}

bool edge_program_is_ready(struct mr_buf *detail, void *data)
{
    struct edge_program *p = data;
    const struct edge *edge = &p->edge;
    mr_buf_printf(detail, "{\"draining\":%s,\"kafka\":{\"producer\":\"%s\",\"last_delivery\":",
                  p->is_draining ? "true" : "false",
                  edge->submit && command_submit_is_ready(edge->submit) ? "ready" : "away");
    mr_buf_json_string(detail, mr_slice_text(edge->delivery));
    mr_buf_printf(detail, "},\"postgres\":{\"connections\":%u},",
                  edge->pool ? mr_pg_pool_up(edge->pool) : 0);
    if (p->start)
        edge_start_detail(p->start, detail);
    else
        mr_buf_text(detail, "\"checks\":\"stopped\"");
    mr_buf_char(detail, '}');
    return !p->is_draining && has_started(p);
}

static void on_kafka_log(void *owner, int level, const char *facility, const char *text)
{
    struct edge_program *p = owner;
    if (level <= 4)
        MR_LOG_LIMITED(&p->log, &p->kafka_limit, WARN, "kafka", mr_f_text("facility", facility),
                       mr_f_text("text", text));
    else
        MR_LOG(&p->log, DEBUG, "kafka", mr_f_text("facility", facility), mr_f_text("text", text));
}

static void on_kafka_state(void *owner, bool ready, const char *why)
{
    struct edge_program *p = owner;
    if (ready)
        MR_LOG(&p->log, INFO, "the producer is ready again");
    else
        MR_LOG(&p->log, ERROR, "the producer failed and is made anew", mr_f_text("error", why));
}

static void on_pg_up(uint32_t up, void *data)
{
    struct edge_program *p = data;
    p->pg_tried = true;
    MR_LOG(&p->log, INFO, "postgres is there", mr_f_int("connections", up));
}

static void on_pg_down(uint32_t up, const struct mr_pg_down *down, void *data)
{
    struct edge_program *p = data;
    p->pg_tried = true;
    MR_LOG_LIMITED(&p->log, &p->pg_limit, WARN, "a connection to postgres is away",
                   mr_f_text("error", down->why.text), mr_f_int("connections", up));
}

static void on_difference(const char *why, void *data)
{
    struct edge_program *p = data;
    MR_LOG(&p->log, ERROR, "the edge cannot work here", mr_f_text("error", why));
    p->exit_status = STOPPED;
    edge_program_end(p);
}

/* ---- the parts ---- */

static enum mr_status open_submit(struct edge_program *p, struct mr_error *why)
{
    uint32_t deadline_ms = (uint32_t)mr_config_int(p->config, "DELIVERY_TIMEOUT_MS");
    struct mr_kafka_conf_settings conf = {
        .brokers = mr_config_text(p->config, "KAFKA_BROKERS"),
        .properties_file = mr_config_text(p->config, "KAFKA_PROPERTIES"),
        .client_id = "millrace-edge",
        .on_log = on_kafka_log,
        .owner = p,
    };
    enum mr_status s = mr_kafka_conf_new(&conf, &p->kafka, why);
    if (s != MR_OK)
        return s;
    struct command_submit_settings settings = {
        .in_flight_max = (uint32_t)mr_config_int(p->config, "IN_FLIGHT_MAX"),
        .deadline_ms = deadline_ms,
    };
    struct command_kafka_settings kafka = {
        .conf = p->kafka,
        .message_timeout_ms = deadline_ms - deadline_ms / 4, /* librdkafka looks once a second:
                                                                the report comes first */
        .on_state = on_kafka_state,
        .owner = p,
    };
    p->edge.submit = command_submit_new(&p->loop.uv, &settings);
    return command_submit_kafka(p->edge.submit, &kafka, why);
}

static enum mr_status open_pool(struct edge_program *p, struct mr_error *why)
{
    struct mr_pg_pool_options options = {
        .conn = {.conninfo = mr_config_text(p->config, "PG"),
                 .application_name = "millrace-edge",
                 .statement_timeout_ms = EDGE_READ_DEADLINE_MS},
        .connections = POOL_CONNECTIONS,
    };
    struct mr_pg_pool_events events = {.on_up = on_pg_up, .on_down = on_pg_down, .data = p};
    enum mr_status s = mr_pg_pool_open(&p->loop.uv, &options, &events, &p->pool, why);
    p->edge.pool = p->pool;
    return s;
}

/* A search that is over its deadline still keeps its connection until the server has ended it, so
 * only one waits behind another; more are refused at once. */
static enum mr_status open_searches(struct edge_program *p, struct mr_error *why)
{
    struct mr_pg_pool_options options = {
        .conn = {.conninfo = mr_config_text(p->config, "PG"),
                 .application_name = "millrace-edge-search",
                 .statement_timeout_ms = EDGE_READ_DEADLINE_MS,
                 .queue_statements_max = 2},
        .connections = SEARCH_CONNECTIONS,
    };
    enum mr_status s = mr_pg_pool_open(&p->loop.uv, &options, NULL, &p->searches, why);
    p->edge.searches = p->searches;
    return s;
}

/* The operator's rules are read before anything is opened: a slip in them ends the program. */
static enum mr_status open_ingest(struct edge_program *p, struct mr_error *why)
{
    const char *path = mr_config_text(p->config, "INGEST_RULES");
    struct edge_ingest_settings settings = {.catalog = p->catalog,
                                            .metrics = p->metrics,
                                            .rules_name = path,
                                            .item_bytes_max = (size_t)p->edge.body_bytes_max,
                                            .held_bytes_max =
                                                HELD_BODIES * p->edge.decoded_bytes_max};
    struct mr_buf rules;
    enum mr_status s = MR_OK;
    mr_buf_init(&rules, 0);
    if (path)
        s = mr_file_read(path, MR_INGEST_RULES_BYTES_MAX, &rules, why);
    if (path && s == MR_OK)
        settings.rules = mr_buf_all(&rules);
    if (s == MR_OK)
        s = edge_ingest_new(&settings, &p->edge.ingest, why);
    mr_buf_free(&rules);
    return s;
}

/* Beyond what may be open, clients would be turned away rather than wait in the listener's queue.
 */
static uint32_t connections_max(struct edge_program *p)
{
    int64_t want = mr_config_int(p->config, "CONNECTIONS_MAX");
    int64_t room = (int64_t)mr_descriptors_raise((uint64_t)want + OTHER_DESCRIPTORS);
    if (room >= want + OTHER_DESCRIPTORS)
        return (uint32_t)want;
    int64_t fit = room > 2 * OTHER_DESCRIPTORS ? room - OTHER_DESCRIPTORS : OTHER_DESCRIPTORS;
    MR_LOG(&p->log, WARN, "fewer connections fit than MILLRACE_CONNECTIONS_MAX: raise ulimit -n",
           mr_f_int("connections", fit), mr_f_int("descriptors", room));
    return (uint32_t)(fit < want ? fit : want);
}

static void on_request(struct mr_http_exchange *x, void *data)
{
    struct edge_program *p = data;
    edge_route_request(x, &p->edge);
}

static enum mr_status open_server(struct edge_program *p, struct mr_error *why)
{
    struct mr_http_server_options options = mr_http_server_options_default();
    const struct mr_config *c = p->config;
    int port;
    options.limits.line_bytes_max = (uint32_t)mr_config_int(c, "LINE_BYTES_MAX");
    options.limits.fields_max = (uint32_t)mr_config_int(c, "FIELDS_MAX");
    options.limits.fields_bytes_max = (uint32_t)mr_config_int(c, "FIELDS_BYTES_MAX");
    options.limits.body_bytes_max = (uint64_t)mr_config_int(c, "BODY_BYTES_MAX");
    options.header_timeout_ms = mr_config_int(c, "HEADER_TIMEOUT_MS");
    options.body_timeout_ms = mr_config_int(c, "BODY_TIMEOUT_MS");
    options.keep_alive_ms = mr_config_int(c, "KEEP_ALIVE_MS");
    options.drain_ms = mr_config_int(c, "DRAIN_MS");
    options.connections_max = connections_max(p);
    /* A collected body doubles its memory as it grows, and an arena gives none back. */
    options.arena_bytes_max += 2 * (size_t)mr_config_int(c, "BODY_BYTES_MAX");
    options.log = &p->log;
    options.metrics = p->metrics;
    options.request = on_request;
    options.ended = edge_program_server_ended;
    options.data = p;
    p->server = mr_http_server_new(&p->loop, &options);
    enum mr_status s = mr_http_server_listen(p->server, mr_config_text(c, "EDGE_ADDRESS"),
                                             (int)mr_config_int(c, "EDGE_PORT"), &port, why);
    if (s == MR_OK)
        MR_LOG(&p->log, INFO, "listening", mr_f_text("address", mr_config_text(c, "EDGE_ADDRESS")),
               mr_f_int("port", port));
    return s;
}

enum mr_status edge_program_open(struct edge_program *p, struct mr_error *why)
{
    struct edge *edge = &p->edge;
    struct edge_start_settings start = {.edge = edge,
                                        .pg = mr_config_text(p->config, "PG"),
                                        .lanes = (int32_t)mr_config_int_or(p->config, "LANES", 0),
                                        .differs = on_difference,
                                        .data = p};
    struct mr_admin_options admin = {.address = mr_config_text(p->config, "ADMIN_ADDRESS"),
                                     .port = (int)mr_config_int(p->config, "ADMIN_PORT"),
                                     .log = &p->log,
                                     .metrics = p->metrics,
                                     .ready = edge_program_is_ready,
                                     .data = p};
    enum mr_status s =
        mr_catalog_folder_read(mr_config_text(p->config, "SCHEMAS"), &p->catalog, why);
    if (s != MR_OK)
        return s;
    edge->catalog = p->catalog;
    p->opened_ms = mr_loop_now_ms(&p->loop);
    edge->stats = edge_metrics_new(edge);
    edge->wait = edge_wait_new(edge, 0);
    edge->auth = edge_auth_new(
        &(struct edge_auth_settings){.loop = &p->loop,
                                     .metrics = p->metrics,
                                     .store = edge_keys_store(edge),
                                     .key_cache_ms = mr_config_int(p->config, "KEY_CACHE_MS")});
    if ((s = open_ingest(p, why)) != MR_OK ||
        (s = edge_reads_new(p->catalog, &edge->reads, why)) != MR_OK ||
        (s = open_submit(p, why)) != MR_OK || (s = open_pool(p, why)) != MR_OK ||
        (s = open_searches(p, why)) != MR_OK)
        return s;
    edge->report = self_report_new(&(struct self_report_settings){
        .loop = &p->loop,
        .log = &p->log,
        .catalog = p->catalog,
        .kafka = p->kafka,
        .account = mr_config_text(p->config, "OPERATOR_ACCOUNT"),
        .program = "millrace-edge",
        .interval_ms = mr_config_int(p->config, "SAMPLES_MS"),
    });
    start.kafka = p->kafka;
    if ((s = edge_start_new(&start, &p->start, why)) != MR_OK ||
        (s = mr_admin_start(&p->loop, &admin, &p->admin, why)) != MR_OK)
        return s;
    return open_server(p, why);
}
