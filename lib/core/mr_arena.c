#include "mr_arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHUNK_BYTES     1024 /* the first one's; each further one is twice as large */
#define CHUNK_BYTES_MAX ((size_t)1 << 20)
#define ALIGN           alignof(max_align_t)

struct mr_arena_chunk {
    struct mr_arena_chunk *older;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

void mr_arena_init(struct mr_arena *arena, size_t bytes_max)
{
    *arena = (struct mr_arena){.bytes_max = bytes_max};
}

static void free_chain(struct mr_arena_chunk *c)
{
    while (c) {
        struct mr_arena_chunk *older = c->older;
        free(c);
        c = older;
    }
}

void mr_arena_free(struct mr_arena *arena)
{
    free_chain(arena->chunk);
    *arena = (struct mr_arena){0};
}

void mr_arena_reset(struct mr_arena *arena)
{
    struct mr_arena_chunk *keep = arena->chunk;
    arena->used_bytes = 0;
    if (!keep)
        return;
    free_chain(keep->older);
    keep->older = NULL;
    keep->used = 0;
}

void *mr_arena_alloc(struct mr_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    size_t need = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (need > arena->bytes_max - arena->used_bytes)
        return NULL;
    struct mr_arena_chunk *c = arena->chunk;
    if (!c || need > c->size - c->used) {
        size_t size = !c ? CHUNK_BYTES : c->size < CHUNK_BYTES_MAX ? c->size * 2 : c->size;
        if (size < need)
            size = need;
        c = malloc(sizeof *c + size);
        if (!c)
            abort();
        *c = (struct mr_arena_chunk){.older = arena->chunk, .size = size};
        arena->chunk = c;
    }
    void *p = c->bytes + c->used;
    c->used += need;
    arena->used_bytes += need;
    return memset(p, 0, need);
}

void *mr_arena_array(struct mr_arena *arena, size_t count, size_t element_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, element_bytes, &bytes))
        return NULL;
    return mr_arena_alloc(arena, bytes);
}

char *mr_arena_dup(struct mr_arena *arena, const void *data, size_t len)
{
    char *p = mr_arena_alloc(arena, len + 1);
    if (p && len)
        memcpy(p, data, len);
    return p;
}

char *mr_arena_printf(struct mr_arena *arena, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);
    char *p = mr_arena_alloc(arena, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

struct mr_slice mr_arena_slice(struct mr_arena *arena, struct mr_slice s)
{
    if (!s.data)
        return s;
    return mr_slice(mr_arena_dup(arena, s.data, s.len), s.len);
}
