/* Inside lib/kafka: one lane of a consumer, from start to stop.
 *
 * Each start has a queue of its own in librdkafka, and only that queue is read: what was fetched
 * for an earlier start dies with its queue, and pausing is not reading. (rd_kafka_pause_partitions
 * and rd_kafka_resume_partitions of 2.0.2 drop what is queued and fall back to the position that
 * the application has last seen.) */
#ifndef MR_KAFKA_LANE_H
#define MR_KAFKA_LANE_H

#include "mr_kafka_client.h"
#include "mr_kafka_consumer.h"

enum mr_kafka_lane_state {
    MR_KAFKA_LANE_AWAY,
    MR_KAFKA_LANE_ASSIGNED,
    MR_KAFKA_LANE_RUNNING,
    MR_KAFKA_LANE_PAUSED
};

struct mr_kafka_lane {
    int32_t number;
    enum mr_kafka_lane_state state;
    rd_kafka_queue_t *queue; /* RUNNING and PAUSED: of this start; else NULL */
    uint64_t start_count;    /* tells one start from the next */
    int64_t next;            /* no record below it is handed over */
    bool earliest;           /* started at the oldest record, and none came yet */
    bool retry;              /* the oldest record's offset could not be had: again in a second */
    bool reset;              /* a refusal that did not fit this start was answered by a new start */
    size_t bytes;            /* handed over since the queue was last seen empty */
};

enum mr_kafka_lane_served {
    MR_KAFKA_LANE_DRY,  /* nothing there */
    MR_KAFKA_LANE_MORE, /* there may be more */
};

struct mr_kafka_consumer {
    /* for life */
    uv_loop_t *loop;
    const struct mr_kafka_consumer_callbacks *on;
    void *owner;
    struct mr_kafka_hooks hooks;
    char *topic_name;
    size_t lane_queue_bytes_max;
    struct mr_kafka_wake wake;
    uv_timer_t timer; /* once a second: shows librdkafka that we live, and retries */
    uv_work_t work;
    rd_kafka_t *member; /* group membership alone, never fetches; NULL without a group */
    rd_kafka_queue_t *member_queue;
    rd_kafka_t *fetch; /* fetches, knows no group */
    rd_kafka_queue_t *fetch_queue;
    rd_kafka_topic_t *topic; /* of fetch */

    struct mr_kafka_lane **lanes; /* by number; NULL where never seen */
    size_t lane_count;
    size_t turn; /* whose turn comes first */
    struct mr_kafka_consumer_counters counters;
    bool serving; /* callbacks run: close only notes itself */
    bool closing;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

/* Makes it when it was never seen. number >= 0. */
struct mr_kafka_lane *mr_kafka_lane_get(struct mr_kafka_consumer *c, int32_t number);
MR_MUST_CHECK enum mr_status mr_kafka_lane_start(struct mr_kafka_consumer *c,
                                                 struct mr_kafka_lane *lane, int64_t position,
                                                 struct mr_error *why);
/* RUNNING or PAUSED -> ASSIGNED; else no effect. */
void mr_kafka_lane_stop(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane);
/* Hands over up to count_max records. Callbacks may do anything to any lane meanwhile. */
enum mr_kafka_lane_served mr_kafka_lane_serve(struct mr_kafka_consumer *c,
                                              struct mr_kafka_lane *lane, unsigned count_max);

#endif
