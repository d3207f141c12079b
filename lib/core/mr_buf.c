#include "mr_buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void mr_buf_init(struct mr_buf *buf, size_t bytes_max)
{
    *buf = (struct mr_buf){.bytes_max = bytes_max};
}

void mr_buf_free(struct mr_buf *buf)
{
    free(buf->data);
    *buf = (struct mr_buf){.bytes_max = buf->bytes_max};
}

void mr_buf_reset(struct mr_buf *buf)
{
    buf->len = 0;
    buf->over = false;
}

void mr_buf_consume(struct mr_buf *buf, size_t n)
{
    assert(n <= buf->len);
    buf->len -= n;
    if (buf->len)
        memmove(buf->data, buf->data + n, buf->len);
}

char *mr_buf_reserve(struct mr_buf *buf, size_t n)
{
    size_t need;
    if (buf->over || __builtin_add_overflow(buf->len, n, &need) ||
        (buf->bytes_max && need > buf->bytes_max)) {
        buf->over = true;
        return NULL;
    }
    if (need > buf->size || !buf->data) {
        size_t size = buf->size ? buf->size * 2 : 256;
        if (size < need)
            size = need;
        buf->data = realloc(buf->data, size);
        if (!buf->data)
            abort();
        buf->size = size;
    }
    return buf->data + buf->len;
}

void mr_buf_add(struct mr_buf *buf, const void *data, size_t len)
{
    char *p = mr_buf_reserve(buf, len);
    if (!p || len == 0)
        return;
    memcpy(p, data, len);
    buf->len += len;
}

void mr_buf_text(struct mr_buf *buf, const char *text)
{
    mr_buf_add(buf, text, strlen(text));
}

void mr_buf_slice(struct mr_buf *buf, struct mr_slice s)
{
    mr_buf_add(buf, s.data, s.len);
}

void mr_buf_char(struct mr_buf *buf, char c)
{
    mr_buf_add(buf, &c, 1);
}

void mr_buf_printf(struct mr_buf *buf, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    char *p = mr_buf_reserve(buf, (size_t)n + 1); /* vsnprintf also writes a NUL */
    if (p) {
        vsnprintf(p, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
}

/* Length of the UTF-8 character at p (RFC 3629: no overlong forms, no surrogates), 0 if there is
 * none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    size_t n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (left < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return n;
}

static void json_char(struct mr_buf *buf, unsigned char c)
{
    static const char letters[] = "btn\0fr"; /* 0x08 .. 0x0d */
    if (c == '"' || c == '\\')
        mr_buf_printf(buf, "\\%c", c);
    else if (c >= 0x08 && c <= 0x0d && letters[c - 8])
        mr_buf_printf(buf, "\\%c", letters[c - 8]);
    else
        mr_buf_printf(buf, "\\u%04x", c);
}

/* How many bytes from p on stand for themselves in a JSON string and are ASCII: most texts are
 * nothing else, so eight are looked at at once. */
static size_t plain_length(const unsigned char *p, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    size_t i = 0;
    for (uint64_t v; i + 8 <= len; i += 8) {
        memcpy(&v, p + i, 8);
        uint64_t quote = v ^ (ones * '"'), escape = v ^ (ones * '\\');
        if (((v - ones * 0x20) | (quote - ones) | (escape - ones) | v) & tops)
            break;
    }
    while (i < len && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"' && p[i] != '\\')
        i++;
    return i;
}

void mr_buf_json_string(struct mr_buf *buf, struct mr_slice text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t i = 0, from = 0;
    mr_buf_char(buf, '"');
    while (i < text.len) {
        size_t plain = plain_length(p + i, text.len - i);
        i += plain;
        if (plain > 0)
            continue;
        size_t n = utf8_length(p + i, text.len - i);
        if (n > 0 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\') {
            i += n;
            continue;
        }
        if (i > from)
            mr_buf_add(buf, p + from, i - from);
        if (n == 0)
            mr_buf_text(buf, "\xEF\xBF\xBD"); /* U+FFFD */
        else
            json_char(buf, p[i]);
        from = ++i;
    }
    if (i > from)
        mr_buf_add(buf, p + from, i - from);
    mr_buf_char(buf, '"');
}

void mr_buf_u16(struct mr_buf *buf, uint16_t v)
{
    unsigned char b[2] = {(unsigned char)(v >> 8), (unsigned char)v};
    mr_buf_add(buf, b, sizeof b);
}

void mr_buf_u32(struct mr_buf *buf, uint32_t v)
{
    mr_buf_u16(buf, (uint16_t)(v >> 16));
    mr_buf_u16(buf, (uint16_t)v);
}

void mr_buf_u64(struct mr_buf *buf, uint64_t v)
{
    mr_buf_u32(buf, (uint32_t)(v >> 32));
    mr_buf_u32(buf, (uint32_t)v);
}
