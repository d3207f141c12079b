/* POST /otlp/v1/logs: OTLP/HTTP, binary protobuf and JSON, with or without gzip. Answers in the
 * request's encoding: 200 with an ExportLogsServiceResponse, with partial_success where records
 * were rejected; errors as google.rpc.Status. The account is the key's.
 *
 * Exporters try again on 429, 502, 503 and 504: the id of a record is that of its place in these
 * bytes, so an identical request repeats and doubles nothing. So 503 with Retry-After is the answer
 * to a log that is away, also where something may have been stored. */
#ifndef EDGE_OTLP_H
#define EDGE_OTLP_H

#include "edge_request.h"

/* The handler; r->match.command is the one that takes OTLP. */
void edge_otlp_start(struct edge_request *r, struct mr_slice name);
/* The request's write_problem, from before it is known who asks. */
void edge_otlp_write_problem(struct edge_request *r, const struct mr_problem *problem,
                             const struct edge_fields *fields);

/* The id of record `index` (from 0) of a decompressed body: UUIDv5 of account LF BLAKE2b-256 of the
 * body in hex LF index. */
#define EDGE_OTLP_DIGEST_TEXT 64
void edge_otlp_digest(struct mr_slice body, char out[EDGE_OTLP_DIGEST_TEXT + 1]);
struct mr_uuid edge_otlp_id(const struct mr_uuid *account,
                            const char digest[EDGE_OTLP_DIGEST_TEXT + 1], uint64_t index);

#endif
