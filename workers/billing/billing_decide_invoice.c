/* What may be done with an invoice. */
#include "billing_decide.h"
#include <assert.h>

#define DUE_DAYS_DEFAULT 30

/* Gives each line its amount_minor, and the total of them. False: above BILLING_AMOUNT_MAX. */
static bool lines_price(const json_t *lines, json_t *priced, int64_t *total_minor)
{
    size_t index;
    json_t *line;
    *total_minor = 0;
    json_array_foreach (lines, index, line) {
        int64_t quantity = billing_integer_of(json_object_get(line, "quantity"));
        int64_t unit_amount_minor = billing_integer_of(json_object_get(line, "unit_amount_minor"));
        int64_t amount_minor;
        if (__builtin_mul_overflow(quantity, unit_amount_minor, &amount_minor) ||
            amount_minor > BILLING_AMOUNT_MAX - *total_minor)
            return false;
        *total_minor += amount_minor;
        json_t *with =
            json_pack("{s:O, s:I, s:I, s:I}", "description", json_object_get(line, "description"),
                      "quantity", (json_int_t)quantity, "unit_amount_minor",
                      (json_int_t)unit_amount_minor, "amount_minor", (json_int_t)amount_minor);
        assert(with);
        json_array_append_new(priced, with);
    }
    return true;
}

static enum engine_verdict draft_of(const struct billing_command *cmd, const json_t *lines,
                                    int64_t total_minor, struct billing_effects *out)
{
    const char *customer = billing_text(cmd, "customer"), *currency = billing_text(cmd, "currency");
    struct billing_invoice *now = billing_new_invoice(out, customer, currency, lines);
    now->total_minor = total_minor;
    now->due_days = (int32_t)billing_integer(cmd, "due_days", DUE_DAYS_DEFAULT);
    billing_event(out, "billing.invoice.created", "{s:s, s:s, s:s, s:s, s:O, s:I, s:i}",
                  "invoice_id", cmd->id_text, "status", invoice_status_name(INVOICE_DRAFT),
                  "customer", customer, "currency", currency, "lines", lines, "total_minor",
                  (json_int_t)total_minor, "due_days", (int)now->due_days);
    return ENGINE_APPLIED;
}

/* Order: already-exists, amount-overflow. A draft posts nothing: nobody owes it yet. */
static enum engine_verdict invoice_create(const struct billing_state *state,
                                          const struct billing_command *cmd,
                                          struct billing_effects *out)
{
    if (billing_invoice_of(state, &cmd->id))
        return billing_refuse(out, "already-exists", "There is an invoice %s already.",
                              cmd->id_text);
    json_t *lines = json_array();
    int64_t total_minor;
    enum engine_verdict verdict;
    if (lines_price(json_object_get(cmd->json, "lines"), lines, &total_minor))
        verdict = draft_of(cmd, lines, total_minor, out);
    else
        verdict = billing_refuse(out, "amount-overflow",
                                 "The lines come to more than %" PRId64 " minor units.",
                                 BILLING_AMOUNT_MAX);
    json_decref(lines);
    return verdict;
}

/* Order: invoice-not-found, invoice-not-draft, invoice-total-zero. From here on it is owed: it has
 * its number, which nothing gives back, and falls due due_days after today (UTC). */
static enum engine_verdict invoice_finalize(const struct billing_state *state,
                                            const struct billing_command *cmd,
                                            struct billing_effects *out)
{
    const struct billing_invoice *was = billing_invoice_of(state, cmd->subject);
    if (!was)
        return billing_refuse(out, "invoice-not-found", "There is no invoice %s.",
                              cmd->subject_text);
    if (was->status != INVOICE_DRAFT)
        return billing_refuse(out, "invoice-not-draft",
                              "Only a draft can be finalized; this one is %s.",
                              invoice_status_name(was->status));
    if (was->total_minor == 0)
        return billing_refuse(out, "invoice-total-zero",
                              "Its total is 0: there is nothing to pay.");

    struct billing_invoice *now = billing_change_invoice(out, was);
    now->status = INVOICE_OPEN;
    now->number = billing_take_number(out);
    now->due_date = mr_time_day(cmd->time_ms) + was->due_days;
    now->finalized_ms = cmd->time_ms;
    billing_post(out, LEDGER_RECEIVABLE, LEDGER_REVENUE, was->total_minor);
    char due_date[MR_DAY_TEXT + 1], finalized_at[MR_TIME_TEXT + 1];
    billing_event(out, "billing.invoice.finalized", "{s:s, s:s, s:I, s:s, s:I, s:s}", "invoice_id",
                  cmd->subject_text, "status", invoice_status_name(now->status), "number",
                  (json_int_t)now->number, "due_date", mr_day_text(now->due_date, due_date),
                  "total_minor", (json_int_t)was->total_minor, "finalized_at",
                  mr_time_text(cmd->time_ms, finalized_at));
    return ENGINE_APPLIED;
}

/* Only what nobody has paid can be voided; the receivable goes back to where it came from. */
static enum engine_verdict invoice_void(const struct billing_state *state,
                                        const struct billing_command *cmd,
                                        struct billing_effects *out)
{
    const struct billing_invoice *was = billing_invoice_of(state, cmd->subject);
    if (!was)
        return billing_refuse(out, "invoice-not-found", "There is no invoice %s.",
                              cmd->subject_text);
    if (was->status != INVOICE_OPEN)
        return billing_refuse(out, "invoice-not-open",
                              "Only an open invoice can be voided; this one is %s.",
                              invoice_status_name(was->status));
    if (was->paid_minor > 0)
        return billing_refuse(out, "invoice-has-payments", "Refund its payments first.");

    billing_change_invoice(out, was)->status = INVOICE_VOID;
    billing_post(out, LEDGER_REVENUE, LEDGER_RECEIVABLE, was->total_minor);
    billing_event(out, "billing.invoice.voided", "{s:s, s:s, s:s}", "invoice_id", cmd->subject_text,
                  "status", invoice_status_name(INVOICE_VOID), "reason",
                  billing_text(cmd, "reason"));
    return ENGINE_APPLIED;
}

const struct billing_rule billing_invoice_rules[] = {
    {"billing.invoice.create", invoice_create, CREATES_INVOICE},
    {"billing.invoice.finalize", invoice_finalize},
    {"billing.invoice.void", invoice_void},
    {NULL},
};
