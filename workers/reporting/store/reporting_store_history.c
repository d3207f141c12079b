/* reporting.history: the totals as little-endian doubles, one an hour. */
#include "reporting_store_kinds.h"
#include <assert.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "totals are stored as they lie in memory");

enum column { LANE, METRIC, MEASURE, FIRST_AT, TOTALS, DUE_AT, COLUMN_COUNT };

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [LANE] = {"lane", DOMAIN_STORE_INT4, .fixed = true},
    [METRIC] = {"metric", DOMAIN_STORE_TEXT, .fixed = true},
    [MEASURE] = {"measure", DOMAIN_STORE_TEXT, .fixed = true},
    [FIRST_AT] = {"first_at", DOMAIN_STORE_TIME},
    [TOTALS] = {"totals", DOMAIN_STORE_BYTEA},
    [DUE_AT] = {"due_at", DOMAIN_STORE_TIME},
};

#define READ                                                                                       \
    "h.account_id, h.id, h.version, h.lane, h.metric, h.measure, h.first_at, h.totals, h.due_at"

static const char load[] =
    "SELECT " READ " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"
    " JOIN reporting.history AS h ON h.account_id = k.account_id AND h.id = k.id";

static const char insert[] =
    "INSERT INTO reporting.history (account_id, id, version, lane, metric, measure, first_at,"
    " totals, due_at)"
    " SELECT n.account_id, n.id, n.version, n.lane, n.metric, n.measure, n.first_at, n.totals,"
    " n.due_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int4[], $5::text[], $6::text[],"
    " $7::timestamptz[], $8::bytea[], $9::timestamptz[]) AS n (account_id, id, version, lane,"
    " metric, measure, first_at, totals, due_at)";

static const char update[] =
    "UPDATE reporting.history AS h SET version = n.version, first_at = n.first_at,"
    " totals = n.totals, due_at = n.due_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::timestamptz[], $5::bytea[],"
    " $6::timestamptz[]) AS n (account_id, id, version, first_at, totals, due_at)"
    " WHERE h.account_id = n.account_id AND h.id = n.id AND h.version < n.version";

/* A forecast takes some milliseconds, so few are made by one tick: 1,440 an hour and lane. */
static const char due[] =
    "SELECT d.lane, h.* FROM unnest($1::int4[], $2::timestamptz[]) AS d (lane, time)"
    " CROSS JOIN LATERAL (SELECT " READ " FROM reporting.history AS h"
    " WHERE h.lane = d.lane AND h.due_at <= d.time"
    " ORDER BY h.due_at, h.account_id, h.id LIMIT 4) AS h";

static void history_write(const struct engine_entity *entity, struct domain_store_value *values)
{
    const struct reporting_history *history = entity->bytes;
    assert(reporting_history_sane(history, entity->bytes_len));
    values[LANE] = put_number(history->lane);
    values[METRIC] = put_text(history->metric, history->metric_bytes);
    values[MEASURE] = put_text(history->measure, strlen(history->measure));
    values[FIRST_AT] = put_number(history->first_hour * REPORTING_HOUR_MS);
    values[TOTALS] = put_bytes(
        mr_slice(history->totals, (size_t)history->hour_count * sizeof history->totals[0]));
    values[DUE_AT] = put_time_if(history->due_ms > 0, history->due_ms);
}

static enum mr_status history_read(const struct domain_store_value *values, struct mr_arena *arena,
                                   struct engine_entity *entity, struct mr_error *why)
{
    struct mr_slice metric = values[METRIC].bytes, totals = values[TOTALS].bytes;
    struct mr_slice measure = values[MEASURE].bytes;
    size_t bytes_len = reporting_history_bytes(metric.len);
    struct reporting_history *history = mr_arena_alloc(arena, bytes_len);
    if (!history)
        return mr_fail(why, MR_LIMIT, "no memory is left for a history");
    if (totals.len > sizeof history->totals || totals.len % sizeof history->totals[0] != 0 ||
        measure.len >= sizeof history->measure)
        return mr_fail(why, MR_INVALID, "the history of %.*s is not what this program knows",
                       MR_SLICE_FMT(metric));
    history->lane = (int32_t)values[LANE].number;
    history->metric_bytes = (uint32_t)metric.len;
    memcpy(history->metric, metric.data, metric.len);
    memcpy(history->measure, measure.data, measure.len);
    history->first_hour = values[FIRST_AT].number / REPORTING_HOUR_MS;
    history->hour_count = (int32_t)(totals.len / sizeof history->totals[0]);
    if (totals.len > 0)
        memcpy(history->totals, totals.data, totals.len);
    history->due_ms = get_time(&values[DUE_AT]);
    entity->bytes = history;
    entity->bytes_len = bytes_len;
    return MR_OK;
}

const struct domain_store_kind reporting_store_history = {
    .load = load,
    .insert = insert,
    .update = update,
    .due = due,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = history_write,
    .read = history_read,
};
