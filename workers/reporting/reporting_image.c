/* The images of what is no row: their sizes, and what always holds of them. */
#include "reporting_domain.h"

size_t reporting_series_bytes(size_t metric_bytes, size_t labels_bytes)
{
    return sizeof(struct reporting_series) + metric_bytes + 1 + labels_bytes + 1;
}

const char *reporting_series_metric(const struct reporting_series *series)
{
    return series->texts;
}

const char *reporting_series_labels(const struct reporting_series *series)
{
    return series->texts + series->metric_bytes + 1;
}

size_t reporting_history_bytes(size_t metric_bytes)
{
    return sizeof(struct reporting_history) + metric_bytes + 1;
}

bool reporting_series_sane(const struct reporting_series *series, size_t bytes_len)
{
    return bytes_len == reporting_series_bytes(series->metric_bytes, series->labels_bytes) &&
           series->open >= 0 && (series->open == 0 || series->due_ms > 0);
}

bool reporting_history_sane(const struct reporting_history *history, size_t bytes_len)
{
    return bytes_len == reporting_history_bytes(history->metric_bytes) &&
           history->hour_count >= 0 && history->hour_count <= REPORTING_HISTORY_HOURS;
}
