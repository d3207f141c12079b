/* Records of billing.events for tests, as a worker publishes them. */
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

#define INVOICE "11111111-1111-4111-8111-111111111111"

/* Bodies that fit their schemas. */
extern const char invoice_created[], invoice_finalized[];

/* All of it lies in arena. */
struct mr_kafka_record loader_event_record(const struct loader_event *event,
                                           struct mr_arena *arena);

#endif
