#include "mr_stamp.h"

#include "mr_time.h"
#include <stdbool.h>
#include <stdio.h>

#define NS_A_SECOND INT64_C(1000000000)
#define SECONDS_MAX (INT64_MAX / NS_A_SECOND - 1)

char *mr_stamp_text(int64_t unix_ns, char out[MR_STAMP_TEXT + 1])
{
    int64_t ms = unix_ns / 1000000;
    if (unix_ns % 1000000 < 0)
        ms--;
    char text[MR_TIME_TEXT + 1];
    int len = MR_TIME_TEXT - 1; /* without the Z */
    memcpy(out, mr_time_text(ms, text), MR_TIME_TEXT);
    for (unsigned rest = (unsigned)(unix_ns - ms * 1000000), unit = 100000; unit > 0; unit /= 10)
        out[len++] = (char)('0' + rest / unit % 10);
    while (out[len - 1] == '0')
        len--;
    if (out[len - 1] == '.')
        len--;
    out[len++] = 'Z';
    out[len] = 0;
    return out;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The second's fraction as ns; the text is a date-time already. */
static int64_t fraction_ns(struct mr_slice text)
{
    int64_t ns = 0, unit = NS_A_SECOND / 10;
    size_t at = strlen("2026-11-25T08:39:03");
    if (at >= text.len || text.data[at] != '.')
        return 0;
    for (at++; at < text.len && is_digit(text.data[at]); at++, unit /= 10)
        ns += (text.data[at] - '0') * unit;
    return ns;
}

enum mr_status mr_stamp_parse(struct mr_slice text, int64_t *unix_ns)
{
    int64_t ms;
    if (mr_time_parse(text, &ms) != MR_OK || ms > MR_STAMP_MS_MAX || ms < MR_STAMP_MS_MIN)
        return MR_INVALID;
    int64_t ns = fraction_ns(text);
    bool is_leap = text.data[17] == '6'; /* a second 60 was read as 59.999 */
    *unix_ns = ms * 1000000 + (is_leap ? 0 : ns % 1000000);
    return MR_OK;
}

/* The digits of a number, how many of them stand before the decimal point, and its exponent. */
struct number {
    const char *p, *end;
    bool is_negative;
    int64_t exponent;
};

static bool exponent_of(struct number *n)
{
    const char *e = n->p;
    while (e < n->end && *e != 'e' && *e != 'E')
        e++;
    const char *p = e + 1, *end = n->end;
    n->end = e;
    if (e == end)
        return true;
    bool is_negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (n->exponent < 100000)
            n->exponent = n->exponent * 10 + (*p - '0');
    }
    if (is_negative)
        n->exponent = -n->exponent;
    return true;
}

/* Adds one more digit, of weight 10^at ns. False: out of range. */
static bool add_digit(int64_t *ns, int digit, int64_t at)
{
    if (digit == 0 || at < 0)
        return true;
    if (at > 18)
        return false;
    int64_t unit = 1;
    for (int64_t i = 0; i < at; i++)
        unit *= 10;
    int64_t part;
    return !__builtin_mul_overflow(unit, digit, &part) && !__builtin_add_overflow(*ns, part, ns);
}

enum mr_status mr_stamp_of_seconds(struct mr_slice number, int64_t *unix_ns)
{
    struct number n = {.p = number.data, .end = number.data + number.len};
    int64_t ns = 0, whole = 0;
    if (number.len == 0)
        return MR_INVALID;
    n.is_negative = *n.p == '-';
    n.p += n.is_negative;
    if (!exponent_of(&n))
        return MR_INVALID;
    while (n.p + whole < n.end && is_digit(n.p[whole]))
        whole++;
    if (whole == 0)
        return MR_INVALID;
    int64_t at = whole + n.exponent + 9;
    for (const char *p = n.p; p < n.end; p++) {
        if (p == n.p + whole) {
            if (*p != '.' || p + 1 == n.end)
                return MR_INVALID;
            continue;
        }
        if (!is_digit(*p) || !add_digit(&ns, *p - '0', --at))
            return MR_INVALID;
    }
    if (ns / NS_A_SECOND > SECONDS_MAX)
        return MR_INVALID;
    *unix_ns = n.is_negative ? -ns : ns;
    return MR_OK;
}
