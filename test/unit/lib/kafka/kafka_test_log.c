#include "kafka_test_log.h"

#include "kafka_until.h"
#include "mr_kafka_admin.h"
#include "mr_kafka_producer.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

static void on_log(void *owner, int level, const char *facility, const char *text)
{
    (void)owner;
    fprintf(stderr, "librdkafka %d %s: %s\n", level, facility, text);
}

struct mr_kafka_conf *kafka_test_conf(const char *address)
{
    struct mr_error why;
    struct mr_kafka_conf *conf;
    struct mr_kafka_conf_settings settings = {
        .brokers = address,
        .client_id = "test",
        .on_log = on_log,
        /* such as one with debug=eos, to look into a failure */
        .properties_file = getenv("MILLRACE_TEST_KAFKA_PROPERTIES"),
    };
    cr_assert_eq(mr_kafka_conf_new(&settings, &conf, &why), MR_OK, "%s", why.text);
    return conf;
}

void kafka_test_topic(const struct mr_kafka_conf *conf, const char *topic, int32_t lanes)
{
    struct mr_error why;
    struct mr_kafka_admin *admin;
    struct mr_kafka_topic want = {.name = topic,
                                  .lanes = lanes,
                                  .replicas = 1,
                                  .in_sync_min = 1,
                                  .retention_ms = MR_KAFKA_RETENTION_COMMANDS_MS,
                                  .message_bytes_max = MR_KAFKA_MESSAGE_BYTES_MAX};
    cr_assert_eq(mr_kafka_admin_new(conf, &admin, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_kafka_admin_create(admin, &want, 1, NULL, &why), MR_OK, "%s", why.text);
    mr_kafka_admin_free(admin);
}

static void on_report(void *owner, const struct mr_kafka_report *report)
{
    uint64_t *stored = owner;
    cr_assert_eq(report->outcome, MR_KAFKA_STORED, "%s", report->error);
    ++*stored;
}

static void send_one(struct mr_kafka_producer *producer, const char *topic, int32_t lane, int64_t n)
{
    char key[24], value[24], number[24];
    struct mr_error why;
    snprintf(key, sizeof key, "k%" PRId64, n);
    snprintf(value, sizeof value, "v%" PRId64, n);
    snprintf(number, sizeof number, "%" PRId64, n);
    struct mr_ce_header header = {.name = mr_slice_text("n"), .value = mr_slice_text(number)};
    struct mr_kafka_message message = {.topic = topic,
                                       .partition = lane,
                                       .key = mr_slice_text(key),
                                       .value = mr_slice_text(value),
                                       .headers = {.items = &header, .count = 1}};
    cr_assert_eq(mr_kafka_producer_send(producer, &message, &why), MR_OK, "%s", why.text);
}

void kafka_test_fill(const struct mr_kafka_conf *conf, const char *topic, int32_t lane,
                     int64_t first, int64_t count)
{
    uv_loop_t loop;
    uint64_t stored = 0, closed = 0;
    struct mr_error why;
    struct mr_kafka_producer *producer;
    struct mr_kafka_producer_settings settings = {
        .conf = conf, .linger_us = 500, .on_report = on_report, .owner = &stored};
    uv_loop_init(&loop);
    cr_assert_eq(mr_kafka_producer_new(&loop, &settings, &producer, &why), MR_OK, "%s", why.text);
    for (int64_t n = first; n < first + count; n++)
        send_one(producer, topic, lane, n);
    cr_assert(kafka_until_count(&loop, &stored, (uint64_t)count, 30000), "stored %" PRIu64, stored);
    mr_kafka_producer_close(producer, 1000, kafka_count_one, &closed);
    cr_assert(kafka_until_count(&loop, &closed, 1, 10000));
    cr_assert_eq(uv_loop_close(&loop), 0);
}

void kafka_test_cut(const char *address, const char *topic, int32_t lane, int64_t low)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", address, text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cr_assert(rk, "%s", text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, lane)->offset = low;
    rd_kafka_DeleteRecords_t *cut = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &cut, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 30000);
    cr_assert(event && !rd_kafka_event_error(event), "%s", rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(cut);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
}
