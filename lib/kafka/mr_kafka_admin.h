/* Topics: making them, describing them, and what design section 6 demands of them. Blocking: for
 * millracectl and for the thread pool at start; never on a loop.
 *
 * All: MR_OK; MR_BUSY brokers away or timeout; MR_INVALID refused, why says what and which topic.*/
#ifndef MR_KAFKA_ADMIN_H
#define MR_KAFKA_ADMIN_H

#include "mr_error.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_kafka_admin;
struct mr_kafka_conf;

/* A topic as it shall be. */
struct mr_kafka_topic {
    const char *name;
    int32_t lanes;             /* partitions */
    int16_t replicas;          /* 3 in production, 1 embedded */
    int16_t in_sync_min;       /* min.insync.replicas: 2 in production, 1 embedded */
    int64_t retention_ms;      /* 14 days for commands, 7 for events */
    int64_t message_bytes_max; /* max.message.bytes, 1 MiB */
};

#define MR_KAFKA_RETENTION_COMMANDS_MS (INT64_C(14) * 86400000)
#define MR_KAFKA_RETENTION_EVENTS_MS   (INT64_C(7) * 86400000)
#define MR_KAFKA_MESSAGE_BYTES_MAX     INT64_C(1048576)

/* A topic as it is. */
struct mr_kafka_topic_state {
    bool exists; /* the rest is 0 without */
    int32_t lanes;
    int32_t replicas;     /* of lane 0 */
    int64_t retention_ms; /* -1: for ever */
    int64_t message_bytes_max;
    int32_t in_sync_min;
    bool log_append_time;  /* message.timestamp.type is LogAppendTime */
    bool deletes;          /* cleanup.policy is delete alone */
    bool unclean_election; /* unclean.leader.election.enable */
};

MR_MUST_CHECK enum mr_status mr_kafka_admin_new(const struct mr_kafka_conf *conf,
                                                struct mr_kafka_admin **out, struct mr_error *why);
void mr_kafka_admin_free(struct mr_kafka_admin *admin);

/* Makes the topics that do not exist (LogAppendTime, cleanup.policy=delete, unclean election off
 * and the fields above) and waits until metadata shows them. created[i], where created is not NULL,
 * tells whether topics[i] was made now; one that exists is left as it is. */
MR_MUST_CHECK enum mr_status mr_kafka_admin_create(struct mr_kafka_admin *admin,
                                                   const struct mr_kafka_topic *topics,
                                                   size_t count, bool *created,
                                                   struct mr_error *why);
MR_MUST_CHECK enum mr_status mr_kafka_admin_describe(struct mr_kafka_admin *admin,
                                                     const char *topic,
                                                     struct mr_kafka_topic_state *out,
                                                     struct mr_error *why);
/* How long each call may take; 10,000 at first. */
void mr_kafka_admin_timeout(struct mr_kafka_admin *admin, uint32_t timeout_ms);
/* Number of brokers that the cluster has now, so that ctl can choose the replicas. */
MR_MUST_CHECK enum mr_status mr_kafka_admin_brokers(struct mr_kafka_admin *admin, int32_t *brokers,
                                                    struct mr_error *why);

/* Pure: compares one topic with what it shall be. MR_OK, or MR_INVALID and why names everything
 * that differs ("billing.commands: message.timestamp.type is CreateTime, must be LogAppendTime;
 * ..."). lanes == 0 in want: any count is fine. More replicas, a higher in_sync_min, a longer
 * retention and a larger message_bytes_max than wanted are fine. */
MR_MUST_CHECK enum mr_status mr_kafka_topic_check(const struct mr_kafka_topic *want,
                                                  const struct mr_kafka_topic_state *have,
                                                  struct mr_error *why);
/* Describes and checks all; the first that differs is in why. MR_LOST: a topic does not exist. */
MR_MUST_CHECK enum mr_status mr_kafka_topics_check(struct mr_kafka_admin *admin,
                                                   const struct mr_kafka_topic *topics,
                                                   size_t count, struct mr_error *why);

#endif
