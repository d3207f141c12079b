/* reporting.metric: what a metric's first sample settled. */
#include "reporting_store_kinds.h"
#include <string.h>

enum column { LANE, METRIC, KIND, COLUMN_COUNT };

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [LANE] = {"lane", DOMAIN_STORE_INT4, .fixed = true},
    [METRIC] = {"metric", DOMAIN_STORE_TEXT, .fixed = true},
    [KIND] = {"kind", DOMAIN_STORE_TEXT, .fixed = true},
};

static const char load[] =
    "SELECT m.account_id, m.id, m.version, m.lane, m.metric, m.kind"
    " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"
    " JOIN reporting.metric AS m ON m.account_id = k.account_id AND m.id = k.id";

static const char insert[] =
    "INSERT INTO reporting.metric (account_id, id, version, lane, metric, kind)"
    " SELECT n.account_id, n.id, n.version, n.lane, n.metric, n.kind"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int4[], $5::text[], $6::text[])"
    " AS n (account_id, id, version, lane, metric, kind)";

static void metric_write(const struct engine_entity *entity, struct domain_store_value *values)
{
    const struct reporting_metric *metric = entity->bytes;
    const char *kind = metric_kind_name(metric->kind);
    values[LANE] = put_number(metric->lane);
    values[METRIC] = put_text(metric->name, strlen(metric->name));
    values[KIND] = put_text(kind, strlen(kind));
}

static enum mr_status metric_read(const struct domain_store_value *values, struct mr_arena *arena,
                                  struct engine_entity *entity, struct mr_error *why)
{
    struct reporting_metric *metric = mr_arena_alloc(arena, sizeof *metric);
    struct mr_slice name = values[METRIC].bytes;
    if (!metric)
        return mr_fail(why, MR_LIMIT, "no memory is left for a metric");
    if (name.len > REPORTING_METRIC_TEXT ||
        metric_kind_parse(values[KIND].bytes, &metric->kind) != MR_OK)
        return mr_fail(why, MR_INVALID, "metric %.*s (kind %.*s) is not what this program knows",
                       MR_SLICE_FMT(name), MR_SLICE_FMT(values[KIND].bytes));
    metric->lane = (int32_t)values[LANE].number;
    memcpy(metric->name, name.data, name.len);
    entity->bytes = metric;
    entity->bytes_len = sizeof *metric;
    return MR_OK;
}

const struct domain_store_kind reporting_store_metric = {
    .load = load,
    .insert = insert,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = metric_write,
    .read = metric_read,
};
