#include "mr_receipt.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Digits at *p, at most max, without a leading zero; moves *p on. */
static bool number(const char **p, const char *end, int64_t max, int64_t *out)
{
    const char *from = *p;
    int64_t n = 0;
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        int digit = **p - '0';
        if (n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return *p > from && (*from != '0' || *p == from + 1);
}

enum mr_status mr_receipt_parse(const char *text, size_t len, struct mr_receipt *out)
{
    struct mr_receipt r = {0};
    const char *p = text, *end = text + len;
    int64_t lane;
    while (p < end && *p >= 'a' && *p <= 'z')
        p++;
    size_t domain_len = (size_t)(p - text);
    if (domain_len == 0 || domain_len >= sizeof r.domain || p == end || *p++ != '-' ||
        !number(&p, end, INT32_MAX, &lane) || p == end || *p++ != '-' ||
        !number(&p, end, INT64_MAX, &r.position) || p != end)
        return MR_INVALID;
    memcpy(r.domain, text, domain_len);
    r.lane = (int32_t)lane;
    *out = r;
    return MR_OK;
}

char *mr_receipt_text(const struct mr_receipt *receipt, char out[MR_RECEIPT_TEXT + 1])
{
    snprintf(out, MR_RECEIPT_TEXT + 1, "%.15s-%d-%lld", receipt->domain, receipt->lane,
             (long long)receipt->position);
    return out;
}
