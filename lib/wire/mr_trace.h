/* W3C Trace Context: traceparent "00-<trace id>-<span id>-<flags>", read strictly, so that what is
 * invalid begins a trace anew. Random bits are the caller's. */
#ifndef MR_TRACE_H
#define MR_TRACE_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define MR_TRACE_TEXT 55
#define MR_TRACE_STATE_BYTES_MAX                                                                   \
    512 /* a longer tracestate is dropped whole, as the standard lets */
#define MR_TRACE_FLAG_SAMPLED 1

struct mr_trace {
    uint8_t trace_id[16]; /* never all zero */
    uint8_t span_id[8];   /* never all zero */
    uint8_t flags;        /* MR_TRACE_FLAG_SAMPLED; unknown bits are not kept */
};

/* out is written only on MR_OK. MR_INVALID: not a traceparent (upper case, version ff, zero ids,
 * another length; a version above 00 may carry more after a hyphen, which is ignored). */
MR_MUST_CHECK enum mr_status mr_trace_parse(struct mr_slice text, struct mr_trace *out);
/* A new, sampled trace. */
struct mr_trace mr_trace_begin(const uint8_t random[24]);
/* A span below parent: same trace and flags. */
struct mr_trace mr_trace_child(const struct mr_trace *parent, const uint8_t random[8]);
/* Writes 55 characters, version 00, and a NUL. Returns out. */
char *mr_trace_text(const struct mr_trace *trace, char out[MR_TRACE_TEXT + 1]);
/* Whether a tracestate may be handed on: 1 to 512 printable ASCII characters. */
bool mr_trace_state_is_valid(struct mr_slice text);

#endif
