/* The engine's log on librdkafka: a consumer of the domain's commands, a producer of its events,
 * one of its ticks, and a reader in the thread pool for what a takeover checks. */
#ifndef RUNTIME_LOG_H
#define RUNTIME_LOG_H

#include "engine.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "runtime_tick.h"

struct runtime_log;

struct runtime_log_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_kafka_conf *conf; /* outlives the log */
    const char *domain;               /* names topics and group; borrowed */
    bool has_ticks;                   /* else the port's tick is never called */
    const char *group_instance_id;    /* NULL: a dynamic member */
    uint32_t session_timeout_ms;
    /* The consumer cannot go on, or the topic is not what it was at start. */
    void (*on_fatal)(void *owner, const char *why);
    void *owner;
};

/* Joins the group once runtime_log_serve was called. */
MR_MUST_CHECK enum mr_status runtime_log_new(const struct runtime_log_settings *settings,
                                             struct runtime_log **out, struct mr_error *why);
struct engine_log runtime_log_port(struct runtime_log *log);
/* lanes: how many there are. */
MR_MUST_CHECK enum mr_status runtime_log_serve(struct runtime_log *log, struct engine *engine,
                                               int32_t lanes, struct mr_error *why);
/* Time has passed: starts what could not be started, shows progress. */
void runtime_log_tick(struct runtime_log *log);
/* Whether the group has spoken, and how many lanes it gave. */
bool runtime_log_assigned(const struct runtime_log *log, size_t *lanes);
/* The end of the lane in the commands topic as of the last fetch; -1: not known. */
int64_t runtime_log_end_of(const struct runtime_log *log, int32_t lane);
/* Of this process; zero where the domain has none. */
struct runtime_tick_counts runtime_log_tick_counts(const struct runtime_log *log);
/* Leaves the group, ends the producer; then on_closed. */
void runtime_log_close(struct runtime_log *log, void (*on_closed)(void *owner), void *owner);

#endif
