/* A server and its clients on one loop, in this process, over real loopback sockets. */
#ifndef HTTP_RIG_H
#define HTTP_RIG_H

#include "mr_buf.h"
#include "mr_http_server.h"
#include "mr_loop.h"
#include <stdbool.h>
#include <uv.h>

#define RIG_CLIENTS_MAX 8

struct rig_client {
    struct http_rig *rig;
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct mr_buf got; /* all that came */
    size_t unsent;     /* bytes given to libuv and not taken by the kernel yet */
    bool connected, eof, broken, closed;
    char piece[65536];
};

struct http_rig {
    struct mr_loop loop;
    struct mr_http_server_options options; /* set before rig_start */
    struct mr_http_server *server;
    struct mr_timer guard; /* a test that waits in vain fails here */
    int port;
    bool ended;
    struct rig_client clients[RIG_CLIENTS_MAX];
    int client_count;

    /* what the handlers below note */
    struct mr_http_exchange *x; /* the last one that is not answered */
    int requests, gone, drained, body_ends;
    struct mr_buf body;   /* pieces so far */
    size_t written_bytes; /* by a stream */
    size_t stream_bytes;  /* how much a stream has to write */
    bool was_full;
};

/* Default options and a handler; tests change rig->options in between. */
void rig_init(struct http_rig *rig, void (*request)(struct mr_http_exchange *x, void *data));
void rig_start(struct http_rig *rig);
/* Closes whatever is open and checks that the server ends. */
void rig_stop(struct http_rig *rig);

/* Runs the loop until the condition, which the loop's callbacks make true. */
#define RIG_UNTIL(rig, condition)                                                                  \
    while (!(condition))                                                                           \
    uv_run(&(rig)->loop.uv, UV_RUN_ONCE)

struct rig_client *rig_connect(struct http_rig *rig);
void client_send(struct rig_client *client, const void *data, size_t len);
void client_text(struct rig_client *client, const char *text);
void client_shut(struct rig_client *client); /* our side only */
void client_close(struct rig_client *client, bool reset);
void client_hold(struct rig_client *client); /* does not read any more */
void client_read(struct rig_client *client);
/* What came, as text (a NUL is kept behind it); valid until the next run of the loop. */
const char *client_got(struct rig_client *client);
bool client_has(struct rig_client *client, const char *part);
/* How often part lies in what came. */
int client_count(struct rig_client *client, const char *part);

/* ---- handlers ---- */

/* Answers 200 at once with the path as its body. */
void answer_path(struct mr_http_exchange *x, void *rig);
/* Collects the body, then answers 200 with it. */
void answer_body(struct mr_http_exchange *x, void *rig);
/* Keeps the exchange in rig->x; events count. */
void keep(struct mr_http_exchange *x, void *rig);
/* Reads the body in pieces into rig->body and keeps the exchange. */
void keep_pieces(struct mr_http_exchange *x, void *rig);
/* Streams rig->stream_bytes, as far as it may. */
void stream(struct mr_http_exchange *x, void *rig);
void answer_text(struct mr_http_exchange *x, int32_t status, const char *text);

#endif
