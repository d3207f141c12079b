/* Topics on a real broker. */
#include "kafka_broker.h"
#include "kafka_test_log.h"
#include "mr_kafka_admin.h"

#include <criterion/criterion.h>

static struct mr_kafka_conf *conf;
static struct mr_kafka_admin *admin;
static struct mr_error why;

static void open_admin(const char *address)
{
    conf = kafka_test_conf(address);
    cr_assert_eq(mr_kafka_admin_new(conf, &admin, &why), MR_OK, "%s", why.text);
}

static void close_admin(void)
{
    mr_kafka_admin_free(admin);
    mr_kafka_conf_free(conf);
}

static const struct mr_kafka_topic topics[] = {
    {"a.commands", 12, 1, 1, MR_KAFKA_RETENTION_COMMANDS_MS, MR_KAFKA_MESSAGE_BYTES_MAX},
    {"a.events", 12, 1, 1, MR_KAFKA_RETENTION_EVENTS_MS, MR_KAFKA_MESSAGE_BYTES_MAX},
};

Test(kafka_admin, given_topics_then_makes_them_once_and_as_they_shall_be)
{
    bool created[2];
    open_admin(kafka_broker_address());
    cr_expect_eq(mr_kafka_admin_check(admin, topics, 2, &why), MR_LOST);
    cr_assert_eq(mr_kafka_admin_create(admin, topics, 1, created, &why), MR_OK, "%s", why.text);
    cr_expect(created[0]);
    cr_assert_eq(mr_kafka_admin_create(admin, topics, 2, created, &why), MR_OK, "%s", why.text);
    cr_expect_not(created[0], "it was there");
    cr_expect(created[1]);
    cr_expect_eq(mr_kafka_admin_check(admin, topics, 2, &why), MR_OK, "%s", why.text);
    struct mr_kafka_topic_state state;
    cr_assert_eq(mr_kafka_admin_describe(admin, "a.events", &state, &why), MR_OK);
    cr_expect(state.exists && state.log_append_time && state.deletes && !state.unclean_election);
    cr_expect_eq(state.lanes, 12);
    cr_expect_eq(state.replicas, 1);
    cr_expect_eq(state.retention_ms, MR_KAFKA_RETENTION_EVENTS_MS);
    cr_expect_eq(state.message_bytes_max, 1048576);
    cr_expect_eq(state.in_sync_min, 1);
    struct mr_kafka_topic other = topics[0];
    other.lanes = 48;
    cr_expect_eq(mr_kafka_admin_check(admin, &other, 1, &why), MR_INVALID);
    cr_expect_str_eq(why.text, "a.commands: it has 12 partitions, must have 48");
    close_admin();
}

Test(kafka_admin, given_what_the_cluster_cannot_do_then_says_so)
{
    int32_t brokers = 0;
    open_admin(kafka_broker_address());
    cr_assert_eq(mr_kafka_admin_brokers(admin, &brokers, &why), MR_OK, "%s", why.text);
    cr_expect_eq(brokers, 1);
    struct mr_kafka_topic three = topics[0];
    three.name = "a.three";
    three.replicas = 3;
    cr_expect_eq(mr_kafka_admin_create(admin, &three, 1, NULL, &why), MR_INVALID);
    cr_expect(strstr(why.text, "a.three: "), "%s", why.text);
    close_admin();
}

Test(kafka_admin, given_no_broker_then_is_busy_within_the_timeout)
{
    int32_t brokers;
    struct mr_kafka_topic_state state;
    open_admin("127.0.0.1:1");
    mr_kafka_admin_timeout(admin, 500);
    cr_expect_eq(mr_kafka_admin_brokers(admin, &brokers, &why), MR_BUSY);
    cr_expect_eq(mr_kafka_admin_create(admin, topics, 2, NULL, &why), MR_BUSY);
    cr_expect_eq(mr_kafka_admin_describe(admin, "a.events", &state, &why), MR_BUSY);
    close_admin();
}
