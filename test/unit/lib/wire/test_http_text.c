#include "mr_http_text.h"

#include <criterion/criterion.h>

static const struct {
    const char *raw;
    enum mr_http_component component;
    enum mr_status want;
    const char *text;
} decodings[] = {
    {"plain", MR_HTTP_PATH_SEGMENT, MR_OK, "plain"},
    {"", MR_HTTP_PATH_SEGMENT, MR_OK, ""},
    {"a%20b%2Fc", MR_HTTP_PATH_SEGMENT, MR_OK, "a b/c"},
    {"a+b", MR_HTTP_PATH_SEGMENT, MR_OK, "a+b"},
    {"a+b%2B", MR_HTTP_QUERY_PART, MR_OK, "a b+"},
    {"%C3%A9%f0%9F%98%80", MR_HTTP_QUERY_PART, MR_OK, "\xC3\xA9\xF0\x9F\x98\x80"},
    {"%25%32%35", MR_HTTP_PATH_SEGMENT, MR_OK, "%25"}, /* decoded once */
    {"%00", MR_HTTP_PATH_SEGMENT, MR_INVALID, ""},
    {"%", MR_HTTP_PATH_SEGMENT, MR_INVALID, ""},
    {"%4", MR_HTTP_PATH_SEGMENT, MR_INVALID, ""},
    {"%4g", MR_HTTP_PATH_SEGMENT, MR_INVALID, ""},
    {"%C3", MR_HTTP_PATH_SEGMENT, MR_INVALID, ""},
    {"%C0%AF", MR_HTTP_PATH_SEGMENT, MR_INVALID, ""},
    {"%ED%A0%80", MR_HTTP_QUERY_PART, MR_INVALID, ""},
    {"%F4%90%80%80", MR_HTTP_QUERY_PART, MR_INVALID, ""},
    {"%80", MR_HTTP_QUERY_PART, MR_INVALID, ""},
};

Test(http_text, given_percent_encoded_text_then_decodes_only_good_utf8)
{
    struct mr_arena arena;
    mr_arena_init(&arena, 65536);
    for (size_t i = 0; i < sizeof decodings / sizeof *decodings; i++) {
        struct mr_slice out = {0};
        enum mr_status s =
            mr_http_decode(mr_slice_text(decodings[i].raw), decodings[i].component, &arena, &out);
        cr_expect_eq(s, decodings[i].want, "%s", decodings[i].raw);
        if (s == MR_OK)
            cr_expect(mr_slice_is(out, decodings[i].text), "%s", decodings[i].raw);
    }
    mr_arena_free(&arena);
}

Test(http_text, given_a_full_arena_then_decoding_says_limit)
{
    struct mr_arena arena;
    struct mr_slice out;
    mr_arena_init(&arena, 0);
    cr_assert_eq(mr_http_decode(mr_slice_text("%41"), MR_HTTP_PATH_SEGMENT, &arena, &out),
                 MR_LIMIT);
    cr_assert_eq(mr_http_decode(mr_slice_text("A"), MR_HTTP_PATH_SEGMENT, &arena, &out), MR_OK);
    mr_arena_free(&arena);
}

Test(http_text, given_a_path_then_gives_each_segment_with_the_empty_ones)
{
    static const char *const want[] = {"v1", "", "a%2Fb", ""};
    struct mr_slice rest = mr_slice_text("/v1//a%2Fb/"), s;
    for (size_t i = 0; i < 4; i++) {
        cr_assert(mr_http_path_next(&rest, &s));
        cr_assert(mr_slice_is(s, want[i]));
    }
    cr_assert_not(mr_http_path_next(&rest, &s));
    rest = mr_slice_text("*");
    cr_assert_not(mr_http_path_next(&rest, &s));
}

Test(http_text, given_a_query_then_gives_each_parameter)
{
    struct mr_slice rest = mr_slice_text("a=1&&b=&c&d=x=y&=z&"), name, value;
    cr_assert(mr_http_query_next(&rest, &name, &value));
    cr_assert(mr_slice_is(name, "a") && mr_slice_is(value, "1"));
    cr_assert(mr_http_query_next(&rest, &name, &value));
    cr_assert(mr_slice_is(name, "b") && mr_slice_is(value, "") && value.data);
    cr_assert(mr_http_query_next(&rest, &name, &value));
    cr_assert(mr_slice_is(name, "c") && !value.data);
    cr_assert(mr_http_query_next(&rest, &name, &value));
    cr_assert(mr_slice_is(name, "d") && mr_slice_is(value, "x=y"));
    cr_assert(mr_http_query_next(&rest, &name, &value));
    cr_assert(mr_slice_is(name, "") && mr_slice_is(value, "z"));
    cr_assert_not(mr_http_query_next(&rest, &name, &value));
    rest = mr_slice(NULL, 0);
    cr_assert_not(mr_http_query_next(&rest, &name, &value));
}

Test(http_text, given_a_list_then_quotes_keep_commas_and_empty_members_are_passed_over)
{
    static const char *const want[] = {"wait=5", "x=\"a, \\\"b\"", "return=minimal; y"};
    struct mr_slice rest = mr_slice_text(" ,wait=5 ,, x=\"a, \\\"b\",\treturn=minimal; y,"), m;
    for (size_t i = 0; i < 3; i++) {
        cr_assert(mr_http_list_next(&rest, &m));
        cr_assert(mr_slice_is(m, want[i]), "%.*s", MR_SLICE_FMT(m));
    }
    cr_assert_not(mr_http_list_next(&rest, &m));
    rest = mr_slice_text("open=\"a,b\\");
    cr_assert(mr_http_list_next(&rest, &m));
    cr_assert_not(mr_http_list_next(&rest, &m));
}

Test(http_text, given_parameters_then_values_lose_their_quotes)
{
    struct mr_slice rest = mr_slice_text("application/json; charset = \"utf-8;x\" ;;q=0.5; e=\"\""),
                    n, v;
    cr_assert(mr_http_parameter_next(&rest, &n, &v));
    cr_assert(mr_slice_is(n, "application/json") && !v.data);
    cr_assert(mr_http_parameter_next(&rest, &n, &v));
    cr_assert(mr_slice_is(n, "charset") && mr_slice_is(v, "utf-8;x"));
    cr_assert(mr_http_parameter_next(&rest, &n, &v));
    cr_assert(mr_slice_is(n, "q") && mr_slice_is(v, "0.5"));
    cr_assert(mr_http_parameter_next(&rest, &n, &v));
    cr_assert(mr_slice_is(n, "e") && mr_slice_is(v, "") && v.data);
    cr_assert_not(mr_http_parameter_next(&rest, &n, &v));
}

Test(http_text, given_either_case_then_equal_and_nothing_else_is)
{
    cr_assert(mr_http_equal_nocase(mr_slice_text("Chunked"), "cHUNKED"));
    cr_assert_not(mr_http_equal_nocase(mr_slice_text("chunke"), "chunked"));
    cr_assert_not(mr_http_equal_nocase(mr_slice_text("chunkedd"), "chunked"));
    cr_assert_not(mr_http_equal_nocase(mr_slice("a\0", 2), "a"));
    cr_assert_not(mr_http_equal_nocase(mr_slice_text("@"), "`"));
}
