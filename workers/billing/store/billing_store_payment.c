/* billing.payment. A payment never changes. */
#include "billing_store_kinds.h"
#include <assert.h>
#include <string.h>

enum column { INVOICE, AMOUNT_MINOR, CURRENCY, REFERENCE, CREATED_AT, COLUMN_COUNT };

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [INVOICE] = {"invoice", DOMAIN_STORE_UUID, .fixed = true},
    [AMOUNT_MINOR] = {"amount_minor", DOMAIN_STORE_INT8, .fixed = true},
    [CURRENCY] = {"currency", DOMAIN_STORE_TEXT, .fixed = true},
    [REFERENCE] = {"reference", DOMAIN_STORE_TEXT, .fixed = true},
    [CREATED_AT] = {"created_at", DOMAIN_STORE_TIME, .fixed = true},
};

static const char load[] =
    "SELECT p.account_id, p.id, p.version, p.invoice, p.amount_minor, p.currency, p.reference,"
    " p.created_at"
    " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"
    " JOIN billing.payment AS p ON p.account_id = k.account_id AND p.id = k.id";

static const char insert[] =
    "INSERT INTO billing.payment (account_id, id, version, invoice, amount_minor, currency,"
    " reference, created_at)"
    " SELECT n.account_id, n.id, n.version, n.invoice, n.amount_minor, n.currency, n.reference,"
    " n.created_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::uuid[], $5::int8[], $6::text[],"
    " $7::text[], $8::timestamptz[]) AS n (account_id, id, version, invoice, amount_minor,"
    " currency, reference, created_at)";

static void payment_write(const struct engine_entity *entity, struct domain_store_value *values)
{
    const struct billing_payment *payment = entity->bytes;
    assert(entity->bytes_len == billing_payment_image_bytes(payment->reference_bytes));
    values[INVOICE] = store_uuid(&payment->invoice);
    values[AMOUNT_MINOR] = store_number(payment->amount_minor);
    values[CURRENCY] = store_text(payment->currency);
    values[REFERENCE] = store_text(payment->has_reference ? payment->reference : NULL);
    values[CREATED_AT] = store_number(payment->created_ms);
}

static enum mr_status payment_read(const struct domain_store_value *values, struct mr_arena *arena,
                                   struct engine_entity *entity, struct mr_error *why)
{
    struct mr_slice reference = values[REFERENCE].bytes, invoice = values[INVOICE].bytes;
    size_t reference_bytes = values[REFERENCE].is_null ? 0 : reference.len;
    size_t bytes_len = billing_payment_image_bytes(reference_bytes);
    struct billing_payment *payment = mr_arena_alloc(arena, bytes_len);
    char id[MR_UUID_TEXT + 1];
    if (!payment)
        return mr_fail(why, MR_LIMIT, "no memory is left for payment %s",
                       mr_uuid_text(&entity->key.id, id));
    assert(invoice.len == sizeof payment->invoice.bytes);
    payment->id = entity->key.id;
    memcpy(payment->invoice.bytes, invoice.data, invoice.len);
    payment->created_ms = values[CREATED_AT].number;
    payment->amount_minor = values[AMOUNT_MINOR].number;
    payment->has_reference = !values[REFERENCE].is_null;
    payment->reference_bytes = (uint32_t)reference_bytes;
    if (reference_bytes > 0)
        memcpy(payment->reference, reference.data, reference_bytes);
    if (!store_currency(payment->currency, values[CURRENCY].bytes))
        return mr_fail(why, MR_INVALID,
                       "billing.payment %s has no currency that this program knows",
                       mr_uuid_text(&entity->key.id, id));
    entity->bytes = payment;
    entity->bytes_len = bytes_len;
    return MR_OK;
}

const struct domain_store_kind billing_store_payment = {
    .load = load,
    .insert = insert,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = payment_write,
    .read = payment_read,
};
