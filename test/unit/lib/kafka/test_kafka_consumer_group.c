/* Members of a group: who has which lane, and what a change of hands does to records. */
#include "test_kafka_consumer.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static uv_loop_t loop;
static struct mr_kafka_conf *conf;
static struct watcher a, b;

static void open_topic(const char *topic, int32_t lanes)
{
    uv_loop_init(&loop);
    conf = kafka_test_conf(kafka_broker_address());
    kafka_test_topic(conf, topic, lanes);
    a.start_at = b.start_at = -1;
}

static void close_topic(void)
{
    mr_kafka_conf_free(conf);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

static bool is_shared(void *data)
{
    (void)data;
    return __builtin_popcountll(a.lanes) == 2 && __builtin_popcountll(b.lanes) == 2;
}

Test(kafka_group, given_an_assigned_lane_then_hands_nothing_over_before_start)
{
    open_topic("g.start", 2);
    kafka_test_fill(conf, "g.start", 0, 0, 10);
    watcher_open(
        &a, &loop,
        (struct mr_kafka_consumer_settings){.conf = conf, .topic = "g.start", .group = "g.start"});
    struct mr_error why;
    cr_expect_eq(mr_kafka_consumer_start(a.consumer, 0, 0, &why), MR_LOST);
    cr_expect_str_eq(why.text, "g.start lane 0: is not assigned");
    cr_assert(kafka_until_count(&loop, &a.assigned, 1, 30000));
    cr_expect_eq(a.lanes, 3);
    uint64_t never = 0;
    cr_expect_not(kafka_until_count(&loop, &never, 1, 300));
    cr_expect_eq(a.count, 0);
    watcher_start(&a, 0, 7);
    cr_assert(kafka_until_count(&loop, &a.count, 3, 20000));
    cr_expect_eq(a.first[0], 7);
    watcher_close(&a, &loop);
    close_topic();
}

Test(kafka_group, given_a_second_member_then_lanes_are_shared_and_come_back_when_it_leaves)
{
    open_topic("g.share", 4);
    for (int32_t lane = 0; lane < 4; lane++)
        kafka_test_fill(conf, "g.share", lane, 0, 100);
    struct mr_kafka_consumer_settings settings = {
        .conf = conf, .topic = "g.share", .group = "g.share"};
    a.start_at = 0;
    b.start_at = 90;
    watcher_open(&a, &loop, settings);
    cr_assert(kafka_until_count(&loop, &a.count, 400, 30000));
    cr_expect_eq(a.lanes, 15);
    watcher_reset(&a);
    a.start_at = 50;
    watcher_open(&b, &loop, settings);
    cr_assert(kafka_until(&loop, is_shared, NULL, 30000));
    cr_expect_eq(a.lanes & b.lanes, 0);
    cr_expect_eq(a.revoked, 1);
    cr_expect_eq(a.lost, 0);
    cr_assert(kafka_until_count(&loop, &b.count, 20, 30000));
    cr_assert(kafka_until_count(&loop, &a.count, 100, 30000));
    cr_expect_eq(a.broken + b.broken, 0);
    watcher_reset(&a);
    uint64_t began = uv_hrtime();
    watcher_close(&b, &loop);
    cr_assert(kafka_until_count(&loop, &a.count, 200, 30000));
    uint64_t took_ms = (uv_hrtime() - began) / 1000000;
    fprintf(stderr, "lanes of a member that leaves are read again after %" PRIu64 " ms\n", took_ms);
    cr_expect_eq(a.lanes, 15);
    cr_expect_eq(b.revoked, 0, "close is silent");
    cr_expect_lt(took_ms, 9000, "it left, its session did not have to end");
    watcher_close(&a, &loop);
    close_topic();
}

Test(kafka_group, given_more_members_than_lanes_then_one_has_none)
{
    open_topic("g.more", 1);
    struct mr_kafka_consumer_settings settings = {
        .conf = conf, .topic = "g.more", .group = "g.more"};
    watcher_open(&a, &loop, settings);
    cr_assert(kafka_until_count(&loop, &a.assigned, 1, 30000));
    watcher_open(&b, &loop, settings);
    cr_assert(kafka_until_count(&loop, &b.assigned, 1, 30000));
    cr_assert(kafka_until_count(&loop, &a.assigned, 2, 30000));
    cr_expect_eq(__builtin_popcountll(a.lanes) + __builtin_popcountll(b.lanes), 1);
    watcher_close(&b, &loop);
    watcher_close(&a, &loop);
    close_topic();
}

/* Stops this whole process for a while, as a long pause of its machine would. */
static void freeze_me(int ms)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        kill(getppid(), SIGSTOP);
        poll(NULL, 0, ms);
        kill(getppid(), SIGCONT);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

Test(kafka_group, given_a_member_frozen_past_its_session_then_its_lanes_are_lost_and_come_back)
{
    open_topic("g.frozen", 2);
    kafka_test_fill(conf, "g.frozen", 0, 0, 10);
    a.start_at = 0;
    watcher_open(
        &a, &loop,
        (struct mr_kafka_consumer_settings){
            .conf = conf, .topic = "g.frozen", .group = "g.frozen", .session_timeout_ms = 1500});
    cr_assert(kafka_until_count(&loop, &a.count, 10, 30000));
    watcher_reset(&a);
    freeze_me(4000);
    cr_assert(kafka_until_count(&loop, &a.lost, 1, 30000));
    cr_assert(kafka_until_count(&loop, &a.assigned, 2, 30000));
    cr_assert(kafka_until_count(&loop, &a.count, 10, 30000));
    cr_expect_eq(a.lanes, 3);
    cr_expect_eq(a.broken, 0);
    watcher_close(&a, &loop);
    close_topic();
}

static int64_t committed(const char *group, const char *topic)
{
    char text[256];
    rd_kafka_conf_t *rd_conf = rd_kafka_conf_new();
    rd_kafka_conf_set(rd_conf, "bootstrap.servers", kafka_broker_address(), text, sizeof text);
    rd_kafka_conf_set(rd_conf, "group.id", group, text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, rd_conf, text, sizeof text);
    cr_assert(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0);
    cr_assert_eq(rd_kafka_committed(rk, list, 10000), 0);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

static bool is_committed(void *data)
{
    (void)data;
    return committed("g.commit", "g.commit") == 4;
}

Test(kafka_group, given_a_commit_then_the_group_shows_it_and_nobody_starts_there)
{
    open_topic("g.commit", 1);
    kafka_test_fill(conf, "g.commit", 0, 0, 10);
    struct mr_kafka_consumer_settings settings = {
        .conf = conf, .topic = "g.commit", .group = "g.commit"};
    a.start_at = 0;
    watcher_open(&a, &loop, settings);
    cr_assert(kafka_until_count(&loop, &a.count, 10, 30000));
    cr_expect_lt(committed("g.commit", "g.commit"), 0, "nothing is committed by itself");
    mr_kafka_consumer_commit(a.consumer, 0, 4);
    cr_assert(kafka_until(&loop, is_committed, NULL, 30000));
    watcher_close(&a, &loop);
    b.start_at = 0;
    watcher_open(&b, &loop, settings);
    cr_assert(kafka_until_count(&loop, &b.count, 10, 30000));
    cr_expect_eq(b.first[0], 0);
    watcher_close(&b, &loop);
    close_topic();
}

Test(kafka_group, given_another_with_the_same_instance_id_then_the_first_is_fenced)
{
    open_topic("g.static", 1);
    struct mr_kafka_consumer_settings settings = {
        .conf = conf, .topic = "g.static", .group = "g.static", .group_instance_id = "worker-1"};
    watcher_open(&a, &loop, settings);
    cr_assert(kafka_until_count(&loop, &a.assigned, 1, 30000));
    watcher_open(&b, &loop, settings);
    cr_assert(kafka_until_count(&loop, &a.fatal, 1, 30000));
    cr_expect_eq(a.lanes, 0);
    cr_expect_eq(a.lost, 1);
    cr_assert(kafka_until_count(&loop, &b.assigned, 1, 30000));
    watcher_close(&a, &loop);
    watcher_close(&b, &loop);
    close_topic();
}
