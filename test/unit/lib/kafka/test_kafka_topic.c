#include "mr_kafka_topic.h"

#include <criterion/criterion.h>

static const struct mr_kafka_topic want = {
    .name = "billing.commands",
    .lanes = 12,
    .replicas = 3,
    .in_sync_min = 2,
    .retention_ms = MR_KAFKA_RETENTION_COMMANDS_MS,
    .message_bytes_max = MR_KAFKA_MESSAGE_BYTES_MAX,
};

static struct mr_kafka_topic_state fitting(void)
{
    return (struct mr_kafka_topic_state){
        .exists = true,
        .lanes = 12,
        .replicas = 3,
        .in_sync_min = 2,
        .retention_ms = MR_KAFKA_RETENTION_COMMANDS_MS,
        .message_bytes_max = MR_KAFKA_MESSAGE_BYTES_MAX,
        .log_append_time = true,
        .deletes = true,
    };
}

Test(kafka_topic, given_what_is_wanted_or_more_then_fits)
{
    struct mr_error why;
    struct mr_kafka_topic_state have = fitting();
    cr_expect_eq(mr_kafka_topic_check(&want, &have, &why), MR_OK);
    have.retention_ms = -1; /* for ever */
    have.replicas = 5;
    have.in_sync_min = 3;
    have.message_bytes_max *= 2;
    cr_expect_eq(mr_kafka_topic_check(&want, &have, &why), MR_OK);
    struct mr_kafka_topic any = want;
    any.lanes = 0;
    have.lanes = 48;
    cr_expect_eq(mr_kafka_topic_check(&any, &have, &why), MR_OK);
}

Test(kafka_topic, given_no_such_topic_then_it_is_lost)
{
    struct mr_error why;
    struct mr_kafka_topic_state have = {.exists = false};
    cr_assert_eq(mr_kafka_topic_check(&want, &have, &why), MR_LOST);
    cr_expect(strstr(why.text, "billing.commands: there is no such topic"), "%s", why.text);
}

Test(kafka_topic, given_everything_differs_then_names_everything)
{
    struct mr_error why;
    struct mr_kafka_topic_state have = {.exists = true,
                                        .lanes = 3,
                                        .replicas = 1,
                                        .in_sync_min = 1,
                                        .retention_ms = 1000,
                                        .message_bytes_max = 5,
                                        .unclean_election = true};
    cr_assert_eq(mr_kafka_topic_check(&want, &have, &why), MR_INVALID);
    static const char *const says[] = {
        "billing.commands: it has 3 partitions, must have 12",
        "it has 1 replicas, must have 3",
        "message.timestamp.type must be LogAppendTime",
        "cleanup.policy must be delete",
        "unclean.leader.election.enable must be false",
        "min.insync.replicas is 1, must be 2",
        "retention.ms is 1000, must be 1209600000",
        "max.message.bytes is 5, must be 1048576",
    };
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        cr_expect(strstr(why.text, says[i]), "%s is missing in: %s", says[i], why.text);
}
