/* The end of the program, as edge_program.h draws it. */
#include "edge_program.h"
#include "edge_start.h"
#include "edge_wait.h"
#include "self_report.h"

#define FLUSH_AFTER_MS 300  /* the drain, when commands in flight are given up */
#define FLUSH_MS       1000 /* for their reports */
#define BREAK_AFTER_MS 1600 /* the drain, when open connections are broken off */

static void close_next(struct edge_program *p);

static void on_submit_closed(void *data)
{
    struct edge_program *p = data;
    p->edge.submit = NULL;
    if (p->server_ended)
        close_next(p);
}

/* It refuses what is new from here on. What is in flight still belongs to requests, whose clients
 * may leave meanwhile and cancel: so the edge has it until it is closed. */
static void close_submit(void *data)
{
    struct edge_program *p = data;
    if (p->submit_closes || !p->edge.submit)
        return;
    p->submit_closes = true;
    command_submit_close(p->edge.submit, FLUSH_MS, on_submit_closed, p);
}

static void on_start_closed(void *data)
{
    struct edge_program *p = data;
    p->start = NULL;
    close_next(p);
}

static void on_report_closed(void *data)
{
    close_next(data);
}

static void close_report(struct edge_program *p)
{
    struct self_report *report = p->edge.report;
    p->edge.report = NULL;
    self_report_close(report, FLUSH_MS, on_report_closed, p);
}

static void on_pool_closed(void *data)
{
    struct edge_program *p = data;
    p->pool = NULL;
    close_next(p);
}

static void on_searches_closed(void *data)
{
    struct edge_program *p = data;
    p->searches = NULL;
    close_next(p);
}

static void on_admin_closed(void *data)
{
    struct edge_program *p = data;
    p->admin = NULL;
    close_next(p);
}

/* One part after the other, each when the one before it is gone from the loop. */
static void close_next(struct edge_program *p)
{
    if (p->edge.submit) {
        close_submit(p); /* or it closes already, and goes on from there */
    } else if (p->edge.report) {
        close_report(p);
    } else if (p->start) {
        edge_start_close(p->start, on_start_closed, p);
    } else if (p->pool) {
        p->edge.pool = NULL;
        mr_pg_pool_close(p->pool, on_pool_closed, p);
    } else if (p->searches) {
        p->edge.searches = NULL;
        mr_pg_pool_close(p->searches, on_searches_closed, p);
    } else if (p->admin) {
        mr_admin_close(p->admin, on_admin_closed, p);
    } else {
        mr_signal_close(&p->signal);
        mr_loop_stop(&p->loop);
    }
}

void edge_program_server_ended(void *data)
{
    struct edge_program *p = data;
    p->server = NULL;
    p->server_ended = true;
    mr_timer_stop(&p->flush);
    mr_timer_stop(&p->break_off);
    close_next(p);
}

static void break_off(void *data)
{
    struct edge_program *p = data;
    MR_LOG(&p->log, WARN, "connections are broken off",
           mr_f_int("connections", mr_http_server_connections(p->server)));
    mr_http_server_close(p->server);
}

void edge_program_drain(void *data)
{
    struct edge_program *p = data;
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

void edge_program_end(struct edge_program *p)
{
    p->is_draining = true;
    if (p->server) {
        mr_http_server_close(p->server);
    } else if (!p->server_ended) { /* there never was one */
        p->server_ended = true;
        close_next(p);
    }
}

void edge_program_init_end(struct edge_program *p)
{
    mr_timer_init(&p->flush, &p->loop, close_submit, p);
    mr_timer_init(&p->break_off, &p->loop, break_off, p);
}
