/* What the edge checks when it starts, while it already serves: the topics, whose lanes must be
 * MILLRACE_LANES where that is set and what Postgres has for the domain; the database's schema; the
 * views and functions that resources are read from.
 *
 *     Kafka:    ASKING (in the thread pool) --described--> DONE       a server that is away, or a
 *     Postgres: CONNECTING --up--> ASKING --all is there--> DONE      thing that is not there yet,
 *                                                                     is asked for again
 *
 * A definite difference is told once, and ends the program. */
#ifndef EDGE_START_H
#define EDGE_START_H

#include "edge.h"
#include "mr_buf.h"

struct edge_start;
struct mr_kafka_conf;

struct edge_start_settings {
    struct edge *edge;
    const struct mr_kafka_conf *kafka; /* borrowed until closed */
    const char *pg;                    /* libpq connection string; borrowed during the call */
    int32_t lanes;                     /* MILLRACE_LANES; 0: unset */
    void (*differs)(const char *why, void *data);
    void *data;
};
MR_MUST_CHECK enum mr_status edge_start_new(const struct edge_start_settings *settings,
                                            struct edge_start **out, struct mr_error *why);
/* Appends "checks": what is still awaited, as a JSON string; "done" where nothing is. */
void edge_start_detail(const struct edge_start *start, struct mr_buf *out);
/* closed is called once nothing of it is left on the loop (a description of topics that is under
 * way may take seconds), and start is gone. */
void edge_start_close(struct edge_start *start, void (*closed)(void *data), void *data);

#endif
