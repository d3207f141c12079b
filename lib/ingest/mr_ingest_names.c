/* The set of property names that hold secrets. */
#include "mr_ingest_own.h"

#include <assert.h>
#include <stdlib.h>

#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u

/* 0: the character joins words and does not count. */
static char plain(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c == '-' || c == '_' || c == ' ' || c == '.' ? '\0' : c;
}

static bool slot_has(const struct mr_ingest_names *names, uint32_t hash, struct mr_slice name)
{
    for (uint32_t at = hash & names->mask; names->slots[at]; at = (at + 1) & names->mask) {
        const struct mr_ingest_name *item = &names->items[names->slots[at] - 1];
        size_t same = 0, i = 0;
        if (item->hash != hash)
            continue;
        for (; i < name.len; i++) {
            char c = plain(name.data[i]);
            if (c && (same == item->len || item->text[same++] != c))
                break;
        }
        if (i == name.len && same == item->len)
            return true;
    }
    return false;
}

bool mr_ingest_names_has(const struct mr_ingest_names *names, struct mr_slice name)
{
    uint32_t whole = FNV_BASIS, last = FNV_BASIS;
    size_t begin = 0;
    if (names->count == 0)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = plain(name.data[i]);
        if (c) {
            whole = (whole ^ (uint8_t)c) * FNV_PRIME;
            last = (last ^ (uint8_t)c) * FNV_PRIME;
        } else if (name.data[i] == '.') {
            last = FNV_BASIS;
            begin = i + 1;
        }
    }
    return slot_has(names, whole, name) ||
           (begin > 0 && slot_has(names, last, mr_slice(name.data + begin, name.len - begin)));
}

static void put(struct mr_ingest_names *names, uint32_t index)
{
    uint32_t at = names->items[index].hash & names->mask;
    while (names->slots[at])
        at = (at + 1) & names->mask;
    names->slots[at] = index + 1;
}

void mr_ingest_names_add(struct mr_ingest_names *names, struct mr_slice name)
{
    struct mr_ingest_name item = {.hash = FNV_BASIS};
    assert(name.len <= sizeof item.text);
    for (size_t i = 0; i < name.len; i++) {
        char c = plain(name.data[i]);
        if (!c)
            continue;
        item.text[item.len++] = c;
        item.hash = (item.hash ^ (uint8_t)c) * FNV_PRIME;
    }
    names->items = realloc(names->items, (names->count + 1) * sizeof *names->items);
    uint32_t want = 16;
    while (want < 2 * (names->count + 1))
        want *= 2;
    names->slots = realloc(names->slots, want * sizeof *names->slots);
    if (!names->items || !names->slots)
        abort();
    names->items[names->count++] = item;
    names->mask = want - 1;
    memset(names->slots, 0, want * sizeof *names->slots);
    for (uint32_t i = 0; i < names->count; i++)
        put(names, i);
}
