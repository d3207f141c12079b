#include "mr_receipt.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static const struct {
    const char *text;
    enum mr_status want;
} rows[] = {
    {"billing-7-90210", MR_OK},
    {"a-0-0", MR_OK},
    {"abcdefghijklmno-2147483647-9223372036854775807", MR_OK},
    {"", MR_INVALID},
    {"billing", MR_INVALID},
    {"billing-", MR_INVALID},
    {"billing-7", MR_INVALID},
    {"billing-7-", MR_INVALID},
    {"billing--1", MR_INVALID},
    {"-7-1", MR_INVALID},
    {"Billing-7-1", MR_INVALID},
    {"bill1ng-7-1", MR_INVALID},
    {"billing-07-1", MR_INVALID},
    {"billing-7-01", MR_INVALID},
    {"billing-00-1", MR_INVALID},
    {"billing-+7-1", MR_INVALID},
    {"billing-7--1", MR_INVALID},
    {"billing-7-1 ", MR_INVALID},
    {" billing-7-1", MR_INVALID},
    {"billing-7-1-2", MR_INVALID},
    {"billing-0x7-1", MR_INVALID},
    {"abcdefghijklmnop-7-1", MR_INVALID},
    {"billing-2147483648-1", MR_INVALID},
    {"billing-7-9223372036854775808", MR_INVALID},
    {"billing-7-99999999999999999999", MR_INVALID},
};
static size_t row_index[sizeof rows / sizeof *rows];

ParameterizedTestParameters(receipt, given_text_then_takes_only_a_whole_receipt)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, receipt, given_text_then_takes_only_a_whole_receipt)
{
    struct mr_receipt got = {.lane = -7};
    char text[MR_RECEIPT_TEXT + 1];
    const char *row = rows[*i].text;
    cr_assert_eq(mr_receipt_parse(row, strlen(row), &got), rows[*i].want, "%s", row);
    if (rows[*i].want == MR_OK)
        cr_assert_str_eq(mr_receipt_text(&got, text), row);
    else
        cr_assert_eq(got.lane, -7, "out is left alone");
}

Test(receipt, given_a_length_then_reads_no_further)
{
    struct mr_receipt got;
    cr_assert_eq(mr_receipt_parse("billing-7-90210", 12, &got), MR_OK);
    cr_assert_str_eq(got.domain, "billing");
    cr_assert_eq(got.lane, 7);
    cr_assert_eq(got.position, 90);
}
