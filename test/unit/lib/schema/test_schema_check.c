/* Each keyword with values that it takes and values that it refuses. */
#include "mr_schema.h"
#include <criterion/criterion.h>

static const struct {
    const char *schema, *value;
    const char *wrong; /* NULL: fits; else "pointer detail" of the first error */
} rows[] = {
    {"true", "{}", NULL},
    {"false", "1", "# is not allowed"},
    {"{}", "[1,{}]", NULL},

    {"{'type':'string'}", "'a'", NULL},
    {"{'type':'string'}", "1", "# must be a string"},
    {"{'type':'null'}", "null", NULL},
    {"{'type':'null'}", "false", "# must be null"},
    {"{'type':'boolean'}", "false", NULL},
    {"{'type':'boolean'}", "0", "# must be true or false"},
    {"{'type':'integer'}", "-5", NULL},
    {"{'type':'integer'}", "1.0", NULL},
    {"{'type':'integer'}", "1e300", NULL},
    {"{'type':'integer'}", "1.5", "# must be an integer"},
    {"{'type':'number'}", "3", NULL},
    {"{'type':'number'}", "3.25", NULL},
    {"{'type':'number'}", "'3'", "# must be a number"},
    {"{'type':'array'}", "[]", NULL},
    {"{'type':'array'}", "{}", "# must be an array"},
    {"{'type':'object'}", "{}", NULL},
    {"{'type':'object'}", "[]", "# must be an object"},
    {"{'type':['string','null']}", "null", NULL},
    {"{'type':['string','null']}", "1", "# must be null or a string"},

    {"{'enum':['a',1,null,{'x':[1]}]}", "'a'", NULL},
    {"{'enum':['a',1,null,{'x':[1]}]}", "1.0", NULL},
    {"{'enum':['a',1,null,{'x':[1]}]}", "{'x':[1.0]}", NULL},
    {"{'enum':['draft','open']}", "'paid'", "# must be one of \"draft\", \"open\""},
    {"{'const':'void'}", "'void'", NULL},
    {"{'const':'void'}", "'open'", "# must be \"void\""},
    {"{'const':{'a':1,'b':2}}", "{'b':2,'a':1}", NULL},
    {"{'const':false}", "0", "# must be false"},
    {"{'const':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u00e9aaaaaaaaaa'}", "0",
     "# must be \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."},
    {"{'const':[1,2]}", "[2,1]", "# must be [1,2]"},

    {"{'minimum':1}", "1", NULL},
    {"{'minimum':1}", "0", "# must be at least 1"},
    {"{'minimum':1}", "0.99", "# must be at least 1"},
    {"{'minimum':1}", "'0'", NULL},
    {"{'maximum':9007199254740991}", "9007199254740991", NULL},
    {"{'maximum':9007199254740991}", "9007199254740992", "# must be at most 9007199254740991"},
    {"{'maximum':9007199254740993.0}", "9007199254740993", "# must be at most 9007199254740992.0"},
    {"{'maximum':9223372036854775807}", "1e19", "# must be at most 9223372036854775807"},
    {"{'minimum':-9223372036854775808}", "-1e19", "# must be at least -9223372036854775808"},
    {"{'exclusiveMinimum':0}", "0.001", NULL},
    {"{'exclusiveMinimum':0}", "0", "# must be more than 0"},
    {"{'exclusiveMaximum':2.5}", "2", NULL},
    {"{'exclusiveMaximum':2.5}", "2.5", "# must be less than 2.5"},

    {"{'minLength':2}", "'\u00e9\U0001f600'", NULL},
    {"{'minLength':2}", "'\U0001f600'", "# must have at least 2 characters"},
    {"{'maxLength':1}", "'\U0001f600'", NULL},
    {"{'maxLength':1}", "'ab'", "# must have at most 1 character"},
    {"{'maxLength':1.0}", "'ab'", "# must have at most 1 character"},

    {"{'pattern':'^[A-Z]{3}$'}", "'EUR'", NULL},
    {"{'pattern':'^[A-Z]{3}$'}", "'EURO'", "# must match the pattern ^[A-Z]{3}$"},
    {"{'pattern':'^[A-Z]{3}$'}", "'EUR\\n'", "# must match the pattern ^[A-Z]{3}$"},
    {"{'pattern':'b+'}", "'abc'", NULL},
    {"{'pattern':'^.$'}", "'\U0001f600'", NULL},
    {"{'pattern':'^\\\\u00e9$'}", "'\u00e9'", NULL},
    {"{'pattern':'^\\\\d$'}", "'\u0663'", "# must match the pattern ^\\d$"},
    {"{'pattern':'^(a+)+$'}", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'",
     "# takes too long to match the pattern ^(a+)+$"},

    {"{'format':'uuid'}", "'3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10'", NULL},
    {"{'format':'uuid'}", "'3f0d9c1e5a527c118b7d0a4c6b2d9e10'", "# must be a UUID"},
    {"{'format':'date'}", "'2024-02-29'", NULL},
    {"{'format':'date'}", "'2023-02-29'", "# must be a date such as 2026-11-25"},
    {"{'format':'date-time'}", "'2024-02-29T01:02:03+01:00'", NULL},
    {"{'format':'date-time'}", "'2024-02-29'",
     "# must be a time such as 2026-11-25T08:39:03Z (RFC 3339)"},
    {"{'format':'uuid'}", "7", NULL},

    {"{'items':{'type':'integer'}}", "[1,2]", NULL},
    {"{'items':{'type':'integer'}}", "[1,'x']", "#/1 must be an integer"},
    {"{'items':false}", "[]", NULL},
    {"{'items':false}", "[1]", "#/0 is not allowed"},
    {"{'minItems':1}", "[]", "# must have at least 1 item"},
    {"{'minItems':1}", "[0]", NULL},
    {"{'maxItems':2}", "[1,2,3]", "# must have at most 2 items"},
    {"{'maxItems':2}", "[1,2]", NULL},

    {"{'properties':{'a':{'type':'string'}}}", "{'a':'x','b':1}", NULL},
    {"{'properties':{'a':{'type':'string'}}}", "{'a':1}", "#/a must be a string"},
    {"{'properties':{'a/b~':{'type':'string'}}}", "{'a/b~':1}", "#/a~1b~0 must be a string"},
    {"{'properties':{'a':true},'additionalProperties':false}", "{'a':1}", NULL},
    {"{'properties':{'a':true},'additionalProperties':false}", "{'b':1}",
     "#/b is not known here; known are a"},
    {"{'additionalProperties':false}", "{'b':1}",
     "#/b is not known here; there is no property at all"},
    {"{'additionalProperties':{'type':'integer'}}", "{'b':'x'}", "#/b must be an integer"},
    {"{'required':['a','b']}", "{'b':1,'a':null}", NULL},
    {"{'required':['a','b']}", "{'b':1}", "#/a is missing"},
    {"{'required':['a']}", "[]", NULL},
    {"{'minProperties':1}", "{}", "# must have at least 1 property"},
    {"{'maxProperties':1}", "{'a':1,'b':2}", "# must have at most 1 property"},
    {"{'maxProperties':1}", "{'a':1}", NULL},

    {"{'$ref':'#/$defs/n','$defs':{'n':{'type':'integer'}}}", "1", NULL},
    {"{'$ref':'#/$defs/n','$defs':{'n':{'type':'integer'}}}", "'x'", "# must be an integer"},
    {"{'$ref':'#/$defs/n','minimum':2,'$defs':{'n':{'type':'integer'}}}", "1",
     "# must be at least 2"},
    {"{'$ref':'#/$defs/a~1b%20c','$defs':{'a/b c':{'type':'integer'}}}", "'x'",
     "# must be an integer"},
    {"{'properties':{'next':{'$ref':'#'}},'required':['v']}", "{'v':1,'next':{'v':1,'next':{}}}",
     "#/next/next/v is missing"},
};

/* ' for ", so that rows can be read. */
static json_t *json_of(const char *text)
{
    char copy[1024];
    snprintf(copy, sizeof copy, "%s", text);
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *json = json_loads(copy, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(json, "%s", copy);
    return json;
}

static void run_row(size_t i)
{
    struct mr_error why = {0};
    struct mr_arena arena;
    struct mr_schema_errors errors;
    struct mr_schema_set *set = mr_schema_set_new(NULL, 0);
    json_t *schema = json_of(rows[i].schema), *value = json_of(rows[i].value);
    mr_arena_init(&arena, 1 << 16);
    mr_schema_errors_init(&errors, &arena);
    cr_assert_eq(mr_schema_set_add(set, "test", "test.json", schema, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK, "%s", why.text);
    const struct mr_schema *s = mr_schema_set_find(set, "test");
    enum mr_status got = mr_schema_check(s, value, &errors);
    mr_schema_errors_text(&errors, &why);
    cr_expect_eq(got, rows[i].wrong ? MR_INVALID : MR_OK, "%s of %s: %s", rows[i].value,
                 rows[i].schema, why.text);
    cr_expect_str_eq(why.text, rows[i].wrong ? rows[i].wrong : "", "%s of %s: %s", rows[i].value,
                     rows[i].schema, why.text);
    cr_expect_eq(mr_schema_check(s, value, NULL), got, "without a list: %s", rows[i].schema);
    json_decref(schema);
    json_decref(value);
    mr_schema_set_free(set);
    mr_arena_free(&arena);
}

Test(schema_check, given_each_keyword_then_it_takes_and_refuses_what_it_should)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run_row(i);
}

static const struct mr_schema *compile(struct mr_schema_set *set, const char *text)
{
    struct mr_error why;
    json_t *schema = json_of(text);
    cr_assert_eq(mr_schema_set_add(set, "test", "test.json", schema, &why), MR_OK, "%s", why.text);
    json_decref(schema);
    cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK, "%s", why.text);
    return mr_schema_set_find(set, "test");
}

Test(schema_check, given_many_errors_then_twenty_are_told_and_that_there_are_more)
{
    struct mr_schema_set *set = mr_schema_set_new(NULL, 0);
    const struct mr_schema *s = compile(set, "{'items':{'type':'integer','minimum':1}}");
    struct mr_arena arena;
    struct mr_schema_errors errors;
    mr_arena_init(&arena, 1 << 16);
    mr_schema_errors_init(&errors, &arena);
    json_t *value = json_array();
    for (int i = 0; i < 20; i++)
        json_array_append_new(value, json_integer(0));
    cr_assert_eq(mr_schema_check(s, value, &errors), MR_INVALID);
    cr_assert_eq(errors.count, 20);
    cr_assert_not(errors.more);
    cr_assert_str_eq(errors.items[7].pointer, "/7");
    cr_assert_str_eq(errors.items[7].schema, "test#/items/minimum");

    json_array_append_new(value, json_integer(0));
    mr_schema_errors_init(&errors, &arena);
    cr_assert_eq(mr_schema_check(s, value, &errors), MR_INVALID);
    cr_assert_eq(errors.count, 20);
    cr_assert(errors.more);
    struct mr_error text;
    mr_schema_errors_text(&errors, &text);
    cr_assert_str_eq(text.text, "#/0 must be at least 1 (and over 19 more)");
    json_decref(value);
    mr_schema_set_free(set);
    mr_arena_free(&arena);
}

Test(schema_check, given_a_full_arena_then_the_error_is_still_told)
{
    struct mr_schema_set *set = mr_schema_set_new(NULL, 0);
    const struct mr_schema *s = compile(set, "{'properties':{'a':{'type':'integer'}}}");
    struct mr_arena arena;
    struct mr_schema_errors errors;
    mr_arena_init(&arena, 0);
    mr_schema_errors_init(&errors, &arena);
    json_t *value = json_of("{'a':'x'}");
    cr_assert_eq(mr_schema_check(s, value, &errors), MR_INVALID);
    cr_assert_eq(errors.count, 1);
    cr_assert_str_eq(errors.items[0].detail, "does not fit the schema");
    json_decref(value);
    mr_schema_set_free(set);
    mr_arena_free(&arena);
}

Test(schema_check, given_a_value_nested_without_end_then_it_is_refused_and_the_stack_holds)
{
    struct mr_schema_set *set = mr_schema_set_new(NULL, 0);
    const struct mr_schema *s = compile(set, "{'items':{'$ref':'#'}}");
    json_t *value = json_array();
    for (int i = 0; i < 1000; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    cr_assert_eq(mr_schema_check(s, value, NULL), MR_INVALID);
    json_decref(value);
    mr_schema_set_free(set);
}

Test(schema_check, given_numbers_then_the_integral_ones_that_fit_are_integers)
{
    int64_t got = 0;
    json_t *one = json_real(1.0), *half = json_real(0.5), *far = json_real(9223372036854775808.0);
    json_t *least = json_real(-9223372036854775808.0), *text = json_string("1");
    cr_assert(mr_schema_integer(one, &got));
    cr_assert_eq(got, 1);
    cr_assert(mr_schema_integer(least, &got));
    cr_assert_eq(got, INT64_MIN);
    cr_assert_not(mr_schema_integer(half, &got));
    cr_assert_not(mr_schema_integer(far, &got));
    cr_assert_not(mr_schema_integer(text, &got));
    json_decref(one), json_decref(half), json_decref(far), json_decref(least), json_decref(text);
}
