/* Syslog messages, RFC 5424 and RFC 3164, into a log line; docs/logging.md has the mapping. A
 * stream's framing is mr_frames.
 *
 * Nothing is refused: a message that is in neither form is kept whole as the body, and one that
 * leaves its form midway keeps from there on as the body. */
#ifndef MR_SYSLOG_H
#define MR_SYSLOG_H

#include "mr_arena.h"
#include "mr_logline.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

/* What the message does not say. */
struct mr_syslog_context {
    int64_t now_ms;       /* RFC 3164 has no year: the one that brings the time nearest to this */
    int32_t zone_minutes; /* east of UTC, for RFC 3164's local time */
    bool is_cut;          /* the frame was: said as the attribute syslog.cut */
};

/* A datagram without the LF, CR and NUL that some senders end it with. */
struct mr_slice mr_syslog_datagram(struct mr_slice datagram);

/* *out is written whole; its texts lie in message or arena. An empty message has no body.
 * MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_syslog_read(struct mr_slice message,
                                            const struct mr_syslog_context *context,
                                            struct mr_arena *arena, struct mr_logline *out);

/* severity_number of a syslog severity 0 (emergency) to 7 (debug), and its name ("err"), as
 * OpenTelemetry's data model has them; 0 and NULL for another. */
int32_t mr_syslog_severity(int64_t severity);
const char *mr_syslog_severity_text(int64_t severity);

#endif
