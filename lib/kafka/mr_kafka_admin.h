/* Topics: making them, describing them, and what design section 6 demands of them. Blocking: for
 * millracectl and for the thread pool at start; never on a loop.
 *
 * All: MR_OK; MR_BUSY brokers away or timeout; MR_INVALID refused, why says what and which topic.*/
#ifndef MR_KAFKA_ADMIN_H
#define MR_KAFKA_ADMIN_H

#include "mr_error.h"
#include "mr_kafka_topic.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_kafka_admin;
struct mr_kafka_conf;

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

/* Describes and checks all; the first that differs is in why. MR_LOST: a topic does not exist. */
MR_MUST_CHECK enum mr_status mr_kafka_admin_check(struct mr_kafka_admin *admin,
                                                  const struct mr_kafka_topic *topics, size_t count,
                                                  struct mr_error *why);

#endif
