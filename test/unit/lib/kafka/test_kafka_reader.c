/* Blocking reads against a real broker. */
#include "kafka_broker.h"
#include "kafka_test_log.h"
#include "mr_kafka_reader.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static struct mr_kafka_conf *conf;
static struct mr_kafka_reader *reader;
static struct mr_error why;

/* Lane 0 is empty, lane 1 has 20 .. 99 of 0 .. 99. */
static void open_topic(const char *topic)
{
    conf = kafka_test_conf(kafka_broker_address());
    kafka_test_topic(conf, topic, 2);
    kafka_test_fill(conf, topic, 1, 0, 100);
    kafka_test_cut(kafka_broker_address(), topic, 1, 20);
    cr_assert_eq(mr_kafka_reader_new(conf, &reader, &why), MR_OK, "%s", why.text);
}

static void close_topic(void)
{
    mr_kafka_reader_free(reader);
    mr_kafka_conf_free(conf);
}

Test(kafka_reader, given_a_topic_then_tells_lanes_and_ranges)
{
    open_topic("r.ranges");
    int32_t lanes;
    cr_assert_eq(mr_kafka_reader_lanes(reader, "r.ranges", &lanes, 10000, &why), MR_OK);
    cr_expect_eq(lanes, 2);
    struct mr_kafka_lane_range ranges[2];
    struct mr_kafka_reader_query query = {.topic = "r.ranges", .timeout_ms = 10000};
    cr_assert_eq(mr_kafka_reader_ranges(reader, &query, ranges, 2, &why), MR_OK, "%s", why.text);
    cr_expect_eq(ranges[0].low, 0);
    cr_expect_eq(ranges[0].high, 0);
    cr_expect_eq(ranges[1].low, 20);
    cr_expect_eq(ranges[1].high, 100);
    cr_expect_eq(mr_kafka_reader_lanes(reader, "r.none", &lanes, 10000, &why), MR_LOST);
    cr_expect_str_eq(why.text, "r.none: there is no such topic");
    close_topic();
}

static const struct {
    int64_t position;
    enum mr_status want;
} rows[] = {{0, MR_LOST}, {19, MR_LOST}, {20, MR_OK}, {99, MR_OK}, {100, MR_LOST}, {50, MR_OK}};

Test(kafka_reader, given_positions_then_reads_each_that_is_there)
{
    open_topic("r.record");
    struct mr_kafka_reader_query query = {.topic = "r.record", .lane = 1, .timeout_ms = 10000};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_kafka_record record;
        char text[24];
        enum mr_status s = mr_kafka_reader_record(reader, &query, rows[i].position, &record, &why);
        cr_assert_eq(s, rows[i].want, "%" PRId64 ": %s", rows[i].position, why.text);
        if (s != MR_OK)
            continue;
        snprintf(text, sizeof text, "v%" PRId64, rows[i].position);
        cr_expect_eq(record.position, rows[i].position);
        cr_expect(mr_slice_is(record.value, text));
        cr_expect_eq(record.headers.count, 1);
    }
    cr_expect(strstr(why.text, "r.record lane 1: the log has no record at 100"), "%s", why.text);
    close_topic();
}

struct scanned {
    int64_t next, stop_at;
    uint64_t count;
};

static bool on_record(void *owner, const struct mr_kafka_record *record)
{
    struct scanned *s = owner;
    cr_assert_eq(record->position, s->next);
    s->next++;
    s->count++;
    return record->position != s->stop_at;
}

Test(kafka_reader, given_a_range_then_scans_what_the_log_has_of_it)
{
    open_topic("r.scan");
    struct mr_kafka_reader_query query = {.topic = "r.scan", .lane = 1, .timeout_ms = 10000};
    struct scanned s = {.next = 20, .stop_at = -1};
    struct mr_kafka_reader_scan scan = {.from = 0, .to = 60, .on_record = on_record, .owner = &s};
    cr_assert_eq(mr_kafka_reader_scan(reader, &query, &scan, &why), MR_OK, "%s", why.text);
    cr_expect_eq(s.count, 40);
    s = (struct scanned){.next = 90, .stop_at = -1};
    scan.from = 90;
    scan.to = INT64_MAX;
    cr_assert_eq(mr_kafka_reader_scan(reader, &query, &scan, &why), MR_OK, "%s", why.text);
    cr_expect_eq(s.count, 10);
    s = (struct scanned){.next = 30, .stop_at = 34};
    scan.from = 30;
    cr_assert_eq(mr_kafka_reader_scan(reader, &query, &scan, &why), MR_OK, "%s", why.text);
    cr_expect_eq(s.count, 5);
    query.lane = 0; /* empty */
    cr_assert_eq(mr_kafka_reader_scan(reader, &query, &scan, &why), MR_OK, "%s", why.text);
    cr_expect_eq(s.count, 5);
    close_topic();
}

Test(kafka_reader, given_no_broker_then_is_busy_within_the_timeout)
{
    conf = kafka_test_conf("127.0.0.1:1");
    cr_assert_eq(mr_kafka_reader_new(conf, &reader, &why), MR_OK);
    struct mr_kafka_reader_query query = {.topic = "r.away", .timeout_ms = 500};
    struct mr_kafka_lane_range range;
    int32_t lanes;
    cr_expect_eq(mr_kafka_reader_lanes(reader, "r.away", &lanes, 500, &why), MR_BUSY);
    cr_expect_eq(mr_kafka_reader_range(reader, &query, &range, &why), MR_BUSY, "%s", why.text);
    close_topic();
}
