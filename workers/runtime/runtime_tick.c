#include "runtime_tick.h"

#include "mr_cloudevent.h"
#include "mr_kafka_producer.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS  5000 /* the next one does its work */
#define QUEUE_MAX   20000
#define HEADERS_MAX (64 << 10)

struct runtime_tick {
    struct runtime_tick_settings settings;
    struct mr_kafka_producer *producer;
    struct mr_arena headers;
    struct mr_log_limit failing;
    struct runtime_tick_counts counts;
    bool closing;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void failed(struct runtime_tick *t, const char *error)
{
    t->counts.failed++;
    if (!t->closing)
        MR_LOG_LIMITED(t->settings.log, &t->failing, WARN, "a tick could not be written",
                       mr_f_text("error", error));
}

static void on_report(void *owner, const struct mr_kafka_report *report)
{
    struct runtime_tick *t = owner;
    if (report->outcome == MR_KAFKA_STORED)
        t->counts.written++;
    else
        failed(t, report->error);
}

static void on_state(void *owner, bool ready, const char *why)
{
    struct runtime_tick *t = owner;
    if (!ready)
        MR_LOG(t->settings.log, WARN, "the producer of ticks failed and is renewed",
               mr_f_text("error", why));
}

enum mr_status runtime_tick_new(const struct runtime_tick_settings *settings,
                                struct runtime_tick **out, struct mr_error *why)
{
    struct runtime_tick *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->settings = *settings;
    mr_arena_init(&t->headers, HEADERS_MAX);
    struct mr_kafka_producer_settings producer = {
        .conf = settings->conf,
        .message_timeout_ms = TIMEOUT_MS,
        .queue_messages_max = QUEUE_MAX,
        .on_report = on_report,
        .on_state = on_state,
        .owner = t,
    };
    enum mr_status status =
        mr_kafka_producer_new(&settings->loop->uv, &producer, &t->producer, why);
    if (status == MR_OK) {
        *out = t;
        return MR_OK;
    }
    mr_arena_free(&t->headers);
    free(t);
    return status;
}

static struct mr_uuid id_of(const char *domain, int32_t lane, int64_t due_ms)
{
    char name[64];
    int len = snprintf(name, sizeof name, "%s\n%" PRId32 "\n%" PRId64, domain, lane, due_ms);
    assert(len > 0 && (size_t)len < sizeof name); /* a domain has 15 letters */
    return mr_uuid_v5(mr_slice(name, (size_t)len));
}

void runtime_tick_write(struct runtime_tick *t, int32_t lane, int64_t due_ms)
{
    char type[32], value[48];
    struct mr_error why;
    snprintf(type, sizeof type, "%s.tick", t->settings.domain);
    snprintf(value, sizeof value, "{\"due_ms\":%" PRId64 "}", due_ms);
    struct mr_ce_command ce = {
        .id = id_of(t->settings.domain, lane, due_ms),
        .tick_lane = lane,
        .time_ms = due_ms, /* not now: two owners write the same one */
        .domain = mr_slice_text(t->settings.domain),
        .principal = mr_slice_text("millrace-worker"),
        .type = mr_slice_text(type),
    };
    struct mr_kafka_message message = {
        .topic = t->settings.commands,
        .partition = lane,
        .key = mr_slice_text("tick"),
        .value = mr_slice_text(value),
    };
    mr_arena_reset(&t->headers);
    enum mr_status status = mr_ce_command_build(&ce, &t->headers, &message.headers);
    assert(status == MR_OK); /* our own types and texts */
    if (mr_kafka_producer_send(t->producer, &message, &why) != MR_OK)
        failed(t, why.text);
}

struct runtime_tick_counts runtime_tick_counts(const struct runtime_tick *t)
{
    return t->counts;
}

static void on_producer_closed(void *owner)
{
    struct runtime_tick *t = owner;
    void (*on_closed)(void *) = t->on_closed;
    void *closed_owner = t->closed_owner;
    mr_arena_free(&t->headers);
    free(t);
    if (on_closed)
        on_closed(closed_owner);
}

void runtime_tick_close(struct runtime_tick *t, void (*on_closed)(void *owner), void *owner)
{
    t->closing = true;
    t->on_closed = on_closed;
    t->closed_owner = owner;
    mr_kafka_producer_close(t->producer, 0, on_producer_closed, t);
}
