/* The listener, the connections' pool, and the drain. */
#include "mr_http_connection.h"

#include "mr_clock.h"
#include "mr_map.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG    1024
#define SPARES_MAX 1024                /* connections and arenas that are kept for later */
#define ARENA_KEEP ((size_t)64 * 1024) /* an arena that grew beyond is given back */

struct mr_http_server_options mr_http_server_options_default(void)
{
    return (struct mr_http_server_options){
        .limits = mr_http_limits_default(),
        .header_timeout_ms = 10000,
        .body_timeout_ms = 30000,
        .keep_alive_ms = 60000,
        .send_timeout_ms = 30000,
        .drain_ms = 8000,
        .drain_quiet_ms = 2000,
        .connections_max = 16384,
        .arena_bytes_max = (size_t)1 << 20,
        .unsent_bytes_max = (size_t)256 << 10,
    };
}

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static void metrics_register(struct mr_http_server *s, struct mr_metrics *m)
{
    static const char *const classes[] = {NULL, NULL, "2xx", "3xx", "4xx", "5xx"};
    s->connections =
        mr_metrics_gauge(m, "millrace_http_connections", "Open client connections", NULL);
    s->connections_total = mr_metrics_counter(m, "millrace_http_connections_total",
                                              "Client connections accepted", NULL);
    s->gone_total = mr_metrics_counter(m, "millrace_http_gone_total",
                                       "Clients gone before their answer was whole", NULL);
    s->refused_total =
        mr_metrics_counter(m, "millrace_http_refused_total",
                           "Requests refused by the parser, a bound or a deadline", NULL);
    for (int i = 2; i < 6; i++)
        s->answers_total[i] =
            mr_metrics_counter(m, "millrace_http_answers_total", "Answers by class of status",
                               MR_LABELS({"class", classes[i]}));
}

/* ---- the pool ---- */

struct mr_http_connection *mr_http_server_take(struct mr_http_server *server)
{
    struct mr_http_connection *c = server->spares;
    if (c) {
        LL_DELETE(server->spares, c);
        server->spare_count--;
    } else {
        c = must(malloc(sizeof *c));
    }
    *c = (struct mr_http_connection){.server = server};
    mr_buf_init(&c->out, 0);
    mr_buf_init(&c->flight, 0);
    DL_APPEND(server->all, c);
    server->count++;
    mr_timer_stop(&server->quiet_timer);
    if (server->connections) {
        mr_gauge_set(server->connections, server->count);
        mr_counter_add(server->connections_total, 1);
    }
    return c;
}

struct mr_http_memory *mr_http_server_take_memory(struct mr_http_server *server)
{
    struct mr_http_memory *m = server->spare_memory;
    if (m) {
        LL_DELETE(server->spare_memory, m);
        server->spare_memory_count--;
        return m;
    }
    m = must(calloc(1, sizeof *m));
    mr_arena_init(&m->arena, server->options.arena_bytes_max);
    return m;
}

void mr_http_server_give_memory(struct mr_http_server *server, struct mr_http_memory *memory)
{
    if (server->spare_memory_count == SPARES_MAX || memory->arena.used_bytes > ARENA_KEEP) {
        mr_arena_free(&memory->arena);
        free(memory);
        return;
    }
    mr_arena_reset(&memory->arena);
    LL_PREPEND(server->spare_memory, memory);
    server->spare_memory_count++;
}

static void end_if_empty(struct mr_http_server *server);
static void on_connection(uv_stream_t *listener, int status);

void mr_http_server_give(struct mr_http_connection *c)
{
    struct mr_http_server *server = c->server;
    DL_DELETE(server->all, c);
    server->count--;
    mr_http_parse_free(c->parse);
    mr_buf_free(&c->out);
    mr_buf_free(&c->flight);
    free(c->left);
    if (server->spare_count < SPARES_MAX) {
        LL_PREPEND(server->spares, c);
        server->spare_count++;
    } else {
        free(c);
    }
    if (server->connections)
        mr_gauge_set(server->connections, server->count);
    if (server->accept_waits && server->listening) {
        server->accept_waits = false;
        mr_http_connection_accept(server);
    }
    if (server->phase == MR_HTTP_DRAINING && server->count == 0)
        mr_timer_start(&server->quiet_timer, server->options.drain_quiet_ms);
    end_if_empty(server);
}

const char *mr_http_server_date(struct mr_http_server *server)
{
    int64_t now_ms = mr_loop_now_ms(server->loop);
    if (now_ms >= server->date_until_ms) {
        int64_t wall_ms = mr_clock_wall_ms();
        mr_http_date(wall_ms, server->date);
        server->date_until_ms = now_ms + 1000 - wall_ms % 1000;
    }
    return server->date;
}

/* ---- listening ---- */

static void on_connection(uv_stream_t *listener, int status)
{
    struct mr_http_server *server = listener->data;
    if (status < 0) { /* out of descriptors, mostly: the next one may fare better */
        if (server->options.log)
            MR_LOG_LIMITED(server->options.log, &server->accept_limit, ERROR,
                           "a connection cannot be accepted",
                           mr_f_text("why", uv_strerror(status)));
        return;
    }
    if (server->count >= server->options.connections_max) {
        /* libuv asks for no other until this one is accepted: the rest waits in the kernel. */
        server->accept_waits = true;
        if (server->idle)
            mr_http_connection_close(server->idle, false); /* the longest idle gives way */
        return;
    }
    mr_http_connection_accept(server);
}

static void drain_over(void *data);
static void close_all(void *data);

struct mr_http_server *mr_http_server_new(struct mr_loop *loop,
                                          const struct mr_http_server_options *options)
{
    struct mr_http_server *server = must(calloc(1, sizeof *server));
    assert(options->request);
    assert(options->connections_max > 0);
    server->options = *options;
    server->loop = loop;
    mr_buf_init(&server->scratch, 0);
    mr_timer_init(&server->drain_timer, loop, drain_over, server);
    mr_timer_init(&server->quiet_timer, loop, drain_over, server);
    mr_deferred_init(&server->close_all, loop, close_all, server);
    if (options->metrics)
        metrics_register(server, options->metrics);
    return server;
}

static int port_of(const uv_tcp_t *listener)
{
    struct sockaddr_storage any;
    int size = sizeof any;
    if (uv_tcp_getsockname(listener, (struct sockaddr *)&any, &size) != 0)
        return 0;
    uint16_t port = any.ss_family == AF_INET6
                        ? ((const struct sockaddr_in6 *)(const void *)&any)->sin6_port
                        : ((const struct sockaddr_in *)(const void *)&any)->sin_port;
    return ntohs(port);
}

enum mr_status mr_http_server_listen(struct mr_http_server *server, const char *address, int port,
                                     int *port_taken, struct mr_error *why)
{
    struct sockaddr_storage any = {0};
    assert(!server->listening);
    if (uv_ip4_addr(address, port, (struct sockaddr_in *)(void *)&any) != 0 &&
        uv_ip6_addr(address, port, (struct sockaddr_in6 *)(void *)&any) != 0)
        return mr_fail(why, MR_INVALID, "%s: is not an IPv4 or IPv6 address", address);
    uv_tcp_init(&server->loop->uv, &server->listener);
    server->listener.data = server;
    server->listening = true;
    int rc = uv_tcp_bind(&server->listener, (const struct sockaddr *)&any, 0);
    if (rc == 0) /* a bind's "in use" is told by listen */
        rc = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (rc != 0) /* the handle stays until close */
        return mr_fail(why, MR_FATAL, "%s port %d: cannot listen: %s", address, port,
                       uv_strerror(rc));
    if (port_taken)
        *port_taken = port_of(&server->listener);
    return MR_OK;
}

/* ---- the end ---- */

static void server_free(struct mr_http_server *server)
{
    struct mr_http_connection *c, *next;
    LL_FOREACH_SAFE(server->spares, c, next)
    free(c);
    struct mr_http_memory *m, *next_memory;
    LL_FOREACH_SAFE(server->spare_memory, m, next_memory)
    {
        mr_arena_free(&m->arena);
        free(m);
    }
    mr_buf_free(&server->scratch);
    free(server);
}

static void end_if_empty(struct mr_http_server *server)
{
    if (server->phase != MR_HTTP_ENDING || server->count > 0 || server->listening)
        return;
    mr_deferred_stop(&server->close_all);
    if (server->options.ended)
        server->options.ended(server->options.data);
    server_free(server);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct mr_http_server *server = handle->data;
    server->listening = false;
    end_if_empty(server);
}

/* No further connection; those between requests end, those within finish. */
static void drain_over(void *data)
{
    struct mr_http_server *server = data;
    server->phase = MR_HTTP_ENDING;
    mr_timer_stop(&server->drain_timer);
    mr_timer_stop(&server->quiet_timer);
    if (server->listening)
        uv_close((uv_handle_t *)&server->listener, on_listener_closed);
    while (server->idle)
        mr_http_connection_close(server->idle, false);
    if (!server->listening)
        mr_deferred_start(&server->close_all); /* ended() comes from the loop, not from here */
}

void mr_http_server_drain(struct mr_http_server *server)
{
    if (server->phase != MR_HTTP_ACCEPTING)
        return;
    server->phase = MR_HTTP_DRAINING;
    mr_timer_start(&server->drain_timer, server->options.drain_ms);
    if (server->count == 0)
        mr_timer_start(&server->quiet_timer, server->options.drain_quiet_ms);
}

bool mr_http_server_is_draining(const struct mr_http_server *server)
{
    return server->phase != MR_HTTP_ACCEPTING;
}

static void close_all(void *data)
{
    struct mr_http_server *server = data;
    struct mr_http_connection *c, *next;
    if (server->closing_all)
        DL_FOREACH_SAFE (server->all, c, next)
            mr_http_connection_break(c);
    end_if_empty(server);
}

void mr_http_server_close(struct mr_http_server *server)
{
    if (server->closing_all)
        return;
    server->closing_all = true;
    if (server->phase != MR_HTTP_ENDING)
        drain_over(server);
    mr_deferred_start(&server->close_all);
}

uint32_t mr_http_server_connections(const struct mr_http_server *server)
{
    return server->count;
}
