/* Reads, in the thread pool, what a takeover compares with its ledger row: the topic's range in the
 * lane, and the sequence of the event at last_offset. One question at a time. */
#ifndef LOADER_PROBE_H
#define LOADER_PROBE_H

#include "engine_ports.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"

struct loader_probe;

struct loader_probe_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_kafka_conf *conf; /* borrowed, as are the texts */
    const char *topic, *domain;
    bool facts; /* the topic holds commands: a record's sequence is its offset */
    int32_t lanes;
    void (*on_checked)(void *owner, const struct engine_checked *checked);
    void *owner;
};

struct loader_probe *loader_probe_new(const struct loader_probe_settings *settings);
/* An answer comes, with event, event_sequence and the log's range; while Kafka is away it is asked
 * again and again. A lane that is asked about anew gets the answer to the newest question only. */
void loader_probe_ask(struct loader_probe *probe, const struct engine_check *check);
void loader_probe_close(struct loader_probe *probe, void (*on_closed)(void *owner), void *owner);

#endif
