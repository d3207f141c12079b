#include "mr_buf.h"

#include <criterion/criterion.h>

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
