/* A strict HTTP/1.1 request parser (RFC 9110, RFC 9112), pure and incremental.
 *
 * Bytes go in as they arrive, in pieces of any size; the same bytes give the same results however
 * they are cut. The caller pulls: each call of mr_http_parse_next takes from the input up to the
 * next event and says what it is. Not to call it is back-pressure.
 *
 *     for (;;)
 *         switch (mr_http_parse_next(p, &in, &piece)) {
 *         case MR_HTTP_MORE: wait for bytes, set in to them; break;
 *         case MR_HTTP_HEAD: look at mr_http_parse_request(p); break;
 *         case MR_HTTP_BODY: use piece, which lies in the input; break;
 *         case MR_HTTP_DONE: the message is whole; the next call begins the next one; break;
 *         case MR_HTTP_ERROR: answer mr_http_parse_error(p)->status and close; break;
 *         }
 *
 * What is odd is refused, never repaired, since repairs are how requests are smuggled. Memory is
 * one head buffer, which grows to what the limits allow and is kept from request to request. */
#ifndef MR_HTTP_PARSE_H
#define MR_HTTP_PARSE_H

#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define MR_HTTP_FIELDS_MAX       64
#define MR_HTTP_METHOD_BYTES_MAX 32 /* a longer method is 501 */

/* All in bytes but fields_max. */
struct mr_http_limits {
    uint32_t line_bytes_max;       /* the request line with its CRLF; beyond: 414 */
    uint32_t fields_max;           /* header fields, <= MR_HTTP_FIELDS_MAX; beyond: 431 */
    uint32_t fields_bytes_max;     /* the header section with its CRLFs; beyond: 431 */
    uint64_t body_bytes_max;       /* the body without chunk framing; beyond: 413 */
    uint32_t chunk_line_bytes_max; /* a chunk's size and extensions with CRLF; beyond: 400 */
    uint32_t extensions_bytes_max; /* chunk extensions of a message; beyond: 400 */
    uint32_t trailers_bytes_max;   /* the trailer section with its CRLFs; beyond: 431 */
};

/* 8 KiB, 64 fields, 32 KiB; body 256 KiB; 256 bytes, 4 KiB; 4 KiB. */
struct mr_http_limits mr_http_limits_default(void);

enum mr_http_event {
    MR_HTTP_MORE, /* the input was taken whole */
    MR_HTTP_HEAD,
    MR_HTTP_BODY,
    MR_HTTP_DONE,
    MR_HTTP_ERROR /* for good: every further call says it again and takes nothing */
};

enum mr_http_framing {
    MR_HTTP_NO_BODY, /* neither Content-Length nor Transfer-Encoding, or a length of 0 */
    MR_HTTP_LENGTH,
    MR_HTTP_CHUNKED
};

struct mr_http_field {
    struct mr_slice name;  /* lower-cased */
    struct mr_slice value; /* without the white space around it; may be empty, never absent */
};

/* A request's head. All slices lie in the parser and live until the call after MR_HTTP_DONE. */
struct mr_http_request {
    struct mr_slice method; /* as sent: methods are case-sensitive; unknown ones are the caller's */
    struct mr_slice target; /* as sent */
    struct mr_slice path;   /* raw, not decoded; begins with '/', or is "*" (OPTIONS only) */
    struct mr_slice query;  /* raw, without '?'; absent where there is no '?' */
    struct mr_slice host;   /* of an absolute-form target, else of Host; absent only in HTTP/1.0 */
    const struct mr_http_field *fields;
    uint32_t field_count;
    int32_t minor_version; /* 0, or 1 for HTTP/1.1 and what is above it */
    enum mr_http_framing framing;
    uint64_t content_length;   /* 0 unless framing is MR_HTTP_LENGTH */
    bool content_length_given; /* tells "Content-Length: 0" from none */
    bool keep_alive;           /* false: close after the answer (HTTP/1.0 always) */
    bool expect_continue;      /* send 100 Continue before waiting for the body */
};

struct mr_http_error {
    int32_t status;       /* 400, 411, 413, 414, 417, 431, 501 or 505 */
    struct mr_error text; /* one sentence for the client; carries no header's value */
};

struct mr_http_parse;

/* The caller owns it. limits are copied. */
struct mr_http_parse *mr_http_parse_new(const struct mr_http_limits *limits);
void mr_http_parse_free(struct mr_http_parse *p); /* takes NULL */

/* Takes from *in (which is moved on past what was taken) up to the next event. *piece is written
 * with MR_HTTP_BODY only: at least one byte, inside the input, valid as long as that is.
 * *in may be empty: what is already decided is still said (an error, or DONE after the body).
 * After the DONE of a request that is not keep_alive, whatever follows is taken and dropped. */
MR_MUST_CHECK enum mr_http_event mr_http_parse_next(struct mr_http_parse *p, struct mr_slice *in,
                                                    struct mr_slice *piece);

/* The head of the current message; valid from MR_HTTP_HEAD on. */
const struct mr_http_request *mr_http_parse_request(const struct mr_http_parse *p);
/* Valid after MR_HTTP_ERROR. */
const struct mr_http_error *mr_http_parse_error(const struct mr_http_parse *p);

/* Another bound for the body of this message alone, where a route has its own: to be called
 * between MR_HTTP_HEAD and the call after it, which is the one to answer 413 for a longer
 * Content-Length (so make that call before sending 100 Continue). */
void mr_http_parse_body_max(struct mr_http_parse *p, uint64_t bytes_max);

/* True between the first byte of a head and its MR_HTTP_HEAD (an idle connection may be closed
 * silently, one in the middle of a head is owed a 408). */
bool mr_http_parse_in_head(const struct mr_http_parse *p);

/* How many fields have this name (given in lower case), and the first one's value. value may be
 * NULL; it is absent where the result is 0. */
uint32_t mr_http_request_field(const struct mr_http_request *req, const char *name,
                               struct mr_slice *value);

#endif
