/* Making clients, their common events, and the eventfd that wakes the loop. */
#include "mr_kafka_client.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void mr_kafka_set(rd_kafka_conf_t *rd_conf, const char *name, const char *fmt, ...)
{
    char value[1024], text[256];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof value ||
        rd_kafka_conf_set(rd_conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "librdkafka refuses our own setting %s\n", name);
        abort();
    }
}

/* Lines come as events; what librdkafka still has to say while it is destroyed is dropped, or it
 * would go to standard error as it is. */
static void drop_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

enum mr_status mr_kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *rd_conf, rd_kafka_t **out,
                                   struct mr_error *why)
{
    char text[256] = "";
    rd_kafka_conf_set_log_cb(rd_conf, drop_line);
    rd_kafka_t *rk = rd_kafka_new(type, rd_conf, text, sizeof text);
    if (!rk) {
        rd_kafka_conf_destroy(rd_conf);
        return mr_fail(why, MR_INVALID, "Kafka client: %s", text);
    }
    rd_kafka_set_log_queue(rk, NULL); /* its main queue */
    *out = rk;
    return MR_OK;
}

bool mr_kafka_hooks_take(const struct mr_kafka_hooks *hooks, rd_kafka_event_t *event)
{
    rd_kafka_event_type_t type = rd_kafka_event_type(event);
    if (type == RD_KAFKA_EVENT_LOG) {
        const char *facility = "", *text = "";
        int level = 7;
        if (rd_kafka_event_log(event, &facility, &text, &level) == 0 && hooks->on_log)
            hooks->on_log(hooks->owner, level, facility, text);
    } else if (type == RD_KAFKA_EVENT_STATS) {
        if (hooks->on_stats)
            hooks->on_stats(hooks->owner, hooks->client,
                            mr_slice_text(rd_kafka_event_stats(event)));
    } else {
        return false;
    }
    rd_kafka_event_destroy(event);
    return true;
}

int mr_kafka_hooks_drain(const struct mr_kafka_hooks *hooks, rd_kafka_queue_t *queue)
{
    int error = 0;
    for (rd_kafka_event_t *event; (event = rd_kafka_queue_poll(queue, 0)) != NULL;) {
        if (mr_kafka_hooks_take(hooks, event))
            continue;
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR)
            error = rd_kafka_event_error(event);
        rd_kafka_event_destroy(event);
    }
    return error;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct mr_kafka_wake *wake = poll->data;
    uint64_t count;
    (void)events;
    assert(status == 0); /* an eventfd does not fail */
    if (read(wake->fd, &count, sizeof count) < 0 && errno != EAGAIN)
        abort();
    wake->on_wake(wake->owner);
}

void mr_kafka_wake_open(struct mr_kafka_wake *wake, uv_loop_t *loop, void (*on_wake)(void *owner),
                        void *owner)
{
    *wake = (struct mr_kafka_wake){.on_wake = on_wake, .owner = owner};
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake->fd < 0 || uv_poll_init(loop, &wake->poll, wake->fd) != 0 ||
        uv_poll_start(&wake->poll, UV_READABLE, on_readable) != 0) {
        fprintf(stderr, "no eventfd for a Kafka client: %s\n", strerror(errno));
        abort();
    }
    wake->poll.data = wake;
}

static const uint64_t one = 1;

void mr_kafka_wake_watch(struct mr_kafka_wake *wake, rd_kafka_queue_t *queue)
{
    rd_kafka_queue_io_event_enable(queue, wake->fd, &one, sizeof one);
}

void mr_kafka_wake_again(struct mr_kafka_wake *wake)
{
    if (write(wake->fd, &one, sizeof one) < 0 && errno != EAGAIN) /* EAGAIN: it is readable */
        abort();
}

void mr_kafka_wake_stop(struct mr_kafka_wake *wake)
{
    uv_poll_stop(&wake->poll);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct mr_kafka_wake *wake = handle->data;
    close(wake->fd);
    wake->on_closed(wake->owner);
}

void mr_kafka_wake_close(struct mr_kafka_wake *wake, void (*on_closed)(void *owner))
{
    wake->on_closed = on_closed;
    uv_close((uv_handle_t *)&wake->poll, on_poll_closed);
}
