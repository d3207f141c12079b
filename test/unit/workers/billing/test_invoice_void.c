#include "story.h"
#include <criterion/criterion.h>

TestSuite(invoice_void);

static struct story_step invoice_voided(const char *reason)
{
    return (struct story_step){
        .type = "billing.invoice.void",
        .body = json_pack("{s:s}", "reason", reason),
        .about_invoice = true,
    };
}

Test(invoice_void, given_an_open_unpaid_invoice_then_it_is_void_and_its_receivable_is_taken_back)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    story_do(&s, invoice_voided("sent twice"));
    const json_t *told = story_expect_event(&s, "billing.invoice.voided");
    cr_assert_str_eq(json_string_value(json_object_get(told, "reason")), "sent twice");
    cr_assert_eq(story_invoice(&s)->status, INVOICE_VOID);
    cr_assert_eq(story_invoice(&s)->number, 1);
    story_expect_balance(&s, LEDGER_RECEIVABLE, 0);
    story_expect_balance(&s, LEDGER_REVENUE, 0);
    story_expect_journal_sum(&s, 0);
    story_end(&s);
}

Test(invoice_void, given_a_draft_then_it_is_refused)
{
    struct story s = story_of(invoice_created("EUR", 1250));
    story_do(&s, invoice_voided("sent twice"));
    story_expect_refused(&s, "invoice-not-open");
    story_end(&s);
}

Test(invoice_void, given_a_payment_then_it_is_refused)
{
    struct story s =
        story_of(invoice_created("EUR", 1250), invoice_finalized(), payment_recorded(1));
    story_do(&s, invoice_voided("sent twice"));
    story_expect_refused(&s, "invoice-has-payments");
    story_end(&s);
}

Test(invoice_void, given_no_such_invoice_then_it_is_refused)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    s.invoice = story_uuid(9, 9);
    story_do(&s, invoice_voided("sent twice"));
    cr_assert_eq(s.verdict, ENGINE_DECIDED_REJECTED);
    cr_assert_str_eq(s.refusal.problem, "invoice-not-found");
    story_end(&s);
}
