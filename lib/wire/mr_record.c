#include "mr_record.h"

#define VERSION 1
#define ABSENT  UINT32_MAX

/* What is left to read, and how much was read, for the message. */
struct reader {
    const unsigned char *at, *end, *begin;
};

static bool read_uint(struct reader *r, size_t bytes, uint64_t *out)
{
    uint64_t n = 0;
    if ((size_t)(r->end - r->at) < bytes)
        return false;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | *r->at++;
    *out = n;
    return true;
}

static bool read_slice(struct reader *r, struct mr_slice *out)
{
    uint64_t len;
    if (!read_uint(r, 4, &len))
        return false;
    if (len == ABSENT) {
        *out = mr_slice(NULL, 0);
        return true;
    }
    if ((size_t)(r->end - r->at) < len)
        return false;
    *out = mr_slice(r->at, (size_t)len);
    r->at += len;
    return true;
}

static bool pack_slice(struct mr_buf *out, struct mr_slice s)
{
    if (s.len >= ABSENT)
        return false;
    mr_buf_u32(out, s.data ? (uint32_t)s.len : ABSENT);
    mr_buf_slice(out, s);
    return true;
}

enum mr_status mr_record_pack(const struct mr_record *record, struct mr_buf *out)
{
    const struct mr_ce_headers *h = &record->headers;
    mr_buf_char(out, VERSION);
    mr_buf_u64(out, (uint64_t)record->position);
    mr_buf_u64(out, (uint64_t)record->append_time_ms);
    bool fits =
        pack_slice(out, record->key) && pack_slice(out, record->value) && h->count < UINT32_MAX;
    mr_buf_u32(out, (uint32_t)h->count);
    for (size_t i = 0; fits && i < h->count; i++) {
        struct mr_slice name = h->items[i].name;
        fits = pack_slice(out, name.data ? name : mr_slice("", 0)) &&
               pack_slice(out, h->items[i].value);
    }
    return fits && mr_buf_ok(out) ? MR_OK : MR_LIMIT;
}

static enum mr_status cut_off(const struct reader *r, const char *what, struct mr_error *why)
{
    return mr_fail(why, MR_INVALID, "the packed record ends in its %s, after byte %td", what,
                   r->at - r->begin);
}

static enum mr_status read_headers(struct reader *r, struct mr_arena *arena,
                                   struct mr_ce_headers *out, struct mr_error *why)
{
    uint64_t count;
    /* A header takes 8 bytes at least: so a count that lies cannot ask for much memory. */
    if (!read_uint(r, 4, &count) || count > (uint64_t)(r->end - r->at) / 8)
        return cut_off(r, "headers", why);
    struct mr_ce_header *items = mr_arena_array(arena, (size_t)count, sizeof *items);
    if (!items)
        return mr_fail(why, MR_LIMIT, "the packed record's headers exceed the memory given");
    for (size_t i = 0; i < count; i++)
        if (!read_slice(r, &items[i].name) || !items[i].name.data ||
            !read_slice(r, &items[i].value))
            return cut_off(r, "headers", why);
    *out = (struct mr_ce_headers){.items = items, .count = (size_t)count};
    return MR_OK;
}

enum mr_status mr_record_unpack(struct mr_slice bytes, struct mr_arena *arena,
                                struct mr_record *out, struct mr_error *why)
{
    const unsigned char *begin = (const unsigned char *)(bytes.data ? bytes.data : "");
    struct reader r = {.at = begin, .end = begin + bytes.len, .begin = begin};
    struct mr_record record = {0};
    uint64_t version, position, time;
    if (!read_uint(&r, 1, &version))
        return cut_off(&r, "version", why);
    if (version != VERSION)
        return mr_fail(why, MR_INVALID, "the packed record has the unknown version %d",
                       (int)version);
    if (!read_uint(&r, 8, &position) || !read_uint(&r, 8, &time))
        return cut_off(&r, "position and time", why);
    if (position > INT64_MAX)
        return mr_fail(why, MR_INVALID, "the packed record has a negative position");
    if (!read_slice(&r, &record.key))
        return cut_off(&r, "key", why);
    if (!read_slice(&r, &record.value))
        return cut_off(&r, "value", why);
    enum mr_status s = read_headers(&r, arena, &record.headers, why);
    if (s != MR_OK)
        return s;
    if (r.at != r.end)
        return mr_fail(why, MR_INVALID, "the packed record is followed by %td bytes more",
                       r.end - r.at);
    record.position = (int64_t)position;
    record.append_time_ms = (int64_t)time;
    *out = record;
    return MR_OK;
}
