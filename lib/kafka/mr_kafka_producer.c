/* The producer's instance of librdkafka, its reports, and how it is renewed and closed. */
#include "mr_kafka_producer.h"

#include "mr_kafka_flight.h"
#include "mr_kafka_instance.h"
#include "mr_loop.h"
#include "mr_map.h"

#include <assert.h>
#include <stdio.h>

#define RENEWAL_RETRY_MS  1000
#define QUEUE_MESSAGES    100000
#define QUEUE_BYTES       (256u << 20)
#define MESSAGE_BYTES_MAX (1u << 20)
#define REPORTS_A_LOOK    16 /* between two looks at the clock */

enum state { READY, RENEWING, FLUSHING, CLOSING };

struct mr_kafka_producer {
    /* for life */
    uv_loop_t *loop;
    struct mr_kafka_producer_settings settings; /* conf is NULL: not kept */
    struct mr_kafka_hooks hooks;
    rd_kafka_conf_t *rd_conf; /* copied for each instance */
    struct mr_kafka_wake wake;
    uv_timer_t timer; /* RENEWING: the next attempt; FLUSHING: the deadline */
    uv_work_t work;
    struct mr_kafka_producer_counters counters;

    enum state state;
    bool fatal;    /* the instance is done for; what it still reports is taken first */
    bool working;  /* the thread pool destroys `doomed` */
    char why[256]; /* of the fatal error */
    struct mr_kafka_instance now, doomed;
    struct mr_kafka_flights flights;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

/* ---- reports ---- */

/* MR_INVALID only where this very message can never be stored: what an operator can mend (a topic
 * that is not there, a right that is missing) may be retried. */
static enum mr_status status_of(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return MR_INVALID;
    default: {
        enum mr_status s = mr_kafka_status_of(error);
        return s == MR_INVALID ? MR_BUSY : s;
    }
    }
}

static void count_and_report(struct mr_kafka_producer *p, const struct mr_kafka_report *report)
{
    switch (report->outcome) {
    case MR_KAFKA_STORED:
        p->counters.stored++;
        break;
    case MR_KAFKA_NOT_STORED:
        p->counters.not_stored++;
        break;
    case MR_KAFKA_UNKNOWN:
        p->counters.unknown++;
        break;
    }
    p->settings.on_report(p->settings.owner, report);
}

static void report_message(struct mr_kafka_producer *p, const rd_kafka_message_t *message)
{
    struct mr_kafka_report r = {
        .opaque = mr_kafka_flight_end(&p->flights, message->_private),
        .outcome = MR_KAFKA_UNKNOWN,
        .status = status_of(message->err),
        .partition = message->partition,
        .offset = message->offset >= 0 ? message->offset : -1,
        .append_ms = -1,
        .error = message->err ? rd_kafka_err2str(message->err) : NULL,
    };
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    if (type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME)
        r.append_ms = ms;
    rd_kafka_msg_status_t status = rd_kafka_message_status(message);
    if (status == RD_KAFKA_MSG_STATUS_NOT_PERSISTED) {
        r.outcome = MR_KAFKA_NOT_STORED;
    } else if (status == RD_KAFKA_MSG_STATUS_PERSISTED && r.offset >= 0 && !message->err) {
        r.outcome = MR_KAFKA_STORED;
        r.in_log = true;
    } else if (!r.error) {
        /* A lost answer whose retry was recognised: it is in the log, nobody can say where. */
        r.status = MR_BUSY;
        r.error = "stored at an unknown position";
        r.in_log = true;
    }
    count_and_report(p, &r);
}

static void report_rest_unknown(struct mr_kafka_producer *p, enum mr_status status,
                                const char *error)
{
    while (p->flights.first) {
        struct mr_kafka_report r = {
            .opaque = mr_kafka_flight_end(&p->flights, p->flights.first),
            .outcome = MR_KAFKA_UNKNOWN,
            .status = status,
            .partition = -1,
            .offset = -1,
            .append_ms = -1,
            .error = error,
        };
        count_and_report(p, &r);
    }
}

static void on_error_event(struct mr_kafka_producer *p, rd_kafka_event_t *event)
{
    if (rd_kafka_event_error_is_fatal(event)) {
        p->fatal = true;
        snprintf(p->why, sizeof p->why, "%s", rd_kafka_event_error_string(event));
    } else if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__TRANSPORT && p->hooks.on_log) {
        /* It goes on by itself; a single connection's trouble has a line of its own. */
        p->hooks.on_log(p->hooks.owner, 4, "ERROR", rd_kafka_event_error_string(event));
    }
}

/* False when the budget is spent before the queue. */
static bool drain(struct mr_kafka_producer *p)
{
    struct mr_budget budget;
    mr_budget_start(&budget);
    for (unsigned n = 1;; n++) {
        if (n % REPORTS_A_LOOK == 0 && mr_budget_is_spent(&budget))
            return false;
        if (p->now.event) {
            const rd_kafka_message_t *message = rd_kafka_event_message_next(p->now.event);
            if (message) {
                report_message(p, message);
                continue;
            }
            rd_kafka_event_destroy(p->now.event);
        }
        p->now.event = rd_kafka_queue_poll(p->now.queue, 0);
        if (!p->now.event)
            return true;
        rd_kafka_event_type_t type = rd_kafka_event_type(p->now.event);
        if (type == RD_KAFKA_EVENT_DR)
            continue;
        rd_kafka_event_t *event = p->now.event;
        p->now.event = NULL;
        if (mr_kafka_hooks_take(&p->hooks, event))
            continue;
        if (type == RD_KAFKA_EVENT_ERROR)
            on_error_event(p, event);
        rd_kafka_event_destroy(event);
    }
}

/* ---- renewing and closing: the drawing is in the header ---- */

static void on_timer(uv_timer_t *timer);

static void on_closed_wake(void *owner)
{
    struct mr_kafka_producer *p = owner;
    void (*on_closed)(void *) = p->on_closed;
    void *closed_owner = p->closed_owner;
    mr_kafka_flights_free(&p->flights);
    rd_kafka_conf_destroy(p->rd_conf);
    free(p);
    if (on_closed)
        on_closed(closed_owner);
}

static void on_closed_timer(uv_handle_t *handle)
{
    struct mr_kafka_producer *p = handle->data;
    mr_kafka_wake_close(&p->wake, on_closed_wake);
}

static void renew(struct mr_kafka_producer *p)
{
    struct mr_error why;
    if (mr_kafka_instance_make(&p->now, p->rd_conf, &p->wake, &why) != MR_OK) {
        if (p->hooks.on_log)
            p->hooks.on_log(p->hooks.owner, 3, "RENEW", why.text);
        uv_timer_start(&p->timer, on_timer, RENEWAL_RETRY_MS, 0);
        return;
    }
    p->counters.renewals++;
    p->state = READY;
    if (p->settings.on_state)
        p->settings.on_state(p->settings.owner, true, NULL);
}

static void work_destroy(uv_work_t *work)
{
    struct mr_kafka_producer *p = work->data;
    mr_kafka_instance_destroy(&p->doomed);
}

static void work_destroyed(uv_work_t *work, int status)
{
    struct mr_kafka_producer *p = work->data;
    assert(status == 0); /* it is never cancelled */
    p->working = false;
    if (p->state == RENEWING)
        renew(p);
    else if (p->state == CLOSING)
        uv_close((uv_handle_t *)&p->timer, on_closed_timer);
    /* FLUSHING: closed meanwhile, and the next step finds nothing left to destroy */
}

static void destroy_instance(struct mr_kafka_producer *p)
{
    assert(!p->working);
    p->doomed = p->now;
    p->now = (struct mr_kafka_instance){.rk = NULL};
    p->working = true;
    p->work.data = p;
    if (uv_queue_work(p->loop, &p->work, work_destroy, work_destroyed) != 0)
        abort();
}

static void step_fatal(struct mr_kafka_producer *p)
{
    p->fatal = false;
    bool renewing = p->state == READY;
    if (renewing)
        p->state = RENEWING; /* before the reports: a send within one is MR_BUSY */
    report_rest_unknown(p, MR_FATAL, "the producer failed");
    destroy_instance(p);
    if (renewing && p->settings.on_state)
        p->settings.on_state(p->settings.owner, false, p->why);
}

static void step_closing(struct mr_kafka_producer *p)
{
    p->state = CLOSING;
    uv_timer_stop(&p->timer);
    report_rest_unknown(p, MR_LOST, "the producer was closed");
    if (p->now.rk)
        destroy_instance(p);
    else if (!p->working)
        uv_close((uv_handle_t *)&p->timer, on_closed_timer);
}

static void step(struct mr_kafka_producer *p)
{
    if (p->fatal)
        step_fatal(p);
    if (p->state == FLUSHING && p->flights.count == 0)
        step_closing(p);
}

static void on_wake(void *owner)
{
    struct mr_kafka_producer *p = owner;
    if (p->state == CLOSING)
        return;
    if (!p->now.rk || drain(p))
        step(p);
    else
        mr_kafka_wake_again(&p->wake);
}

static void on_timer(uv_timer_t *timer)
{
    struct mr_kafka_producer *p = timer->data;
    if (p->state == RENEWING)
        renew(p);
    else if (p->state == FLUSHING)
        step_closing(p);
}

void mr_kafka_producer_close(struct mr_kafka_producer *producer, uint64_t deadline_ms,
                             void (*on_closed)(void *owner), void *owner)
{
    assert(producer->state == READY || producer->state == RENEWING);
    producer->state = FLUSHING;
    producer->on_closed = on_closed;
    producer->closed_owner = owner;
    uv_update_time(producer->loop);
    uv_timer_start(&producer->timer, on_timer, deadline_ms, 0);
    mr_kafka_wake_again(&producer->wake);
}

/* ---- making and sending ---- */

static rd_kafka_conf_t *conf_make(const struct mr_kafka_producer_settings *s)
{
    rd_kafka_conf_t *rd_conf = mr_kafka_conf_make(s->conf);
    mr_kafka_set(rd_conf, "enable.idempotence", "true");
    mr_kafka_set(rd_conf, "acks", "all");
    mr_kafka_set(rd_conf, "partitioner", "murmur2_random");
    mr_kafka_set(rd_conf, "linger.ms", "%.3f", s->linger_us / 1000.0);
    mr_kafka_set(rd_conf, "message.timeout.ms", "%u", s->message_timeout_ms);
    mr_kafka_set(rd_conf, "queue.buffering.max.messages", "%u", s->queue_messages_max);
    mr_kafka_set(rd_conf, "queue.buffering.max.kbytes", "%zu", (s->queue_bytes_max + 1023) / 1024);
    mr_kafka_set(rd_conf, "message.max.bytes", "%zu", s->message_bytes_max);
    return rd_conf;
}

enum mr_status mr_kafka_producer_new(uv_loop_t *loop,
                                     const struct mr_kafka_producer_settings *settings,
                                     struct mr_kafka_producer **out, struct mr_error *why)
{
    struct mr_kafka_producer *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->loop = loop;
    p->settings = *settings;
    if (!p->settings.queue_messages_max)
        p->settings.queue_messages_max = QUEUE_MESSAGES;
    if (!p->settings.queue_bytes_max)
        p->settings.queue_bytes_max = QUEUE_BYTES;
    if (!p->settings.message_bytes_max)
        p->settings.message_bytes_max = MESSAGE_BYTES_MAX;
    p->hooks = mr_kafka_hooks_of(settings->conf, "producer");
    p->rd_conf = conf_make(&p->settings);
    p->settings.conf = NULL;
    mr_kafka_flights_init(&p->flights, p->settings.queue_messages_max);
    mr_kafka_wake_open(&p->wake, loop, on_wake, p);
    uv_timer_init(loop, &p->timer);
    p->timer.data = p;
    enum mr_status s = mr_kafka_instance_make(&p->now, p->rd_conf, &p->wake, why);
    if (s != MR_OK) {
        p->state = CLOSING;
        uv_close((uv_handle_t *)&p->timer, on_closed_timer);
        return s;
    }
    *out = p;
    return MR_OK;
}

size_t mr_kafka_message_bytes(const struct mr_kafka_message *message)
{
    /* A batch's header is 61 bytes; a record's lengths, deltas and counts are varints. */
    size_t bytes = 61 + 5 + 1 + 10 + 5 + 5 + 5 + 5 + message->key.len + message->value.len;
    for (size_t i = 0; i < message->headers.count; i++)
        bytes += 10 + message->headers.items[i].name.len + message->headers.items[i].value.len;
    return bytes;
}

static enum mr_status refuse(struct mr_kafka_producer *p, const struct mr_kafka_message *m,
                             rd_kafka_resp_err_t error, struct mr_error *why)
{
    enum mr_status s = status_of(error);
    if (s == MR_LIMIT)
        p->counters.refused++;
    if (s == MR_FATAL)
        s = MR_BUSY; /* its event is on the way, then the instance is renewed */
    return mr_fail(why, s, "%s: %s", m->topic, rd_kafka_err2str(error));
}

enum mr_status mr_kafka_producer_send(struct mr_kafka_producer *producer,
                                      const struct mr_kafka_message *message, struct mr_error *why)
{
    struct mr_kafka_producer *p = producer;
    if (p->state == FLUSHING || p->state == CLOSING)
        return mr_fail(why, MR_LOST, "%s: the producer is closing", message->topic);
    if (p->state == RENEWING || p->fatal)
        return mr_fail(why, MR_BUSY, "%s: the producer is being renewed", message->topic);
    size_t bytes = mr_kafka_message_bytes(message);
    if (bytes > p->settings.message_bytes_max)
        return mr_fail(why, MR_INVALID, "%s: a message of %zu bytes, at most %zu fit",
                       message->topic, bytes, p->settings.message_bytes_max);
    rd_kafka_topic_t *topic = mr_kafka_instance_topic(&p->now, message->topic);
    if (!topic)
        return mr_fail(why, MR_INVALID, "%s: not a topic's name, or beyond %d topics",
                       message->topic, MR_KAFKA_TOPICS_MAX);
    struct mr_kafka_flight *flight = mr_kafka_flight_begin(&p->flights, message->opaque);
    if (!flight)
        return refuse(p, message, RD_KAFKA_RESP_ERR__QUEUE_FULL, why);
    rd_kafka_resp_err_t error = mr_kafka_instance_produce(&p->now, topic, message, flight);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        mr_kafka_flight_end(&p->flights, flight);
        return refuse(p, message, error, why);
    }
    p->counters.sent++;
    p->counters.bytes += message->key.len + message->value.len;
    return MR_OK;
}

void mr_kafka_producer_purge(struct mr_kafka_producer *producer)
{
    producer->counters.purges++;
    if (producer->now.rk)
        rd_kafka_purge(producer->now.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                             RD_KAFKA_PURGE_F_NON_BLOCKING);
}

bool mr_kafka_producer_is_ready(const struct mr_kafka_producer *producer)
{
    return producer->state == READY && !producer->fatal;
}

struct mr_kafka_producer_counters
mr_kafka_producer_counters(const struct mr_kafka_producer *producer)
{
    struct mr_kafka_producer_counters c = producer->counters;
    c.in_flight = producer->flights.count;
    return c;
}

rd_kafka_t *mr_kafka_producer_rd(struct mr_kafka_producer *producer)
{
    return producer->now.rk;
}
