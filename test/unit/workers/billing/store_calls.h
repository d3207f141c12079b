/* A store's statements with their parameters, as the runtime makes them, for one table at a time.
 */
#ifndef STORE_CALLS_H
#define STORE_CALLS_H

#include "domain_store.h"
#include "mr_pg_conn.h"

#define STORE_CALLS_MAX 16

struct store_call {
    struct mr_pg_stmt stmt; /* unnamed */
    struct mr_pg_params params;
    size_t rows; /* what it must affect */
};

/* Arrays lie in arena. */
void store_call_load(const struct domain_store *store, const struct engine_key *key,
                     struct mr_arena *arena, struct store_call *call);
/* Inserts and updates of entities, then rows; returns how many calls there are. */
size_t store_calls_save(const struct domain_store *store, const struct engine_save *save,
                        struct mr_arena *arena, struct store_call *calls);
struct engine_entity store_call_read(const struct domain_store *store,
                                     const struct mr_pg_result *result, int32_t kind,
                                     struct mr_arena *arena);

#endif
