/* One log line in OpenTelemetry's log data model
 * (opentelemetry.io/docs/specs/otel/logs/data-model): what every wire format is read into, and the
 * JSON that it is written as: the body of a command logging.line (schemas/logging/line.json).
 * docs/logging.md has the mapping of each format.
 *
 * The readers (mr_syslog, mr_gelf, mr_otlp, mr_combined) fill a zeroed struct whose texts lie in
 * the bytes that were read or in the arena that the reader was given. A text is UTF-8 without
 * U+0000: what was neither is replaced by U+FFFD (RFC 3629; Postgres has no place for NUL in a
 * text). */
#ifndef MR_LOGLINE_H
#define MR_LOGLINE_H

#include "mr_arena.h"
#include "mr_buf.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value is a text, or (is_json) the text of any JSON value. Absent: data is NULL. */
struct mr_logline_value {
    struct mr_slice text;
    bool is_json;
};

struct mr_logline_attribute {
    struct mr_slice name; /* not empty; a later one of the same name stands for the earlier */
    struct mr_logline_value value;
};

struct mr_logline {
    bool has_time, has_observed;
    int64_t time_ns, observed_ns;  /* Unix ns; when it happened, when the collector saw it */
    int32_t severity;              /* severity_number, 1 to 24; 0: not said */
    struct mr_slice severity_text; /* as the source calls it; absent: not said */
    struct mr_logline_value body;  /* absent: none */
    struct mr_slice service;       /* service.name */
    struct mr_slice host;          /* host.name */
    struct mr_slice trace_id;      /* 32 lower-case hex digits, or absent */
    struct mr_slice span_id;       /* 16 */
    struct mr_logline_attribute *attributes; /* in order */
    size_t attribute_count;
};

/* Appends the line as a JSON object with its members in the order of the struct (time,
 * observed_time as RFC 3339 with as many digits of the second as are not zero; severity_number,
 * severity_text, body, service, host, trace_id, span_id, attributes); what is absent is left out. A
 * full out is seen by mr_buf_ok. */
void mr_logline_write(const struct mr_logline *line, struct mr_buf *out);

/* Appends attributes as a JSON object, of each name the last. */
void mr_logline_write_object(const struct mr_logline_attribute *attributes, size_t count,
                             struct mr_buf *out);

/* A copy of text in arena that is UTF-8 without U+0000, or text itself where it is so already.
 * MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_logline_text(struct mr_slice text, struct mr_arena *arena,
                                             struct mr_slice *out);

/* A value of JSON text that was checked (mr_json_scan.h) or written by us. It stays JSON where
 * every strict reader takes it inside a line (mr_json_parse: 64-bit integers, finite reals, no name
 * twice, depth); a string becomes a text, and what is too large, too deep or otherwise odd becomes
 * a text that is the JSON. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_logline_json(struct mr_slice json, struct mr_arena *arena,
                                             struct mr_logline_value *out);

/* A trace or span id from hex digits of either case: *out is what trace_id and span_id hold, absent
 * where text is not exactly so many digits (32, 16) or all zeros. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_logline_id(struct mr_slice text, size_t digits,
                                           struct mr_arena *arena, struct mr_slice *out);

/* Adds an attribute, growing the list in arena. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_logline_add(struct mr_logline *line, struct mr_arena *arena,
                                            struct mr_slice name, struct mr_logline_value value);

#endif
