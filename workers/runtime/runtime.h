/* A domain's worker as a whole: the engine on its production ports, the checks at start, the
 * metrics and the log lines. One process runs one. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "domain_store.h"
#include "mr_catalog.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include "mr_pg_migrate.h"

struct runtime;

struct runtime_settings { /* all borrowed until closed */
    struct mr_loop *loop;
    struct mr_log *log;
    struct mr_metrics *metrics;
    const struct mr_catalog *catalog;
    const struct domain_store *domain;
    const struct mr_kafka_conf *kafka;
    const struct mr_pg_migrations *const *migrations; /* what the database must have */
    size_t migration_count;
    const char *conninfo;
    const char *group_instance_id; /* NULL: dynamic */
    int64_t session_timeout_ms, lane_lock_wait_ms;
    int64_t retention_days; /* of the domain's pruned table, where it has one */
    int64_t batch_commands_max, batch_bytes_max, event_bytes_max;
    /* A definite fault (lanes differ, the database is too old): the program is to end with it. */
    void (*on_fatal)(void *owner, const char *why);
    /* How many lanes the group gave this process; about once a second. */
    void (*on_lanes)(void *owner, int32_t lanes);
    void *owner;
};

/* MR_INVALID: the schemas and the store do not go together, or a connection string cannot be
 * parsed; why says which. */
MR_MUST_CHECK enum mr_status runtime_new(const struct runtime_settings *settings,
                                         struct runtime **out, struct mr_error *why);
/* For /readyz: Postgres, Kafka, and an assignment or a reason to stand by. A stopped lane is
 * detail. */
bool runtime_is_ready(const struct runtime *runtime, struct mr_buf *detail);
/* Stops taking, finishes the batch, flushes events, lets go, closes; then on_stopped, when runtime
 * is gone. */
void runtime_stop(struct runtime *runtime, void (*on_stopped)(void *owner), void *owner);

#endif
