/* Waiting for the effect of commands. However many wait, they share one query at a time:
 *
 *      add (the first)               answered: whoever is settled is told and leaves
 *   QUIET -----------> PAUSED --pause over--> ASKING -----+
 *     ^                   ^                               |
 *     |  nobody waits     +--- somebody waits still ------+
 *     +---------------------------------------------------+
 *
 * The pause is 5 ms while commands settle, grows to 40 ms while none does, and is never less than
 * the last query took, so that a slow Postgres is asked less. While Postgres is away it is 250 ms,
 * and waiters end by their deadlines. */
#ifndef EDGE_WAIT_H
#define EDGE_WAIT_H

#include "edge_outcome.h"
#include "edge_query.h"

struct edge_wait;

/* In the request's arena. */
struct edge_waiter {
    struct edge_outcome_key key;
    struct edge_request *request;
    /* outcome is never EDGE_AHEAD; it is valid during the call. NULL: not settled in time, or the
     * client sends no more. */
    void (*ended)(struct edge_waiter *waiter, const struct edge_outcome *outcome);
    void *owner;

    /* private from here on */
    struct edge_waiter *prev, *next;
    struct mr_timer deadline;
    uint32_t slot; /* in the query under way, from 1; 0: in none */
};

/* waiters_max 0: 4,096. */
struct edge_wait *edge_wait_new(struct edge *edge, uint32_t waiters_max);
/* Nobody may wait any more; takes NULL. A query under way must have been answered or lost. */
void edge_wait_free(struct edge_wait *wait);

/* The request waits for as long as its client prefers; key, request, ended and owner are filled in.
 * False: it does not, since the client does not want it or sends no more, or since too many wait;
 * it then counts as one that does not want it. Sets the request's cancel and hasten until ended. */
MR_MUST_CHECK bool edge_wait_begin(struct edge_wait *wait, struct edge_waiter *waiter);
/* Nobody waits longer than wait_ms from now on, newcomers neither: the process ends. Sets
 * edge->waits_end_ms. */
void edge_wait_end_by(struct edge_wait *wait, int64_t wait_ms);

#endif
