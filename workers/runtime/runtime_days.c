#include "runtime_days.h"

#define EVERY_MS    3600000
#define AGAIN_MS    60000 /* a reader was in the way */
#define DAYS_BEHIND 2
#define DAYS_AHEAD  7

void runtime_days_init(struct runtime_days *d, struct runtime_store *store,
                       const struct domain_store_pruned *pruned, int32_t retention_days)
{
    *d = (struct runtime_days){
        .store = store,
        .pruned = pruned,
        .retention_days = retention_days,
        .make_at_ms = INT64_MIN,
        .prune_at_ms = pruned ? INT64_MIN : INT64_MAX,
    };
}

static void on_pruned(void *owner, bool done)
{
    struct runtime_days *d = owner;
    if (!done)
        d->prune_at_ms -= EVERY_MS - AGAIN_MS;
}

void runtime_days_turn(struct runtime_days *d, int64_t now_ms, int32_t today)
{
    if (now_ms >= d->make_at_ms && runtime_store_is_idle(d->store)) {
        d->make_at_ms = now_ms + EVERY_MS;
        runtime_store_make_days(d->store, today - DAYS_BEHIND, today + DAYS_AHEAD);
    }
    if (now_ms >= d->prune_at_ms && runtime_store_is_idle(d->store)) {
        d->prune_at_ms = now_ms + EVERY_MS;
        runtime_store_drop_days(d->store, d->pruned, today - d->retention_days, on_pruned, d);
    }
}
