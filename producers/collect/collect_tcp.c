#include "collect_tcp.h"

#include "collect_address.h"
#include "mr_frames.h"
#include "mr_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES   65536
#define BACKLOG      511
#define KEEP_ALIVE_S 60 /* a sender that is gone without a word is noticed */

struct connection {
    uv_tcp_t handle;
    struct collect_tcp *tcp;
    struct connection *next, *prev;
    struct mr_frames *frames;
    struct in6_addr address;
    /* HELD: what is left of the input; room for READ_BYTES, made when it is first needed */
    char *left;
    size_t left_at, left_end;
    bool reading;
    bool held;    /* for want of room */
    bool yielded; /* its turn was over; it goes on in the next */
    bool ended;   /* by the sender, or broken */
    bool closing;
};

struct collect_tcp {
    struct collect_tcp_settings set;
    uv_tcp_t listener;
    bool listening, accept_waits, closing;
    struct connection *connections; /* a utlist */
    uint32_t count;
    uint64_t bytes, bytes_seen;
    struct mr_deferred go_on; /* for those that yielded */
    struct mr_gauge *gauge, *held_gauge;
    struct mr_counter *accepted;
    void (*on_closed)(void *owner);
    void *closed_owner;
    char read_bytes[READ_BYTES]; /* one serves all: a callback takes it or copies the rest */
};

static void accept_one(struct collect_tcp *tcp);
static void alloc_read(uv_handle_t *handle, size_t suggested, uv_buf_t *out);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

/* ---- the end of a connection ---- */

static void end_if_closed(struct collect_tcp *tcp)
{
    if (!tcp->closing || tcp->listening || tcp->count > 0)
        return;
    void (*on_closed)(void *) = tcp->on_closed;
    void *closed_owner = tcp->closed_owner;
    mr_deferred_stop(&tcp->go_on);
    free(tcp);
    if (on_closed)
        on_closed(closed_owner);
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    struct collect_tcp *tcp = c->tcp;
    DL_DELETE(tcp->connections, c);
    tcp->count--;
    mr_gauge_set(tcp->gauge, tcp->count);
    mr_frames_free(c->frames);
    free(c->left);
    free(c);
    if (tcp->accept_waits && !tcp->closing)
        accept_one(tcp);
    end_if_closed(tcp);
}

static void set_held(struct connection *c, bool held)
{
    if (c->held == held)
        return;
    c->held = held;
    mr_gauge_add(c->tcp->held_gauge, held ? 1 : -1);
}

static void close_connection(struct connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    set_held(c, false);
    uv_close((uv_handle_t *)&c->handle, on_connection_closed);
}

/* ---- messages ---- */

static void take_frame(struct connection *c, const struct mr_frame *frame)
{
    const struct collect_tcp *tcp = c->tcp;
    struct collect_source *source =
        collect_sources_of(collect_pipe_sources(tcp->set.pipe), &c->address);
    collect_pipe_count(tcp->set.pipe, tcp->set.protocol, frame->text.len, source);
    if (tcp->set.protocol == COLLECT_GELF_TCP)
        collect_pipe_gelf(tcp->set.pipe, tcp->set.protocol, frame->text, frame->is_cut, source);
    else
        collect_pipe_syslog(tcp->set.pipe, tcp->set.protocol, frame->text, frame->is_cut, source);
}

/* False: the pipe has no room, and in begins with what is not taken. */
static bool take(struct connection *c, struct mr_slice *in)
{
    struct mr_frame frame;
    while (collect_pipe_has_room(c->tcp->set.pipe)) {
        if (!mr_frames_next(c->frames, in, &frame))
            return true;
        take_frame(c, &frame);
    }
    return false;
}

static void set_reading(struct connection *c, bool reading)
{
    if (c->reading == reading || c->closing)
        return;
    c->reading = reading;
    if (reading)
        uv_read_start((uv_stream_t *)&c->handle, alloc_read, on_read);
    else
        uv_read_stop((uv_stream_t *)&c->handle);
}

static void hold(struct connection *c, struct mr_slice rest)
{
    set_reading(c, false);
    set_held(c, true);
    if (rest.len == 0 || rest.data == c->left + c->left_at)
        return;
    if (!c->left && !(c->left = malloc(READ_BYTES)))
        abort();
    assert(rest.len <= READ_BYTES);
    memmove(c->left, rest.data, rest.len);
    c->left_at = 0;
    c->left_end = rest.len;
}

/* The stream is over: its last message may have no end of its own. */
static void finish(struct connection *c)
{
    struct mr_frame frame;
    if (!collect_pipe_has_room(c->tcp->set.pipe)) {
        set_held(c, true);
        return;
    }
    if (mr_frames_end(c->frames, &frame))
        take_frame(c, &frame);
    close_connection(c);
}

/* What was held goes first. */
static void resume(struct connection *c)
{
    if (c->closing)
        return;
    struct mr_slice in = mr_slice(c->left + c->left_at, c->left_end - c->left_at);
    c->yielded = false;
    if (in.len > 0) {
        bool is_taken = take(c, &in);
        c->left_at = c->left_end - in.len;
        if (!is_taken) {
            set_held(c, true);
            return;
        }
        c->left_at = c->left_end = 0;
    }
    set_held(c, false);
    if (c->ended)
        finish(c);
    else
        set_reading(c, true);
}

/* ---- reading ---- */

static void alloc_read(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    const struct connection *c = handle->data;
    (void)suggested;
    *out = uv_buf_init(c->tcp->read_bytes, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    if (n == 0)
        return; /* not now */
    if (n < 0) {
        set_reading(c, false);
        c->ended = true;
        finish(c);
        return;
    }
    struct mr_slice in = mr_slice(buf->base, (size_t)n);
    c->tcp->bytes += (size_t)n;
    collect_pipe_tick(c->tcp->set.pipe);
    if (!take(c, &in)) {
        hold(c, in);
    } else if (n == READ_BYTES) {
        /* There is more, and libuv would go on reading it at once: others have their turn first. */
        set_reading(c, false);
        c->yielded = true;
        mr_deferred_start(&c->tcp->go_on);
    }
}

static void on_go_on(void *data)
{
    struct collect_tcp *tcp = data;
    struct connection *c, *next;
    DL_FOREACH_SAFE (tcp->connections, c, next) {
        if (c->yielded)
            resume(c);
    }
}

void collect_tcp_resume(struct collect_tcp *tcp)
{
    struct connection *c, *next;
    collect_pipe_tick(tcp->set.pipe);
    DL_FOREACH_SAFE (tcp->connections, c, next) {
        if (c->held)
            resume(c);
    }
    /* The first ones would always be the first to be served. */
    if (tcp->connections && tcp->connections->next) {
        c = tcp->connections;
        DL_DELETE(tcp->connections, c);
        DL_APPEND(tcp->connections, c);
    }
}

/* ---- accepting ---- */

static void note_peer(struct connection *c)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    int len = sizeof peer;
    uv_tcp_getpeername(&c->handle, (struct sockaddr *)&peer, &len);
    c->address = collect_address_of((const struct sockaddr *)&peer);
}

static void accept_one(struct collect_tcp *tcp)
{
    tcp->accept_waits = tcp->count == COLLECT_CONNECTIONS_MAX;
    if (tcp->accept_waits)
        return; /* libuv asks no more until this one is accepted */
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->tcp = tcp;
    c->frames =
        mr_frames_new(tcp->set.protocol == COLLECT_GELF_TCP ? MR_FRAMES_NUL : MR_FRAMES_SYSLOG,
                      tcp->set.message_bytes_max);
    uv_tcp_init(&tcp->set.loop->uv, &c->handle);
    c->handle.data = c;
    DL_APPEND(tcp->connections, c);
    tcp->count++;
    mr_gauge_set(tcp->gauge, tcp->count);
    mr_counter_add(tcp->accepted, 1);
    if (uv_accept((uv_stream_t *)&tcp->listener, (uv_stream_t *)&c->handle) != 0) {
        close_connection(c);
        return;
    }
    uv_tcp_keepalive(&c->handle, 1, KEEP_ALIVE_S);
    note_peer(c);
    set_reading(c, true);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct collect_tcp *tcp = listener->data;
    if (status == 0)
        accept_one(tcp);
}

/* ---- life ---- */

static enum mr_status listen_on(struct collect_tcp *tcp, struct mr_error *why)
{
    const struct collect_tcp_settings *set = &tcp->set;
    struct sockaddr_storage address;
    int len = sizeof address;
    enum mr_status s = collect_address_read(set->address, set->port, &address, why);
    if (s != MR_OK)
        return s;
    int e = uv_tcp_bind(&tcp->listener, (const struct sockaddr *)&address, 0);
    if (e == 0)
        e = uv_listen((uv_stream_t *)&tcp->listener, BACKLOG, on_connection);
    if (e == 0)
        e = uv_tcp_getsockname(&tcp->listener, (struct sockaddr *)&address, &len);
    if (e != 0)
        return mr_fail(why, MR_INVALID, "%s: cannot listen on %s port %d (TCP): %s",
                       collect_protocol_text(set->protocol), set->address, set->port,
                       uv_strerror(e));
    collect_address_log(set->log, collect_protocol_text(set->protocol), set->address, &address);
    return MR_OK;
}

static void make_metrics(struct collect_tcp *tcp)
{
    struct mr_metrics *m = tcp->set.metrics;
    const char *protocol = collect_protocol_text(tcp->set.protocol);
    tcp->gauge = mr_metrics_gauge(m, "millrace_collect_connections", "Connections that are open",
                                  MR_LABELS({"protocol", protocol}));
    tcp->held_gauge = mr_metrics_gauge(m, "millrace_collect_connections_held",
                                       "Connections that are not read, since the log is away or "
                                       "too much is on its way to it",
                                       MR_LABELS({"protocol", protocol}));
    tcp->accepted =
        mr_metrics_counter(m, "millrace_collect_connections_total",
                           "Connections that were accepted", MR_LABELS({"protocol", protocol}));
}

enum mr_status collect_tcp_new(const struct collect_tcp_settings *settings,
                               struct collect_tcp **out, struct mr_error *why)
{
    struct collect_tcp *tcp = calloc(1, sizeof *tcp);
    if (!tcp)
        abort();
    tcp->set = *settings;
    mr_deferred_init(&tcp->go_on, settings->loop, on_go_on, tcp);
    make_metrics(tcp);
    uv_tcp_init(&settings->loop->uv, &tcp->listener);
    tcp->listener.data = tcp;
    tcp->listening = true;
    enum mr_status s = listen_on(tcp, why);
    if (s != MR_OK)
        collect_tcp_close(tcp, NULL, NULL);
    else
        *out = tcp;
    return s;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct collect_tcp *tcp = handle->data;
    tcp->listening = false;
    end_if_closed(tcp);
}

void collect_tcp_stop(struct collect_tcp *tcp)
{
    tcp->accept_waits = false;
    if (!uv_is_closing((uv_handle_t *)&tcp->listener))
        uv_close((uv_handle_t *)&tcp->listener, on_listener_closed);
}

bool collect_tcp_is_busy(struct collect_tcp *tcp)
{
    bool is_busy = tcp->bytes != tcp->bytes_seen || tcp->held_gauge->value > 0;
    tcp->bytes_seen = tcp->bytes;
    return is_busy;
}

/* What was read is taken where there is room, else it is lost, and counted. */
static void give_up(struct connection *c)
{
    struct mr_slice in = mr_slice(c->left + c->left_at, c->left_end - c->left_at);
    struct mr_frame frame;
    uint64_t lost = 0;
    bool has_room = in.len == 0 || take(c, &in);
    while (!has_room && mr_frames_next(c->frames, &in, &frame))
        lost++;
    if (mr_frames_end(c->frames, &frame)) {
        frame.is_cut = true; /* by us: its sender had more to say */
        if (has_room && collect_pipe_has_room(c->tcp->set.pipe))
            take_frame(c, &frame);
        else
            lost++;
    }
    if (lost > 0)
        collect_pipe_lose(c->tcp->set.pipe, c->tcp->set.protocol, COLLECT_GIVEN_UP, lost,
                          collect_sources_of(collect_pipe_sources(c->tcp->set.pipe), &c->address),
                          "there is no room at the end");
}

void collect_tcp_close(struct collect_tcp *tcp, void (*on_closed)(void *owner), void *owner)
{
    struct connection *c, *next;
    if (!tcp) {
        if (on_closed)
            on_closed(owner);
        return;
    }
    tcp->closing = true;
    tcp->on_closed = on_closed;
    tcp->closed_owner = owner;
    DL_FOREACH_SAFE (tcp->connections, c, next) {
        if (c->closing)
            continue;
        give_up(c);
        close_connection(c);
    }
    if (tcp->listening)
        collect_tcp_stop(tcp);
    else
        end_if_closed(tcp);
}
