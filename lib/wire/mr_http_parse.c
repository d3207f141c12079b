/* The bytes of a request: a table of states, each of which takes a run of the input.
 *
 * START -> METHOD -> TARGET -> VERSION -> LINE_LF -> FIELD_START
 * FIELD_START -name-> FIELD_NAME -:-> VALUE_SPACE -> VALUE -> FIELD_LF -> FIELD_START
 * FIELD_START -CR-> SECTION_LF -> BODY_BEGIN (the head is complete)
 * BODY_BEGIN -> LENGTH_DATA -> DONE, or DONE at once, or CHUNK_SIZE
 * CHUNK_SIZE -> [CHUNK_SPACE -> CHUNK_EXTENSION] -> CHUNK_LF -> CHUNK_DATA -> CHUNK_DATA_CR ->
 * CHUNK_DATA_LF -> CHUNK_SIZE; after the chunk of size 0: FIELD_START (trailers) -> DONE
 * DONE -> START, or CLOSED where the connection ends; anything wrong -> ERROR */
#include "mr_http_parse.h"
#include "mr_http_head.h"
#include "mr_http_state.h"

#include <assert.h>
#include <stdlib.h>

#define HEAD_BYTES_AT_FIRST 2048

/* One byte shows what is wrong and gives no secret away. */
const char *mr_http_state_refuse_byte(struct mr_http_parse *p, const char *at, const char *where)
{
    unsigned char c = (unsigned char)*at;
    if (c == '\n')
        return mr_http_refuse(p, at, 400, "There is a bare LF in %s: lines end with CRLF.", where);
    if (c == '\r')
        return mr_http_refuse(p, at, 400, "There is a CR where it may not stand, in %s.", where);
    if (c == 0)
        return mr_http_refuse(p, at, 400, "There is a NUL in %s.", where);
    if (c == ' ' || c == '\t')
        return mr_http_refuse(p, at, 400, "There is white space where it may not stand, in %s.",
                              where);
    return mr_http_refuse(p, at, 400, "The byte 0x%02x may not stand in %s.", c, where);
}

/* Room for n more bytes of head. The budgets bound it. */
static char *head_room(struct mr_http_parse *p, size_t n)
{
    if (n > p->head_size - p->head_len) {
        uint32_t size = p->head_size;
        while (n > size - p->head_len)
            size *= 2;
        p->head = realloc(p->head, size);
        if (!p->head)
            abort();
        p->head_size = size;
    }
    char *room = p->head + p->head_len;
    p->head_len += (uint32_t)n;
    return room;
}

static void keep(struct mr_http_parse *p, const char *from, const char *to, uint32_t *len)
{
    memcpy(head_room(p, (size_t)(to - from)), from, (size_t)(to - from));
    *len += (uint32_t)(to - from);
}

static const char *on_start(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    if (*at == '\r' && !p->blank_seen) { /* some clients send an empty line after a body */
        p->blank_seen = true;
        p->state = START_LF;
        return at + 1;
    }
    p->head_len = p->method_len = p->target_len = p->version_len = p->field_count = 0;
    p->in_trailers = false;
    p->body_bytes_max = p->limits.body_bytes_max;
    p->body_bytes = 0;
    p->extensions_left = p->limits.extensions_bytes_max;
    mr_http_state_budget(p, p->limits.line_bytes_max, 414, "The request line");
    p->state = METHOD;
    return at;
}

static const char *on_start_lf(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    return mr_http_state_lf(p, at, START);
}

static const char *on_method(struct mr_http_parse *p, const char *at, const char *end)
{
    const char *to = mr_http_state_run(at, end, MR_HTTP_CHAR_TOKEN);
    if (to - at > MR_HTTP_METHOD_BYTES_MAX - (ptrdiff_t)p->method_len)
        return mr_http_refuse(p, at, 501, "The method is longer than any that is known.");
    keep(p, at, to, &p->method_len);
    if (to == end)
        return to;
    if (*to != ' ' || p->method_len == 0)
        return mr_http_state_refuse_byte(p, to, "the method");
    p->state = TARGET;
    return to + 1;
}

static const char *on_target(struct mr_http_parse *p, const char *at, const char *end)
{
    const char *to = mr_http_state_run(at, end, MR_HTTP_CHAR_TARGET);
    keep(p, at, to, &p->target_len);
    if (to == end)
        return to;
    if (*to == '\r')
        return mr_http_refuse(p, to, 400, "The request line has no HTTP version.");
    if (*to == '#')
        return mr_http_refuse(p, to, 400, "The request target has a fragment.");
    if (*to != ' ' || p->target_len == 0)
        return mr_http_state_refuse_byte(p, to, "the request target");
    p->state = VERSION;
    return to + 1;
}

static const char *on_version(struct mr_http_parse *p, const char *at, const char *end)
{
    static const char form[] = "HTTP/d.d";
    for (; at < end && p->version_len < sizeof form - 1; at++, p->version_len++) {
        bool digit = *at >= '0' && *at <= '9';
        if (form[p->version_len] == 'd' ? !digit : *at != form[p->version_len])
            return mr_http_state_refuse_byte(p, at, "the HTTP version");
        if (p->version_len == 5 && *at != '1')
            return mr_http_refuse(p, at, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
        if (p->version_len == 7)
            p->request.minor_version = *at > '0'; /* as RFC 9110, 2.5, has a higher one read */
    }
    if (at == end)
        return at;
    if (*at != '\r')
        return mr_http_state_refuse_byte(p, at, "the request line after the HTTP version");
    p->state = LINE_LF;
    return at + 1;
}

static const char *on_line_lf(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    mr_http_state_budget(p, p->limits.fields_bytes_max, 431, "The header section");
    p->blank_seen = false;
    return mr_http_state_lf(p, at, FIELD_START);
}

/* A field's states go straight on while there is input: the loop's turn costs as much as they do.
 */
static mr_http_state_function on_field_name, on_value_space, on_value, on_field_lf;

static const char *on_field_start(struct mr_http_parse *p, const char *at, const char *end)
{
    if (*at == '\r') {
        p->state = SECTION_LF;
        return at + 1;
    }
    if (*at == ' ' || *at == '\t')
        return mr_http_refuse(p, at, 400,
                              "A header line begins with white space: folding is obsolete.");
    if (p->field_count == p->limits.fields_max)
        return mr_http_refuse(p, at, 431, "There are more than %u fields.", p->limits.fields_max);
    p->spans[p->field_count] = (struct mr_http_span){.name = p->head_len};
    p->state = FIELD_NAME;
    return on_field_name(p, at, end);
}

static const char *on_field_name(struct mr_http_parse *p, const char *at, const char *end)
{
    struct mr_http_span *span = &p->spans[p->field_count];
    const char *to = mr_http_state_run(at, end, MR_HTTP_CHAR_TOKEN);
    size_t len = (size_t)(to - at);
    span->name_len += (uint32_t)len;
    if (!p->in_trailers) {
        char *room = head_room(p, len);
        for (size_t i = 0; i < len; i++)
            room[i] = mr_http_lower(at[i]);
    }
    if (to == end)
        return to;
    if (*to != ':' || span->name_len == 0)
        return mr_http_state_refuse_byte(p, to, "a field's name");
    p->state = VALUE_SPACE;
    return on_value_space(p, to + 1, end);
}

static const char *on_value_space(struct mr_http_parse *p, const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return at;
    p->spans[p->field_count].value = p->head_len;
    p->state = VALUE;
    return on_value(p, at, end);
}

static const char *on_value(struct mr_http_parse *p, const char *at, const char *end)
{
    struct mr_http_span *span = &p->spans[p->field_count];
    const char *to = mr_http_state_run(at, end, MR_HTTP_CHAR_VALUE);
    if (!p->in_trailers)
        keep(p, at, to, &span->value_len);
    if (to == end)
        return to;
    if (*to != '\r')
        return mr_http_state_refuse_byte(p, to, "a field's value");
    const char *value = p->head + span->value;
    while (span->value_len &&
           (value[span->value_len - 1] == ' ' || value[span->value_len - 1] == '\t'))
        span->value_len--;
    p->field_count++;
    p->state = FIELD_LF;
    return to + 1 == end ? end : on_field_lf(p, to + 1, end);
}

static const char *on_field_lf(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    return mr_http_state_lf(p, at, FIELD_START);
}

/* The texts stand still from here on: slices can be given out. */
static const char *head_complete(struct mr_http_parse *p, const char *at)
{
    struct mr_http_request *req = &p->request;
    for (uint32_t i = 0; i < p->field_count; i++) {
        const struct mr_http_span *s = &p->spans[i];
        p->fields[i] = (struct mr_http_field){.name = mr_slice(p->head + s->name, s->name_len),
                                              .value = mr_slice(p->head + s->value, s->value_len)};
    }
    req->fields = p->fields;
    req->field_count = p->field_count;
    req->method = mr_slice(p->head, p->method_len);
    req->target = mr_slice(p->head + p->method_len, p->target_len);
    if (mr_http_head_read(req, &p->error) != MR_OK)
        return mr_http_state_fail(p, at, p->error.status);
    mr_http_state_budget_none(p);
    p->state = BODY_BEGIN;
    p->event = MR_HTTP_HEAD;
    return at;
}

static const char *on_section_lf(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    at = mr_http_state_lf(p, at, DONE);
    return p->state == DONE && !p->in_trailers ? head_complete(p, at) : at;
}

static const char *on_closed(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)p, (void)at;
    return end;
}

static const char *on_done(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    mr_http_state_budget_none(p);
    p->event = MR_HTTP_DONE;
    p->state = p->request.keep_alive ? START : CLOSED;
    return at;
}

static const char *on_error(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    p->event = MR_HTTP_ERROR;
    return at;
}

static mr_http_state_function *const on_state[STATES] = {
    [START] = on_start,
    [START_LF] = on_start_lf,
    [METHOD] = on_method,
    [TARGET] = on_target,
    [VERSION] = on_version,
    [LINE_LF] = on_line_lf,
    [FIELD_START] = on_field_start,
    [FIELD_NAME] = on_field_name,
    [VALUE_SPACE] = on_value_space,
    [VALUE] = on_value,
    [FIELD_LF] = on_field_lf,
    [SECTION_LF] = on_section_lf,
    [LENGTH_DATA] = mr_http_body_length_data,
    [CHUNK_SIZE] = mr_http_body_chunk_size,
    [CHUNK_SPACE] = mr_http_body_chunk_space,
    [CHUNK_EXTENSION] = mr_http_body_chunk_extension,
    [CHUNK_LF] = mr_http_body_chunk_lf,
    [CHUNK_DATA] = mr_http_body_chunk_data,
    [CHUNK_DATA_CR] = mr_http_body_chunk_data_cr,
    [CHUNK_DATA_LF] = mr_http_body_chunk_data_lf,
    [CLOSED] = on_closed,
    [BODY_BEGIN] = mr_http_body_begin,
    [DONE] = on_done,
    [ERROR] = on_error,
};

struct mr_http_limits mr_http_limits_default(void)
{
    return (struct mr_http_limits){.line_bytes_max = 8192,
                                   .fields_max = MR_HTTP_FIELDS_MAX,
                                   .fields_bytes_max = 32768,
                                   .body_bytes_max = 262144,
                                   .chunk_line_bytes_max = 256,
                                   .extensions_bytes_max = 4096,
                                   .trailers_bytes_max = 4096};
}

struct mr_http_parse *mr_http_parse_new(const struct mr_http_limits *limits)
{
    assert(limits->fields_max <= MR_HTTP_FIELDS_MAX);
    assert(limits->line_bytes_max <= INT32_MAX / 4 && limits->fields_bytes_max <= INT32_MAX / 4);
    struct mr_http_parse *p = calloc(1, sizeof *p);
    if (!p || !(p->head = malloc(HEAD_BYTES_AT_FIRST)))
        abort();
    p->head_size = HEAD_BYTES_AT_FIRST;
    p->limits = *limits;
    p->state = START;
    mr_http_state_budget_none(p);
    return p;
}

void mr_http_parse_free(struct mr_http_parse *p)
{
    if (!p)
        return;
    free(p->head);
    free(p);
}

enum mr_http_event mr_http_parse_next(struct mr_http_parse *p, struct mr_slice *in,
                                      struct mr_slice *piece)
{
    const char *at = in->data ? in->data : "", *end = at + in->len;
    p->event = MR_HTTP_MORE;
    while (p->event == MR_HTTP_MORE && (at < end || p->state >= BODY_BEGIN)) {
        struct mr_http_budget *b = &p->budget;
        if (at < end && b->left == 0) {
            (void)mr_http_refuse(p, at, b->status, "%s is longer than %llu bytes.", b->name,
                                 (unsigned long long)b->max);
            break;
        }
        const char *stop = (uint64_t)(end - at) > b->left ? at + b->left : end;
        b->fresh = false;
        const char *next = on_state[p->state](p, at, stop);
        if (!b->fresh)
            b->left -= (uint64_t)(next - at);
        at = next;
    }
    *in = mr_slice(at, (size_t)(end - at));
    if (p->event == MR_HTTP_BODY)
        *piece = p->piece;
    return p->event;
}

const struct mr_http_request *mr_http_parse_request(const struct mr_http_parse *p)
{
    return &p->request;
}

const struct mr_http_error *mr_http_parse_error(const struct mr_http_parse *p)
{
    return &p->error;
}

void mr_http_parse_body_max(struct mr_http_parse *p, uint64_t bytes_max)
{
    assert(p->state == BODY_BEGIN);
    p->body_bytes_max = bytes_max;
}

bool mr_http_parse_in_head(const struct mr_http_parse *p)
{
    return p->state >= METHOD && p->state <= SECTION_LF && !p->in_trailers;
}

uint32_t mr_http_request_field(const struct mr_http_request *req, const char *name,
                               struct mr_slice *value)
{
    size_t len = strlen(name);
    uint32_t count = 0;
    struct mr_slice first = {0};
    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct mr_http_field *f = &req->fields[i];
        if (f->name.len == len && memcmp(f->name.data, name, len) == 0 && count++ == 0)
            first = f->value;
    }
    if (value)
        *value = first;
    return count;
}
