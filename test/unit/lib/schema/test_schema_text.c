/* Checking text without parsing it: where it says yes, parsing and checking say so too. */
#include "mr_json.h"
#include "mr_prng.h"
#include "mr_schema_text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#define SCHEMA                                                                                     \
    "{\"type\":\"object\",\"properties\":{\"time\":{\"$ref\":\"#/$defs/time\"},\"n\":{\"type\":"   \
    "\"integer\",\"minimum\":1,\"maximum\":24},\"body\":{\"maxLength\":40},\"kind\":{\"enum\":["   \
    "\"a\",\"b\"]},\"id\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{4}$\"},\"any\":{\"type\":"  \
    "\"object\",\"maxProperties\":3},\"list\":{\"type\":\"array\",\"items\":{\"type\":"            \
    "\"number\"},\"minItems\":1}},\"required\":[\"body\"],\"additionalProperties\":false,"         \
    "\"$defs\":{\"time\":{\"type\":\"string\",\"format\":\"date-time\"}}}"

struct bench {
    struct mr_schema_set *set;
    const struct mr_schema *schema;
    struct mr_schema_glance *glance;
};

static void set_up(struct bench *b)
{
    struct mr_error why;
    json_t *document = json_loads(SCHEMA, 0, NULL);
    cr_assert(document);
    b->set = mr_schema_set_new(NULL, 0);
    cr_assert_eq(mr_schema_set_add(b->set, "s", "s.json", document, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_schema_set_compile(b->set, &why), MR_OK, "%s", why.text);
    json_decref(document);
    b->schema = mr_schema_set_find(b->set, "s");
    b->glance = mr_schema_glance_new();
}

static void tear_down(struct bench *b)
{
    mr_schema_glance_free(b->glance);
    mr_schema_set_free(b->set);
}

static bool is_good(const struct bench *b, struct mr_slice text)
{
    json_t *json;
    if (mr_json_parse(text, &json, NULL) != MR_OK)
        return false;
    bool good = mr_schema_check(b->schema, json, NULL) == MR_OK;
    json_decref(json);
    return good;
}

static const struct {
    const char *text;
    bool want;
} rows[] = {
    {"{\"body\":\"x\"}", true},
    {" { \"body\" : \"x\" , \"n\" : 24 } ", true},
    {"{\"body\":1.5,\"time\":\"2026-11-25T08:39:03.123Z\",\"kind\":\"b\",\"id\":\"00ff\"}", true},
    {"{\"body\":null,\"any\":{\"a\":[1,{\"b\":[]}],\"c\":true},\"list\":[1,-2.5]}", true},
    {"{\"body\":\"a \\\"b\\\" \\n c\"}", true},
    {"{\"body\":\"\xE2\x82\xAC\"}", true},
    /* wrong, or not known here */
    {"", false},
    {"{}", false},
    {"{\"body\":\"x\"} x", false},
    {"{\"body\":\"x\",}", false},
    {"{\"body\":\"x\",\"body\":\"y\"}", false},
    {"{\"body\":\"x\",\"other\":1}", false},
    {"{\"body\":\"x\",\"n\":0}", false},
    {"{\"body\":\"x\",\"n\":25}", false},
    {"{\"body\":\"x\",\"n\":1.5}", false},
    {"{\"body\":\"x\",\"n\":\"1\"}", false},
    {"{\"body\":\"x\",\"n\":01}", false},
    {"{\"body\":\"x\",\"n\":1e0}", false},
    {"{\"body\":\"x\",\"kind\":\"c\"}", false},
    {"{\"body\":\"x\",\"id\":\"00fg\"}", false},
    {"{\"body\":\"x\",\"time\":\"2026-13-25T08:39:03Z\"}", false},
    {"{\"body\":\"x\",\"any\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1}}", false},
    {"{\"body\":\"x\",\"list\":[]}", false},
    {"{\"body\":\"x\",\"list\":[\"1\"]}", false},
    {"{\"body\":\"x\",\"list\":[1,]}", false},
    {"{\"body\":\"12345678901234567890123456789012345678901\"}", false},
    {"{\"body\":\"\\u0041\"}", false},
    {"{\"body\":\"\\x\"}", false},
    {"{\"body\":\"a\nb\"}", false},
    {"{\"body\":\"a", false},
    {"{\"body\":tru}", false},
    {"{\"body\":-}", false},
    {"{\"body\":1.}", false},
    {"{\"body\":12345678901234567890}", false},
    {"[1]", false},
    {"null", false},
};
static size_t row_index[sizeof rows / sizeof *rows];

ParameterizedTestParameters(schema_text, given_a_text_then_it_says_yes_or_does_not_know)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, schema_text, given_a_text_then_it_says_yes_or_does_not_know)
{
    struct bench b;
    struct mr_slice text = mr_slice_text(rows[*i].text);
    set_up(&b);
    cr_expect_eq(mr_schema_glance_at(b.glance, b.schema, text, NULL, NULL), rows[*i].want, "%s",
                 rows[*i].text);
    if (rows[*i].want)
        cr_expect(is_good(&b, text), "%s", rows[*i].text);
    tear_down(&b);
}

/* Ordinary texts with a few bytes changed: a yes that parsing would not say must not come. */
Test(schema_text, given_mutated_texts_then_a_yes_is_never_wrong, .timeout = 60)
{
    static const char bytes[] = "\"\\{}[]:,.0123456789-eEtfnau \n\x01\x80";
    struct bench b;
    struct mr_prng prng;
    char text[256];
    uint32_t said = 0;
    set_up(&b);
    mr_prng_seed(&prng, 7);
    for (int n = 0; n < 200000; n++) {
        const char *from = rows[mr_prng_below(&prng, 6)].text;
        size_t len = strlen(from);
        memcpy(text, from, len);
        for (uint32_t k = mr_prng_below(&prng, 3); k > 0; k--)
            text[mr_prng_below(&prng, (uint32_t)len)] =
                bytes[mr_prng_below(&prng, sizeof bytes - 1)];
        struct mr_slice slice = mr_slice(text, len);
        bool is_ascii = true;
        for (size_t k = 0; k < len; k++)
            is_ascii = is_ascii && !(text[k] & 0x80);
        if (!is_ascii || !mr_schema_glance_at(b.glance, b.schema, slice, NULL, NULL))
            continue;
        said++;
        cr_assert(is_good(&b, slice), "seed 7, %d: %.*s", n, MR_SLICE_FMT(slice));
    }
    cr_expect_gt(said, 20000);
    tear_down(&b);
}

/* ---- what is seen ---- */

static bool note(void *data, const struct mr_schema_seen *seen)
{
    struct mr_buf *out = data;
    mr_buf_printf(out, "%d%s%.*s=%.*s;", seen->depth, seen->name.data ? "." : "",
                  MR_SLICE_FMT(seen->name), MR_SLICE_FMT(seen->text));
    return seen->type != JSON_REAL;
}

Test(schema_text, given_a_value_then_all_in_it_is_seen)
{
    struct bench b;
    struct mr_buf out;
    mr_buf_init(&out, 0);
    set_up(&b);
    cr_expect(mr_schema_glance_at(b.glance, b.schema,
                                  mr_slice_text("{\"body\":\"a\\tb\",\"any\":{\"x\":[\"y\",7]}}"),
                                  note, &out));
    cr_expect(mr_slice_is(mr_buf_all(&out), "0=;1.body=a\tb;1.any=;2.x=;3=y;3=;"), "%.*s",
              MR_SLICE_FMT(mr_buf_all(&out)));
    cr_expect_not(
        mr_schema_glance_at(b.glance, b.schema, mr_slice_text("{\"body\":1.5}"), note, &out),
        "who sees may say no");
    mr_buf_free(&out);
    tear_down(&b);
}
