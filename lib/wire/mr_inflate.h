/* Decompression of gzip (RFC 1952, members one after the other too) and zlib (RFC 1950), with an
 * output bound, so that a small body cannot become a large one.
 *
 * Streaming: bytes go in as they arrive, in pieces of any size; the caller pulls what comes out.
 *
 *     mr_inflate_begin(z, MR_INFLATE_ANY, bytes_max);
 *     for each piece of input, in:
 *         while ((s = mr_inflate_next(z, &in, &piece, &why)) == MR_OK && piece.len > 0)
 *             use piece;
 *     at the end of the input: s = mr_inflate_end(z, &piece, &why), use piece
 */
#ifndef MR_INFLATE_H
#define MR_INFLATE_H

#include "mr_buf.h"
#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdint.h>

enum mr_inflate_kind {
    MR_INFLATE_PLAIN, /* bytes pass as they are, counted all the same */
    MR_INFLATE_GZIP,
    MR_INFLATE_ZLIB,
    MR_INFLATE_ANY /* for mr_inflate_begin: told by the first two bytes */
};

/* Told by the first two bytes, whatever any header says: gzip's mark, a zlib header that is one
 * (method 8, check bits right, no dictionary), else plain. JSON begins like neither. */
enum mr_inflate_kind mr_inflate_kind(struct mr_slice first);

struct mr_inflate;

/* To be used again and again; the caller owns it. */
struct mr_inflate *mr_inflate_new(void);
void mr_inflate_free(struct mr_inflate *z); /* takes NULL */

/* A new body begins, whatever was before. More than bytes_max bytes out are MR_LIMIT. */
void mr_inflate_begin(struct mr_inflate *z, enum mr_inflate_kind kind, uint64_t bytes_max);

/* Takes from *in, which is moved on. MR_OK: *piece is not empty and lives until the next call (or,
 * of plain bytes, as long as the input), or it is empty and *in was taken whole: bring more.
 * MR_INVALID: not what it began as, or bytes after its end. MR_LIMIT: more than bytes_max came
 * out; bytes up to the bound were given. Either stays: every further call says it again. */
MR_MUST_CHECK enum mr_status mr_inflate_next(struct mr_inflate *z, struct mr_slice *in,
                                             struct mr_slice *piece, struct mr_error *why);

/* The input is over. *piece is a byte that MR_INFLATE_ANY still held, or empty. MR_INVALID: the
 * input ends in the middle (or is empty and was begun as GZIP or ZLIB). */
MR_MUST_CHECK enum mr_status mr_inflate_end(struct mr_inflate *z, struct mr_slice *piece,
                                            struct mr_error *why);

/* A whole body at once, of any kind by its first bytes: *bytes is in itself where it is plain,
 * else all of out, which is emptied first and whose bytes_max (not 0) bounds either. MR_INVALID and
 * MR_LIMIT as above. */
MR_MUST_CHECK enum mr_status mr_inflate_all(struct mr_inflate *z, struct mr_slice in,
                                            struct mr_buf *out, struct mr_slice *bytes,
                                            struct mr_error *why);

#endif
