#include "edge_headers.h"

#include "mr_digest.h"
#include "mr_http_text.h"
#include <assert.h>
#include <sodium.h>

/* The fields of one name in their order: a list header may be sent in several fields. */
static bool next_field(const struct mr_http_request *request, const char *name, uint32_t *index,
                       struct mr_slice *value)
{
    while (*index < request->field_count) {
        const struct mr_http_field *field = &request->fields[(*index)++];
        if (mr_slice_is(field->name, name)) {
            *value = field->value;
            return true;
        }
    }
    return false;
}

/* ---- Prefer ---- */

/* Seconds, cut to the most that is waited; false when text is no number. */
static bool read_wait(struct mr_slice text, int32_t *wait_s)
{
    int32_t n = 0;
    if (text.len == 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        n = n * 10 + (text.data[i] - '0');
        if (n > EDGE_WAIT_S_MAX)
            n = EDGE_WAIT_S_MAX;
    }
    *wait_s = n;
    return true;
}

struct edge_prefer edge_prefer_of(const struct mr_http_request *request)
{
    struct edge_prefer prefer = {0};
    bool wait_seen = false, return_seen = false;
    struct mr_slice list, member, name, value;
    for (uint32_t i = 0; next_field(request, "prefer", &i, &list);) {
        while (mr_http_list_next(&list, &member)) {
            if (!mr_http_parameter_next(&member, &name, &value))
                continue;
            if (!wait_seen && mr_http_equal_nocase(name, "wait"))
                wait_seen = read_wait(value, &prefer.wait_s);
            if (!return_seen && mr_http_equal_nocase(name, "return")) {
                return_seen = true;
                prefer.minimal = mr_http_equal_nocase(value, "minimal");
            }
        }
    }
    return prefer;
}

/* ---- Idempotency-Key ---- */

/* A quoted string's characters; absent when the text is not exactly one. */
static struct mr_slice unquote(struct mr_slice text, char *out)
{
    size_t len = 0, i = 1;
    for (; i < text.len && text.data[i] != '"'; i++) {
        if (text.data[i] == '\\')
            i++;
        if (i < text.len)
            out[len++] = text.data[i];
    }
    return i + 1 == text.len ? mr_slice(out, len) : (struct mr_slice){0};
}

enum mr_status edge_idempotency_key(const struct mr_http_request *request, struct mr_arena *arena,
                                    struct mr_slice *key, struct mr_error *why)
{
    struct mr_slice text;
    uint32_t count = mr_http_request_field(request, "idempotency-key", &text);
    if (count == 0) {
        *key = (struct mr_slice){0};
        return MR_OK;
    }
    if (count > 1)
        return mr_fail(why, MR_INVALID, "Idempotency-Key is given twice.");
    if (text.len > 2 * EDGE_KEY_BYTES_MAX + 2) /* each character escaped, and quotes */
        return mr_fail(why, MR_INVALID, "Idempotency-Key is longer than %d characters.",
                       EDGE_KEY_BYTES_MAX);
    if (text.len > 0 && text.data[0] == '"') {
        char *plain = mr_arena_alloc(arena, text.len);
        if (!plain)
            return MR_LIMIT;
        text = unquote(text, plain);
        if (!text.data)
            return mr_fail(why, MR_INVALID,
                           "Idempotency-Key begins with a quote and does not end "
                           "with it.");
    }
    if (text.len == 0)
        return mr_fail(why, MR_INVALID, "Idempotency-Key is empty.");
    if (text.len > EDGE_KEY_BYTES_MAX)
        return mr_fail(why, MR_INVALID, "Idempotency-Key is longer than %d characters.",
                       EDGE_KEY_BYTES_MAX);
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' || text.data[i] > '~')
            return mr_fail(why, MR_INVALID,
                           "Idempotency-Key has characters other than printable "
                           "ASCII.");
    *key = text;
    return MR_OK;
}

/* ---- Content-Type and Accept ---- */

static bool next_media(struct mr_slice *rest, struct mr_slice *name, struct mr_slice *value)
{
    return mr_http_parameter_next(rest, name, value);
}

bool edge_content_type_is(const struct mr_http_request *request, const char *type)
{
    struct mr_slice text, name, value;
    if (mr_http_request_field(request, "content-type", &text) != 1 ||
        !next_media(&text, &name, &value) || !mr_http_equal_nocase(name, type))
        return false;
    while (next_media(&text, &name, &value))
        if (mr_http_equal_nocase(name, "charset") && !mr_http_equal_nocase(value, "utf-8"))
            return false;
    return true;
}

enum edge_coding edge_content_coding(const struct mr_http_request *request)
{
    struct mr_slice text;
    uint32_t count = mr_http_request_field(request, "content-encoding", &text);
    if (count == 0 || (count == 1 && mr_http_equal_nocase(text, "identity")))
        return EDGE_CODING_NONE;
    if (count > 1)
        return EDGE_CODING_OTHER;
    if (mr_http_equal_nocase(text, "gzip") || mr_http_equal_nocase(text, "x-gzip"))
        return EDGE_CODING_GZIP;
    return mr_http_equal_nocase(text, "deflate") ? EDGE_CODING_ZLIB : EDGE_CODING_OTHER;
}

bool edge_content_is_json(const struct mr_http_request *request)
{
    return edge_content_coding(request) == EDGE_CODING_NONE &&
           edge_content_type_is(request, "application/json");
}

/* "0.85" as thousandths; 1000 where it is no such number. */
static int32_t read_quality(struct mr_slice text)
{
    if (text.len == 0 || text.len > 5 || (text.data[0] != '0' && text.data[0] != '1'))
        return 1000;
    int32_t q = (text.data[0] - '0') * 1000, unit = 100;
    for (size_t i = 2; i < text.len; i++, unit /= 10) {
        if (text.data[1] != '.' || text.data[i] < '0' || text.data[i] > '9')
            return 1000;
        q += (text.data[i] - '0') * unit;
    }
    return q > 1000 ? 1000 : q;
}

/* How exactly a media range names the type: 3 itself, 2 its kind, 1 anything, 0 not at all. */
static int specificity(struct mr_slice range, const char *type)
{
    if (mr_http_equal_nocase(range, type))
        return 3;
    if (mr_slice_is(range, "*/*"))
        return 1;
    const char *slash = strchr(type, '/');
    assert(slash);
    size_t kind = (size_t)(slash - type) + 1;
    return range.len == kind + 1 && range.data[kind] == '*' &&
                   strncasecmp(range.data, type, kind) == 0
               ? 2
               : 0;
}

int32_t edge_accept_quality(const struct mr_http_request *request, const char *type)
{
    struct mr_slice list, member, range, name, value;
    int best = 0;
    int32_t quality = 0;
    bool given = false;
    for (uint32_t i = 0; next_field(request, "accept", &i, &list);) {
        given = true;
        while (mr_http_list_next(&list, &member)) {
            if (!mr_http_parameter_next(&member, &range, &value))
                continue;
            int how = specificity(range, type);
            if (how <= best)
                continue;
            best = how;
            quality = 1000;
            while (mr_http_parameter_next(&member, &name, &value))
                if (mr_http_equal_nocase(name, "q"))
                    quality = read_quality(value);
        }
    }
    return given ? quality : 1000;
}

/* ---- entity tags ---- */

char *edge_etag_of(struct mr_slice content, char out[EDGE_ETAG_TEXT + 1])
{
    struct mr_digest128 digest = mr_digest128_of(&content, 1);
    char text[sodium_base64_ENCODED_LEN(16, sodium_base64_VARIANT_URLSAFE_NO_PADDING)];
    sodium_bin2base64(text, sizeof text, digest.bytes, sizeof digest.bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    static_assert(sizeof text == EDGE_ETAG_TEXT - 1, "22 characters and a NUL");
    out[0] = '"';
    memcpy(out + 1, text, EDGE_ETAG_TEXT - 2);
    out[EDGE_ETAG_TEXT - 1] = '"';
    out[EDGE_ETAG_TEXT] = '\0';
    return out;
}

bool edge_etag_is_known(const struct mr_http_request *request, const char *etag)
{
    struct mr_slice list, member;
    for (uint32_t i = 0; next_field(request, "if-none-match", &i, &list);) {
        while (mr_http_list_next(&list, &member)) {
            if (member.len > 2 && member.data[0] == 'W' && member.data[1] == '/')
                member = mr_slice(member.data + 2, member.len - 2);
            if (mr_slice_is(member, "*") || mr_slice_is(member, etag))
                return true;
        }
    }
    return false;
}
