/* One topic's lanes on a libuv loop: a group member (eager assignment, no offsets stored or
 * committed by itself), or, without a group, a reader of whatever lanes its owner starts.
 *
 * A lane, as the owner sees it:
 *
 *     (away) -on_assigned-> ASSIGNED -start-> RUNNING <-pause/resume-> PAUSED
 *     RUNNING, PAUSED -stop, on_out_of_range-> ASSIGNED -on_revoked-> (away)
 *
 * An assigned lane hands nothing over until start(position). From then on on_record gets every
 * record at or above position in ascending order, each once, none older from an earlier start;
 * gaps are the log's own (aborted transactions). pause hands nothing over until resume, which goes
 * on with the next record. All functions and callbacks are for the loop's thread; every function
 * but new may be called from within any callback. */
#ifndef MR_KAFKA_CONSUMER_H
#define MR_KAFKA_CONSUMER_H

#include "mr_error.h"
#include "mr_kafka_record.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct mr_kafka_conf;
struct mr_kafka_consumer;

#define MR_KAFKA_EARLIEST INT64_C(-2) /* start at the oldest record that the log still has */

struct mr_kafka_consumer_callbacks {
    /* Lanes of the topic that the group gives to this member, ascending; count may be 0 (more
     * members than lanes). Eager: every rebalance revokes all first. */
    void (*on_assigned)(void *owner, const int32_t *lanes, size_t count);
    /* These lanes are taken back; they are stopped already. lost: the session is over, another
     * member may have them by now. The group goes on once the callback returns. */
    void (*on_revoked)(void *owner, const int32_t *lanes, size_t count, bool lost);
    /* record and all it points to live during the call. */
    void (*on_record)(void *owner, const struct mr_kafka_record *record);
    /* position (where it would read next) is below the log's start or beyond its end: the log was
     * truncated, expired or made anew. The lane is stopped already. */
    void (*on_out_of_range)(void *owner, int32_t lane, int64_t position);
    /* The end of the lane was reached: position is the next one to come. May come again and again;
     * NULL: not asked for. */
    void (*on_end)(void *owner, int32_t lane, int64_t position);
    /* A lane (>= 0) or the client (lane = -1) has trouble. MR_BUSY: brokers away, it goes on by
     * itself; MR_INVALID, MR_FATAL: it will not (no such topic, not authorised, fenced by another
     * member of the same group_instance_id). text lives during the call. */
    void (*on_error)(void *owner, int32_t lane, enum mr_status status, const char *text);
};

struct mr_kafka_consumer_settings {
    const struct mr_kafka_conf *conf;
    const char *topic;
    const char *group;             /* NULL: no group; any lane may be started at any time */
    const char *group_instance_id; /* NULL or "": a dynamic member */
    uint32_t session_timeout_ms;   /* 0: 10,000 */
    uint32_t fetch_wait_ms;        /* the broker waits so long for more; 0: 100 */
    size_t lane_fetch_bytes_max;   /* asked for a lane in one fetch; 0: 1 MiB */
    size_t lane_queue_bytes_max;   /* fetched ahead of the owner, each lane; 0: 4 MiB */
    const struct mr_kafka_consumer_callbacks *on; /* outlives the consumer */
    void *owner;
};

struct mr_kafka_consumer_counters {
    uint64_t records; /* handed over */
    uint64_t bytes;   /* their keys and values */
    uint64_t stale;   /* fetched for an earlier start and dropped */
    uint64_t rebalances;
    uint64_t errors;
};

/* Joins the group, if any, by itself, later. MR_INVALID: a property does not fit, why names it. */
MR_MUST_CHECK enum mr_status
mr_kafka_consumer_new(uv_loop_t *loop, const struct mr_kafka_consumer_settings *settings,
                      struct mr_kafka_consumer **out, struct mr_error *why);

/* Starts the lane at position (>= 0, or MR_KAFKA_EARLIEST), or anew there if it runs. A lane that
 * was paused runs; one beyond the topic's lanes has nothing to hand over. MR_LOST: the lane is not
 * assigned (any more). MR_BUSY: librdkafka refused, retry later, the lane is stopped. */
MR_MUST_CHECK enum mr_status mr_kafka_consumer_start(struct mr_kafka_consumer *consumer,
                                                     int32_t lane, int64_t position,
                                                     struct mr_error *why);
/* Hands nothing more over; no effect on a lane that is not running. */
void mr_kafka_consumer_stop(struct mr_kafka_consumer *consumer, int32_t lane);
void mr_kafka_consumer_pause(struct mr_kafka_consumer *consumer, int32_t lane);
void mr_kafka_consumer_resume(struct mr_kafka_consumer *consumer, int32_t lane);
bool mr_kafka_consumer_is_assigned(const struct mr_kafka_consumer *consumer, int32_t lane);

/* Writes the group's offset, for the display of lag only: nothing here ever reads it. Failures are
 * counted and not reported. No effect without a group or assignment. */
void mr_kafka_consumer_commit(struct mr_kafka_consumer *consumer, int32_t lane, int64_t position);
/* The lane's end (the offset of the next record to be written) as of the last fetch; -1: not
 * known.*/
int64_t mr_kafka_consumer_end_of(const struct mr_kafka_consumer *consumer, int32_t lane);
struct mr_kafka_consumer_counters
mr_kafka_consumer_counters(const struct mr_kafka_consumer *consumer);

/* Hands nothing more over (no on_revoked either), leaves the group (its lanes are given to others
 * at once) and frees in the thread pool, then calls on_closed (may be NULL). Once. */
void mr_kafka_consumer_close(struct mr_kafka_consumer *consumer, void (*on_closed)(void *owner),
                             void *owner);

#endif
