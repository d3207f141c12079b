/* Sessions: who is signed in, minute by minute, and who came and went. */
#include "tale.h"

#include <criterion/criterion.h>
#include <math.h>

#define START "2026-03-01T10:00:10Z"

static void sign(struct tale *t, const char *kind, const char *session)
{
    tale_sample(t, "{s:s, s:s, s:s}", "metric", "users", "kind", kind, "value", session);
}

static const struct reporting_row *minute(struct tale *t, const char *start)
{
    return tale_row(t, REPORTING_MINUTE, "users", "{}", start);
}

static int64_t open_now(struct tale *t)
{
    struct mr_uuid id =
        reporting_series_id(&t->account, mr_slice_text("users"), mr_slice_text("{}"));
    const struct engine_entity *entity = tale_entity(t, REPORTING_SERIES, &id);
    cr_assert(entity);
    return ((const struct reporting_series *)entity->bytes)->open;
}

Test(session, given_sign_ins_and_outs_then_they_are_counted_and_the_rest_is_open)
{
    struct tale *t = tale_begin(NULL, START);
    sign(t, "session_in", "a");
    sign(t, "session_in", "b");
    sign(t, "session_out", "a");
    sign(t, "session_in", "c");
    const struct reporting_row *row = minute(t, "2026-03-01T10:00:00Z");
    cr_expect_eq(row->total.sign_ins, 3);
    cr_expect_eq(row->total.sign_outs, 1);
    cr_expect_eq(row->total.count, 4, "the turnover");
    cr_expect_eq(row->total.last, 2);
    cr_expect_eq(row->total.max, 2);
    cr_expect_eq(open_now(t), 2);
    tale_end(t);
}

Test(session, given_a_sign_in_again_then_it_is_heard_and_not_counted)
{
    struct tale *t = tale_begin(NULL, START);
    tale_sample(t, "{s:s, s:s, s:s, s:i}", "metric", "users", "kind", "session_in", "value", "a",
                "limit_seconds", 60);
    tale_at(t, "2026-03-01T10:01:00Z");
    tale_sample(t, "{s:s, s:s, s:s, s:i}", "metric", "users", "kind", "session_in", "value", "a",
                "limit_seconds", 60);
    tale_tick(t, "2026-03-01T10:01:20Z");
    cr_expect_eq(open_now(t), 1, "its time began anew");
    tale_tick(t, "2026-03-01T10:02:00Z");
    cr_expect_eq(open_now(t), 0);
    cr_expect_eq(minute(t, "2026-03-01T10:00:00Z")->total.sign_ins, 1);
    tale_end(t);
}

Test(session, given_an_end_of_what_is_not_open_then_nothing_happens)
{
    struct tale *t = tale_begin(NULL, START);
    sign(t, "session_out", "a");
    cr_expect_null(minute(t, "2026-03-01T10:00:00Z"));
    sign(t, "session_in", "a");
    sign(t, "session_out", "a");
    sign(t, "session_out", "a");
    cr_expect_eq(minute(t, "2026-03-01T10:00:00Z")->total.sign_outs, 1);
    cr_expect_eq(open_now(t), 0);
    tale_end(t);
}

Test(session, given_the_time_limit_then_a_session_ends_once_and_can_begin_again)
{
    struct tale *t = tale_begin(NULL, START);
    tale_sample(t, "{s:s, s:s, s:s, s:i}", "metric", "users", "kind", "session_in", "value", "a",
                "limit_seconds", 30);
    sign(t, "session_in", "b");
    tale_tick(t, "2026-03-01T10:00:40Z");
    const struct reporting_row *row = minute(t, "2026-03-01T10:00:00Z");
    cr_expect_eq(row->total.expired, 1);
    cr_expect_eq(row->total.sign_outs, 1);
    cr_expect_eq(row->total.last, 1);
    tale_tick(t, "2026-03-01T10:00:50Z");
    cr_expect_eq(minute(t, "2026-03-01T10:00:00Z")->total.expired, 1);
    sign(t, "session_out", "a");
    cr_expect_eq(open_now(t), 1);
    sign(t, "session_in", "a");
    cr_expect_eq(open_now(t), 2);
    tale_end(t);
}

Test(session, given_minutes_without_a_word_then_each_says_how_many_were_open)
{
    struct tale *t = tale_begin(NULL, START);
    sign(t, "session_in", "a");
    sign(t, "session_in", "b");
    tale_tick(t, "2026-03-01T10:01:00Z");
    tale_tick(t, "2026-03-01T10:02:00Z");
    const struct reporting_row *row = minute(t, "2026-03-01T10:01:00Z");
    cr_assert(row);
    cr_expect_eq(row->total.last, 2);
    cr_expect_eq(row->total.count, 0);
    tale_tick(t, "2026-03-01T10:02:10Z");
    tale_told_count(t, 1);
    tale_told(t, 0, "reporting.minute.closed");
    cr_expect_eq(tale_number(t, 0, "last"), 2);
    tale_end(t);
}

Test(session, given_a_change_just_after_a_minute_then_that_minute_keeps_what_was)
{
    struct tale *t = tale_begin(NULL, START);
    sign(t, "session_in", "a");
    tale_tick(t, "2026-03-01T10:01:00Z");
    tale_at(t, "2026-03-01T10:02:03Z");
    sign(t, "session_in", "b");
    tale_tick(t, "2026-03-01T10:02:05Z");
    cr_expect_eq(minute(t, "2026-03-01T10:01:00Z")->total.last, 1);
    cr_expect_eq(minute(t, "2026-03-01T10:02:00Z")->total.last, 2);
    tale_end(t);
}

Test(session, given_nobody_then_no_more_minutes_are_written)
{
    struct tale *t = tale_begin(NULL, START);
    sign(t, "session_in", "a");
    sign(t, "session_out", "a");
    tale_tick(t, "2026-03-01T10:01:00Z");
    tale_tick(t, "2026-03-01T10:02:00Z");
    cr_expect_null(minute(t, "2026-03-01T10:01:00Z"));
    cr_expect_eq(minute(t, "2026-03-01T10:00:00Z")->total.last, 0);
    tale_end(t);
}

Test(session, given_a_long_pause_of_the_worker_then_its_minutes_are_made_up)
{
    struct tale *t = tale_begin(NULL, START);
    sign(t, "session_in", "a");
    tale_tick(t, "2026-03-01T10:08:00Z");
    tale_tick(t, "2026-03-01T10:08:10Z");
    for (int m = 1; m < 8; m++) {
        char start[32];
        snprintf(start, sizeof start, "2026-03-01T10:%02d:00Z", m);
        const struct reporting_row *row = minute(t, start);
        cr_assert(row, "%s", start);
        cr_expect_eq(row->total.last, 1);
    }
    tale_end(t);
}

Test(session, given_a_late_sign_in_then_its_minute_counts_it_and_says_nothing_of_open_ones)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T11:00:00Z");
    tale_sample(t, "{s:s, s:s, s:s, s:s}", "metric", "users", "kind", "session_in", "value", "a",
                "time", "2026-03-01T10:00:00Z");
    cr_expect_eq(open_now(t), 1);
    tale_tick(t, "2026-03-01T11:00:10Z");
    tale_told_count(t, 1);
    tale_told(t, 0, "reporting.minute.closed");
    cr_expect_eq(tale_number(t, 0, "sign_ins"), 1);
    cr_expect(isnan(tale_number(t, 0, "last")));
    tale_end(t);
}
