/* Connections for reads that do not depend on each other: each query goes, pipelined, to the
 * connection that is up and has the fewest unanswered.
 *
 * Queries of one turn of the loop share a group on their connection (one write, one answer). When
 * one of them fails, or the connection breaks, the others are sent again by themselves: so a query
 * may be executed twice. Reads only. */
#ifndef MR_PG_POOL_H
#define MR_PG_POOL_H

#include "mr_pg_conn.h"

struct mr_pg_pool;

struct mr_pg_pool_options {
    struct mr_pg_options conn; /* of each connection */
    uint32_t connections;      /* [4] */
    uint32_t queries_max;      /* unanswered ones over all; beyond: MR_LIMIT [4,096] */
};

/* Each may be NULL. */
struct mr_pg_pool_events {
    void (*on_up)(uint32_t up, void *data); /* connections that are up, now one more */
    /* now one less, or an attempt failed (down->was_up false) */
    void (*on_down)(uint32_t up, const struct mr_pg_down *down, void *data);
    void *data;
};

MR_MUST_CHECK enum mr_status mr_pg_pool_open(uv_loop_t *loop,
                                             const struct mr_pg_pool_options *options,
                                             const struct mr_pg_pool_events *events,
                                             struct mr_pg_pool **pool, struct mr_error *why);
/* Unanswered queries get MR_PG_LOST, then on_closed (may be NULL), then pool is gone. */
void mr_pg_pool_close(struct mr_pg_pool *pool, void (*on_closed)(void *data), void *data);

/* Connections that are up. */
uint32_t mr_pg_pool_up(const struct mr_pg_pool *pool);
uint32_t mr_pg_pool_queued(const struct mr_pg_pool *pool);

/* One read; the struct and params are only used during the call. */
struct mr_pg_read {
    const struct mr_pg_stmt *stmt;
    const struct mr_pg_params *params; /* NULL: none */
    uint32_t deadline_ms;              /* > 0 */
    mr_pg_on_result on_result;
    void *data;
};

/* Answers exactly once, from the loop: rows or an error, MR_PG_LATE after the deadline, or
 * MR_PG_LOST when it was in flight and no connection is left.
 *   MR_BUSY     none is up
 *   MR_LIMIT    queries_max, or params carry it
 *   MR_INVALID  as mr_pg_query */
MR_MUST_CHECK enum mr_status mr_pg_pool_query(struct mr_pg_pool *pool,
                                              const struct mr_pg_read *read);

#endif
