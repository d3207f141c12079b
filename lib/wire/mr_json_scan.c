#include "mr_json_scan.h"

#include "mr_logline.h"
#include <assert.h>
#include <stddef.h>

struct cursor {
    const char *begin, *p, *end;
    const char *what; /* why it failed at p; NULL: it did not */
};

static bool fail(struct cursor *c, const char *what)
{
    c->what = what;
    return false;
}

static void skip_blank(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

static bool take(struct cursor *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

/* -- checking -- */

static bool check_escape(struct cursor *c)
{
    if (c->p == c->end || !*c->p || !strchr("\"\\/bfnrtu", *c->p))
        return fail(c, "this is no escape of JSON");
    if (*c->p++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, c->p++)
        if (c->p == c->end || !((*c->p >= '0' && *c->p <= '9') || (*c->p >= 'a' && *c->p <= 'f') ||
                                (*c->p >= 'A' && *c->p <= 'F')))
            return fail(c, "four hex digits were expected");
    return true;
}

static bool check_string(struct cursor *c)
{
    if (!take(c, '"'))
        return fail(c, "a string was expected");
    for (;;) {
        while (c->p < c->end && (unsigned char)*c->p >= 0x20 && *c->p != '"' && *c->p != '\\')
            c->p++;
        if (take(c, '"'))
            return true;
        if (c->p == c->end)
            return fail(c, "a string does not end");
        if (!take(c, '\\'))
            return fail(c, "a control character stands in a string");
        if (!check_escape(c))
            return false;
    }
}

static bool check_digits(struct cursor *c)
{
    const char *from = c->p;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
        c->p++;
    return c->p > from || fail(c, "a digit was expected");
}

static bool check_number(struct cursor *c)
{
    take(c, '-');
    if (!take(c, '0') && !check_digits(c))
        return false;
    if (take(c, '.') && !check_digits(c))
        return false;
    if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
        c->p++;
        if (!take(c, '+'))
            take(c, '-');
        return check_digits(c);
    }
    return true;
}

static bool check_word(struct cursor *c, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, word, len) != 0)
        return fail(c, "no JSON value begins so");
    c->p += len;
    return true;
}

static bool check_scalar(struct cursor *c)
{
    char first = c->p < c->end ? *c->p : 0;
    if (c->p == c->end)
        return fail(c, "a value was expected");
    if (first == '"')
        return check_string(c);
    if (first == '-' || (first >= '0' && first <= '9'))
        return check_number(c);
    return check_word(c, first == 't' ? "true" : first == 'f' ? "false" : "null");
}

/* One bit for each open bracket: 1 is an object's. */
struct nest {
    uint64_t bits[MR_JSON_SCAN_DEPTH_MAX / 64];
    unsigned depth;
};

static bool nest_is_object(const struct nest *n)
{
    return n->bits[(n->depth - 1) / 64] >> (n->depth - 1) % 64 & 1;
}

static bool nest_open(struct nest *n, bool is_object)
{
    if (n->depth == MR_JSON_SCAN_DEPTH_MAX)
        return false;
    uint64_t bit = UINT64_C(1) << n->depth % 64;
    n->bits[n->depth / 64] &= ~bit;
    n->bits[n->depth / 64] |= is_object ? bit : 0;
    n->depth++;
    return true;
}

static bool check_name(struct cursor *c)
{
    skip_blank(c);
    if (!check_string(c))
        return false;
    skip_blank(c);
    return take(c, ':') || fail(c, "a colon was expected");
}

/* After a value: closes what it closes. *more: another value comes. */
static bool check_after(struct cursor *c, struct nest *n, bool *more)
{
    *more = false;
    while (n->depth > 0) {
        bool is_object = nest_is_object(n);
        skip_blank(c);
        if (take(c, ',')) {
            *more = true;
            return !is_object || check_name(c);
        }
        if (!take(c, is_object ? '}' : ']'))
            return fail(c, is_object ? "a comma or } was expected" : "a comma or ] was expected");
        n->depth--;
    }
    return true;
}

/* Before a value: opens what it opens, as long as that is not empty. *empty: it was, which is a
 * value by itself. */
static bool check_open(struct cursor *c, struct nest *n, bool *empty)
{
    *empty = false;
    for (;;) {
        skip_blank(c);
        bool is_object = take(c, '{');
        if (!is_object && !take(c, '['))
            return true;
        if (!nest_open(n, is_object))
            return fail(c, "it is nested too deep");
        skip_blank(c);
        *empty = take(c, is_object ? '}' : ']');
        if (*empty) {
            n->depth--;
            return true;
        }
        if (is_object && !check_name(c))
            return false;
    }
}

static bool check_value(struct cursor *c)
{
    struct nest n = {.depth = 0};
    bool more = true, empty;
    while (more)
        if (!check_open(c, &n, &empty) || (!empty && !check_scalar(c)) ||
            !check_after(c, &n, &more))
            return false;
    return true;
}

enum mr_status mr_json_scan_check(struct mr_slice text, struct mr_slice *value,
                                  struct mr_error *why)
{
    struct cursor c = {.begin = text.data, .p = text.data, .end = text.data + text.len};
    if (text.len == 0)
        return mr_fail(why, MR_INVALID, "There is no JSON: the text is empty.");
    skip_blank(&c);
    const char *from = c.p;
    if (check_value(&c)) {
        *value = mr_slice(from, (size_t)(c.p - from));
        skip_blank(&c);
        if (c.p == c.end)
            return MR_OK;
        c.what = "nothing was expected after the value";
    }
    size_t line = 1, column = 1;
    for (const char *p = c.begin; p < c.p; p++) {
        column++;
        if (*p == '\n')
            line++, column = 1;
    }
    return mr_fail(why, MR_INVALID, "The JSON is not well-formed at line %zu, column %zu: %s.",
                   line, column, c.what);
}

/* -- walking: the text is known to be well-formed -- */

enum mr_json_kind mr_json_scan_kind(struct mr_slice value)
{
    assert(value.len > 0);
    switch (value.data[0]) {
    case '{':
        return MR_JSON_OBJECT;
    case '[':
        return MR_JSON_ARRAY;
    case '"':
        return MR_JSON_STRING;
    case 't':
        return MR_JSON_TRUE;
    case 'f':
        return MR_JSON_FALSE;
    case 'n':
        return MR_JSON_NULL;
    default:
        return MR_JSON_NUMBER;
    }
}

static void skip_string(struct cursor *c)
{
    const char *begin = ++c->p, *p = begin;
    for (;; p++) {
        size_t escapes = 0;
        p = memchr(p, '"', (size_t)(c->end - p));
        assert(p);
        while (p - escapes > begin && p[-(ptrdiff_t)escapes - 1] == '\\')
            escapes++;
        if (escapes % 2 == 0)
            break;
    }
    c->p = p + 1;
}

static void skip_value(struct cursor *c)
{
    unsigned depth = 0;
    do {
        char at = *c->p;
        if (at == '"') {
            skip_string(c);
            continue;
        }
        if (at == '{' || at == '[')
            depth++;
        else if (at == '}' || at == ']')
            depth--;
        else if (depth == 0) {
            while (c->p < c->end && !strchr(" \t\r\n,]}", *c->p))
                c->p++;
            return;
        }
        c->p++;
    } while (depth > 0 && c->p < c->end);
}

static struct mr_slice take_value(struct cursor *c)
{
    skip_blank(c);
    const char *from = c->p;
    skip_value(c);
    assert(c->p <= c->end);
    return mr_slice(from, (size_t)(c->p - from));
}

/* At '{', '[' or ',', moves on to what comes; false at the end. */
static bool begin(struct cursor *c, struct mr_slice rest)
{
    *c = (struct cursor){.begin = rest.data, .p = rest.data, .end = rest.data + rest.len};
    skip_blank(c);
    if (c->p == c->end || *c->p == '}' || *c->p == ']')
        return false;
    c->p++;
    skip_blank(c);
    return c->p < c->end && *c->p != '}' && *c->p != ']';
}

bool mr_json_scan_member(struct mr_slice *rest, struct mr_slice *name, struct mr_slice *value)
{
    struct cursor c;
    if (!begin(&c, *rest))
        return false;
    *name = take_value(&c);
    skip_blank(&c);
    c.p++; /* the colon */
    *value = take_value(&c);
    *rest = mr_slice(c.p, (size_t)(c.end - c.p));
    return true;
}

bool mr_json_scan_element(struct mr_slice *rest, struct mr_slice *value)
{
    struct cursor c;
    if (!begin(&c, *rest))
        return false;
    *value = take_value(&c);
    *rest = mr_slice(c.p, (size_t)(c.end - c.p));
    return true;
}

unsigned mr_json_scan_depth(struct mr_slice value)
{
    struct cursor c = {.p = value.data, .end = value.data + value.len};
    unsigned depth = 0, most = 0;
    while (c.p < c.end) {
        if (*c.p == '"') {
            skip_string(&c);
            continue;
        }
        if (*c.p == '{' || *c.p == '[')
            depth++;
        else if (*c.p == '}' || *c.p == ']')
            depth--;
        most = depth > most ? depth : most;
        c.p++;
    }
    return most;
}

/* -- what a string says -- */

static uint32_t hex4(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

static char *put_character(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* At the digits of \uXXXX, which may be the first half of a pair. Returns what follows. */
static const char *take_unicode(const char *p, const char *end, char **out)
{
    uint32_t c = hex4(p), low;
    p += 4;
    if (c >= 0xD800 && c < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        (low = hex4(p + 2)) >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        p += 6;
    } else if (c == 0 || (c >= 0xD800 && c < 0xE000)) {
        c = 0xFFFD;
    }
    *out = put_character(*out, c);
    return p;
}

enum mr_status mr_json_scan_string(struct mr_slice string, struct mr_arena *arena,
                                   struct mr_slice *out)
{
    assert(string.len >= 2 && string.data[0] == '"');
    struct mr_slice text = mr_slice(string.data + 1, string.len - 2);
    if (text.len == 0 || !memchr(text.data, '\\', text.len))
        return mr_logline_text(text, arena, out);
    char *copy = mr_arena_alloc(arena, text.len), *to = copy; /* an escape is never longer */
    if (!copy)
        return MR_LIMIT;
    static const char from[] = "bfnrt", means[] = "\b\f\n\r\t";
    for (const char *p = text.data, *end = p + text.len; p < end;) {
        const char *letter;
        if (*p != '\\') {
            *to++ = *p++;
        } else if (p[1] == 'u') {
            p = take_unicode(p + 2, end, &to);
        } else {
            letter = strchr(from, p[1]);
            *to++ = letter ? means[letter - from] : p[1];
            p += 2;
        }
    }
    return mr_logline_text(mr_slice(copy, (size_t)(to - copy)), arena, out);
}
