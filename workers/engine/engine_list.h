/* A growing array that is emptied, not freed, between batches. */
#ifndef ENGINE_LIST_H
#define ENGINE_LIST_H

#include <stdlib.h>
#include <string.h>

/* Room for one more element of *items (a malloc'ed array of *size elements); returns it, zeroed,
 * and counts it. */
static inline void *engine_list_add(void **items, size_t *count, size_t *size, size_t element_bytes)
{
    if (*count == *size) {
        *size = *size ? *size * 2 : 64;
        *items = realloc(*items, *size * element_bytes);
        if (!*items)
            abort();
    }
    return memset((char *)*items + (*count)++ * element_bytes, 0, element_bytes);
}

/* list is a struct with items, count, size. */
#define ENGINE_LIST(type)                                                                          \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count, size;                                                                        \
    }
#define ENGINE_ADD(list)                                                                           \
    (engine_list_add((void **)&(list)->items, &(list)->count, &(list)->size,                       \
                     sizeof *(list)->items),                                                       \
     &(list)->items[(list)->count - 1])

#endif
