#include "story.h"
#include <criterion/criterion.h>

TestSuite(invoice_create);

static int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

Test(invoice_create, given_lines_then_it_is_a_draft_that_nobody_owes)
{
    struct story s = story_of(invoice_created_of("EUR", story_lines(3, 4, 250), -1));
    const struct billing_invoice *invoice = story_invoice(&s);
    cr_assert_eq(invoice->status, INVOICE_DRAFT);
    cr_assert_eq(invoice->version, 1);
    cr_assert_eq(invoice->total_minor, 3000);
    cr_assert_eq(invoice->paid_minor, 0);
    cr_assert_eq(invoice->number, 0);
    cr_assert_eq(invoice->due_days, 30);
    cr_assert_eq(invoice->created_ms, s.time_ms);
    cr_assert_str_eq(invoice->currency, "EUR");
    cr_assert_str_eq(billing_invoice_customer(invoice), "Ada Lovelace");
    cr_assert(mr_uuid_equal(&invoice->id, &s.id), "its id is the command's");
    story_expect_balance(&s, LEDGER_RECEIVABLE, 0);
    story_end(&s);
}

Test(invoice_create, given_lines_then_the_event_tells_them_with_their_amounts)
{
    struct story s = story_of(invoice_created_of("EUR", story_lines(2, 4, 250), 10));
    const json_t *told = story_expect_event(&s, "billing.invoice.created");
    char id[MR_UUID_TEXT + 1];
    cr_assert_str_eq(text_of(told, "invoice_id"), mr_uuid_text(&s.id, id));
    cr_assert_str_eq(text_of(told, "status"), "draft");
    cr_assert_str_eq(text_of(told, "customer"), "Ada Lovelace");
    cr_assert_str_eq(text_of(told, "currency"), "EUR");
    cr_assert_eq(number_of(told, "total_minor"), 2000);
    cr_assert_eq(number_of(told, "due_days"), 10);
    const json_t *lines = json_object_get(told, "lines");
    cr_assert_eq(json_array_size(lines), 2);
    cr_assert_eq(number_of(json_array_get(lines, 1), "amount_minor"), 1000);
    cr_assert_str_eq(text_of(json_array_get(lines, 1), "description"), "Track");
    cr_assert_null(json_object_get(told, "postings"), "a draft moves no money");

    json_t *kept = json_loads(billing_invoice_lines(story_invoice(&s)), 0, NULL);
    cr_assert(json_equal(kept, lines), "what is kept is what was told");
    json_decref(kept);
    story_end(&s);
}

Test(invoice_create, given_500_lines_then_all_are_kept_and_summed)
{
    struct story s = story_of(invoice_created_of("USD", story_lines(500, 2, 99), -1));
    json_t *lines = json_loads(billing_invoice_lines(story_invoice(&s)), 0, NULL);
    cr_assert_eq(json_array_size(lines), 500);
    cr_assert_eq(story_invoice(&s)->total_minor, 99000);
    json_decref(lines);
    story_end(&s);
}

Test(invoice_create, given_lines_for_nothing_then_the_total_is_zero)
{
    struct story s = story_of(invoice_created_of("EUR", story_lines(2, 7, 0), -1));
    cr_assert_eq(story_invoice(&s)->total_minor, 0);
    story_end(&s);
}

Test(invoice_create, given_a_quantity_written_as_a_real_then_it_is_that_integer)
{
    json_t *lines = json_pack("[{s:s, s:f, s:f}]", "description", "Track", "quantity", 3.0,
                              "unit_amount_minor", 50.0);
    struct story s = story_of(invoice_created_of("EUR", lines, -1));
    cr_assert_eq(story_invoice(&s)->total_minor, 150);
    story_end(&s);
}

Test(invoice_create, given_the_id_of_an_invoice_then_it_exists_already)
{
    struct story s = story_of(invoice_created("EUR", 1250));
    const struct mr_uuid id = s.invoice;
    story_save(&s);
    story_do(&s, story_with_id(invoice_created("EUR", 99), &id));
    story_expect_refused(&s, "already-exists");
    cr_assert_eq(story_invoice(&s)->total_minor, 1250);
    story_end(&s);
}

Test(invoice_create, given_the_nil_id_then_it_is_an_id_like_any_other)
{
    const struct mr_uuid nil = {0};
    struct story s = story_of(story_with_id(invoice_created("EUR", 1250), &nil));
    story_do(&s, story_with_id(invoice_created("EUR", 1250), &nil));
    story_expect_refused(&s, "already-exists");
    story_do(&s, invoice_finalized());
    story_expect_event(&s, "billing.invoice.finalized");
    story_end(&s);
}

Test(invoice_create, given_the_largest_total_then_it_is_taken)
{
    struct story s = story_of(invoice_created("EUR", BILLING_AMOUNT_MAX));
    cr_assert_eq(story_invoice(&s)->total_minor, BILLING_AMOUNT_MAX);
    story_end(&s);
}

static const struct {
    const char *what;
    int lines;
    int64_t quantity, unit_amount_minor;
} too_much[] = {
    {"a product one above the largest amount", 1, 2, BILLING_AMOUNT_MAX / 2 + 1},
    {"a product beyond 64 bits", 1, BILLING_AMOUNT_MAX, BILLING_AMOUNT_MAX},
    {"a product that wraps to a small one", 1, INT64_C(1) << 52, INT64_C(1) << 13},
    {"a sum above the largest amount", 2, 1, BILLING_AMOUNT_MAX / 2 + 1},
    {"a sum of many", 500, 1, BILLING_AMOUNT_MAX},
};

Test(invoice_create, given_more_than_an_amount_holds_then_amount_overflow)
{
    for (size_t i = 0; i < sizeof too_much / sizeof *too_much; i++) {
        struct story s = story_of(invoice_created("EUR", 1));
        json_t *lines =
            story_lines(too_much[i].lines, too_much[i].quantity, too_much[i].unit_amount_minor);
        cr_log_info("%s", too_much[i].what);
        story_do(&s, invoice_created_of("EUR", lines, -1));
        story_expect_refused(&s, "amount-overflow");
        story_end(&s);
    }
}

Test(invoice_create, given_an_overflow_under_a_taken_id_then_that_it_exists_is_said_first)
{
    struct story s = story_of(invoice_created("EUR", 1250));
    const struct mr_uuid id = s.invoice;
    json_t *lines = story_lines(2, 1, BILLING_AMOUNT_MAX);
    story_do(&s, story_with_id(invoice_created_of("EUR", lines, -1), &id));
    story_expect_refused(&s, "already-exists");
    story_end(&s);
}
