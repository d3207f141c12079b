/* The table of billing's tables. */
#include "billing_store.h"
#include "billing_store_kinds.h"

static const struct domain_store_kind *const kinds[BILLING_KIND_COUNT] = {
    [BILLING_INVOICE] = &billing_store_invoice,
    [BILLING_PAYMENT] = &billing_store_payment,
    [BILLING_SERIES] = &billing_store_series,
};

static const struct domain_store_rows *const rows[BILLING_ROW_KIND_COUNT] = {
    [BILLING_POSTING] = &billing_store_journal,
};

const struct domain_store billing_store = {
    .domain = &billing_domain,
    .kinds = kinds,
    .rows = rows,
};
