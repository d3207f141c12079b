#include "mr_time.h"

#include <stdbool.h>

/* Days from the civil calendar and back: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
static int32_t day_of(int y, int m, int d)
{
    y -= m <= 2;
    int era = (y >= 0 ? y : y - 399) / 400;
    int yoe = y - era * 400;
    int doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_of(int32_t day, int *y, int *m, int *d)
{
    int z = day + 719468;
    int era = (z >= 0 ? z : z - 146096) / 146097;
    int doe = z - era * 146097;
    int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + era * 400 + (*m <= 2);
}

static int days_in_month(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

int32_t mr_time_day(int64_t unix_ms)
{
    return (int32_t)(unix_ms >= 0 ? unix_ms / MR_DAY_MS
                                  : -((-unix_ms + MR_DAY_MS - 1) / MR_DAY_MS));
}

/* So many decimal digits of v. Times are written for every log line: printf would be half of it. */
static void put_digits(char *out, int count, unsigned v)
{
    for (int i = count; i-- > 0; v /= 10)
        out[i] = (char)('0' + v % 10);
}

char *mr_day_text(int32_t day, char out[MR_DAY_TEXT + 1])
{
    int y, m, d;
    civil_of(day, &y, &m, &d);
    memcpy(out, "yyyy-mm-dd", MR_DAY_TEXT + 1);
    put_digits(out, 4, (unsigned)y);
    put_digits(out + 5, 2, (unsigned)m);
    put_digits(out + 8, 2, (unsigned)d);
    return out;
}

char *mr_time_text(int64_t unix_ms, char out[MR_TIME_TEXT + 1])
{
    int32_t day = mr_time_day(unix_ms);
    unsigned ms = (unsigned)(unix_ms - day * MR_DAY_MS);
    char *time = mr_day_text(day, out) + MR_DAY_TEXT;
    memcpy(time, "Thh:mm:ss.mmmZ", MR_TIME_TEXT - MR_DAY_TEXT + 1);
    put_digits(time + 1, 2, ms / 3600000);
    put_digits(time + 4, 2, ms / 60000 % 60);
    put_digits(time + 7, 2, ms / 1000 % 60);
    put_digits(time + 10, 3, ms % 1000);
    return out;
}

/* Reads exactly n digits at *p and moves it on. */
static bool digits(const char **p, const char *end, int n, int *out)
{
    int v = 0;
    if (end - *p < n)
        return false;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (**p - '0');
    }
    *out = v;
    return true;
}

static bool sign(const char **p, const char *end, const char *any)
{
    if (*p >= end || !strchr(any, **p) || **p == 0)
        return false;
    (*p)++;
    return true;
}

static bool full_date(const char **p, const char *end, int32_t *day)
{
    int y, m, d;
    if (!digits(p, end, 4, &y) || !sign(p, end, "-") || !digits(p, end, 2, &m) ||
        !sign(p, end, "-") || !digits(p, end, 2, &d))
        return false;
    if (m < 1 || m > 12 || d < 1 || d > days_in_month(y, m))
        return false;
    *day = day_of(y, m, d);
    return true;
}

enum mr_status mr_day_parse(struct mr_slice text, int32_t *day)
{
    const char *p = text.data, *end = p + text.len;
    int32_t d;
    if (!text.len || !full_date(&p, end, &d) || p != end)
        return MR_INVALID;
    *day = d;
    return MR_OK;
}

/* .fraction, any number of digits, cut to ms. */
static bool fraction(const char **p, const char *end, int *ms)
{
    int scale = 100, n = 0;
    *ms = 0;
    if (*p >= end || **p != '.')
        return true;
    for ((*p)++; *p < end && **p >= '0' && **p <= '9'; (*p)++, n++, scale /= 10)
        *ms += (**p - '0') * scale;
    return n > 0;
}

static bool offset(const char **p, const char *end, int *minutes)
{
    int h, m, plus;
    *minutes = 0;
    if (sign(p, end, "Zz"))
        return true;
    plus = *p < end && **p == '+';
    if (!sign(p, end, "+-") || !digits(p, end, 2, &h) || !sign(p, end, ":") ||
        !digits(p, end, 2, &m) || h > 23 || m > 59)
        return false;
    *minutes = plus ? h * 60 + m : -(h * 60 + m);
    return true;
}

enum mr_status mr_time_parse(struct mr_slice text, int64_t *unix_ms)
{
    const char *p = text.data, *end = p + text.len;
    int32_t day;
    int h, m, s, ms, off;
    if (!text.len || !full_date(&p, end, &day) || !sign(&p, end, "Tt ") ||
        !digits(&p, end, 2, &h) || !sign(&p, end, ":") || !digits(&p, end, 2, &m) ||
        !sign(&p, end, ":") || !digits(&p, end, 2, &s) || !fraction(&p, end, &ms) ||
        !offset(&p, end, &off) || p != end || h > 23 || m > 59 || s > 60)
        return MR_INVALID;
    if (s == 60)
        s = 59, ms = 999;
    *unix_ms = day * MR_DAY_MS + ((h * 60 + m - off) * INT64_C(60) + s) * 1000 + ms;
    return MR_OK;
}
