/* Watches statements that wait for a row's lock, from a second connection.
 *
 * A client that is frozen in mid-statement keeps its row locks whatever timeouts are set (tried on
 * PostgreSQL 15), so rows name the backend of their owner. While a statement is armed, and every
 * wait_ms for as long as it is, the watch runs one statement that ends the blocker if the row names
 * it. It must be asked while the lock is waited for: afterwards pg_blocking_pids() is empty. */
#ifndef MR_PG_WATCH_H
#define MR_PG_WATCH_H

#include "mr_loop.h"
#include "mr_pg_conn.h"

struct mr_pg_watch;

struct mr_pg_watch_settings {
    struct mr_loop *loop;
    const char *conninfo;
    /* $1 int4 pid of the waiter, $2 text scope, $3 int4[] lanes; returns a row (pid int4) for each
     * backend that it ended. static. */
    const struct mr_pg_stmt *stmt;
    const char *scope; /* domain or topic; copied */
    int64_t wait_ms;
    void (*on_ended)(void *owner, int32_t pid); /* for the log; may be NULL */
    void *owner;
};

/* MR_INVALID: conninfo cannot be parsed. */
MR_MUST_CHECK enum mr_status mr_pg_watch_open(const struct mr_pg_watch_settings *settings,
                                              struct mr_pg_watch **out, struct mr_error *why);
/* pid's statement on these lanes (copied) may have to wait from now on. */
void mr_pg_watch_arm(struct mr_pg_watch *watch, int32_t pid, const int32_t *lanes, size_t count);
/* It was answered. */
void mr_pg_watch_disarm(struct mr_pg_watch *watch);
void mr_pg_watch_close(struct mr_pg_watch *watch, void (*on_closed)(void *owner), void *owner);

#endif
