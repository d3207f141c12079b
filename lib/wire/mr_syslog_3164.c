/* RFC 3164 as senders write it: "Oct 11 22:14:15 host tag[pid]: message", the host left out by
 * local senders, the time RFC 3339's with some relays. */
#include "mr_stamp.h"
#include "mr_syslog_own.h"
#include "mr_time.h"

#define TAG_BYTES_MAX 128
#define STAMP_BYTES   15 /* Mmm dd hh:mm:ss */

/* Two characters as a number, the first may be a space; -1: they are none. */
static int two(const char *p)
{
    int tens = p[0] == ' ' ? 0 : p[0] - '0', ones = p[1] - '0';
    return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : tens * 10 + ones;
}

static int month_of(const char *p)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int m = 0; m < 12; m++)
        if (memcmp(names + m * 3, p, 3) == 0)
            return m + 1;
    return 0;
}

static bool day_of(int year, int month, int day, int32_t *out)
{
    char text[MR_DAY_TEXT] = {(char)('0' + year / 1000),
                              (char)('0' + year / 100 % 10),
                              (char)('0' + year / 10 % 10),
                              (char)('0' + year % 10),
                              '-',
                              (char)('0' + month / 10),
                              (char)('0' + month % 10),
                              '-',
                              (char)('0' + day / 10),
                              (char)('0' + day % 10)};
    return mr_day_parse(mr_slice(text, sizeof text), out) == MR_OK;
}

static int year_of(int64_t unix_ms)
{
    char text[MR_DAY_TEXT + 1];
    mr_day_text(mr_time_day(unix_ms), text);
    return (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 + text[3] - '0';
}

/* The year that brings the time nearest to now; false: no such day in any of them. */
static bool nearest(const struct mr_syslog_context *context, int month, int day, int64_t of_day_ms,
                    int64_t *unix_ms)
{
    int64_t best = INT64_MAX;
    int year = year_of(context->now_ms);
    for (int y = year - 1; y <= year + 1; y++) {
        int32_t d;
        if (!day_of(y, month, day, &d))
            continue;
        int64_t ms = d * MR_DAY_MS + of_day_ms - context->zone_minutes * INT64_C(60000);
        int64_t away = ms > context->now_ms ? ms - context->now_ms : context->now_ms - ms;
        if (away < best) {
            best = away;
            *unix_ms = ms;
        }
    }
    return best < INT64_MAX && *unix_ms <= MR_STAMP_MS_MAX && *unix_ms >= MR_STAMP_MS_MIN;
}

/* A time without a year; true: *rest is behind it and the space after it. */
static bool take_old_stamp(const struct mr_syslog_context *context, struct mr_slice *rest,
                           int64_t *unix_ns)
{
    const char *p = rest->data;
    int64_t ms = 0;
    if (rest->len < STAMP_BYTES || (rest->len > STAMP_BYTES && p[STAMP_BYTES] != ' '))
        return false;
    int month = month_of(p), day = two(p + 4), h = two(p + 7), m = two(p + 10), s = two(p + 13);
    if (month == 0 || p[3] != ' ' || p[6] != ' ' || p[9] != ':' || p[12] != ':')
        return false;
    if (day < 1 || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60)
        return false;
    if (!nearest(context, month, day, ((h * 60 + m) * INT64_C(60) + s) * 1000, &ms))
        return false;
    size_t past = rest->len > STAMP_BYTES ? STAMP_BYTES + 1 : STAMP_BYTES;
    *rest = mr_slice(p + past, rest->len - past);
    *unix_ns = ms * 1000000;
    return true;
}

static bool take_stamp(struct mr_syslog_input *in)
{
    struct mr_slice rest = in->rest;
    int64_t ns;
    if (take_old_stamp(in->context, &in->rest, &ns)) {
        in->line->time_ns = ns;
    } else if (mr_stamp_parse(mr_syslog_token(&rest), &ns) == MR_OK) {
        in->line->time_ns = ns;
        in->rest = rest;
    } else {
        return false;
    }
    in->line->has_time = true;
    return true;
}

static enum mr_status read_host(struct mr_syslog_input *in)
{
    struct mr_slice rest = in->rest, token = mr_syslog_token(&rest);
    if (token.len == 0 || token.len == in->rest.len || token.data[token.len - 1] == ':')
        return MR_OK; /* nothing, the message's only word, or a tag */
    in->rest = rest;
    return mr_logline_text(token, in->arena, &in->line->host);
}

/* "tag:" or "tag[pid]:", and one space. */
static enum mr_status read_tag(struct mr_syslog_input *in)
{
    struct mr_slice all = in->rest, pid = {0};
    size_t i = 0;
    while (i < all.len && i <= TAG_BYTES_MAX && !strchr(" :[]", all.data[i])) /* nor NUL */
        i++;
    struct mr_slice tag = mr_slice(all.data, i);
    if (i > 0 && i < all.len && all.data[i] == '[') {
        size_t from = ++i;
        while (i < all.len && i <= 2 * TAG_BYTES_MAX && !strchr(" []", all.data[i]))
            i++;
        pid = mr_slice(all.data + from, i - from);
        if (i < all.len && all.data[i] == ']')
            i++;
        else
            return MR_OK;
    }
    if (tag.len == 0 || tag.len > TAG_BYTES_MAX || i >= all.len || all.data[i] != ':')
        return MR_OK; /* no tag: all is the message */
    i += i + 1 < all.len && all.data[i + 1] == ' ' ? 2 : 1;
    in->rest = mr_slice(all.data + i, all.len - i);
    enum mr_status s = mr_logline_text(tag, in->arena, &in->line->service);
    return s == MR_OK && pid.len > 0 ? mr_syslog_add(in, mr_slice_text("syslog.procid"), pid) : s;
}

enum mr_status mr_syslog_read_3164(struct mr_syslog_input *in)
{
    if (!take_stamp(in))
        return MR_INVALID;
    enum mr_status s = read_host(in);
    return s == MR_OK ? read_tag(in) : s;
}
