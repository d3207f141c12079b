/* Private to lib/sys: what server, connection, exchange and sender share.
 *
 *               first byte          head             owner is done,       sent whole
 *   accept ─▶ IDLE ─────────▶ HEAD ────────▶ OPEN ───────────────▶ REST ─────────────▶ IDLE
 *               │               │              │   body or unsent  │
 *               │ too long,     │ refused      │   bytes are left  │ last answer,
 *               │ end of input  │              │ last answer       │ nobody asks for the rest
 *               │               └──────────────┴─────▶ LAST ◀──────┘
 *               ▼                                       │ all is sent: our side is shut
 *             CLOSED ◀── end of input, or 2 s ──────── LINGER
 *               ▲
 *               └── from anywhere: the socket broke, the owner aborted, the server closes
 *
 * LINGER is there because a close with unread input resets the connection, and the reset destroys
 * the answer on its way. While an exchange is OPEN it is the owner's; every way out of OPEN is
 * either the owner's doing or told by gone(). */
#ifndef MR_HTTP_CONNECTION_H
#define MR_HTTP_CONNECTION_H

#include "mr_buf.h"
#include "mr_http_exchange.h"
#include "mr_http_server.h"
#include "mr_http_write.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum mr_http_state {
    MR_HTTP_IDLE,
    MR_HTTP_IN_HEAD,
    MR_HTTP_OPEN,
    MR_HTTP_REST,
    MR_HTTP_LAST,
    MR_HTTP_LINGER,
    MR_HTTP_CLOSED
};

#define MR_HTTP_NEVER_MS INT64_MAX

/* An exchange's memory: taken from the server's spares when a head is complete. */
struct mr_http_memory {
    struct mr_arena arena;
    struct mr_http_memory *next;
};

struct mr_http_connection {
    struct mr_http_exchange x; /* the owner's view; first, so that one leads to the other */
    struct mr_http_server *server;
    struct mr_http_connection *prev, *next;           /* of all */
    struct mr_http_connection *idle_prev, *idle_next; /* of the idle ones, longest first */
    enum mr_http_state state;
    uv_tcp_t tcp;
    struct mr_deferred kick; /* goes on with what was put off */

    /* deadlines: one timer, set no later than the earlier of both */
    struct mr_timer timer;
    int64_t timer_ms, in_due_ms, out_due_ms; /* monotonic; or never */
    size_t unsent_seen;                      /* when out_due_ms was set: fewer now is progress */

    /* input; in is what is not parsed yet, inside the server's read buffer during its callback,
     * else inside left. Reading is on exactly while in is empty. */
    struct mr_http_parse *parse;
    struct mr_slice in;
    char *left; /* owned */
    bool reading, eof, lost, running;

    /* the exchange */
    const struct mr_http_exchange_events *events;
    struct mr_http_memory *memory;
    void (*collected)(struct mr_http_exchange *x, struct mr_slice body);
    char *body; /* in the arena */
    size_t body_bytes, body_size;
    uint64_t collect_max;
    uint64_t body_seen;    /* bytes of the body so far */
    uint64_t body_renewed; /* body_seen when in_due_ms was set */
    int64_t length_left;   /* of an answer in pieces; or MR_HTTP_LENGTH_UNKNOWN */
    enum mr_http_answer_framing framing;
    int32_t status;
    bool wanted;    /* the owner reads the body */
    bool continued; /* 100 Continue is sent or needless */
    bool body_done; /* the parser said DONE */
    bool body_told; /* ... and the owner heard */
    bool end_told;  /* the owner heard that the client will send no more */
    bool begun;     /* the answer's head is written */
    bool head_only; /* HEAD */
    bool last;      /* the connection ends with this answer */

    /* output: flight is with libuv while writing, out waits behind it */
    struct mr_buf out, flight;
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool writing;
    bool full; /* the owner was told MR_LIMIT and waits for drained */
    char peer[48];
};

enum mr_http_server_phase { MR_HTTP_ACCEPTING, MR_HTTP_DRAINING, MR_HTTP_ENDING };

#define MR_HTTP_READ_BYTES 65536

struct mr_http_server {
    struct mr_http_server_options options;
    struct mr_loop *loop;
    enum mr_http_server_phase phase;
    uv_tcp_t listener;
    bool listening;    /* the listener's handle is open */
    bool accept_waits; /* a connection waits for one of ours to end */
    bool closing_all;
    struct mr_timer drain_timer, quiet_timer;
    struct mr_deferred close_all;
    struct mr_http_connection *all, *idle; /* utlist heads */
    struct mr_http_connection *spares;     /* by next */
    struct mr_http_memory *spare_memory;
    uint32_t count, spare_count, spare_memory_count;
    struct mr_buf scratch; /* one head, or one small answer */
    char date[MR_HTTP_DATE_TEXT + 1];
    int64_t date_until_ms; /* monotonic */
    struct mr_log_limit accept_limit, fields_limit;
    struct mr_gauge *connections;
    struct mr_counter *connections_total, *gone_total, *refused_total, *answers_total[6];
    char read_bytes[MR_HTTP_READ_BYTES];
};

/* ---- mr_http_server.c ---- */
/* Takes a connection of the pool into the list of all, zeroed but for its memory; and back. */
struct mr_http_connection *mr_http_server_take(struct mr_http_server *server);
void mr_http_server_give(struct mr_http_connection *c);
struct mr_http_memory *mr_http_server_take_memory(struct mr_http_server *server);
void mr_http_server_give_memory(struct mr_http_server *server, struct mr_http_memory *memory);
const char *mr_http_server_date(struct mr_http_server *server);

/* ---- mr_http_connection.c ---- */
void mr_http_connection_accept(struct mr_http_server *server);
/* The one place where a connection changes its state. */
void mr_http_connection_move(struct mr_http_connection *c, enum mr_http_state state);
/* Goes on in a deferred call. */
void mr_http_connection_kick(struct mr_http_connection *c);

/* The owner is done with the exchange. */
void mr_http_connection_over(struct mr_http_connection *c);
/* What is left of the body is so small that it is read past rather than the connection closed. */
bool mr_http_connection_may_drop(const struct mr_http_connection *c);
/* In REST: goes on to the next request where body and answer are past. */
void mr_http_connection_rest(struct mr_http_connection *c);
/* Unsent bytes may have become fewer: drained, the next request, or the end. */
void mr_http_connection_sent(struct mr_http_connection *c);

/* Deadlines; MR_HTTP_NEVER_MS takes one away. */
void mr_http_connection_in_due(struct mr_http_connection *c, int64_t wait_ms);
void mr_http_connection_out_due(struct mr_http_connection *c, int64_t wait_ms);
/* The body's, after a part of it came, or the owner began or ceased to read. */
void mr_http_connection_body_due(struct mr_http_connection *c);

/* The client's mistake: told gone if the owner has it, answered if that may be, ended. */
void mr_http_connection_fault(struct mr_http_connection *c, int32_t status, const char *text);
/* Sends what is unsent, then ends in good order. */
void mr_http_connection_finish(struct mr_http_connection *c);
/* The socket is of no more use: gone and close follow from the loop. */
void mr_http_connection_lose(struct mr_http_connection *c);
/* Tells the owner of an open exchange that it is gone, and closes. Not from an owner's call. */
void mr_http_connection_break(struct mr_http_connection *c);
void mr_http_connection_close(struct mr_http_connection *c, bool reset);

/* ---- mr_http_input.c ---- */
/* Parses as far as state, owner and budget let it; reads on when all is used up. */
void mr_http_input_run(struct mr_http_connection *c);

/* ---- mr_http_send.c ---- */
size_t mr_http_send_unsent(const struct mr_http_connection *c);
/* Sends at once as much as the socket takes and queues the rest; then, where much is queued. */
void mr_http_send_now(struct mr_http_connection *c, struct mr_slice head, struct mr_slice body);
/* Queues only: soon or flush follows. */
void mr_http_send_queue(struct mr_http_connection *c, struct mr_slice piece);
/* Queues, to be sent at the end of this turn together with what else comes, or now where it is
 * much. */
void mr_http_send_soon(struct mr_http_connection *c, struct mr_slice piece);
void mr_http_send_flush(struct mr_http_connection *c);

#endif
