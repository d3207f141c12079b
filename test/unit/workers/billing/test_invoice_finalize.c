#include "story.h"
#include <criterion/criterion.h>

TestSuite(invoice_finalize);

Test(invoice_finalize, given_a_draft_then_it_is_open_numbered_and_owed)
{
    struct story s = story_of(invoice_created("EUR", 1250));
    story_do(&s, story_at(invoice_finalized(), "2026-03-01T23:59:59.999Z"));
    const json_t *told = story_expect_event(&s, "billing.invoice.finalized");
    cr_assert_str_eq(json_string_value(json_object_get(told, "status")), "open");
    cr_assert_eq(json_integer_value(json_object_get(told, "number")), 1);
    cr_assert_eq(json_integer_value(json_object_get(told, "total_minor")), 1250);
    cr_assert_str_eq(json_string_value(json_object_get(told, "due_date")), "2026-03-31");
    cr_assert_str_eq(json_string_value(json_object_get(told, "finalized_at")),
                     "2026-03-01T23:59:59.999Z");

    const struct billing_invoice *invoice = story_invoice(&s);
    cr_assert_eq(invoice->status, INVOICE_OPEN);
    cr_assert_eq(invoice->version, 2);
    cr_assert_eq(invoice->number, 1);
    cr_assert_eq(invoice->finalized_ms, s.time_ms);
    cr_assert_str_eq(billing_invoice_customer(invoice), "Ada Lovelace");
    story_expect_balance(&s, LEDGER_RECEIVABLE, 1250);
    story_expect_balance(&s, LEDGER_REVENUE, -1250);
    story_expect_journal_sum(&s, 0);
    story_end(&s);
}

Test(invoice_finalize, given_a_draft_then_the_event_carries_currency_and_postings)
{
    struct story s = story_of(invoice_created("CHF", 700), invoice_finalized());
    const json_t *told = story_expect_event(&s, "billing.invoice.finalized");
    json_t *postings =
        json_pack("[{s:s, s:i}, {s:s, s:i}]", "ledger_account", "receivable", "amount_minor", 700,
                  "ledger_account", "revenue", "amount_minor", -700);
    cr_assert_str_eq(json_string_value(json_object_get(told, "currency")), "CHF");
    cr_assert(json_equal(json_object_get(told, "postings"), postings));
    json_decref(postings);
    story_end(&s);
}

static const struct {
    int due_days; /* < 0: the body says none */
    const char *finalized_at, *due_date;
} due_dates[] = {
    {-1, "2026-03-01T00:00:00.000Z", "2026-03-31"},
    {0, "2026-03-01T00:00:00.000Z", "2026-03-01"},
    {0, "2026-12-31T23:59:59.999Z", "2026-12-31"},
    {1, "2028-02-28T12:00:00.000Z", "2028-02-29"},
    {1, "2027-02-28T12:00:00.000Z", "2027-03-01"},
    {365, "2027-03-01T12:00:00.000Z", "2028-02-29"},
    {365, "2028-02-29T12:00:00.000Z", "2029-02-28"},
    {365, "2026-06-15T12:00:00.000Z", "2027-06-15"},
};

Test(invoice_finalize, given_due_days_then_they_count_from_the_utc_date_of_finalize)
{
    for (size_t i = 0; i < sizeof due_dates / sizeof *due_dates; i++) {
        struct story s =
            story_of(invoice_created_of("EUR", story_lines(1, 1, 100), due_dates[i].due_days));
        story_do(&s, story_at(invoice_finalized(), due_dates[i].finalized_at));
        const json_t *told = story_expect_event(&s, "billing.invoice.finalized");
        cr_assert_str_eq(json_string_value(json_object_get(told, "due_date")),
                         due_dates[i].due_date, "row %zu", i);
        story_end(&s);
    }
}

Test(invoice_finalize, given_several_then_numbers_have_no_gap)
{
    struct story s =
        story_of(invoice_created("EUR", 100), invoice_finalized(), invoice_created("EUR", 0));
    story_do(&s, invoice_finalized()); /* refused: takes no number */
    story_expect_refused(&s, "invoice-total-zero");
    story_do(&s, invoice_created("EUR", 300));
    story_do(&s, invoice_finalized());
    cr_assert_eq(story_invoice(&s)->number, 2);
    story_save(&s);
    story_do(&s, invoice_created("EUR", 400));
    story_do(&s, invoice_finalized());
    cr_assert_eq(story_invoice(&s)->number, 3, "the series goes on in the next batch");
    story_end(&s);
}

Test(invoice_finalize, given_another_account_then_it_has_numbers_of_its_own)
{
    struct story s = story_of(invoice_created("EUR", 100), invoice_finalized());
    s.account = story_uuid(1, 2);
    story_do(&s, invoice_created("EUR", 100));
    story_do(&s, invoice_finalized());
    cr_assert_eq(story_invoice(&s)->number, 1);
    story_end(&s);
}

Test(invoice_finalize, given_no_such_invoice_then_not_found)
{
    struct story s = story_of(invoice_created("EUR", 100));
    s.invoice = story_uuid(9, 1);
    story_do(&s, invoice_finalized());
    story_expect_refused(&s, "invoice-not-found");
    story_end(&s);
}

Test(invoice_finalize, given_no_subject_at_all_then_not_found)
{
    struct story s = story_of(invoice_created("EUR", 100));
    struct story_step step = invoice_finalized();
    step.about_invoice = false;
    story_do(&s, step);
    story_expect_refused(&s, "invoice-not-found");
    story_end(&s);
}

Test(invoice_finalize, given_the_invoice_of_another_account_then_not_found)
{
    struct story s = story_of(invoice_created("EUR", 100));
    const struct mr_uuid other = story_uuid(1, 2);
    story_do(&s, story_for(invoice_finalized(), &other));
    story_expect_refused(&s, "invoice-not-found");
    cr_assert_eq(story_invoice(&s)->status, INVOICE_DRAFT);
    story_end(&s);
}

Test(invoice_finalize, given_it_is_open_then_not_a_draft)
{
    struct story s = story_of(invoice_created("EUR", 100), invoice_finalized());
    story_do(&s, invoice_finalized());
    story_expect_refused(&s, "invoice-not-draft");
    cr_assert_eq(story_invoice(&s)->number, 1);
    cr_assert_eq(story_invoice(&s)->version, 2);
    story_expect_balance(&s, LEDGER_RECEIVABLE, 100);
    story_end(&s);
}

Test(invoice_finalize, given_it_is_paid_then_not_a_draft)
{
    struct story s =
        story_of(invoice_created("EUR", 100), invoice_finalized(), payment_recorded(100));
    story_do(&s, invoice_finalized());
    story_expect_refused(&s, "invoice-not-draft");
    story_end(&s);
}
