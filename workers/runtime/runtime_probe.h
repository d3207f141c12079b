/* Reads, in the thread pool, what a takeover compares with its row: the command before `applied`,
 * the event before `published`, and the highest sequence behind it. One question at a time; others
 * wait in line. */
#ifndef RUNTIME_PROBE_H
#define RUNTIME_PROBE_H

#include "engine_ports.h"
#include "mr_kafka_conf.h"
#include "mr_kafka_record.h"
#include "mr_log.h"
#include "mr_loop.h"

struct runtime_probe;

struct runtime_probe_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_kafka_conf *conf;
    const char *commands, *events, *domain; /* borrowed */
    void (*on_checked)(void *owner, const struct engine_checked *checked);
    void *owner;
};

struct runtime_probe *runtime_probe_new(const struct runtime_probe_settings *settings);
/* An answer comes; while Kafka is away it is asked again and again. */
void runtime_probe_ask(struct runtime_probe *probe, const struct engine_check *check);
void runtime_probe_close(struct runtime_probe *probe, void (*on_closed)(void *owner), void *owner);

/* The same record as the engine has it; borrows. */
struct engine_record runtime_probe_record(const struct mr_kafka_record *record);

#endif
