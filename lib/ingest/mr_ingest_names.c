/* The set of property names that hold secrets. */
#include "mr_ingest_own.h"

#include <assert.h>
#include <stdlib.h>

#define FNV_BASIS 2166136261u
#define FNV_PRIME 16777619u
#define WORDS_MAX 3 /* that a name of the rules is looked for in, at the end */

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

/* Where a word begins: behind what joins words, and at a capital behind a small letter or digit. */
static bool begins_word(struct mr_slice name, size_t i)
{
    char before = i > 0 ? name.data[i - 1] : '-';
    bool is_capital = name.data[i] >= 'A' && name.data[i] <= 'Z';
    return !plain(before) || (is_capital && !(before >= 'A' && before <= 'Z'));
}

/* The hashes of the whole name, of what is behind its last dot, and of its last words, WORDS_MAX at
 * most, are kept up in one pass. */
static bool has(const struct mr_ingest_names *names, struct mr_slice name)
{
    uint32_t whole = FNV_BASIS, last = FNV_BASIS, hashes[WORDS_MAX] = {0};
    size_t begins[WORDS_MAX], words = 0, dot = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = plain(name.data[i]);
        if (!c) {
            if (name.data[i] == '.') {
                last = FNV_BASIS;
                dot = i + 1;
            }
            continue;
        }
        if (begins_word(name, i)) {
            size_t at = words++ % WORDS_MAX;
            begins[at] = i;
            hashes[at] = FNV_BASIS;
        }
        whole = (whole ^ (uint8_t)c) * FNV_PRIME;
        last = (last ^ (uint8_t)c) * FNV_PRIME;
        for (size_t w = 0; w < WORDS_MAX; w++)
            hashes[w] = (hashes[w] ^ (uint8_t)c) * FNV_PRIME;
    }
    for (size_t w = 0; words > 1 && w < words && w < WORDS_MAX; w++)
        if (slot_has(names, hashes[w], mr_slice(name.data + begins[w], name.len - begins[w])))
            return true;
    return slot_has(names, whole, name) ||
           (dot > 0 && slot_has(names, last, mr_slice(name.data + dot, name.len - dot)));
}

/* A number at the end tells one of several from another: password2, sd.auth.password.2. */
bool mr_ingest_names_has(const struct mr_ingest_names *names, struct mr_slice name)
{
    size_t len = name.len;
    if (names->count == 0)
        return false;
    if (has(names, name))
        return true;
    while (len > 0 && name.data[len - 1] >= '0' && name.data[len - 1] <= '9')
        len--;
    while (len > 0 && len < name.len && !plain(name.data[len - 1]))
        len--;
    return len > 0 && len < name.len && has(names, mr_slice(name.data, len));
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
