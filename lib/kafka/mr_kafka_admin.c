/* Topics by librdkafka's admin calls, each awaited. */
#include "mr_kafka_admin.h"

#include "mr_clock.h"
#include "mr_kafka_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000
#define LOOK_MS    20 /* between two looks at metadata */

struct mr_kafka_admin {
    rd_kafka_t *rk;
    rd_kafka_queue_t *main;   /* log lines and errors */
    rd_kafka_queue_t *answer; /* results */
    struct mr_kafka_hooks hooks;
    uint32_t timeout_ms;
};

enum mr_status mr_kafka_admin_new(const struct mr_kafka_conf *conf, struct mr_kafka_admin **out,
                                  struct mr_error *why)
{
    rd_kafka_conf_t *rd_conf = mr_kafka_conf_make(conf);
    rd_kafka_conf_set_events(rd_conf,
                             RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS);
    rd_kafka_t *rk;
    enum mr_status s = mr_kafka_client_new(RD_KAFKA_PRODUCER, rd_conf, &rk, why);
    if (s != MR_OK)
        return s;
    struct mr_kafka_admin *admin = calloc(1, sizeof *admin);
    if (!admin)
        abort();
    admin->rk = rk;
    admin->main = rd_kafka_queue_get_main(rk);
    admin->answer = rd_kafka_queue_new(rk);
    admin->hooks = mr_kafka_hooks_of(conf, "admin");
    admin->timeout_ms = TIMEOUT_MS;
    *out = admin;
    return MR_OK;
}

void mr_kafka_admin_free(struct mr_kafka_admin *admin)
{
    if (!admin)
        return;
    mr_kafka_hooks_drain(&admin->hooks, admin->main);
    rd_kafka_queue_destroy(admin->answer);
    rd_kafka_queue_destroy(admin->main);
    rd_kafka_destroy(admin->rk);
    free(admin);
}

void mr_kafka_admin_timeout(struct mr_kafka_admin *admin, uint32_t timeout_ms)
{
    admin->timeout_ms = timeout_ms;
}

static enum mr_status failed(const char *what, rd_kafka_resp_err_t error, const char *text,
                             struct mr_error *why)
{
    enum mr_status s = mr_kafka_status_of(error);
    return mr_fail(why, s == MR_INVALID ? MR_INVALID : MR_BUSY, "%s: %s", what,
                   text ? text : rd_kafka_err2str(error));
}

/* ---- metadata ---- */

static enum mr_status metadata_of(struct mr_kafka_admin *admin, const char *topic, int64_t until_ms,
                                  const struct rd_kafka_metadata **out, struct mr_error *why)
{
    int64_t left = until_ms - mr_clock_mono_ms();
    rd_kafka_topic_t *rkt = topic ? rd_kafka_topic_new(admin->rk, topic, NULL) : NULL;
    if (topic && !rkt)
        return failed(topic, rd_kafka_last_error(), NULL, why);
    rd_kafka_resp_err_t error = rd_kafka_metadata(admin->rk, 0, rkt, out, left > 0 ? (int)left : 0);
    if (rkt)
        rd_kafka_topic_destroy(rkt);
    mr_kafka_hooks_drain(&admin->hooks, admin->main);
    return error ? failed(topic ? topic : "brokers", error, NULL, why) : MR_OK;
}

static const struct rd_kafka_metadata_topic *found_topic(const struct rd_kafka_metadata *metadata)
{
    if (metadata->topic_cnt != 1)
        return NULL;
    rd_kafka_resp_err_t error = metadata->topics[0].err;
    return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                   error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
               ? NULL
               : &metadata->topics[0];
}

enum mr_status mr_kafka_admin_brokers(struct mr_kafka_admin *admin, int32_t *brokers,
                                      struct mr_error *why)
{
    const struct rd_kafka_metadata *metadata;
    int64_t until_ms = mr_clock_mono_ms() + admin->timeout_ms;
    enum mr_status s = metadata_of(admin, NULL, until_ms, &metadata, why);
    if (s != MR_OK)
        return s;
    *brokers = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    return MR_OK;
}

/* ---- waiting for a result ---- */

static rd_kafka_AdminOptions_t *options_of(struct mr_kafka_admin *admin, rd_kafka_admin_op_t op)
{
    char text[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->rk, op);
    rd_kafka_AdminOptions_set_request_timeout(options, (int)admin->timeout_ms, text, sizeof text);
    return options;
}

/* The result's event, which the caller destroys; the request itself ends by its timeout. */
static rd_kafka_event_t *answer_of(struct mr_kafka_admin *admin)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->answer, -1);
    mr_kafka_hooks_drain(&admin->hooks, admin->main);
    return event;
}

/* ---- creating ---- */

static rd_kafka_NewTopic_t *new_topic(const struct mr_kafka_topic *topic, struct mr_error *why)
{
    char text[256];
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(topic->name, topic->lanes, topic->replicas, text, sizeof text);
    if (!made) {
        (void)mr_fail(why, MR_INVALID, "%s: %s", topic->name, text);
        return NULL;
    }
    char retention[24], bytes[24], in_sync[8];
    snprintf(retention, sizeof retention, "%" PRId64, topic->retention_ms);
    snprintf(bytes, sizeof bytes, "%" PRId64, topic->message_bytes_max);
    snprintf(in_sync, sizeof in_sync, "%d", (int)topic->in_sync_min);
    const char *const pairs[][2] = {
        {"message.timestamp.type", "LogAppendTime"},
        {"cleanup.policy", "delete"},
        {"unclean.leader.election.enable", "false"},
        {"retention.ms", retention},
        {"max.message.bytes", bytes},
        {"min.insync.replicas", in_sync},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        rd_kafka_NewTopic_set_config(made, pairs[i][0], pairs[i][1]);
    return made;
}

static enum mr_status take_results(rd_kafka_event_t *event, const struct mr_kafka_topic *topics,
                                   size_t count, bool *created, struct mr_error *why)
{
    if (rd_kafka_event_error(event))
        return failed("creating topics", rd_kafka_event_error(event),
                      rd_kafka_event_error_string(event), why);
    size_t n;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    enum mr_status s = MR_OK;
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
        const char *name = rd_kafka_topic_result_name(results[i]);
        for (size_t t = 0; created && t < count; t++)
            if (!error && strcmp(topics[t].name, name) == 0)
                created[t] = true;
        if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS && s == MR_OK)
            s = failed(name, error, rd_kafka_topic_result_error_string(results[i]), why);
    }
    return s;
}

static enum mr_status request_topics(struct mr_kafka_admin *admin,
                                     const struct mr_kafka_topic *topics, size_t count,
                                     bool *created, struct mr_error *why)
{
    rd_kafka_NewTopic_t **made = calloc(count, sizeof *made);
    if (!made)
        abort();
    enum mr_status s = MR_OK;
    for (size_t i = 0; i < count && s == MR_OK; i++) {
        made[i] = new_topic(&topics[i], why);
        if (!made[i])
            s = MR_INVALID;
    }
    if (s == MR_OK) {
        rd_kafka_AdminOptions_t *options = options_of(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
        rd_kafka_CreateTopics(admin->rk, made, count, options, admin->answer);
        rd_kafka_event_t *event = answer_of(admin);
        s = take_results(event, topics, count, created, why);
        rd_kafka_event_destroy(event);
        rd_kafka_AdminOptions_destroy(options);
    }
    for (size_t i = 0; i < count; i++)
        if (made[i])
            rd_kafka_NewTopic_destroy(made[i]);
    free(made);
    return s;
}

/* Every partition has a leader. */
static bool is_whole(const struct rd_kafka_metadata *metadata)
{
    const struct rd_kafka_metadata_topic *topic = found_topic(metadata);
    if (!topic || topic->err || topic->partition_cnt == 0)
        return false;
    for (int i = 0; i < topic->partition_cnt; i++)
        if (topic->partitions[i].leader < 0)
            return false;
    return true;
}

static enum mr_status await_topic(struct mr_kafka_admin *admin, const char *topic, int64_t until_ms,
                                  struct mr_error *why)
{
    for (;;) {
        const struct rd_kafka_metadata *metadata;
        enum mr_status s = metadata_of(admin, topic, until_ms, &metadata, why);
        if (s == MR_OK) {
            bool whole = is_whole(metadata);
            rd_kafka_metadata_destroy(metadata);
            if (whole)
                return MR_OK;
            s = mr_fail(why, MR_BUSY, "%s: made, but not to be seen yet", topic);
        }
        if (s != MR_BUSY || mr_clock_mono_ms() >= until_ms)
            return s;
        rd_kafka_event_t *event = rd_kafka_queue_poll(admin->main, LOOK_MS);
        if (event && !mr_kafka_hooks_take(&admin->hooks, event))
            rd_kafka_event_destroy(event);
    }
}

enum mr_status mr_kafka_admin_create(struct mr_kafka_admin *admin,
                                     const struct mr_kafka_topic *topics, size_t count,
                                     bool *created, struct mr_error *why)
{
    if (created)
        memset(created, 0, count * sizeof *created);
    if (count == 0)
        return MR_OK;
    int64_t until_ms = mr_clock_mono_ms() + admin->timeout_ms;
    enum mr_status s = request_topics(admin, topics, count, created, why);
    for (size_t i = 0; i < count && s == MR_OK; i++)
        s = await_topic(admin, topics[i].name, until_ms, why);
    return s;
}

/* ---- describing ---- */

static void take_config(struct mr_kafka_topic_state *out, const char *name, const char *value)
{
    if (strcmp(name, "message.timestamp.type") == 0)
        out->log_append_time = strcmp(value, "LogAppendTime") == 0;
    else if (strcmp(name, "cleanup.policy") == 0)
        out->deletes = strcmp(value, "delete") == 0;
    else if (strcmp(name, "unclean.leader.election.enable") == 0)
        out->unclean_election = strcmp(value, "true") == 0;
    else if (strcmp(name, "retention.ms") == 0)
        out->retention_ms = strtoll(value, NULL, 10);
    else if (strcmp(name, "max.message.bytes") == 0)
        out->message_bytes_max = strtoll(value, NULL, 10);
    else if (strcmp(name, "min.insync.replicas") == 0)
        out->in_sync_min = (int32_t)strtol(value, NULL, 10);
}

static enum mr_status take_configs(rd_kafka_event_t *event, const char *topic,
                                   struct mr_kafka_topic_state *out, struct mr_error *why)
{
    if (rd_kafka_event_error(event))
        return failed(topic, rd_kafka_event_error(event), rd_kafka_event_error_string(event), why);
    size_t n, entry_count;
    const rd_kafka_ConfigResource_t **resources =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    if (n != 1)
        return mr_fail(why, MR_BUSY, "%s: no description came", topic);
    rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resources[0]);
    if (error)
        return failed(topic, error, rd_kafka_ConfigResource_error_string(resources[0]), why);
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(resources[0], &entry_count);
    for (size_t i = 0; i < entry_count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value)
            take_config(out, rd_kafka_ConfigEntry_name(entries[i]), value);
    }
    return MR_OK;
}

enum mr_status mr_kafka_admin_describe(struct mr_kafka_admin *admin, const char *topic,
                                       struct mr_kafka_topic_state *out, struct mr_error *why)
{
    *out = (struct mr_kafka_topic_state){.exists = false};
    const struct rd_kafka_metadata *metadata;
    int64_t until_ms = mr_clock_mono_ms() + admin->timeout_ms;
    enum mr_status s = metadata_of(admin, topic, until_ms, &metadata, why);
    if (s != MR_OK)
        return s;
    const struct rd_kafka_metadata_topic *found = found_topic(metadata);
    if (!found) {
        rd_kafka_metadata_destroy(metadata);
        return MR_OK;
    }
    out->exists = true;
    out->lanes = found->partition_cnt;
    out->replicas = found->partition_cnt > 0 ? found->partitions[0].replica_cnt : 0;
    rd_kafka_resp_err_t error = found->err;
    rd_kafka_metadata_destroy(metadata);
    if (error)
        return failed(topic, error, NULL, why);
    rd_kafka_AdminOptions_t *options = options_of(admin, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(admin->rk, &resource, 1, options, admin->answer);
    rd_kafka_event_t *event = answer_of(admin);
    s = take_configs(event, topic, out, why);
    rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    return s;
}

enum mr_status mr_kafka_admin_check(struct mr_kafka_admin *admin,
                                    const struct mr_kafka_topic *topics, size_t count,
                                    struct mr_error *why)
{
    for (size_t i = 0; i < count; i++) {
        struct mr_kafka_topic_state state;
        enum mr_status s = mr_kafka_admin_describe(admin, topics[i].name, &state, why);
        if (s == MR_OK)
            s = mr_kafka_topic_check(&topics[i], &state, why);
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}
