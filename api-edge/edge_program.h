/* The program around the edge: its parts, how they begin, and how they end.
 *
 *   RUNNING --SIGTERM--> DRAINING --drain over, or quiet--> the server has ended --> parts close
 *      |                    | drain + 0.3 s: what is in flight is UNKNOWN after 1 s at most
 *      |                    | drain + 1.6 s: what is still open is broken off
 *      +--a check differs--> the server is closed at once; exit status 3 */
#ifndef EDGE_PROGRAM_H
#define EDGE_PROGRAM_H

#include "edge.h"
#include "mr_admin.h"
#include "mr_config.h"
#include "mr_http_server.h"
#include "mr_kafka_conf.h"
#include "mr_pg_pool.h"
#include "mr_signal.h"

struct edge_start;

struct edge_program {
    const struct mr_config *config;
    struct mr_loop loop;
    struct mr_log log;
    struct mr_metrics *metrics;
    struct mr_signal signal;
    struct mr_catalog *catalog;
    struct mr_kafka_conf *kafka;
    struct edge edge;
    struct mr_pg_pool *pool, *searches; /* those of edge, until they are closed */
    struct edge_start *start;
    struct mr_http_server *server;
    struct mr_admin *admin;
    struct mr_timer flush, break_off;
    bool is_draining, submit_closes, server_ended;
    int64_t opened_ms; /* the loop's clock */
    bool pg_tried;     /* the first connection to Postgres is there, or was refused */
    int exit_status;
    struct mr_log_limit kafka_limit, pg_limit;
};

/* Opens every part in its order; config, loop, log and metrics are there. Otherwise why says what
 * is wrong (MR_INVALID: a setting or a schema), and edge_program_end ends what was opened. */
MR_MUST_CHECK enum mr_status edge_program_open(struct edge_program *p, struct mr_error *why);
/* Appends the detail of /readyz; true once started and unless it drains. data is the program. */
bool edge_program_is_ready(struct mr_buf *detail, void *data);

/* The signal's: drains, then ends. data is the program. */
void edge_program_drain(void *data);
/* Ends without draining: what is open is broken off. */
void edge_program_end(struct edge_program *p);
/* The server's ended: the other parts close one after the other, then the loop stops. */
void edge_program_server_ended(void *data);
/* Binds the timers of the end. */
void edge_program_init_end(struct edge_program *p);

#endif
