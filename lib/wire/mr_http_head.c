#include "mr_http_head.h"
#include "mr_http_chars.h"
#include "mr_http_text.h"

#define refuse(error, code, ...)                                                                   \
    ((error)->status = (code), mr_fail(&(error)->text, MR_INVALID, __VA_ARGS__))

/* The fields that decide about framing and connection, gathered in one walk. */
struct found {
    const struct mr_http_field *host, *content_length, *transfer_encoding;
    uint32_t hosts, content_lengths, transfer_encodings;
    bool close;
};

static bool escapes_are_hex(struct mr_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.data[i] == '%' &&
            (s.len - i < 3 || mr_http_hex(s.data[i + 1]) < 0 || mr_http_hex(s.data[i + 2]) < 0))
            return false;
    return true;
}

/* "[" hex digits, colons, dots "]"; returns its length, 0 if it is none. */
static size_t ip_literal(struct mr_slice s)
{
    size_t i = 1;
    while (i < s.len &&
           (mr_http_char_is(s.data[i], MR_HTTP_CHAR_HEX) || s.data[i] == ':' || s.data[i] == '.'))
        i++;
    return i > 2 && i < s.len && s.data[i] == ']' ? i + 1 : 0;
}

/* uri-host [ ":" port ], no user information, not empty: an http URI has a host. */
static bool host_is_valid(struct mr_slice s)
{
    size_t i = 0;
    if (s.len && s.data[0] == '[')
        i = ip_literal(s);
    else
        while (i < s.len && mr_http_char_is(s.data[i], MR_HTTP_CHAR_HOST))
            i++;
    if (i == 0 || !escapes_are_hex(mr_slice(s.data, i)))
        return false;
    if (i == s.len)
        return true;
    if (s.data[i] != ':' || s.len - i > 6)
        return false;
    for (i++; i < s.len; i++)
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
    return true;
}

static enum mr_status split_path(struct mr_http_request *req, struct mr_slice s,
                                 struct mr_http_error *error)
{
    if (memchr(s.data, '[', s.len) || memchr(s.data, ']', s.len))
        return refuse(error, 400, "A bracket in the request target must be percent-encoded.");
    if (memchr(s.data, '%', s.len) && !escapes_are_hex(s))
        return refuse(error, 400,
                      "A '%%' in the request target is not followed by two hex digits.");
    const char *mark = memchr(s.data, '?', s.len); /* s is never absent */
    req->path = s;
    req->query = mr_slice(NULL, 0);
    if (mark) {
        req->path.len = (size_t)(mark - s.data);
        req->query = mr_slice(mark + 1, s.len - req->path.len - 1);
    }
    if (req->path.len == 0) /* absolute-form alone may lack it */
        req->path =
            mr_slice_is(req->method, "OPTIONS") && !mark ? mr_slice("*", 1) : mr_slice("/", 1);
    return MR_OK;
}

static size_t scheme_length(struct mr_slice target)
{
    if (target.len >= 7 && mr_http_equal_nocase(mr_slice(target.data, 7), "http://"))
        return 7;
    if (target.len >= 8 && mr_http_equal_nocase(mr_slice(target.data, 8), "https://"))
        return 8;
    return 0;
}

static enum mr_status absolute_form(struct mr_http_request *req, struct mr_http_error *error)
{
    size_t from = scheme_length(req->target), to = from;
    if (!from)
        return refuse(error, 400,
                      "The request target must begin with '/', or with http:// or https://.");
    while (to < req->target.len && req->target.data[to] != '/' && req->target.data[to] != '?')
        to++;
    req->host = mr_slice(req->target.data + from, to - from);
    if (!host_is_valid(req->host))
        return refuse(error, 400, "The request target's host is not valid.");
    return split_path(req, mr_slice(req->target.data + to, req->target.len - to), error);
}

static enum mr_status read_target(struct mr_http_request *req, struct mr_http_error *error)
{
    if (mr_slice_is(req->method, "CONNECT"))
        return refuse(error, 501, "CONNECT is not supported: this is not a proxy.");
    if (req->target.data[0] == '/')
        return split_path(req, req->target, error);
    if (mr_slice_is(req->target, "*")) {
        if (!mr_slice_is(req->method, "OPTIONS"))
            return refuse(error, 400, "The request target '*' is for OPTIONS alone.");
        req->path = req->target;
        req->query = mr_slice(NULL, 0);
        return MR_OK;
    }
    return absolute_form(req, error);
}

static enum mr_status read_expect(struct mr_http_request *req, struct mr_slice value,
                                  struct mr_http_error *error)
{
    struct mr_slice member;
    if (req->minor_version == 0)
        return MR_OK; /* RFC 9110, 10.1.1: to be ignored */
    while (mr_http_list_next(&value, &member)) {
        if (!mr_http_equal_nocase(member, "100-continue"))
            return refuse(error, 417, "Only 100-continue can be expected.");
        req->expect_continue = true;
    }
    return MR_OK;
}

static enum mr_status gather(struct mr_http_request *req, struct found *found,
                             struct mr_http_error *error)
{
    struct mr_slice rest, member;
    for (uint32_t i = 0; i < req->field_count; i++) {
        const struct mr_http_field *f = &req->fields[i];
        switch (f->name.len) {
        case 4:
            if (!memcmp(f->name.data, "host", 4))
                found->host = f, found->hosts++;
            break;
        case 6:
            if (!memcmp(f->name.data, "expect", 6) && read_expect(req, f->value, error) != MR_OK)
                return MR_INVALID;
            break;
        case 10:
            if (memcmp(f->name.data, "connection", 10) != 0)
                break;
            for (rest = f->value; mr_http_list_next(&rest, &member);)
                if (mr_http_equal_nocase(member, "close"))
                    found->close = true;
            break;
        case 14:
            if (!memcmp(f->name.data, "content-length", 14))
                found->content_length = f, found->content_lengths++;
            break;
        case 17:
            if (!memcmp(f->name.data, "transfer-encoding", 17))
                found->transfer_encoding = f, found->transfer_encodings++;
            break;
        default:
            break;
        }
    }
    return MR_OK;
}

static enum mr_status read_host(struct mr_http_request *req, const struct found *found,
                                struct mr_http_error *error)
{
    if (found->hosts > 1)
        return refuse(error, 400, "Host is given %u times.", found->hosts);
    if (found->hosts == 0 && req->minor_version > 0)
        return refuse(error, 400, "Host is missing.");
    if (found->hosts && !host_is_valid(found->host->value))
        return refuse(error, 400, "Host is not a host with an optional port.");
    if (found->hosts && !req->host.data) /* an absolute-form target's host goes first */
        req->host = found->host->value;
    return MR_OK;
}

static enum mr_status read_length(struct mr_http_request *req, struct mr_slice value,
                                  struct mr_http_error *error)
{
    uint64_t n = 0;
    if (value.len == 0)
        return refuse(error, 400, "Content-Length is empty.");
    for (size_t i = 0; i < value.len; i++)
        if (value.data[i] < '0' || value.data[i] > '9')
            return refuse(error, 400, "Content-Length is not made of digits alone.");
    for (size_t i = 0; i < value.len; i++)
        if (__builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(value.data[i] - '0'), &n))
            return refuse(error, 413, "Content-Length is above all bounds.");
    req->content_length = n;
    req->content_length_given = true;
    req->framing = n ? MR_HTTP_LENGTH : MR_HTTP_NO_BODY;
    return MR_OK;
}

/* RFC 9112, 6: where a message ends must have one reading, or the next request is smuggled. */
static enum mr_status read_framing(struct mr_http_request *req, const struct found *found,
                                   struct mr_http_error *error)
{
    if (found->content_lengths > 1)
        return refuse(error, 400, "Content-Length is given %u times.", found->content_lengths);
    if (found->content_lengths && found->transfer_encodings)
        return refuse(error, 400, "Content-Length and Transfer-Encoding are both given.");
    if (found->transfer_encodings) {
        if (req->minor_version == 0)
            return refuse(error, 400, "HTTP/1.0 has no Transfer-Encoding.");
        if (found->transfer_encodings > 1 ||
            !mr_http_equal_nocase(found->transfer_encoding->value, "chunked"))
            return refuse(error, 501, "Of transfer codings only chunked is supported, once.");
        req->framing = MR_HTTP_CHUNKED;
        return MR_OK;
    }
    if (found->content_lengths)
        return read_length(req, found->content_length->value, error);
    /* In HTTP/1.0 such a body would end with the connection, and a cut one would look whole. */
    if (req->minor_version == 0 &&
        (mr_slice_is(req->method, "POST") || mr_slice_is(req->method, "PUT") ||
         mr_slice_is(req->method, "PATCH")))
        return refuse(error, 411, "Content-Length is missing, which HTTP/1.0 needs here.");
    return MR_OK;
}

enum mr_status mr_http_head_read(struct mr_http_request *req, struct mr_http_error *error)
{
    struct found found = {0};
    req->host = mr_slice(NULL, 0);
    req->framing = MR_HTTP_NO_BODY;
    req->content_length = 0;
    req->content_length_given = false;
    req->expect_continue = false;
    if (read_target(req, error) != MR_OK || gather(req, &found, error) != MR_OK ||
        read_host(req, &found, error) != MR_OK || read_framing(req, &found, error) != MR_OK)
        return MR_INVALID;
    req->keep_alive = req->minor_version > 0 && !found.close;
    if (req->framing == MR_HTTP_NO_BODY)
        req->expect_continue = false; /* there is nothing to wait for */
    return MR_OK;
}
