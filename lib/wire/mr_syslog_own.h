/* What the two syslog forms share; for mr_syslog*.c only. */
#ifndef MR_SYSLOG_OWN_H
#define MR_SYSLOG_OWN_H

#include "mr_syslog.h"

/* What is left of a message while it is read into a line. */
struct mr_syslog_input {
    struct mr_slice rest;
    const struct mr_syslog_context *context;
    struct mr_arena *arena;
    struct mr_logline *line;
};

/* MR_OK: rest is what the body is. MR_INVALID: rest is not of this form, and neither rest nor line
 * was changed. MR_LIMIT: the arena is full. in->rest is behind the priority. */
MR_MUST_CHECK enum mr_status mr_syslog_read_5424(struct mr_syslog_input *in);
MR_MUST_CHECK enum mr_status mr_syslog_read_3164(struct mr_syslog_input *in);

/* Moves *rest on over the token before the next space (at its end: all of it) and that space. */
struct mr_slice mr_syslog_token(struct mr_slice *rest);
/* Adds an attribute with a repaired text. */
MR_MUST_CHECK enum mr_status mr_syslog_add(struct mr_syslog_input *in, struct mr_slice name,
                                           struct mr_slice text);

#endif
