/* What an owner does with its exchange. Nothing here calls the owner back. */
#include "mr_http_connection.h"

#include <assert.h>
#include <string.h>

static struct mr_http_connection *connection_of(const struct mr_http_exchange *x)
{
    return (struct mr_http_connection *)(uintptr_t)x; /* its first member */
}

void mr_http_exchange_on(struct mr_http_exchange *x, const struct mr_http_exchange_events *events,
                         void *data)
{
    struct mr_http_connection *c = connection_of(x);
    c->events = events;
    x->data = data;
}

/* ---- the body ---- */

void mr_http_exchange_body_max(struct mr_http_exchange *x, uint64_t bytes_max)
{
    struct mr_http_connection *c = connection_of(x);
    if (!c->body_done && c->body_seen == 0)
        mr_http_parse_body_max(c->parse, bytes_max);
}

void mr_http_exchange_read(struct mr_http_exchange *x)
{
    struct mr_http_connection *c = connection_of(x);
    if (c->wanted || c->body_told || c->lost)
        return;
    c->wanted = true;
    mr_http_connection_body_due(c);
    if (!c->running)
        mr_http_connection_kick(c);
}

bool mr_http_exchange_has_input_ended(const struct mr_http_exchange *x)
{
    const struct mr_http_connection *c = connection_of(x);
    return c->eof && c->in.len == 0;
}

void mr_http_exchange_pause(struct mr_http_exchange *x)
{
    struct mr_http_connection *c = connection_of(x);
    c->wanted = false;
    mr_http_connection_body_due(c);
}

void mr_http_exchange_collect(struct mr_http_exchange *x, uint64_t bytes_max,
                              void (*collected)(struct mr_http_exchange *x, struct mr_slice body))
{
    struct mr_http_connection *c = connection_of(x);
    c->collected = collected;
    c->collect_max = bytes_max;
    mr_http_exchange_body_max(x, bytes_max);
    mr_http_exchange_read(x);
}

/* ---- the answer ---- */

static bool has_no_body(int32_t status)
{
    return status == 204 || status == 304;
}

/* Writes the head into the server's scratch. length: of the body, or unknown. */
static struct mr_slice write_head(struct mr_http_connection *c, int32_t status,
                                  const struct mr_http_field *fields, size_t field_count,
                                  int64_t length)
{
    struct mr_http_server *server = c->server;
    struct mr_buf *out = &server->scratch;
    c->framing = has_no_body(status)                ? MR_HTTP_ANSWER_NO_BODY
                 : length != MR_HTTP_LENGTH_UNKNOWN ? MR_HTTP_ANSWER_LENGTH
                 : c->x.request->minor_version == 0 ? MR_HTTP_ANSWER_TO_CLOSE
                                                    : MR_HTTP_ANSWER_CHUNKED;
    c->last |= c->framing == MR_HTTP_ANSWER_TO_CLOSE || server->phase != MR_HTTP_ACCEPTING;
    c->begun = true;
    c->status = status;
    const struct mr_http_answer answer = {
        .status = status,
        .date = mr_http_server_date(server),
        .framing = c->framing,
        .content_length = length == MR_HTTP_LENGTH_UNKNOWN ? 0 : (uint64_t)length,
        .close = c->last,
        .fields = fields,
        .field_count = field_count};
    mr_buf_reset(out);
    struct mr_error why;
    if (mr_http_write_head(out, &answer, &why) == MR_OK) {
        if (server->answers_total[status / 100])
            mr_counter_add(server->answers_total[status / 100], 1);
        return mr_buf_all(out);
    }
    if (server->options.log)
        MR_LOG_LIMITED(server->options.log, &server->fields_limit, ERROR,
                       "an answer cannot be written", mr_f_text("why", why.text),
                       mr_f_int("status", status));
    return mr_slice(NULL, 0);
}

void mr_http_exchange_answer(struct mr_http_exchange *x, int32_t status,
                             const struct mr_http_field *fields, size_t field_count,
                             struct mr_slice body)
{
    struct mr_http_connection *c = connection_of(x);
    assert(c->state == MR_HTTP_OPEN);
    assert(!c->begun);
    c->last |= !mr_http_connection_may_drop(c);
    struct mr_slice head = write_head(c, status, fields, field_count, (int64_t)body.len);
    if (!head.data) {
        const struct mr_problem problem = mr_problem_of(
            mr_problem_of_status(500), mr_slice_text("The answer could not be written."));
        c->begun = false;
        mr_http_exchange_problem(x, &problem, NULL, 0);
        return;
    }
    bool bodiless = c->head_only || c->framing == MR_HTTP_ANSWER_NO_BODY;
    mr_http_send_now(c, head, bodiless ? mr_slice(NULL, 0) : body);
    mr_http_connection_over(c);
}

#define PROBLEM_FIELDS_MAX 15

void mr_http_exchange_problem(struct mr_http_exchange *x, const struct mr_problem *problem,
                              const struct mr_http_field *fields, size_t field_count)
{
    struct mr_http_field all[PROBLEM_FIELDS_MAX + 1];
    assert(field_count <= PROBLEM_FIELDS_MAX);
    all[0] = (struct mr_http_field){mr_slice_text("Content-Type"),
                                    mr_slice_text(MR_PROBLEM_CONTENT_TYPE)};
    if (field_count > 0)
        memcpy(all + 1, fields, field_count * sizeof *all);
    struct mr_buf body;
    mr_buf_init(&body, 0);
    mr_problem_write(problem, &body);
    mr_http_exchange_answer(x, problem->status, all, field_count + 1, mr_buf_all(&body));
    mr_buf_free(&body);
}

void mr_http_exchange_begin(struct mr_http_exchange *x, int32_t status,
                            const struct mr_http_field *fields, size_t field_count, int64_t length)
{
    struct mr_http_connection *c = connection_of(x);
    assert(c->state == MR_HTTP_OPEN);
    assert(!c->begun);
    struct mr_slice head = write_head(c, status, fields, field_count, length);
    c->length_left = length;
    if (head.data) {
        mr_http_send_soon(c, head);
        return;
    }
    /* The pieces that follow cannot be put right: the client sees the connection break. */
    mr_http_connection_lose(c);
}

enum mr_status mr_http_exchange_write(struct mr_http_exchange *x, struct mr_slice piece)
{
    struct mr_http_connection *c = connection_of(x);
    assert(c->state == MR_HTTP_OPEN);
    assert(c->begun);
    if (c->lost)
        return MR_LOST;
    if (c->length_left != MR_HTTP_LENGTH_UNKNOWN) {
        assert((int64_t)piece.len <= c->length_left);
        c->length_left -= (int64_t)piece.len;
    }
    if (piece.len == 0 || c->head_only || c->framing == MR_HTTP_ANSWER_NO_BODY)
        return MR_OK;
    if (c->framing == MR_HTTP_ANSWER_CHUNKED) {
        char line[MR_HTTP_CHUNK_LINE];
        mr_http_send_queue(c, mr_slice(line, mr_http_chunk_line(piece.len, line)));
        mr_http_send_queue(c, piece);
        mr_http_send_soon(c, mr_slice("\r\n", 2));
    } else {
        mr_http_send_soon(c, piece);
    }
    if (c->lost)
        return MR_LOST;
    if (mr_http_send_unsent(c) <= c->server->options.unsent_bytes_max)
        return MR_OK;
    c->full = true;
    return MR_LIMIT;
}

void mr_http_exchange_end(struct mr_http_exchange *x)
{
    struct mr_http_connection *c = connection_of(x);
    assert(c->state == MR_HTTP_OPEN);
    assert(c->begun);
    bool bodiless = c->head_only || c->framing == MR_HTTP_ANSWER_NO_BODY;
    assert(c->lost || bodiless || c->length_left <= 0);
    if (c->framing == MR_HTTP_ANSWER_CHUNKED && !bodiless)
        mr_http_send_queue(c, mr_slice_text("0\r\n\r\n"));
    mr_http_send_flush(c);
    mr_http_connection_over(c);
}

void mr_http_exchange_abort(struct mr_http_exchange *x)
{
    struct mr_http_connection *c = connection_of(x);
    assert(c->state == MR_HTTP_OPEN);
    c->events = NULL;
    mr_http_connection_close(c, true);
}

bool mr_http_exchange_has_begun(const struct mr_http_exchange *x)
{
    return connection_of(x)->begun;
}

const char *mr_http_exchange_peer(const struct mr_http_exchange *x)
{
    struct mr_http_connection *c = connection_of(x);
    struct sockaddr_storage address;
    int size = sizeof address;
    if (c->peer[0])
        return c->peer;
    const void *any = &address;
    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&address, &size) != 0)
        strcpy(c->peer, "unknown"); /* gone already */
    else if (address.ss_family == AF_INET6)
        uv_ip6_name(any, c->peer, sizeof c->peer);
    else
        uv_ip4_name(any, c->peer, sizeof c->peer);
    return c->peer;
}
