/* A Kafka producer on a libuv loop: idempotent, acks=all, bounded, with one honest report for each
 * message that it took.
 *
 *     READY -fatal error of librdkafka-> RENEWING -new instance made-> READY
 *     READY, RENEWING -close-> FLUSHING -all reported, or the deadline-> CLOSING -destroyed-> gone
 *
 * When librdkafka reports a fatal error (2.0.2 has some after broker restarts), every message in
 * flight is reported MR_KAFKA_UNKNOWN, the instance is destroyed in the thread pool and a new one
 * made; sends meanwhile are MR_BUSY. All functions and callbacks are for the loop's thread. */
#ifndef MR_KAFKA_PRODUCER_H
#define MR_KAFKA_PRODUCER_H

#include "mr_cloudevent.h"
#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct mr_kafka_conf;
struct mr_kafka_producer;

#define MR_KAFKA_BY_KEY                                                                            \
    INT32_C(-1) /* murmur2 of the key, as mr_lane_of; a random one without key */

enum mr_kafka_outcome {
    MR_KAFKA_STORED, /* on every replica that it must be on, and partition and offset are known */
    MR_KAFKA_NOT_STORED, /* surely not in the log */
    MR_KAFKA_UNKNOWN     /* may or may not be, now or later; or it is, but nobody can say where */
};

struct mr_kafka_report {
    void *opaque; /* of the message */
    enum mr_kafka_outcome outcome;
    enum mr_status status; /* MR_OK when stored; MR_INVALID: this message can never be; MR_BUSY:
                              brokers or topic are away, retry; MR_LOST: purged or closed;
                              MR_FATAL: the instance failed and is renewed */
    int32_t partition;     /* -1: not known */
    int64_t offset;        /* -1: not known */
    int64_t append_ms;     /* the broker's LogAppendTime; -1: not known */
    const char *error;     /* NULL when stored; static text otherwise */
    bool in_log;           /* STORED, or UNKNOWN only where: it need not be sent again */
};

struct mr_kafka_message {
    const char *topic;
    int32_t partition;     /* or MR_KAFKA_BY_KEY */
    struct mr_slice key;   /* data == NULL: none */
    struct mr_slice value; /* data == NULL: none */
    struct mr_ce_headers headers;
    void *opaque; /* comes back in the report */
};

struct mr_kafka_producer_settings {
    const struct mr_kafka_conf *conf;
    uint32_t linger_us;          /* waits for company; 500 .. 1000 is good; 0: none */
    uint32_t message_timeout_ms; /* NOT_STORED or UNKNOWN after it; 0: never times out */
    uint32_t queue_messages_max; /* not reported yet; 0: 100,000 */
    size_t queue_bytes_max;      /* rounded up to KiB; 0: 256 MiB */
    size_t message_bytes_max;    /* as mr_kafka_message_bytes; 0: 1 MiB, as the topics */
    /* One report for each message that send took, never from within send, purge or close. */
    void (*on_report)(void *owner, const struct mr_kafka_report *report);
    /* The instance failed for good (ready = false, why says how, after all its UNKNOWN reports)
     * or a new one takes messages (ready = true, why = NULL). May be NULL. */
    void (*on_state)(void *owner, bool ready, const char *why);
    void *owner;
};

struct mr_kafka_producer_counters {
    uint64_t sent; /* taken by send */
    uint64_t stored;
    uint64_t not_stored;
    uint64_t unknown;
    uint64_t refused; /* send was MR_LIMIT */
    uint64_t purges;
    uint64_t renewals;  /* new instances after fatal errors */
    uint64_t in_flight; /* now: sent - reported */
    uint64_t bytes;     /* of keys and values taken */
};

/* What the broker's max.message.bytes is held against when the message is alone in its batch and
 * not compressed: never less, and at most 100 bytes and 10 a header more. */
size_t mr_kafka_message_bytes(const struct mr_kafka_message *message);

/* Connects by itself, later; brokers that are away are no error here. MR_INVALID: a property does
 * not fit, why names it. */
MR_MUST_CHECK enum mr_status
mr_kafka_producer_new(uv_loop_t *loop, const struct mr_kafka_producer_settings *settings,
                      struct mr_kafka_producer **out, struct mr_error *why);

/* Copies all that message points to. MR_OK: exactly one report will follow. Otherwise none:
 * MR_LIMIT the queue is full (go on after reports), MR_BUSY between instances or no such topic,
 * MR_INVALID too large, MR_LOST closing. why may be NULL. */
MR_MUST_CHECK enum mr_status mr_kafka_producer_send(struct mr_kafka_producer *producer,
                                                    const struct mr_kafka_message *message,
                                                    struct mr_error *why);
/* Gives up all that is queued (reported NOT_STORED) or in flight (UNKNOWN, or STORED where the
 * answer came first). What is sent after it goes out as ever, behind what was in flight. */
void mr_kafka_producer_purge(struct mr_kafka_producer *producer);
/* False between two instances and after close. */
bool mr_kafka_producer_is_ready(const struct mr_kafka_producer *producer);
struct mr_kafka_producer_counters
mr_kafka_producer_counters(const struct mr_kafka_producer *producer);

/* Waits up to deadline_ms for the reports of all that was sent, reports the rest UNKNOWN, destroys
 * the instance in the thread pool, then calls on_closed (may be NULL) and frees the producer: it
 * may not be used from on_closed on, and not sent to from now on. Once. */
void mr_kafka_producer_close(struct mr_kafka_producer *producer, uint64_t deadline_ms,
                             void (*on_closed)(void *owner), void *owner);

#endif
