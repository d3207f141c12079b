/* What goes wrong: a broker that is frozen, refuses or goes away, and a producer that fails. */
#include "kafka_broker.h"
#include "kafka_test_log.h"
#include "kafka_until.h"
#include "mr_kafka_client.h"
#include "mr_kafka_producer.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <librdkafka/rdkafka_mock.h>

struct seen {
    uint64_t count, stored, not_stored, unknown, closed;
    uint64_t failed, renewed; /* on_state */
    uint64_t reports_at_failure;
    struct mr_kafka_report last;
};

static struct seen seen;
static uv_loop_t loop;
static struct mr_kafka_conf *conf;
static struct mr_kafka_producer *producer;

static enum mr_status send_to(const char *topic)
{
    struct mr_kafka_message message = {
        .topic = topic, .partition = 0, .value = mr_slice_text("{}")};
    return mr_kafka_producer_send(producer, &message, NULL);
}

static void on_report(void *owner, const struct mr_kafka_report *report)
{
    struct seen *s = owner;
    s->last = *report;
    s->count++;
    s->stored += report->outcome == MR_KAFKA_STORED;
    s->not_stored += report->outcome == MR_KAFKA_NOT_STORED;
    s->unknown += report->outcome == MR_KAFKA_UNKNOWN;
}

static void on_state(void *owner, bool ready, const char *why)
{
    struct seen *s = owner;
    if (ready) {
        s->renewed++;
        return;
    }
    cr_expect(why && *why);
    cr_expect_eq(send_to("f.fatal"), MR_BUSY);
    s->reports_at_failure = s->count;
    s->failed++;
}

static void open_producer(const char *address, uint32_t message_timeout_ms)
{
    struct mr_error why;
    uv_loop_init(&loop);
    conf = kafka_test_conf(address);
    struct mr_kafka_producer_settings settings = {.conf = conf,
                                                  .linger_us = 500,
                                                  .message_timeout_ms = message_timeout_ms,
                                                  .on_report = on_report,
                                                  .on_state = on_state,
                                                  .owner = &seen};
    cr_assert_eq(mr_kafka_producer_new(&loop, &settings, &producer, &why), MR_OK, "%s", why.text);
}

static void close_producer(uint64_t deadline_ms)
{
    mr_kafka_producer_close(producer, deadline_ms, kafka_count_one, &seen.closed);
    cr_assert(kafka_until_count(&loop, &seen.closed, 1, 20000));
    mr_kafka_conf_free(conf);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

static struct kafka_broker own;

static void stop_own(void)
{
    kafka_broker_stop(&own);
}

Test(kafka_producer_faults, given_a_frozen_broker_then_times_out_and_goes_on_when_it_thaws,
     .fini = stop_own)
{
    kafka_broker_start(&own);
    open_producer(own.address, 3000);
    kafka_test_topic(conf, "f.frozen", 1);
    cr_assert_eq(send_to("f.frozen"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.stored, 1, 20000));
    kafka_broker_freeze(&own);
    uint64_t began = uv_hrtime();
    cr_assert_eq(send_to("f.frozen"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.count, 2, 20000));
    uint64_t took_ms = (uv_hrtime() - began) / 1000000;
    cr_expect_eq(seen.unknown, 1, "it was on its way: %s", seen.last.error);
    cr_expect_lt(took_ms, 4500, "took %" PRIu64 " ms", took_ms);
    kafka_broker_thaw(&own);
    uint64_t stored = seen.stored;
    while (seen.stored == stored) { /* until the connection is made anew */
        uint64_t count = seen.count;
        cr_assert_eq(send_to("f.frozen"), MR_OK);
        cr_assert(kafka_until_count(&loop, &seen.count, count + 1, 20000));
        cr_assert_lt(seen.count, 20);
    }
    close_producer(5000);
}

/* A producer of events beside the one of commands: it never times a message out. */
static struct seen events_seen;

static struct mr_kafka_producer *open_events(void)
{
    struct mr_error why;
    struct mr_kafka_producer *events;
    struct mr_kafka_producer_settings settings = {
        .conf = conf, .linger_us = 500, .on_report = on_report, .owner = &events_seen};
    cr_assert_eq(mr_kafka_producer_new(&loop, &settings, &events, &why), MR_OK, "%s", why.text);
    return events;
}

static void send_events(struct mr_kafka_producer *events, int count)
{
    struct mr_kafka_message message = {.topic = "f.away", .value = mr_slice_text("{}")};
    for (int n = 0; n < count; n++)
        cr_assert_eq(mr_kafka_producer_send(events, &message, NULL), MR_OK);
}

Test(kafka_producer_faults, given_a_broker_that_goes_away_then_tells_and_recovers, .fini = stop_own)
{
    kafka_broker_start(&own);
    open_producer(own.address, 2000);
    kafka_test_topic(conf, "f.away", 1);
    struct mr_kafka_producer *events = open_events();
    send_events(events, 100);
    cr_assert_eq(send_to("f.away"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.stored, 1, 20000));
    cr_assert(kafka_until_count(&loop, &events_seen.stored, 100, 20000));
    kafka_broker_kill(&own);
    send_events(events, 100);
    cr_assert_eq(send_to("f.away"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.count, 2, 20000));
    cr_assert_eq(seen.stored, 1);
    cr_assert_eq(send_to("f.away"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.count, 3, 20000));
    cr_expect_eq(seen.last.outcome, MR_KAFKA_NOT_STORED, "it was never sent: %s", seen.last.error);
    cr_expect_eq(events_seen.count, 100, "events wait");
    kafka_broker_again(&own);
    while (seen.stored == 1) {
        uint64_t count = seen.count;
        cr_assert_eq(send_to("f.away"), MR_OK);
        cr_assert(kafka_until_count(&loop, &seen.count, count + 1, 20000));
        cr_assert_lt(seen.count, 20);
    }
    cr_assert(kafka_until_count(&loop, &events_seen.count, 200, 60000));
    cr_expect_eq(events_seen.not_stored, 0);
    mr_kafka_producer_close(events, 5000, kafka_count_one, &events_seen.closed);
    cr_assert(kafka_until_count(&loop, &events_seen.closed, 1, 20000));
    close_producer(5000);
}

Test(kafka_producer_faults, given_a_fatal_error_then_reports_unknown_and_is_renewed)
{
    open_producer(kafka_broker_address(), 0);
    kafka_test_topic(conf, "f.fatal", 1);
    cr_assert_eq(send_to("f.fatal"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.stored, 1, 20000));
    for (uint64_t round = 1; round <= 3; round++) {
        uint64_t count = seen.count;
        for (int n = 0; n < 50; n++)
            cr_assert_eq(send_to("f.fatal"), MR_OK);
        rd_kafka_test_fatal_error(mr_kafka_producer_rd(producer),
                                  RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "for the test");
        cr_assert(kafka_until_count(&loop, &seen.failed, round, 20000));
        cr_expect_eq(seen.reports_at_failure, count + 50, "all reports come first");
        cr_assert(kafka_until_count(&loop, &seen.renewed, round, 20000));
        cr_expect(mr_kafka_producer_is_ready(producer));
        uint64_t stored = seen.stored;
        cr_assert_eq(send_to("f.fatal"), MR_OK);
        cr_assert(kafka_until_count(&loop, &seen.stored, stored + 1, 20000));
    }
    cr_expect_eq(mr_kafka_producer_counters(producer).renewals, 3);
    cr_expect_eq(seen.count, 1 + 3 * 51);
    close_producer(5000);
}

Test(kafka_producer_faults, given_a_close_amid_a_renewal_then_closes)
{
    open_producer(kafka_broker_address(), 0);
    rd_kafka_test_fatal_error(mr_kafka_producer_rd(producer), RD_KAFKA_RESP_ERR__FENCED, "test");
    cr_assert(kafka_until_count(&loop, &seen.failed, 1, 20000));
    close_producer(5000);
}

Test(kafka_producer_faults, given_a_deadline_that_passes_then_the_rest_is_unknown)
{
    open_producer("127.0.0.1:1", 0); /* nobody listens there */
    for (int n = 0; n < 10; n++)
        cr_assert_eq(send_to("f.nobody"), MR_OK);
    close_producer(100);
    cr_expect_eq(seen.unknown, 10);
}

/* ---- faults that only librdkafka's mock can make ---- */

struct mock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
};

static struct mock mock_start(void)
{
    char text[256];
    struct mock mock;
    mock.rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    mock.cluster = rd_kafka_mock_cluster_new(mock.rk, 1);
    rd_kafka_mock_topic_create(mock.cluster, "m", 1, 1);
    return mock;
}

static void mock_stop(struct mock *mock)
{
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
}

#define PRODUCE 0 /* the request's number in Kafka's protocol */

static void mock_refuse(const struct mock *mock, rd_kafka_resp_err_t error)
{
    for (int n = 0; n < 100; n++)
        rd_kafka_mock_push_request_errors(mock->cluster, PRODUCE, 1, error);
}

Test(kafka_producer_faults, given_too_few_replicas_then_is_surely_not_stored)
{
    struct mock mock = mock_start();
    open_producer(rd_kafka_mock_cluster_bootstraps(mock.cluster), 1500);
    mock_refuse(&mock, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(send_to("m"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.count, 1, 20000));
    cr_expect_eq(seen.last.outcome, MR_KAFKA_NOT_STORED, "%s", seen.last.error);
    cr_expect_eq(seen.last.status, MR_BUSY);
    close_producer(5000);
    mock_stop(&mock);
}

Test(kafka_producer_faults, given_a_connection_cut_before_the_answer_then_the_outcome_is_unknown)
{
    struct mock mock = mock_start();
    open_producer(rd_kafka_mock_cluster_bootstraps(mock.cluster), 1500);
    mock_refuse(&mock, RD_KAFKA_RESP_ERR__TRANSPORT); /* cuts the connection instead of answering */
    cr_assert_eq(send_to("m"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.count, 1, 20000));
    cr_expect_eq(seen.last.outcome, MR_KAFKA_UNKNOWN, "%s", seen.last.error);
    close_producer(5000);
    mock_stop(&mock);
}

Test(kafka_producer_faults, given_a_record_that_the_broker_refuses_then_it_never_can_be_stored)
{
    struct mock mock = mock_start();
    open_producer(rd_kafka_mock_cluster_bootstraps(mock.cluster), 1500);
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    cr_assert_eq(send_to("m"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.count, 1, 20000));
    cr_expect_eq(seen.last.outcome, MR_KAFKA_NOT_STORED);
    cr_expect_eq(seen.last.status, MR_INVALID);
    cr_assert_eq(send_to("m"), MR_OK); /* and the producer lives */
    cr_assert(kafka_until_count(&loop, &seen.stored, 1, 20000));
    close_producer(5000);
    mock_stop(&mock);
}

Test(kafka_producer_faults, given_a_record_stored_before_at_an_unknown_place_then_is_unknown)
{
    struct mock mock = mock_start();
    open_producer(rd_kafka_mock_cluster_bootstraps(mock.cluster), 1500);
    rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
    cr_assert_eq(send_to("m"), MR_OK);
    cr_assert(kafka_until_count(&loop, &seen.count, 1, 20000));
    cr_expect_eq(seen.last.outcome, MR_KAFKA_UNKNOWN);
    cr_expect_eq(seen.last.offset, -1);
    cr_expect_str_eq(seen.last.error, "stored at an unknown position");
    cr_expect(seen.last.in_log);
    close_producer(5000);
    mock_stop(&mock);
}
