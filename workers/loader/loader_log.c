#include "loader_log.h"

#include "loader_probe.h"
#include "mr_kafka_consumer.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct loader_log {
    struct loader_log_settings settings;
    struct engine_loader *engine;
    struct mr_kafka_consumer *consumer;
    struct loader_probe *probe;
    char group[64];
    bool spoken, closing;
    size_t lane_count;
    int open; /* of the two parts */
    void (*on_closed)(void *owner);
    void *closed_owner;
};

/* ---- the consumer's word ---- */

/* Partitions that were added while we run are no lanes of the domain. They come last. */
static size_t known(const struct loader_log *l, const int32_t *lanes, size_t count)
{
    size_t n = count;
    while (n > 0 && lanes[n - 1] >= l->settings.lanes)
        n--;
    if (n < count)
        MR_LOG(l->settings.log, ERROR, "the topic has more partitions than the domain has lanes",
               mr_f_text("topic", l->settings.topic), mr_f_int("lanes", l->settings.lanes));
    return n;
}

static void on_assigned(void *owner, const int32_t *lanes, size_t count)
{
    struct loader_log *l = owner;
    count = known(l, lanes, count);
    l->spoken = true;
    l->lane_count = count;
    MR_LOG(l->settings.log, INFO, "lanes assigned", mr_f_text("topic", l->settings.topic),
           mr_f_int("count", (int64_t)count));
    engine_loader_assign(l->engine, lanes, count);
}

static void on_revoked(void *owner, const int32_t *lanes, size_t count, bool lost)
{
    struct loader_log *l = owner;
    count = known(l, lanes, count);
    l->spoken = false;
    l->lane_count = 0;
    MR_LOG(l->settings.log, INFO, lost ? "lanes lost with the session" : "lanes revoked",
           mr_f_text("topic", l->settings.topic), mr_f_int("count", (int64_t)count));
    engine_loader_revoke(l->engine, lanes, count);
}

static void on_record(void *owner, const struct mr_kafka_record *record)
{
    struct loader_log *l = owner;
    engine_loader_on_record(l->engine, loader_rows_take(l->settings.rows, record));
}

static void on_out_of_range(void *owner, int32_t lane, int64_t position)
{
    struct loader_log *l = owner;
    MR_LOG(l->settings.log, WARN, "the topic does not have this position",
           mr_f_text("topic", l->settings.topic), mr_f_int("lane", lane),
           mr_f_int("position", position));
    engine_loader_on_out_of_range(l->engine, lane);
}

static void on_error(void *owner, int32_t lane, enum mr_status status, const char *text)
{
    struct loader_log *l = owner;
    mr_log_write(l->settings.log, status == MR_BUSY ? MR_LOG_WARN : MR_LOG_ERROR,
                 status == MR_BUSY ? "Kafka is away" : "the consumer cannot go on",
                 MR_LOG_FIELDS(mr_f_text("topic", l->settings.topic), mr_f_int("lane", lane),
                               mr_f_text("error", text)));
}

static const struct mr_kafka_consumer_callbacks consumer_callbacks = {
    .on_assigned = on_assigned,
    .on_revoked = on_revoked,
    .on_record = on_record,
    .on_out_of_range = on_out_of_range,
    .on_error = on_error,
};

/* ---- the port ---- */

static void port_check(void *ctx, const struct engine_check *check)
{
    struct loader_log *l = ctx;
    loader_probe_ask(l->probe, check);
}

static void on_checked(void *owner, const struct engine_checked *checked)
{
    struct loader_log *l = owner;
    if (!l->closing)
        engine_loader_on_checked(l->engine, checked);
}

static void port_start(void *ctx, int32_t lane, int64_t position)
{
    struct loader_log *l = ctx;
    struct mr_error why;
    static_assert(ENGINE_EARLIEST == MR_KAFKA_EARLIEST, "one number for one thing");
    if (mr_kafka_consumer_start(l->consumer, lane, position, &why) == MR_OK)
        return;
    /* Revoked in this very turn: the engine hears of it next. */
    MR_LOG(l->settings.log, WARN, "a lane could not be started",
           mr_f_text("topic", l->settings.topic), mr_f_int("lane", lane),
           mr_f_text("error", why.text));
}

static void port_stop(void *ctx, int32_t lane)
{
    struct loader_log *l = ctx;
    mr_kafka_consumer_stop(l->consumer, lane);
}

static void port_pause(void *ctx, int32_t lane)
{
    struct loader_log *l = ctx;
    mr_kafka_consumer_pause(l->consumer, lane);
}

static void port_resume(void *ctx, int32_t lane)
{
    struct loader_log *l = ctx;
    mr_kafka_consumer_resume(l->consumer, lane);
}

static void port_progress(void *ctx, int32_t lane, int64_t next_offset)
{
    struct loader_log *l = ctx;
    mr_kafka_consumer_commit(l->consumer, lane, next_offset);
}

struct engine_log loader_log_port(struct loader_log *l)
{
    return (struct engine_log){
        .ctx = l,
        .check = port_check,
        .start = port_start,
        .stop = port_stop,
        .pause = port_pause,
        .resume = port_resume,
        .progress = port_progress,
    };
}

/* ---- life ---- */

struct loader_log *loader_log_new(const struct loader_log_settings *settings)
{
    struct loader_log *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->settings = *settings;
    snprintf(l->group, sizeof l->group, "millrace.loader.%s%s", settings->domain,
             settings->facts ? ".facts" : "");
    l->probe = loader_probe_new(&(struct loader_probe_settings){
        .loop = settings->loop,
        .log = settings->log,
        .conf = settings->conf,
        .topic = settings->topic,
        .domain = settings->domain,
        .facts = settings->facts,
        .lanes = settings->lanes,
        .on_checked = on_checked,
        .owner = l,
    });
    return l;
}

enum mr_status loader_log_serve(struct loader_log *l, struct engine_loader *engine,
                                struct mr_error *why)
{
    l->engine = engine;
    struct mr_kafka_consumer_settings consumer = {
        .conf = l->settings.conf,
        .topic = l->settings.topic,
        .group = l->group,
        .group_instance_id = l->settings.group_instance_id,
        .session_timeout_ms = l->settings.session_timeout_ms,
        .on = &consumer_callbacks,
        .owner = l,
    };
    return mr_kafka_consumer_new(&l->settings.loop->uv, &consumer, &l->consumer, why);
}

bool loader_log_assigned(const struct loader_log *l, size_t *lanes)
{
    *lanes = l->lane_count;
    return l->spoken;
}

int64_t loader_log_end_of(const struct loader_log *l, int32_t lane)
{
    return l->consumer ? mr_kafka_consumer_end_of(l->consumer, lane) : -1;
}

static void on_part_closed(void *owner)
{
    struct loader_log *l = owner;
    if (--l->open > 0)
        return;
    void (*on_closed)(void *) = l->on_closed;
    void *closed_owner = l->closed_owner;
    free(l);
    if (on_closed)
        on_closed(closed_owner);
}

void loader_log_close(struct loader_log *l, void (*on_closed)(void *owner), void *owner)
{
    l->closing = true;
    l->on_closed = on_closed;
    l->closed_owner = owner;
    l->open = l->consumer ? 2 : 1;
    if (l->consumer)
        mr_kafka_consumer_close(l->consumer, on_part_closed, l);
    loader_probe_close(l->probe, on_part_closed, l);
}
