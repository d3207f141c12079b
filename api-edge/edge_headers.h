/* What clients say in request headers about how they want to be answered: Prefer, Idempotency-Key,
 * Content-Type, Accept, If-None-Match. Pure: text in, meaning out. */
#ifndef EDGE_HEADERS_H
#define EDGE_HEADERS_H

#include "mr_arena.h"
#include "mr_error.h"
#include "mr_http_parse.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define EDGE_WAIT_S_MAX    30  /* a longer wait is cut to this */
#define EDGE_KEY_BYTES_MAX 255 /* of an Idempotency-Key, without its quotes */

/* Prefer (RFC 7240). Of a preference that is given twice the first counts; what is not understood
 * is passed over, as the standard wants it. */
struct edge_prefer {
    int32_t wait_s; /* 0 .. EDGE_WAIT_S_MAX; 0: does not wait */
    bool minimal;   /* return=minimal */
};
struct edge_prefer edge_prefer_of(const struct mr_http_request *request);

/* The key's characters without quotes and escapes; absent where there is no such header. MR_INVALID
 * (why is for the client): given twice, empty, longer than EDGE_KEY_BYTES_MAX, an open quote, or
 * not printable ASCII. MR_LIMIT: arena full. *key is written on MR_OK only. */
MR_MUST_CHECK enum mr_status edge_idempotency_key(const struct mr_http_request *request,
                                                  struct mr_arena *arena, struct mr_slice *key,
                                                  struct mr_error *why);

/* True for application/json, in UTF-8 where a charset is named, and no content coding. */
bool edge_content_is_json(const struct mr_http_request *request);

/* Content-Type is this media type, in UTF-8 where a charset is named. False where it is missing. */
bool edge_content_type_is(const struct mr_http_request *request, const char *type);
enum edge_coding { EDGE_CODING_NONE, EDGE_CODING_GZIP, EDGE_CODING_ZLIB, EDGE_CODING_OTHER };
/* Content-Encoding: identity or none, gzip (x-gzip), deflate, or what is not understood here. */
enum edge_coding edge_content_coding(const struct mr_http_request *request);

/* How much the client wants a media type, 0 (not at all) to 1000; what is most specific counts, a
 * client without Accept takes anything. type is "text/html". */
int32_t edge_accept_quality(const struct mr_http_request *request, const char *type);

/* An entity tag of content, such as "q1ryrLs-0Jo9JtWXxQ9Y3A" with its quotes; equal for equal bytes
 * alone. */
#define EDGE_ETAG_TEXT 24
char *edge_etag_of(struct mr_slice content, char out[EDGE_ETAG_TEXT + 1]);
/* True when If-None-Match names the tag (compared weakly) or is "*". */
bool edge_etag_is_known(const struct mr_http_request *request, const char *etag);

#endif
