#include "http_rig.h"

#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_MS 20000

static void on_guard(void *data)
{
    struct http_rig *rig = data;
    for (int i = 0; i < rig->client_count; i++)
        cr_log_error("client %d got: %s", i, client_got(&rig->clients[i]));
    cr_assert_fail("what the test waits for did not come");
}

static void on_ended(void *data)
{
    struct http_rig *rig = data;
    rig->ended = true;
}

void rig_init(struct http_rig *rig, void (*request)(struct mr_http_exchange *x, void *data))
{
    *rig = (struct http_rig){0};
    mr_loop_init(&rig->loop, NULL);
    rig->options = mr_http_server_options_default();
    rig->options.request = request;
    rig->options.ended = on_ended;
    rig->options.data = rig;
    mr_buf_init(&rig->body, 0);
    mr_timer_init(&rig->guard, &rig->loop, on_guard, rig);
    mr_timer_start(&rig->guard, GUARD_MS);
}

void rig_start(struct http_rig *rig)
{
    struct mr_error why;
    rig->server = mr_http_server_new(&rig->loop, &rig->options);
    cr_assert_eq(mr_http_server_listen(rig->server, "127.0.0.1", 0, &rig->port, &why), MR_OK, "%s",
                 why.text);
}

void rig_stop(struct http_rig *rig)
{
    for (int i = 0; i < rig->client_count; i++)
        client_close(&rig->clients[i], false);
    if (!rig->ended)
        mr_http_server_close(rig->server);
    RIG_UNTIL(rig, rig->ended);
    mr_timer_stop(&rig->guard);
    mr_loop_close(&rig->loop);
    for (int i = 0; i < rig->client_count; i++)
        mr_buf_free(&rig->clients[i].got);
    mr_buf_free(&rig->body);
}

/* ---- clients ---- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct rig_client *client = handle->data;
    (void)size;
    *buf = uv_buf_init(client->piece, sizeof client->piece);
}

/* libuv calls a hang-up after the last bytes the end of input, even where it was a reset. */
static bool was_reset(const uv_stream_t *stream)
{
    int fd, error = 0;
    socklen_t size = sizeof error;
    return uv_fileno((const uv_handle_t *)stream, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct rig_client *client = stream->data;
    if (n > 0)
        mr_buf_add(&client->got, buf->base, (size_t)n);
    else if (n == UV_EOF && !was_reset(stream))
        client->eof = true;
    else if (n < 0)
        client->broken = true;
    if (n < 0)
        uv_read_stop(stream);
}

void client_read(struct rig_client *client)
{
    cr_assert_eq(uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read), 0);
}

void client_hold(struct rig_client *client)
{
    uv_read_stop((uv_stream_t *)&client->tcp);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct rig_client *client = req->data;
    if (status == UV_ECANCELED)
        return;
    cr_assert_eq(status, 0, "%s", uv_strerror(status));
    client->connected = true;
    client_read(client);
}

struct rig_client *rig_connect(struct http_rig *rig)
{
    struct sockaddr_in address;
    cr_assert_lt(rig->client_count, RIG_CLIENTS_MAX);
    struct rig_client *client = &rig->clients[rig->client_count++];
    client->rig = rig;
    mr_buf_init(&client->got, 0);
    uv_tcp_init(&rig->loop.uv, &client->tcp);
    client->tcp.data = client->connect.data = client;
    uv_ip4_addr("127.0.0.1", rig->port, &address);
    uv_tcp_connect(&client->connect, &client->tcp, (struct sockaddr *)&address, on_connect);
    RIG_UNTIL(rig, client->connected);
    return client;
}

struct sending {
    uv_write_t req;
    struct rig_client *client;
    size_t len;
    char data[];
};

static void on_sent(uv_write_t *req, int status)
{
    struct sending *s = req->data;
    s->client->unsent -= s->len;
    (void)status; /* a broken one is seen by the reader */
    free(s);
}

void client_send(struct rig_client *client, const void *data, size_t len)
{
    struct sending *s = malloc(sizeof *s + len);
    cr_assert(s);
    memcpy(s->data, data, len);
    s->client = client;
    s->len = len;
    s->req.data = s;
    client->unsent += len;
    uv_buf_t buf = uv_buf_init(s->data, (unsigned)len);
    cr_assert_eq(uv_write(&s->req, (uv_stream_t *)&client->tcp, &buf, 1, on_sent), 0);
}

void client_text(struct rig_client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

static void on_shut(uv_shutdown_t *req, int status)
{
    (void)status;
    free(req);
}

void client_shut(struct rig_client *client)
{
    uv_shutdown_t *req = malloc(sizeof *req);
    cr_assert(req);
    cr_assert_eq(uv_shutdown(req, (uv_stream_t *)&client->tcp, on_shut), 0);
}

void client_close(struct rig_client *client, bool reset)
{
    if (client->closed)
        return;
    client->closed = true;
    if (!reset || uv_tcp_close_reset(&client->tcp, NULL) != 0)
        uv_close((uv_handle_t *)&client->tcp, NULL);
}

const char *client_got(struct rig_client *client)
{
    mr_buf_char(&client->got, '\0');
    client->got.len--;
    return client->got.data;
}

int client_count(struct rig_client *client, const char *part)
{
    int count = 0;
    for (const char *p = client_got(client); (p = strstr(p, part)); p += strlen(part))
        count++;
    return count;
}

bool client_has(struct rig_client *client, const char *part)
{
    return client_count(client, part) > 0;
}

/* ---- handlers ---- */

void answer_text(struct mr_http_exchange *x, int32_t status, const char *text)
{
    const struct mr_http_field type = {mr_slice_text("Content-Type"), mr_slice_text("text/plain")};
    mr_http_exchange_answer(x, status, &type, 1, mr_slice_text(text));
}

void answer_path(struct mr_http_exchange *x, void *data)
{
    struct http_rig *rig = data;
    rig->requests++;
    mr_http_exchange_answer(x, 200, NULL, 0, x->request->path);
}

static void on_gone(struct mr_http_exchange *x)
{
    struct http_rig *rig = x->data;
    rig->gone++;
    rig->x = NULL;
}

static void on_piece(struct mr_http_exchange *x, struct mr_slice piece)
{
    struct http_rig *rig = x->data;
    mr_buf_slice(&rig->body, piece);
}

static void on_body_end(struct mr_http_exchange *x)
{
    struct http_rig *rig = x->data;
    rig->body_ends++;
}

static void stream_on(struct mr_http_exchange *x)
{
    static const char chunk[4096] = {0};
    struct http_rig *rig = x->data;
    while (rig->written_bytes < rig->stream_bytes) {
        enum mr_status s = mr_http_exchange_write(x, mr_slice(chunk, sizeof chunk));
        if (s == MR_LOST)
            return;
        rig->written_bytes += sizeof chunk;
        rig->was_full |= s == MR_LIMIT;
        if (s == MR_LIMIT)
            return;
    }
    rig->x = NULL;
    mr_http_exchange_end(x);
}

static void on_drained(struct mr_http_exchange *x)
{
    struct http_rig *rig = x->data;
    rig->drained++;
    stream_on(x);
}

static const struct mr_http_exchange_events events = {
    .gone = on_gone, .body = on_piece, .body_end = on_body_end, .drained = on_drained};

static void on_collected(struct mr_http_exchange *x, struct mr_slice body)
{
    mr_http_exchange_answer(x, 200, NULL, 0, body);
}

void answer_body(struct mr_http_exchange *x, void *data)
{
    struct http_rig *rig = data;
    rig->requests++;
    mr_http_exchange_on(x, &events, rig);
    mr_http_exchange_collect(x, 100000, on_collected);
}

void keep(struct mr_http_exchange *x, void *data)
{
    struct http_rig *rig = data;
    rig->requests++;
    rig->x = x;
    mr_http_exchange_on(x, &events, rig);
}

void keep_pieces(struct mr_http_exchange *x, void *data)
{
    keep(x, data);
    mr_http_exchange_body_max(x, (uint64_t)1 << 30);
    mr_http_exchange_read(x);
}

void stream(struct mr_http_exchange *x, void *data)
{
    struct http_rig *rig = data;
    keep(x, data);
    mr_http_exchange_begin(x, 200, NULL, 0, MR_HTTP_LENGTH_UNKNOWN);
    rig->written_bytes = 0;
    stream_on(x);
}
