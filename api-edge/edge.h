/* What every part of the edge shares: one context, passed everywhere, owned by edge_main (or by a
 * test), and the bounds it works within. Everything belongs to the loop's thread. */
#ifndef EDGE_H
#define EDGE_H

#include "command_submit.h"
#include "mr_catalog.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include "mr_prng.h"
#include <stdbool.h>
#include <stdint.h>

struct edge_auth;
struct edge_ingest;
struct edge_metrics;
struct edge_reads;
struct edge_wait;
struct mr_pg_pool;
struct self_report;

#define EDGE_AUTH_DEADLINE_MS 1000 /* of the look-up of a key */
#define EDGE_READ_DEADLINE_MS 5000 /* of a read, a receipt, a round of the waiters */
#define EDGE_KEY_DEADLINE_MS  500  /* of the look-up of a settled Idempotency-Key */
#define EDGE_RETRY_AFTER      "1"  /* seconds, where the client may simply try again */

struct edge {
    struct mr_loop *loop;
    struct mr_log *log;
    struct mr_metrics *metrics;
    const struct mr_catalog *catalog;
    uint64_t body_bytes_max;    /* of one command, or one item of a batch */
    uint64_t bulk_bytes_max;    /* of a batch as a whole, decompressed */
    uint64_t decoded_bytes_max; /* of an OTLP or GELF request, decompressed */
    struct mr_prng prng;        /* of traces' ids, which are no secrets; seeded */

    struct command_submit *submit; /* NULL once it is closed: commands are then refused */
    struct mr_pg_pool *pool;       /* NULL: Postgres counts as away */
    struct mr_pg_pool *searches;   /* likewise, for reads that may take long */
    struct edge_auth *auth;
    struct edge_wait *wait;
    struct edge_reads *reads;
    struct edge_metrics *stats;
    struct edge_ingest *ingest;
    struct self_report *report; /* of requests, to the operator's account; NULL: off */

    int64_t waits_end_ms; /* no wait goes on beyond it, on the loop's clock: the process ends */
    uint32_t polling;     /* receipts that are waited for without a position */
    const char *delivery; /* the last report of the log, for /readyz; static text */

    struct mr_log_limit failed, refused; /* of log lines about answers, and about SQL */
};

#endif
