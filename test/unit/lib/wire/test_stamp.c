#include "mr_stamp.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    int64_t ns;
    const char *again; /* NULL: the same text */
} rows[] = {
    {"1970-01-01T00:00:00Z", 0, NULL},
    {"1970-01-01T00:00:00.000000001Z", 1, NULL},
    {"1969-12-31T23:59:59.999999999Z", -1, NULL},
    {"2026-11-25T08:39:03.123456789Z", 1795595943123456789, NULL},
    {"2026-11-25T08:39:03.1Z", 1795595943100000000, NULL},
    {"2026-11-25T09:39:03.120+01:00", 1795595943120000000, "2026-11-25T08:39:03.12Z"},
    {"2026-11-25T08:39:03.1234567891Z", 1795595943123456789, "2026-11-25T08:39:03.123456789Z"},
    {"2016-12-31T23:59:60.5Z", 1483228799999000000, "2016-12-31T23:59:59.999Z"},
    {"2262-04-11T23:47:16Z", INT64_C(9223372036000000000), NULL},
};

Test(stamp, given_rfc_3339_then_is_exact_to_the_nanosecond)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ns;
        char text[MR_STAMP_TEXT + 1];
        enum mr_status s = mr_stamp_parse(mr_slice_text(rows[i].text), &ns);
        cr_assert_eq(s, MR_OK, "%s", rows[i].text);
        cr_assert_eq(ns, rows[i].ns, "%s: %lld", rows[i].text, (long long)ns);
        cr_assert_str_eq(mr_stamp_text(ns, text), rows[i].again ? rows[i].again : rows[i].text);
    }
}

Test(stamp, given_what_is_no_time_or_out_of_range_then_is_invalid)
{
    static const char *const texts[] = {"", "2026-11-25", "1600-01-01T00:00:00Z",
                                        "2300-01-01T00:00:00Z", "2026-02-30T00:00:00Z"};
    int64_t ns;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(mr_stamp_parse(mr_slice_text(texts[i]), &ns), MR_INVALID, "%s", texts[i]);
}

static const struct {
    const char *number;
    int64_t ns;
} seconds[] = {
    {"0", 0},
    {"-0", 0},
    {"1385053862.3072", 1385053862307200000},
    {"1385053862.123456789999", 1385053862123456789},
    {"-1.5", -1500000000},
    {"1.5e3", 1500000000000},
    {"15E-1", 1500000000},
    {"1e-9", 1},
    {"1e-10", 0},
    {"0.000000001", 1},
    {"0e99999", 0},
    {"9223372035", 9223372035000000000},
};

Test(stamp, given_seconds_then_is_exact_to_the_nanosecond)
{
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        int64_t ns = 7;
        cr_assert_eq(mr_stamp_of_seconds(mr_slice_text(seconds[i].number), &ns), MR_OK, "%s",
                     seconds[i].number);
        cr_assert_eq(ns, seconds[i].ns, "%s: %lld", seconds[i].number, (long long)ns);
    }
}

Test(stamp, given_what_is_no_number_or_out_of_range_then_is_invalid)
{
    static const char *const texts[] = {"",
                                        "-",
                                        ".5",
                                        "5.",
                                        "1e",
                                        "1e+",
                                        "1x",
                                        "+1",
                                        "1e99",
                                        "9223372037",
                                        "99999999999999999999",
                                        "1.2.3",
                                        "1 "};
    int64_t ns;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_assert_eq(mr_stamp_of_seconds(mr_slice_text(texts[i]), &ns), MR_INVALID, "%s", texts[i]);
}
