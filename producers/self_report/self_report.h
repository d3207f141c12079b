/* A program's report of itself: counters, histograms and a heartbeat, merged in the process and
 * sent every interval as commands `reporting.sample` to the operator's account, straight into the
 * log, as any client's samples would be.
 *
 * It never harms its program. It is off, silently, where no account is named, and off with one log
 * line where the schemas have no `reporting.sample`: self_report_new then gives NULL, which every
 * function takes and ignores. Memory is bounded: at most SELF_REPORT_SERIES_MAX series, of which
 * one more is counted as dropped, and SELF_REPORT_IN_FLIGHT_MAX samples on their way. With the log
 * away, increments stay merged in their series until it takes them. A sample is sent again with the
 * id that it had, whenever its fate is unknown, so that none counts twice; what is merged but not
 * sent when the process dies is lost.
 *
 * Everything belongs to the loop's thread. */
#ifndef SELF_REPORT_H
#define SELF_REPORT_H

#include "command_submit.h"
#include "mr_catalog.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include <stdint.h>

#define SELF_REPORT_SERIES_MAX    1024
#define SELF_REPORT_IN_FLIGHT_MAX 2048
#define SELF_REPORT_BUCKETS_MAX   2048 /* of one histogram; then a value joins the nearest */

/* What programs report; labels in this order. */
#define SELF_REPORT_EDGE_REQUESTS "millrace.edge.requests" /* count: route, method, status */
#define SELF_REPORT_EDGE_SECONDS  "millrace.edge.response_seconds" /* time: route */
#define SELF_REPORT_HEARTBEAT                                                                      \
    "millrace.heartbeat" /* gauge 1: program, version, instance, lanes                             \
                          */

struct self_report;

struct self_report_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_catalog *catalog;  /* borrowed until closed */
    const struct mr_kafka_conf *kafka; /* needed by new only */
    const char *account;               /* OPERATOR_ACCOUNT, checked by mr_config; NULL: off */
    const char *program;               /* "millrace-edge" */
    const char *instance;              /* NULL: host name and process id, "web1:4711" */
    int64_t interval_ms;               /* SAMPLES_MS */
    const struct command_log *to;      /* for tests: in place of a producer of its own */
};

/* NULL: off, see above; also where librdkafka refuses to start, which is logged. The first
 * heartbeat goes out at once. */
struct self_report *self_report_new(const struct self_report_settings *settings);

/* Adds n (> 0) to a counter. metric is static; labels is as MR_LABELS makes it, names static,
 * values copied and from a bounded set: a route, never what a client wrote. */
void self_report_count(struct self_report *r, const char *metric, const struct mr_label *labels,
                       double n);
/* Adds one observation to a histogram: a duration, in seconds, finite. */
void self_report_time(struct self_report *r, const char *metric, const struct mr_label *labels,
                      double seconds);
/* How many lanes this process owns, as the next heartbeats say. */
void self_report_lanes(struct self_report *r, int32_t lanes);

struct self_report_counters {
    uint64_t stored;  /* samples that the log has */
    uint64_t pending; /* on their way */
    uint64_t dropped; /* increments and observations of a series too many */
};
struct self_report_counters self_report_counters(const struct self_report *r);

/* What a log given as settings.to calls for each message; owner is the self_report. */
void self_report_report(void *owner, const struct mr_kafka_report *report);

/* Sends what is merged, waits up to deadline_ms until the log has it, frees, and calls on_closed
 * (may be NULL); for NULL at once. Once, and nothing is counted afterwards. */
void self_report_close(struct self_report *r, uint64_t deadline_ms, void (*on_closed)(void *owner),
                       void *owner);

#endif
