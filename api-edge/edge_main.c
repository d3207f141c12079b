/* millrace-edge: settings, the parts in their order, readiness, and the end.
 *
 *   RUNNING --SIGTERM--> DRAINING --drain over, or quiet--> the server has ended --> parts close
 *      |                    | drain + 0.3 s: what is in flight is UNKNOWN after 1 s at most
 *      |                    | drain + 1.6 s: what is still open is broken off
 *      +--a check differs--> the server is closed at once; exit status 3 */
#include "edge.h"
#include "edge_auth.h"
#include "edge_keys.h"
#include "edge_metrics.h"
#include "edge_read.h"
#include "edge_route.h"
#include "edge_start.h"
#include "edge_wait.h"
#include "mr_admin.h"
#include "mr_config.h"
#include "mr_files.h"
#include "mr_http_server.h"
#include "mr_kafka_conf.h"
#include "mr_pg_pool.h"
#include "mr_signal.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ADMIN_PORT       9180
#define FLUSH_AFTER_MS   300  /* the drain, when commands in flight are given up */
#define FLUSH_MS         1000 /* for their reports */
#define BREAK_AFTER_MS   1600 /* the drain, when open connections are broken off */
#define STOPPED          3    /* exit status */
#define POOL_CONNECTIONS 4

struct program {
    const struct mr_config *config;
    struct mr_loop loop;
    struct mr_log log;
    struct mr_metrics *metrics;
    struct mr_signal signal;
    struct mr_catalog *catalog;
    struct mr_kafka_conf *kafka;
    struct edge edge;
    struct command_submit *submit; /* also while it closes */
    struct mr_pg_pool *pool;
    struct edge_start *start;
    struct mr_http_server *server;
    struct mr_admin *admin;
    struct mr_timer flush, break_off;
    bool is_draining, server_ended;
    int exit_status;
    struct mr_log_limit kafka_limit, pg_limit;
};

static void close_next(struct program *p);

/* ---- the end ---- */

static void on_submit_closed(void *data)
{
    struct program *p = data;
    p->submit = NULL;
    if (p->server_ended)
        close_next(p);
}

static void close_submit(void *data)
{
    struct program *p = data;
    if (!p->edge.submit)
        return; /* closing already */
    p->edge.submit = NULL;
    command_submit_close(p->submit, FLUSH_MS, on_submit_closed, p);
}

static void on_start_closed(void *data)
{
    struct program *p = data;
    p->start = NULL;
    close_next(p);
}

static void on_pool_closed(void *data)
{
    struct program *p = data;
    p->pool = NULL;
    close_next(p);
}

static void on_admin_closed(void *data)
{
    struct program *p = data;
    p->admin = NULL;
    close_next(p);
}

/* One part after the other, each when the one before it is gone from the loop. */
static void close_next(struct program *p)
{
    if (p->submit) {
        close_submit(p);
    } else if (p->start) {
        edge_start_close(p->start, on_start_closed, p);
    } else if (p->pool) {
        p->edge.pool = NULL;
        mr_pg_pool_close(p->pool, on_pool_closed, p);
    } else if (p->admin) {
        mr_admin_close(p->admin, on_admin_closed, p);
    } else {
        mr_signal_close(&p->signal);
        mr_loop_stop(&p->loop);
    }
}

static void on_server_ended(void *data)
{
    struct program *p = data;
    p->server = NULL;
    p->server_ended = true;
    mr_timer_stop(&p->flush);
    mr_timer_stop(&p->break_off);
    if (p->submit && !p->edge.submit)
        return; /* closing: it goes on from there */
    close_next(p);
}

static void break_off(void *data)
{
    struct program *p = data;
    MR_LOG(&p->log, WARN, "connections are broken off",
           mr_f_int("connections", mr_http_server_connections(p->server)));
    mr_http_server_close(p->server);
}

static void on_asked_to_end(void *data)
{
    struct program *p = data;
    int64_t drain_ms = mr_config_int(p->config, "DRAIN_MS");
    MR_LOG(&p->log, INFO, "draining", mr_f_int("drain_ms", drain_ms));
    p->is_draining = true;
    if (!p->server)
        return; /* ending already */
    edge_wait_end_by(p->edge.wait, drain_ms);
    mr_timer_start(&p->flush, drain_ms + FLUSH_AFTER_MS);
    mr_timer_start(&p->break_off, drain_ms + BREAK_AFTER_MS);
    mr_http_server_drain(p->server);
}

static void on_difference(const char *why, void *data)
{
    struct program *p = data;
    MR_LOG(&p->log, ERROR, "the edge cannot work here", mr_f_text("error", why));
    p->exit_status = STOPPED;
    p->is_draining = true;
    if (p->server)
        mr_http_server_close(p->server);
}

/* ---- what is told ---- */

static bool is_ready(struct mr_buf *detail, void *data)
{
    struct program *p = data;
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
    return !p->is_draining;
}

static void on_kafka_log(void *owner, int level, const char *facility, const char *text)
{
    struct program *p = owner;
    if (level <= 4)
        MR_LOG_LIMITED(&p->log, &p->kafka_limit, WARN, "kafka", mr_f_text("facility", facility),
                       mr_f_text("text", text));
    else
        MR_LOG(&p->log, DEBUG, "kafka", mr_f_text("facility", facility), mr_f_text("text", text));
}

static void on_kafka_state(void *owner, bool ready, const char *why)
{
    struct program *p = owner;
    if (ready)
        MR_LOG(&p->log, INFO, "the producer is ready again");
    else
        MR_LOG(&p->log, ERROR, "the producer failed and is made anew", mr_f_text("error", why));
}

static void on_pg_up(uint32_t up, void *data)
{
    struct program *p = data;
    MR_LOG(&p->log, INFO, "postgres is there", mr_f_int("connections", up));
}

static void on_pg_down(uint32_t up, const struct mr_pg_down *down, void *data)
{
    struct program *p = data;
    MR_LOG_LIMITED(&p->log, &p->pg_limit, WARN, "a connection to postgres is away",
                   mr_f_text("error", down->why.text), mr_f_int("connections", up));
}

/* ---- the beginning ---- */

static enum mr_status read_catalog(struct program *p, struct mr_error *why)
{
    struct mr_files files;
    const char *folder = mr_config_text(p->config, "SCHEMAS");
    enum mr_status s = mr_files_read(folder, "", &files, why);
    if (s != MR_OK)
        return s;
    struct mr_catalog_file *texts = calloc(files.count + 1, sizeof *texts);
    if (!texts)
        abort();
    for (size_t i = 0; i < files.count; i++)
        texts[i] = (struct mr_catalog_file){
            .path = files.files[i].path,
            .text = mr_slice(files.files[i].text, files.files[i].len),
        };
    s = mr_catalog_build(texts, files.count, &p->catalog, why);
    free(texts);
    mr_files_free(&files);
    return s;
}

static enum mr_status open_submit(struct program *p, struct mr_error *why)
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
        .message_timeout_ms = deadline_ms - deadline_ms / 6, /* so that the report comes first */
        .on_state = on_kafka_state,
        .owner = p,
    };
    p->submit = p->edge.submit = command_submit_new(&p->loop.uv, &settings);
    return command_submit_kafka(p->submit, &kafka, why);
}

static enum mr_status open_pool(struct program *p, struct mr_error *why)
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

static void on_request(struct mr_http_exchange *x, void *data)
{
    struct program *p = data;
    edge_route_request(x, &p->edge);
}

static enum mr_status open_server(struct program *p, struct mr_error *why)
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
    options.connections_max = (uint32_t)mr_config_int(c, "CONNECTIONS_MAX");
    options.arena_bytes_max += (size_t)mr_config_int(c, "BODY_BYTES_MAX");
    options.log = &p->log;
    options.metrics = p->metrics;
    options.request = on_request;
    options.ended = on_server_ended;
    options.data = p;
    p->server = mr_http_server_new(&p->loop, &options);
    enum mr_status s = mr_http_server_listen(p->server, mr_config_text(c, "EDGE_ADDRESS"),
                                             (int)mr_config_int(c, "EDGE_PORT"), &port, why);
    if (s == MR_OK)
        MR_LOG(&p->log, INFO, "listening", mr_f_text("address", mr_config_text(c, "EDGE_ADDRESS")),
               mr_f_int("port", port));
    return s;
}

static enum mr_status open_parts(struct program *p, struct mr_error *why)
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
                                     .ready = is_ready,
                                     .data = p};
    enum mr_status s = read_catalog(p, why);
    if (s != MR_OK)
        return s;
    edge->catalog = p->catalog;
    edge->stats = edge_metrics_new(edge);
    edge->wait = edge_wait_new(edge, 0);
    edge->auth = edge_auth_new(
        &(struct edge_auth_settings){.loop = &p->loop,
                                     .metrics = p->metrics,
                                     .store = edge_keys_store(edge),
                                     .key_cache_ms = mr_config_int(p->config, "KEY_CACHE_MS")});
    if ((s = edge_reads_new(p->catalog, &edge->reads, why)) != MR_OK ||
        (s = open_submit(p, why)) != MR_OK || (s = open_pool(p, why)) != MR_OK)
        return s;
    start.kafka = p->kafka;
    if ((s = edge_start_new(&start, &p->start, why)) != MR_OK ||
        (s = mr_admin_start(&p->loop, &admin, &p->admin, why)) != MR_OK)
        return s;
    return open_server(p, why);
}

static void run(struct program *p)
{
    struct mr_error why;
    mr_log_open_config(&p->log, "millrace-edge", p->config);
    p->metrics = mr_metrics_new();
    mr_metrics_process(p->metrics, "millrace-edge");
    mr_loop_init(&p->loop, p->metrics);
    mr_timer_init(&p->flush, &p->loop, close_submit, p);
    mr_timer_init(&p->break_off, &p->loop, break_off, p);
    mr_signal_start(&p->signal, &p->loop, on_asked_to_end, p);
    p->edge = (struct edge){
        .loop = &p->loop,
        .log = &p->log,
        .metrics = p->metrics,
        .body_bytes_max = (uint64_t)mr_config_int(p->config, "BODY_BYTES_MAX"),
        .waits_end_ms = INT64_MAX,
        .delivery = "none yet",
    };
    if (open_parts(p, &why) != MR_OK) {
        MR_LOG(&p->log, ERROR, "the edge cannot start", mr_f_text("error", why.text));
        p->exit_status = STOPPED;
        if (p->server)
            mr_http_server_close(p->server);
        else
            close_next(p);
    }
    mr_loop_run(&p->loop);
    mr_loop_close(&p->loop);
    MR_LOG(&p->log, INFO, "ended", mr_f_int("exit_status", p->exit_status));
}

static void release(struct program *p)
{
    edge_wait_free(p->edge.wait);
    edge_auth_free(p->edge.auth);
    edge_reads_free(p->edge.reads);
    edge_metrics_free(p->edge.stats);
    mr_kafka_conf_free(p->kafka);
    mr_catalog_free(p->catalog);
    mr_metrics_free(p->metrics);
}

int main(int argc, char **argv)
{
    static const struct mr_config_program about = {
        .name = "millrace-edge",
        .usage = "[flags]",
        .summary = "Takes commands over HTTP into the log, and serves receipts and reads.",
        .reader = MR_READER_EDGE,
        .admin_port = ADMIN_PORT,
    };
    static struct program program;
    int exit_status = 0;
    (void)argc;
    struct mr_config *config = mr_config_of_main(&about, argv, &exit_status);
    if (!config)
        return exit_status;
    if (mr_config_args(config) > 0) {
        fprintf(stderr, "millrace-edge: takes no argument %s; --help lists its flags\n",
                mr_config_arg(config, 0));
        mr_config_free(config);
        return 2;
    }
    if (sodium_init() < 0)
        abort();
    program.config = config;
    run(&program);
    release(&program);
    mr_config_free(config);
    return program.exit_status;
}
