/* One lane at a time, without a group, against a real broker. */
#include "test_kafka_consumer.h"

#include "mr_cloudevent.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static uv_loop_t loop;
static struct mr_kafka_conf *conf;
static struct watcher w = {.start_at = -1};

static void open_topic(const char *topic, int32_t lanes)
{
    uv_loop_init(&loop);
    conf = kafka_test_conf(kafka_broker_address());
    kafka_test_topic(conf, topic, lanes);
}

static void close_all(void)
{
    watcher_close(&w, &loop);
    mr_kafka_conf_free(conf);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

static void check_record(struct watcher *watcher, const struct mr_kafka_record *record)
{
    char text[24];
    (void)watcher;
    snprintf(text, sizeof text, "v%" PRId64, record->position);
    cr_assert(mr_slice_is(record->value, text));
    snprintf(text, sizeof text, "k%" PRId64, record->position);
    cr_assert(mr_slice_is(record->key, text));
    cr_assert_eq(record->headers.count, 1);
    cr_assert_eq(record->header_count_all, 1);
    snprintf(text, sizeof text, "%" PRId64, record->position);
    cr_assert(mr_slice_is(mr_ce_header_find(&record->headers, "n"), text));
    cr_assert_gt(record->append_ms, INT64_C(1600000000000));
}

Test(kafka_consumer, given_a_start_then_hands_over_from_there_to_the_end)
{
    open_topic("c.start", 2);
    kafka_test_fill(conf, "c.start", 1, 0, 1000);
    w.on_record = check_record;
    watcher_open(&w, &loop, (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.start"});
    watcher_start(&w, 1, 400);
    cr_assert(kafka_until_count(&loop, &w.ends, 1, 20000));
    cr_expect_eq(w.count, 600);
    cr_expect_eq(w.first[1], 400);
    cr_expect_eq(w.last[1], 999);
    cr_expect_eq(w.broken, 0);
    cr_expect_eq(w.end, 1000);
    cr_expect_eq(mr_kafka_consumer_end_of(w.consumer, 1), 1000);
    cr_expect_eq(mr_kafka_consumer_end_of(w.consumer, 0), -1);
    close_all();
}

Test(kafka_consumer, given_earliest_then_begins_at_the_oldest_record)
{
    open_topic("c.earliest", 1);
    kafka_test_fill(conf, "c.earliest", 0, 0, 100);
    kafka_test_cut(kafka_broker_address(), "c.earliest", 0, 60);
    watcher_open(&w, &loop,
                 (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.earliest"});
    watcher_start(&w, 0, MR_KAFKA_EARLIEST);
    cr_assert(kafka_until_count(&loop, &w.count, 40, 20000));
    cr_expect_eq(w.first[0], 60);
    cr_expect_eq(w.broken, 0);
    close_all();
}

/* Starts anew at some earlier or later place after every 97th record, from within the callback. */
static int64_t expected;
static uint64_t restarts;

static void start_elsewhere(struct watcher *watcher, const struct mr_kafka_record *record)
{
    cr_assert_eq(record->position, expected, "got %" PRId64 ", wanted %" PRId64, record->position,
                 expected);
    expected++;
    if (watcher->count % 97 == 0 && restarts < 60) {
        restarts++;
        expected = (int64_t)(restarts * 7919 % 4000);
        watcher_start(watcher, 0, expected);
    }
}

Test(kafka_consumer, given_starts_anew_amid_records_then_nothing_older_is_handed_over)
{
    open_topic("c.restart", 1);
    kafka_test_fill(conf, "c.restart", 0, 0, 5000);
    w.on_record = start_elsewhere;
    watcher_open(&w, &loop,
                 (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.restart"});
    watcher_start(&w, 0, 0);
    cr_assert(kafka_until_count(&loop, &w.ends, 1, 60000));
    cr_expect_eq(restarts, 60);
    cr_expect_eq(expected, 5000);
    close_all();
}

static void pause_often(struct watcher *watcher, const struct mr_kafka_record *record)
{
    cr_assert_eq(record->position, expected);
    expected++;
    if (watcher->count % 100 == 0)
        mr_kafka_consumer_pause(watcher->consumer, record->lane);
}

static bool is_all_after_resuming(void *data)
{
    struct watcher *watcher = data;
    mr_kafka_consumer_resume(watcher->consumer, 0);
    return watcher->count >= 5000;
}

Test(kafka_consumer, given_pauses_then_nothing_is_lost_or_repeated)
{
    open_topic("c.pause", 1);
    kafka_test_fill(conf, "c.pause", 0, 0, 5000);
    w.on_record = pause_often;
    watcher_open(&w, &loop, (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.pause"});
    watcher_start(&w, 0, 0);
    cr_assert(kafka_until_count(&loop, &w.count, 100, 20000));
    uint64_t never = 0;
    cr_expect_not(kafka_until_count(&loop, &never, 1, 300));
    cr_expect_eq(w.count, 100, "a paused lane hands nothing over");
    cr_assert(kafka_until(&loop, is_all_after_resuming, &w, 60000));
    cr_expect_eq(expected, 5000);
    close_all();
}

Test(kafka_consumer, given_a_stop_then_hands_nothing_over_and_starts_again)
{
    open_topic("c.stop", 1);
    kafka_test_fill(conf, "c.stop", 0, 0, 100);
    watcher_open(&w, &loop, (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.stop"});
    watcher_start(&w, 0, 50);
    mr_kafka_consumer_stop(w.consumer, 0);
    uint64_t never = 0;
    cr_expect_not(kafka_until_count(&loop, &never, 1, 300));
    cr_expect_eq(w.count, 0);
    watcher_start(&w, 0, 99);
    cr_assert(kafka_until_count(&loop, &w.count, 1, 20000));
    cr_expect_eq(w.first[0], 99);
    close_all();
}

Test(kafka_consumer, given_positions_that_the_log_has_not_then_says_so_and_starts_elsewhere)
{
    open_topic("c.range", 1);
    kafka_test_fill(conf, "c.range", 0, 0, 100);
    kafka_test_cut(kafka_broker_address(), "c.range", 0, 10);
    watcher_open(&w, &loop, (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.range"});
    watcher_start(&w, 0, 500);
    cr_assert(kafka_until_count(&loop, &w.out_of_range, 1, 20000));
    cr_expect_eq(w.refused, 500);
    watcher_start(&w, 0, 5);
    cr_assert(kafka_until_count(&loop, &w.out_of_range, 2, 20000));
    cr_expect_eq(w.refused, 5);
    cr_expect_eq(w.count, 0);
    watcher_start(&w, 0, 10);
    cr_assert(kafka_until_count(&loop, &w.count, 90, 20000));
    cr_expect_eq(w.first[0], 10);
    cr_expect_eq(w.out_of_range, 2);
    watcher_start(&w, 0, 100); /* the end is no error */
    kafka_test_fill(conf, "c.range", 0, 100, 1);
    cr_assert(kafka_until_count(&loop, &w.count, 91, 20000));
    close_all();
}

/* How long a refusal of position 500 takes to come. */
static uint64_t refusal_ns(void)
{
    uint64_t began = uv_hrtime(), refusals = w.out_of_range;
    watcher_start(&w, 0, 500);
    cr_assert(kafka_until_count(&loop, &w.out_of_range, refusals + 1, 20000));
    return uv_hrtime() - began;
}

Test(kafka_consumer, given_a_refusal_on_its_way_then_it_does_not_hit_the_next_start)
{
    enum { ROUNDS = 15 };
    open_topic("c.late", 1);
    kafka_test_fill(conf, "c.late", 0, 0, 20);
    watcher_open(
        &w, &loop,
        (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.late", .fetch_wait_ms = 2});
    for (uint64_t n = 0; n < ROUNDS; n++) {
        /* From well before the refusal comes to just after it. */
        uint64_t wait_ns = refusal_ns() * (ROUNDS - ROUNDS / 3 + n * 2 / 5) / ROUNDS;
        watcher_start(&w, 0, 500);
        uint64_t until_ns = uv_hrtime() + wait_ns;
        while (uv_hrtime() < until_ns)
            uv_run(&loop, UV_RUN_NOWAIT);
        watcher_reset(&w);
        watcher_start(&w, 0, 10);
        cr_assert(kafka_until_count(&loop, &w.count, 10, 20000), "start %" PRIu64, n);
        cr_assert_eq(w.first[0], 10);
        cr_assert_neq(w.refused, 10, "start %" PRIu64 " was refused for the one before", n);
    }
    close_all();
}

Test(kafka_consumer, given_a_small_queue_then_fetching_does_not_stall_for_seconds)
{
    enum { BATCHES = 30, EACH = 500 };
    open_topic("c.small", 1);
    for (int64_t n = 0; n < BATCHES; n++)
        kafka_test_fill(conf, "c.small", 0, n * EACH, EACH);
    watcher_open(&w, &loop,
                 (struct mr_kafka_consumer_settings){.conf = conf,
                                                     .topic = "c.small",
                                                     .lane_fetch_bytes_max = 2048,
                                                     .lane_queue_bytes_max = 2048});
    watcher_start(&w, 0, 0);
    uint64_t began = uv_hrtime();
    cr_assert(kafka_until_count(&loop, &w.count, BATCHES * EACH, 60000));
    uint64_t took_ms = (uv_hrtime() - began) / 1000000;
    fprintf(stderr, "30 batches through a queue that holds less than one: %" PRIu64 " ms\n",
            took_ms);
    cr_expect_eq(w.broken, 0);
    cr_expect_lt(took_ms, 8000, "a full queue is looked at again after a second: it took %" PRIu64,
                 took_ms);
    close_all();
}

static void close_within(struct watcher *watcher, const struct mr_kafka_record *record)
{
    if (record->position == 50)
        mr_kafka_consumer_close(watcher->consumer, kafka_count_one, &watcher->closed);
}

Test(kafka_consumer, given_a_close_from_within_a_callback_then_no_more_comes)
{
    open_topic("c.within", 1);
    kafka_test_fill(conf, "c.within", 0, 0, 100);
    w.on_record = close_within;
    watcher_open(&w, &loop, (struct mr_kafka_consumer_settings){.conf = conf, .topic = "c.within"});
    watcher_start(&w, 0, 0);
    cr_assert(kafka_until_count(&loop, &w.closed, 1, 20000));
    cr_expect_eq(w.count, 51);
    mr_kafka_conf_free(conf);
    cr_assert_eq(uv_loop_close(&loop), 0);
}
