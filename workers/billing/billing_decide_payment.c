/* Money that was received outside, put to an invoice. */
#include "billing_decide.h"

/* Order: already-exists, no-such-invoice, invoice-not-open, overpaid. A payment may be a part of
 * what is due; the one that brings it to the total makes the invoice paid. */
static enum engine_verdict payment_record(const struct billing_state *state,
                                          const struct billing_command *cmd,
                                          struct billing_effects *out)
{
    if (billing_payment_of(state, &cmd->id))
        return billing_refuse(out, "already-exists", "There is a payment %s already.",
                              cmd->id_text);
    const struct billing_invoice *was = billing_invoice_of(state, cmd->invoice);
    if (!was)
        return billing_refuse(out, "no-such-invoice", "There is no invoice %s.", cmd->invoice_text);
    if (was->status != INVOICE_OPEN)
        return billing_refuse(out, "invoice-not-open",
                              "Only an open invoice can be paid; this one is %s.",
                              invoice_status_name(was->status));
    int64_t amount_minor = billing_integer(cmd, "amount_minor", 0);
    int64_t due_minor = was->total_minor - was->paid_minor;
    if (amount_minor > due_minor)
        return billing_refuse(out, "overpaid", "Only %" PRId64 " minor units (%s) are still due.",
                              due_minor, was->currency);

    struct billing_invoice *now = billing_change_invoice(out, was);
    now->paid_minor += amount_minor;
    if (now->paid_minor == now->total_minor)
        now->status = INVOICE_PAID;
    const char *reference = billing_text(cmd, "reference");
    struct billing_payment *payment = billing_new_payment(out, now->currency, reference);
    payment->invoice = was->id;
    payment->amount_minor = amount_minor;
    billing_post(out, LEDGER_CASH, LEDGER_RECEIVABLE, amount_minor);
    billing_event(out, "billing.payment.recorded", "{s:s, s:s, s:I, s:s?, s:s, s:I, s:I}",
                  "payment_id", cmd->id_text, "invoice_id", cmd->invoice_text, "amount_minor",
                  (json_int_t)amount_minor, "reference", reference, "status",
                  invoice_status_name(now->status), "version", (json_int_t)now->version,
                  "paid_minor", (json_int_t)now->paid_minor);
    return ENGINE_APPLIED;
}

const struct billing_rule billing_payment_rules[] = {
    {"billing.payment.record", payment_record, CREATES_PAYMENT},
    {NULL},
};
