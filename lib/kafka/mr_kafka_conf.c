/* Reads the operator's properties, and says what an error of librdkafka lets a caller do. */
#include "mr_kafka_conf.h"

#include "mr_log.h"

#include "mr_kafka_client.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Unless the operator says otherwise: by default a broker that came back may wait 10 s for us. */
#define RECONNECT_MS_MAX 1000

struct mr_kafka_conf {
    rd_kafka_conf_t *base; /* brokers, client id, the operator's properties */
    struct mr_kafka_hooks hooks;
    int32_t stats_interval_ms;
};

/* What a client's promises rest on; an operator who sets it would break them. */
static const char *const ours[] = {
    "bootstrap.servers",
    "metadata.broker.list",
    "client.id",
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "transactional.id",
    "max.in.flight",
    "retries",
    "message.send.max.retries",
    "max.in.flight.requests.per.connection",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "linger.ms",
    "queue.buffering.max.ms",
    "queue.buffering.max.messages",
    "queue.buffering.max.kbytes",
    "message.max.bytes",
    "enable.gapless.guarantee",
    "partitioner",
    "socket.nagle.disable",
    "group.id",
    "group.instance.id",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "enable.partition.eof",
    "max.poll.interval.ms",
    "queued.min.messages",
    "queued.max.messages.kbytes",
    "fetch.wait.max.ms",
    "fetch.error.backoff.ms",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "allow.auto.create.topics",
    "statistics.interval.ms",
    "log.queue",
    "isolation.level",
    "enabled_events",
    "opaque",
    "test.mock.num.brokers",
};

static bool is_ours(const char *name)
{
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

/* Cuts blanks at both ends, in place. */
static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

/* One line of the file; librdkafka's own text is not used since it repeats the value. */
static enum mr_status take_line(rd_kafka_conf_t *base, char *line, const char *where,
                                struct mr_error *why)
{
    char *name = trimmed(line);
    if (*name == '\0' || *name == '#')
        return MR_OK;
    char *equals = strchr(name, '=');
    if (!equals || equals == name)
        return mr_fail(why, MR_INVALID, "%s: wanted name=value", where);
    *equals = '\0';
    name = trimmed(name);
    if (is_ours(name))
        return mr_fail(why, MR_INVALID, "%s: %s is set by millrace itself", where, name);
    char text[512];
    switch (rd_kafka_conf_set(base, name, trimmed(equals + 1), text, sizeof text)) {
    case RD_KAFKA_CONF_OK:
        return MR_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return mr_fail(why, MR_INVALID, "%s: librdkafka has no property %s", where, name);
    default:
        return mr_fail(why, MR_INVALID, "%s: librdkafka does not take this value of %s", where,
                       name);
    }
}

static enum mr_status read_file(rd_kafka_conf_t *base, const char *path, struct mr_error *why)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return mr_fail(why, MR_FATAL, "%s: %s", path, strerror(errno));
    enum mr_status s = MR_OK;
    char *line = NULL;
    size_t size = 0;
    for (unsigned number = 1; s == MR_OK && getline(&line, &size, file) >= 0; number++) {
        char where[320];
        snprintf(where, sizeof where, "%s:%u", path, number);
        s = take_line(base, line, where, why);
    }
    if (s == MR_OK && ferror(file))
        s = mr_fail(why, MR_FATAL, "%s: %s", path, strerror(errno));
    if (line)
        explicit_bzero(line, size); /* may have held a secret */
    free(line);
    fclose(file);
    return s;
}

enum mr_status mr_kafka_conf_new(const struct mr_kafka_conf_settings *settings,
                                 struct mr_kafka_conf **out, struct mr_error *why)
{
    char text[256];
    if (!settings->brokers || !*settings->brokers)
        return mr_fail(why, MR_INVALID, "kafka-brokers: is empty");
    rd_kafka_conf_t *base = rd_kafka_conf_new();
    mr_kafka_set(base, "reconnect.backoff.max.ms", "%d", RECONNECT_MS_MAX);
    enum mr_status s = MR_OK;
    if (rd_kafka_conf_set(base, "bootstrap.servers", settings->brokers, text, sizeof text) !=
        RD_KAFKA_CONF_OK)
        s = mr_fail(why, MR_INVALID, "kafka-brokers: %s", text);
    if (s == MR_OK &&
        rd_kafka_conf_set(base, "client.id", settings->client_id ? settings->client_id : "millrace",
                          text, sizeof text) != RD_KAFKA_CONF_OK)
        s = mr_fail(why, MR_INVALID, "Kafka client id: %s", text);
    if (s == MR_OK && settings->properties_file && *settings->properties_file)
        s = read_file(base, settings->properties_file, why);
    if (s != MR_OK) {
        rd_kafka_conf_destroy(base);
        return s;
    }
    struct mr_kafka_conf *conf = calloc(1, sizeof *conf);
    if (!conf)
        abort();
    conf->base = base;
    conf->hooks = (struct mr_kafka_hooks){
        .on_log = settings->on_log, .on_stats = settings->on_stats, .owner = settings->owner};
    conf->stats_interval_ms = settings->on_stats ? settings->stats_interval_ms : 0;
    *out = conf;
    return MR_OK;
}

void mr_kafka_conf_free(struct mr_kafka_conf *conf)
{
    if (!conf)
        return;
    rd_kafka_conf_destroy(conf->base);
    free(conf);
}

struct mr_kafka_hooks mr_kafka_hooks_of(const struct mr_kafka_conf *conf, const char *client)
{
    struct mr_kafka_hooks hooks = conf->hooks;
    hooks.client = client;
    return hooks;
}

rd_kafka_conf_t *mr_kafka_conf_make(const struct mr_kafka_conf *conf)
{
    rd_kafka_conf_t *rd_conf = rd_kafka_conf_dup(conf->base);
    /* Nagle's default in 2.0.2 costs stalls of 40 ms. */
    mr_kafka_set(rd_conf, "socket.nagle.disable", "true");
    mr_kafka_set(rd_conf, "log.queue", "true");
    mr_kafka_set(rd_conf, "allow.auto.create.topics", "false");
    mr_kafka_set(rd_conf, "statistics.interval.ms", "%d", (int)conf->stats_interval_ms);
    return rd_conf;
}

enum mr_status mr_kafka_status_of(int rd_error)
{
    switch ((rd_kafka_resp_err_t)rd_error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return MR_OK;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return MR_LIMIT;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICA_ASSIGNMENT:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return MR_INVALID;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__DESTROY:
        return MR_LOST;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE:
    case RD_KAFKA_RESP_ERR__INCONSISTENT:
        return MR_FATAL;
    default:
        return MR_BUSY; /* brokers away, leaders moving, timeouts: they pass */
    }
}

void mr_kafka_log_warnings(void *owner, int level, const char *facility, const char *text)
{
    struct mr_log *log = owner;
    if (level <= 4) /* syslog's warning */
        MR_LOG(log, WARN, "librdkafka", mr_f_text("facility", facility), mr_f_text("text", text));
}
