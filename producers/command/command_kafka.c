/* The log behind command_submit and command_flow in production: a producer of its own. */
#include "command_flow.h"
#include "command_submit.h"

#include <stdlib.h>

#define LINGER_US 500
/* librdkafka looks for messages that are past it once a second: their reports come before the
 * deadline of 6 s, so that what was surely not stored can be told from what may be. */
#define MESSAGE_TIMEOUT_MS 4500
/* Nobody waits for what flows: company makes batches, and those are cheap. */
#define FLOW_LINGER_US 5000

struct kafka_log {
    struct mr_kafka_producer *producer;
    void (*report)(void *reporter, const struct mr_kafka_report *report);
    void *reporter; /* a command_submit or a command_flow */
    void (*on_state)(void *owner, bool ready, const char *why);
    void *owner;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void on_report(void *owner, const struct mr_kafka_report *report)
{
    struct kafka_log *log = owner;
    log->report(log->reporter, report);
}

static void on_state(void *owner, bool ready, const char *why)
{
    struct kafka_log *log = owner;
    if (log->on_state)
        log->on_state(log->owner, ready, why);
}

static enum mr_status log_send(void *impl, const struct mr_kafka_message *message,
                               struct mr_error *why)
{
    struct kafka_log *log = impl;
    return mr_kafka_producer_send(log->producer, message, why);
}

static bool log_is_ready(void *impl)
{
    struct kafka_log *log = impl;
    return mr_kafka_producer_is_ready(log->producer);
}

static void log_purge(void *impl)
{
    struct kafka_log *log = impl;
    mr_kafka_producer_purge(log->producer);
}

static void on_producer_closed(void *owner)
{
    struct kafka_log *log = owner;
    void (*on_closed)(void *) = log->on_closed;
    void *closed_owner = log->closed_owner;
    free(log);
    on_closed(closed_owner);
}

static void log_close(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner), void *owner)
{
    struct kafka_log *log = impl;
    log->on_closed = on_closed;
    log->closed_owner = owner;
    mr_kafka_producer_close(log->producer, deadline_ms, on_producer_closed, log);
}

/* Takes log, on failure too; on MR_OK port is filled and owns it. */
static enum mr_status open_log(uv_loop_t *loop, struct mr_kafka_producer_settings *producer,
                               struct kafka_log *log, struct command_log *port,
                               struct mr_error *why)
{
    producer->on_report = on_report;
    producer->on_state = on_state;
    producer->owner = log;
    enum mr_status s = mr_kafka_producer_new(loop, producer, &log->producer, why);
    if (s != MR_OK) {
        free(log);
        return s;
    }
    *port = (struct command_log){.impl = log,
                                 .send = log_send,
                                 .is_ready = log_is_ready,
                                 .purge = log_purge,
                                 .close = log_close};
    return MR_OK;
}

static struct kafka_log *log_new(void (*report)(void *, const struct mr_kafka_report *),
                                 void *reporter)
{
    struct kafka_log *log = calloc(1, sizeof *log);
    if (!log)
        abort();
    log->report = report;
    log->reporter = reporter;
    return log;
}

enum mr_status command_submit_kafka(struct command_submit *submit,
                                    const struct command_kafka_settings *settings,
                                    struct mr_error *why)
{
    struct kafka_log *log = log_new(command_submit_report, submit);
    struct command_log port;
    log->on_state = settings->on_state;
    log->owner = settings->owner;
    struct mr_kafka_producer_settings producer = {
        .conf = settings->conf,
        .linger_us = settings->linger_us ? settings->linger_us : LINGER_US,
        .message_timeout_ms =
            settings->message_timeout_ms ? settings->message_timeout_ms : MESSAGE_TIMEOUT_MS,
    };
    enum mr_status s = open_log(command_submit_loop(submit), &producer, log, &port, why);
    if (s == MR_OK)
        command_submit_open(submit, &port);
    return s;
}

enum mr_status command_flow_kafka(struct command_flow *flow,
                                  const struct command_flow_kafka_settings *settings,
                                  struct mr_error *why)
{
    struct kafka_log *log = log_new(command_flow_report, flow);
    struct command_log port;
    struct mr_kafka_producer_settings producer = {
        .conf = settings->conf,
        .linger_us = settings->linger_us ? settings->linger_us : FLOW_LINGER_US,
        .message_timeout_ms = 0, /* never: what timed out would let the next ones pass it */
    };
    enum mr_status s = open_log(command_flow_loop(flow), &producer, log, &port, why);
    if (s == MR_OK)
        command_flow_open(flow, &port);
    return s;
}

struct mr_kafka_producer_counters command_submit_kafka_counters(const struct command_submit *submit)
{
    const struct command_log *port = command_submit_log(submit);
    if (port->send != log_send)
        return (struct mr_kafka_producer_counters){.sent = 0};
    const struct kafka_log *log = port->impl;
    return mr_kafka_producer_counters(log->producer);
}
