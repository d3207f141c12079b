/* Private to lib/pg: watches a libpq socket. libpq opens and closes sockets by itself while it
 * connects, so the watch must be dropped before each call that may do so. */
#ifndef MR_PG_SOCKET_H
#define MR_PG_SOCKET_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <uv.h>

struct mr_pg_socket;

/* events: UV_READABLE, UV_WRITABLE. status < 0: the watch itself failed. */
typedef void (*mr_pg_on_ready)(int status, int events, void *data);

/* NULL until the first watch. on_ready is not called from inside these functions. */
struct mr_pg_socket_owner {
    uv_loop_t *loop;
    mr_pg_on_ready on_ready;
    void *data;
    struct mr_pg_socket *socket;
};

/* Watches pg's present socket for events. A libuv error: nothing is watched then. */
int mr_pg_socket_watch(struct mr_pg_socket_owner *owner, PGconn *pg, int events);
/* Watches nothing. May be called from the callback. */
void mr_pg_socket_drop(struct mr_pg_socket_owner *owner);
/* Reads what has arrived into libpq. False: the input has ended; what came before is still there.
 */
bool mr_pg_socket_read(PGconn *pg);

#endif
