/* Cuts a source into its items: NDJSON (or one JSON array), or lines. Pure. */
#ifndef PRODUCE_CUT_H
#define PRODUCE_CUT_H

#include "mr_slice.h"
#include "produce_item.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An item of the source, or what should be one. */
struct produce_piece {
    struct mr_slice text; /* until the next call, or the input goes; absent: it is none, and why
                             says so */
    uint64_t offset, end; /* in the source: of its first byte, and where to go on behind it */
    uint64_t line;        /* of its first byte, from 1 */
    uint64_t end_line;    /* of end */
    const char *why;
};

struct produce_cut;

struct produce_cut *produce_cut_new(enum produce_format format, size_t item_bytes_max);
void produce_cut_free(struct produce_cut *cut); /* takes NULL */
/* What follows lies at that offset, in that line. */
void produce_cut_begin(struct produce_cut *cut, uint64_t offset, uint64_t line);
/* Takes from *in, which is moved on, up to the end of an item: true. False: *in was taken whole. */
bool produce_cut_next(struct produce_cut *cut, struct mr_slice *in, struct produce_piece *piece);
/* The source is over. True: its end completes this item; to be called until false. */
bool produce_cut_end(struct produce_cut *cut, struct produce_piece *piece);

#endif
