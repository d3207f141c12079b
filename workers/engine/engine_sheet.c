/* A batch's entities, as the commands so far left them. Each key is a slot in a hash table. */
#include "engine_sheet_impl.h"

#include <assert.h>
#include <stddef.h>

static_assert(sizeof(struct engine_key) == 36, "a hash key has no padding");

struct engine_sheet *engine_sheet_new(const struct engine_domain *domain, size_t arena_bytes_max,
                                      size_t event_bytes_max)
{
    struct engine_sheet *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->domain = domain;
    s->event_bytes_max = event_bytes_max;
    s->row_counts = calloc((size_t)domain->row_kind_count + 1, sizeof *s->row_counts);
    if (!s->row_counts)
        abort();
    mr_arena_init(&s->arena, arena_bytes_max);
    return s;
}

static void drop_spares(struct engine_sheet *s)
{
    for (size_t i = 0; i < s->spares.count; i++)
        free(s->spares.items[i]);
    s->spares.count = 0;
}

void engine_sheet_reset(struct engine_sheet *s)
{
    HASH_CLEAR(hh, s->slots);
    drop_spares(s);
    s->keys.count = s->dues.count = s->due_slots.count = 0;
    s->events.count = s->rows.count = s->changes.count = 0;
    mr_arena_reset(&s->arena);
}

void engine_sheet_free(struct engine_sheet *s)
{
    if (!s)
        return;
    engine_sheet_reset(s);
    free(s->keys.items);
    free(s->dues.items);
    free(s->due_slots.items);
    free(s->row_counts);
    free(s->events.items);
    free(s->rows.items);
    free(s->writes.items);
    free(s->changes.items);
    free(s->spares.items);
    mr_arena_free(&s->arena);
    free(s);
}

struct mr_arena *engine_sheet_arena(struct engine_sheet *s)
{
    return &s->arena;
}

/* ---- entities ----------------------------------------------------------------------------------
 */

struct sheet_slot *engine_sheet_slot(const struct engine_sheet *s, const struct engine_key *key)
{
    struct sheet_slot *slot;
    HASH_FIND(hh, s->slots, key, sizeof *key, slot);
    return slot;
}

/* NULL: the arena is full. */
static struct sheet_slot *slot_new(struct engine_sheet *s, const struct engine_key *key)
{
    struct sheet_slot *slot = mr_arena_alloc(&s->arena, sizeof *slot);
    assert(key->kind >= 0 && key->kind < s->domain->kind_count);
    if (!slot)
        return NULL;
    slot->key = slot->now.key = *key;
    HASH_ADD(hh, s->slots, key, sizeof slot->key, slot);
    return slot;
}

void engine_keys_add(struct engine_keys *keys, int32_t kind, const struct mr_uuid *account,
                     const struct mr_uuid *id)
{
    struct engine_sheet *s = keys->sheet;
    struct engine_key key = {.kind = kind, .account = *account, .id = *id};
    if (engine_sheet_slot(s, &key))
        return;
    if (slot_new(s, &key))
        *ENGINE_ADD(&s->keys) = key;
    else
        keys->full = true;
}

enum mr_status engine_sheet_want(struct engine_sheet *s, const struct engine_input *input)
{
    struct engine_keys keys = {.sheet = s, .input = input};
    s->domain->keys_of(input, &keys);
    return keys.full ? MR_LIMIT : MR_OK;
}

const struct engine_key *engine_sheet_keys(const struct engine_sheet *s, size_t *count)
{
    *count = s->keys.count;
    return s->keys.items;
}

enum mr_status engine_sheet_put(struct engine_sheet *s, const struct engine_entity *entity)
{
    struct sheet_slot *slot = engine_sheet_slot(s, &entity->key);
    assert(slot && entity->bytes && entity->version > 0);
    if (slot->loaded_version > 0) /* named and due: it was found twice */
        return MR_OK;
    void *copy = mr_arena_alloc(&s->arena, entity->bytes_len);
    if (!copy)
        return MR_LIMIT;
    memcpy(copy, entity->bytes, entity->bytes_len);
    slot->now = *entity;
    slot->now.bytes = copy;
    slot->now_size = entity->bytes_len;
    slot->loaded_version = entity->version;
    return MR_OK;
}

const struct engine_entity *engine_state_get(const struct engine_state *state, int32_t kind,
                                             const struct mr_uuid *account,
                                             const struct mr_uuid *id)
{
    struct engine_key key = {.kind = kind, .account = *account, .id = *id};
    struct sheet_slot *slot = engine_sheet_slot(state->sheet, &key);
    assert(slot); /* keys_of names what decide looks at */
    return &slot->now;
}

const struct engine_entity *engine_sheet_view(const struct engine_sheet *s, struct sheet_slot *slot)
{
    slot->view = slot->now;
    if (slot->changed_by != s->commands || slot->change >= s->changes.count)
        return &slot->view;
    const struct sheet_change *c = &s->changes.items[slot->change];
    slot->view.bytes = c->bytes;
    slot->view.bytes_len = c->len;
    slot->view.version++;
    return &slot->view;
}

/* ---- what is due -------------------------------------------------------------------------------
 */

/* The place of the wish; dues.count: there is none. */
static size_t due_index(const struct engine_sheet *s, int32_t lane, int32_t kind)
{
    size_t i = 0;
    while (i < s->dues.count && (s->dues.items[i].lane != lane || s->dues.items[i].kind != kind))
        i++;
    return i;
}

void engine_keys_add_due(struct engine_keys *keys, int32_t kind)
{
    struct engine_sheet *s = keys->sheet;
    const struct engine_input *input = keys->input;
    assert(kind >= 0 && kind < s->domain->kind_count);
    assert(input->ce->tick_lane >= 0);
    if (due_index(s, input->lane, kind) < s->dues.count)
        return;
    *ENGINE_ADD(&s->dues) =
        (struct engine_due){.lane = input->lane, .kind = kind, .time_ms = input->time_ms};
    (void)ENGINE_ADD(&s->due_slots);
}

const struct engine_due *engine_sheet_due(const struct engine_sheet *s, size_t *count)
{
    *count = s->dues.count;
    return s->dues.items;
}

enum mr_status engine_sheet_note_due(struct engine_sheet *s, int32_t lane,
                                     const struct engine_key *key)
{
    size_t i = due_index(s, lane, key->kind);
    assert(i < s->dues.count); /* only what was asked for comes */
    struct sheet_due *due = &s->due_slots.items[i];
    struct sheet_slot *slot = engine_sheet_slot(s, key);
    if (!slot)
        slot = slot_new(s, key);
    if (!slot)
        return MR_LIMIT;
    if (slot->is_due)
        return MR_OK;
    slot->is_due = true;
    if (due->last)
        due->last->due_next = slot;
    else
        due->first = slot;
    due->last = slot;
    return MR_OK;
}

enum mr_status engine_sheet_put_due(struct engine_sheet *s, int32_t lane,
                                    const struct engine_entity *entity)
{
    enum mr_status status = engine_sheet_note_due(s, lane, &entity->key);
    return status == MR_OK ? engine_sheet_put(s, entity) : status;
}

const struct engine_entity *engine_state_due(const struct engine_state *state, int32_t kind,
                                             const struct engine_entity *after)
{
    const struct engine_sheet *s = state->sheet;
    struct sheet_slot *slot;
    if (after) {
        slot = (void *)((const char *)after - offsetof(struct sheet_slot, view));
        assert(slot->is_due && slot->key.kind == kind);
        slot = slot->due_next;
    } else {
        size_t i = due_index(s, state->lane, kind);
        assert(i < s->dues.count); /* keys_of asks for what decide goes over */
        slot = s->due_slots.items[i].first;
    }
    return slot ? engine_sheet_view(s, slot) : NULL;
}

enum mr_status engine_sheet_want_after(struct engine_sheet *s, const struct engine_input *input)
{
    const struct engine_state state = {.sheet = s, .lane = input->lane};
    struct engine_keys keys = {.sheet = s, .input = input};
    assert(input->ce->tick_lane >= 0);
    if (s->domain->keys_after)
        s->domain->keys_after(&state, input, &keys);
    return keys.full ? MR_LIMIT : MR_OK;
}

/* ---- results -----------------------------------------------------------------------------------
 */

struct engine_event *engine_sheet_events(struct engine_sheet *s, size_t *count)
{
    *count = s->events.count;
    return s->events.items;
}

const struct engine_row_write *engine_sheet_rows(const struct engine_sheet *s, size_t *count)
{
    *count = s->rows.count;
    return s->rows.items;
}

const struct engine_entity_write *engine_sheet_writes(struct engine_sheet *s, size_t *count)
{
    struct sheet_slot *slot, *next;
    s->writes.count = 0;
    HASH_ITER (hh, s->slots, slot, next) {
        if (slot->now.version == slot->loaded_version)
            continue;
        *ENGINE_ADD(&s->writes) = (struct engine_entity_write){
            .entity = slot->now,
            .is_new = slot->loaded_version == 0,
        };
    }
    *count = s->writes.count;
    return s->writes.items;
}
