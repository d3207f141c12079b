/* What samples come to: the figures of a series over a minute, an hour or a day.
 *
 * A row's `total` is all that was merged into it. A minute that was closed has been merged into its
 * hour and day; what comes later goes to `total` and to `late` as well, which the next tick merges
 * there, so that no sample is in an hour twice or never. */
#ifndef REPORTING_ROLLUP_H
#define REPORTING_ROLLUP_H

#include "mr_uuid.h"
#include "reporting_histogram.h"

/* What a metric is; its first sample settles it. */
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_TIMING, METRIC_SESSION };
#define METRIC_KIND_COUNT 4

/* "counter", "gauge", "timing", "session". */
const char *metric_kind_name(enum metric_kind kind);
MR_MUST_CHECK enum mr_status metric_kind_parse(struct mr_slice name, enum metric_kind *out);
/* Do its rows count by bucket? Quantiles of increments and of sign-ins say nothing. */
bool metric_kind_has_buckets(enum metric_kind kind);

/* Of sessions: count and sum are sign-ins and sign-outs, and min, max and last are of how many were
 * open. */
struct reporting_sum {
    int64_t count; /* of samples; stops at INT64_MAX */
    double sum;
    double min, max, last; /* meaningful where has_value */
    int64_t last_ms;       /* time of last, Unix ms */
    bool has_value;
    int64_t sign_ins, sign_outs;
    int64_t expired; /* those of sign_outs that the time limit ended */
};

/* Something to merge: a sample, or a row's total or late part. */
struct reporting_part {
    struct reporting_sum sum;
    const uint64_t *buckets;
    int32_t bucket_count;
};

/* Adds b to a. Of equal times the later call's `last` stays. */
void reporting_sum_merge(struct reporting_sum *a, const struct reporting_sum *b);

/* The image of a minute, an hour or a day of a series. */
struct reporting_row {
    /* Given at creation. */
    struct mr_uuid series;
    int64_t start_ms; /* of the minute, hour or day (UTC) */
    int32_t lane;
    enum metric_kind kind;
    uint32_t metric_bytes, labels_bytes; /* of the texts, their NULs not counted */

    /* Changed since. */
    struct reporting_sum total;
    struct reporting_sum late; /* of a closed minute: not in its hour and day yet */
    int64_t due_ms;            /* of a minute: when the tick is to close or correct it; 0: not */
    bool closed;               /* a minute's total was merged into its hour and day */
    int32_t bucket_count, bucket_room;
    int32_t late_bucket_count, late_bucket_room;

    uint64_t tail[]; /* buckets, late buckets (room for each), metric NUL labels NUL */
};

size_t reporting_row_bytes(const struct reporting_row *row);
bool reporting_row_sane(const struct reporting_row *row, size_t bytes_len);

uint64_t *reporting_row_buckets(struct reporting_row *row);
const char *reporting_row_metric(const struct reporting_row *row);
const char *reporting_row_labels(const struct reporting_row *row); /* a JSON object's text */
/* What hour and day are to be told of a minute: its total, or what came late. */
struct reporting_part reporting_row_unmerged(const struct reporting_row *row);
/* within [min, max]; only of a kind that has buckets, with a count. */
double reporting_row_quantile(const struct reporting_row *row, double q);

/* Has the row room for the part's buckets? Else it is to be made anew, of the size that shape has
 * after reporting_row_grow, and moved there. */
bool reporting_row_fits(const struct reporting_row *row, const struct reporting_part *part);
/* shape: a copy of row's fields without its tail. */
void reporting_row_grow(struct reporting_row *shape, const struct reporting_part *part);
/* to begins with a grown copy of from's fields; fills its tail from from's. */
void reporting_row_move(struct reporting_row *to, const struct reporting_row *from);

/* Merges into total and, where the minute was closed, into late. It fits. */
void reporting_row_merge(struct reporting_row *row, const struct reporting_part *part);
/* Hour and day have it all. */
void reporting_row_merged(struct reporting_row *row);

#endif
