/* Private to lib/pg: from a connection string to a PGconn that has begun to connect.
 *
 * libpq resolves names blocking, of the first host in PQconnectStart and of the others in
 * PQconnectPoll. So a dial runs on libuv's thread pool: it resolves every host there, gives libpq
 * the addresses beside the names (host stays, for certificates and .pgpass), and starts the
 * connection; afterwards nothing of it looks a name up on the loop. A host named only by a
 * pg_service.conf entry is the exception: the first is resolved in the thread, others are not. */
#ifndef MR_PG_DIAL_H
#define MR_PG_DIAL_H

#include "mr_error.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <uv.h>

/* How to connect; strings are borrowed. Values <= 0 are left to libpq. */
struct mr_pg_target {
    const char *conninfo;
    const char *application_name; /* where conninfo has none */
    int tcp_user_timeout_ms;
    int keepalives_idle_s;
    int connect_timeout_s; /* only blocking connects heed it */
};

/* MR_INVALID when libpq cannot parse it; why does not show it, it may hold a password. */
MR_MUST_CHECK enum mr_status mr_pg_target_check(const char *conninfo, struct mr_error *why);
/* BLOCKS for names, and with wait for the whole connect. NULL when no name could be resolved (why
 * says which); otherwise a PGconn whose PQstatus tells how it stands. */
PGconn *mr_pg_target_connect(const struct mr_pg_target *target, bool wait, struct mr_error *why);

struct mr_pg_dial;

/* pg is the callee's, NULL with why when it failed. */
typedef void (*mr_pg_on_dialled)(PGconn *pg, const struct mr_error *why, void *data);

/* target is copied. NULL, with why, when the thread pool takes no work. */
struct mr_pg_dial *mr_pg_dial_start(uv_loop_t *loop, const struct mr_pg_target *target,
                                    mr_pg_on_dialled on_dialled, void *data, struct mr_error *why);
/* The callback will not be called; what comes of the dial is dropped. */
void mr_pg_dial_forget(struct mr_pg_dial *dial);

#endif
