/* The log behind command_submit in production: a producer of its own. */
#include "command_submit.h"

#include <stdlib.h>

#define LINGER_US 500
/* librdkafka looks for messages that are past it once a second: their reports come before the
 * deadline of 6 s, so that what was surely not stored can be told from what may be. */
#define MESSAGE_TIMEOUT_MS 4500

struct kafka_log {
    struct mr_kafka_producer *producer;
    struct command_submit *submit;
    void (*on_state)(void *owner, bool ready, const char *why);
    void *owner;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void on_report(void *owner, const struct mr_kafka_report *report)
{
    struct kafka_log *log = owner;
    command_submit_report(log->submit, report);
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

enum mr_status command_submit_kafka(struct command_submit *submit,
                                    const struct command_kafka_settings *settings,
                                    struct mr_error *why)
{
    struct kafka_log *log = calloc(1, sizeof *log);
    if (!log)
        abort();
    log->submit = submit;
    log->on_state = settings->on_state;
    log->owner = settings->owner;
    struct mr_kafka_producer_settings producer = {
        .conf = settings->conf,
        .linger_us = settings->linger_us ? settings->linger_us : LINGER_US,
        .message_timeout_ms =
            settings->message_timeout_ms ? settings->message_timeout_ms : MESSAGE_TIMEOUT_MS,
        .on_report = on_report,
        .on_state = on_state,
        .owner = log,
    };
    enum mr_status s =
        mr_kafka_producer_new(command_submit_loop(submit), &producer, &log->producer, why);
    if (s != MR_OK) {
        free(log);
        return s;
    }
    struct command_log port = {
        .impl = log, .send = log_send, .is_ready = log_is_ready, .close = log_close};
    command_submit_open(submit, &port);
    return MR_OK;
}

struct mr_kafka_producer_counters command_submit_kafka_counters(const struct command_submit *submit)
{
    const struct command_log *port = command_submit_log(submit);
    if (port->send != log_send)
        return (struct mr_kafka_producer_counters){.sent = 0};
    const struct kafka_log *log = port->impl;
    return mr_kafka_producer_counters(log->producer);
}
