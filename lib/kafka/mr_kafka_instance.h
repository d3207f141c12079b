/* Inside lib/kafka: one instance of librdkafka's producer, which lives until its first fatal
 * error. */
#ifndef MR_KAFKA_INSTANCE_H
#define MR_KAFKA_INSTANCE_H

#include "mr_kafka_client.h"
#include "mr_kafka_producer.h"

#define MR_KAFKA_TOPICS_MAX 64 /* of one producer: all domains' commands */

struct mr_kafka_instance {
    rd_kafka_t *rk; /* NULL: none */
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event; /* reports that are given one by one */
    rd_kafka_topic_t *topics[MR_KAFKA_TOPICS_MAX];
    size_t topic_count;
};

/* rd_conf is copied; the instance wakes wake. */
MR_MUST_CHECK enum mr_status mr_kafka_instance_make(struct mr_kafka_instance *instance,
                                                    const rd_kafka_conf_t *rd_conf,
                                                    struct mr_kafka_wake *wake,
                                                    struct mr_error *why);
/* Blocks: for the thread pool. */
void mr_kafka_instance_destroy(struct mr_kafka_instance *instance);
/* The handle of a topic, made once; NULL: not a name, or too many. */
rd_kafka_topic_t *mr_kafka_instance_topic(struct mr_kafka_instance *instance, const char *name);
/* Copies all of the message; opaque comes back with its report. */
rd_kafka_resp_err_t mr_kafka_instance_produce(struct mr_kafka_instance *instance,
                                              rd_kafka_topic_t *topic,
                                              const struct mr_kafka_message *message, void *opaque);

#endif
