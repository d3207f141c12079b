/* The loader's log on librdkafka: a consumer of one topic, whose records become rows as
 * they arrive, and a probe in the thread pool for what a takeover checks. */
#ifndef LOADER_LOG_H
#define LOADER_LOG_H

#include "engine_load.h"
#include "loader_rows.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"

struct loader_log;

struct loader_log_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_kafka_conf *conf; /* outlives the log */
    const char *topic, *domain;       /* borrowed */
    bool facts;                       /* the topic holds commands; else events */
    int32_t lanes;
    const char *group_instance_id; /* NULL: a dynamic member */
    uint32_t session_timeout_ms;
    struct loader_rows *rows; /* borrowed */
};

struct loader_log *loader_log_new(const struct loader_log_settings *settings);
struct engine_log loader_log_port(struct loader_log *log);
/* Joins the group millrace.loader.<domain>, or millrace.loader.<domain>.facts. */
MR_MUST_CHECK enum mr_status loader_log_serve(struct loader_log *log, struct engine_loader *engine,
                                              struct mr_error *why);
/* Whether the group has spoken, and how many lanes it gave. */
bool loader_log_assigned(const struct loader_log *log, size_t *lanes);
/* The end of the lane as of the last fetch; -1: not known. */
int64_t loader_log_end_of(const struct loader_log *log, int32_t lane);
/* Leaves the group; then on_closed. */
void loader_log_close(struct loader_log *log, void (*on_closed)(void *owner), void *owner);

#endif
