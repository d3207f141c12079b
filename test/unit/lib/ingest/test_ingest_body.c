/* JSON bodies and lines: names at any depth, patterns in any text, and bytes that stay. */
#include "mr_ingest.h"
#include "mr_json.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#define RULES                                                                                      \
    "{\"redact\":{\"names\":[\"password\",\"api_key\",\"authorization\",\"a_key_of_four\"],"       \
    "\"patterns\":["                                                                               \
    "\"builtin:card\",\"builtin:token\",\"builtin:url-password\"],\"except\":[\"/span_id\"]},"     \
    "\"sample\":[{\"pointer\":\"/service\",\"value\":\"noise\",\"share\":0},{\"pointer\":"         \
    "\"/severity_number\",\"value\":5,\"share\":0},{\"pointer\":\"/attributes/code\",\"value\":"   \
    "200,\"share\":0}]}"

struct bench {
    struct mr_ingest *ingest;
    struct mr_arena arena;
    struct mr_uuid id;
};

static void set_up(struct bench *b)
{
    struct mr_error why;
    json_t *json = json_loads(RULES, 0, NULL);
    struct mr_ingest_settings settings = {.ingest = json, .ingest_name = "line.json#/x-ingest"};
    cr_assert_eq(mr_ingest_new(&settings, &b->ingest, &why), MR_OK, "%s", why.text);
    json_decref(json);
    mr_arena_init(&b->arena, 1 << 20);
    b->id = mr_uuid_v5(mr_slice_text("a line"));
}

static void tear_down(struct bench *b)
{
    mr_arena_free(&b->arena);
    mr_ingest_free(b->ingest);
}

static const struct {
    const char *body, *want; /* NULL: the same bytes */
} rows[] = {
    {"{ \"body\" : \"fine\" }", NULL},
    {"{\"attributes\":{\"Api-Key\":\"x\",\"n\":1.5}}",
     "{\"attributes\":{\"Api-Key\":\"[redacted]\",\"n\":1.5}}"},
    {"{\"attributes\":{\"http.request.header.authorization\":[\"Basic eA==\"]}}",
     "{\"attributes\":{\"http.request.header.authorization\":\"[redacted]\"}}"},
    {"{\"body\":{\"a\":[{\"b\":{\"PASS_WORD\":12}}]}}",
     "{\"body\":{\"a\":[{\"b\":{\"PASS_WORD\":\"[redacted]\"}}]}}"},
    {"{\"body\":{\"password\":null,\"api_key\":false}}", NULL},
    {"{\"password\":\"[redacted]\"}", NULL},
    {"{\"body\":\"at \\u0034111111111111111\"}", "{\"body\":\"at [redacted]\"}"},
    {"{\"service\":\"a://b:c@d\",\"host\":\"token=x\"}",
     "{\"service\":\"a://b:[redacted]@d\",\"host\":\"token=[redacted]\"}"},
    {"{\"span_id\":\"4111111111111111\"}", NULL},
    {"{\"body\":{\"span_id\":\"4111111111111111\"}}", "{\"body\":{\"span_id\":\"[redacted]\"}}"},
    {"{\"n\":4111111111111111}", "{\"n\":\"[redacted]\"}"},
    {"{\"n\":{\"m\":4111111111111111.0,\"o\":411111111111111.5}}",
     "{\"n\":{\"m\":\"[redacted]\",\"o\":411111111111111.5}}"},
    {"{\"a\":{\"DB_PASSWORD\":\"x\",\"userPassword\":\"y\",\"my-api-key\":\"z\",\"v1ApiKey\":1}}",
     "{\"a\":{\"DB_PASSWORD\":\"[redacted]\",\"userPassword\":\"[redacted]\",\"my-api-key\":"
     "\"[redacted]\",\"v1ApiKey\":\"[redacted]\"}}"},
    {"{\"a\":{\"x.a-key-of-four\":1,\"x-a-key-of-four\":2}}",
     "{\"a\":{\"x.a-key-of-four\":\"[redacted]\",\"x-a-key-of-four\":2}}"},
    {"{\"a\":{\"sd.auth.password.2\":\"x\",\"password1\":\"y\",\"12\":\"z\",\"1.2\":\"z\"}}",
     "{\"a\":{\"sd.auth.password.2\":\"[redacted]\",\"password1\":\"[redacted]\",\"12\":\"z\",\"1."
     "2\":"
     "\"z\"}}"},
    {"{\"a\":{\"mypassword\":\"x\",\"password_changed\":\"y\",\"api\":1,\"key\":2}}", NULL},
    {"{\"body\":[4111111111111111,{\"n\":4111111111111111}]}",
     "{\"body\":[\"[redacted]\",{\"n\":\"[redacted]\"}]}"},
    {"{\"body\":\"\xE2\x82\xAC token=x\"}", "{\"body\":\"\xE2\x82\xAC token=[redacted]\"}"},
};
static size_t row_index[sizeof rows / sizeof *rows];

ParameterizedTestParameters(ingest_body, given_a_body_then_secrets_alone_change_its_bytes)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, ingest_body, given_a_body_then_secrets_alone_change_its_bytes)
{
    struct bench b;
    struct mr_slice text = mr_slice_text(rows[*i].body);
    json_t *json;
    bool kept = false;
    set_up(&b);
    cr_assert_eq(mr_json_parse(text, &json, NULL), MR_OK);
    cr_assert_eq(mr_ingest_body(b.ingest, json, &b.id, &b.arena, &text, &kept), MR_OK);
    cr_expect(kept);
    if (rows[*i].want)
        cr_expect(mr_slice_is(text, rows[*i].want), "%.*s", MR_SLICE_FMT(text));
    else
        cr_expect_eq(text.data, rows[*i].body, "%.*s", MR_SLICE_FMT(text));
    json_decref(json);
    tear_down(&b);
}

/* The glance before parsing: what it calls clean is not changed, and secrets never pass as clean.
 */
ParameterizedTestParameters(ingest_body, given_a_glance_then_only_what_stays_is_clean)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, ingest_body, given_a_glance_then_only_what_stays_is_clean)
{
    struct mr_schema_glance *glance = mr_schema_glance_new();
    struct mr_slice text = mr_slice_text(rows[*i].body);
    struct mr_error why;
    struct mr_ingest *ingest;
    json_t *json = json_loads(RULES, 0, NULL);
    json_object_del(json, "sample");
    struct mr_ingest_settings settings = {.ingest = json, .ingest_name = "line.json#/x-ingest"};
    cr_assert_eq(mr_ingest_new(&settings, &ingest, &why), MR_OK, "%s", why.text);
    bool is_clean = mr_schema_glance_at(glance, NULL, text, mr_ingest_sees_clean, ingest);
    cr_expect_eq(is_clean, !rows[*i].want, "%s", rows[*i].body);
    json_decref(json);
    mr_ingest_free(ingest);
    mr_schema_glance_free(glance);
}

Test(ingest_body, given_rules_that_sample_then_no_glance_calls_it_clean)
{
    struct bench b;
    struct mr_schema_glance *glance = mr_schema_glance_new();
    set_up(&b);
    cr_expect_not(mr_schema_glance_at(glance, NULL, mr_slice_text("{\"body\":\"x\"}"),
                                      mr_ingest_sees_clean, b.ingest));
    cr_expect(mr_schema_glance_at(glance, NULL, mr_slice_text("{\"password\":\"x\"}"),
                                  mr_ingest_sees_clean, NULL));
    tear_down(&b);
    mr_schema_glance_free(glance);
}

Test(ingest_body, given_no_rules_then_all_is_kept_as_it_is)
{
    json_t *json = json_loads("{\"password\":\"x\"}", 0, NULL);
    struct mr_slice text = mr_slice_text("as it is");
    struct mr_uuid id = {.bytes = {1}};
    bool kept = false;
    cr_assert_eq(mr_ingest_body(NULL, json, &id, NULL, &text, &kept), MR_OK);
    cr_expect(kept && mr_slice_is(text, "as it is"));
    json_decref(json);
}

Test(ingest_body, given_a_full_arena_then_it_is_a_limit)
{
    struct bench b;
    struct mr_slice text = mr_slice_text("{\"password\":\"x\"}");
    struct mr_arena small;
    json_t *json;
    bool kept;
    set_up(&b);
    mr_arena_init(&small, 8);
    cr_assert_eq(mr_json_parse(text, &json, NULL), MR_OK);
    cr_expect_eq(mr_ingest_body(b.ingest, json, &b.id, &small, &text, &kept), MR_LIMIT);
    json_decref(json);
    mr_arena_free(&small);
    tear_down(&b);
}

/* ---- lines ---- */

static struct mr_logline_value text_value(const char *text)
{
    return (struct mr_logline_value){.text = mr_slice_text(text)};
}

static struct mr_logline_value json_value(const char *text)
{
    return (struct mr_logline_value){.text = mr_slice_text(text), .is_json = true};
}

Test(ingest_line, given_a_line_then_what_is_written_has_no_secret)
{
    struct bench b;
    struct mr_buf out;
    bool kept = false;
    struct mr_logline_attribute attributes[] = {
        {mr_slice_text("db.password"), text_value("hunter2")},
        {mr_slice_text("api_key"), json_value("12")},
        {mr_slice_text("password"), json_value("null")},
        {mr_slice_text("n"), json_value("4111111111111111")},
        {mr_slice_text("m"), json_value("7")},
        {mr_slice_text("deep"), json_value("[{\"password\":\"x\"},\"token=y\"]")},
        {mr_slice_text("broken"), json_value("{\"password\":")},
        {mr_slice_text("text"), json_value("\"token=y\"")},
    };
    struct mr_logline line = {.severity = 9,
                              .severity_text = mr_slice_text("pwd=x"),
                              .body = text_value("login with 4111 1111 1111 1111"),
                              .service = mr_slice_text("a://b:c@d"),
                              .host = mr_slice_text("h"),
                              .span_id = mr_slice_text("4111111111111111"),
                              .attributes = attributes,
                              .attribute_count = sizeof attributes / sizeof *attributes};
    set_up(&b);
    mr_buf_init(&out, 4096);
    cr_assert_eq(mr_ingest_line(b.ingest, &line, &b.id, &b.arena, &out, &kept), MR_OK);
    cr_expect(kept);
    mr_buf_char(&out, '\0');
    cr_expect_str_eq(out.data,
                     "{\"severity_number\":9,\"severity_text\":\"pwd=[redacted]\",\"body\":\"login "
                     "with [redacted]\",\"service\":"
                     "\"a://b:[redacted]@d\",\"host\":\"h\",\"span_id\":\"4111111111111111\","
                     "\"attributes\":{\"db.password\":\"[redacted]\",\"api_key\":\"[redacted]\","
                     "\"password\":null,\"n\":\"[redacted]\",\"m\":7,\"deep\":[{\"password\":"
                     "\"[redacted]\"},\"token=[redacted]\"],\"broken\":\"[redacted]\",\"text\":"
                     "\"token=[redacted]\"}}");
    mr_buf_free(&out);
    tear_down(&b);
}

Test(ingest_line, given_sample_rules_then_lines_and_bodies_are_sampled_alike)
{
    struct bench b;
    struct mr_logline_attribute attribute = {mr_slice_text("code"), json_value("200")};
    const struct mr_logline lines[] = {
        {.service = mr_slice_text("noise")},
        {.severity = 5},
        {.attributes = &attribute, .attribute_count = 1},
        {.service = mr_slice_text("voice"), .severity = 6},
    };
    set_up(&b);
    cr_expect_not(mr_ingest_keeps_line(b.ingest, &lines[0], &b.id));
    cr_expect_not(mr_ingest_keeps_line(b.ingest, &lines[1], &b.id));
    cr_expect_not(mr_ingest_keeps_line(b.ingest, &lines[2], &b.id));
    cr_expect(mr_ingest_keeps_line(b.ingest, &lines[3], &b.id));
    tear_down(&b);
}
