/* The engine's store on one pipelined Postgres connection (engine_ports.h says what each operation
 * does), with a second connection that watches lane statements that wait for a lock. */
#ifndef RUNTIME_STORE_H
#define RUNTIME_STORE_H

#include "domain_store.h"
#include "engine.h"
#include "mr_log.h"
#include "mr_loop.h"

struct runtime_store;

struct runtime_store_counts {    /* of batches that are known to be committed */
    uint64_t facts_stored;       /* commands that are kept as a row of their domain's */
    uint64_t rows_copied;        /* by COPY */
    uint64_t partitions_dropped; /* days of a domain's table that were dropped */
};

struct runtime_store_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct domain_store *domain;
    const char *conninfo;
    int64_t lane_lock_wait_ms; /* after which a waiting lane statement is looked at */
    /* The session is up and ready, or gone. Before the first `up` nothing may be asked of it. */
    void (*on_connection)(void *owner, bool up);
    void *owner;
};

/* MR_INVALID: conninfo cannot be parsed. */
MR_MUST_CHECK enum mr_status runtime_store_new(const struct runtime_store_settings *settings,
                                               struct runtime_store **out, struct mr_error *why);
/* Who is told the answers; borrowed. Before the first operation. */
void runtime_store_serve(struct runtime_store *store, struct engine *engine);
struct engine_store runtime_store_port(struct runtime_store *store);
/* Notes why a lane was stopped, for `millracectl lag`; best effort. */
void runtime_store_note_stop(struct runtime_store *store, int32_t lane, uint64_t fence,
                             const char *reason);
/* No operation and no transaction is open: what is asked now joins none. */
bool runtime_store_is_idle(const struct runtime_store *store);
/* The partitions of the days around now; best effort, logged. Not inside a transaction. */
void runtime_store_make_days(struct runtime_store *store, int32_t first_day, int32_t last_day);
/* Drops the table's partitions of days before this one, or none; then on_done, once, unless the
 * store is closed first. A failure is logged. Not inside a transaction. */
void runtime_store_drop_days(struct runtime_store *store, const struct domain_store_pruned *pruned,
                             int32_t before_day, void (*on_done)(void *owner, bool done),
                             void *owner);
struct runtime_store_counts runtime_store_counts(const struct runtime_store *store);
struct mr_pg_conn *runtime_store_conn(struct runtime_store *store);
void runtime_store_close(struct runtime_store *store, void (*on_closed)(void *owner), void *owner);

#endif
