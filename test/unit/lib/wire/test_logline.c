#include "mr_json.h"
#include "mr_logline.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct mr_arena arena;

static void begin(void)
{
    mr_arena_init(&arena, 1 << 20);
}

static void end(void)
{
    mr_arena_free(&arena);
}

TestSuite(logline, .init = begin, .fini = end);

static void expect(const struct mr_logline *line, const char *want)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    mr_logline_write(line, &out);
    cr_assert(mr_slice_is(mr_buf_all(&out), want), "%.*s", MR_SLICE_FMT(mr_buf_all(&out)));
    mr_buf_free(&out);
}

static void add(struct mr_logline *line, const char *name, const char *value, bool is_json)
{
    struct mr_logline_value v = {.text = mr_slice_text(value), .is_json = is_json};
    cr_assert_eq(mr_logline_add(line, &arena, mr_slice_text(name), v), MR_OK);
}

Test(logline, given_nothing_then_writes_an_empty_object)
{
    expect(&(struct mr_logline){0}, "{}");
}

Test(logline, given_everything_then_writes_it_in_order)
{
    struct mr_logline line = {
        .has_time = true,
        .time_ns = 1,
        .has_observed = true,
        .observed_ns = 2000000000,
        .severity = 9,
        .severity_text = mr_slice_text("info"),
        .body = {.text = mr_slice_text("a \"b\"\n")},
        .service = mr_slice_text("s"),
        .host = mr_slice_text("h"),
        .trace_id = mr_slice_text("00000000000000000000000000000001"),
        .span_id = mr_slice_text("0000000000000001"),
    };
    add(&line, "one", "1", true);
    add(&line, "two", "2", false);
    expect(&line, "{\"time\":\"1970-01-01T00:00:00.000000001Z\","
                  "\"observed_time\":\"1970-01-01T00:00:02Z\",\"severity_number\":9,"
                  "\"severity_text\":\"info\",\"body\":\"a \\\"b\\\"\\n\",\"service\":\"s\","
                  "\"host\":\"h\",\"trace_id\":\"00000000000000000000000000000001\","
                  "\"span_id\":\"0000000000000001\",\"attributes\":{\"one\":1,\"two\":\"2\"}}");
}

Test(logline, given_a_name_again_then_the_later_stands)
{
    struct mr_logline line = {.body = {.text = mr_slice_text("[1]"), .is_json = true}};
    add(&line, "a", "1", true);
    add(&line, "b", "2", true);
    add(&line, "a", "3", true);
    expect(&line, "{\"body\":[1],\"attributes\":{\"b\":2,\"a\":3}}");
}

Test(logline, given_many_names_again_then_the_later_stand)
{
    struct mr_logline line = {0};
    struct mr_buf want;
    char name[16], value[16];
    mr_buf_init(&want, 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "n%d", i % 300);
        snprintf(value, sizeof value, "%d", i);
        add(&line, mr_arena_dup(&arena, name, strlen(name)),
            mr_arena_dup(&arena, value, strlen(value)), true);
    }
    mr_buf_text(&want, "{\"attributes\":");
    for (int i = 700; i < 1000; i++)
        mr_buf_printf(&want, "%s\"n%d\":%d", i == 700 ? "{" : ",", i % 300, i);
    mr_buf_text(&want, "}}");
    mr_buf_char(&want, 0);
    expect(&line, want.data);
    mr_buf_free(&want);
}

Test(logline, given_a_full_buffer_then_it_says_so)
{
    struct mr_logline line = {.body = {.text = mr_slice_text("0123456789")}};
    struct mr_buf out;
    mr_buf_init(&out, 15);
    mr_logline_write(&line, &out);
    cr_assert_not(mr_buf_ok(&out));
    mr_buf_free(&out);
}

Test(logline, given_texts_then_mends_what_is_not_utf_8_and_no_more)
{
    static const struct {
        const char *text;
        size_t len;
        const char *want;
    } rows[] = {
        {"", 0, ""},
        {"plain text of more than eight bytes", 35, "plain text of more than eight bytes"},
        {"gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80", 11, "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"},
        {"12345678\0", 9, "12345678\xEF\xBF\xBD"},
        {"\x00\x01\x02\x03\x04\x05\x06\x07", 8, "\xEF\xBF\xBD\x01\x02\x03\x04\x05\x06\x07"},
        {"12345678\xFF", 9, "12345678\xEF\xBF\xBD"},
        {"\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xC0\x80", 2, "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF0\x9F\x98", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xF4\x90\x80\x80", 4, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_slice in = mr_slice(rows[i].text, rows[i].len), out;
        cr_assert_eq(mr_logline_text(in, &arena, &out), MR_OK);
        cr_assert(mr_slice_is(out, rows[i].want), "row %zu: %.*s", i, MR_SLICE_FMT(out));
        cr_assert_eq(out.data == in.data, mr_slice_equal(in, out), "row %zu: copied", i);
    }
}

Test(logline, given_ids_then_takes_only_whole_ones)
{
    struct mr_slice out;
    cr_assert_eq(mr_logline_id(mr_slice_text("ABCDEF0123456789"), 16, &arena, &out), MR_OK);
    cr_assert(mr_slice_is(out, "abcdef0123456789"));
    static const char *const none[] = {"", "abcdef012345678", "abcdef01234567890",
                                       "abcdef012345678g", "0000000000000000"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        cr_assert_eq(mr_logline_id(mr_slice_text(none[i]), 16, &arena, &out), MR_OK);
        cr_assert_null(out.data, "%s", none[i]);
    }
}

Test(logline, given_a_full_arena_then_is_limit)
{
    struct mr_arena small;
    struct mr_slice out;
    struct mr_logline_value value;
    struct mr_logline line = {0};
    mr_arena_init(&small, 16);
    cr_assert_not_null(mr_arena_alloc(&small, 16));
    cr_assert_eq(mr_logline_text(mr_slice_text("\xFF"), &small, &out), MR_LIMIT);
    cr_assert_eq(mr_logline_json(mr_slice_text("\"\\n\""), &small, &value), MR_LIMIT);
    cr_assert_eq(mr_logline_id(mr_slice_text("abcdef0123456789"), 16, &small, &out), MR_LIMIT);
    cr_assert_eq(mr_logline_add(&line, &small, mr_slice_text("a"), value), MR_LIMIT);
    mr_arena_free(&small);
}
