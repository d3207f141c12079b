/* The parts of billing_store, one a table. Private to the store. */
#ifndef BILLING_STORE_KINDS_H
#define BILLING_STORE_KINDS_H

#include "billing_domain.h"
#include "domain_store.h"

extern const struct domain_store_kind billing_store_invoice;
extern const struct domain_store_kind billing_store_payment;
extern const struct domain_store_kind billing_store_series;
extern const struct domain_store_rows billing_store_journal;

/* One value of each type; an id is borrowed. */
static inline struct domain_store_value store_number(int64_t number)
{
    return (struct domain_store_value){.number = number};
}
static inline struct domain_store_value store_number_if(bool present, int64_t number)
{
    return (struct domain_store_value){.is_null = !present, .number = present ? number : 0};
}
static inline struct domain_store_value store_text(const char *text)
{
    return (struct domain_store_value){.is_null = !text, .bytes = mr_slice_text(text)};
}
static inline struct domain_store_value store_uuid(const struct mr_uuid *id)
{
    return (struct domain_store_value){.bytes = mr_slice(id->bytes, sizeof id->bytes)};
}

/* to has BILLING_CURRENCY_TEXT + 1 bytes, zeroed. False: it is no currency. */
static inline bool store_currency(char *to, struct mr_slice text)
{
    if (text.len != BILLING_CURRENCY_TEXT)
        return false;
    memcpy(to, text.data, text.len);
    return true;
}

#endif
