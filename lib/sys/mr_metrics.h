/* Counters, gauges and histograms, rendered as Prometheus text (version 0.0.4).
 *
 * A metric is registered once, at start, with its labels; what is counted later is a plain add on
 * the returned struct. Names are in base units: counters end in _total, times in _seconds, sizes in
 * _bytes (asserted for counters). Belongs to one thread, the loop's. */
#ifndef MR_METRICS_H
#define MR_METRICS_H

#include "mr_buf.h"
#include <stddef.h>
#include <stdint.h>

struct mr_metrics; /* the registry; owns all metrics */

struct mr_counter {
    double value; /* exact up to 2^53 */
};
struct mr_gauge {
    double value;
};

#define MR_HISTOGRAM_BUCKETS_MAX 24
/* Upper bounds of a histogram's buckets, ascending; +Inf is not among them. Static. */
struct mr_bounds {
    uint32_t count; /* 1 .. MR_HISTOGRAM_BUCKETS_MAX */
    double upper[MR_HISTOGRAM_BUCKETS_MAX];
};
extern const struct mr_bounds mr_bounds_seconds; /* 0.5 ms .. 30 s */
extern const struct mr_bounds mr_bounds_bytes;   /* 256 bytes .. 16 MiB */
extern const struct mr_bounds mr_bounds_count;   /* 1 .. 8,192 */

struct mr_histogram {
    const struct mr_bounds *bounds;
    double sum;
    uint64_t buckets[MR_HISTOGRAM_BUCKETS_MAX + 1]; /* each its own, the last is +Inf */
};

/* An array of labels ends with {NULL, NULL}; NULL is no labels. Names and values are copied. A
 * value comes from a bounded set (a route, a status, a lane): never from a client, never a secret.
 */
struct mr_label {
    const char *name, *value;
};
/* mr_metrics_counter(m, "millrace_x_total", "...", MR_LABELS({"status", "202"})) */
#define MR_LABELS(...) ((const struct mr_label[]){__VA_ARGS__, {NULL, NULL}})

struct mr_metrics *mr_metrics_new(void);
void mr_metrics_free(struct mr_metrics *metrics);

/* Each returns the metric of this name and these labels, made on the first call; it lives as long
 * as the registry. All metrics of a name have one type and one help text (asserted). */
struct mr_counter *mr_metrics_counter(struct mr_metrics *metrics, const char *name,
                                      const char *help, const struct mr_label *labels);
struct mr_gauge *mr_metrics_gauge(struct mr_metrics *metrics, const char *name, const char *help,
                                  const struct mr_label *labels);
/* With mr_bounds_seconds; mr_metrics_histogram_of takes others. */
struct mr_histogram *mr_metrics_histogram(struct mr_metrics *metrics, const char *name,
                                          const char *help, const struct mr_label *labels);

struct mr_histogram *mr_metrics_histogram_of(struct mr_metrics *metrics, const char *name,
                                             const char *help, const struct mr_label *labels,
                                             const struct mr_bounds *bounds);

static inline void mr_counter_add(struct mr_counter *counter, double n)
{
    counter->value += n;
}
static inline void mr_gauge_set(struct mr_gauge *gauge, double value)
{
    gauge->value = value;
}
static inline void mr_gauge_add(struct mr_gauge *gauge, double n)
{
    gauge->value += n;
}
void mr_histogram_observe(struct mr_histogram *histogram, double value);

/* Called before each rendering, for gauges that are read rather than kept. */
void mr_metrics_on_render(struct mr_metrics *metrics, void (*refresh)(void *data), void *data);
/* Appends whole families, in the text's form, at the end of each rendering: for labels that come
 * and go, such as the busiest of many sources. The names must be nobody else's. */
void mr_metrics_on_text(struct mr_metrics *metrics, void (*append)(void *data, struct mr_buf *out),
                        void *data);
/* Zeroed memory that lives as long as the registry, for what such a call needs. */
void *mr_metrics_keep(struct mr_metrics *metrics, size_t bytes);

/* process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds,
 * process_start_time_seconds, and millrace_build_info{program, version}. */
void mr_metrics_process(struct mr_metrics *metrics, const char *program);

/* Appends the text; out's mark says whether it fitted. */
void mr_metrics_render(struct mr_metrics *metrics, struct mr_buf *out);

#endif
