/* billing.journal, which only grows. */
#include "billing_store_kinds.h"
#include <assert.h>

enum column { LEDGER_ACCOUNT, AMOUNT_MINOR, CURRENCY, COLUMN_COUNT };

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [LEDGER_ACCOUNT] = {"ledger_account", DOMAIN_STORE_TEXT, .fixed = true},
    [AMOUNT_MINOR] = {"amount_minor", DOMAIN_STORE_INT8, .fixed = true},
    [CURRENCY] = {"currency", DOMAIN_STORE_TEXT, .fixed = true},
};

static const char insert[] =
    "INSERT INTO billing.journal (account_id, command_id, index, at, ledger_account,"
    " amount_minor, currency)"
    " SELECT n.account_id, n.command_id, n.index, n.at, n.ledger_account, n.amount_minor,"
    " n.currency"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int4[], $4::timestamptz[], $5::text[], $6::int8[],"
    " $7::text[]) AS n (account_id, command_id, index, at, ledger_account, amount_minor,"
    " currency)";

static void posting_write(const struct engine_row_write *row, struct domain_store_value *values)
{
    const struct billing_posting *posting = row->bytes;
    assert(row->bytes_len == sizeof *posting);
    values[LEDGER_ACCOUNT] = store_text(billing_ledger_name(posting->ledger_account));
    values[AMOUNT_MINOR] = store_number(posting->amount_minor);
    values[CURRENCY] = store_text(posting->currency);
}

const struct domain_store_rows billing_store_journal = {
    .insert = insert,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = posting_write,
};
