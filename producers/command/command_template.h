/* Many commands of one type, account and principal, each a subject of its own: what command_build
 * makes, but the headers are made once and only id, subject and time are written for each.
 * Nothing is allocated for one. */
#ifndef COMMAND_TEMPLATE_H
#define COMMAND_TEMPLATE_H

#include "mr_arena.h"
#include "mr_catalog.h"
#include "mr_error.h"
#include "mr_kafka_producer.h"
#include "mr_status.h"
#include "mr_time.h"
#include "mr_uuid.h"

struct command_template {
    /* private */
    const struct mr_catalog_command *command;
    struct mr_arena arena; /* what does not change lies here */
    struct mr_ce_header headers[MR_CE_HEADERS_MAX];
    size_t header_count;
    size_t bytes; /* mr_kafka_message_bytes of one with an empty body */
    char account[MR_UUID_TEXT + 1];
    char id[MR_UUID_TEXT + 1]; /* of the last one filled; subject's value too */
    char time[MR_TIME_TEXT + 1];
    int64_t time_ms;
};

/* command lives as long as the template; principal is copied. MR_INVALID: a command with a subject
 * of its own, or whose key lies in its body, or a principal that cannot be a header. On failure
 * there is nothing to free. */
MR_MUST_CHECK enum mr_status command_template_init(struct command_template *t,
                                                   const struct mr_catalog_command *command,
                                                   const struct mr_uuid *account,
                                                   const char *principal, struct mr_error *why);
void command_template_free(struct command_template *t);

/* mr_kafka_message_bytes of a command, but for its body. */
static inline size_t command_template_bytes(const struct command_template *t)
{
    return t->bytes;
}

/* out is good until the next fill, and points to body. */
void command_template_fill(struct command_template *t, const struct mr_uuid *id, int64_t time_ms,
                           struct mr_slice body, struct mr_kafka_message *out);

#endif
