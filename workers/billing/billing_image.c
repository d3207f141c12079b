/* The images of billing's entities, and the names of what they hold. */
#include "billing_domain.h"
#include <assert.h>

static const char *const status_names[] = {
    [INVOICE_DRAFT] = "draft",
    [INVOICE_OPEN] = "open",
    [INVOICE_PAID] = "paid",
    [INVOICE_VOID] = "void",
};
#define STATUS_COUNT (sizeof status_names / sizeof *status_names)

static const char *const ledger_names[] = {
    [LEDGER_RECEIVABLE] = "receivable",
    [LEDGER_REVENUE] = "revenue",
    [LEDGER_CASH] = "cash",
};

const char *invoice_status_name(enum invoice_status status)
{
    assert((size_t)status < STATUS_COUNT);
    return status_names[status];
}

const char *billing_ledger_name(enum billing_ledger ledger)
{
    assert((size_t)ledger < sizeof ledger_names / sizeof *ledger_names);
    return ledger_names[ledger];
}

enum mr_status invoice_status_parse(struct mr_slice name, enum invoice_status *out)
{
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (mr_slice_is(name, status_names[i])) {
            *out = (enum invoice_status)i;
            return MR_OK;
        }
    }
    return MR_INVALID;
}

size_t billing_invoice_image_bytes(size_t customer_bytes, size_t lines_bytes)
{
    return sizeof(struct billing_invoice) + customer_bytes + 1 + lines_bytes + 1;
}

size_t billing_payment_image_bytes(size_t reference_bytes)
{
    return sizeof(struct billing_payment) + reference_bytes + 1;
}

const char *billing_invoice_customer(const struct billing_invoice *invoice)
{
    return invoice->texts;
}

const char *billing_invoice_lines(const struct billing_invoice *invoice)
{
    return invoice->texts + invoice->customer_bytes + 1;
}

bool billing_invoice_sane(const struct billing_invoice *invoice, size_t bytes_len)
{
    bool numbered = invoice->number > 0;
    bool paid_up = invoice->paid_minor == invoice->total_minor;
    return bytes_len ==
               billing_invoice_image_bytes(invoice->customer_bytes, invoice->lines_bytes) &&
           (size_t)invoice->status < STATUS_COUNT && invoice->version > 0 &&
           invoice->total_minor >= 0 && invoice->total_minor <= BILLING_AMOUNT_MAX &&
           invoice->paid_minor >= 0 && invoice->paid_minor <= invoice->total_minor &&
           numbered == (invoice->status != INVOICE_DRAFT) &&
           (invoice->status != INVOICE_DRAFT || invoice->paid_minor == 0) &&
           (invoice->status != INVOICE_OPEN || !paid_up) &&
           (invoice->status != INVOICE_PAID || paid_up);
}
