#include "mr_utf8.h"

#include <stdint.h>
#include <string.h>

/* Reads one character at *p, which is moved on; -1 if there is none. */
static int32_t take(const unsigned char **p, const unsigned char *end)
{
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    int32_t c = *(*p)++;
    if (c < 0x80)
        return c;
    int n = c >= 0xF8 ? 0 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 0;
    if (n == 0 || end - *p < n - 1)
        return -1;
    c &= 0x7F >> n;
    for (int i = 1; i < n; i++, (*p)++) {
        if ((**p & 0xC0) != 0x80)
            return -1;
        c = c << 6 | (**p & 0x3F);
    }
    return c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF) ? -1 : c;
}

static bool is_valid(struct mr_slice text, bool controls)
{
    const unsigned char *p = (const unsigned char *)text.data, *end = text.len ? p + text.len : p;
    while (p < end) {
        uint64_t eight;
        if (controls && end - p >= 8) {
            memcpy(&eight, p, sizeof eight);
            if (!(eight & UINT64_C(0x8080808080808080))) { /* ASCII, as most text is */
                p += 8;
                continue;
            }
        }
        int32_t c = take(&p, end);
        if (c < 0 || (!controls && (c < 0x20 || (c >= 0x7F && c < 0xA0))))
            return false;
    }
    return true;
}

bool mr_utf8_is_valid(struct mr_slice text)
{
    return is_valid(text, true);
}

bool mr_utf8_is_plain(struct mr_slice text)
{
    return is_valid(text, false);
}
