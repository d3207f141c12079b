/* Character classes of HTTP and URIs (RFC 9110, RFC 3986): one table look-up a byte. */
#ifndef MR_HTTP_CHARS_H
#define MR_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MR_HTTP_CHAR_TOKEN = 1,  /* tchar */
    MR_HTTP_CHAR_TARGET = 2, /* may stand in a request target, brackets in its host */
    MR_HTTP_CHAR_VALUE = 4,  /* in a field value: visible, SP, HTAB, bytes above 0x7f */
    MR_HTTP_CHAR_HOST = 8,   /* in a host name; no comma, which two merged fields would leave */
    MR_HTTP_CHAR_HEX = 16
};

extern const uint8_t mr_http_chars[256];

static inline bool mr_http_char_is(char c, unsigned classes)
{
    return (mr_http_chars[(unsigned char)c] & classes) != 0;
}

static inline char mr_http_lower(char c)
{
    return (char)(c + ((unsigned char)(c - 'A') < 26) * 32);
}

/* The value of a hexadecimal digit, -1 for another character. */
static inline int mr_http_hex(char c)
{
    if (!mr_http_char_is(c, MR_HTTP_CHAR_HEX))
        return -1;
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

#endif
