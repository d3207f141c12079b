#include "produce_progress.h"

#include <criterion/criterion.h>

static struct mr_buf out;

static const char *bar(const struct produce_progress *p, unsigned width)
{
    mr_buf_init(&out, 0);
    produce_progress_bar(p, width, &out);
    mr_buf_char(&out, '\0');
    return out.data;
}

Test(produce_progress, given_half_of_a_file_then_a_bar_with_rate_and_time)
{
    struct produce_progress p = {
        .counts = {.stored = 1234567, .rejected = 2, .bytes_size = 1000, .bytes_taken = 500},
        .elapsed_ms = 65000};
    cr_assert_str_eq(bar(&p, 120), "[############------------]  50 %  1,234,567 stored  2 rejected"
                                   "  18,993/s  1:05 left");
    mr_buf_free(&out);
    cr_assert_eq(strlen(bar(&p, 30)), 30);
    mr_buf_free(&out);
}

Test(produce_progress, given_no_size_or_a_log_that_is_away_then_no_bar_and_it_says_so)
{
    struct produce_progress p = {.counts = {.stored = 10}, .elapsed_ms = 1000, .wait_ms = 5000};
    cr_assert_str_eq(bar(&p, 120), "10 stored  waiting for the log");
    mr_buf_free(&out);
}
