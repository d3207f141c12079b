/* Messages on a byte stream, incrementally: lines, GELF over TCP, syslog over TCP (RFC 6587). The
 * same bytes give the same messages however they are cut. A message longer than the bound is cut
 * there, said to be, and the stream goes on behind its end. */
#ifndef MR_FRAMES_H
#define MR_FRAMES_H

#include "mr_slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mr_frames_kind {
    MR_FRAMES_LINE, /* ends with LF; a CR before it is not part of it */
    MR_FRAMES_NUL,  /* ends with NUL */
    /* Either form, message by message. Octet counting: a digit 1 to 9, at most 8 more, a space and
     * '<', with which every syslog message begins; its content is given exactly. Else a line, which
     * ends with LF, CR LF or NUL. (The '<' is asked for so that a bare line "404 not found" does
     * not swallow its neighbours.) LF, CR and NUL between messages are passed over. */
    MR_FRAMES_SYSLOG
};

struct mr_frame {
    struct mr_slice text; /* never empty; in the input or in the reader: until the next call, or
                             until the input goes */
    bool is_cut;          /* it was longer than the bound */
    bool is_unended;      /* the stream ended inside of it (mr_frames_end only) */
    uint64_t line;        /* from 1, empty ones counted; of octet counted messages, the message */
    uint64_t offset;      /* of its first byte (content, not count) in the stream, from 0 */
    uint64_t end;         /* of the first byte behind it and its trailer: where to go on */
};

struct mr_frames;

/* message_bytes_max > 0; memory is at most that. The caller owns it. */
struct mr_frames *mr_frames_new(enum mr_frames_kind kind, size_t message_bytes_max);
void mr_frames_free(struct mr_frames *f); /* takes NULL */
/* A new stream begins, at the given offset of it (0, or where an earlier reader came to). */
void mr_frames_reset(struct mr_frames *f, uint64_t offset);

/* Takes from *in, which is moved on, up to the end of a message: true. False: *in was taken whole.
 * Empty messages are passed over. */
bool mr_frames_next(struct mr_frames *f, struct mr_slice *in, struct mr_frame *frame);
/* The stream is over. True: it ended inside this message. */
bool mr_frames_end(struct mr_frames *f, struct mr_frame *frame);

#endif
