#include "mr_log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int ends[2];
static struct mr_log log_;
static char text[4 * MR_LOG_LINE_MAX];

static void open_log(enum mr_log_format format, enum mr_log_level level_min)
{
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    mr_log_open(&log_, "millrace-test", ends[1], format, level_min);
}

/* What was written since the last call. */
static const char *written(void)
{
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static const char *member(json_t *line, const char *name)
{
    return json_string_value(json_object_get(line, name));
}

Test(log, given_fields_of_every_kind_then_one_json_line)
{
    struct mr_uuid id;
    cr_assert_eq(mr_uuid_parse(mr_slice_text("0191f0a2-7a3c-7def-8123-456789abcdef"), &id), MR_OK);
    open_log(MR_LOG_JSON, MR_LOG_INFO);
    MR_LOG(&log_, WARN, "all kinds", mr_f_text("t", "x"), mr_f_text("none", NULL),
           mr_f_int("i", -7), mr_f_real("r", 0.5), mr_f_bool("b", true), mr_f_uuid("u", &id));
    json_t *line = json_loads(written(), 0, NULL);
    cr_assert(line, "%s", text);
    cr_assert_eq(strlen(text) - 1, (size_t)(strchr(text, '\n') - text), "one line");
    cr_assert_str_eq(member(line, "level"), "warn");
    cr_assert_str_eq(member(line, "program"), "millrace-test");
    cr_assert_str_eq(member(line, "msg"), "all kinds");
    cr_assert_eq(strlen(member(line, "ts")), 24);
    cr_assert_str_eq(member(line, "t"), "x");
    cr_assert(json_is_null(json_object_get(line, "none")));
    cr_assert_eq(json_integer_value(json_object_get(line, "i")), -7);
    cr_assert_float_eq(json_real_value(json_object_get(line, "r")), 0.5, 1e-9);
    cr_assert(json_is_true(json_object_get(line, "b")));
    cr_assert_str_eq(member(line, "u"), "0191f0a2-7a3c-7def-8123-456789abcdef");
    json_decref(line);
}

Test(log, given_no_fields_then_a_line_all_the_same)
{
    open_log(MR_LOG_JSON, MR_LOG_INFO);
    MR_LOG(&log_, INFO, "bare");
    cr_assert(strstr(written(), "\"msg\":\"bare\"}\n"));
}

#define HOSTILE "a\n{\"level\":\"error\",\"msg\":\"forged\"}\r\n\x1b[31m\"\\\xff\xc0\xaf"

Test(log, given_hostile_text_then_it_cannot_forge_a_line)
{
    open_log(MR_LOG_JSON, MR_LOG_INFO);
    MR_LOG(&log_, INFO, "hostile", mr_f_text("text", HOSTILE));
    json_t *line = json_loads(written(), JSON_REJECT_DUPLICATES, NULL);
    cr_assert(line, "%s", text);
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
    cr_assert_null(strchr(text, 0x1b));
    cr_assert(strncmp(member(line, "text"), "a\n{\"level\"", 10) == 0);
    json_decref(line);

    open_log(MR_LOG_TEXT, MR_LOG_INFO);
    MR_LOG(&log_, INFO, "hostile", mr_f_text("text", HOSTILE), mr_f_text("plain", "b/c"));
    written();
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
    cr_assert_null(strchr(text, 0x1b));
    cr_assert(strstr(text, " plain=b/c\n"));
}

Test(log, given_a_level_below_the_least_then_nothing)
{
    open_log(MR_LOG_JSON, MR_LOG_WARN);
    MR_LOG(&log_, INFO, "unheard");
    cr_assert_str_eq(written(), "");
}

Test(log, given_texts_too_long_then_the_line_is_bounded_and_still_json)
{
    char *longer = malloc(20000);
    memset(longer, 'x', 19999);
    longer[19999] = '\0';
    memcpy(longer + MR_LOG_TEXT_MAX - 1, "\xc3\xa9", 2); /* a character across the cut */
    open_log(MR_LOG_JSON, MR_LOG_INFO);
    MR_LOG(&log_, INFO, "long", mr_f_text("a", longer), mr_f_text("b", longer),
           mr_f_text("c", longer), mr_f_text("d", longer), mr_f_int("after", 1));
    json_t *line = json_loads(written(), 0, NULL);
    cr_assert(line);
    cr_assert_leq(strlen(text), MR_LOG_LINE_MAX);
    cr_assert_eq(strlen(member(line, "a")), MR_LOG_TEXT_MAX - 1 + 3);
    cr_assert_null(json_object_get(line, "d"), "left out as a whole");
    cr_assert_eq(json_integer_value(json_object_get(line, "after")), 1);
    cr_assert(json_is_true(json_object_get(line, "cut")));
    json_decref(line);
    free(longer);
}

Test(log, given_a_descriptor_that_takes_nothing_then_lines_are_counted_as_dropped)
{
    open_log(MR_LOG_JSON, MR_LOG_INFO);
    for (int i = 0; i < 100000 && atomic_load(&log_.dropped) == 0; i++)
        MR_LOG(&log_, INFO, "filling the pipe");
    cr_assert_gt(atomic_load(&log_.dropped), 0);
}

Test(log, given_a_message_that_repeats_then_the_next_one_says_how_many_were_held_back)
{
    struct mr_log_limit limit = {0};
    uint64_t held_back;
    cr_assert(mr_log_limit_allows(&limit, 5000, &held_back));
    cr_assert_eq(held_back, 0);
    for (int i = 0; i < 3; i++)
        cr_assert_not(mr_log_limit_allows(&limit, 5000 + MR_LOG_LIMIT_MS - 1, &held_back));
    cr_assert(mr_log_limit_allows(&limit, 5000 + MR_LOG_LIMIT_MS, &held_back));
    cr_assert_eq(held_back, 3);

    struct mr_log_limit other = {.next_ms = 1, .held_back = 41}; /* long ago */
    open_log(MR_LOG_JSON, MR_LOG_INFO);
    MR_LOG_LIMITED(&log_, &other, ERROR, "again", mr_f_int("n", 1));
    MR_LOG_LIMITED(&log_, &other, ERROR, "again", mr_f_int("n", 2));
    json_t *line = json_loads(written(), 0, NULL); /* fails on two lines */
    cr_assert(line, "%s", text);
    cr_assert_eq(json_integer_value(json_object_get(line, "held_back")), 41);
    json_decref(line);
}
