/* One request on its way through the edge: who asks, for what, and what is under way for it.
 *
 * It lives in the exchange's arena, from edge_request_new until it is answered or its client is
 * gone; after either nothing of it is touched again. At most one thing is under way at a time (a
 * key's look-up, a delivery, a wait, a query); whoever begins it sets cancel, which lets go of it
 * when the client leaves, and clears cancel when it has ended.
 *
 * A client that ends its side of the connection while it waits has mostly gone. It is answered at
 * once with what is known (a command's receipt), so that nobody holds a waiter for the whole time
 * and one that only ended its side has an answer all the same. */
#ifndef EDGE_REQUEST_H
#define EDGE_REQUEST_H

#include "edge.h"
#include "edge_auth.h"
#include "edge_headers.h"
#include "edge_metrics.h"
#include "mr_http_exchange.h"
#include "mr_problem.h"
#include "mr_trace.h"

struct edge_fields;
struct edge_query;
struct edge_source;
struct mr_pg_result;

struct edge_request {
    struct edge *edge;
    struct mr_http_exchange *x;
    struct edge_route *route; /* whose requests it is counted among */
    struct mr_catalog_match match;
    struct edge_principal who; /* after authentication */
    struct mr_uuid account;    /* the path's, else the key's */
    struct edge_prefer prefer;
    uint64_t begun_ns;
    char traceparent[MR_TRACE_TEXT + 1]; /* ours: the client's trace, or a new one */
    struct mr_slice tracestate;          /* the client's; absent: none */

    void (*cancel)(struct edge_request *r); /* NULL: nothing is under way */
    void (*hasten)(struct edge_request *r); /* ends a wait at once; NULL: it does not wait */
    void *under_way;                        /* of cancel and hasten */
    void *work;                             /* the handler's own, in the arena */

    struct edge_source *source; /* edge_source's own */

    /* Writes a problem as the request's protocol wants it; NULL: application/problem+json. */
    void (*write_problem)(struct edge_request *r, const struct mr_problem *problem,
                          const struct edge_fields *fields);

    struct edge_query *query; /* edge_query's own */
    void (*answered)(struct mr_pg_result *result, void *asker);
    void *asker;
};

/* In the exchange's arena; NULL when that is full. */
struct edge_request *edge_request_new(struct edge *edge, struct mr_http_exchange *x,
                                      struct edge_route *route);
/* What the exchange's gone does, for handlers that set events of their own. */
void edge_request_gone(struct mr_http_exchange *x);

static inline struct mr_arena *edge_arena(struct edge_request *r)
{
    return r->x->arena;
}

/* ---- header fields of an answer; names and values must live until it is given ---- */
#define EDGE_FIELDS_MAX 12
struct edge_fields {
    struct mr_http_field items[EDGE_FIELDS_MAX];
    size_t count;
};
void edge_field(struct edge_fields *fields, const char *name, const char *value);
/* Preference-Applied: wait=N, where the client prefers to wait. */
void edge_field_waited(struct edge_request *r, struct edge_fields *fields);

/* ---- answers: each ends the request. fields may be NULL ---- */

void edge_answer(struct edge_request *r, int32_t status, const struct edge_fields *fields,
                 struct mr_slice body);
/* With Content-Type: application/json. A buf that is over is answered 500 instead. */
void edge_answer_json(struct edge_request *r, int32_t status, struct edge_fields *fields,
                      const struct mr_buf *body);
void edge_answer_problem(struct edge_request *r, const struct mr_problem *problem,
                         const struct edge_fields *fields);
/* One of the edge's own problem types, with a sentence for people (NULL: none). 503 gets
 * Retry-After. */
void edge_refuse(struct edge_request *r, const char *name, const char *detail, ...) MR_PRINTF(3, 4);

#endif
