/* Card numbers: what begins as issuers' numbers do, or is written in groups as cards print them,
 * and passes Luhn's check. One number in ten passes that alone, so a time in ms, a count or the
 * fraction of a double must not get so far: no issuer's number begins with the 1 of those times. */
#include "mr_scan.h"

#define DIGITS_MIN 13
#define DIGITS_MAX 19
#define GROUP_MAX  6 /* digits of a group: Amex prints 4-6-5; a UUID ends in 12 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Luhn: from the right, every second digit counts double. */
static bool passes(const char *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned d = (unsigned)(digits[count - 1 - i] - '0');
        if (i % 2 == 1)
            d = d > 4 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return sum % 10 == 0;
}

static bool begins_as_issued(const char *digits)
{
    int first = 0;
    for (int i = 0; i < 4; i++)
        first = first * 10 + (digits[i] - '0');
    return (first >= 3000 && first < 7000) || (first >= 2221 && first <= 2720);
}

static size_t digits_from(struct mr_slice text, size_t at)
{
    size_t end = at;
    while (end < text.len && is_digit(text.data[end]))
        end++;
    return end;
}

/* Groups with the same sign between them; the longest that passes. The first has four digits. */
static bool in_groups(struct mr_slice text, size_t at, size_t *end)
{
    char digits[DIGITS_MAX];
    size_t count = 4, group_end = at + 4;
    bool found = false;
    char sign = text.data[group_end];
    memcpy(digits, text.data + at, 4);
    while (group_end + 1 < text.len && text.data[group_end] == sign) {
        size_t next = digits_from(text, group_end + 1), len = next - group_end - 1;
        if (len == 0 || len > GROUP_MAX || count + len > DIGITS_MAX)
            break;
        memcpy(digits + count, text.data + group_end + 1, len);
        count += len;
        group_end = next;
        if (count >= DIGITS_MIN && (next == text.len || !is_word(text.data[next])) &&
            passes(digits, count)) {
            *end = next;
            found = true;
        }
    }
    return found;
}

bool mr_scan_card_at(struct mr_slice text, size_t at, size_t *end, size_t *skip)
{
    size_t run = digits_from(text, at), len = run - at;
    *skip = run;
    if (len == 4 && run < text.len && (text.data[run] == ' ' || text.data[run] == '-'))
        return in_groups(text, at, end);
    *end = run;
    return len >= DIGITS_MIN && len <= DIGITS_MAX &&
           (run == text.len || !is_word(text.data[run])) && begins_as_issued(text.data + at) &&
           passes(text.data + at, len);
}

bool mr_scan_is_card(int64_t number)
{
    char digits[DIGITS_MAX];
    size_t count = 0;
    if (number < INT64_C(1000000000000)) /* 13 digits */
        return false;
    for (; number > 0; number /= 10)
        digits[count++] = (char)('0' + number % 10);
    for (size_t i = 0; i < count / 2; i++) {
        char c = digits[i];
        digits[i] = digits[count - 1 - i];
        digits[count - 1 - i] = c;
    }
    return begins_as_issued(digits) && passes(digits, count);
}
