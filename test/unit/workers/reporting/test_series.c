#include "reporting_series.h"

#include <criterion/criterion.h>

Test(series, given_times_then_they_are_rounded_down_before_1970_too)
{
    cr_expect_eq(reporting_floor(0, REPORTING_MINUTE_MS), 0);
    cr_expect_eq(reporting_floor(59999, REPORTING_MINUTE_MS), 0);
    cr_expect_eq(reporting_floor(60000, REPORTING_MINUTE_MS), 60000);
    cr_expect_eq(reporting_floor(-1, REPORTING_MINUTE_MS), -60000);
    cr_expect_eq(reporting_floor(-60000, REPORTING_MINUTE_MS), -60000);
}

Test(series, given_labels_then_their_text_does_not_depend_on_order_or_spaces)
{
    struct mr_arena arena;
    mr_arena_init(&arena, 1 << 20);
    json_t *a = json_loads("{ \"b\" : \"x\\\"y\", \"a\" : \"\\u00e9\" }", 0, NULL);
    json_t *b = json_loads("{\"a\":\"\xc3\xa9\",\"b\":\"x\\u0022y\"}", 0, NULL);
    struct mr_slice text = reporting_labels_text(a, &arena);
    cr_expect(mr_slice_is(text, "{\"a\":\"\xc3\xa9\",\"b\":\"x\\\"y\"}"), "%.*s",
              MR_SLICE_FMT(text));
    cr_expect(mr_slice_equal(text, reporting_labels_text(b, &arena)));
    cr_expect(mr_slice_is(reporting_labels_text(NULL, &arena), "{}"));
    json_decref(a);
    json_decref(b);
    mr_arena_free(&arena);
}

/* Other programs may compute them: they stay what they are. */
Test(series, given_known_names_then_the_agreed_ids)
{
    struct mr_uuid account;
    char text[MR_UUID_TEXT + 1];
    cr_assert_eq(mr_uuid_parse(mr_slice_text("3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"), &account),
                 MR_OK);
    struct mr_uuid series = reporting_series_id(&account, mr_slice_text("shop.orders"),
                                                mr_slice_text("{\"country\":\"DE\"}"));
    cr_expect_str_eq(mr_uuid_text(&series, text), "27010127-02bc-5a57-a134-706a94aafde6");
    struct mr_uuid row = reporting_row_id(&series, 1772359200000);
    cr_expect_str_eq(mr_uuid_text(&row, text), "27010127-02bc-8a57-a134-706a966db9de");
    struct mr_uuid metric = reporting_metric_id(&account, mr_slice_text("shop.orders"));
    struct mr_uuid past = reporting_history_id(&account, mr_slice_text("shop.orders"), "sum");
    cr_expect_not(mr_uuid_equal(&metric, &past));
}

Test(series, given_long_labels_then_the_id_is_still_theirs)
{
    struct mr_uuid account = {.bytes = {1}};
    char long_one[2000], other[2000];
    memset(long_one, 'a', sizeof long_one);
    memset(other, 'a', sizeof other);
    other[sizeof other - 1] = 'b';
    struct mr_uuid a =
        reporting_series_id(&account, mr_slice_text("m"), mr_slice(long_one, sizeof long_one));
    struct mr_uuid b =
        reporting_series_id(&account, mr_slice_text("m"), mr_slice(other, sizeof other));
    cr_expect_not(mr_uuid_equal(&a, &b));
}

Test(series, given_names_of_labels_then_only_plain_ones_are_good)
{
    static const char *const good[] = {"a", "_x", "http.status_code", "a-b", "A9"};
    static const char *const bad[] = {
        "",
        "9a",
        ".a",
        "a b",
        "\xc3\xa9",
        "a=b",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect(reporting_label_name_good(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_not(reporting_label_name_good(bad[i]), "%s", bad[i]);
}
