/* JSON Pointers (RFC 6901): "/lines/0/quantity", tokens escaped with ~0 and ~1; "" is the whole
 * value. Where a pointer is read many times it is split once, into tokens. */
#ifndef MR_POINTER_H
#define MR_POINTER_H

#include "mr_buf.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <jansson.h>
#include <stddef.h>

#define MR_POINTER_DEPTH_MAX 64 /* tokens */

struct mr_pointer {
    char **tokens; /* unescaped, NUL-terminated; count of them, owned */
    size_t count;
};

/* Splits text; MR_INVALID when it is no pointer ("a", "/a~2", more than 64 tokens). out is written
 * only on MR_OK and is then to be freed. */
MR_MUST_CHECK enum mr_status mr_pointer_parse(struct mr_slice text, struct mr_pointer *out);
void mr_pointer_free(struct mr_pointer *pointer); /* takes a zeroed one */

/* The value (borrowed from root) that the pointer names; NULL when there is none. */
const json_t *mr_pointer_find(const struct mr_pointer *pointer, const json_t *root);
/* As find, for a pointer used once; NULL, too, when text is no pointer. */
const json_t *mr_pointer_get(struct mr_slice text, const json_t *root);

/* Append "/" and the token, escaped. */
void mr_pointer_append(struct mr_buf *buf, struct mr_slice token);
void mr_pointer_append_index(struct mr_buf *buf, size_t index);

#endif
