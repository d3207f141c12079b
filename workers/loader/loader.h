/* The loader as a whole: every domain's events and facts into the warehouse. One engine, one
 * consumer group and one warehouse session a topic; the checks at start, the metrics and the log
 * lines. One process runs one; several share the lanes of each topic. */
#ifndef LOADER_H
#define LOADER_H

#include "mr_catalog.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include "mr_pg_migrate.h"

struct loader;

struct loader_settings { /* all borrowed until stopped */
    struct mr_loop *loop;
    struct mr_log *log;
    struct mr_metrics *metrics;
    const struct mr_catalog *catalog;
    const struct mr_kafka_conf *kafka;
    const struct mr_pg_migrations *pg_migrations; /* what millrace's database must have */
    const struct mr_pg_migrations *warehouse_migrations;
    const char *pg, *warehouse;    /* libpq connection strings */
    const char *group_instance_id; /* NULL: dynamic */
    int64_t session_timeout_ms;
    int64_t ledger_lock_wait_ms; /* after which a waiting ledger statement is looked at */
    int64_t flush_rows, flush_bytes, flush_ms;
    /* A definite fault (lanes differ, a database is too old): the program is to end with it. */
    void (*on_fatal)(void *owner, const char *why);
    /* How many lanes it has, of all topics; about once a second. */
    void (*on_lanes)(void *owner, int32_t lanes);
    void *owner;
};

/* MR_INVALID: a connection string cannot be parsed. */
MR_MUST_CHECK enum mr_status loader_new(const struct loader_settings *settings, struct loader **out,
                                        struct mr_error *why);
/* For /readyz: Postgres, the warehouse, Kafka, and an assignment or a reason to stand by. Stopped
 * lanes and tables are detail. */
bool loader_is_ready(const struct loader *loader, struct mr_buf *detail);
/* Flushes what was read, lets go, closes, in under 10 s; then on_stopped, when loader is gone. */
void loader_stop(struct loader *loader, void (*on_stopped)(void *owner), void *owner);

#endif
