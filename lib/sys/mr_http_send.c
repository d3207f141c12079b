/* A connection's output: what the socket takes at once is never copied; the rest waits in two
 * buffers, of which one is with libuv. */
#include "mr_http_connection.h"

#include <assert.h>
#include <limits.h>

#define FLUSH_BYTES 16384 /* enough for a packet's worth; more is not worth waiting for */
#define KEEP_BYTES  16384 /* what an emptied buffer may keep of its memory */

size_t mr_http_send_unsent(const struct mr_http_connection *c)
{
    return c->out.len + (c->writing ? uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) : 0);
}

static void buffer_empty(struct mr_buf *buf)
{
    if (buf->size > KEEP_BYTES)
        mr_buf_free(buf);
    else
        mr_buf_reset(buf);
}

/* How much of both the socket took; 0 where it is full. A broken one is noted, and takes all. */
static size_t try_write(struct mr_http_connection *c, struct mr_slice a, struct mr_slice b)
{
    uv_buf_t bufs[2] = {uv_buf_init((char *)(uintptr_t)a.data, (unsigned)a.len),
                        uv_buf_init((char *)(uintptr_t)b.data, (unsigned)b.len)};
    assert(a.len <= UINT_MAX && b.len <= UINT_MAX);
    int n = uv_try_write((uv_stream_t *)&c->tcp, bufs, b.len > 0 ? 2 : 1);
    if (n >= 0)
        return (size_t)n;
    if (n == UV_EAGAIN)
        return 0;
    mr_http_connection_lose(c);
    return a.len + b.len;
}

static void on_written(uv_write_t *req, int status)
{
    struct mr_http_connection *c = req->data;
    c->writing = false;
    buffer_empty(&c->flight);
    if (c->state == MR_HTTP_CLOSED)
        return;
    if (status < 0) {
        mr_http_connection_lose(c);
        return;
    }
    mr_http_send_flush(c);
    mr_http_connection_sent(c);
}

void mr_http_send_flush(struct mr_http_connection *c)
{
    if (c->writing || c->out.len == 0)
        return;
    if (c->lost) {
        buffer_empty(&c->out);
        return;
    }
    size_t sent = try_write(c, mr_buf_all(&c->out), mr_slice(NULL, 0));
    if (sent == c->out.len) {
        buffer_empty(&c->out);
        mr_http_connection_out_due(c, MR_HTTP_NEVER_MS);
        return;
    }
    struct mr_buf swap = c->flight;
    c->flight = c->out;
    c->out = swap;
    uv_buf_t buf = uv_buf_init(c->flight.data + sent, (unsigned)(c->flight.len - sent));
    c->write.data = c;
    c->writing = true;
    int rc = uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
    if (rc != 0) {
        c->writing = false;
        buffer_empty(&c->flight);
        mr_http_connection_lose(c);
        return;
    }
    mr_http_connection_out_due(c, c->server->options.send_timeout_ms);
}

void mr_http_send_now(struct mr_http_connection *c, struct mr_slice head, struct mr_slice body)
{
    if (c->lost)
        return;
    size_t sent = c->writing || c->out.len > 0 ? 0 : try_write(c, head, body);
    if (sent == head.len + body.len)
        return;
    if (sent < head.len)
        mr_buf_add(&c->out, head.data + sent, head.len - sent);
    size_t of_body = sent > head.len ? sent - head.len : 0;
    if (body.len > of_body)
        mr_buf_add(&c->out, body.data + of_body, body.len - of_body);
    mr_http_send_flush(c);
}

void mr_http_send_queue(struct mr_http_connection *c, struct mr_slice piece)
{
    if (!c->lost)
        mr_buf_add(&c->out, piece.data, piece.len);
}

void mr_http_send_soon(struct mr_http_connection *c, struct mr_slice piece)
{
    mr_http_send_queue(c, piece);
    if (c->out.len >= FLUSH_BYTES)
        mr_http_send_flush(c);
    if (c->out.len > 0 && !c->writing)
        mr_http_connection_kick(c);
}
