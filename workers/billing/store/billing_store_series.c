/* billing.series: one row an account, whose key gives both ids. */
#include "billing_store_kinds.h"
#include <assert.h>

static const struct domain_store_column columns[] = {{"next_number", DOMAIN_STORE_INT8}};

static const char load[] = "SELECT s.account_id, s.account_id, s.version, s.next_number"
                           " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"
                           " JOIN billing.series AS s ON s.account_id = k.account_id";

static const char insert[] = "INSERT INTO billing.series (account_id, version, next_number)"
                             " SELECT n.account_id, n.version, n.next_number"
                             " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[])"
                             " AS n (account_id, id, version, next_number)";

static const char update[] =
    "UPDATE billing.series AS s SET version = n.version, next_number = n.next_number"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[])"
    " AS n (account_id, id, version, next_number)"
    " WHERE s.account_id = n.account_id AND s.version < n.version";

static void series_write(const struct engine_entity *entity, struct domain_store_value *values)
{
    const struct billing_series *series = entity->bytes;
    assert(entity->bytes_len == sizeof *series);
    values[0] = store_number(series->next_number);
}

static enum mr_status series_read(const struct domain_store_value *values, struct mr_arena *arena,
                                  struct engine_entity *entity, struct mr_error *why)
{
    struct billing_series *series = mr_arena_alloc(arena, sizeof *series);
    if (!series)
        return mr_fail(why, MR_LIMIT, "no memory is left for a series of numbers");
    series->next_number = values[0].number;
    entity->bytes = series;
    entity->bytes_len = sizeof *series;
    return MR_OK;
}

const struct domain_store_kind billing_store_series = {
    .load = load,
    .insert = insert,
    .update = update,
    .columns = columns,
    .column_count = 1,
    .write = series_write,
    .read = series_read,
};
