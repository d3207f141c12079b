/* The warehouse as the loader's engine sees it, on PostgreSQL: one connection for one topic's
 * ledger and rows, and a second one that watches ledger statements that wait for a lock.
 *
 * A flush is one transaction: the ledger rows are claimed first, by their fences, in ascending
 * order, and nothing is written before all were seen to be ours; then each table's rows stream in
 * by COPY, then bad rows, counts, freshness and the ledger itself; COMMIT is sent only when every
 * count of rows was right. */
#ifndef LOADER_PG_H
#define LOADER_PG_H

#include "engine_load.h"
#include "mr_catalog.h"
#include "mr_log.h"
#include "mr_loop.h"

struct loader_pg;

struct loader_pg_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_catalog *catalog; /* the records' tables; borrowed */
    const char *topic;                /* borrowed */
    int32_t lanes;
    const char *conninfo;
    int64_t lock_wait_ms; /* after which a waiting ledger statement is looked at */
    /* The session is up, or gone. */
    void (*on_connection)(void *owner, bool up);
    /* The warehouse is known to have come this far in the lane; may be NULL. */
    void (*on_loaded)(void *owner, const struct engine_ledger *ledger);
    /* A flush was answered, whatever the answer; may be NULL. */
    void (*on_flushed)(void *owner, int64_t took_ms);
    void *owner;
};

/* MR_INVALID: conninfo cannot be parsed. */
MR_MUST_CHECK enum mr_status loader_pg_new(const struct loader_pg_settings *settings,
                                           struct loader_pg **out, struct mr_error *why);
/* Who is told the answers; borrowed. Before the first operation. Records of its flushes are those
 * of loader_rows.h. */
void loader_pg_serve(struct loader_pg *pg, struct engine_loader *engine);
struct engine_warehouse loader_pg_port(struct loader_pg *pg);
/* Notes why a lane was stopped, for `millracectl lag`; best effort. */
void loader_pg_note_stop(struct loader_pg *pg, int32_t lane, uint64_t fence, const char *reason);
/* The newest event_time that was loaded into a table of the catalogue; 0: none by this process. */
int64_t loader_pg_loaded_through(const struct loader_pg *pg, size_t table);
/* What is under way is given up and answered to nobody; then on_closed. */
void loader_pg_close(struct loader_pg *pg, void (*on_closed)(void *owner), void *owner);

#endif
