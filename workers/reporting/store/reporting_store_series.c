/* reporting.series: how many sessions of a series are open. */
#include "reporting_store_kinds.h"
#include <assert.h>
#include <string.h>

enum column { LANE, METRIC, LABELS, OPEN, OPEN_BEFORE, CHANGED_AT, DUE_AT, COLUMN_COUNT };

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [LANE] = {"lane", DOMAIN_STORE_INT4, .fixed = true},
    [METRIC] = {"metric", DOMAIN_STORE_TEXT, .fixed = true},
    [LABELS] = {"labels", DOMAIN_STORE_TEXT, .fixed = true},
    [OPEN] = {"open", DOMAIN_STORE_INT8},
    [OPEN_BEFORE] = {"open_before", DOMAIN_STORE_INT8},
    [CHANGED_AT] = {"changed_at", DOMAIN_STORE_TIME},
    [DUE_AT] = {"due_at", DOMAIN_STORE_TIME},
};

#define READ                                                                                       \
    "s.account_id, s.id, s.version, s.lane, s.metric, s.labels::text AS labels, s.open,"           \
    " s.open_before, s.changed_at, s.due_at"

static const char load[] =
    "SELECT " READ " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"
    " JOIN reporting.series AS s ON s.account_id = k.account_id AND s.id = k.id";

static const char insert[] =
    "INSERT INTO reporting.series (account_id, id, version, lane, metric, labels, open,"
    " open_before, changed_at, due_at)"
    " SELECT n.account_id, n.id, n.version, n.lane, n.metric, n.labels::json, n.open,"
    " n.open_before, n.changed_at, n.due_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int4[], $5::text[], $6::text[],"
    " $7::int8[], $8::int8[], $9::timestamptz[], $10::timestamptz[]) AS n (account_id, id, version,"
    " lane, metric, labels, open, open_before, changed_at, due_at)";

static const char update[] =
    "UPDATE reporting.series AS s SET version = n.version, open = n.open,"
    " open_before = n.open_before, changed_at = n.changed_at, due_at = n.due_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[], $5::int8[], $6::timestamptz[],"
    " $7::timestamptz[]) AS n (account_id, id, version, open, open_before, changed_at, due_at)"
    " WHERE s.account_id = n.account_id AND s.id = n.id AND s.version < n.version";

static const char due[] =
    "SELECT d.lane, s.* FROM unnest($1::int4[], $2::timestamptz[]) AS d (lane, time)"
    " CROSS JOIN LATERAL (SELECT " READ " FROM reporting.series AS s"
    " WHERE s.lane = d.lane AND s.due_at <= d.time"
    " ORDER BY s.due_at, s.account_id, s.id LIMIT 1000) AS s";

static void series_write(const struct engine_entity *entity, struct domain_store_value *values)
{
    const struct reporting_series *series = entity->bytes;
    assert(reporting_series_sane(series, entity->bytes_len));
    values[LANE] = put_number(series->lane);
    values[METRIC] = put_text(reporting_series_metric(series), series->metric_bytes);
    values[LABELS] = put_text(reporting_series_labels(series), series->labels_bytes);
    values[OPEN] = put_number(series->open);
    values[OPEN_BEFORE] = put_number(series->open_before);
    values[CHANGED_AT] = put_number(series->changed_minute_ms);
    values[DUE_AT] = put_time_if(series->due_ms > 0, series->due_ms);
}

static enum mr_status series_read(const struct domain_store_value *values, struct mr_arena *arena,
                                  struct engine_entity *entity, struct mr_error *why)
{
    struct mr_slice metric = values[METRIC].bytes, labels = values[LABELS].bytes;
    size_t bytes_len = reporting_series_bytes(metric.len, labels.len);
    struct reporting_series *series = mr_arena_alloc(arena, bytes_len);
    if (!series)
        return mr_fail(why, MR_LIMIT, "no memory is left for a series");
    series->lane = (int32_t)values[LANE].number;
    series->metric_bytes = (uint32_t)metric.len;
    series->labels_bytes = (uint32_t)labels.len;
    memcpy(series->texts, metric.data, metric.len);
    memcpy(series->texts + metric.len + 1, labels.data, labels.len);
    series->open = values[OPEN].number;
    series->open_before = values[OPEN_BEFORE].number;
    series->changed_minute_ms = values[CHANGED_AT].number;
    series->due_ms = get_time(&values[DUE_AT]);
    if (!reporting_series_sane(series, bytes_len))
        return mr_fail(why, MR_INVALID, "a series of %.*s has open sessions and is never due",
                       MR_SLICE_FMT(metric));
    entity->bytes = series;
    entity->bytes_len = bytes_len;
    return MR_OK;
}

const struct domain_store_kind reporting_store_series = {
    .load = load,
    .insert = insert,
    .update = update,
    .due = due,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = series_write,
    .read = series_read,
};
