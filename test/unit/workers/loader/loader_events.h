/* Records for tests: of billing.events as a worker publishes them, of logging.commands as an edge
 * writes them. */
#ifndef LOADER_EVENTS_H
#define LOADER_EVENTS_H

#include "mr_arena.h"
#include "mr_kafka_record.h"

struct loader_event {
    const char *type; /* "billing.invoice.created" */
    const char *json; /* with ' for "; NULL: no value */
    int32_t lane;
    int64_t offset, sequence;
};

/* A logging.line whose key is its id. */
struct loader_fact_record {
    const char *id, *json; /* with ' for "; NULL: no value */
    int32_t lane;
    int64_t offset;
    int32_t days_later;     /* than the first */
    const char *type, *key; /* NULL: logging.line, the id */
};

/* An id whose lane of three is this one. n: which of them, from 0 to 7. */
const char *loader_fact_id(int32_t lane, int n);

#define INVOICE "11111111-1111-4111-8111-111111111111"

/* Bodies that fit their schemas. */
extern const char invoice_created[], invoice_finalized[];

/* All of it lies in arena. */
struct mr_kafka_record loader_event_record(const struct loader_event *event,
                                           struct mr_arena *arena);
struct mr_kafka_record loader_fact_record(const struct loader_fact_record *fact,
                                          struct mr_arena *arena);

#endif
