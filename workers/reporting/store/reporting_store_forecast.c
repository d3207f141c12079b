/* reporting.forecast, which only grows. A tick has no account: the row brings its own. */
#include "reporting_store_kinds.h"
#include <assert.h>
#include <string.h>

enum column {
    ACCOUNT,
    METRIC,
    MEASURE,
    HOUR,
    MADE_AT,
    HORIZON,
    METHOD,
    PREDICTED,
    LOW,
    HIGH,
    COLUMN_COUNT
};

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [ACCOUNT] = {"account_id", DOMAIN_STORE_UUID, .fixed = true},
    [METRIC] = {"metric", DOMAIN_STORE_TEXT, .fixed = true},
    [MEASURE] = {"measure", DOMAIN_STORE_TEXT, .fixed = true},
    [HOUR] = {"hour", DOMAIN_STORE_TIME, .fixed = true},
    [MADE_AT] = {"made_at", DOMAIN_STORE_TIME, .fixed = true},
    [HORIZON] = {"horizon", DOMAIN_STORE_INT4, .fixed = true},
    [METHOD] = {"method", DOMAIN_STORE_TEXT, .fixed = true},
    [PREDICTED] = {"predicted", DOMAIN_STORE_FLOAT8, .fixed = true},
    [LOW] = {"low", DOMAIN_STORE_FLOAT8, .fixed = true},
    [HIGH] = {"high", DOMAIN_STORE_FLOAT8, .fixed = true},
};

static const char insert[] =
    "INSERT INTO reporting.forecast (account_id, command_id, index, metric, measure, hour,"
    " made_at, horizon, method, predicted, low, high)"
    " SELECT n.account_id, n.command_id, n.index, n.metric, n.measure, n.hour, n.made_at,"
    " n.horizon, n.method, n.predicted, n.low, n.high"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int4[], $4::timestamptz[], $5::uuid[], $6::text[],"
    " $7::text[], $8::timestamptz[], $9::timestamptz[], $10::int4[], $11::text[], $12::float8[],"
    " $13::float8[], $14::float8[]) AS n (tick_account_id, command_id, index, at, account_id,"
    " metric, measure, hour, made_at, horizon, method, predicted, low, high)";

static void forecast_write(const struct engine_row_write *row, struct domain_store_value *values)
{
    const struct reporting_forecast *forecast = row->bytes;
    assert(row->bytes_len == sizeof *forecast);
    const char *method = forecast_method_name(forecast->method);
    values[ACCOUNT] = put_uuid(&forecast->account);
    values[METRIC] = put_text(forecast->metric, strlen(forecast->metric));
    values[MEASURE] = put_text(forecast->measure, strlen(forecast->measure));
    values[HOUR] = put_number(forecast->hour_ms);
    values[MADE_AT] = put_number(forecast->made_ms);
    values[HORIZON] = put_number(forecast->horizon);
    values[METHOD] = put_text(method, strlen(method));
    values[PREDICTED] = put_real(forecast->predicted);
    values[LOW] = put_real(forecast->low);
    values[HIGH] = put_real(forecast->high);
}

const struct domain_store_rows reporting_store_forecast = {
    .insert = insert,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = forecast_write,
};
