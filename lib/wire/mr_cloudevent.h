/* Commands and events as CloudEvents 1.0 in Kafka's binary mode: what a record's headers say.
 * The record's key and value are the caller's.
 *
 * A command:  ce_specversion, ce_id, ce_source = /millrace/<domain>/accounts/<account>, ce_type,
 *             ce_subject?, ce_time, ce_account, ce_principal, content-type, traceparent?,
 *             tracestate?. A tick's source is /millrace/<domain>/lanes/<lane>, its account nil.
 * An event:   ce_specversion, ce_id = its sequence, ce_source = /millrace/<domain>/lanes/<lane>,
 *             ce_type, ce_subject? with ce_subjectversion, ce_time, ce_sequence (19 digits),
 *             ce_causationid, ce_account, content-type, traceparent?. */
#ifndef MR_CLOUDEVENT_H
#define MR_CLOUDEVENT_H

#include "mr_arena.h"
#include "mr_slice.h"
#include "mr_status.h"
#include "mr_uuid.h"
#include <stdbool.h>
#include <stdint.h>

#define MR_CE_HEADERS_MAX    16  /* more than either build gives */
#define MR_CE_TEXT_BYTES_MAX 255 /* type, principal, content type: they go into indexed columns */

/* A record header. value may be absent (Kafka's null). */
struct mr_ce_header {
    struct mr_slice name, value;
};

struct mr_ce_headers {
    const struct mr_ce_header *items;
    size_t count;
};

struct mr_ce_command {
    struct mr_uuid id;
    struct mr_uuid account;
    struct mr_uuid subject; /* the thing commanded; meaningful where has_subject */
    bool has_subject;
    int32_t tick_lane;            /* -1, or the lane of a tick (account is then nil) */
    int64_t time_ms;              /* Unix ms */
    struct mr_slice domain;       /* lower-case letters, 1 to 15 */
    struct mr_slice principal;    /* who sent it, such as an API key's id */
    struct mr_slice type;         /* billing.invoice.create */
    struct mr_slice content_type; /* absent: application/json */
    struct mr_slice traceparent;  /* may be absent */
    struct mr_slice tracestate;   /* may be absent */
};

struct mr_ce_event {
    struct mr_uuid account;
    struct mr_uuid subject; /* the entity; meaningful where has_subject */
    bool has_subject;
    struct mr_uuid causation; /* the command's id */
    int64_t subject_version;  /* the entity's version after it, >= 0; 0 where there is no subject */
    int64_t sequence;         /* >= 0 */
    int32_t lane;             /* >= 0 */
    int64_t time_ms;          /* the decision's, Unix ms */
    struct mr_slice domain;
    struct mr_slice type;
    struct mr_slice content_type; /* absent: application/json */
    struct mr_slice traceparent;  /* may be absent */
};

/* True for 1 to 15 lower-case letters. */
bool mr_ce_domain_is_valid(struct mr_slice domain);

/* The headers lie in arena and borrow the struct's slices. What the structs must fulfil (a valid
 * domain, texts of 1 to MR_CE_TEXT_BYTES_MAX bytes of UTF-8 without control characters) is checked
 * all the same: MR_INVALID. MR_LIMIT: arena full. out is written only on MR_OK. */
MR_MUST_CHECK enum mr_status mr_ce_command_build(const struct mr_ce_command *cmd,
                                                 struct mr_arena *arena, struct mr_ce_headers *out);
MR_MUST_CHECK enum mr_status mr_ce_event_build(const struct mr_ce_event *event,
                                               struct mr_arena *arena, struct mr_ce_headers *out);

/* Reads what a topic holds, from whoever wrote it. MR_INVALID with *cause = a short static text for
 * quarantine, such as "ce_id is missing", "ce_account is not a UUID", "ce_source does not fit",
 * "ce_type is given twice"; out is then undefined. The slices of out borrow the headers'.
 * Unknown headers are passed over. A traceparent or tracestate that is malformed, too long or given
 * twice counts as absent: tracing must not stop a command. */
MR_MUST_CHECK enum mr_status mr_ce_command_read(const struct mr_ce_headers *headers,
                                                struct mr_slice domain, struct mr_ce_command *out,
                                                const char **cause);
/* lane: the partition it was read from. */
MR_MUST_CHECK enum mr_status mr_ce_event_read(const struct mr_ce_headers *headers,
                                              struct mr_slice domain, int32_t lane,
                                              struct mr_ce_event *out, const char **cause);

/* The one header of that name, or an absent slice where it is missing, null or given twice; for
 * what is wanted of a record that may be unreadable (its ce_id, for mr_digest_record). */
struct mr_slice mr_ce_header_find(const struct mr_ce_headers *headers, const char *name);

#endif
