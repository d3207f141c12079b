/* Many commands of one request on their way into the log: bounded in number and bytes, each with
 * its own outcome, which are counted.
 *
 *   ROOMY --send, window full--> FULL --reports, half of it free--> go_on --> ROOMY
 *     |  \--send: too many are in flight--> HOLDING it --tried again--> go_on --> ROOMY
 *     |                                         | for too long
 *     +-- the log is away, or lost one ----> FAILED: no more is sent
 *   any --the last report is in--> go_on, with none in flight
 *
 * It outlives its request while reports are owed: whoever has it leaves it, and it frees itself. */
#ifndef EDGE_VOLLEY_H
#define EDGE_VOLLEY_H

#include "edge_request.h"
#include "mr_receipt.h"
#include <jansson.h>

struct edge_volley;

struct edge_volley_counts {
    uint64_t stored;
    uint64_t invalid; /* the log can never take it: too large */
    uint64_t not_stored, unknown;
    uint64_t in_flight;            /* now, one that is held too */
    struct mr_receipt first, last; /* of the stored ones, by number; only where stored > 0 */
};

/* Of command, in the name of r (account, who, trace). go_on is called from the loop, never from
 * within a function here, whenever there is room again and when the last report has come in. */
struct edge_volley *edge_volley_new(struct edge_request *r,
                                    const struct mr_catalog_command *command,
                                    void (*go_on)(void *owner), void *owner);
/* The owner goes; no call any more. Takes NULL. */
void edge_volley_leave(struct edge_volley *v);

/* For what belongs to one item; reset it before each. */
struct mr_arena *edge_volley_arena(struct edge_volley *v);
/* An item may be sent. Otherwise go_on will be called, or it has failed. */
bool edge_volley_has_room(struct edge_volley *v);
/* The log is away, or was for one of them: no more is sent. */
bool edge_volley_has_failed(const struct edge_volley *v);

struct edge_volley_item {
    struct mr_uuid id;
    uint64_t number; /* rises from item to item */
    struct mr_slice body;
    const json_t *json; /* the same, parsed */
};
/* After has_room. MR_OK: it is on its way (or the volley has failed); body and what lies in the
 * arena are not needed any more once there is room again, everything else at once. MR_INVALID: it
 * can never be sent, why says why. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status
edge_volley_send(struct edge_volley *v, const struct edge_volley_item *item, struct mr_error *why);

struct edge_volley_counts edge_volley_counts(const struct edge_volley *v);

/* What a failed volley is told as: "not-accepted" (503) where surely nothing was stored, else
 * "outcome-unknown" (504), with a sentence of how many. has_key: sending again repeats it. */
struct edge_volley_failure {
    const char *problem;
    char detail[400];
};
void edge_volley_failure(const struct edge_volley *v, bool has_key,
                         struct edge_volley_failure *out);

#endif
