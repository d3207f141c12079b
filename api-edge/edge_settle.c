#include "edge_settle.h"

#include "edge_query.h"
#include "mr_clock.h"
#include "mr_http_text.h"

/*   ask --ahead, and the client waits--> WAITING --settled, or too late--> ask again --> told
 *    +---settled, or no wait-----------------------------------------------------------> told
 *
 * It asks again because the waiters' query looks at the last days alone. */
struct settle {
    struct edge_request *r;
    struct edge_outcome_key key;
    struct edge_waiter waiter;
    edge_settled *settled;
    bool has_waited;
};

static void ask(struct settle *s);

static void on_waited(struct edge_waiter *waiter, const struct edge_outcome *outcome)
{
    struct settle *s = waiter->owner;
    (void)outcome;
    ask(s);
}

static bool begin_to_wait(struct settle *s)
{
    if (s->has_waited)
        return false;
    s->has_waited = true;
    s->waiter =
        (struct edge_waiter){.key = s->key, .request = s->r, .ended = on_waited, .owner = s};
    return edge_wait_begin(s->r->edge->wait, &s->waiter);
}

static void on_outcome(struct mr_pg_result *result, void *data)
{
    struct settle *s = data;
    struct edge_request *r = s->r;
    struct edge_outcome outcome;
    if (!edge_query_is_good(r, result))
        return;
    edge_outcome_read(result, 0, &s->key, &outcome);
    if (outcome.lanes > 0 && s->key.receipt.lane >= outcome.lanes)
        edge_refuse(r, "malformed", "at: %s has lanes 0 to %d, and not %d.", s->key.receipt.domain,
                    (int)outcome.lanes - 1, (int)s->key.receipt.lane);
    else if (outcome.kind != EDGE_AHEAD || !begin_to_wait(s))
        s->settled(r, &outcome);
}

static void ask(struct settle *s)
{
    struct mr_pg_params params;
    mr_pg_params_init(&params, edge_arena(s->r));
    edge_outcome_params(&s->key, 1, false, mr_clock_wall_ms(), &params);
    enum mr_status status =
        edge_query_of(s->r, &(struct edge_query_ask){.stmt = &edge_outcome_by_receipt,
                                                     .params = &params,
                                                     .deadline_ms = EDGE_READ_DEADLINE_MS,
                                                     .answered = on_outcome,
                                                     .asker = s});
    if (status != MR_OK)
        edge_query_refuse(s->r, status);
}

void edge_settle(struct edge_request *r, const struct edge_outcome_key *key, edge_settled *settled)
{
    struct settle *s = mr_arena_alloc(edge_arena(r), sizeof *s);
    if (!s) {
        edge_query_refuse(r, MR_LIMIT);
        return;
    }
    s->r = r;
    s->key = *key;
    s->settled = settled;
    ask(s);
}

bool edge_settle_at(struct edge_request *r, struct mr_slice text, struct mr_receipt *at)
{
    struct mr_slice plain;
    if (!text.data || mr_http_decode(text, MR_HTTP_QUERY_PART, edge_arena(r), &plain) != MR_OK ||
        mr_receipt_parse(plain.data, plain.len, at) != MR_OK) {
        edge_refuse(r, "malformed", "at is not a receipt's position, such as billing-7-90210.");
        return false;
    }
    if (!mr_catalog_domain_of(r->edge->catalog, at->domain)) {
        edge_refuse(r, "malformed", "at: there is no domain %s here.", at->domain);
        return false;
    }
    return true;
}
