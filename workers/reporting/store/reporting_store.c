/* The table of reporting's tables. */
#include "reporting_store.h"
#include "reporting_store_kinds.h"

static const struct domain_store_kind *const kinds[REPORTING_KIND_COUNT] = {
    [REPORTING_METRIC] = &reporting_store_metric,   [REPORTING_MINUTE] = &reporting_store_minute,
    [REPORTING_HOUR] = &reporting_store_hour,       [REPORTING_DAY] = &reporting_store_day,
    [REPORTING_SERIES] = &reporting_store_series,   [REPORTING_SESSION] = &reporting_store_session,
    [REPORTING_HISTORY] = &reporting_store_history,
};

static const struct domain_store_rows *const rows[REPORTING_ROW_KIND_COUNT] = {
    [REPORTING_FORECAST] = &reporting_store_forecast,
};

const struct domain_store reporting_store = {
    .domain = &reporting_domain,
    .kinds = kinds,
    .rows = rows,
};
