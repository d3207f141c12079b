/* The answer to a command whose outcome is known: what it made or changed as it reads now, or why
 * it was refused. Shared by waits and replays. */
#ifndef EDGE_EFFECT_H
#define EDGE_EFFECT_H

#include "edge_outcome.h"

struct edge_effect {
    const struct mr_catalog_command *command;
    struct mr_uuid id;
    struct mr_uuid subject;
    struct mr_uuid resource_id; /* of what it makes: its own id; else its subject */
    struct mr_receipt receipt;  /* the repeat's own, or the command's */
    bool has_receipt;
    bool replayed; /* Idempotent-Replayed: true */
};

/* Answers r, at once or after reading the resource: 201 or 200 with its body, a rejection or a
 * conflict as problem+json, 202 with its status where it is parked, quarantined or still ahead.
 * effect and r->work live in the arena; outcome NULL: not known in time. */
void edge_effect_answer(struct edge_request *r, const struct edge_effect *effect,
                        const struct edge_outcome *outcome);

#endif
