/* Rules from the two sources, errors that name their place, and what they do to texts. */
#include "mr_ingest.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#define GIVEN "logging/line.json#/x-ingest"
#define OWN   "/etc/millrace/rules.json"

static enum mr_status compile(const char *given, const char *own, struct mr_ingest **out,
                              struct mr_error *why)
{
    json_t *json = given ? json_loads(given, 0, NULL) : NULL;
    struct mr_ingest_settings settings = {
        .ingest = json, .ingest_name = GIVEN, .rules = mr_slice_text(own), .rules_name = OWN};
    cr_assert(!given || json);
    enum mr_status s = mr_ingest_new(&settings, out, why);
    json_decref(json);
    return s;
}

static struct mr_ingest *rules_of(const char *given, const char *own)
{
    struct mr_ingest *ingest;
    struct mr_error why = {.text = ""};
    cr_assert_eq(compile(given, own, &ingest, &why), MR_OK, "%s", why.text);
    return ingest;
}

static const struct {
    const char *given, *own, *want; /* the beginning of the error */
} slips[] = {
    {NULL, "{", OWN ": "},
    {NULL, "[]", OWN "#: must be an object"},
    {NULL, "{\"redcat\":{}}", OWN "#: there is no rule called redcat"},
    {NULL, "{\"redact\":{\"name\":[]}}", OWN "#/redact: there is no rule called name"},
    {NULL, "{\"redact\":{\"names\":\"a\"}}", OWN "#/redact/names: must be an array"},
    {NULL, "{\"redact\":{\"names\":[\"a\",1]}}", OWN "#/redact/names/1: must be"},
    {NULL, "{\"redact\":{\"names\":[\"--\"]}}", OWN "#/redact/names/0: must have a letter"},
    {NULL, "{\"redact\":{\"patterns\":[\"a(\"]}}", OWN "#/redact/patterns/0: missing closing"},
    {NULL, "{\"redact\":{\"patterns\":[\"builtin:cards\"]}}", OWN "#/redact/patterns/0: there are"},
    {NULL, "{\"redact\":{\"except\":[\"/a/b\"]}}", OWN "#/redact/except/0: must be a pointer"},
    {NULL, "{\"sample\":[{\"pointer\":\"/a\",\"value\":1,\"share\":2}]}",
     OWN "#/sample/0: share must be"},
    {NULL, "{\"sample\":[{\"pointer\":\"a\",\"value\":1,\"share\":1}]}",
     OWN "#/sample/0: pointer must be"},
    {NULL, "{\"sample\":[{\"pointer\":\"/a\",\"share\":1}]}", OWN "#/sample/0: must have either"},
    {NULL, "{\"sample\":[{\"pointer\":\"/a\",\"value\":1,\"minimum\":1,\"share\":1}]}",
     OWN "#/sample/0: must have either"},
    {NULL, "{\"sample\":[{\"pointer\":\"/a\",\"value\":[],\"share\":1}]}",
     OWN "#/sample/0: value must be"},
    {NULL, "{\"sample\":[{\"pointer\":\"/a\",\"valu\":1,\"share\":1}]}",
     OWN "#/sample/0: must be an object of"},
    {"{\"redact\":{\"patterns\":[\"x\",\"[\"]}}", NULL, GIVEN "/redact/patterns/1: missing"},
};
static size_t slip_index[sizeof slips / sizeof *slips];

ParameterizedTestParameters(ingest_rules, given_a_slip_then_the_error_names_file_and_pointer)
{
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++)
        slip_index[i] = i;
    return cr_make_param_array(size_t, slip_index, sizeof slips / sizeof *slips);
}

ParameterizedTest(size_t *i, ingest_rules, given_a_slip_then_the_error_names_file_and_pointer)
{
    struct mr_ingest *ingest = NULL;
    struct mr_error why = {.text = ""};
    const char *want = slips[*i].want;
    cr_assert_eq(compile(slips[*i].given, slips[*i].own, &ingest, &why), MR_INVALID);
    cr_expect_null(ingest);
    cr_expect(strncmp(why.text, want, strlen(want)) == 0, "%s, not %s", why.text, want);
}

/* ---- texts ---- */

static void expect_text(struct mr_ingest *ingest, const char *text, const char *want)
{
    struct mr_arena arena;
    struct mr_slice got = mr_slice_text(text);
    mr_arena_init(&arena, 1 << 20);
    cr_assert_eq(mr_ingest_redact_text(ingest, &arena, &got), MR_OK);
    cr_expect(mr_slice_is(got, want), "%.*s, not %s", MR_SLICE_FMT(got), want);
    mr_arena_free(&arena);
}

static uint64_t counted(const struct mr_ingest *ingest, const char *rule)
{
    struct mr_ingest_counter counter;
    for (size_t i = 0; mr_ingest_counter(ingest, i, &counter); i++)
        if (strcmp(counter.rule, rule) == 0)
            return counter.count;
    cr_assert_fail("no counter called %s", rule);
    return 0;
}

Test(ingest_rules, given_patterns_of_both_sources_then_each_replaces_and_is_counted)
{
    struct mr_ingest *ingest =
        rules_of("{\"redact\":{\"patterns\":[\"builtin:card\",\"\\\\bEMP-\\\\d+\"]}}",
                 "{\"redact\":{\"patterns\":[\"pin (?<secret>\\\\d{4})\\\\b\"]}}");
    expect_text(ingest, "EMP-12 and EMP-7 came", "[redacted] and [redacted] came");
    expect_text(ingest, "pin 1234 of EMP-1, 4111111111111111",
                "pin [redacted] of [redacted], [redacted]");
    expect_text(ingest, "nothing here", "nothing here");
    cr_expect_eq(counted(ingest, "pattern 1"), 2);
    cr_expect_eq(counted(ingest, "own pattern 0"), 1);
    cr_expect_eq(counted(ingest, "builtin:card"), 1);
    cr_expect_eq(counted(ingest, "builtin:token"), 0);
    mr_ingest_free(ingest);
}

Test(ingest_rules, given_a_class_that_is_not_named_then_it_is_left_alone)
{
    struct mr_ingest *ingest =
        rules_of("{\"redact\":{\"patterns\":[\"builtin:url-password\"]}}", NULL);
    expect_text(ingest, "4111111111111111 token=abc a://b:c@d",
                "4111111111111111 token=abc a://b:[redacted]@d");
    mr_ingest_free(ingest);
}

Test(ingest_rules, given_an_expression_beyond_its_bounds_then_the_text_is_redacted_whole)
{
    struct mr_ingest *ingest = rules_of(NULL, "{\"redact\":{\"patterns\":[\"(a+)+$\"]}}");
    expect_text(ingest, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
                "[redacted]");
    cr_expect_eq(counted(ingest, "unreadable"), 1);
    mr_ingest_free(ingest);
}

Test(ingest_rules, given_more_matches_than_are_sought_then_the_text_is_redacted_whole)
{
    struct mr_ingest *ingest = rules_of(NULL, "{\"redact\":{\"patterns\":[\"a\"]}}");
    char text[3001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    expect_text(ingest, text, "[redacted]");
    mr_ingest_free(ingest);
}

Test(ingest_rules, given_expressions_that_match_nothing_or_bytes_that_are_no_text_then_it_ends)
{
    struct mr_ingest *ingest =
        rules_of(NULL, "{\"redact\":{\"patterns\":[\"x*\",\"(?=b)\",\"\\\\Kq\"]}}");
    expect_text(ingest,
                "\xE2\x82\xAC"
                "b\xFF\xE2 xx c",
                "\xE2\x82\xAC"
                "b\xFF\xE2 [redacted] c");
    mr_ingest_free(ingest);
}

/* ---- sampling ---- */

static double share_kept(struct mr_ingest *ingest, const char *body)
{
    json_t *json = json_loads(body, 0, NULL);
    int kept = 0;
    cr_assert(json);
    for (int i = 0; i < 10000; i++) {
        char name[32];
        snprintf(name, sizeof name, "line %d", i);
        struct mr_uuid id = mr_uuid_v5(mr_slice_text(name));
        bool keeps = mr_ingest_keeps_body(ingest, json, &id);
        kept += keeps;
        cr_assert_eq(mr_ingest_keeps_body(ingest, json, &id), keeps);
    }
    json_decref(json);
    return kept / 10000.0;
}

Test(ingest_rules, given_sample_rules_then_the_first_that_fits_decides_by_the_id)
{
    struct mr_ingest *ingest =
        rules_of("{\"sample\":[{\"pointer\":\"/severity_number\",\"maximum\":8,\"share\":0.1},"
                 "{\"pointer\":\"/service\",\"value\":\"chatty\",\"share\":0},"
                 "{\"pointer\":\"/attributes/a~1b\",\"value\":true,\"share\":0.5}]}",
                 "{\"sample\":[{\"pointer\":\"/service\",\"value\":\"dear\",\"share\":1}]}");
    cr_expect_float_eq(share_kept(ingest, "{\"severity_number\":5}"), 0.1, 0.02);
    cr_expect_eq(share_kept(ingest, "{\"severity_number\":5,\"service\":\"dear\"}"), 1);
    cr_expect_eq(share_kept(ingest, "{\"severity_number\":9,\"service\":\"chatty\"}"), 0);
    cr_expect_float_eq(share_kept(ingest, "{\"attributes\":{\"a/b\":true}}"), 0.5, 0.03);
    cr_expect_eq(share_kept(ingest, "{\"attributes\":{\"a/b\":false}}"), 1);
    cr_expect_eq(share_kept(ingest, "{\"severity_number\":9}"), 1);
    cr_expect(counted(ingest, "sample 1") == 20000, "twice each");
    cr_expect_eq(counted(ingest, "own sample 0"), 0);
    mr_ingest_free(ingest);
}
