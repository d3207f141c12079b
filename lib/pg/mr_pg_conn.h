/* One connection to PostgreSQL on the loop: always pipelined, reconnecting by itself.
 *
 *             dialled, greeted                 statement
 *  CONNECTING ----------------> IDLE <--------------------------> PIPELINE
 *    ^    |                      | ^     every group answered
 *    |    | failed, too late     | | copy answered
 *    |    v                      v |
 *    +- BROKEN <-- broken --- COPY_IN       (PIPELINE and IDLE break too)
 *   back-off                                mr_pg_close: anywhere -> CLOSED
 *
 * Statements are queued with mr_pg_query and end with mr_pg_sync: a *group*. Groups need not wait
 * for each other's answers. An error aborts the rest of its own group only. A group without BEGIN
 * is one implicit transaction; BEGIN and COMMIT are ordinary statements, and a transaction may span
 * groups (after an error in it the caller sends ROLLBACK in a group of its own; until then every
 * statement is ABORTED). What is queued leaves once a turn of the loop.
 *
 * Every accepted statement gets its callback exactly once, in order. No callback runs inside a call
 * of these functions, so a caller may queue, copy, cancel or close from anywhere, callbacks
 * included. When the connection breaks, each unanswered statement gets MR_PG_LOST, then on_down is
 * called, then it reconnects: at once, then after 100 ms doubling to 5 s, with jitter.
 *
 * What libpq does blocking (name resolution, cancelling) runs in libuv's thread pool: the names of
 * all hosts are resolved there and libpq is given addresses (hostaddr) beside them. Only a SCRAM
 * login's key derivation (some ms, once a connect) runs on the loop. */
#ifndef MR_PG_CONN_H
#define MR_PG_CONN_H

#include "mr_error.h"
#include "mr_pg_param.h"
#include "mr_pg_result.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct mr_pg_conn;

/* A statement, usually `static const`: it and its strings outlive every connection that used it.
 * A named one is prepared by itself at its first use on each connection; one name, one sql. DDL
 * and texts that change take name NULL. */
struct mr_pg_stmt {
    const char *name; /* at most 48 characters; NULL: sent with its text each time */
    const char *sql;  /* one statement */
    int nparams;
    const uint32_t *types; /* nparams OIDs (enum mr_pg_type; 0 = infer), or NULL: all inferred */
    bool text;             /* results in text format, for SQL whose column types we do not know */
};

/* Zero means the default in brackets; strings are copied. */
struct mr_pg_options {
    const char *conninfo;         /* libpq's: keywords or URI; several hosts are welcome */
    const char *application_name; /* where conninfo has none; in pg_stat_activity [millrace] */
    /* Set on each new session; negative: leave the server's. */
    int statement_timeout_ms;           /* [30,000] */
    int lock_timeout_ms;                /* [10,000] */
    int idle_in_transaction_timeout_ms; /* [60,000] */
    /* Of the connection. Keepalives and tcp_user_timeout in conninfo win over these. */
    int open_timeout_ms;     /* from dialling to on_up, names included [10,000] */
    int tcp_user_timeout_ms; /* unacknowledged data breaks the connection [10,000] */
    int keepalives_idle_s;   /* [5]; three probes, a keepalives_idle_s apart */
    /* Of the queue: beyond them mr_pg_query returns MR_LIMIT. */
    uint32_t queue_statements_max; /* unanswered statements [4,096] */
    size_t queue_bytes_max;        /* parameters not yet handed to the kernel [256 MiB] */
};

/* The server process behind a connection that came up: pid and start together name it for good. */
struct mr_pg_backend {
    int32_t pid;
    int64_t start_us;    /* pg_stat_activity.backend_start as Unix microseconds */
    char start_text[48]; /* the same as timestamptz text with offset, exact to the microsecond */
    int server_version;  /* 150020 = 15.20 */
};

/* Why there is no connection. text never holds the connection string or a password. */
struct mr_pg_down {
    struct mr_error why;
    char sqlstate[6];  /* "" where the server said none */
    bool was_up;       /* a connection broke; false: an attempt to connect failed */
    uint32_t attempts; /* failed since it was last up; 0 when was_up */
    uint32_t retry_ms; /* when the next attempt starts */
};

/* Each may be NULL. on_down is called for every failed attempt too. */
struct mr_pg_events {
    void (*on_up)(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data);
    void (*on_down)(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data);
    void *data;
};

typedef void (*mr_pg_on_result)(struct mr_pg_result *result, void *data);

/* Starts connecting and returns at once; on_up says when it is up. MR_INVALID, with why, when
 * conninfo cannot be parsed. The events are copied; events may be NULL. */
MR_MUST_CHECK enum mr_status mr_pg_open(uv_loop_t *loop, const struct mr_pg_options *options,
                                        const struct mr_pg_events *events, struct mr_pg_conn **conn,
                                        struct mr_error *why);
/* Unanswered statements get MR_PG_LOST (an open transaction is rolled back by the server), then
 * on_closed is called (may be NULL) and conn is gone. No on_down. At most once. A name look-up or a
 * cancel request under way keeps the loop alive until it ends by itself. */
void mr_pg_close(struct mr_pg_conn *conn, void (*on_closed)(void *data), void *data);

bool mr_pg_is_up(const struct mr_pg_conn *conn);
/* The last on_up's; valid while up. */
const struct mr_pg_backend *mr_pg_backend(const struct mr_pg_conn *conn);
/* Statements without an answer. */
uint32_t mr_pg_queued(const struct mr_pg_conn *conn);
/* How many more mr_pg_query takes now; 0 while it is down or copying. Ask before a group that must
 * not be cut by MR_LIMIT. */
uint32_t mr_pg_room(const struct mr_pg_conn *conn);

/* Queues a statement. params may be NULL for none; everything is copied before it returns.
 *   MR_BUSY     not up, or a COPY is waiting or running
 *   MR_LIMIT    the queue is full, or params carry MR_LIMIT
 *   MR_INVALID  params carry it, their number differs from nparams, or the name has another sql
 * on_result is called only if this returned MR_OK; it may be NULL. */
MR_MUST_CHECK enum mr_status mr_pg_query(struct mr_pg_conn *conn, const struct mr_pg_stmt *stmt,
                                         const struct mr_pg_params *params,
                                         mr_pg_on_result on_result, void *data);
/* Ends the group of what was queued since the last one; nothing is answered before. No-op when
 * nothing was. If the connection has broken meanwhile, the LOST results say so. */
void mr_pg_sync(struct mr_pg_conn *conn);

/* Asks the server to cancel what it is executing, which then fails with 57014 (MR_PG_TRANSIENT) if
 * the request arrives in time. MR_BUSY: not up, or an earlier request is still under way. */
MR_MUST_CHECK enum mr_status mr_pg_cancel(struct mr_pg_conn *conn);

/* --- COPY ... FROM STDIN ---
 * Starts when every group queued before it is answered; until its result mr_pg_query returns
 * MR_BUSY. Inside an explicit transaction it belongs to that. */

enum mr_pg_pull {
    MR_PG_PULL_MORE, /* *chunk holds bytes (at most 16 MiB), valid until the next pull */
    MR_PG_PULL_WAIT, /* nothing now: mr_pg_copy_resume() asks again */
    MR_PG_PULL_END,  /* that was all */
    MR_PG_PULL_FAIL  /* give up: the server refuses the COPY with 57014 */
};
/* Asked for the next chunk whenever the one before has left: this is the back-pressure. Not asked
 * again after END or FAIL, nor once the server is known to have refused (where libpq hides that,
 * all is asked for and sent in vain). */
typedef enum mr_pg_pull (*mr_pg_on_pull)(struct mr_slice *chunk, void *data);

/* sql: one COPY ... FROM STDIN. The result's affected count is the rows copied.
 *   MR_BUSY     not up, or another COPY is waiting or running
 *   MR_INVALID  a group is open (mr_pg_sync it first) */
MR_MUST_CHECK enum mr_status mr_pg_copy_in(struct mr_pg_conn *conn, const char *sql,
                                           mr_pg_on_pull on_pull, mr_pg_on_result on_result,
                                           void *data);
/* After MR_PG_PULL_WAIT; harmless at any other time. */
void mr_pg_copy_resume(struct mr_pg_conn *conn);

#endif
