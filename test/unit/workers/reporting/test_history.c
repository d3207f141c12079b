/* Hourly histories, and the forecasts that ticks make of them. */
#include "tale.h"

#include "mr_time.h"
#include <criterion/criterion.h>
#include <math.h>

/* A day has 24 values that come again. */
static int expected_of(int64_t hour)
{
    return 100 + (int)(hour % 24) * 10;
}

static void one(struct tale *t, int64_t time_ms, int value)
{
    char time[MR_TIME_TEXT + 1];
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "orders", "kind", "counter", "value", value,
                "time", mr_time_text(time_ms, time));
}

static void tick_at(struct tale *t, int64_t time_ms)
{
    char time[MR_TIME_TEXT + 1];
    tale_tick(t, mr_time_text(time_ms, time));
}

/* So many whole hours before the tale's time, closed by a tick. */
static void with_past(struct tale *t, int hours)
{
    int64_t now = t->time_ms, hour = now / REPORTING_HOUR_MS;
    for (int64_t h = hour - hours; h < hour; h++)
        one(t, h * REPORTING_HOUR_MS + 1000, expected_of(h));
    tick_at(t, now);
}

static const struct reporting_history *history(struct tale *t)
{
    struct mr_uuid id = reporting_history_id(&t->account, mr_slice_text("orders"), "sum");
    const struct engine_entity *entity = tale_entity(t, REPORTING_HISTORY, &id);
    return entity ? entity->bytes : NULL;
}

Test(history, given_hours_then_it_holds_their_totals_and_a_forecast_is_due_behind_the_next)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:30:00Z");
    with_past(t, 30);
    const struct reporting_history *h = history(t);
    cr_assert(h);
    cr_expect_eq(h->hour_count, 30);
    for (int32_t i = 0; i < h->hour_count; i++)
        cr_expect_eq(h->totals[i], expected_of(h->first_hour + i));
    cr_expect_eq(h->due_ms, tale_ms("2026-03-01T11:01:00Z"));
    tale_end(t);
}

Test(history, given_an_hour_that_is_over_then_the_next_24_are_forecast_before_they_begin)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:30:00Z");
    with_past(t, 72);
    one(t, t->time_ms, expected_of(t->time_ms / REPORTING_HOUR_MS));
    tick_at(t, tale_ms("2026-03-01T11:01:00Z"));
    tale_told_count(t, 2); /* a minute is closed, too */
    json_t *data = tale_told(t, 1, "reporting.forecast.made");
    json_t *hours = json_object_get(data, "hours"), *first = json_array_get(hours, 0);
    cr_assert_eq(json_array_size(hours), 24);
    cr_expect_str_eq(json_string_value(json_object_get(first, "hour")), "2026-03-01T12:00:00.000Z");
    cr_expect_eq(json_integer_value(json_object_get(first, "horizon")), 2);
    cr_expect_str_eq(json_string_value(json_object_get(data, "method")), "holt-winters-24");
    cr_assert_eq(t->last.row_count, 24);
    for (size_t i = 0; i < t->last.row_count; i++) {
        const struct reporting_forecast *row = t->last.rows[i].bytes;
        cr_expect_gt(row->hour_ms, row->made_ms);
        cr_expect_float_eq(row->predicted, expected_of(row->hour_ms / REPORTING_HOUR_MS), 1);
        cr_expect(row->low <= row->predicted && row->predicted <= row->high);
    }
    tick_at(t, tale_ms("2026-03-01T11:30:00Z"));
    tale_told_count(t, 0);
    tale_end(t);
}

Test(history, given_less_than_two_days_then_the_forecast_is_the_naive_one)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:59:00Z");
    with_past(t, 30);
    tick_at(t, tale_ms("2026-03-01T11:01:30Z"));
    tale_told_count(t, 1);
    json_t *data = tale_told(t, 0, "reporting.forecast.made");
    cr_expect_str_eq(json_string_value(json_object_get(data, "method")), "naive");
    tale_end(t);
}

Test(history, given_late_samples_then_their_hours_are_corrected)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:30:00Z");
    with_past(t, 30);
    one(t, tale_ms("2026-03-01T08:00:01Z"), 7);
    one(t, tale_ms("2026-02-01T08:00:00Z"), 1); /* four weeks before */
    tick_at(t, tale_ms("2026-03-01T10:30:10Z"));
    const struct reporting_history *h = history(t);
    int64_t eight = tale_ms("2026-03-01T08:00:00Z") / REPORTING_HOUR_MS;
    cr_expect_eq(h->totals[eight - h->first_hour], expected_of(eight) + 7);
    cr_expect_eq(h->first_hour, tale_ms("2026-02-01T08:00:00Z") / REPORTING_HOUR_MS);
    cr_expect_eq(h->totals[0], 1);
    cr_expect_eq(h->totals[1], 0);
    one(t, tale_ms("2025-01-01T08:00:00Z"), 1); /* older than what is kept */
    tick_at(t, tale_ms("2026-03-01T10:30:20Z"));
    cr_expect_eq(history(t)->first_hour, tale_ms("2026-02-01T08:00:00Z") / REPORTING_HOUR_MS);
    tale_end(t);
}

Test(history, given_more_hours_than_are_kept_then_the_oldest_go)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:30:00Z");
    with_past(t, REPORTING_HISTORY_HOURS);
    int64_t first = history(t)->first_hour;
    one(t, tale_ms("2026-03-01T10:30:00Z"), 3);
    tick_at(t, tale_ms("2026-03-01T10:32:00Z"));
    const struct reporting_history *h = history(t);
    cr_expect_eq(h->first_hour, first + 1);
    cr_expect_eq(h->hour_count, REPORTING_HISTORY_HOURS);
    cr_expect_eq(h->totals[h->hour_count - 1], 3);
    cr_expect_eq(h->totals[0], expected_of(first + 1));
    tale_end(t);
}

Test(history, given_a_past_of_long_ago_then_nothing_is_forecast)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:30:00Z");
    one(t, tale_ms("2015-05-17T10:00:00Z"), 5);
    tick_at(t, tale_ms("2026-03-01T10:31:00Z"));
    cr_expect_eq(history(t)->due_ms, 0);
    tale_end(t);
}

Test(history, given_a_metric_that_fell_silent_then_its_forecasts_end)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:30:00Z");
    with_past(t, 30);
    tick_at(t, tale_ms("2026-03-08T10:02:00Z"));
    tale_told_count(t, 1);
    tick_at(t, tale_ms("2026-03-08T11:02:00Z"));
    tale_told_count(t, 0);
    cr_expect_eq(history(t)->due_ms, 0);
    tale_end(t);
}

Test(history, given_sessions_then_sign_ins_and_sign_outs_are_forecast_each)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:30:00Z");
    tale_sample(t, "{s:s, s:s, s:s}", "metric", "users", "kind", "session_in", "value", "a");
    tick_at(t, tale_ms("2026-03-01T10:31:10Z"));
    tick_at(t, tale_ms("2026-03-01T11:01:10Z"));
    size_t forecasts = 0;
    for (size_t i = 0; i < json_array_size(t->told); i++)
        forecasts += strcmp(json_string_value(json_object_get(json_array_get(t->told, i), "type")),
                            "reporting.forecast.made") == 0;
    cr_expect_eq(forecasts, 2);
    tale_end(t);
}
