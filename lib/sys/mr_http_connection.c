/* A connection: its states, its deadlines, and how it ends. What comes in is mr_http_input.c's. */
#include "mr_http_connection.h"

#include "mr_map.h"
#include <assert.h>
#include <stdlib.h>

#define LINGER_MS      2000
#define DROP_BYTES_MAX 65536 /* of a body nobody wants, before it is cheaper to close */

/* ---- deadlines ---- */

static void timer_set(struct mr_http_connection *c)
{
    int64_t due_ms = c->in_due_ms < c->out_due_ms ? c->in_due_ms : c->out_due_ms;
    /* One that is too early looks again when it fires: cheaper than to set it for each request. */
    if (due_ms >= c->timer_ms)
        return;
    int64_t wait_ms = due_ms - mr_loop_now_ms(c->server->loop);
    c->timer_ms = due_ms;
    mr_timer_start(&c->timer, wait_ms > 0 ? wait_ms : 0);
}

static int64_t due(const struct mr_http_connection *c, int64_t wait_ms)
{
    return wait_ms == MR_HTTP_NEVER_MS ? MR_HTTP_NEVER_MS
                                       : mr_loop_now_ms(c->server->loop) + wait_ms;
}

void mr_http_connection_in_due(struct mr_http_connection *c, int64_t wait_ms)
{
    c->in_due_ms = due(c, wait_ms);
    timer_set(c);
}

void mr_http_connection_out_due(struct mr_http_connection *c, int64_t wait_ms)
{
    c->out_due_ms = due(c, wait_ms);
    c->unsent_seen = mr_http_send_unsent(c);
    timer_set(c);
}

/* ---- states ---- */

/* The one place where a connection changes its state. */
void mr_http_connection_move(struct mr_http_connection *c, enum mr_http_state state)
{
    const struct mr_http_server_options *o = &c->server->options;
    if (c->state == MR_HTTP_IDLE)
        DL_DELETE2(c->server->idle, c, idle_prev, idle_next);
    c->state = state;
    switch (state) {
    case MR_HTTP_IDLE:
        DL_APPEND2(c->server->idle, c, idle_prev, idle_next);
        mr_http_connection_in_due(c, o->keep_alive_ms);
        return;
    case MR_HTTP_IN_HEAD:
        mr_http_connection_in_due(c, o->header_timeout_ms);
        return;
    case MR_HTTP_REST:
        mr_http_connection_in_due(c, c->body_done ? MR_HTTP_NEVER_MS : o->body_timeout_ms);
        return;
    case MR_HTTP_LINGER:
        mr_http_connection_in_due(c, LINGER_MS);
        return;
    case MR_HTTP_OPEN:
    case MR_HTTP_LAST: /* the sender's deadline counts */
    case MR_HTTP_CLOSED:
        mr_http_connection_in_due(c, MR_HTTP_NEVER_MS);
        return;
    }
}

static void forget_exchange(struct mr_http_connection *c)
{
    if (c->memory)
        mr_http_server_give_memory(c->server, c->memory);
    c->memory = NULL;
    c->events = NULL;
    c->collected = NULL;
    c->body = NULL;
    c->x = (struct mr_http_exchange){0};
    c->wanted = c->full = false;
}

static void on_closed(uv_handle_t *handle)
{
    mr_http_server_give(handle->data);
}

void mr_http_connection_close(struct mr_http_connection *c, bool reset)
{
    if (c->state == MR_HTTP_CLOSED)
        return;
    mr_timer_stop(&c->timer);
    mr_deferred_stop(&c->kick);
    mr_http_connection_move(c, MR_HTTP_CLOSED);
    forget_exchange(c);
    c->in = mr_slice(NULL, 0);
    if (!reset || uv_tcp_close_reset(&c->tcp, on_closed) != 0)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* Tells the owner and takes the exchange from it. */
static void tell_gone(struct mr_http_connection *c)
{
    if (c->state != MR_HTTP_OPEN)
        return;
    const struct mr_http_exchange_events *events = c->events;
    if (c->server->gone_total)
        mr_counter_add(c->server->gone_total, 1);
    c->events = NULL; /* the owner may still call answer(): nothing comes of it */
    c->lost = true;
    if (events && events->gone)
        events->gone(&c->x);
    c->lost = false;
    mr_http_connection_move(c, MR_HTTP_REST);
}

void mr_http_connection_break(struct mr_http_connection *c)
{
    tell_gone(c);
    mr_http_connection_close(c, c->begun);
}

void mr_http_connection_lose(struct mr_http_connection *c)
{
    c->lost = true;
    mr_http_connection_kick(c);
}

static void on_shut(uv_shutdown_t *req, int status)
{
    (void)req;
    (void)status; /* the end of input, an error or the deadline ends the wait in any case */
}

/* All that was to be sent is on its way; what the client still sends is read and dropped. */
static void linger(struct mr_http_connection *c)
{
    c->shutdown.data = c;
    if (c->eof || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shut) != 0)
        mr_http_connection_close(c, false);
    else
        mr_http_connection_move(c, MR_HTTP_LINGER);
}

/* Nothing more is asked of this connection but to send what is unsent. */
void mr_http_connection_finish(struct mr_http_connection *c)
{
    forget_exchange(c);
    c->in = mr_slice(NULL, 0);
    mr_http_connection_move(c, MR_HTTP_LAST);
    if (mr_http_send_unsent(c) == 0)
        linger(c);
}

/* ---- refusals ---- */

/* Answers what is no exchange, or not any more, and ends the connection. */
static void refuse(struct mr_http_connection *c, int32_t status, const char *text)
{
    struct mr_http_server *server = c->server;
    const struct mr_problem_type *type = mr_problem_of_status(status);
    struct mr_problem problem = mr_problem_of(type, mr_slice_text(text));
    struct mr_buf body, *head = &server->scratch;
    problem.status = status;
    mr_buf_init(&body, 0);
    mr_problem_write(&problem, &body);
    const struct mr_http_field field = {mr_slice_text("Content-Type"),
                                        mr_slice_text(MR_PROBLEM_CONTENT_TYPE)};
    const struct mr_http_answer answer = {.status = status,
                                          .date = mr_http_server_date(server),
                                          .framing = MR_HTTP_ANSWER_LENGTH,
                                          .content_length = body.len,
                                          .close = true,
                                          .fields = &field,
                                          .field_count = 1};
    mr_buf_reset(head);
    enum mr_status s = mr_http_write_head(head, &answer, NULL);
    assert(s == MR_OK); /* every part of it is ours */
    mr_http_send_now(c, mr_buf_all(head), mr_buf_all(&body));
    mr_buf_free(&body);
    if (server->refused_total)
        mr_counter_add(server->refused_total, 1);
    mr_http_connection_finish(c);
}

/* The client's mistake ends the exchange that it belongs to, if there is one. */
void mr_http_connection_fault(struct mr_http_connection *c, int32_t status, const char *text)
{
    bool was_open = c->state == MR_HTTP_OPEN;
    bool may_answer =
        c->state == MR_HTTP_IDLE || c->state == MR_HTTP_IN_HEAD || (was_open && !c->begun);
    tell_gone(c);
    if (may_answer)
        refuse(c, status, text);
    else if (was_open)
        mr_http_connection_close(c, true); /* half an answer must not look like a whole one */
    else
        mr_http_connection_finish(c);
}

static void on_timer(void *data)
{
    struct mr_http_connection *c = data;
    int64_t now_ms = mr_loop_now_ms(c->server->loop);
    c->timer_ms = MR_HTTP_NEVER_MS;
    if (c->out_due_ms <= now_ms) {
        size_t unsent = mr_http_send_unsent(c);
        if (unsent >= c->unsent_seen) {
            tell_gone(c);
            mr_http_connection_close(c, true);
            return;
        }
        mr_http_connection_out_due(c, c->server->options.send_timeout_ms);
    }
    if (c->in_due_ms > now_ms) {
        timer_set(c);
        return;
    }
    if (c->state == MR_HTTP_IN_HEAD)
        mr_http_connection_fault(c, 408, "The head of the request took too long to arrive.");
    else if (c->state == MR_HTTP_OPEN)
        mr_http_connection_fault(c, 408, "The body of the request took too long to arrive.");
    else
        mr_http_connection_close(c, false);
}

/* ---- the exchange ---- */

bool mr_http_connection_may_drop(const struct mr_http_connection *c)
{
    const struct mr_http_request *req = mr_http_parse_request(c->parse);
    if (c->body_done || req->framing == MR_HTTP_NO_BODY)
        return true;
    return c->continued && req->framing == MR_HTTP_LENGTH &&
           req->content_length - c->body_seen <= DROP_BYTES_MAX;
}

/* The answer is given and sent, the body is past: the next request, or the end. */
static void next_request(struct mr_http_connection *c)
{
    bool at_end = c->eof && c->in.len == 0;
    if (c->last || at_end || c->server->phase == MR_HTTP_ENDING) {
        mr_http_connection_finish(c);
        return;
    }
    mr_http_connection_move(c, MR_HTTP_IDLE);
    if (!c->running && c->in.len > 0)
        mr_http_connection_kick(c);
}

void mr_http_connection_rest(struct mr_http_connection *c)
{
    if (c->state == MR_HTTP_REST && c->body_done && mr_http_send_unsent(c) == 0)
        next_request(c);
}

void mr_http_connection_over(struct mr_http_connection *c)
{
    if (!mr_http_connection_may_drop(c))
        c->last = true; /* the answer's head said so where it could */
    forget_exchange(c);
    if (c->last && !c->lost) {
        mr_http_connection_finish(c);
        return;
    }
    mr_http_connection_move(c, MR_HTTP_REST);
    mr_http_connection_rest(c);
    if (c->state == MR_HTTP_REST && !c->body_done && !c->running)
        mr_http_connection_kick(c);
}

void mr_http_connection_sent(struct mr_http_connection *c)
{
    if (c->lost || mr_http_send_unsent(c) > 0)
        return;
    mr_http_connection_out_due(c, MR_HTTP_NEVER_MS);
    if (c->state == MR_HTTP_LAST) {
        linger(c);
    } else if (c->state == MR_HTTP_OPEN && c->full) {
        c->full = false;
        if (c->events && c->events->drained)
            c->events->drained(&c->x);
    } else {
        mr_http_connection_rest(c);
    }
}

void mr_http_connection_body_due(struct mr_http_connection *c)
{
    c->body_renewed = c->body_seen;
    mr_http_connection_in_due(c, c->wanted ? c->server->options.body_timeout_ms : MR_HTTP_NEVER_MS);
}

/* ---- the beginning, and going on ---- */

static void on_kick(void *data)
{
    struct mr_http_connection *c = data;
    mr_http_send_flush(c);
    if (c->lost) {
        tell_gone(c);
        mr_http_connection_close(c, false);
        return;
    }
    mr_http_connection_sent(c);
    if (c->state == MR_HTTP_CLOSED)
        return;
    mr_http_input_run(c);
}

void mr_http_connection_kick(struct mr_http_connection *c)
{
    if (c->state != MR_HTTP_CLOSED)
        mr_deferred_start(&c->kick);
}

void mr_http_connection_accept(struct mr_http_server *server)
{
    struct mr_http_connection *c = mr_http_server_take(server);
    uv_tcp_init(&server->loop->uv, &c->tcp);
    c->tcp.data = c;
    c->write.data = c;
    c->in_due_ms = c->out_due_ms = c->timer_ms = MR_HTTP_NEVER_MS;
    mr_timer_init(&c->timer, server->loop, on_timer, c);
    mr_deferred_init(&c->kick, server->loop, on_kick, c);
    c->parse = mr_http_parse_new(&server->options.limits);
    DL_APPEND2(server->idle, c, idle_prev, idle_next); /* IDLE is a zeroed connection's state */
    mr_http_connection_in_due(c, server->options.header_timeout_ms);
    if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&c->tcp) != 0) {
        mr_http_connection_close(c, false);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    mr_http_input_run(c);
}
