#include "mr_trace.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; /* lower case alone */
}

static bool read_bytes(const char *text, uint8_t *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = hex(text[2 * i]), low = hex(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static char *write_bytes(char *p, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *p++ = digits[bytes[i] >> 4];
        *p++ = digits[bytes[i] & 15];
    }
    return p;
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return false;
    return true;
}

enum mr_status mr_trace_parse(struct mr_slice text, struct mr_trace *out)
{
    struct mr_trace t;
    uint8_t version;
    if (text.len < MR_TRACE_TEXT || text.data[2] != '-' || text.data[35] != '-' ||
        text.data[52] != '-' || !read_bytes(text.data, &version, 1) || version == 0xff ||
        !read_bytes(text.data + 3, t.trace_id, sizeof t.trace_id) ||
        !read_bytes(text.data + 36, t.span_id, sizeof t.span_id) ||
        !read_bytes(text.data + 53, &t.flags, 1))
        return MR_INVALID;
    if (text.len > MR_TRACE_TEXT && (version == 0 || text.data[MR_TRACE_TEXT] != '-'))
        return MR_INVALID;
    if (is_zero(t.trace_id, sizeof t.trace_id) || is_zero(t.span_id, sizeof t.span_id))
        return MR_INVALID;
    t.flags &= MR_TRACE_FLAG_SAMPLED;
    *out = t;
    return MR_OK;
}

/* Random bits may be all zero, once in 2^64; an id may not. */
static void set_id(uint8_t *id, const uint8_t *random, size_t count)
{
    memcpy(id, random, count);
    if (is_zero(id, count))
        id[count - 1] = 1;
}

struct mr_trace mr_trace_begin(const uint8_t random[24])
{
    struct mr_trace t = {.flags = MR_TRACE_FLAG_SAMPLED};
    set_id(t.trace_id, random, sizeof t.trace_id);
    set_id(t.span_id, random + sizeof t.trace_id, sizeof t.span_id);
    return t;
}

struct mr_trace mr_trace_child(const struct mr_trace *parent, const uint8_t random[8])
{
    struct mr_trace t = *parent;
    set_id(t.span_id, random, sizeof t.span_id);
    return t;
}

char *mr_trace_text(const struct mr_trace *trace, char out[MR_TRACE_TEXT + 1])
{
    char *p = out;
    memcpy(p, "00-", 3);
    p = write_bytes(p + 3, trace->trace_id, sizeof trace->trace_id);
    *p++ = '-';
    p = write_bytes(p, trace->span_id, sizeof trace->span_id);
    *p++ = '-';
    p = write_bytes(p, &trace->flags, 1);
    *p = 0;
    return out;
}

bool mr_trace_state_is_valid(struct mr_slice text)
{
    if (text.len == 0 || text.len > MR_TRACE_STATE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}
