/* What the parts of the checks at start share; for edge_start*.c alone. */
#ifndef EDGE_START_OWN_H
#define EDGE_START_OWN_H

#include "edge_start.h"
#include "mr_pg_conn.h"

#define EDGE_START_RETRY_MS 1000

struct edge_start {
    struct edge_start_settings set;
    int32_t *topic_lanes; /* by the catalogue's domain; 0: not known yet, or no commands */
    int32_t *row_lanes;   /* the same in millrace.domain */

    struct mr_job job; /* describes the topics */
    struct mr_timer retry_kafka;
    bool describing, kafka_done;
    enum mr_status described;
    int32_t *described_lanes; /* by domain; this and why are the job's until it has ended */
    struct mr_error described_why;

    struct mr_pg_conn *conn; /* NULL once it is done */
    struct mr_timer retry_pg;
    size_t probing; /* the resource whose probe is asked */
    bool pg_done, is_closing, told;
    char kafka_waits[sizeof(struct mr_error)], pg_waits[sizeof(struct mr_error)];
    struct mr_log_limit limit;
    void (*closed)(void *data);
    void *closed_data;
};

/* A definite difference; told once, and not any more while closing. */
void edge_start_differs(struct edge_start *s, const char *why);
/* A check has to wait; slot is kafka_waits or pg_waits. */
void edge_start_waits(struct edge_start *s, char *slot, const char *why);
/* What both sides know of lanes by now. */
void edge_start_compare(struct edge_start *s);
/* Closing goes on: something of it has left the loop. */
void edge_start_end(struct edge_start *s);

/* ---- edge_start_topics.c: Kafka's side ---- */
void edge_start_topics(void *start);

/* ---- edge_start_tables.c: Postgres' side; pg is a libpq connection string ---- */
MR_MUST_CHECK enum mr_status edge_start_tables(struct edge_start *s, const char *pg,
                                               struct mr_error *why);
void edge_start_tables_close(struct edge_start *s);

#endif
