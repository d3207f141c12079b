#include "mr_time.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    int64_t ms;
    enum mr_status want;
} times[] = {
    {"1970-01-01T00:00:00Z", 0, MR_OK},
    {"2026-11-25T08:39:03.123Z", 1795595943123, MR_OK},
    {"2026-11-25t08:39:03.1239z", 1795595943123, MR_OK},
    {"2026-11-25T10:39:03.1+02:00", 1795595943100, MR_OK},
    {"2026-11-25T03:09:03-05:30", 1795595943000, MR_OK},
    {"2016-12-31T23:59:60Z", 1483228799999, MR_OK},
    {"1969-12-31T23:59:59.999Z", -1, MR_OK},
    {"2000-02-29T00:00:00Z", 951782400000, MR_OK},
    {"1900-02-29T00:00:00Z", 0, MR_INVALID},
    {"2026-13-01T00:00:00Z", 0, MR_INVALID},
    {"2026-11-25T24:00:00Z", 0, MR_INVALID},
    {"2026-11-25T08:39:03", 0, MR_INVALID},
    {"2026-11-25T08:39:03.Z", 0, MR_INVALID},
    {"2026-11-25T08:39:03+0200", 0, MR_INVALID},
    {"2026-11-25", 0, MR_INVALID},
    {"", 0, MR_INVALID},
    {"2026-11-25T08:39:03Z ", 0, MR_INVALID},
};

Test(time, given_text_then_only_rfc_3339_is_read)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ms = 0;
        cr_expect_eq(mr_time_parse(mr_slice_text(times[i].text), &ms), times[i].want, "%s", times[i].text);
        cr_expect_eq(ms, times[i].ms, "%s: %lld", times[i].text, (long long)ms);
    }
}

Test(time, given_any_day_then_text_and_day_agree)
{
    for (int32_t day = -200000; day < 200000; day += 13) {
        char text[MR_TIME_TEXT + 1];
        int64_t ms;
        cr_assert_eq(mr_time_parse(mr_slice_text(mr_time_text(day * MR_DAY_MS + 7, text)), &ms), MR_OK);
        cr_assert_eq(ms, day * MR_DAY_MS + 7);
        cr_assert_eq(mr_time_day(ms), day);
    }
    cr_assert_eq(mr_time_day(-1), -1);
}
