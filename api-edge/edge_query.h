/* A read of Postgres whose asker may leave before it is answered. */
#ifndef EDGE_QUERY_H
#define EDGE_QUERY_H

#include "edge_request.h"
#include "mr_pg_pool.h"

struct edge_query;

/* On MR_OK answered is called exactly once, from the loop, unless the query is dropped; it frees
 * the query. Otherwise as mr_pg_pool_query: MR_BUSY where Postgres is away, MR_LIMIT where too many
 * searches are under way. */
struct edge_query_ask {
    const struct mr_pg_stmt *stmt;
    const struct mr_pg_params *params;
    uint32_t deadline_ms;
    bool is_search; /* may take long: on connections where no other read waits behind it */
    mr_pg_on_result answered;
    void *asker;
};
MR_MUST_CHECK enum mr_status edge_query_start(struct edge *edge, const struct edge_query_ask *ask,
                                              struct edge_query **out);
/* The answer is not wanted any more; only before it was given. */
void edge_query_drop(struct edge_query *query);

/* The one query that a request has under way: a client that leaves drops it. Results as
 * edge_query_start; the request goes on either way. */
MR_MUST_CHECK enum mr_status edge_query_of(struct edge_request *r,
                                           const struct edge_query_ask *ask);
/* Ends a request whose query could not be asked: 503 `unavailable` where Postgres is away. */
void edge_query_refuse(struct edge_request *r, enum mr_status status);

/* True when there are rows to look at. Otherwise the request was ended: 503 `unavailable` where
 * Postgres is away or slow, 500 where the statement cannot work (logged). */
bool edge_query_is_good(struct edge_request *r, const struct mr_pg_result *result);

#endif
