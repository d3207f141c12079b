/* A command as a record of the log: CloudEvents 1.0 in binary mode (design section 3). Pure: time,
 * ids and the parsed body come in. Who calls has checked the body against its schema. */
#ifndef COMMAND_BUILD_H
#define COMMAND_BUILD_H

#include "mr_arena.h"
#include "mr_catalog.h"
#include "mr_error.h"
#include "mr_kafka_producer.h"
#include "mr_slice.h"
#include "mr_status.h"
#include "mr_uuid.h"
#include <jansson.h>
#include <stdint.h>

struct command_input {
    const struct mr_catalog_command *command;
    struct mr_uuid account;
    struct mr_uuid id;
    const struct mr_uuid *subject; /* NULL: what is created, whose id is the command's */
    struct mr_slice principal;     /* who asks: the name of the API key's owner, never a secret */
    int64_t time_ms;               /* ce_time: when the edge took it, wall clock */
    struct mr_slice body;          /* the JSON text byte for byte */
    const json_t *json;            /* the same parsed, where the key lies in it; else may be NULL */
    struct mr_slice traceparent;   /* absent: the header is left out; so is an empty one */
    struct mr_slice tracestate;    /* likewise */
};

/* Fills out (topic, BY_KEY, key, value = body as it is, headers; opaque is NULL) from the arena and
 * from what input points to; both outlive it. MR_LIMIT: the arena is full. MR_INVALID: the body has
 * no text where the key should be, or the command needs a subject and none is given. */
MR_MUST_CHECK enum mr_status command_build(const struct command_input *input,
                                           struct mr_arena *arena, struct mr_kafka_message *out,
                                           struct mr_error *why);

#endif
