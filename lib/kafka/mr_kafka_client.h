/* Inside lib/kafka: what producers, consumers, readers and admin calls have in common. A client is
 * one rd_kafka_t; its queues wake the loop through an eventfd, so that nothing here has a thread
 * of its own and every callback comes on the loop. */
#ifndef MR_KAFKA_CLIENT_H
#define MR_KAFKA_CLIENT_H

#include "mr_error.h"
#include "mr_kafka_conf.h"
#include "mr_kafka_record.h"
#include "mr_status.h"
#include <librdkafka/rdkafka.h>
#include <uv.h>

/* What a client keeps of the configuration. */
struct mr_kafka_hooks {
    mr_kafka_log_cb *on_log;
    mr_kafka_stats_cb *on_stats;
    void *owner;
    const char *client; /* "producer", "consumer": for statistics */
};

struct mr_kafka_hooks mr_kafka_hooks_of(const struct mr_kafka_conf *conf, const char *client);

/* The operator's properties under what every client of millrace needs; the caller adds its own with
 * mr_kafka_set. The result goes to mr_kafka_client_new. */
rd_kafka_conf_t *mr_kafka_conf_make(const struct mr_kafka_conf *conf);
/* Sets one of our own properties; a refusal is our mistake, so it aborts with the name. */
void mr_kafka_set(rd_kafka_conf_t *rd_conf, const char *name, const char *fmt, ...) MR_PRINTF(3, 4);

/* Takes rd_conf, also on failure (MR_INVALID: librdkafka's text). Its log goes to its main queue;
 * for a group member that is the consumer's queue, to which it is moved here. */
MR_MUST_CHECK enum mr_status mr_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *rd_conf,
                                                 rd_kafka_t **out, struct mr_error *why);

/* Hands a log line or statistics on and destroys the event; false: it is another event, which the
 * caller still owns. */
bool mr_kafka_hooks_take(const struct mr_kafka_hooks *hooks, rd_kafka_event_t *event);
/* All that waits in the queue, for blocking clients: lines and statistics are handed on, the last
 * error's code is returned (0: none), anything else is dropped. */
int mr_kafka_hooks_drain(const struct mr_kafka_hooks *hooks, rd_kafka_queue_t *queue);

/* The record of a message without error. headers has room for MR_KAFKA_HEADERS_MAX; all else points
 * into the message. */
void mr_kafka_record_of(const rd_kafka_message_t *message, struct mr_ce_header *headers,
                        struct mr_kafka_record *out);

struct mr_kafka_producer;
/* The present instance, for tests that injure it; NULL while it is renewed. */
rd_kafka_t *mr_kafka_producer_rd(struct mr_kafka_producer *producer);

/* ---- waking the loop ---- */
struct mr_kafka_wake {
    uv_poll_t poll;
    int fd; /* written by librdkafka's threads: closed only when its clients are destroyed */
    void (*on_wake)(void *owner);
    void (*on_closed)(void *owner);
    void *owner;
};

/* Aborts where the system has no descriptor left. */
void mr_kafka_wake_open(struct mr_kafka_wake *wake, uv_loop_t *loop, void (*on_wake)(void *owner),
                        void *owner);
/* From now on the queue wakes the loop when it becomes non-empty after it was polled empty. */
void mr_kafka_wake_watch(struct mr_kafka_wake *wake, rd_kafka_queue_t *queue);
/* on_wake again in the loop's next turn: for work that was cut short. */
void mr_kafka_wake_again(struct mr_kafka_wake *wake);
/* No on_wake from now on. */
void mr_kafka_wake_stop(struct mr_kafka_wake *wake);
/* After the clients are destroyed: closes both, then on_closed, which may free wake. */
void mr_kafka_wake_close(struct mr_kafka_wake *wake, void (*on_closed)(void *owner));

#endif
