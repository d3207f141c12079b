#include "ctl_report.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>
#include <stdio.h>

static void redirect(void)
{
    cr_redirect_stdout();
}

static char *printed(void)
{
    static char text[16384];
    fflush(stdout);
    size_t len = fread(text, 1, sizeof text - 1, cr_get_redirected_stdout());
    text[len] = '\0';
    return text;
}

Test(report, given_only_counts_and_notes_then_nothing_differs, .init = redirect)
{
    struct ctl_report *r = ctl_report_new();
    ctl_report_count(r, "billing", "commands", 3);
    ctl_report_count(r, "topic", "loaded", 1);
    ctl_report_count(r, "billing", "commands", 4);
    ctl_report_note(r, "parked", "one of %s", "them");
    cr_expect_eq(ctl_report_differences(r), 0);
    ctl_report_text(r);
    ctl_report_free(r);
    cr_assert_str_eq(printed(), "billing\n             7  commands\ntopic\n             1  loaded\n"
                                "note: parked (1)\n  one of them\nverified: nothing differs\n");
}

Test(report, given_many_differences_of_a_kind_then_the_first_are_told_and_all_counted,
     .init = redirect)
{
    struct ctl_report *r = ctl_report_new();
    for (int i = 0; i < 25; i++)
        ctl_report_differs(r, "lost", "number %d", i);
    ctl_report_differ(r, "gone", 100, "all of them");
    cr_expect_eq(ctl_report_differences(r), 125);
    ctl_report_text(r);
    ctl_report_free(r);
    const char *text = printed();
    cr_expect(strstr(text, "DIFFERS: lost (25)"));
    cr_expect(strstr(text, "number 19\n") && !strstr(text, "number 20\n"), "%s", text);
    cr_expect(strstr(text, "not so: 125 differences\n"), "%s", text);
}

Test(report, given_json_then_it_says_the_same, .init = redirect)
{
    struct ctl_report *r = ctl_report_new();
    ctl_report_count(r, "billing", "commands", 3);
    ctl_report_differs(r, "lost", "a \"quoted\" one");
    ctl_report_note(r, "parked", "x");
    ctl_report_json(r);
    ctl_report_free(r);
    json_error_t error;
    json_t *json = json_loads(printed(), 0, &error);
    cr_assert_not_null(json, "%s", error.text);
    json_t *lost = json_array_get(json_object_get(json, "differences"), 0);
    cr_expect(json_is_false(json_object_get(json, "ok")));
    cr_expect_str_eq(json_string_value(json_array_get(json_object_get(lost, "first"), 0)),
                     "a \"quoted\" one");
    cr_expect_eq(json_array_size(json_object_get(json, "notes")), 1);
    json_decref(json);
}
