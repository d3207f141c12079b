/* Invoices and the payments of them: what billing keeps, and the table that it gives the engine.
 *
 * An invoice is made as a draft, gets the next number of its account's series and falls due when it
 * is finalized, and is paid by payments that were received outside. Money moves in pairs of
 * postings: a debit is positive, and the postings of a command sum to zero.
 *
 * Images hold no pointers. Amounts are minor units of the invoice's currency, at most
 * BILLING_AMOUNT_MAX, so that a JSON number carries them exactly. */
#ifndef BILLING_DOMAIN_H
#define BILLING_DOMAIN_H

#include "engine_domain.h"

extern const struct engine_domain billing_domain;

#define BILLING_AMOUNT_MAX    ((INT64_C(1) << 53) - 1)
#define BILLING_CURRENCY_TEXT 3 /* characters: ISO 4217 */

enum billing_kind { BILLING_INVOICE, BILLING_PAYMENT, BILLING_SERIES, BILLING_KIND_COUNT };
enum billing_row_kind { BILLING_POSTING, BILLING_ROW_KIND_COUNT };

enum invoice_status { INVOICE_DRAFT, INVOICE_OPEN, INVOICE_PAID, INVOICE_VOID };

enum billing_ledger { LEDGER_RECEIVABLE, LEDGER_REVENUE, LEDGER_CASH };

struct billing_invoice {
    /* Given at creation. */
    struct mr_uuid id;
    int64_t created_ms; /* Unix ms, the create command's append time */
    int64_t total_minor;
    int32_t due_days;
    char currency[BILLING_CURRENCY_TEXT + 1];
    uint32_t customer_bytes, lines_bytes; /* of the texts, their NULs not counted */

    /* Changed since. */
    enum invoice_status status;
    int32_t due_date; /* days since 1970-01-01; meaningful where number > 0 */
    int64_t version;  /* the entity's */
    int64_t number;   /* in the account's series, from 1; 0 while it is a draft */
    int64_t paid_minor;
    int64_t finalized_ms; /* meaningful where number > 0 */

    char texts[]; /* customer, NUL, lines as a JSON array (with amount_minor), NUL */
};

struct billing_payment {
    struct mr_uuid id;
    struct mr_uuid invoice;
    int64_t created_ms; /* Unix ms */
    int64_t amount_minor;
    char currency[BILLING_CURRENCY_TEXT + 1]; /* the invoice's */
    bool has_reference;
    uint32_t reference_bytes; /* NUL not counted */
    char reference[];         /* NUL-terminated */
};

/* The numbers of an account's invoices; its id is the account's. */
struct billing_series {
    int64_t next_number; /* from 1 */
};

/* A journal entry; account, command and time are the command's. */
struct billing_posting {
    int64_t amount_minor; /* a debit is positive */
    enum billing_ledger ledger_account;
    char currency[BILLING_CURRENCY_TEXT + 1];
};

/* How many bytes an image with texts of these lengths takes. */
size_t billing_invoice_image_bytes(size_t customer_bytes, size_t lines_bytes);
size_t billing_payment_image_bytes(size_t reference_bytes);

const char *billing_invoice_customer(const struct billing_invoice *invoice);
const char *billing_invoice_lines(const struct billing_invoice *invoice);

/* "draft", "open", "paid", "void"; "receivable", "revenue", "cash". */
const char *invoice_status_name(enum invoice_status status);
const char *billing_ledger_name(enum billing_ledger ledger);
/* MR_INVALID when no status or ledger account is called so. */
MR_MUST_CHECK enum mr_status invoice_status_parse(struct mr_slice name, enum invoice_status *out);

/* Does the image keep what must always hold of an invoice? What is loaded and what is saved is held
 * against it. */
bool billing_invoice_sane(const struct billing_invoice *invoice, size_t bytes_len);

#endif
