/* Where a list goes on: the order value and id of the last item that was given, as an opaque text.
 *
 * base64url of: version 1, 4 bytes that bind it to its list (route, account, filters, order), the
 * item's id, then the order value's text. A cursor from another list is refused; one that is forged
 * only chooses a place in the list of the account that is asked for. Pure. */
#ifndef EDGE_CURSOR_H
#define EDGE_CURSOR_H

#include "mr_arena.h"
#include "mr_slice.h"
#include "mr_status.h"
#include "mr_uuid.h"
#include <stdint.h>

#define EDGE_CURSOR_VALUE_MAX 512  /* bytes of an order value */
#define EDGE_CURSOR_TEXT_MAX  1024 /* characters of a cursor */

struct edge_cursor {
    struct mr_uuid id;
    struct mr_slice value; /* as Postgres writes it; never absent */
};

/* What binds a cursor to a list: a hash of what must be the same from page to page. */
uint32_t edge_cursor_list(const struct mr_slice *parts, size_t count);

/* The text in arena, NUL-terminated; NULL when the arena is full or the value too long. */
const char *edge_cursor_write(const struct edge_cursor *cursor, uint32_t list,
                              struct mr_arena *arena);
/* MR_INVALID: no cursor of this list. MR_LIMIT: arena full. out lies in arena. */
MR_MUST_CHECK enum mr_status edge_cursor_read(struct mr_slice text, uint32_t list,
                                              struct mr_arena *arena, struct edge_cursor *out);

#endif
