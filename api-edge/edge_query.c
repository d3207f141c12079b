#include "edge_query.h"

#include <assert.h>
#include <stdlib.h>

struct edge_query {
    mr_pg_on_result answered; /* NULL: dropped */
    void *asker;
};

static void on_result(struct mr_pg_result *result, void *data)
{
    struct edge_query *q = data;
    struct edge_query ask = *q;
    free(q);
    if (ask.answered)
        ask.answered(result, ask.asker);
}

enum mr_status edge_query_start(struct edge *edge, const struct edge_query_ask *ask,
                                struct edge_query **out)
{
    struct mr_pg_pool *pool = ask->is_search ? edge->searches : edge->pool;
    if (!pool)
        return MR_BUSY;
    struct edge_query *q = malloc(sizeof *q);
    if (!q)
        abort();
    *q = (struct edge_query){.answered = ask->answered, .asker = ask->asker};
    enum mr_status s = mr_pg_pool_query(pool, &(struct mr_pg_read){.stmt = ask->stmt,
                                                                   .params = ask->params,
                                                                   .deadline_ms = ask->deadline_ms,
                                                                   .on_result = on_result,
                                                                   .data = q});
    if (s != MR_OK)
        free(q);
    else
        *out = q;
    return s;
}

void edge_query_drop(struct edge_query *query)
{
    query->answered = NULL;
}

/* ---- of a request ---- */

static void cancel(struct edge_request *r)
{
    edge_query_drop(r->query);
}

static void on_answered(struct mr_pg_result *result, void *data)
{
    struct edge_request *r = data;
    r->cancel = NULL;
    r->answered(result, r->asker);
}

enum mr_status edge_query_of(struct edge_request *r, const struct edge_query_ask *ask)
{
    assert(!r->cancel);
    struct edge_query_ask own = *ask;
    own.answered = on_answered;
    own.asker = r;
    enum mr_status s = edge_query_start(r->edge, &own, &r->query);
    if (s != MR_OK)
        return s;
    r->answered = ask->answered;
    r->asker = ask->asker;
    r->cancel = cancel;
    return MR_OK;
}

#define UNREADABLE "What was asked for cannot be read just now."

void edge_query_refuse(struct edge_request *r, enum mr_status status)
{
    if (status == MR_INVALID)
        edge_refuse(r, "malformed", "A parameter holds what the database cannot take.");
    else
        edge_refuse(r, "unavailable", UNREADABLE);
}

bool edge_query_is_good(struct edge_request *r, const struct mr_pg_result *result)
{
    struct mr_error why;
    enum mr_status s = mr_pg_result_status(result, &why);
    if (s == MR_OK)
        return true;
    if (s == MR_FATAL || s == MR_INVALID) {
        MR_LOG_LIMITED(r->edge->log, &r->edge->refused, ERROR, "postgres refuses a statement",
                       mr_f_text("error", why.text), mr_f_text("traceparent", r->traceparent));
        edge_refuse(r, "internal", NULL);
    } else {
        edge_refuse(r, "unavailable", UNREADABLE);
    }
    return false;
}
