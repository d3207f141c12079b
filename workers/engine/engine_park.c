/* Keys with parked commands. A key is held by itself, not by a row: as long as any parked command
 * of it is left, later commands of the key wait. Only the lowest may have a cause of its own;
 * behind it all wait. */
#include "engine_lane.h"

#include <assert.h>

struct engine_held_key *engine_held_find(const struct engine_lane *l, struct mr_slice key)
{
    struct engine_held_key *h;
    HASH_FIND(hh, l->held, key.data, key.len, h);
    return h;
}

void engine_held_put(struct engine_lane *l, const struct engine_held *held)
{
    struct engine_held_key *h = calloc(1, sizeof *h);
    char *key = malloc(held->key.len + 1);
    if (!h || !key)
        abort();
    memcpy(key, held->key.data, held->key.len);
    *h = (struct engine_held_key){
        .key = key,
        .key_len = held->key.len,
        .first = held->first,
        .first_behind = held->first_behind,
        .count = held->count,
    };
    HASH_ADD_KEYPTR(hh, l->held, h->key, h->key_len, h);
    l->parked_count += held->count;
    l->waiting_keys += held->first_behind;
}

static void set_behind(struct engine_lane *l, struct engine_held_key *h, bool behind)
{
    l->waiting_keys += (int64_t)behind - (int64_t)h->first_behind;
    h->first_behind = behind;
}

void engine_held_parked(struct engine_lane *l, struct mr_slice key, int64_t position, bool behind)
{
    struct engine_held_key *h = engine_held_find(l, key);
    if (h) {
        h->count++;
        l->parked_count++;
        return;
    }
    assert(!behind || ENGINE_BUG(KEY_NOT_HELD));
    engine_held_put(l, &(struct engine_held){.key = key, .first = position, .count = 1});
}

static void forget(struct engine_lane *l, struct engine_held_key *h)
{
    set_behind(l, h, false);
    l->parked_count -= h->count;
    HASH_DEL(l->held, h);
    free(h->key);
    free(h);
}

void engine_held_settled(struct engine_lane *l, struct mr_slice key)
{
    struct engine_held_key *h = engine_held_find(l, key);
    assert(h && h->count > 0);
    set_behind(l, h, true); /* whoever comes next only waited */
    h->count--;
    l->parked_count--;
    if (h->count == 0)
        forget(l, h);
}

void engine_held_kept(struct engine_lane *l, struct mr_slice key, int64_t position)
{
    struct engine_held_key *h = engine_held_find(l, key);
    assert(h);
    h->first = position;
    set_behind(l, h, false);
}

void engine_held_gone(struct engine_lane *l, struct mr_slice key)
{
    struct engine_held_key *h = engine_held_find(l, key);
    if (h)
        forget(l, h);
}

static void requests_clear(struct engine_lane *l)
{
    for (size_t i = 0; i < l->requests.count; i++)
        free((void *)l->requests.items[i].key.data);
    l->requests.count = 0;
}

void engine_held_clear(struct engine_lane *l)
{
    struct engine_held_key *h, *next;
    HASH_ITER (hh, l->held, h, next)
        forget(l, h);
    assert(l->parked_count == 0 && l->waiting_keys == 0);
    requests_clear(l);
    free(l->requests.items);
    memset(&l->requests, 0, sizeof l->requests);
}

void engine_requests_set(struct engine_lane *l, const struct engine_request *requests, size_t count)
{
    requests_clear(l);
    for (size_t i = 0; i < count; i++) {
        if (requests[i].lane != l->lane)
            continue;
        struct engine_request *r = ENGINE_ADD(&l->requests);
        *r = requests[i];
        if (!r->key.data)
            continue;
        char *key = malloc(r->key.len + 1);
        if (!key)
            abort();
        memcpy(key, r->key.data, r->key.len);
        r->key.data = key;
    }
}

#define WANT_KEYS_MAX     16 /* keys of a lane in one batch */
#define WANT_KEY_COMMANDS 64 /* commands of a key in one batch */

static void want(struct engine_batch *b, struct engine_lane *l, struct mr_slice key)
{
    for (size_t i = 0; i < b->wants.count; i++)
        if (b->wants.items[i].lane == l->lane && mr_slice_equal(b->wants.items[i].key, key))
            return;
    *ENGINE_ADD(&b->wants) =
        (struct engine_parked_want){.lane = l->lane, .key = key, .limit = WANT_KEY_COMMANDS};
}

void engine_parked_work(struct engine_batch *b, struct engine_lane *l)
{
    size_t from = b->wants.count;
    struct engine_held_key *h, *next;
    for (size_t i = 0; i < l->requests.count && b->wants.count - from < WANT_KEYS_MAX; i++) {
        struct engine_request *r = &l->requests.items[i];
        struct engine_held_key *of = r->key.data ? engine_held_find(l, r->key) : NULL;
        if (!of) /* settled in the meantime, or never parked */
            *ENGINE_ADD(&b->unrequests) =
                (struct engine_position){.lane = l->lane, .position = r->position};
        else if (of->first_behind || of->first == r->position)
            want(b, l, mr_slice(of->key, of->key_len));
    }
    if (l->waiting_keys == 0)
        return;
    HASH_ITER (hh, l->held, h, next) {
        if (b->wants.count - from >= WANT_KEYS_MAX)
            break;
        if (h->first_behind)
            want(b, l, mr_slice(h->key, h->key_len));
    }
}
