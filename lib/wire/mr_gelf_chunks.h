/* GELF over UDP in chunks: a table that puts messages together again, bounded in messages and
 * bytes, each for a given time after its first chunk came. Pure: the time is given.
 *
 * A chunk: 1e 0f, 8 bytes id, sequence number from 0, count (1 to 128), then data, big-endian.
 * Messages are told apart by (source, id). A message that is done, expired or dropped leaves a mark
 * for twice the wait, so that its late and double chunks are known as such. */
#ifndef MR_GELF_CHUNKS_H
#define MR_GELF_CHUNKS_H

#include "mr_slice.h"
#include <stdbool.h>
#include <stdint.h>

#define MR_GELF_CHUNKS_MAX 128

struct mr_gelf_chunks_limits {
    uint32_t messages_max;    /* at once, marks included (which go first when there are too many) */
    size_t bytes_max;         /* of all data held */
    size_t message_bytes_max; /* of one message, as it was sent (compressed or not) */
    int64_t wait_ms;          /* GELF says 5000 */
};

/* Since the table was made; a message's loss is counted once, a chunk's fate once. */
struct mr_gelf_chunks_counts {
    uint64_t chunks;      /* that came, of any fate */
    uint64_t messages;    /* put together */
    uint64_t lost;        /* messages whose time ended before all chunks had come */
    uint64_t lost_chunks; /* the chunks that had not come */
    uint64_t late;        /* chunks of messages whose time had ended */
    uint64_t doubled;     /* chunks that had come before */
    uint64_t bad;         /* chunks whose header makes no sense, or not that of their message */
    uint64_t over;        /* messages dropped, and chunks refused, for a bound */
};

enum mr_gelf_fate {
    MR_GELF_WHOLE, /* the message is complete */
    MR_GELF_HELD,  /* others are awaited */
    MR_GELF_BAD,   /* the rest are dropped, by cause */
    MR_GELF_DOUBLED,
    MR_GELF_LATE,
    MR_GELF_OVER
};

/* A message that will not come any more. */
struct mr_gelf_lost {
    uint64_t source;
    uint32_t came, count; /* chunks */
};

struct mr_gelf_chunks;

/* The caller owns it; limits are copied, messages_max > 0. */
struct mr_gelf_chunks *mr_gelf_chunks_new(const struct mr_gelf_chunks_limits *limits);
void mr_gelf_chunks_free(struct mr_gelf_chunks *c); /* takes NULL */

/* Whether a datagram is a chunk, by its first two bytes; else it is a message by itself. */
bool mr_gelf_is_chunk(struct mr_slice datagram);

/* Takes a chunk. source is any key of the sender's address; now_ms never goes back. WHOLE: *message
 * is the message's bytes (gzip, zlib or plain), until the next call. */
enum mr_gelf_fate mr_gelf_chunks_add(struct mr_gelf_chunks *c, uint64_t source,
                                     struct mr_slice datagram, int64_t now_ms,
                                     struct mr_slice *message);

/* Ends messages whose time is over, one a call: true, and *lost says which. To be called until
 * false, at least each wait_ms / 4. */
bool mr_gelf_chunks_expire(struct mr_gelf_chunks *c, int64_t now_ms, struct mr_gelf_lost *lost);

const struct mr_gelf_chunks_counts *mr_gelf_chunks_counts(const struct mr_gelf_chunks *c);
/* Messages that await chunks, and the bytes held. */
uint32_t mr_gelf_chunks_waiting(const struct mr_gelf_chunks *c);
size_t mr_gelf_chunks_bytes(const struct mr_gelf_chunks *c);

#endif
