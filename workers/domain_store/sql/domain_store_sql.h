/* Runs a domain's store through lib/pg: makes one call (a statement with its parameters) for each
 * table and kind of change out of the keys that a batch loads or the writes that it saves, and
 * entities out of the rows that come back. It queues nothing: the runtime puts the calls into its
 * pipeline, and knows no table. */
#ifndef DOMAIN_STORE_SQL_H
#define DOMAIN_STORE_SQL_H

#include "domain_store.h"
#include "mr_pg_conn.h"

struct domain_store_sql;

/* Makes the statements, named "<domain>.<kind>.load" and so on; they live as long as it does.
 * store is borrowed. */
struct domain_store_sql *domain_store_sql_new(const struct domain_store *store);
void domain_store_sql_free(struct domain_store_sql *sql); /* takes NULL */

struct domain_store_call {
    const struct mr_pg_stmt *stmt;
    struct mr_pg_params params; /* may carry MR_LIMIT: mr_pg_query returns it */
    int32_t kind;               /* whose entities a load returns; else -1 */
    size_t rows;                /* keys of a load; what any other call must affect, exactly */
};
struct domain_store_calls {
    struct domain_store_call *items; /* in the arena, in the order to run them */
    size_t count;
};

/* One call a kind of which there are keys. Everything lies in arena, which must live until the
 * calls were queued. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status domain_store_sql_load(const struct domain_store_sql *sql,
                                                   const struct engine_key *keys, size_t count,
                                                   struct mr_arena *arena,
                                                   struct domain_store_calls *calls);
/* The entity in a row of the load of `kind`. MR_LIMIT: the arena is full. MR_INVALID, with why: the
 * row holds what this program does not know. */
MR_MUST_CHECK enum mr_status domain_store_sql_read(const struct domain_store_sql *sql,
                                                   const struct mr_pg_result *result, int row,
                                                   int32_t kind, struct mr_arena *arena,
                                                   struct engine_entity *entity,
                                                   struct mr_error *why);
/* Inserts and updates of entities, then rows; the bytes that save points to are borrowed until the
 * calls were queued. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status domain_store_sql_save(const struct domain_store_sql *sql,
                                                   const struct engine_save *save,
                                                   struct mr_arena *arena,
                                                   struct domain_store_calls *calls);

#endif
