/* An HTTP/1.1 server on the loop: listener, connections, deadlines and bounds, drain.
 *
 * A request is handed to the owner as an exchange (mr_http_exchange.h) when its head is complete;
 * the owner answers at once or later. What the parser refuses is answered here, as problem+json.
 * Requests of a connection are answered one after the other: the next head is not read before the
 * answer to the last one is given. Everything belongs to the loop's thread. */
#ifndef MR_HTTP_SERVER_H
#define MR_HTTP_SERVER_H

#include "mr_error.h"
#include "mr_http_exchange.h"
#include "mr_http_parse.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include "mr_status.h"

struct mr_http_server; /* owned by the caller until ended() */

struct mr_http_server_options {
    struct mr_http_limits limits; /* body_bytes_max: of a route that sets none of its own */
    int64_t header_timeout_ms;    /* from the first byte of a request to the end of its head: 408 */
    int64_t body_timeout_ms;      /* for each 64 KiB of a body, while it is being read: 408 */
    int64_t keep_alive_ms;        /* for the next request's first byte: closed silently */
    int64_t send_timeout_ms;      /* for any progress of unsent bytes: broken off */
    int64_t drain_ms;             /* how long a draining server goes on accepting */
    int64_t drain_quiet_ms;       /* ... or until no connection has been open for so long */
    uint32_t connections_max;   /* more wait in the listener's queue; the longest idle gives way */
    size_t arena_bytes_max;     /* of one exchange, a collected body included */
    size_t unsent_bytes_max;    /* of one connection, beyond which a write says MR_LIMIT */
    struct mr_log *log;         /* borrowed; may be NULL */
    struct mr_metrics *metrics; /* borrowed; may be NULL: nothing is counted */

    /* A head is complete. The exchange is answered exactly once, here or later; see there. */
    void (*request)(struct mr_http_exchange *x, void *data);
    /* After drain or close: no connection is left, and the server's memory is freed on return. */
    void (*ended)(void *data);
    void *data;
};

/* The parser's default limits; 10 s, 30 s, 60 s; send 30 s; drain 8 s and 2 s; 16,384 connections;
 * arena 1 MiB; unsent 256 KiB. The callbacks are the caller's to fill in. */
struct mr_http_server_options mr_http_server_options_default(void);

/* Metrics, where given: millrace_http_connections, millrace_http_connections_total,
 * millrace_http_answers_total{class="2xx"...}, millrace_http_refused_total (by the parser or a
 * deadline), millrace_http_gone_total (clients gone before their answer was sent). */
struct mr_http_server *mr_http_server_new(struct mr_loop *loop,
                                          const struct mr_http_server_options *options);

/* Binds and listens. port 0 takes a free one; *port_taken (may be NULL) says which. MR_INVALID: not
 * an IPv4 or IPv6 address; MR_FATAL: the system refuses (why says "address already in use"). */
MR_MUST_CHECK enum mr_status mr_http_server_listen(struct mr_http_server *server,
                                                   const char *address, int port, int *port_taken,
                                                   struct mr_error *why);

/* Begins to drain: goes on accepting and answering, each answer with Connection: close, for
 * drain_ms, or less once no connection has been open for drain_quiet_ms; then stops accepting,
 * closes idle connections, lets running exchanges finish, and calls ended(). */
void mr_http_server_drain(struct mr_http_server *server);
bool mr_http_server_is_draining(const struct mr_http_server *server);
/* Ends at once: owners of open exchanges are told gone, then ended(). May follow drain; also for a
 * server that never listened. */
void mr_http_server_close(struct mr_http_server *server);

uint32_t mr_http_server_connections(const struct mr_http_server *server);

#endif
