/* One request and its answer, as the server's owner sees them.
 *
 *     request(x) ──▶ [read or collect the body] ──▶ answer(x), or begin(x) write(x)... end(x)
 *
 * The owner holds x from request() until it has called answer, problem, end or abort, or was told
 * gone, whichever comes first; after that x, its request, its arena and its body are not touched
 * again. Functions here never call the owner back: gone, body and drained come later, from the
 * loop; so an owner may answer from anywhere. (The one callback on the owner's stack is request.)
 *
 * The body: nothing is read until read() or collect() asks for it, which also sends 100 Continue
 * where it is expected. An owner that answers without the body need not care: the server drops
 * what is short and closes the connection otherwise. Reading and answering may overlap. */
#ifndef MR_HTTP_EXCHANGE_H
#define MR_HTTP_EXCHANGE_H

#include "mr_arena.h"
#include "mr_http_parse.h"
#include "mr_problem.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mr_http_exchange {
    const struct mr_http_request *request; /* lives as long as the exchange */
    struct mr_arena *arena;                /* reset after the exchange */
    void *data;                            /* the owner's, NULL at first */
};

/* What the owner wants to hear; static, borrowed until the exchange is over. NULL members are not
 * called. */
struct mr_http_exchange_events {
    /* The client went away, broke the protocol inside its body, or was too slow: the exchange is
     * over. An owner that answers later than in request() must have this. */
    void (*gone)(struct mr_http_exchange *x);
    /* The next bytes of the body, valid during the call. May pause, answer, abort. */
    void (*body)(struct mr_http_exchange *x, struct mr_slice piece);
    /* The body is whole. */
    void (*body_end)(struct mr_http_exchange *x);
    /* After a write said MR_LIMIT: what was unsent has gone, go on. */
    void (*drained)(struct mr_http_exchange *x);
    /* The request is whole, nothing is behind it, and the client will send no more: mostly it has
     * gone, which shows for certain only when something is sent to it. An answer still goes out;
     * who only waits for something to happen had better answer now. Told once. */
    void (*input_end)(struct mr_http_exchange *x);
};
void mr_http_exchange_on(struct mr_http_exchange *x, const struct mr_http_exchange_events *events,
                         void *data);

/* ---- the body ---- */

/* Another bound than the server's for this body; before the first read() or collect(). A longer
 * one is answered 413 by the server, and the owner is told gone. */
void mr_http_exchange_body_max(struct mr_http_exchange *x, uint64_t bytes_max);
/* Begins or resumes handing on pieces: body()..., body_end(). Without a body, body_end() alone. */
void mr_http_exchange_read(struct mr_http_exchange *x);
/* As input_end told, or would have: for who begins to wait later. */
bool mr_http_exchange_has_input_ended(const struct mr_http_exchange *x);
/* No further piece until read() again; time does not count meanwhile. */
void mr_http_exchange_pause(struct mr_http_exchange *x);
/* Collects the whole body of at most bytes_max, then calls collected once; body (empty, not absent,
 * where there is none) lives as long as the exchange. Longer: as with body_max. The arena has room
 * for it, or the answer is 413 too. Instead of read(). */
void mr_http_exchange_collect(struct mr_http_exchange *x, uint64_t bytes_max,
                              void (*collected)(struct mr_http_exchange *x, struct mr_slice body));

/* ---- the answer ---- */

/* The whole answer; the exchange is over for the owner. Content-Length, Date and Connection are
 * written by the server; everything else (Content-Type) is a field. body is copied or sent before
 * the return; for HEAD only its length counts. A status of 204 or 304 has no body. Fields that
 * mr_http_write_head refuses are our own mistake: logged, and a 500 is answered instead. */
void mr_http_exchange_answer(struct mr_http_exchange *x, int32_t status,
                             const struct mr_http_field *fields, size_t field_count,
                             struct mr_slice body);
/* The same with a problem document as its body and Content-Type: application/problem+json. */
void mr_http_exchange_problem(struct mr_http_exchange *x, const struct mr_problem *problem,
                              const struct mr_http_field *fields, size_t field_count);

#define MR_HTTP_LENGTH_UNKNOWN                                                                     \
    INT64_C(-1) /* chunked; towards HTTP/1.0 until the end of connection */
/* Begins an answer in pieces, of exactly length bytes or MR_HTTP_LENGTH_UNKNOWN. */
void mr_http_exchange_begin(struct mr_http_exchange *x, int32_t status,
                            const struct mr_http_field *fields, size_t field_count, int64_t length);
/* Takes a piece (all of it, always: copied where the socket is full). MR_LIMIT says that the
 * connection holds more unsent bytes than its bound: wait for drained(). Empty pieces do nothing;
 * for HEAD nothing is sent. MR_LOST: the client is gone, gone() follows. */
MR_MUST_CHECK enum mr_status mr_http_exchange_write(struct mr_http_exchange *x,
                                                    struct mr_slice piece);
/* The answer is whole (asserted for a known length); the exchange is over for the owner. */
void mr_http_exchange_end(struct mr_http_exchange *x);
/* Breaks the connection off, so that the client sees a truncated answer rather than a whole one.
 * The exchange is over for the owner. */
void mr_http_exchange_abort(struct mr_http_exchange *x);

bool mr_http_exchange_has_begun(const struct mr_http_exchange *x);
/* "127.0.0.1" or "2001:db8::1"; lives as long as the exchange. */
const char *mr_http_exchange_peer(const struct mr_http_exchange *x);

#endif
