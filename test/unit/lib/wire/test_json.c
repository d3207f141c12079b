#include "mr_json.h"

#include <criterion/criterion.h>
#include <stdint.h>

static enum mr_status parse(struct mr_slice text, struct mr_error *why)
{
    json_t *json = NULL;
    enum mr_status s = mr_json_parse(text, &json, why);
    cr_assert_eq(s == MR_OK, json != NULL);
    json_decref(json);
    return s;
}

static const char *const good[] = {
    "{}",
    "[]",
    "true",
    "null",
    "\"x\"",
    " \r\n\t[1] \n",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "1e300",
    "1e-400",
    "-0",
    "{\"a\":1,\"A\":2}",
    "\"\\ud83d\\ude00\"",
    "\"\xC3\xA9\"",
    "[\"]]]]\", \"\\\"[[\"]",
};

static const char *const bad[] = {
    "",
    " ",
    "{",
    "[1,]",
    "{\"a\":1,}",
    "{\"a\":1,\"a\":2}",
    "{} {}",
    "{}x",
    "'a'",
    "nul",
    "01",
    "1.",
    ".5",
    "+1",
    "0x10",
    "NaN",
    "Infinity",
    "1e400",
    "9223372036854775808",
    "-9223372036854775809",
    "\"\\u0000\"",
    "{\"\\u0000\":1}",
    "\"\\ud800\"",
    "\"a\nb\"",
    "\"\xC0\xAF\"",
    "\"\xFF\"",
    "\xEF\xBB\xBF{}",
    "// x\n{}",
    "{\"a\":{\"b\":1,\"b\":2}}",
    "\"open",
    "]",
    "[\"\\x\"]",
};

Test(json, given_text_then_takes_what_rfc_8259_allows_and_no_more)
{
    struct mr_error why;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_expect_eq(parse(mr_slice_text(good[i]), &why), MR_OK, "%s: %s", good[i], why.text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(parse(mr_slice_text(bad[i]), &why), MR_INVALID, "%s", bad[i]);
        cr_expect_eq(why.text[strlen(why.text) - 1], '.', "%s", why.text);
    }
    cr_assert_eq(parse(mr_slice("{\"a\":1}\0", 8), &why), MR_INVALID);
    cr_assert_eq(parse(mr_slice("[\"\0\"]", 5), &why), MR_INVALID);
    cr_assert_eq(parse(mr_slice("2\0", 2), &why), MR_INVALID); /* jansson reads on past it */
    cr_assert_eq(parse(mr_slice(NULL, 0), &why), MR_INVALID);
    cr_assert_eq(parse(mr_slice("[1]]", 3), &why), MR_OK, "no further than the length");
}

Test(json, given_nesting_then_64_levels_are_the_most)
{
    struct mr_error why;
    for (int depth = MR_JSON_DEPTH_MAX; depth <= MR_JSON_DEPTH_MAX + 1; depth++) {
        char text[512];
        int n = 0;
        for (int i = 0; i < depth; i++)
            n += i % 2 ? sprintf(text + n, "{\"a\":") : sprintf(text + n, "[");
        text[n++] = '0';
        for (int i = depth - 1; i >= 0; i--)
            text[n++] = i % 2 ? '}' : ']';
        cr_assert_eq(parse(mr_slice(text, (size_t)n), &why),
                     depth <= MR_JSON_DEPTH_MAX ? MR_OK : MR_INVALID);
    }
    cr_assert_str_eq(why.text, "The JSON at line 1, column 193 is nested deeper than 64.");
}

Test(json, given_brackets_in_a_string_then_they_are_no_nesting)
{
    struct mr_error why;
    char text[128] = "[\"\\\"";
    memset(text + 4, '[', 100);
    strcpy(text + 104, "\"]");
    cr_assert_eq(parse(mr_slice_text(text), &why), MR_OK, "%s", why.text);
}

Test(json, given_an_error_then_the_sentence_has_its_place_and_not_the_text)
{
    struct mr_error why;
    cr_assert_eq(parse(mr_slice_text("{\n  \"a\": secret\n}"), &why), MR_INVALID);
    cr_assert(strstr(why.text, "line 2"), "%s", why.text);
    cr_assert_null(strstr(why.text, "secret"), "%s", why.text);
    cr_assert_eq(parse(mr_slice_text("{\"secret\": 1, \"secret\": 2}"), &why), MR_INVALID);
    cr_assert(strstr(why.text, "twice"), "%s", why.text);
    cr_assert_null(strstr(why.text, "secret"), "%s", why.text);
    cr_assert_eq(parse(mr_slice_text("{\"a\": \"near secret"), &why), MR_INVALID);
    cr_assert_null(strstr(why.text, "secret"), "%s", why.text);
}

Test(json, given_numbers_then_only_those_without_fraction_and_exponent_are_integers)
{
    json_t *json;
    cr_assert_eq(mr_json_parse(mr_slice_text("[9007199254740993, 1.0, 1e2]"), &json, NULL), MR_OK);
    cr_assert_eq(json_integer_value(json_array_get(json, 0)), INT64_C(9007199254740993));
    cr_assert(json_is_real(json_array_get(json, 1)));
    cr_assert(json_is_real(json_array_get(json, 2)));
    json_decref(json);
}
