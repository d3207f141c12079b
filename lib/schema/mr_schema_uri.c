#include "mr_schema_uri.h"

#include "mr_buf.h"

struct parts {
    struct mr_slice scheme;    /* with its ":" */
    struct mr_slice authority; /* with its "//" */
    struct mr_slice path;
    struct mr_slice query; /* with its "?" */
};

struct mr_slice mr_schema_uri_split(const char *uri, struct mr_slice *fragment)
{
    const char *hash = strchr(uri, '#');
    *fragment = mr_slice_text(hash ? hash + 1 : NULL);
    return hash ? mr_slice(uri, (size_t)(hash - uri)) : mr_slice_text(uri);
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static size_t scheme_len(struct mr_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.data[i];
        if (c == ':')
            return i ? i + 1 : 0;
        if (!is_alpha(c) &&
            (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return 0;
    }
    return 0;
}

static struct mr_slice take(struct mr_slice *rest, size_t len)
{
    struct mr_slice taken = mr_slice(rest->data, len);
    *rest = mr_slice(rest->data + len, rest->len - len);
    return taken;
}

static struct parts parse(struct mr_slice uri)
{
    struct parts p = {0};
    size_t len = 0;
    p.scheme = take(&uri, scheme_len(uri));
    if (uri.len >= 2 && memcmp(uri.data, "//", 2) == 0) {
        for (len = 2; len < uri.len && uri.data[len] != '/' && uri.data[len] != '?';)
            len++;
        p.authority = take(&uri, len);
    }
    for (len = 0; len < uri.len && uri.data[len] != '?';)
        len++;
    p.path = take(&uri, len);
    p.query = uri;
    return p;
}

/* Appends path without its "." and ".." segments. */
static void add_path(struct mr_buf *out, struct mr_slice path)
{
    bool absolute = path.len && path.data[0] == '/';
    size_t i = absolute ? 1 : 0;
    if (absolute)
        mr_buf_char(out, '/');
    size_t floor = out->len;
    while (i < path.len) {
        size_t len = 0;
        while (i + len < path.len && path.data[i + len] != '/')
            len++;
        struct mr_slice segment = mr_slice(path.data + i, len);
        bool last = i + len == path.len;
        i += len + 1;
        if (mr_slice_is(segment, "..")) {
            if (out->len > floor)
                out->len--; /* the slash after the segment that goes */
            while (out->len > floor && out->data[out->len - 1] != '/')
                out->len--;
        } else if (!mr_slice_is(segment, ".")) {
            mr_buf_slice(out, segment);
            if (!last)
                mr_buf_char(out, '/');
        }
    }
}

char *mr_schema_uri_resolve(struct mr_arena *arena, struct mr_slice base, struct mr_slice ref)
{
    struct parts b = parse(base), r = parse(ref), t = r;
    struct mr_buf merged, out;
    mr_buf_init(&merged, 0);
    mr_buf_init(&out, 0);
    if (!r.scheme.len)
        t.scheme = b.scheme;
    if (!r.scheme.len && !r.authority.len) {
        t.authority = b.authority;
        if (!r.path.len) {
            t.path = b.path;
            t.query = r.query.len ? r.query : b.query;
        } else if (r.path.data[0] != '/') {
            size_t keep = b.path.len;
            while (keep && b.path.data[keep - 1] != '/')
                keep--;
            if (b.authority.len && !b.path.len)
                mr_buf_char(&merged, '/');
            mr_buf_add(&merged, b.path.data, keep);
            mr_buf_slice(&merged, r.path);
            t.path = mr_buf_all(&merged);
        }
    }
    mr_buf_slice(&out, t.scheme);
    mr_buf_slice(&out, t.authority);
    add_path(&out, t.path);
    mr_buf_slice(&out, t.query);
    char *text = mr_arena_dup(arena, mr_buf_all(&out).data, out.len);
    mr_buf_free(&merged);
    mr_buf_free(&out);
    return text;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

char *mr_schema_uri_decode(struct mr_arena *arena, struct mr_slice fragment)
{
    char *text = mr_arena_dup(arena, fragment.data, fragment.len), *to = text;
    for (size_t i = 0; text && i < fragment.len; i++) {
        char c = fragment.data[i];
        if (c == '%') {
            int high = i + 1 < fragment.len ? hex(fragment.data[i + 1]) : -1;
            int low = i + 2 < fragment.len ? hex(fragment.data[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        }
        *to++ = c;
    }
    if (to)
        *to = 0;
    return text;
}
