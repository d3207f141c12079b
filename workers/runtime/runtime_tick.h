/* Writes ticks into the domain's commands topic, by a producer of their own: that one of them
 * fails, or is given up, must not end a round of the events' producer. */
#ifndef RUNTIME_TICK_H
#define RUNTIME_TICK_H

#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"

struct runtime_tick;

struct runtime_tick_settings { /* all borrowed until closed */
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_kafka_conf *conf;
    const char *domain;
    const char *commands; /* the topic */
};

struct runtime_tick_counts {
    uint64_t written, failed; /* in the log; not there, or not known to be */
};

MR_MUST_CHECK enum mr_status runtime_tick_new(const struct runtime_tick_settings *settings,
                                              struct runtime_tick **out, struct mr_error *why);
/* Best effort. The same lane and due time give the same command, whoever writes it. */
void runtime_tick_write(struct runtime_tick *tick, int32_t lane, int64_t due_ms);
struct runtime_tick_counts runtime_tick_counts(const struct runtime_tick *tick);
/* Gives up what is not written yet; then on_closed, which may be NULL. */
void runtime_tick_close(struct runtime_tick *tick, void (*on_closed)(void *owner), void *owner);

#endif
