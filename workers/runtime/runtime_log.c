#include "runtime_log.h"

#include "mr_kafka_consumer.h"
#include "mr_kafka_producer.h"
#include "runtime_probe.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define LINGER_US         500
#define PRODUCER_FLUSH_MS 1000
#define SHOW_EVERY_MS     1000 /* offsets are committed for the display of lag only */
#define NO_START          INT64_C(-9)

/* What comes back with an event's report. */
struct sent {
    struct runtime_log *log;
    uint64_t round;
    int64_t sequence;
    int32_t lane;
};

struct runtime_log {
    struct runtime_log_settings settings;
    struct engine *engine;
    struct mr_kafka_consumer *consumer;
    struct mr_kafka_producer *producer;
    struct runtime_probe *probe;
    struct runtime_tick *tick; /* NULL: the domain has none */
    char commands[64], events[64], group[64];
    struct mr_arena headers;
    int32_t lanes;
    struct lane_state {
        int64_t start; /* to be started there once more; NO_START: nothing to do */
        int64_t applied, shown;
    } * lane;
    int64_t shown_ms;
    bool spoken;
    size_t lane_count;
    struct mr_log_limit away;
    bool closing;
    int open; /* parts */
    void (*on_closed)(void *owner);
    void *closed_owner;
};

/* ---- the consumer's word ---- */

static void on_assigned(void *owner, const int32_t *lanes, size_t count)
{
    struct runtime_log *l = owner;
    for (size_t i = 0; i < count; i++)
        if (lanes[i] >= l->lanes) {
            l->settings.on_fatal(
                l->settings.owner,
                "the commands topic has more partitions than the domain has lanes");
            return;
        }
    l->spoken = true;
    l->lane_count = count;
    MR_LOG(l->settings.log, INFO, "lanes assigned", mr_f_int("count", (int64_t)count));
    engine_assign(l->engine, lanes, count);
}

static void on_revoked(void *owner, const int32_t *lanes, size_t count, bool lost)
{
    struct runtime_log *l = owner;
    l->spoken = false;
    l->lane_count = 0;
    MR_LOG(l->settings.log, INFO, lost ? "lanes lost with the session" : "lanes revoked",
           mr_f_int("count", (int64_t)count));
    engine_revoke(l->engine, lanes, count);
}

static void on_record(void *owner, const struct mr_kafka_record *r)
{
    struct runtime_log *l = owner;
    struct engine_record record = runtime_probe_record(r);
    engine_on_record(l->engine, &record);
}

static void on_out_of_range(void *owner, int32_t lane, int64_t position)
{
    struct runtime_log *l = owner;
    MR_LOG(l->settings.log, WARN, "the log does not have this position", mr_f_int("lane", lane),
           mr_f_int("position", position));
    engine_on_out_of_range(l->engine, lane);
}

static void on_error(void *owner, int32_t lane, enum mr_status status, const char *text)
{
    struct runtime_log *l = owner;
    if (status == MR_BUSY)
        MR_LOG_LIMITED(l->settings.log, &l->away, WARN, "Kafka is away", mr_f_int("lane", lane),
                       mr_f_text("error", text));
    else if (status == MR_FATAL && lane < 0)
        l->settings.on_fatal(l->settings.owner, text);
    else
        MR_LOG(l->settings.log, ERROR, "the consumer cannot go on", mr_f_int("lane", lane),
               mr_f_text("error", text));
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
    struct runtime_log *l = ctx;
    runtime_probe_ask(l->probe, check);
}

static void on_checked(void *owner, const struct engine_checked *checked)
{
    struct runtime_log *l = owner;
    if (!l->closing)
        engine_on_checked(l->engine, checked);
}

static void port_start(void *ctx, int32_t lane, int64_t position)
{
    struct runtime_log *l = ctx;
    struct mr_error why;
    static_assert(ENGINE_EARLIEST == MR_KAFKA_EARLIEST, "one number for one thing");
    enum mr_status status = mr_kafka_consumer_start(l->consumer, lane, position, &why);
    l->lane[lane].start = status == MR_BUSY ? position : NO_START;
    if (status == MR_OK)
        return; /* MR_LOST: revoked in this very turn, the engine hears of it next */
    MR_LOG(l->settings.log, WARN, "a lane could not be started", mr_f_int("lane", lane),
           mr_f_text("error", why.text));
}

static void port_stop(void *ctx, int32_t lane)
{
    struct runtime_log *l = ctx;
    l->lane[lane].start = NO_START;
    mr_kafka_consumer_stop(l->consumer, lane);
}

static void port_pause(void *ctx, int32_t lane)
{
    struct runtime_log *l = ctx;
    mr_kafka_consumer_pause(l->consumer, lane);
}

static void port_resume(void *ctx, int32_t lane)
{
    struct runtime_log *l = ctx;
    mr_kafka_consumer_resume(l->consumer, lane);
}

static void port_progress(void *ctx, int32_t lane, int64_t applied)
{
    struct runtime_log *l = ctx;
    l->lane[lane].applied = applied;
}

void runtime_log_tick(struct runtime_log *l)
{
    int64_t now = mr_loop_now_ms(l->settings.loop);
    bool show = now - l->shown_ms >= SHOW_EVERY_MS;
    if (show)
        l->shown_ms = now;
    for (int32_t i = 0; l->consumer && i < l->lanes; i++) {
        struct lane_state *s = &l->lane[i];
        if (s->start != NO_START)
            port_start(l, i, s->start);
        if (!show || s->applied == s->shown || !mr_kafka_consumer_is_assigned(l->consumer, i))
            continue;
        s->shown = s->applied;
        mr_kafka_consumer_commit(l->consumer, i, s->applied);
    }
}

static enum mr_status port_publish(void *ctx, uint64_t round, const struct engine_event *event)
{
    struct runtime_log *l = ctx;
    struct mr_ce_event ce = {
        .account = event->account,
        .subject = event->subject,
        .has_subject = true,
        .causation = event->causation,
        .subject_version = event->subject_version,
        .sequence = event->sequence,
        .lane = event->lane,
        .time_ms = event->time_ms,
        .domain = mr_slice_text(l->settings.domain),
        .type = event->type,
        .traceparent = event->traceparent,
    };
    struct mr_kafka_message message = {
        .topic = l->events, .partition = event->lane, .key = event->key, .value = event->data};
    mr_arena_reset(&l->headers);
    enum mr_status status = mr_ce_event_build(&ce, &l->headers, &message.headers);
    assert(status == MR_OK); /* our own types and texts */
    struct sent *sent = malloc(sizeof *sent);
    if (!sent)
        abort();
    *sent =
        (struct sent){.log = l, .round = round, .sequence = event->sequence, .lane = event->lane};
    message.opaque = sent;
    status = mr_kafka_producer_send(l->producer, &message, NULL);
    if (status != MR_OK)
        free(sent);
    return status;
}

static void on_report(void *owner, const struct mr_kafka_report *report)
{
    struct runtime_log *l = owner;
    struct sent *sent = report->opaque;
    if (!l->closing)
        engine_on_report(l->engine, sent->round, sent->lane, sent->sequence,
                         report->outcome == MR_KAFKA_STORED, report->offset);
    free(sent);
}

static void on_producer_state(void *owner, bool ready, const char *why)
{
    struct runtime_log *l = owner;
    if (ready)
        MR_LOG(l->settings.log, INFO, "the producer was renewed");
    else
        MR_LOG(l->settings.log, ERROR, "the producer failed and is renewed",
               mr_f_text("error", why));
}

static void port_tick(void *ctx, int32_t lane, int64_t due_ms)
{
    struct runtime_log *l = ctx;
    assert(l->tick); /* the domain names an interval */
    runtime_tick_write(l->tick, lane, due_ms);
}

static void port_purge(void *ctx)
{
    struct runtime_log *l = ctx;
    mr_kafka_producer_purge(l->producer);
}

struct engine_log runtime_log_port(struct runtime_log *l)
{
    return (struct engine_log){
        .ctx = l,
        .check = port_check,
        .start = port_start,
        .stop = port_stop,
        .pause = port_pause,
        .resume = port_resume,
        .publish = port_publish,
        .purge = port_purge,
        .tick = port_tick,
        .progress = port_progress,
    };
}

/* ---- life ---- */

static enum mr_status open_producers(struct runtime_log *l, struct mr_error *why)
{
    const struct runtime_log_settings *settings = &l->settings;
    struct mr_kafka_producer_settings events = {
        .conf = settings->conf,
        .linger_us = LINGER_US,
        .message_timeout_ms = 0,
        .on_report = on_report,
        .on_state = on_producer_state,
        .owner = l,
    };
    struct runtime_tick_settings tick = {
        .loop = settings->loop,
        .log = settings->log,
        .conf = settings->conf,
        .domain = settings->domain,
        .commands = l->commands,
    };
    enum mr_status status = MR_OK;
    if (settings->has_ticks)
        status = runtime_tick_new(&tick, &l->tick, why);
    if (status == MR_OK)
        status = mr_kafka_producer_new(&settings->loop->uv, &events, &l->producer, why);
    return status;
}

enum mr_status runtime_log_new(const struct runtime_log_settings *settings,
                               struct runtime_log **out, struct mr_error *why)
{
    struct runtime_log *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->settings = *settings;
    mr_arena_init(&l->headers, 1 << 20);
    snprintf(l->commands, sizeof l->commands, "%s.commands", settings->domain);
    snprintf(l->events, sizeof l->events, "%s.events", settings->domain);
    snprintf(l->group, sizeof l->group, "millrace.%s", settings->domain);
    enum mr_status status = open_producers(l, why);
    if (status != MR_OK) {
        if (l->tick)
            runtime_tick_close(l->tick, NULL, NULL);
        mr_arena_free(&l->headers);
        free(l);
        return status;
    }
    l->probe = runtime_probe_new(&(struct runtime_probe_settings){
        .loop = settings->loop,
        .log = settings->log,
        .conf = settings->conf,
        .commands = l->commands,
        .events = l->events,
        .domain = settings->domain,
        .on_checked = on_checked,
        .owner = l,
    });
    *out = l;
    return MR_OK;
}

enum mr_status runtime_log_serve(struct runtime_log *l, struct engine *engine, int32_t lanes,
                                 struct mr_error *why)
{
    l->engine = engine;
    l->lanes = lanes;
    l->lane = calloc((size_t)lanes, sizeof *l->lane);
    if (!l->lane)
        abort();
    for (int32_t i = 0; i < lanes; i++)
        l->lane[i].start = NO_START;
    struct mr_kafka_consumer_settings consumer = {
        .conf = l->settings.conf,
        .topic = l->commands,
        .group = l->group,
        .group_instance_id = l->settings.group_instance_id,
        .session_timeout_ms = l->settings.session_timeout_ms,
        .on = &consumer_callbacks,
        .owner = l,
    };
    return mr_kafka_consumer_new(&l->settings.loop->uv, &consumer, &l->consumer, why);
}

bool runtime_log_assigned(const struct runtime_log *l, size_t *lanes)
{
    *lanes = l->lane_count;
    return l->spoken;
}

struct runtime_tick_counts runtime_log_tick_counts(const struct runtime_log *l)
{
    return l->tick ? runtime_tick_counts(l->tick) : (struct runtime_tick_counts){0};
}

int64_t runtime_log_end_of(const struct runtime_log *l, int32_t lane)
{
    return l->consumer ? mr_kafka_consumer_end_of(l->consumer, lane) : -1;
}

static void on_part_closed(void *owner)
{
    struct runtime_log *l = owner;
    if (--l->open > 0)
        return;
    void (*on_closed)(void *) = l->on_closed;
    void *closed_owner = l->closed_owner;
    mr_arena_free(&l->headers);
    free(l->lane);
    free(l);
    if (on_closed)
        on_closed(closed_owner);
}

void runtime_log_close(struct runtime_log *l, void (*on_closed)(void *owner), void *owner)
{
    l->closing = true;
    l->on_closed = on_closed;
    l->closed_owner = owner;
    l->open = 2 + (l->consumer != NULL) + (l->tick != NULL);
    if (l->tick)
        runtime_tick_close(l->tick, on_part_closed, l);
    if (l->consumer)
        mr_kafka_consumer_close(l->consumer, on_part_closed, l);
    mr_kafka_producer_close(l->producer, PRODUCER_FLUSH_MS, on_part_closed, l);
    runtime_probe_close(l->probe, on_part_closed, l);
}
