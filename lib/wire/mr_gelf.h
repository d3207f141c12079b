/* GELF 1.1 (Graylog Extended Log Format) messages into a log line; docs/logging.md has the mapping.
 * Chunks of UDP are mr_gelf_chunks, NUL framing of TCP is mr_frames, compression mr_inflate. */
#ifndef MR_GELF_H
#define MR_GELF_H

#include "mr_arena.h"
#include "mr_error.h"
#include "mr_logline.h"
#include "mr_slice.h"
#include "mr_status.h"

/* Reads one message, plain JSON. *out is written only on MR_OK; its texts lie in message or arena.
 * A member of the wrong type is kept as an attribute under its name rather than refused.
 * MR_INVALID: not a JSON object, or neither short_message nor full_message; why has the place,
 * never the text. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_gelf_read(struct mr_slice message, struct mr_arena *arena,
                                          struct mr_logline *out, struct mr_error *why);

#endif
