/* What all Kafka clients of a program share: brokers, the operator's librdkafka properties, where
 * their log lines and statistics go, and what an error of librdkafka lets a caller do.
 *
 * Properties file: lines of name=value; blank lines and lines that begin with '#' are skipped,
 * blanks around name and value are cut. A name that millrace must set itself (acks, offsets,
 * assignment, ...) or that librdkafka does not take is MR_INVALID with file and line. Values are
 * never shown: they may be secrets. */
#ifndef MR_KAFKA_CONF_H
#define MR_KAFKA_CONF_H

#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

/* A line of librdkafka's log. level is syslog's: 0 emergency .. 7 debug. Texts live during the
 * call. Called on the thread that drives the client: the loop's thread for producers and
 * consumers, the calling one for readers and admin calls. */
typedef void mr_kafka_log_cb(void *owner, int level, const char *facility, const char *text);
/* One for a program whose owner is its struct mr_log: warnings and worse, as "librdkafka". */
mr_kafka_log_cb mr_kafka_log_warnings;
/* librdkafka's statistics as JSON (see its STATISTICS.md), every stats_interval_ms; on the loop's
 * thread. client is "producer" or "consumer". */
typedef void mr_kafka_stats_cb(void *owner, const char *client, struct mr_slice json);

struct mr_kafka_conf_settings {
    const char *brokers;         /* "host:port,host:port" */
    const char *properties_file; /* NULL or "": none */
    const char *client_id;       /* names the program in the broker's logs; NULL: "millrace" */
    mr_kafka_log_cb *on_log;     /* NULL: lines are dropped */
    mr_kafka_stats_cb *on_stats; /* NULL: none are made */
    void *owner;                 /* given to both */
    int32_t stats_interval_ms;   /* 0: none */
};

struct mr_kafka_conf;

/* Reads the file and tries each property. The texts of settings are copied. MR_INVALID names what
 * and where; MR_FATAL: the file cannot be read. */
MR_MUST_CHECK enum mr_status mr_kafka_conf_new(const struct mr_kafka_conf_settings *settings,
                                               struct mr_kafka_conf **out, struct mr_error *why);
/* Clients keep what they need: it may be freed before them. */
void mr_kafka_conf_free(struct mr_kafka_conf *conf);

/* What can be done about an rd_kafka_resp_err_t (as int): MR_INVALID the request or the
 * configuration is wrong (too large, no such topic, not authorised), MR_LIMIT a queue is full,
 * MR_BUSY brokers are away or slow, MR_LOST fenced or no longer a member, MR_FATAL the instance
 * cannot go on. MR_OK for no error. */
enum mr_status mr_kafka_status_of(int rd_error);

#endif
