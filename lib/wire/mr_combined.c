#include "mr_combined.h"

#include "mr_time.h"
#include <stdbool.h>
#include <stdlib.h>

struct reader {
    struct mr_slice line;
    size_t at;
    struct mr_arena *arena;
    struct mr_logline *out;
    struct mr_error *why;
};

static enum mr_status fail(const struct reader *r, const char *field, const char *what)
{
    return mr_fail(r->why, MR_INVALID, "No access log line: %s %s at column %zu.", field, what,
                   r->at + 1);
}

static bool take(struct reader *r, char wanted)
{
    if (r->at == r->line.len || r->line.data[r->at] != wanted)
        return false;
    r->at++;
    return true;
}

/* -- fields -- */

/* Up to the next space, which is passed over. */
static enum mr_status take_word(struct reader *r, const char *field, struct mr_slice *out)
{
    size_t from = r->at;
    while (r->at < r->line.len && r->line.data[r->at] != ' ')
        r->at++;
    *out = mr_slice(r->line.data + from, r->at - from);
    if (out->len == 0)
        return fail(r, field, "is missing");
    return take(r, ' ') ? MR_OK : fail(r, field, "is the last");
}

/* A user's name may have spaces: it ends before " [". */
static enum mr_status take_user(struct reader *r, struct mr_slice *out)
{
    const char *from = r->line.data + r->at;
    const char *end = memmem(from, r->line.len - r->at, " [", 2);
    if (!end || end == from)
        return fail(r, "the user or the time after it", "is missing");
    *out = mr_slice(from, (size_t)(end - from));
    r->at += out->len + 1;
    return MR_OK;
}

/* Between quotes, as it stands there; a backslash takes what follows with it. Where the closing one
 * is missing all of the rest is given beside MR_INVALID. */
static enum mr_status take_quoted(struct reader *r, const char *field, struct mr_slice *out)
{
    *out = (struct mr_slice){0};
    if (!take(r, '"'))
        return fail(r, field, "does not begin with a quote");
    size_t from = r->at;
    while (r->at < r->line.len && r->line.data[r->at] != '"')
        r->at += r->line.data[r->at] == '\\' && r->at + 1 < r->line.len ? 2 : 1;
    *out = mr_slice(r->line.data + from, r->at - from);
    return take(r, '"') ? MR_OK : fail(r, field, "has no closing quote");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 1 to 18 digits, behind a space; or '-' where that is allowed: *out is empty. */
static enum mr_status take_number(struct reader *r, const char *field, bool or_none,
                                  struct mr_slice *out)
{
    if (!take(r, ' '))
        return fail(r, field, "is missing");
    size_t from = r->at;
    while (r->at < r->line.len && r->at - from < 18 && is_digit(r->line.data[r->at]))
        r->at++;
    *out = mr_slice(r->line.data + from, r->at - from);
    if (out->len > 0 || (or_none && take(r, '-')))
        return MR_OK;
    return fail(r, field, "is no number");
}

/* -- [10/Oct/2000:13:55:36 -0700] -- */

static bool month_of(const char *p, char out[2])
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int m = 0; m < 12; m++)
        if (memcmp(names + m * 3, p, 3) == 0) {
            out[0] = (char)('0' + (m + 1) / 10);
            out[1] = (char)('0' + (m + 1) % 10);
            return true;
        }
    return false;
}

/* Rewritten as RFC 3339, so that one reader knows the calendar. */
static enum mr_status take_time(struct reader *r)
{
    const char *p = r->line.data + r->at;
    char text[] = "yyyy-mm-ddThh:mm:ss+hh:mm";
    int64_t ms;
    if (r->line.len - r->at < 28 || p[0] != '[' || p[3] != '/' || p[7] != '/' || p[12] != ':' ||
        p[21] != ' ' || p[27] != ']' || !month_of(p + 4, text + 5))
        return fail(r, "the time", "is not [day/month/year:h:m:s zone]");
    memcpy(text, p + 8, 4);
    memcpy(text + 8, p + 1, 2);
    memcpy(text + 11, p + 13, 8);
    memcpy(text + 19, p + 22, 3);
    memcpy(text + 23, p + 25, 2);
    if (mr_time_parse(mr_slice(text, sizeof text - 1), &ms) != MR_OK || ms > INT64_MAX / 1000000 ||
        ms < INT64_MIN / 1000000)
        return fail(r, "the time", "is none");
    r->out->has_time = true;
    r->out->time_ns = ms * 1000000;
    r->at += 28;
    return take(r, ' ') ? MR_OK : fail(r, "the request", "is missing");
}

/* -- attributes -- */

static int hex_digit(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One escape at p, of which left bytes are there: how many it takes. */
static size_t escape(const char *p, size_t left, char *out)
{
    static const char letters[] = "bnrtv", means[] = "\b\n\r\t\v";
    const char *letter = left > 1 && p[1] ? strchr(letters, p[1]) : NULL;
    if (left >= 4 && p[1] == 'x' && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
        *out = (char)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
        return 4;
    }
    if (letter)
        *out = means[letter - letters];
    else if (left > 1 && (p[1] == '"' || p[1] == '\\'))
        *out = p[1];
    else {
        *out = '\\'; /* no escape of either server */
        return 1;
    }
    return 2;
}

static enum mr_status unescape(struct reader *r, struct mr_slice raw, struct mr_slice *out)
{
    if (raw.len == 0 || !memchr(raw.data, '\\', raw.len))
        return mr_logline_text(raw, r->arena, out);
    char *copy = mr_arena_alloc(r->arena, raw.len), *to = copy;
    if (!copy)
        return MR_LIMIT;
    for (size_t i = 0; i < raw.len; to++) {
        *to = raw.data[i];
        i += raw.data[i] == '\\' ? escape(raw.data + i, raw.len - i, to) : 1;
    }
    return mr_logline_text(mr_slice(copy, (size_t)(to - copy)), r->arena, out);
}

/* '-' and nothing are no value. */
static enum mr_status add(struct reader *r, const char *name, struct mr_slice raw, bool is_json)
{
    struct mr_logline_value value = {.text = raw, .is_json = is_json};
    if (raw.len == 0 || mr_slice_is(raw, "-"))
        return MR_OK;
    enum mr_status s = is_json ? MR_OK : unescape(r, raw, &value.text);
    return s == MR_OK ? mr_logline_add(r->out, r->arena, mr_slice_text(name), value) : s;
}

static enum mr_status add_target(struct reader *r, struct mr_slice target)
{
    if (target.len == 0 || target.data[0] != '/')
        return add(r, "url.original", target, false);
    const char *query = memchr(target.data, '?', target.len);
    size_t len = query ? (size_t)(query - target.data) : target.len;
    enum mr_status s = add(r, "url.path", mr_slice(target.data, len), false);
    if (s == MR_OK && query)
        s = add(r, "url.query", mr_slice(query + 1, target.len - len - 1), false);
    return s;
}

/* "GET /path?query HTTP/1.1"; what is not of this form is kept as it is. */
static enum mr_status add_request(struct reader *r, struct mr_slice request)
{
    static const char version[] = " HTTP/";
    const char *p = request.data, *space = memchr(p, ' ', request.len), *last = NULL;
    for (size_t i = request.len; i-- > 0 && !last;)
        last = p[i] == ' ' ? p + i : NULL;
    size_t past = last ? request.len - (size_t)(last - p) : 0;
    if (!space || space == p || last == space || past < sizeof version ||
        memcmp(last, version, sizeof version - 1) != 0)
        return add(r, "http.request.line", request, false);
    enum mr_status s = add(r, "http.request.method", mr_slice(p, (size_t)(space - p)), false);
    if (s == MR_OK)
        s = add_target(r, mr_slice(space + 1, (size_t)(last - space) - 1));
    if (s == MR_OK)
        s = add(r, "network.protocol.version",
                mr_slice(last + sizeof version - 1, past - (sizeof version - 1)), false);
    return s;
}

/* -- the line -- */

static enum mr_status read_client(struct reader *r)
{
    struct mr_slice host, ident, user;
    enum mr_status s = take_word(r, "the client", &host);
    if (s == MR_OK)
        s = take_word(r, "the identity", &ident);
    if (s == MR_OK)
        s = take_user(r, &user);
    if (s == MR_OK)
        s = take_time(r);
    if (s == MR_OK)
        s = add(r, "client.address", host, false);
    if (s == MR_OK)
        s = add(r, "client.ident", ident, false);
    return s == MR_OK ? add(r, "user.name", user, false) : s;
}

/* A JSON number has no zeros in front. */
static struct mr_slice plain_number(struct mr_slice digits)
{
    while (digits.len > 1 && digits.data[0] == '0')
        digits = mr_slice(digits.data + 1, digits.len - 1);
    return digits;
}

static enum mr_status read_answer(struct reader *r)
{
    struct mr_slice request, status, bytes;
    enum mr_status s = take_quoted(r, "the request", &request);
    if (s == MR_OK)
        s = take_number(r, "the status", false, &status);
    if (s == MR_OK && status.len != 3)
        return fail(r, "the status", "has not three digits");
    if (s == MR_OK)
        s = take_number(r, "the size", true, &bytes);
    if (s != MR_OK)
        return s;
    r->out->severity = status.data[0] >= '5' ? 17 : status.data[0] == '4' ? 13 : 9;
    s = add_request(r, request);
    if (s == MR_OK)
        s = add(r, "http.response.status_code", plain_number(status), true);
    return s == MR_OK ? add(r, "http.response.body.size", plain_number(bytes), true) : s;
}

/* The common format ends before these two. A line that was cut inside of them is one all the same:
 * it says when what was answered, and how. Servers append fields of their own; the body has them.
 */
static enum mr_status read_visitor(struct reader *r)
{
    static const char *const names[] = {"http.request.header.referer", "user_agent.original"};
    static const char *const fields[] = {"the referer", "the user agent"};
    for (size_t i = 0; i < 2 && r->at < r->line.len; i++) {
        struct mr_slice text;
        if (!take(r, ' '))
            return fail(r, i == 0 ? "the size" : "the referer", "does not end");
        enum mr_status s = take_quoted(r, fields[i], &text);
        if (s == MR_INVALID && r->at < r->line.len)
            return s;
        if (s == MR_OK || s == MR_INVALID)
            s = add(r, names[i], text, false);
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

enum mr_status mr_combined_read(struct mr_slice line, struct mr_arena *arena,
                                struct mr_logline *out, struct mr_error *why)
{
    struct mr_logline read = {0};
    struct reader r = {.line = line, .arena = arena, .out = &read, .why = why};
    enum mr_status s = read_client(&r);
    if (s == MR_OK)
        s = read_answer(&r);
    if (s == MR_OK)
        s = read_visitor(&r);
    if (s == MR_OK)
        s = mr_logline_text(line, arena, &read.body.text);
    if (s == MR_LIMIT)
        mr_fail(why, s, "The access log line needs more memory than there is.");
    if (s == MR_OK)
        *out = read;
    return s;
}
