/* What follows a head: a body of known length, or chunks and trailers. */
#include "mr_http_state.h"

#define CHUNK_DIGITS_MAX 15 /* 2^60 - 1, so that sums of 64 bits cannot overflow */

static const char *too_large(struct mr_http_parse *p, const char *at)
{
    return mr_http_refuse(p, at, 413, "The body is longer than %llu bytes.",
                          (unsigned long long)p->body_bytes_max);
}

static void begin_chunk(struct mr_http_parse *p)
{
    mr_http_state_budget(p, p->limits.chunk_line_bytes_max, 400, "A chunk's first line");
    p->chunk_digits = 0;
    p->data_left = 0;
    p->state = CHUNK_SIZE;
}

const char *mr_http_body_begin(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    if (p->request.content_length > p->body_bytes_max)
        return too_large(p, at);
    p->data_left = p->request.content_length;
    if (p->request.framing == MR_HTTP_CHUNKED)
        begin_chunk(p);
    else
        p->state = p->data_left ? LENGTH_DATA : DONE;
    return at;
}

static const char *take_data(struct mr_http_parse *p, const char *at, const char *end,
                             enum mr_http_state next)
{
    size_t len = (size_t)(end - at);
    if (len > p->data_left)
        len = (size_t)p->data_left;
    p->data_left -= len;
    p->piece = mr_slice(at, len);
    p->event = MR_HTTP_BODY;
    if (p->data_left == 0)
        p->state = next;
    return at + len;
}

const char *mr_http_body_length_data(struct mr_http_parse *p, const char *at, const char *end)
{
    return take_data(p, at, end, DONE);
}

const char *mr_http_body_chunk_size(struct mr_http_parse *p, const char *at, const char *end)
{
    for (; at < end && mr_http_char_is(*at, MR_HTTP_CHAR_HEX); at++, p->chunk_digits++) {
        if (p->chunk_digits == CHUNK_DIGITS_MAX)
            return mr_http_refuse(p, at, 400, "A chunk's size has more than %d digits.",
                                  CHUNK_DIGITS_MAX);
        p->data_left = p->data_left << 4 | (uint64_t)mr_http_hex(*at);
    }
    if (at == end)
        return at;
    if (p->chunk_digits == 0)
        return mr_http_state_refuse_byte(p, at, "a chunk's size");
    if (*at == '\r')
        p->state = CHUNK_LF;
    else if (*at == ';')
        p->state = CHUNK_EXTENSION;
    else if (*at == ' ' || *at == '\t')
        p->state = CHUNK_SPACE;
    else
        return mr_http_state_refuse_byte(p, at, "a chunk's size");
    return at + 1;
}

/* White space may stand before an extension alone (RFC 9112, 7.1.1), not before the CRLF. */
const char *mr_http_body_chunk_space(struct mr_http_parse *p, const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at == end)
        return at;
    if (*at != ';')
        return mr_http_refuse(p, at, 400, "A chunk's size is followed by white space.");
    p->state = CHUNK_EXTENSION;
    return at + 1;
}

/* Extensions are passed over; no form of them can hold a line's end. */
const char *mr_http_body_chunk_extension(struct mr_http_parse *p, const char *at, const char *end)
{
    const char *to = mr_http_state_run(at, end, MR_HTTP_CHAR_VALUE);
    if (to - at > (ptrdiff_t)p->extensions_left)
        return mr_http_refuse(p, at, 400, "The chunk extensions are longer than %u bytes in all.",
                              p->limits.extensions_bytes_max);
    p->extensions_left -= (uint32_t)(to - at);
    if (to == end)
        return to;
    if (*to != '\r')
        return mr_http_state_refuse_byte(p, to, "a chunk extension");
    p->state = CHUNK_LF;
    return to + 1;
}

const char *mr_http_body_chunk_lf(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    at = mr_http_state_lf(p, at, CHUNK_DATA);
    if (p->state == ERROR)
        return at;
    if (p->data_left > p->body_bytes_max - p->body_bytes)
        return too_large(p, at);
    p->body_bytes += p->data_left;
    mr_http_state_budget_none(p);
    if (p->data_left == 0) {
        p->in_trailers = true;
        p->field_count = 0;
        mr_http_state_budget(p, p->limits.trailers_bytes_max, 431, "The trailer section");
        p->state = FIELD_START;
    }
    return at;
}

const char *mr_http_body_chunk_data(struct mr_http_parse *p, const char *at, const char *end)
{
    return take_data(p, at, end, CHUNK_DATA_CR);
}

const char *mr_http_body_chunk_data_cr(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    if (*at != '\r')
        return mr_http_refuse(p, at, 400,
                              "A chunk is longer than its size, or CRLF is missing after it.");
    p->state = CHUNK_DATA_LF;
    return at + 1;
}

const char *mr_http_body_chunk_data_lf(struct mr_http_parse *p, const char *at, const char *end)
{
    (void)end;
    at = mr_http_state_lf(p, at, CHUNK_SIZE);
    if (p->state == CHUNK_SIZE)
        begin_chunk(p);
    return at;
}
