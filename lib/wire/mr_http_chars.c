#include "mr_http_chars.h"

#define T MR_HTTP_CHAR_TOKEN
#define U MR_HTTP_CHAR_TARGET
#define V MR_HTTP_CHAR_VALUE
#define H MR_HTTP_CHAR_HOST
#define X MR_HTTP_CHAR_HEX

const uint8_t mr_http_chars[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | U | V | H,
    ['"'] = V,
    ['#'] = T | V,
    ['$'] = T | U | V | H,
    ['%'] = T | U | V | H,
    ['&'] = T | U | V | H,
    ['\''] = T | U | V | H,
    ['('] = U | V | H,
    [')'] = U | V | H,
    ['*'] = T | U | V | H,
    ['+'] = T | U | V | H,
    [','] = U | V,
    ['-'] = T | U | V | H,
    ['.'] = T | U | V | H,
    ['/'] = U | V,
    ['0' ... '9'] = T | U | V | H | X,
    [':'] = U | V,
    [';'] = U | V | H,
    ['<'] = V,
    ['='] = U | V | H,
    ['>'] = V,
    ['?'] = U | V,
    ['@'] = U | V,
    ['A' ... 'F'] = T | U | V | H | X,
    ['G' ... 'Z'] = T | U | V | H,
    ['['] = U | V,
    ['\\'] = V,
    [']'] = U | V,
    ['^'] = T | V,
    ['_'] = T | U | V | H,
    ['`'] = T | V,
    ['a' ... 'f'] = T | U | V | H | X,
    ['g' ... 'z'] = T | U | V | H,
    ['{'] = V,
    ['|'] = T | V,
    ['}'] = V,
    ['~'] = T | U | V | H,
    [0x80 ... 0xff] = V,
};
