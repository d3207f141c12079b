/* The collector's figures that are read when they are asked for. */
#ifndef COLLECT_METRICS_H
#define COLLECT_METRICS_H

#include "collect_pipe.h"
#include "collect_udp.h"

#define COLLECT_METRICS_SOCKETS 2

/* Where the figures come from; whatever is NULL is closed, and its figures stay as they were. */
struct collect_metrics {
    struct mr_metrics *metrics;
    const struct mr_ingest *ingest;
    struct collect_pipe *pipe;
    struct collect_udp *udp[COLLECT_METRICS_SOCKETS];
    /* private */
    struct mr_gauge *pending, *pending_bytes, *in_flight, *wait_seconds;
    struct mr_counter *stored, *resent, *unknown, *drains;
    struct mr_counter **rules; /* by ingest's index */
    size_t rule_count;
};

/* Registers them; m lives as long as its registry. */
void collect_metrics_start(struct collect_metrics *m);

#endif
