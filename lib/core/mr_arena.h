/* Memory that dies at once: everything that a request or a batch needs comes from its arena.
 *
 * An arena grows in chunks up to bytes_max and is then full: functions that allocate return NULL,
 * which the caller turns into MR_LIMIT. A failing malloc aborts. */
#ifndef MR_ARENA_H
#define MR_ARENA_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stddef.h>

struct mr_arena_chunk;

struct mr_arena {
    struct mr_arena_chunk *chunk; /* the newest; older ones hang behind it */
    size_t used_bytes;            /* over all chunks, rounding included */
    size_t bytes_max;
};

void mr_arena_init(struct mr_arena *arena, size_t bytes_max);
/* Frees all memory; the arena must be initialised anew. Takes a zeroed arena too. */
void mr_arena_free(struct mr_arena *arena);
/* Everything allocated dies; one chunk is kept for what comes next. */
void mr_arena_reset(struct mr_arena *arena);

/* Zeroed, aligned for any type; NULL when full. bytes may be 0 (a valid pointer is returned). */
void *mr_arena_alloc(struct mr_arena *arena, size_t bytes);
/* As alloc for count elements; the product is checked. */
void *mr_arena_array(struct mr_arena *arena, size_t count, size_t element_bytes);
/* A NUL-terminated copy of len bytes (NULs inside are kept). */
char *mr_arena_dup(struct mr_arena *arena, const void *data, size_t len);
char *mr_arena_printf(struct mr_arena *arena, const char *fmt, ...) MR_PRINTF(2, 3);
/* A copy as a slice; data == NULL when full. An absent slice stays absent. */
struct mr_slice mr_arena_slice(struct mr_arena *arena, struct mr_slice s);

#endif
