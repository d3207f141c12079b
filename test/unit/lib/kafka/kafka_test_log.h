/* Topics and records for tests. Whatever fails ends the test. */
#ifndef KAFKA_TEST_LOG_H
#define KAFKA_TEST_LOG_H

#include "mr_kafka_conf.h"
#include <stdint.h>

/* The caller frees. Lines of librdkafka's log go to standard error. */
struct mr_kafka_conf *kafka_test_conf(const char *address);
void kafka_test_topic(const struct mr_kafka_conf *conf, const char *topic, int32_t lanes);
/* Appends values "v<n>" with key "k<n>" and header n, for n = first .. first + count - 1, and
 * waits until all are stored. */
void kafka_test_fill(const struct mr_kafka_conf *conf, const char *topic, int32_t lane,
                     int64_t first, int64_t count);
/* Makes low the lane's oldest record. */
void kafka_test_cut(const char *address, const char *topic, int32_t lane, int64_t low);

#endif
