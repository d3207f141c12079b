/* What the clock does: minutes are told and merged onwards, once each; sessions end. */
#include "tale.h"

#include <criterion/criterion.h>
#include <math.h>

static void orders(struct tale *t, int value, const char *time)
{
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "orders", "kind", "counter", "value", value,
                "time", time);
}

static double hour_sum(struct tale *t, enum reporting_kind kind)
{
    const struct reporting_row *row =
        tale_row(t, kind, "orders", "{}",
                 kind == REPORTING_HOUR ? "2026-03-01T10:00:00Z" : "2026-03-01T00:00:00Z");
    return row ? row->total.sum : 0;
}

Test(tick, given_a_minute_that_is_over_then_it_is_told_and_in_its_hour_and_day)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:00:30Z");
    orders(t, 2, "2026-03-01T10:00:10Z");
    orders(t, 5, "2026-03-01T10:00:20Z");
    tale_tick(t, "2026-03-01T10:01:04Z");
    tale_told_count(t, 0);
    tale_tick(t, "2026-03-01T10:01:10Z");
    tale_told_count(t, 1);
    json_t *data = tale_told(t, 0, "reporting.minute.closed");
    cr_expect_str_eq(json_string_value(json_object_get(data, "minute")),
                     "2026-03-01T10:00:00.000Z");
    cr_expect_eq(tale_number(t, 0, "count"), 2);
    cr_expect_eq(tale_number(t, 0, "sum"), 7);
    cr_expect(isnan(tale_number(t, 0, "p95")));
    cr_expect_eq(hour_sum(t, REPORTING_HOUR), 7);
    cr_expect_eq(hour_sum(t, REPORTING_DAY), 7);
    tale_tick(t, "2026-03-01T10:01:20Z");
    tale_told_count(t, 0);
    tale_end(t);
}

Test(tick, given_an_event_then_it_is_told_to_the_account_of_the_samples)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:00:30Z");
    char account[MR_UUID_TEXT + 1];
    orders(t, 1, "2026-03-01T10:00:00Z");
    tale_tick(t, "2026-03-01T10:02:00Z");
    tale_told_count(t, 1);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(t->told, 0), "account")),
                     mr_uuid_text(&t->account, account));
    tale_end(t);
}

Test(tick, given_a_late_sample_then_a_correction_with_a_higher_version_and_nothing_is_twice)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:00:30Z");
    orders(t, 2, "2026-03-01T10:00:10Z");
    tale_tick(t, "2026-03-01T10:01:10Z");
    double first = tale_number(t, 0, "version");
    orders(t, 3, "2026-03-01T10:00:50Z");
    orders(t, 4, "2026-03-01T10:00:51Z");
    cr_expect_eq(hour_sum(t, REPORTING_HOUR), 2, "the tick has not been there yet");
    tale_tick(t, "2026-03-01T10:01:20Z");
    tale_told_count(t, 1);
    tale_told(t, 0, "reporting.minute.closed");
    cr_expect_eq(tale_number(t, 0, "sum"), 9);
    cr_expect_gt(tale_number(t, 0, "version"), first);
    cr_expect_eq(hour_sum(t, REPORTING_HOUR), 9);
    cr_expect_eq(hour_sum(t, REPORTING_DAY), 9);
    tale_tick(t, "2026-03-01T10:01:30Z");
    tale_told_count(t, 0);
    cr_expect_eq(hour_sum(t, REPORTING_HOUR), 9);
    tale_end(t);
}

Test(tick, given_many_minutes_of_an_hour_then_one_tick_merges_them_all)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T11:00:00Z");
    char time[32];
    for (int m = 0; m < 60; m++) {
        snprintf(time, sizeof time, "2026-03-01T10:%02d:30Z", m);
        orders(t, m, time);
        tale_sample(t, "{s:s, s:s, s:f, s:s}", "metric", "wait", "kind", "timing", "value",
                    0.001 * (m + 1) * (m + 1), "time", time);
    }
    tale_tick(t, "2026-03-01T11:02:00Z");
    tale_told_count(t, 120);
    cr_expect_eq(hour_sum(t, REPORTING_HOUR), 59 * 60 / 2);
    const struct reporting_row *row =
        tale_row(t, REPORTING_HOUR, "wait", "{}", "2026-03-01T10:00:00Z");
    cr_assert(row);
    cr_expect_eq(row->total.count, 60);
    int64_t counted = 0;
    for (int32_t i = 0; i < row->bucket_count; i++)
        counted += reporting_bucket_count(row->tail[i]);
    cr_expect_eq(counted, 60);
    cr_expect_float_eq(reporting_row_quantile(row, 0.5), 0.9, 0.009);
    tale_end(t);
}

Test(tick, given_buckets_that_come_late_then_hour_and_minute_have_the_same)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:00:30Z");
    for (int round = 0; round < 5; round++) {
        for (int i = 1; i <= 40; i++)
            tale_sample(t, "{s:s, s:s, s:f, s:s}", "metric", "wait", "kind", "timing", "value",
                        0.01 * i * (round + 1), "time", "2026-03-01T10:00:20Z");
        char time[32];
        snprintf(time, sizeof time, "2026-03-01T10:01:%d0Z", round + 1);
        tale_tick(t, time);
        tale_told_count(t, 1);
    }
    struct reporting_row *hour =
        (struct reporting_row *)tale_row(t, REPORTING_HOUR, "wait", "{}", "2026-03-01T10:00:00Z");
    size_t bytes = reporting_row_bytes(hour);
    struct reporting_row *copy = mr_arena_alloc(&t->arena, bytes);
    memcpy(copy, hour, bytes);
    const struct reporting_row *minute =
        tale_row(t, REPORTING_MINUTE, "wait", "{}", "2026-03-01T10:00:00Z");
    cr_expect_eq(copy->total.count, 200);
    cr_assert_eq(copy->bucket_count, minute->bucket_count);
    cr_expect_eq(memcmp(copy->tail, minute->tail, (size_t)copy->bucket_count * 8), 0);
    cr_expect_eq(copy->total.sum, minute->total.sum);
    tale_end(t);
}
