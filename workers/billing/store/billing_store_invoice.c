/* billing.invoice. Its lines never change, so an update neither sends nor rewrites them. */
#include "billing_store_kinds.h"
#include <assert.h>
#include <string.h>

enum column {
    STATUS,
    NUMBER,
    CUSTOMER,
    CURRENCY,
    LINES,
    TOTAL_MINOR,
    PAID_MINOR,
    DUE_DAYS,
    DUE_DATE,
    CREATED_AT,
    FINALIZED_AT,
    COLUMN_COUNT
};

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [STATUS] = {"status", DOMAIN_STORE_TEXT},
    [NUMBER] = {"number", DOMAIN_STORE_INT8},
    [CUSTOMER] = {"customer", DOMAIN_STORE_TEXT, .fixed = true},
    [CURRENCY] = {"currency", DOMAIN_STORE_TEXT, .fixed = true},
    [LINES] = {"lines", DOMAIN_STORE_TEXT, .fixed = true},
    [TOTAL_MINOR] = {"total_minor", DOMAIN_STORE_INT8, .fixed = true},
    [PAID_MINOR] = {"paid_minor", DOMAIN_STORE_INT8},
    [DUE_DAYS] = {"due_days", DOMAIN_STORE_INT4, .fixed = true},
    [DUE_DATE] = {"due_date", DOMAIN_STORE_DATE},
    [CREATED_AT] = {"created_at", DOMAIN_STORE_TIME, .fixed = true},
    [FINALIZED_AT] = {"finalized_at", DOMAIN_STORE_TIME},
};

static const char load[] =
    "SELECT i.account_id, i.id, i.version, i.status, i.number, i.customer, i.currency,"
    " i.lines::text, i.total_minor, i.paid_minor, i.due_days, i.due_date, i.created_at,"
    " i.finalized_at"
    " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"
    " JOIN billing.invoice AS i ON i.account_id = k.account_id AND i.id = k.id";

static const char insert[] =
    "INSERT INTO billing.invoice (account_id, id, version, status, number, customer, currency,"
    " lines, total_minor, paid_minor, due_days, due_date, created_at, finalized_at)"
    " SELECT n.account_id, n.id, n.version, n.status, n.number, n.customer, n.currency,"
    " n.lines::json, n.total_minor, n.paid_minor, n.due_days, n.due_date, n.created_at,"
    " n.finalized_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::text[], $5::int8[], $6::text[],"
    " $7::text[], $8::text[], $9::int8[], $10::int8[], $11::int4[], $12::date[],"
    " $13::timestamptz[], $14::timestamptz[]) AS n (account_id, id, version, status, number,"
    " customer, currency, lines, total_minor, paid_minor, due_days, due_date, created_at,"
    " finalized_at)";

static const char update[] =
    "UPDATE billing.invoice AS i SET version = n.version, status = n.status, number = n.number,"
    " paid_minor = n.paid_minor, due_date = n.due_date, finalized_at = n.finalized_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::text[], $5::int8[], $6::int8[],"
    " $7::date[], $8::timestamptz[]) AS n (account_id, id, version, status, number, paid_minor,"
    " due_date, finalized_at)"
    " WHERE i.account_id = n.account_id AND i.id = n.id AND i.version < n.version";

static void invoice_write(const struct engine_entity *entity, struct domain_store_value *values)
{
    const struct billing_invoice *invoice = entity->bytes;
    assert(billing_invoice_sane(invoice, entity->bytes_len));
    assert(invoice->version == entity->version);
    bool numbered = invoice->number > 0;
    values[STATUS] = store_text(invoice_status_name(invoice->status));
    values[NUMBER] = store_number_if(numbered, invoice->number);
    values[CUSTOMER] = store_text(billing_invoice_customer(invoice));
    values[CURRENCY] = store_text(invoice->currency);
    values[LINES] = store_text(billing_invoice_lines(invoice));
    values[TOTAL_MINOR] = store_number(invoice->total_minor);
    values[PAID_MINOR] = store_number(invoice->paid_minor);
    values[DUE_DAYS] = store_number(invoice->due_days);
    values[DUE_DATE] = store_number_if(numbered, invoice->due_date);
    values[CREATED_AT] = store_number(invoice->created_ms);
    values[FINALIZED_AT] = store_number_if(numbered, invoice->finalized_ms);
}

static void invoice_numbers(const struct domain_store_value *values,
                            struct billing_invoice *invoice)
{
    invoice->number = values[NUMBER].number; /* NULL is 0 */
    invoice->total_minor = values[TOTAL_MINOR].number;
    invoice->paid_minor = values[PAID_MINOR].number;
    invoice->due_days = (int32_t)values[DUE_DAYS].number;
    invoice->due_date = (int32_t)values[DUE_DATE].number;
    invoice->created_ms = values[CREATED_AT].number;
    invoice->finalized_ms = values[FINALIZED_AT].number;
}

static enum mr_status invoice_read(const struct domain_store_value *values, struct mr_arena *arena,
                                   struct engine_entity *entity, struct mr_error *why)
{
    struct mr_slice customer = values[CUSTOMER].bytes, lines = values[LINES].bytes;
    size_t bytes_len = billing_invoice_image_bytes(customer.len, lines.len);
    struct billing_invoice *invoice = mr_arena_alloc(arena, bytes_len);
    char id[MR_UUID_TEXT + 1];
    if (!invoice)
        return mr_fail(why, MR_LIMIT, "no memory is left for invoice %s",
                       mr_uuid_text(&entity->key.id, id));
    invoice->id = entity->key.id;
    invoice->version = entity->version;
    invoice->customer_bytes = (uint32_t)customer.len;
    invoice->lines_bytes = (uint32_t)lines.len;
    memcpy(invoice->texts, customer.data, customer.len);
    memcpy(invoice->texts + customer.len + 1, lines.data, lines.len);
    invoice_numbers(values, invoice);
    if (invoice_status_parse(values[STATUS].bytes, &invoice->status) != MR_OK ||
        !store_currency(invoice->currency, values[CURRENCY].bytes) ||
        !billing_invoice_sane(invoice, bytes_len))
        return mr_fail(why, MR_INVALID,
                       "billing.invoice %s (status %.*s) is not what this program knows",
                       mr_uuid_text(&entity->key.id, id), MR_SLICE_FMT(values[STATUS].bytes));
    entity->bytes = invoice;
    entity->bytes_len = bytes_len;
    return MR_OK;
}

const struct domain_store_kind billing_store_invoice = {
    .load = load,
    .insert = insert,
    .update = update,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = invoice_write,
    .read = invoice_read,
};
