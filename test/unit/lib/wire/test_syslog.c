/* What the suite does not say: other times of reading, other zones, a full arena. */
#include "mr_stamp.h"
#include "mr_syslog.h"
#include "mr_time.h"

#include <criterion/criterion.h>

static const struct {
    const char *now, *message, *want;
    int32_t zone_minutes;
} rows[] = {
    {"2027-01-01T00:00:10Z", "<13>Dec 31 23:59:59 h a: x", "2026-12-31T23:59:59Z", 0},
    {"2026-12-31T23:59:50Z", "<13>Jan  1 00:00:01 h a: x", "2027-01-01T00:00:01Z", 0},
    {"2024-02-29T12:00:00Z", "<13>Feb 29 11:59:59 h a: x", "2024-02-29T11:59:59Z", 0},
    {"2025-01-15T12:00:00Z", "<13>Feb 29 11:59:59 h a: x", "2024-02-29T11:59:59Z", 0},
    {"2027-12-01T12:00:00Z", "<13>Feb 29 11:59:59 h a: x", "2028-02-29T11:59:59Z", 0},
    {"2026-06-01T12:00:00Z", "<13>Jun  1 14:00:00 h a: x", "2026-06-01T12:00:00Z", 120},
    {"2026-06-01T12:00:00Z", "<13>Jun  1 06:30:00 h a: x", "2026-06-01T12:00:00Z", -330},
    {"2027-01-01T01:00:00Z", "<13>Jan  1 02:00:00 h a: x", "2027-01-01T01:00:00Z", 60},
    {"2026-12-31T23:30:00Z", "<13>Jan  1 00:30:00 h a: x", "2026-12-31T23:30:00Z", 60},
};

Test(syslog, given_a_time_without_a_year_then_takes_the_nearest_in_the_zone)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_syslog_context context = {.zone_minutes = rows[i].zone_minutes};
        struct mr_arena arena;
        struct mr_logline line;
        char text[MR_STAMP_TEXT + 1];
        cr_assert_eq(mr_time_parse(mr_slice_text(rows[i].now), &context.now_ms), MR_OK);
        mr_arena_init(&arena, 65536);
        cr_assert_eq(mr_syslog_read(mr_slice_text(rows[i].message), &context, &arena, &line),
                     MR_OK);
        cr_assert(line.has_time);
        cr_assert_str_eq(mr_stamp_text(line.time_ns, text), rows[i].want, "row %zu: %s", i, text);
        mr_arena_free(&arena);
    }
}

Test(syslog, given_severities_then_has_the_data_models_numbers)
{
    static const int32_t want[] = {21, 19, 18, 17, 13, 10, 9, 5};
    for (int64_t i = 0; i < 8; i++)
        cr_assert_eq(mr_syslog_severity(i), want[i]);
    cr_assert_eq(mr_syslog_severity(8), 0);
    cr_assert_eq(mr_syslog_severity(-1), 0);
    cr_assert_str_eq(mr_syslog_severity_text(3), "err");
    cr_assert_null(mr_syslog_severity_text(8));
}

Test(syslog, given_an_arena_too_small_then_is_limit_and_never_half_a_line)
{
    static const char message[] = "<13>1 2026-11-25T11:59:59Z h\xFF a\xFF p\xFF m\xFF "
                                  "[x@1 a=\"\\\"\"] body \xFF";
    struct mr_syslog_context context = {.now_ms = 0, .is_cut = true};
    bool fits = false;
    for (size_t bytes = 0; bytes < 8192 && !fits; bytes += 16) {
        struct mr_arena arena;
        struct mr_logline line;
        mr_arena_init(&arena, bytes);
        enum mr_status s = mr_syslog_read(mr_slice_text(message), &context, &arena, &line);
        cr_assert(s == MR_OK || s == MR_LIMIT);
        fits = s == MR_OK;
        mr_arena_free(&arena);
    }
    cr_assert(fits);
}
