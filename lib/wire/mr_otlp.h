/* OTLP/HTTP logs (ExportLogsServiceRequest) into log lines, from binary protobuf and from OTLP's
 * JSON (opentelemetry.io/docs/specs/otlp), and its answers; docs/logging.md has the mapping.
 *
 * The request's frame is checked when it is opened; records are decoded one by one, so that a bad
 * one is rejected without harm to the others and memory follows the longest record, not the body.
 *
 *     s = mr_otlp_open(body, encoding, &otlp, &why);      MR_INVALID: answer 400 with a Status
 *     while ((e = mr_otlp_next(otlp, arena, &line, &why)) != MR_OTLP_DONE) ...
 *     mr_otlp_close(otlp);
 */
#ifndef MR_OTLP_H
#define MR_OTLP_H

#include "mr_arena.h"
#include "mr_buf.h"
#include "mr_error.h"
#include "mr_logline.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdint.h>

/* AnyValues inside each other; a record with more is rejected. Two less than MR_JSON_DEPTH_MAX, for
 * the line and its attributes are around them. */
#define MR_OTLP_DEPTH_MAX 62

enum mr_otlp_encoding { MR_OTLP_PROTOBUF, MR_OTLP_JSON };

enum mr_otlp_event {
    MR_OTLP_LINE,
    MR_OTLP_REJECTED, /* this record makes no line; why has the cause, not the text */
    MR_OTLP_LIMIT,    /* the arena is full: the same record comes again at the next call (where the
                         arena was empty, call mr_otlp_skip) */
    MR_OTLP_DONE
};

struct mr_otlp;

/* body is decompressed already and is borrowed until close. An empty protobuf body is a request
 * without records. The caller owns *otlp, written only on MR_OK. MR_INVALID: not such a request. */
MR_MUST_CHECK enum mr_status mr_otlp_open(struct mr_slice body, enum mr_otlp_encoding encoding,
                                          struct mr_otlp **otlp, struct mr_error *why);
void mr_otlp_close(struct mr_otlp *otlp); /* takes NULL */

/* The next record. line is written only with LINE; its texts lie in arena, in the body, or (those
 * of its resource and scope) in otlp until the next call: write the line before it. */
enum mr_otlp_event mr_otlp_next(struct mr_otlp *otlp, struct mr_arena *arena,
                                struct mr_logline *line, struct mr_error *why);
/* After LIMIT: the record that did not fit is passed over, as if REJECTED had been said of it. */
void mr_otlp_skip(struct mr_otlp *otlp);
/* Records in the request, over all resources and scopes. */
uint64_t mr_otlp_count(const struct mr_otlp *otlp);
/* The place of the record of the last LINE or REJECTED in the request, from 0. */
uint64_t mr_otlp_index(const struct mr_otlp *otlp);

/* ExportLogsServiceResponse; with rejected 0 and an empty message it is empty ("{}" in JSON). A
 * message with rejected 0 is a warning. Appended; a full out is seen by mr_buf_ok. */
void mr_otlp_write_response(enum mr_otlp_encoding encoding, int64_t rejected,
                            struct mr_slice message, struct mr_buf *out);
/* google.rpc.Status: what an error's body is. code is one of google.rpc.Code. */
void mr_otlp_write_status(enum mr_otlp_encoding encoding, int32_t code, struct mr_slice message,
                          struct mr_buf *out);

/* google.rpc.Code, the ones that the edge says. */
enum mr_otlp_code {
    MR_OTLP_INVALID_ARGUMENT = 3,   /* 400, 413, 415 */
    MR_OTLP_DEADLINE_EXCEEDED = 4,  /* 504 */
    MR_OTLP_PERMISSION_DENIED = 7,  /* 403 */
    MR_OTLP_RESOURCE_EXHAUSTED = 8, /* 429 */
    MR_OTLP_INTERNAL = 13,          /* 500 */
    MR_OTLP_UNAVAILABLE = 14,       /* 503 */
    MR_OTLP_UNAUTHENTICATED = 16    /* 401 */
};

#endif
