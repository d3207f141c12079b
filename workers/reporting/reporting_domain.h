/* Samples of metrics, and what they come to: what reporting keeps, and the table that it gives the
 * engine.
 *
 * A sample is merged into its series' row of its minute, and nothing else. The tick closes minutes
 * that are over: it tells them (reporting.minute.closed) and merges them into the rows of their
 * hour and day and into the metric's history of hourly totals; it expires sessions, keeps the
 * number of open ones in every minute, and makes forecasts of the history once an hour is whole. A
 * record's key is account LF metric, so all rows of a metric are of one lane.
 *
 * Images hold no pointers. Rows (minutes, hours, days) are struct reporting_row. */
#ifndef REPORTING_DOMAIN_H
#define REPORTING_DOMAIN_H

#include "engine_domain.h"
#include "reporting_forecast.h"
#include "reporting_rollup.h"
#include "reporting_series.h"

extern const struct engine_domain reporting_domain;

enum reporting_kind {
    REPORTING_METRIC,
    REPORTING_MINUTE,
    REPORTING_HOUR,
    REPORTING_DAY,
    REPORTING_SERIES,  /* of a metric that counts sessions */
    REPORTING_SESSION, /* one of them */
    REPORTING_HISTORY,
    REPORTING_KIND_COUNT
};
enum reporting_row_kind { REPORTING_FORECAST, REPORTING_ROW_KIND_COUNT };

#define REPORTING_TICK_MS INT64_C(10000)
/* A minute is closed this long after its end; what comes later is a correction. */
#define REPORTING_GRACE_MS INT64_C(5000)
/* A forecast waits this long after the hour's end, until the last minute has been closed. */
#define REPORTING_FORECAST_WAIT_MS INT64_C(60000)
/* A sample may be ahead of the log's clock by so much. */
#define REPORTING_AHEAD_MS INT64_C(3600000)
/* How long a session is open without being heard of, where its sign-in says nothing. */
#define REPORTING_SESSION_LIMIT_MS INT64_C(28800000)
/* After a time without ticks, so many missed minutes of open sessions are filled in by one tick. */
#define REPORTING_FILL_MINUTES 5
/* Hours of past that forecasts are made from: six weeks. */
#define REPORTING_HISTORY_HOURS  1008
#define REPORTING_FORECAST_HOURS 24
/* A metric that was silent for so many hours is forecast no more until it speaks again. */
#define REPORTING_SILENT_HOURS 168

#define REPORTING_METRIC_TEXT 100 /* characters of a metric's name, at most */

struct reporting_metric {
    enum metric_kind kind;
    int32_t lane;
    char name[REPORTING_METRIC_TEXT + 1];
};

/* How many sessions of the series are open. */
struct reporting_series {
    int32_t lane;
    uint32_t metric_bytes, labels_bytes; /* of the texts, their NULs not counted */
    int64_t open;
    int64_t open_before; /* how many there were when the minute began in which it changed last: */
    int64_t changed_minute_ms; /* this one, by the log's clock */
    int64_t due_ms; /* end of the minute that the tick is to write `open` into next; 0: not */
    char texts[];   /* metric NUL labels NUL */
};

struct reporting_session {
    struct mr_uuid series;
    int64_t started_ms, heard_ms; /* append times: of the sign-in, and of the last one heard */
    int64_t due_ms;               /* when its time is up; 0: it is not open */
    int32_t lane;
};

/* Hourly totals of a measure of a metric. */
struct reporting_history {
    int32_t lane;
    uint32_t metric_bytes;                  /* NUL not counted */
    char measure[4];                        /* "sum", "in" or "out" */
    int32_t hour_count;                     /* <= REPORTING_HISTORY_HOURS */
    int64_t first_hour;                     /* hours since 1970-01-01 */
    int64_t due_ms;                         /* when the next forecast is to be made; 0: not */
    double totals[REPORTING_HISTORY_HOURS]; /* the first hour_count count */
    char metric[];                          /* NUL-terminated */
};

/* One hour of a forecast: an append-only row. */
struct reporting_forecast {
    struct mr_uuid account;
    char metric[REPORTING_METRIC_TEXT + 1];
    char measure[4];
    enum forecast_method method;
    int32_t horizon; /* hours from the last whole one */
    int64_t hour_ms; /* the predicted hour's start */
    int64_t made_ms;
    double predicted, low, high;
};

size_t reporting_series_bytes(size_t metric_bytes, size_t labels_bytes);
const char *reporting_series_metric(const struct reporting_series *series);
const char *reporting_series_labels(const struct reporting_series *series);
size_t reporting_history_bytes(size_t metric_bytes);

bool reporting_series_sane(const struct reporting_series *series, size_t bytes_len);
bool reporting_history_sane(const struct reporting_history *history, size_t bytes_len);

#endif
