#include "mr_http_text.h"
#include "mr_http_chars.h"
#include "mr_utf8.h"

bool mr_http_equal_nocase(struct mr_slice a, const char *b)
{
    for (size_t i = 0; i < a.len; i++)
        if (!b[i] || mr_http_lower(a.data[i]) != mr_http_lower(b[i]))
            return false;
    return b[a.len] == 0;
}

static struct mr_slice trim(struct mr_slice s)
{
    while (s.len && (s.data[0] == ' ' || s.data[0] == '\t'))
        s.data++, s.len--;
    while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Cuts rest at the first separator; rest is absent after the last part. */
static struct mr_slice cut(struct mr_slice *rest, size_t at)
{
    struct mr_slice part = mr_slice(rest->data, at);
    if (at == rest->len)
        *rest = mr_slice(NULL, 0);
    else
        *rest = mr_slice(rest->data + at + 1, rest->len - at - 1);
    return part;
}

static size_t find_char(struct mr_slice s, char c)
{
    const char *p = s.len ? memchr(s.data, c, s.len) : NULL;
    return p ? (size_t)(p - s.data) : s.len;
}

/* Where separator stands outside quotes; an open quote reaches to the end. */
static size_t find_unquoted(struct mr_slice s, char separator)
{
    bool quoted = false;
    for (size_t i = 0; i < s.len; i++) {
        if (quoted && s.data[i] == '\\')
            i++;
        else if (s.data[i] == '"')
            quoted = !quoted;
        else if (!quoted && s.data[i] == separator)
            return i;
    }
    return s.len;
}

bool mr_http_path_next(struct mr_slice *rest, struct mr_slice *segment)
{
    if (rest->len == 0 || rest->data[0] != '/')
        return false;
    struct mr_slice after = mr_slice(rest->data + 1, rest->len - 1);
    *segment = mr_slice(after.data, find_char(after, '/'));
    *rest = mr_slice(after.data + segment->len, after.len - segment->len);
    return true;
}

bool mr_http_query_next(struct mr_slice *rest, struct mr_slice *name, struct mr_slice *value)
{
    while (rest->len) {
        struct mr_slice part = cut(rest, find_char(*rest, '&'));
        if (part.len == 0)
            continue;
        size_t at = find_char(part, '=');
        *name = cut(&part, at);
        *value = part;
        return true;
    }
    return false;
}

bool mr_http_list_next(struct mr_slice *rest, struct mr_slice *member)
{
    while (rest->len) {
        *member = trim(cut(rest, find_unquoted(*rest, ',')));
        if (member->len)
            return true;
    }
    return false;
}

bool mr_http_parameter_next(struct mr_slice *rest, struct mr_slice *name, struct mr_slice *value)
{
    while (rest->len) {
        struct mr_slice part = trim(cut(rest, find_unquoted(*rest, ';')));
        if (part.len == 0)
            continue;
        size_t at = find_char(part, '=');
        *name = trim(cut(&part, at));
        *value = part.data ? trim(part) : part;
        if (value->len >= 2 && value->data[0] == '"' && value->data[value->len - 1] == '"')
            *value = mr_slice(value->data + 1, value->len - 2);
        return true;
    }
    return false;
}

static enum mr_status decode_into(char *out, struct mr_slice raw, bool plus_is_space, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];
        if (c == '%') {
            if (raw.len - i < 3)
                return MR_INVALID;
            int high = mr_http_hex(raw.data[i + 1]), low = mr_http_hex(raw.data[i + 2]);
            if (high < 0 || low < 0)
                return MR_INVALID;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[n++] = c;
    }
    *len = n;
    return MR_OK;
}

enum mr_status mr_http_decode(struct mr_slice raw, enum mr_http_component component,
                              struct mr_arena *arena, struct mr_slice *out)
{
    bool plus = component == MR_HTTP_QUERY_PART;
    struct mr_slice text = raw;
    if (find_char(raw, '%') < raw.len || (plus && find_char(raw, '+') < raw.len)) {
        char *copy = mr_arena_alloc(arena, raw.len + 1);
        if (!copy)
            return MR_LIMIT;
        if (decode_into(copy, raw, plus, &text.len) != MR_OK)
            return MR_INVALID;
        copy[text.len] = 0;
        text.data = copy;
    }
    if (find_char(text, 0) < text.len || !mr_utf8_is_valid(text))
        return MR_INVALID;
    *out = text;
    return MR_OK;
}
