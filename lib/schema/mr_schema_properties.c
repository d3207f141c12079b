/* The properties of an object schema as a hash table that is built once. */
#include "mr_schema_node.h"

#include <assert.h>
#include <string.h>

/* FNV-1a. A sender who makes names collide gains nothing: the table's own names are the schema's,
 * and a probe ends at a free slot. */
static uint32_t hash_of(const char *name, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    return h;
}

void mr_schema_properties_init(struct mr_schema_properties *p, struct mr_arena *arena,
                               size_t count_max)
{
    p->slot_count = 2;
    while (p->slot_count < count_max * 2)
        p->slot_count *= 2;
    p->slots = mr_arena_array(arena, p->slot_count, sizeof *p->slots);
    assert(p->slots);
}

static struct mr_schema_property *slot_of(const struct mr_schema_properties *p, const char *name,
                                          size_t len, uint32_t hash)
{
    size_t i = hash & (p->slot_count - 1);
    for (;; i = (i + 1) & (p->slot_count - 1)) {
        struct mr_schema_property *slot = &p->slots[i];
        if (!slot->name ||
            (slot->hash == hash && slot->len == len && memcmp(slot->name, name, len) == 0))
            return slot;
    }
}

struct mr_schema_property *mr_schema_properties_add(struct mr_schema_properties *p,
                                                    const char *name)
{
    size_t len = strlen(name);
    uint32_t hash = hash_of(name, len);
    struct mr_schema_property *slot = slot_of(p, name, len, hash);
    if (!slot->name) {
        assert(p->count * 2 < p->slot_count);
        *slot = (struct mr_schema_property){.name = name, .len = len, .hash = hash};
        p->count++;
    }
    return slot;
}

const struct mr_schema_property *mr_schema_properties_find(const struct mr_schema_properties *p,
                                                           const char *name, size_t len)
{
    if (!p->count)
        return NULL;
    const struct mr_schema_property *slot = slot_of(p, name, len, hash_of(name, len));
    return slot->name ? slot : NULL;
}
