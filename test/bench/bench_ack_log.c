/* A log that acknowledges at once, in the place of producers/command's own: what is measured before
 * it is the edge without a producer. It has the names of command_kafka.c, so the linker takes
 * these.
 *
 * Reports come in the check phase of the same turn, as send may not report by itself; the idle
 * handle keeps a turn from blocking before them. */
#include "command_flow.h"
#include "command_submit.h"
#include "mr_clock.h"
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 65536 /* more than any IN_FLIGHT_MAX that a benchmark sets */

struct ack_log {
    struct command_submit *submit;
    uv_idle_t idle;
    uv_check_t check;
    void *pending[PENDING_MAX];
    size_t pending_count;
    int64_t position;
    int open_handles;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* only keeps the loop from waiting */
}

static void on_check(uv_check_t *check)
{
    struct ack_log *log = check->data;
    size_t count = log->pending_count;
    int64_t now_ms = mr_clock_wall_ms();
    for (size_t i = 0; i < count; i++) {
        struct mr_kafka_report report = {
            .opaque = log->pending[i],
            .outcome = MR_KAFKA_STORED,
            .status = MR_OK,
            .partition = 0,
            .offset = log->position++,
            .append_ms = now_ms,
        };
        command_submit_report(log->submit, &report);
    }
    log->pending_count -= count; /* what was sent meanwhile has its turn next */
    memmove(log->pending, log->pending + count, log->pending_count * sizeof *log->pending);
    if (log->pending_count == 0) {
        uv_idle_stop(&log->idle);
        uv_check_stop(&log->check);
    }
}

static enum mr_status ack_send(void *impl, const struct mr_kafka_message *message,
                               struct mr_error *why)
{
    struct ack_log *log = impl;
    if (log->pending_count == PENDING_MAX)
        return mr_fail(why, MR_LIMIT, "%zu messages wait to be acknowledged", log->pending_count);
    log->pending[log->pending_count++] = message->opaque;
    uv_idle_start(&log->idle, on_idle);
    uv_check_start(&log->check, on_check);
    return MR_OK;
}

static bool ack_is_ready(void *impl)
{
    (void)impl;
    return true;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ack_log *log = handle->data;
    if (--log->open_handles > 0)
        return;
    void (*on_closed)(void *) = log->on_closed;
    void *owner = log->closed_owner;
    free(log);
    on_closed(owner);
}

static void ack_close(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner), void *owner)
{
    struct ack_log *log = impl;
    (void)deadline_ms; /* nothing to wait for */
    on_check(&log->check);
    log->on_closed = on_closed;
    log->closed_owner = owner;
    uv_close((uv_handle_t *)&log->idle, on_handle_closed);
    uv_close((uv_handle_t *)&log->check, on_handle_closed);
}

enum mr_status command_submit_kafka(struct command_submit *submit,
                                    const struct command_kafka_settings *settings,
                                    struct mr_error *why)
{
    struct ack_log *log = calloc(1, sizeof *log);
    uv_loop_t *loop = command_submit_loop(submit);
    (void)settings;
    (void)why;
    if (!log)
        abort();
    log->submit = submit;
    log->open_handles = 2;
    uv_idle_init(loop, &log->idle);
    uv_check_init(loop, &log->check);
    log->idle.data = log->check.data = log;
    struct command_log port = {
        .impl = log, .send = ack_send, .is_ready = ack_is_ready, .close = ack_close};
    command_submit_open(submit, &port);
    return MR_OK;
}

struct mr_kafka_producer_counters command_submit_kafka_counters(const struct command_submit *submit)
{
    (void)submit;
    return (struct mr_kafka_producer_counters){.sent = 0};
}

/* What the edge reports of itself is off here. */
enum mr_status command_flow_kafka(struct command_flow *flow,
                                  const struct command_flow_kafka_settings *settings,
                                  struct mr_error *why)
{
    (void)flow;
    (void)settings;
    return mr_fail(why, MR_INVALID, "this edge has no log but its own");
}
