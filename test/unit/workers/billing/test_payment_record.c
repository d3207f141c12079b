#include "story.h"
#include <criterion/criterion.h>

TestSuite(payment_record);

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static int64_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const struct billing_payment *payment_of(struct story *s)
{
    const struct engine_entity *entity = story_entity(s, BILLING_PAYMENT, &s->id);
    cr_assert(entity);
    cr_assert_eq(entity->version, 1);
    return entity->bytes;
}

Test(payment_record, given_the_exact_amount_then_the_invoice_is_paid)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    story_do(&s, story_with_text(payment_recorded(1250), "reference", "bank 17"));
    const json_t *told = story_expect_event(&s, "billing.payment.recorded");
    char id[MR_UUID_TEXT + 1];
    cr_assert_str_eq(text_of(told, "payment_id"), mr_uuid_text(&s.id, id));
    cr_assert_str_eq(text_of(told, "invoice_id"), mr_uuid_text(&s.invoice, id));
    cr_assert_str_eq(text_of(told, "status"), "paid");
    cr_assert_str_eq(text_of(told, "currency"), "EUR");
    cr_assert_str_eq(text_of(told, "reference"), "bank 17");
    cr_assert_eq(number_of(told, "amount_minor"), 1250);
    cr_assert_eq(number_of(told, "paid_minor"), 1250);
    cr_assert_eq(number_of(told, "version"), 3);

    cr_assert_eq(story_invoice(&s)->status, INVOICE_PAID);
    cr_assert_eq(story_invoice(&s)->paid_minor, 1250);
    story_expect_balance(&s, LEDGER_CASH, 1250);
    story_expect_balance(&s, LEDGER_REVENUE, -1250);
    story_expect_balance(&s, LEDGER_RECEIVABLE, 0);
    story_expect_journal_sum(&s, 0);
    story_end(&s);
}

Test(payment_record, given_a_payment_then_it_is_kept_under_the_commands_id)
{
    struct story s = story_of(invoice_created("SEK", 1250), invoice_finalized());
    story_do(&s, story_with_text(payment_recorded(250), "reference", "bank 17"));
    const struct billing_payment *payment = payment_of(&s);
    cr_assert(mr_uuid_equal(&payment->id, &s.id));
    cr_assert(mr_uuid_equal(&payment->invoice, &s.invoice));
    cr_assert_eq(payment->amount_minor, 250);
    cr_assert_eq(payment->created_ms, s.time_ms);
    cr_assert_str_eq(payment->currency, "SEK", "the invoice's");
    cr_assert(payment->has_reference);
    cr_assert_str_eq(payment->reference, "bank 17");
    story_end(&s);
}

Test(payment_record, given_no_reference_then_none_is_kept_or_told)
{
    struct story s =
        story_of(invoice_created("EUR", 1250), invoice_finalized(), payment_recorded(1250));
    const json_t *told = story_expect_event(&s, "billing.payment.recorded");
    cr_assert_null(text_of(told, "reference"));
    cr_assert_not(payment_of(&s)->has_reference);
    story_end(&s);
}

Test(payment_record, given_two_parts_then_the_second_makes_it_paid)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    story_do(&s, payment_recorded(1249));
    const json_t *told = story_expect_event(&s, "billing.payment.recorded");
    cr_assert_str_eq(text_of(told, "status"), "open");
    cr_assert_eq(number_of(told, "paid_minor"), 1249);
    cr_assert_eq(story_invoice(&s)->status, INVOICE_OPEN);
    story_expect_balance(&s, LEDGER_RECEIVABLE, 1);
    story_save(&s);
    story_do(&s, payment_recorded(1));
    told = story_expect_event(&s, "billing.payment.recorded");
    cr_assert_str_eq(text_of(told, "status"), "paid");
    cr_assert_eq(number_of(told, "amount_minor"), 1);
    cr_assert_eq(number_of(told, "paid_minor"), 1250);
    cr_assert_eq(story_invoice(&s)->version, 4);
    story_expect_balance(&s, LEDGER_RECEIVABLE, 0);
    story_end(&s);
}

Test(payment_record, given_one_more_than_is_due_then_overpaid)
{
    struct story s =
        story_of(invoice_created("EUR", 1250), invoice_finalized(), payment_recorded(1000));
    story_do(&s, payment_recorded(251));
    story_expect_refused(&s, "overpaid");
    cr_assert_str_eq(s.refusal.detail, "Only 250 minor units (EUR) are still due.");
    cr_assert_eq(story_invoice(&s)->paid_minor, 1000);
    cr_assert_null(story_entity(&s, BILLING_PAYMENT, &s.id));
    story_expect_balance(&s, LEDGER_CASH, 1000);
    story_end(&s);
}

Test(payment_record, given_the_largest_integer_then_overpaid)
{
    struct story s = story_of(invoice_created("EUR", BILLING_AMOUNT_MAX), invoice_finalized(),
                              payment_recorded(1));
    story_do(&s, payment_recorded(BILLING_AMOUNT_MAX));
    story_expect_refused(&s, "overpaid");
    story_end(&s);
}

Test(payment_record, given_a_draft_then_it_is_not_open)
{
    struct story s = story_of(invoice_created("EUR", 1250));
    story_do(&s, payment_recorded(1250));
    story_expect_refused(&s, "invoice-not-open");
    story_end(&s);
}

Test(payment_record, given_it_is_paid_then_it_is_not_open)
{
    struct story s =
        story_of(invoice_created("EUR", 1250), invoice_finalized(), payment_recorded(1250));
    story_do(&s, payment_recorded(1));
    story_expect_refused(&s, "invoice-not-open");
    story_end(&s);
}

Test(payment_record, given_an_unknown_invoice_in_the_body_then_no_such_invoice)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    s.invoice = story_uuid(9, 1);
    story_do(&s, payment_recorded(1250));
    story_expect_refused(&s, "no-such-invoice");
    story_end(&s);
}

Test(payment_record, given_the_invoice_of_another_account_then_no_such_invoice)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    const struct mr_uuid other = story_uuid(1, 2);
    story_do(&s, story_for(payment_recorded(1250), &other));
    story_expect_refused(&s, "no-such-invoice");
    cr_assert_eq(story_invoice(&s)->paid_minor, 0);
    story_end(&s);
}

Test(payment_record, given_the_id_of_a_payment_then_it_exists_already)
{
    struct story s =
        story_of(invoice_created("EUR", 1250), invoice_finalized(), payment_recorded(250));
    const struct mr_uuid id = s.id;
    story_save(&s);
    story_do(&s, story_with_id(payment_recorded(250), &id));
    story_expect_refused(&s, "already-exists");
    cr_assert_eq(story_invoice(&s)->paid_minor, 250);
    story_end(&s);
}

Test(payment_record, given_the_invoices_own_id_then_payment_and_invoice_are_apart)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    const struct mr_uuid id = s.invoice;
    story_do(&s, story_with_id(payment_recorded(250), &id));
    const json_t *told = story_expect_event(&s, "billing.payment.recorded");
    cr_assert_eq(number_of(told, "version"), 3, "the invoice's");
    size_t count;
    const struct engine_event *events = engine_sheet_events(s.sheet, &count);
    cr_assert_eq(events[count - 1].subject_version, 1, "the payment's: it is what was created");
    story_end(&s);
}

Test(payment_record, given_an_invoice_in_upper_case_then_it_is_the_same)
{
    struct story s = story_of(invoice_created("EUR", 1250), invoice_finalized());
    char id[MR_UUID_TEXT + 1];
    mr_uuid_text(&s.invoice, id);
    for (char *c = id; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    story_do(&s, story_with_text(payment_recorded(1250), "invoice", id));
    const json_t *told = story_expect_event(&s, "billing.payment.recorded");
    cr_assert_str_eq(text_of(told, "invoice_id"), mr_uuid_text(&s.invoice, id));
    story_end(&s);
}
