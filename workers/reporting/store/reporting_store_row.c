/* reporting.minute, reporting.hour and reporting.day: the same columns, and of minutes what the
 * tick needs. */
#include "reporting_store_kinds.h"
#include "reporting_store_late.h"
#include <assert.h>
#include <string.h>

enum column {
    LANE,
    SERIES_ID,
    METRIC,
    LABELS,
    AT,
    KIND,
    COUNT,
    SUM,
    MIN,
    MAX,
    LAST,
    LAST_AT,
    SIGN_INS,
    SIGN_OUTS,
    EXPIRED,
    BUCKETS,
    ROW_COLUMNS, /* of hours and days */
    CLOSED = ROW_COLUMNS,
    DUE_AT,
    LATE_COUNT,
    LATE,
    MINUTE_COLUMNS
};

static const struct domain_store_column columns[MINUTE_COLUMNS] = {
    [LANE] = {"lane", DOMAIN_STORE_INT4, .fixed = true},
    [SERIES_ID] = {"series_id", DOMAIN_STORE_UUID, .fixed = true},
    [METRIC] = {"metric", DOMAIN_STORE_TEXT, .fixed = true},
    [LABELS] = {"labels", DOMAIN_STORE_TEXT, .fixed = true},
    [AT] = {"at", DOMAIN_STORE_TIME, .fixed = true},
    [KIND] = {"kind", DOMAIN_STORE_TEXT, .fixed = true},
    [COUNT] = {"count", DOMAIN_STORE_INT8},
    [SUM] = {"sum", DOMAIN_STORE_FLOAT8},
    [MIN] = {"min", DOMAIN_STORE_FLOAT8},
    [MAX] = {"max", DOMAIN_STORE_FLOAT8},
    [LAST] = {"last", DOMAIN_STORE_FLOAT8},
    [LAST_AT] = {"last_at", DOMAIN_STORE_TIME},
    [SIGN_INS] = {"sign_ins", DOMAIN_STORE_INT8},
    [SIGN_OUTS] = {"sign_outs", DOMAIN_STORE_INT8},
    [EXPIRED] = {"expired", DOMAIN_STORE_INT8},
    [BUCKETS] = {"buckets", DOMAIN_STORE_BYTEA},
    [CLOSED] = {"closed", DOMAIN_STORE_BOOL},
    [DUE_AT] = {"due_at", DOMAIN_STORE_TIME},
    [LATE_COUNT] = {"late_count", DOMAIN_STORE_INT8},
    [LATE] = {"late", DOMAIN_STORE_BYTEA},
};

#define READ                                                                                       \
    "r.account_id, r.id, r.version, r.lane, r.series_id, r.metric, r.labels::text AS labels, "     \
    "r.at,"                                                                                        \
    " r.kind, r.count, r.sum, r.min, r.max, r.last, r.last_at, r.sign_ins, r.sign_outs,"           \
    " r.expired, r.buckets"
#define READ_MINUTE READ ", r.closed, r.due_at, r.late_count, r.late"
#define LOAD(what, table)                                                                          \
    "SELECT " what " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"                    \
    " JOIN reporting." table " AS r ON r.account_id = k.account_id AND r.id = k.id"

#define NAMES                                                                                      \
    "account_id, id, version, lane, series_id, metric, labels, at, kind, count, sum, min, max,"    \
    " last, last_at, sign_ins, sign_outs, expired, buckets"
#define NEW                                                                                        \
    "n.account_id, n.id, n.version, n.lane, n.series_id, n.metric, n.labels::json, n.at, n.kind,"  \
    " n.count, n.sum, n.min, n.max, n.last, n.last_at, n.sign_ins, n.sign_outs, n.expired,"        \
    " n.buckets"
#define NEW_ARRAYS                                                                                 \
    "$1::uuid[], $2::uuid[], $3::int8[], $4::int4[], $5::uuid[], $6::text[], $7::text[],"          \
    " $8::timestamptz[], $9::text[], $10::int8[], $11::float8[], $12::float8[], $13::float8[],"    \
    " $14::float8[], $15::timestamptz[], $16::int8[], $17::int8[], $18::int8[], $19::bytea[]"

#define INSERT(table)                                                                              \
    "INSERT INTO reporting." table " (" NAMES ") SELECT " NEW " FROM unnest(" NEW_ARRAYS           \
    ") AS n (" NAMES ")"

#define SET                                                                                        \
    " AS r SET version = n.version, count = n.count, sum = n.sum, min = n.min, max = n.max,"       \
    " last = n.last, last_at = n.last_at, sign_ins = n.sign_ins, sign_outs = n.sign_outs,"         \
    " expired = n.expired, buckets = n.buckets"
#define CHANGED                                                                                    \
    "account_id, id, version, count, sum, min, max, last, last_at, sign_ins, sign_outs, expired,"  \
    " buckets"
#define CHANGED_ARRAYS                                                                             \
    "$1::uuid[], $2::uuid[], $3::int8[], $4::int8[], $5::float8[], $6::float8[], $7::float8[],"    \
    " $8::float8[], $9::timestamptz[], $10::int8[], $11::int8[], $12::int8[], $13::bytea[]"
#define SAME " WHERE r.account_id = n.account_id AND r.id = n.id AND r.version < n.version"

#define UPDATE(table)                                                                              \
    "UPDATE reporting." table SET " FROM unnest(" CHANGED_ARRAYS ") AS n (" CHANGED ")" SAME

static const char minute_load[] = LOAD(READ_MINUTE, "minute");
static const char minute_insert[] =
    "INSERT INTO reporting.minute (" NAMES ", closed, due_at, late_count, late) SELECT " NEW
    ", n.closed, n.due_at, n.late_count, n.late FROM unnest(" NEW_ARRAYS
    ", $20::bool[], $21::timestamptz[], $22::int8[], $23::bytea[]) AS n (" NAMES
    ", closed, due_at, late_count, late)";
static const char minute_update[] =
    "UPDATE reporting.minute" SET
    ", closed = n.closed, due_at = n.due_at, late_count = n.late_count, late = n.late"
    " FROM unnest(" CHANGED_ARRAYS
    ", $14::bool[], $15::timestamptz[], $16::int8[], $17::bytea[]) AS n (" CHANGED
    ", closed, due_at, late_count, late)" SAME;
/* Those that have waited longest; the rest is the next tick's. */
static const char minute_due[] =
    "SELECT d.lane, r.* FROM unnest($1::int4[], $2::timestamptz[]) AS d (lane, time)"
    " CROSS JOIN LATERAL (SELECT " READ_MINUTE " FROM reporting.minute AS r"
    " WHERE r.lane = d.lane AND r.due_at <= d.time"
    " ORDER BY r.due_at, r.account_id, r.id LIMIT 1000) AS r";

/* ---- image to values ---------------------------------------------------------------------------
 */

static struct mr_slice encoded(const uint64_t *buckets, int32_t count, struct mr_arena *arena)
{
    if (count == 0)
        return mr_slice_text("");
    uint8_t *bytes = mr_arena_array(arena, (size_t)count, REPORTING_BUCKET_BYTES_MAX);
    if (!bytes)
        return mr_slice(NULL, 0);
    return mr_slice(bytes, reporting_histogram_encode(buckets, count, bytes));
}

static void row_write(const struct engine_entity *entity, struct mr_arena *arena,
                      struct domain_store_value *values)
{
    const struct reporting_row *row = entity->bytes;
    const struct reporting_sum *total = &row->total;
    assert(reporting_row_sane(row, entity->bytes_len));
    const char *kind = metric_kind_name(row->kind);
    values[LANE] = put_number(row->lane);
    values[SERIES_ID] = put_uuid(&row->series);
    values[METRIC] = put_text(reporting_row_metric(row), row->metric_bytes);
    values[LABELS] = put_text(reporting_row_labels(row), row->labels_bytes);
    values[AT] = put_number(row->start_ms);
    values[KIND] = put_text(kind, strlen(kind));
    values[COUNT] = put_number(total->count);
    values[SUM] = put_real(total->sum);
    values[MIN] = put_real_if(total->has_value, total->min);
    values[MAX] = put_real_if(total->has_value, total->max);
    values[LAST] = put_real_if(total->has_value, total->last);
    values[LAST_AT] = put_time_if(total->has_value, total->last_ms);
    values[SIGN_INS] = put_number(total->sign_ins);
    values[SIGN_OUTS] = put_number(total->sign_outs);
    values[EXPIRED] = put_number(total->expired);
    values[BUCKETS] = put_bytes(encoded(row->tail, row->bucket_count, arena));
}

static void minute_write(const struct engine_entity *entity, struct mr_arena *arena,
                         struct domain_store_value *values)
{
    const struct reporting_row *row = entity->bytes;
    bool late = row->closed && row->due_ms > 0;
    row_write(entity, arena, values);
    values[CLOSED] = put_number(row->closed);
    values[DUE_AT] = put_time_if(row->due_ms > 0, row->due_ms);
    values[LATE_COUNT] = put_number(row->late.count);
    values[LATE] = put_bytes(mr_slice(NULL, 0));
    if (!late)
        return;
    struct mr_slice buckets = encoded(row->tail + row->bucket_room, row->late_bucket_count, arena);
    if (buckets.data)
        values[LATE] = put_bytes(reporting_late_write(&row->late, buckets, arena));
}

/* ---- values to image ---------------------------------------------------------------------------
 */

static struct reporting_sum sum_of(const struct domain_store_value *values)
{
    return (struct reporting_sum){
        .count = values[COUNT].number,
        .sum = values[SUM].real,
        .min = values[MIN].real,
        .max = values[MAX].real,
        .last = values[LAST].real,
        .last_ms = values[LAST_AT].number,
        .has_value = !values[LAST].is_null,
        .sign_ins = values[SIGN_INS].number,
        .sign_outs = values[SIGN_OUTS].number,
        .expired = values[EXPIRED].number,
    };
}

/* Buckets on their way from a column to the image. */
struct unpacked {
    uint64_t *buckets;
    int32_t count;
};

static enum mr_status unpack(struct mr_slice bytes, struct mr_arena *arena, struct unpacked *out)
{
    *out = (struct unpacked){.buckets = mr_arena_array(arena, bytes.len / 2 + 1, 8)};
    if (!out->buckets)
        return MR_LIMIT;
    return reporting_histogram_decode(bytes, out->buckets, &out->count);
}

/* The image of shape's fields with these parts; NULL: the arena is full. */
static struct reporting_row *assemble(struct reporting_row *shape, const struct unpacked *all,
                                      const struct unpacked *late,
                                      const struct domain_store_value *values,
                                      struct mr_arena *arena)
{
    const struct reporting_part total = {.bucket_count = all->count};
    shape->metric_bytes = (uint32_t)values[METRIC].bytes.len;
    shape->labels_bytes = (uint32_t)values[LABELS].bytes.len;
    reporting_row_grow(shape, &total); /* with room for what will come */
    if (late->count > shape->late_bucket_room)
        shape->late_bucket_room = late->count;
    shape->bucket_count = all->count;
    shape->late_bucket_count = late->count;
    struct reporting_row *row = mr_arena_alloc(arena, reporting_row_bytes(shape));
    if (!row)
        return NULL;
    *row = *shape;
    memcpy(row->tail, all->buckets, (size_t)all->count * sizeof row->tail[0]);
    memcpy(row->tail + row->bucket_room, late->buckets, (size_t)late->count * sizeof row->tail[0]);
    memcpy((char *)reporting_row_metric(row), values[METRIC].bytes.data, row->metric_bytes);
    memcpy((char *)reporting_row_labels(row), values[LABELS].bytes.data, row->labels_bytes);
    return row;
}

static enum mr_status take(const struct domain_store_value *values, struct reporting_row *shape,
                           struct mr_arena *arena, struct engine_entity *entity,
                           struct mr_error *why)
{
    struct unpacked all, late = {.buckets = shape->tail};
    struct mr_slice late_bytes = mr_slice(NULL, 0);
    char id[MR_UUID_TEXT + 1];
    enum mr_status s = metric_kind_parse(values[KIND].bytes, &shape->kind);
    if (s == MR_OK)
        s = unpack(values[BUCKETS].bytes, arena, &all);
    if (s == MR_OK && shape->closed && !values[LATE].is_null) {
        s = reporting_late_read(values[LATE].bytes, &shape->late, &late_bytes);
        if (s == MR_OK)
            s = unpack(late_bytes, arena, &late);
    }
    struct reporting_row *row = s == MR_OK ? assemble(shape, &all, &late, values, arena) : NULL;
    if (s == MR_LIMIT || (s == MR_OK && !row))
        return mr_fail(why, MR_LIMIT, "no memory is left for row %s",
                       mr_uuid_text(&entity->key.id, id));
    if (s != MR_OK || !reporting_row_sane(row, reporting_row_bytes(row)))
        return mr_fail(why, MR_INVALID,
                       "row %s of reporting (kind %.*s) is not what this program knows",
                       mr_uuid_text(&entity->key.id, id), MR_SLICE_FMT(values[KIND].bytes));
    entity->bytes = row;
    entity->bytes_len = reporting_row_bytes(row);
    return MR_OK;
}

static struct reporting_row shape_of(const struct domain_store_value *values)
{
    struct reporting_row shape = {
        .start_ms = values[AT].number,
        .lane = (int32_t)values[LANE].number,
        .total = sum_of(values),
    };
    memcpy(shape.series.bytes, values[SERIES_ID].bytes.data, sizeof shape.series.bytes);
    return shape;
}

static enum mr_status row_read(const struct domain_store_value *values, struct mr_arena *arena,
                               struct engine_entity *entity, struct mr_error *why)
{
    struct reporting_row shape = shape_of(values);
    return take(values, &shape, arena, entity, why);
}

static enum mr_status minute_read(const struct domain_store_value *values, struct mr_arena *arena,
                                  struct engine_entity *entity, struct mr_error *why)
{
    struct reporting_row shape = shape_of(values);
    shape.closed = values[CLOSED].number != 0;
    shape.due_ms = get_time(&values[DUE_AT]);
    return take(values, &shape, arena, entity, why);
}

const struct domain_store_kind reporting_store_minute = {
    .load = minute_load,
    .insert = minute_insert,
    .update = minute_update,
    .due = minute_due,
    .columns = columns,
    .column_count = MINUTE_COLUMNS,
    .write_in = minute_write,
    .read = minute_read,
};

const struct domain_store_kind reporting_store_hour = {
    .load = LOAD(READ, "hour"),
    .insert = INSERT("hour"),
    .update = UPDATE("hour"),
    .columns = columns,
    .column_count = ROW_COLUMNS,
    .write_in = row_write,
    .read = row_read,
};

const struct domain_store_kind reporting_store_day = {
    .load = LOAD(READ, "day"),
    .insert = INSERT("day"),
    .update = UPDATE("day"),
    .columns = columns,
    .column_count = ROW_COLUMNS,
    .write_in = row_write,
    .read = row_read,
};
