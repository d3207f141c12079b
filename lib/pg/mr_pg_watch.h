/* Watches statements that wait for a row's lock, from a second connection.
 *
 * A client that is frozen in mid-statement keeps its row locks whatever timeouts are set (tried on
 * PostgreSQL 15), so rows name the backend of their owner. While a statement is armed, and every
 * wait_ms for as long as it is, the watch runs one statement that ends the blocker if the row names
 * it. It must be asked while the lock is waited for: afterwards pg_blocking_pids() is empty.
 *
 * A role sees and ends only sessions of its own: owners of one row are to connect as one role. */
#ifndef MR_PG_WATCH_H
#define MR_PG_WATCH_H

#include "mr_loop.h"
#include "mr_pg_conn.h"

/* The text of that statement, for a table whose rows are named by the columns `scope` (text) and
 * lane (int4), and name their owner by backend_pid (int4) and backend_start (timestamptz). $1 int4
 * pid of the waiter, $2 text scope, $3 int4[] lanes; a row (pid int4) for each backend that it
 * ended.
 *
 * The holder is found before anything is ended: a condition that ends backends would else be tried
 * on every session that the server has, before the join. */
#define MR_PG_WATCH_SQL(table, scope)                                                              \
    "WITH holder AS MATERIALIZED (SELECT a.pid FROM unnest(pg_blocking_pids($1::int4)) b(pid) "    \
    "JOIN pg_stat_activity a USING (pid) WHERE EXISTS (SELECT FROM " table " l "                   \
    "WHERE l." scope " = $2::text AND l.lane = ANY($3::int4[]) AND l.backend_pid = a.pid "         \
    "AND l.backend_start = a.backend_start)) "                                                     \
    "SELECT pid FROM holder WHERE pg_terminate_backend(pid)"

struct mr_pg_watch;

struct mr_pg_watch_settings {
    struct mr_loop *loop;
    const char *conninfo;
    const struct mr_pg_stmt *stmt; /* MR_PG_WATCH_SQL; static */
    const char *scope;             /* domain or topic; copied */
    int64_t wait_ms;
    /* For the log; each may be NULL. */
    void (*on_ended)(void *owner, int32_t pid);
    /* The blocker could not be looked at; it is tried again after wait_ms. */
    void (*on_failed)(void *owner, const struct mr_error *why);
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
