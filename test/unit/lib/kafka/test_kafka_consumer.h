/* A consumer whose callbacks note what they saw. */
#ifndef TEST_KAFKA_CONSUMER_H
#define TEST_KAFKA_CONSUMER_H

#include "kafka_broker.h"
#include "kafka_test_log.h"
#include "kafka_until.h"
#include "mr_kafka_consumer.h"

#define LANES_MAX   8
#define RECORDS_MAX 40000

struct watcher {
    struct mr_kafka_consumer *consumer;
    uint64_t count; /* records of all lanes */
    uint64_t lane_count[LANES_MAX];
    int64_t first[LANES_MAX], last[LANES_MAX]; /* positions, -1: none */
    int64_t broken;                            /* records not above their predecessor */
    uint64_t assigned, revoked, lost, ends, out_of_range, errors, fatal, closed;
    int64_t end, refused; /* the last positions of on_end and on_out_of_range */
    uint64_t lanes;       /* bits: assigned now */
    int64_t start_at;     /* >= 0: assigned lanes are started there at once */
    /* called for each record; may be NULL */
    void (*on_record)(struct watcher *watcher, const struct mr_kafka_record *record);
};

void watcher_open(struct watcher *watcher, uv_loop_t *loop,
                  struct mr_kafka_consumer_settings settings);
void watcher_close(struct watcher *watcher, uv_loop_t *loop);
/* Forgets the records seen. */
void watcher_reset(struct watcher *watcher);
void watcher_start(struct watcher *watcher, int32_t lane, int64_t position);

#endif
