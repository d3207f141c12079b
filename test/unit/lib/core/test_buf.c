#include "mr_buf.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(buf, given_a_bound_then_the_piece_beyond_is_dropped_and_the_buffer_says_so)
{
    struct mr_buf b;
    mr_buf_init(&b, 5);
    mr_buf_text(&b, "12345");
    cr_assert(mr_buf_ok(&b));
    mr_buf_char(&b, '6');
    cr_assert_not(mr_buf_ok(&b));
    cr_assert(mr_slice_is(mr_buf_all(&b), "12345"));
    mr_buf_reset(&b);
    mr_buf_text(&b, "a");
    cr_assert(mr_buf_ok(&b));
    mr_buf_free(&b);
}

Test(buf, given_hostile_text_then_the_json_string_is_valid_utf8_and_escaped)
{
    struct mr_buf b;
    mr_buf_init(&b, 0);
    mr_buf_json_string(&b, mr_slice("a\"\\\n\x01\0\xC3\xA9\xC0\xAF\xED\xA0\x80z", 14));
    cr_assert(mr_slice_is(mr_buf_all(&b),
                          "\"a\\\"\\\\\\n\\u0001\\u0000\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD"
                          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\""));
    mr_buf_free(&b);
}

Test(buf, given_bytes_consumed_then_the_rest_moves_to_the_front)
{
    struct mr_buf b;
    mr_buf_init(&b, 0);
    for (int i = 0; i < 1000; i++)
        mr_buf_printf(&b, "%03d", i);
    mr_buf_consume(&b, 2997);
    cr_assert(mr_slice_is(mr_buf_all(&b), "999"));
    mr_buf_free(&b);
}

Test(buf, given_a_special_byte_anywhere_in_a_long_text_then_that_one_alone_is_escaped)
{
    static const struct {
        char c;
        const char *want;
    } rows[] = {{'"', "\\\""},
                {'\\', "\\\\"},
                {'\n', "\\n"},
                {0x1F, "\\u001f"},
                {0, "\\u0000"},
                {' ', " "},
                {'!', "!"},
                {'#', "#"},
                {'[', "["},
                {']', "]"},
                {0x7F, "\x7F"},
                {(char)0xFF, "\xEF\xBF\xBD"},
                {(char)0xA2, "\xEF\xBF\xBD"}};
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        for (size_t at = 0; at < 20; at++) {
            char text[20], want[80];
            struct mr_buf buf;
            memset(text, '~', sizeof text);
            text[at] = rows[row].c;
            snprintf(want, sizeof want, "\"%.*s%s%.*s\"", (int)at, "~~~~~~~~~~~~~~~~~~~~",
                     rows[row].want, (int)(19 - at), "~~~~~~~~~~~~~~~~~~~~");
            mr_buf_init(&buf, 0);
            mr_buf_json_string(&buf, mr_slice(text, sizeof text));
            cr_assert(mr_slice_is(mr_buf_all(&buf), want), "row %zu at %zu: %.*s", row, at,
                      MR_SLICE_FMT(mr_buf_all(&buf)));
            mr_buf_free(&buf);
        }
}
