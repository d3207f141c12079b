/* A line from its JSON to the values of its row. */
#include "log_row.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(line);

static void expect_text(const struct log_row *row, const char *column, const char *want)
{
    const struct domain_store_value *value = log_row_value(row, column);
    cr_expect_eq(value->is_null, !want, "%s", column);
    if (want)
        cr_expect(mr_slice_is(value->bytes, want), "%s is %.*s, not %s", column,
                  MR_SLICE_FMT(value->bytes), want);
}

static void expect_number(const struct log_row *row, const char *column, int64_t want)
{
    const struct domain_store_value *value = log_row_value(row, column);
    cr_expect_not(value->is_null, "%s", column);
    cr_expect_eq(value->number, want, "%s is %lld", column, (long long)value->number);
}

Test(line, given_all_of_the_model_then_each_column_has_its_part)
{
    static const uint8_t trace[] = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
                                    0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
    static const uint8_t span[] = {0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7};
    struct log_row row;
    log_row_init(&row, "{'time':'2025-11-24T08:59:59.123456789Z',"
                       "'observed_time':'2025-11-24T10:00:00+01:00','severity_number':17,"
                       "'severity_text':'ERROR','body':'it broke','service':'checkout',"
                       "'host':'web-3','trace_id':'4bf92f3577b34da6a3ce929d0e0e4736',"
                       "'span_id':'00f067aa0ba902b7','attributes':{'a':1,'b':['x',null]}}");
    expect_number(&row, "time", INT64_C(1763974799123456));
    expect_number(&row, "observed_at", INT64_C(1763974800000000));
    expect_number(&row, "severity", 17);
    expect_text(&row, "severity_text", "ERROR");
    expect_text(&row, "body", "it broke");
    expect_number(&row, "body_is_json", 0);
    expect_text(&row, "service", "checkout");
    expect_text(&row, "host", "web-3");
    expect_text(&row, "attributes", "{\"a\":1,\"b\":[\"x\",null]}");
    cr_expect(mr_slice_equal(log_row_value(&row, "trace_id")->bytes, mr_slice(trace, 16)));
    cr_expect(mr_slice_equal(log_row_value(&row, "span_id")->bytes, mr_slice(span, 8)));
    log_row_free(&row);
}

Test(line, given_next_to_nothing_then_the_rest_is_null_and_the_time_is_its_arrival)
{
    static const char *const columns[] = {"observed_at", "severity", "severity_text", "service",
                                          "host",        "trace_id", "span_id",       "body"};
    struct log_row row;
    log_row_init(&row, "{'attributes':{}}");
    expect_number(&row, "time", LOG_ROW_RECEIVED_MS * 1000);
    expect_text(&row, "attributes", "{}");
    expect_number(&row, "body_is_json", 0);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        cr_expect(log_row_value(&row, columns[i])->is_null, "%s", columns[i]);
    for (int i = 0; i < LOGGING_WORDS_COUNT; i++)
        cr_expect_eq(row.line->words[i], 0);
    log_row_free(&row);
}

static const struct {
    const char *body, *want;
    int is_json;
} bodies[] = {
    {"{\"body\":\"\"}", "", 0},
    {"{\"body\":\"\\ud83d\\ude80 \\u00fcber\\n\\t\\\"quoted\\\"\"}",
     "\xf0\x9f\x9a\x80 \xc3\xbc"
     "ber\n\t\"quoted\"",
     0},
    {"{\"body\":{\"b\":1,\"a\":[true,false,null,\"x\\ny\"]}}",
     "{\"b\":1,\"a\":[true,false,null,\"x\\ny\"]}", 1},
    {"{\"body\":[]}", "[]", 1},
    {"{\"body\":-17}", "-17", 1},
    {"{\"body\":9223372036854775807}", "9223372036854775807", 1},
    {"{\"body\":0.1}", "0.1", 1},
    {"{\"body\":1.0}", "1.0", 1},
    {"{\"body\":1e300}", "1e+300", 1},
    {"{\"body\":5e-324}", "4.94065645841247e-324", 1},
    {"{\"body\":0.30000000000000004}", "0.30000000000000004", 1},
    {"{\"body\":true}", "true", 1},
    {"{\"body\":null}", NULL, 0},
};
static size_t body_index[sizeof bodies / sizeof *bodies];

ParameterizedTestParameters(line, given_a_body_of_any_type_then_it_is_kept_as_text)
{
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        body_index[i] = i;
    return cr_make_param_array(size_t, body_index, sizeof bodies / sizeof *bodies);
}

ParameterizedTest(size_t *i, line, given_a_body_of_any_type_then_it_is_kept_as_text)
{
    struct log_row row;
    log_row_init(&row, bodies[*i].body);
    expect_text(&row, "body", bodies[*i].want);
    expect_number(&row, "body_is_json", bodies[*i].is_json);
    log_row_free(&row);
}

Test(line, given_a_huge_body_then_every_character_is_kept)
{
    enum { BYTES = 200000 };
    char *json = malloc(BYTES + 32);
    struct log_row row;
    strcpy(json, "{\"body\":\"");
    memset(json + 9, 'x', BYTES);
    strcpy(json + 9 + BYTES, "\"}");
    log_row_init(&row, json);
    struct mr_slice body = log_row_value(&row, "body")->bytes;
    cr_assert_eq(body.len, BYTES);
    cr_expect_eq(memcmp(body.data, json + 9, BYTES), 0);
    cr_expect_eq(row.line->text_bytes[LOGGING_SERVICE], LOGGING_ABSENT);
    log_row_free(&row);
    free(json);
}

Test(line, given_no_room_for_an_image_then_the_arena_is_full)
{
    struct mr_arena small;
    const void *line = NULL;
    struct log_row row;
    log_row_init(&row, "{'body':'some text that needs room'}");
    mr_arena_init(&small, 16);
    cr_expect_eq(logging_domain.read(&row.command.ce, row.json, &small, &line), MR_LIMIT);
    cr_expect_null(line);
    mr_arena_free(&small);
    log_row_free(&row);
}

static const struct {
    const char *body;
    bool is_line;
} schema_rows[] = {
    {"{}", false},
    {"[]", false},
    {"{'body':1}", true},
    {"{'attributes':{'a':{'b':[1]}}}", true},
    {"{'attributes':[]}", false},
    {"{'attributes':null}", false},
    {"{'body':'x','level':'info'}", false},
    {"{'body':'x','severity_number':0}", false},
    {"{'body':'x','severity_number':24}", true},
    {"{'body':'x','severity_number':9.0}", true},
    {"{'body':'x','severity_number':25}", false},
    {"{'body':'x','time':'2025-11-24T08:59:59Z'}", true},
    {"{'body':'x','time':'1677-09-21T00:12:43.145224192Z'}", true},
    {"{'body':'x','time':'0000-01-01T00:00:00Z'}", false},
    {"{'body':'x','time':'2300-01-01T00:00:00Z'}", false},
    {"{'body':'x','time':1763974799}", false},
    {"{'body':'x','trace_id':'4bf92f3577b34da6a3ce929d0e0e4736'}", true},
    {"{'body':'x','trace_id':'4BF92F3577B34DA6A3CE929D0E0E4736'}", false},
    {"{'body':'x','trace_id':'4bf92f3577b34da6a3ce929d0e0e473'}", false},
    {"{'body':'x','span_id':'00f067aa0ba902b7'}", true},
    {"{'body':'x','span_id':'00f067aa0ba902b7\\n'}", false},
};
static size_t schema_index[sizeof schema_rows / sizeof *schema_rows];

ParameterizedTestParameters(line, given_json_then_the_schema_takes_only_lines)
{
    for (size_t i = 0; i < sizeof schema_rows / sizeof *schema_rows; i++)
        schema_index[i] = i;
    return cr_make_param_array(size_t, schema_index, sizeof schema_rows / sizeof *schema_rows);
}

ParameterizedTest(size_t *i, line, given_json_then_the_schema_takes_only_lines)
{
    cr_expect_eq(log_row_is_line(schema_rows[*i].body), schema_rows[*i].is_line, "%s",
                 schema_rows[*i].body);
}

Test(line, given_a_severity_written_as_a_real_then_it_is_the_integer)
{
    struct log_row row;
    log_row_init(&row, "{'severity_number':9.0}");
    expect_number(&row, "severity", 9);
    log_row_free(&row);
}

static const struct {
    const char *text;
    int64_t want_us; /* INT64_MIN: no time */
} times[] = {
    {"2025-11-24T09:00:00Z", INT64_C(1763974800000000)},
    {"2025-11-24T09:00:00.5Z", INT64_C(1763974800500000)},
    {"2025-11-24T09:00:00.000001Z", INT64_C(1763974800000001)},
    {"2025-11-24T09:00:00.1234567Z", INT64_C(1763974800123456)},
    {"2025-11-24T11:00:00.999999999+02:00", INT64_C(1763974800999999)},
    {"2016-12-31T23:59:60.123456Z", INT64_C(1483228799999000)},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"2025-11-24T09:00:00.Z", INT64_MIN},
    {"", INT64_MIN},
};

Test(line, given_a_time_then_its_microseconds_are_kept)
{
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t us = INT64_MIN;
        enum mr_status s = logging_time_parse(mr_slice_text(times[i].text), &us);
        cr_expect_eq(s, times[i].want_us == INT64_MIN ? MR_INVALID : MR_OK, "%s", times[i].text);
        cr_expect_eq(us, times[i].want_us, "%s: %lld", times[i].text, (long long)us);
    }
}

static bool same_words(const char *a, const char *b)
{
    uint64_t words[2][LOGGING_WORDS_COUNT] = {0};
    logging_words_add(mr_slice_text(a), words[0]);
    logging_words_add(mr_slice_text(b), words[1]);
    return memcmp(words[0], words[1], sizeof words[0]) == 0;
}

Test(line, given_texts_of_the_same_words_then_their_bits_are_the_same)
{
    cr_expect(same_words("GET /v1/users_7", "users_7 get V1"));
    cr_expect(same_words("na\xc3\xafve", "ve, na"));
    cr_expect(same_words("\xe2\x80\x9c"
                         "error\xe2\x80\x9d",
                         "error"));
    cr_expect(same_words("", "\xf0\x9f\x9a\x80 -- "));
    cr_expect_not(same_words("error", "errors"));
    cr_expect_not(same_words("a", "b"));
}
