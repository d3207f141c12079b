/* A request's body as it comes, decompressed, in pieces that are pulled.
 *
 *     READING --a piece, or the end--> pull() --next() says "none"--> READING
 *                                        \--paused--> PAUSED --resumed--> pull() in a turn of its
 * own
 *
 * While it is paused the client is not read from, and nothing of the body is held but what one read
 * of the connection brought. */
#ifndef EDGE_SOURCE_H
#define EDGE_SOURCE_H

#include "edge_request.h"
#include "mr_inflate.h"

struct edge_source {
    /* private */
    struct edge_request *r;
    struct mr_inflate *inflate;
    void (*pull)(struct edge_request *r);
    struct mr_slice in;   /* not decompressed yet */
    struct mr_slice left; /* decompressed, and put back */
    struct mr_buf kept[2];
    bool has_ended; /* nothing comes any more from the connection */
    bool is_over;   /* nor from inflate */
    struct mr_deferred later;
};

/* Begins to read the body of r, whose exchange's events are the source's from here on. inflate is
 * borrowed. More than bytes_max decompressed bytes are MR_LIMIT; the connection's own bound is
 * somewhat above it, so that who asks is told by next(). */
void edge_source_start(struct edge_source *source, struct edge_request *r,
                       struct mr_inflate *inflate, enum mr_inflate_kind kind, uint64_t bytes_max,
                       void (*pull)(struct edge_request *r));
/* Lets go; before the request is answered, and when its client has gone. */
void edge_source_stop(struct edge_source *source);

enum edge_source_event {
    EDGE_SOURCE_PIECE,
    EDGE_SOURCE_NONE, /* for now: pull is called when there is more */
    EDGE_SOURCE_END,
    EDGE_SOURCE_INVALID, /* it cannot be decompressed */
    EDGE_SOURCE_LIMIT    /* it is longer than it may be */
};
/* A piece is not empty and lives until the next call, and until pull returns. */
enum edge_source_event edge_source_next(struct edge_source *source, struct mr_slice *piece,
                                        struct mr_error *why);
/* The rest of the last piece; next() gives it again. Only before pause. */
void edge_source_put_back(struct edge_source *source, struct mr_slice rest);
/* Keeps what is left and reads no more; pull returns afterwards. */
void edge_source_pause(struct edge_source *source);
/* Pull is called in a turn of its own. After pause. */
void edge_source_resume(struct edge_source *source);

#endif
