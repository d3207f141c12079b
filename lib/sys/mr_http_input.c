/* What comes in: bytes are read, parsed as far as somebody wants them, and handed on. */
#include "mr_http_connection.h"

#include "mr_map.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BODY_RENEW_BYTES 65536 /* a body's deadline is set anew after so many */
#define MESSAGES_MAX     32    /* of one connection, before others have their turn */

static void begin_exchange(struct mr_http_connection *c)
{
    struct mr_http_server *server = c->server;
    const struct mr_http_request *req = mr_http_parse_request(c->parse);
    mr_http_connection_move(c, MR_HTTP_OPEN);
    c->memory = mr_http_server_take_memory(server);
    c->x = (struct mr_http_exchange){.request = req, .arena = &c->memory->arena};
    c->body_bytes = c->body_size = 0;
    c->body_seen = c->body_renewed = 0;
    c->begun = c->body_done = c->body_told = c->end_told = false;
    c->continued = !req->expect_continue;
    c->head_only = mr_slice_is(req->method, "HEAD");
    c->last = !req->keep_alive || server->phase != MR_HTTP_ACCEPTING;
    server->options.request(&c->x, server->options.data);
}

static bool collect(struct mr_http_connection *c, struct mr_slice piece)
{
    if (piece.len > c->body_size - c->body_bytes) {
        /* It grows as it comes: a length that is only announced takes no memory. */
        size_t size = c->body_size ? c->body_size * 2 : 1024;
        while (size - c->body_bytes < piece.len)
            size *= 2;
        if (size > c->collect_max)
            size = (size_t)c->collect_max;
        char *grown = mr_arena_alloc(c->x.arena, size);
        if (!grown)
            return false;
        if (c->body_bytes > 0)
            memcpy(grown, c->body, c->body_bytes);
        c->body = grown;
        c->body_size = size;
    }
    memcpy(c->body + c->body_bytes, piece.data, piece.len);
    c->body_bytes += piece.len;
    return true;
}

static void body_piece(struct mr_http_connection *c, struct mr_slice piece)
{
    c->body_seen += piece.len;
    c->continued = true;
    if (c->state == MR_HTTP_REST)
        return;
    if (c->body_seen - c->body_renewed >= BODY_RENEW_BYTES) {
        mr_http_connection_body_due(c);
    }
    if (c->collected) {
        if (!collect(c, piece))
            mr_http_connection_fault(c, 413, "The body is longer than what is taken here.");
    } else if (c->events && c->events->body) {
        c->events->body(&c->x, piece);
    }
}

/* Says that the body is whole, once the owner asked for it. */
static void body_whole(struct mr_http_connection *c)
{
    c->body_told = true;
    c->wanted = false;
    mr_http_connection_in_due(c, MR_HTTP_NEVER_MS);
    if (c->collected)
        c->collected(&c->x, mr_slice(c->body ? c->body : "", c->body_bytes));
    else if (c->events && c->events->body_end)
        c->events->body_end(&c->x);
}

/* Says that the client will send no more, where its request is whole. */
static void input_ended(struct mr_http_connection *c)
{
    if (c->state != MR_HTTP_OPEN || !c->body_done || c->in.len > 0 || c->end_told)
        return;
    c->end_told = true;
    if (c->events && c->events->input_end)
        c->events->input_end(&c->x);
}

/* ---- input ---- */

/* True while the parser may be asked for more. */
static bool may_parse(const struct mr_http_connection *c)
{
    switch (c->state) {
    case MR_HTTP_IDLE:
    case MR_HTTP_IN_HEAD:
        return true;
    case MR_HTTP_OPEN: /* without a body DONE takes no input, and frees the owner's answer of it */
        return !c->body_done &&
               (c->wanted || mr_http_parse_request(c->parse)->framing == MR_HTTP_NO_BODY);
    case MR_HTTP_REST:
        return !c->body_done;
    default:
        return false;
    }
}

static void input_used_up(struct mr_http_connection *c)
{
    if (c->state == MR_HTTP_IDLE && mr_http_parse_in_head(c->parse))
        mr_http_connection_move(c, MR_HTTP_IN_HEAD);
    if (c->state == MR_HTTP_OPEN && c->wanted && !c->continued) {
        c->continued = true;
        mr_http_send_now(c, mr_slice_text(MR_HTTP_CONTINUE), mr_slice(NULL, 0));
    }
    if (!c->eof)
        return;
    if (c->state == MR_HTTP_IDLE)
        mr_http_connection_close(c, false);
    else if (c->state == MR_HTTP_IN_HEAD || c->state == MR_HTTP_OPEN)
        mr_http_connection_fault(c, 400, "The connection ended in the middle of the request.");
    else if (c->state == MR_HTTP_REST)
        mr_http_connection_finish(c);
}

/* One event of the parser; false when it has nothing more to say for now. */
static bool parse_step(struct mr_http_connection *c)
{
    struct mr_slice piece;
    switch (mr_http_parse_next(c->parse, &c->in, &piece)) {
    case MR_HTTP_MORE:
        input_used_up(c);
        return false;
    case MR_HTTP_HEAD:
        begin_exchange(c);
        return true;
    case MR_HTTP_BODY:
        body_piece(c, piece);
        return true;
    case MR_HTTP_DONE:
        c->body_done = true;
        if (c->state == MR_HTTP_REST)
            mr_http_connection_in_due(c, MR_HTTP_NEVER_MS);
        mr_http_connection_rest(c);
        return true;
    case MR_HTTP_ERROR:
        mr_http_connection_fault(c, mr_http_parse_error(c->parse)->status,
                                 mr_http_parse_error(c->parse)->text.text);
        return false;
    }
    abort();
}

static void run(struct mr_http_connection *c)
{
    c->running = true;
    int messages = 0;
    while (!c->lost) {
        if (c->state == MR_HTTP_OPEN && c->body_done && c->wanted && !c->body_told)
            body_whole(c);
        if (!may_parse(c))
            break;
        if (c->state == MR_HTTP_IDLE && messages++ == MESSAGES_MAX)
            break; /* between messages, where the parser has nothing left to say without input */
        if (!parse_step(c))
            break;
    }
    if (c->eof && !c->lost)
        input_ended(c);
    c->running = false;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct mr_http_connection *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->server->read_bytes, MR_HTTP_READ_BYTES);
}

/* Reading is on exactly while nothing waits to be parsed. What waits inside the server's read
 * buffer moves to memory of its own. */
static void settle(struct mr_http_connection *c)
{
    if (c->state == MR_HTTP_CLOSED) {
        c->in = mr_slice(NULL, 0);
        return;
    }
    if (c->in.len == 0) {
        free(c->left);
        c->left = NULL;
        if (!c->reading && !c->eof && !c->lost)
            c->reading = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0;
        return;
    }
    bool mine = c->left != NULL;
    if (!mine) {
        c->left = malloc(c->in.len);
        if (!c->left)
            abort();
        memcpy(c->left, c->in.data, c->in.len);
        c->in.data = c->left;
    }
    if (c->reading)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = false;
    if (may_parse(c))
        mr_http_connection_kick(c); /* its share of this turn was used up */
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct mr_http_connection *c = stream->data;
    if (n == 0)
        return; /* would block */
    if (n < 0 && n != UV_EOF) {
        mr_http_connection_lose(c);
        return;
    }
    if (n == UV_EOF) {
        c->eof = true;
        c->reading = false;
        uv_read_stop(stream);
        if (c->state == MR_HTTP_LINGER) {
            mr_http_connection_close(c, false);
            return;
        }
    } else if (c->state == MR_HTTP_LAST || c->state == MR_HTTP_LINGER) {
        return; /* dropped */
    } else {
        assert(c->in.len == 0);
        c->in = mr_slice(buf->base, (size_t)n);
    }
    mr_http_input_run(c);
}

void mr_http_input_run(struct mr_http_connection *c)
{
    run(c);
    settle(c);
}
