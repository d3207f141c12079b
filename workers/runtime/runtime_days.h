/* The day partitions: missing ones are made at start and hourly, and those of the domain's pruned
 * table that are past retention are dropped. */
#ifndef RUNTIME_DAYS_H
#define RUNTIME_DAYS_H

#include "runtime_store.h"

struct runtime_days {
    struct runtime_store *store;
    const struct domain_store_pruned *pruned; /* NULL: nothing is */
    int32_t retention_days;                   /* whole days before today that stay */

    int64_t make_at_ms, prune_at_ms; /* monotonic */
};

/* All borrowed; the first turn does both. */
void runtime_days_init(struct runtime_days *days, struct runtime_store *store,
                       const struct domain_store_pruned *pruned, int32_t retention_days);
/* Time has passed: asks the store, if it is due and the store is idle. today: of the UTC clock. */
void runtime_days_turn(struct runtime_days *days, int64_t now_ms, int32_t today);

#endif
