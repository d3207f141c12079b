/* Making, feeding and destroying an instance. */
#include "mr_kafka_instance.h"

#include <stdlib.h>
#include <string.h>

enum mr_status mr_kafka_instance_make(struct mr_kafka_instance *instance,
                                      const rd_kafka_conf_t *rd_conf, struct mr_kafka_wake *wake,
                                      struct mr_error *why)
{
    rd_kafka_conf_t *copy = rd_kafka_conf_dup(rd_conf);
    rd_kafka_conf_set_events(copy, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG |
                                       RD_KAFKA_EVENT_STATS);
    *instance = (struct mr_kafka_instance){.rk = NULL};
    enum mr_status s = mr_kafka_client_new(RD_KAFKA_PRODUCER, copy, &instance->rk, why);
    if (s != MR_OK)
        return s;
    instance->queue = rd_kafka_queue_get_main(instance->rk);
    mr_kafka_wake_watch(wake, instance->queue);
    mr_kafka_wake_again(wake); /* for what came before it was watched */
    return MR_OK;
}

void mr_kafka_instance_destroy(struct mr_kafka_instance *instance)
{
    if (!instance->rk)
        return;
    if (instance->event)
        rd_kafka_event_destroy(instance->event);
    for (size_t i = 0; i < instance->topic_count; i++)
        rd_kafka_topic_destroy(instance->topics[i]);
    rd_kafka_queue_destroy(instance->queue);
    rd_kafka_destroy(instance->rk);
    *instance = (struct mr_kafka_instance){.rk = NULL};
}

rd_kafka_topic_t *mr_kafka_instance_topic(struct mr_kafka_instance *instance, const char *name)
{
    for (size_t i = 0; i < instance->topic_count; i++)
        if (strcmp(rd_kafka_topic_name(instance->topics[i]), name) == 0)
            return instance->topics[i];
    if (instance->topic_count == MR_KAFKA_TOPICS_MAX)
        return NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(instance->rk, name, NULL);
    if (topic)
        instance->topics[instance->topic_count++] = topic;
    return topic;
}

/* librdkafka takes one allocation a header however they are given. */
static rd_kafka_headers_t *headers_make(const struct mr_ce_headers *headers)
{
    if (headers->count == 0)
        return NULL;
    rd_kafka_headers_t *made = rd_kafka_headers_new(headers->count);
    for (size_t i = 0; i < headers->count; i++) {
        const struct mr_ce_header *h = &headers->items[i];
        if (rd_kafka_header_add(made, h->name.data, (ssize_t)h->name.len, h->value.data,
                                (ssize_t)h->value.len) != RD_KAFKA_RESP_ERR_NO_ERROR)
            abort();
    }
    return made;
}

rd_kafka_resp_err_t mr_kafka_instance_produce(struct mr_kafka_instance *instance,
                                              rd_kafka_topic_t *topic,
                                              const struct mr_kafka_message *message, void *opaque)
{
    rd_kafka_headers_t *headers = headers_make(&message->headers);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        instance->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(message->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(message->key.data, message->key.len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.data, message->value.len),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && headers)
        rd_kafka_headers_destroy(headers); /* else librdkafka owns them */
    return error;
}
