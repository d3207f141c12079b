#include "mr_trace.h"

#include <criterion/criterion.h>

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static const struct {
    const char *text;
    enum mr_status want;
} rows[] = {
    {GOOD, MR_OK},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", MR_OK},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", MR_OK},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later", MR_OK},
    {"", MR_INVALID},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", MR_INVALID},
    {GOOD "-x", MR_INVALID},
    {GOOD "0", MR_INVALID},
    {"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x", MR_INVALID},
    {"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", MR_INVALID},
    {"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", MR_INVALID},
    {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", MR_INVALID},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", MR_INVALID},
    {"00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01", MR_INVALID},
    {"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", MR_INVALID},
    {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x", MR_INVALID},
};

Test(trace, given_text_then_takes_only_a_traceparent)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_trace t;
        cr_expect_eq(mr_trace_parse(mr_slice_text(rows[i].text), &t), rows[i].want, "%s",
                     rows[i].text);
    }
}

Test(trace, given_a_parent_then_the_child_keeps_trace_and_flags)
{
    struct mr_trace t, child;
    char text[MR_TRACE_TEXT + 1];
    const uint8_t random[8] = {1, 2, 3, 4, 5, 6, 7, 0xff};
    cr_assert_eq(mr_trace_parse(mr_slice_text(GOOD), &t), MR_OK);
    cr_assert_str_eq(mr_trace_text(&t, text), GOOD);
    child = mr_trace_child(&t, random);
    cr_assert_str_eq(mr_trace_text(&child, text),
                     "00-4bf92f3577b34da6a3ce929d0e0e4736-01020304050607ff-01");
}

Test(trace, given_random_bits_of_zero_then_the_ids_are_valid_all_the_same)
{
    const uint8_t zero[24] = {0};
    struct mr_trace t = mr_trace_begin(zero), again;
    char text[MR_TRACE_TEXT + 1];
    cr_assert_eq(mr_trace_parse(mr_slice_text(mr_trace_text(&t, text)), &again), MR_OK);
    cr_assert_eq(t.flags, MR_TRACE_FLAG_SAMPLED);
    t = mr_trace_child(&t, zero);
    cr_assert_eq(mr_trace_parse(mr_slice_text(mr_trace_text(&t, text)), &again), MR_OK);
}

Test(trace, given_unknown_flags_then_they_are_not_handed_on)
{
    struct mr_trace t;
    char text[MR_TRACE_TEXT + 1];
    cr_assert_eq(mr_trace_parse(
                     mr_slice_text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"), &t),
                 MR_OK);
    cr_assert_str_eq(mr_trace_text(&t, text) + 53, "01");
}

Test(trace, given_a_tracestate_then_only_printable_ascii_of_512_bytes_is_handed_on)
{
    char text[514];
    memset(text, 'a', sizeof text);
    cr_assert(mr_trace_state_is_valid(mr_slice_text("congo=t61rcWkgMzE,rojo=00f0")));
    cr_assert(mr_trace_state_is_valid(mr_slice(text, 512)));
    cr_assert_not(mr_trace_state_is_valid(mr_slice(text, 513)));
    cr_assert_not(mr_trace_state_is_valid(mr_slice_text("")));
    cr_assert_not(mr_trace_state_is_valid(mr_slice_text("a=\n")));
    cr_assert_not(mr_trace_state_is_valid(mr_slice_text("a=\xC3\xA9")));
}
