#include "mr_json.h"
#include "mr_json_scan.h"

#include <criterion/criterion.h>

static const struct {
    const char *text;
    bool is_json;
} rows[] = {
    {"{}", true},
    {"[]", true},
    {" [ ] ", true},
    {"\t\r\n1 ", true},
    {"0", true},
    {"-0", true},
    {"-1.5e+10", true},
    {"1E-2", true},
    {"\"\"", true},
    {"\"\\u00e4\"", true},
    {"true", true},
    {"false", true},
    {"null", true},
    {"[1,[2,{\"a\":[]}]]", true},
    {"{\"a\":{},\"b\":[{}]}", true},
    {"", false},
    {" ", false},
    {"{", false},
    {"}", false},
    {"[1,]", false},
    {"[,1]", false},
    {"[1 2]", false},
    {"{\"a\"}", false},
    {"{\"a\":}", false},
    {"{a:1}", false},
    {"{\"a\":1,}", false},
    {"{\"a\":1 \"b\":2}", false},
    {"[1}", false},
    {"{\"a\":1]", false},
    {"01", false},
    {"1.", false},
    {".5", false},
    {"+1", false},
    {"1e", false},
    {"-", false},
    {"tru", false},
    {"True", false},
    {"nullx", false},
    {"\"", false},
    {"\"\\\"", false},
    {"\"\\x41\"", false},
    {"\"\\u12g4\"", false},
    {"\"\n\"", false},
    {"1 2", false},
    {"[]]", false},
    {"{} {}", false},
    {"'a'", false},
    {"NaN", false},
    {"[1,\"a\" ,\"b\" ]", true},
    {"{\"a\" : 1 }", true},
};

Test(json_scan, given_text_then_takes_what_is_json_as_the_strict_reader_does)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_slice value, text = mr_slice_text(rows[i].text);
        struct mr_error why;
        json_t *json;
        bool got = mr_json_scan_check(text, &value, &why) == MR_OK;
        cr_assert_eq(got, rows[i].is_json, "%s: %s", rows[i].text, got ? "taken" : why.text);
        bool strict = mr_json_parse(text, &json, NULL) == MR_OK;
        if (strict)
            json_decref(json);
        cr_assert_eq(strict, rows[i].is_json, "%s", rows[i].text);
    }
}

Test(json_scan, given_the_deepest_text_then_takes_it_and_no_deeper)
{
    char text[2 * (MR_JSON_SCAN_DEPTH_MAX + 1)];
    struct mr_slice value;
    for (size_t deep = MR_JSON_SCAN_DEPTH_MAX; deep <= MR_JSON_SCAN_DEPTH_MAX + 1; deep++) {
        memset(text, '[', deep);
        memset(text + deep, ']', deep);
        enum mr_status want = deep > MR_JSON_SCAN_DEPTH_MAX ? MR_INVALID : MR_OK;
        cr_assert_eq(mr_json_scan_check(mr_slice(text, 2 * deep), &value, NULL), want);
    }
    cr_assert_eq(mr_json_scan_depth(mr_slice(text, 2 * 10)), 20); /* brackets open, so far */
}

Test(json_scan, given_an_object_then_walks_its_members)
{
    struct mr_slice rest, name, value;
    const char text[] = " { \"a\" : [1, {\"x\":\"]}\"}] , \"b\\\"\":\"}\", \"c\":null } ";
    cr_assert_eq(mr_json_scan_check(mr_slice_text(text), &rest, NULL), MR_OK);
    static const char *const names[] = {"\"a\"", "\"b\\\"\"", "\"c\""};
    static const char *const values[] = {"[1, {\"x\":\"]}\"}]", "\"}\"", "null"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(mr_json_scan_member(&rest, &name, &value));
        cr_assert(mr_slice_is(name, names[i]) && mr_slice_is(value, values[i]), "%zu", i);
    }
    cr_assert_not(mr_json_scan_member(&rest, &name, &value));
    cr_assert_not(mr_json_scan_member(&rest, &name, &value));
}

Test(json_scan, given_an_array_then_walks_its_elements)
{
    struct mr_slice rest, value;
    cr_assert_eq(mr_json_scan_check(mr_slice_text("[ 1.5,\"a,b\" ,[ ], {} ,true]"), &rest, NULL),
                 MR_OK);
    static const char *const values[] = {"1.5", "\"a,b\"", "[ ]", "{}", "true"};
    static const enum mr_json_kind kinds[] = {MR_JSON_NUMBER, MR_JSON_STRING, MR_JSON_ARRAY,
                                              MR_JSON_OBJECT, MR_JSON_TRUE};
    for (size_t i = 0; i < 5; i++) {
        cr_assert(mr_json_scan_element(&rest, &value));
        cr_assert(mr_slice_is(value, values[i]), "%zu: %.*s", i, MR_SLICE_FMT(value));
        cr_assert_eq(mr_json_scan_kind(value), kinds[i]);
    }
    cr_assert_not(mr_json_scan_element(&rest, &value));
    rest = mr_slice_text("[ ]");
    cr_assert_not(mr_json_scan_element(&rest, &value));
}

Test(json_scan, given_a_wrong_place_then_names_line_and_column)
{
    struct mr_error why;
    struct mr_slice value;
    cr_assert_eq(mr_json_scan_check(mr_slice_text("{\n \"a\": x}"), &value, &why), MR_INVALID);
    cr_assert_str_eq(why.text, "The JSON is not well-formed at line 2, column 7: no JSON value "
                               "begins so.");
}
