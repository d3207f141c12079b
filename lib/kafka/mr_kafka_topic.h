/* A topic as it shall be and as it is, and what design section 6 demands of every one. */
#ifndef MR_KAFKA_TOPIC_H
#define MR_KAFKA_TOPIC_H

#include "mr_error.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

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

/* Compares one topic with what it shall be. MR_OK; MR_LOST: there is no such topic; MR_INVALID: why
 * names everything that differs ("billing.commands: message.timestamp.type is CreateTime, must be
 * LogAppendTime;
 * ..."). lanes == 0 in want: any count is fine. More replicas, a higher in_sync_min, a longer
 * retention and a larger message_bytes_max than wanted are fine. */
MR_MUST_CHECK enum mr_status mr_kafka_topic_check(const struct mr_kafka_topic *want,
                                                  const struct mr_kafka_topic_state *have,
                                                  struct mr_error *why);

#endif
