/* Inside self_report: what was counted since the last time that it was sent, merged by series. A
 * series is a metric with its labels; it stays for life, and so does its memory, which is bounded
 * by the number of series and of a histogram's buckets. */
#ifndef SELF_REPORT_SERIES_H
#define SELF_REPORT_SERIES_H

#include "mr_buf.h"
#include "mr_map.h"
#include "mr_metrics.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct self_report_bucket {
    int32_t index; /* as mr_histogram_bucket */
    uint64_t count;
};

enum self_report_kind { SELF_REPORT_COUNTER, SELF_REPORT_HISTOGRAM, SELF_REPORT_GAUGE };

struct self_report_series {
    char *key; /* metric, and each label's name and value */
    const char *metric;
    char *labels; /* JSON text of an object */
    enum self_report_kind kind;
    double sum; /* of increments or observations; a gauge's value */
    double min, max;
    uint64_t count;                     /* of increments or observations; 0: nothing to send */
    struct self_report_bucket *buckets; /* by ascending index */
    size_t bucket_count, bucket_size;
    UT_hash_handle hh; /* in order of making */
};

/* A gauge has no place among the others: it is what is now. */
void self_report_series_init(struct self_report_series *series, const char *metric,
                             enum self_report_kind kind, const struct mr_label *labels);
void self_report_series_clear(struct self_report_series *series);

/* Finds the series or makes it, as long as there are less than series_max. NULL: one too many, or
 * its labels are longer than any that we have. A metric has one kind (asserted). */
struct self_report_series *self_report_series_of(struct self_report_series **all,
                                                 const char *metric, enum self_report_kind kind,
                                                 const struct mr_label *labels, size_t series_max);
void self_report_series_free(struct self_report_series **all);

void self_report_series_add(struct self_report_series *series, double n);
void self_report_series_observe(struct self_report_series *series, double value);
/* What was merged has been taken: it starts from nothing. */
void self_report_series_reset(struct self_report_series *series);

/* Appends the body of a reporting.sample. */
void self_report_series_write(const struct self_report_series *series, int64_t time_ms,
                              struct mr_buf *out);

#endif
