/* Access logs of Apache and nginx into a log line, in the combined format and in the common one
 * (without the last two fields); docs/logging.md has the mapping.
 *
 *     %h %l %u [%d/%b/%Y:%H:%M:%S %z] "request" status bytes "referer" "user agent"
 *
 * A line that was cut behind the size is taken as far as it goes; fields behind the user agent (as
 * nginx's own configuration has one) are in the body alone. */
#ifndef MR_COMBINED_H
#define MR_COMBINED_H

#include "mr_arena.h"
#include "mr_error.h"
#include "mr_logline.h"
#include "mr_slice.h"
#include "mr_status.h"

/* Reads one line (without its line end). *out is written only on MR_OK; its texts lie in line or
 * arena. MR_INVALID: not such a line; why names the field and the column, from 1, in bytes.
 * MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_combined_read(struct mr_slice line, struct mr_arena *arena,
                                              struct mr_logline *out, struct mr_error *why);

#endif
