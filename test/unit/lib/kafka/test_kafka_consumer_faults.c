/* A broker that is killed and comes back, and one that is frozen while a member leaves. */
#include "test_kafka_consumer.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static uv_loop_t loop;
static struct watcher w;
static struct kafka_broker own;

static void stop_own(void)
{
    kafka_broker_stop(&own);
}

static bool is_again(void *data)
{
    (void)data;
    return w.count >= 1000 && w.lanes == 3;
}

Test(kafka_consumer_faults, given_a_broker_restart_then_goes_on_without_loss_or_repetition,
     .fini = stop_own)
{
    kafka_broker_start(&own);
    uv_loop_init(&loop);
    struct mr_kafka_conf *conf = kafka_test_conf(own.address);
    kafka_test_topic(conf, "f.restart", 2);
    kafka_test_fill(conf, "f.restart", 0, 0, 500);
    struct mr_kafka_consumer_settings settings = {
        .conf = conf, .topic = "f.restart", .group = "f.restart", .session_timeout_ms = 60000};
    watcher_open(&w, &loop, settings);
    w.start_at = -1;
    cr_assert(kafka_until_count(&loop, &w.assigned, 1, 30000));
    watcher_start(&w, 0, 0);
    cr_assert(kafka_until_count(&loop, &w.count, 500, 30000));
    kafka_broker_kill(&own);
    kafka_broker_again(&own);
    kafka_test_fill(conf, "f.restart", 0, 500, 500);
    cr_assert(kafka_until(&loop, is_again, NULL, 60000), "%" PRIu64 " records", w.count);
    cr_expect_eq(w.count, 1000);
    cr_expect_eq(w.first[0], 0);
    cr_expect_eq(w.last[0], 999);
    cr_expect_eq(w.broken, 0);
    cr_expect_eq(w.out_of_range, 0);

    kafka_broker_freeze(&own);
    uint64_t began = uv_hrtime();
    watcher_close(&w, &loop);
    uint64_t took_ms = (uv_hrtime() - began) / 1000000;
    fprintf(stderr, "leaving a frozen broker took %" PRIu64 " ms\n", took_ms);
    cr_expect_lt(took_ms, 9000);
    mr_kafka_conf_free(conf);
    cr_assert_eq(uv_loop_close(&loop), 0);
}
