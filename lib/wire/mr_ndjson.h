/* Splits a body into its items, incrementally: NDJSON, one JSON array, or JSON objects that may be
 * printed over several lines. The same bytes give the same items however they are cut. What an item
 * holds is not judged here beyond quotes and brackets: mr_json_parse does that.
 *
 * The first byte that is neither white space nor part of a byte order mark decides:
 *   '['  an array: its elements are the items. Where its structure slips (no comma, no value
 *        between commas, something after the array, no end) one MR_NDJSON_BAD with is_last says so
 *        and the rest of the body is passed over, since nothing tells where an element would begin.
 *   else lines. Blank ones are passed over. A line that begins (after white space) with
 *        - '{' begins an object, which ends where its brackets balance, over lines if it must;
 *          nothing but white space may follow on that line, else it is BAD, with all of the line.
 *          But a line whose very first byte is '{' always begins an item: an object still open
 *          there is BAD (so one bad line costs the ones after it nothing, and what prints over
 *          lines indents). A line end inside a string also ends the object: on its first line that
 *          line is the item, as any line that is no JSON; later it is BAD and goes on to the next
 *          line whose first byte is '{';
 *        - anything else is an item by itself, which is what mr_json_parse then refuses or takes.
 *
 *     while ((e = mr_ndjson_next(n, &in, &item)) != MR_NDJSON_MORE) ...
 *     at the end of the body: while ((e = mr_ndjson_end(n, &item)) != MR_NDJSON_MORE) ...
 */
#ifndef MR_NDJSON_H
#define MR_NDJSON_H

#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

enum mr_ndjson_event {
    MR_NDJSON_MORE, /* the input was taken whole (of _end: there is nothing more) */
    MR_NDJSON_ITEM,
    MR_NDJSON_BAD /* an item that is none: item's cause and why say what is wrong */
};

struct mr_ndjson_item {
    struct mr_slice text; /* ITEM: its exact bytes without white space around; BAD: absent. In the
                             input or in the splitter; until the next call, or the input goes */
    uint64_t index;       /* from 0, BAD ones counted */
    uint64_t line;        /* of its first byte, from 1 */
    uint64_t offset;      /* of its first byte in the body, from 0 */
    enum mr_status cause; /* BAD: MR_INVALID, or MR_LIMIT: longer than item_bytes_max */
    bool is_last;         /* BAD: nothing of the body is read after it */
    struct mr_error why;  /* BAD: one sentence with the line, without the text itself */
};

struct mr_ndjson;

/* item_bytes_max > 0; memory is at most that. The caller owns it. */
struct mr_ndjson *mr_ndjson_new(size_t item_bytes_max);
void mr_ndjson_free(struct mr_ndjson *n); /* takes NULL */
/* A new body begins. */
void mr_ndjson_reset(struct mr_ndjson *n);

/* Takes from *in, which is moved on, up to the next event. */
enum mr_ndjson_event mr_ndjson_next(struct mr_ndjson *n, struct mr_slice *in,
                                    struct mr_ndjson_item *item);
/* The body is over: gives what its end completes (one event at most), then MORE. */
enum mr_ndjson_event mr_ndjson_end(struct mr_ndjson *n, struct mr_ndjson_item *item);
/* Bytes of the body that were taken so far. */
uint64_t mr_ndjson_offset(const struct mr_ndjson *n);

#endif
