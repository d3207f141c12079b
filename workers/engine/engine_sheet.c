/* A batch's entities and effects. Each key is a slot in a hash table; a command's changes are
 * staged beside the slots and reach them only when the command is applied. */
#include "engine_sheet.h"

#include "engine_list.h"
#include "mr_buf.h"
#include "mr_map.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

struct slot {
    struct engine_key key; /* the hash key: 36 bytes without padding */
    struct engine_entity now;
    int64_t loaded_version; /* 0: did not exist */
    UT_hash_handle hh;
};

struct change {
    struct slot *slot;
    void *bytes;
    size_t len;
};

struct engine_state { /* the sheet seen by decide */
    struct engine_sheet *sheet;
};
struct engine_keys {
    struct engine_sheet *sheet;
    bool full;
};

/* What the command at hand does. */
struct engine_effects {
    struct engine_sheet *sheet;
    const struct engine_command *command;
    const struct engine_input *input;
    struct mr_slice key;
    size_t event_start, row_start; /* what lies beyond is this command's */
    bool full, too_large, refused;
    struct engine_refusal refusal;
};

struct engine_sheet {
    const struct engine_domain *domain;
    size_t event_bytes_max;
    struct mr_arena arena;
    struct slot *slots;
    ENGINE_LIST(struct engine_key) keys;
    ENGINE_LIST(struct engine_event) events;
    ENGINE_LIST(struct engine_row_write) rows;
    ENGINE_LIST(struct engine_entity_write) writes;
    ENGINE_LIST(struct change) changes; /* of the command at hand */
    ENGINE_LIST(void *) spares;         /* given out when the arena was full */
};

static_assert(sizeof(struct engine_key) == 36, "a hash key has no padding");

struct engine_sheet *engine_sheet_new(const struct engine_domain *domain, size_t arena_bytes_max,
                                      size_t event_bytes_max)
{
    struct engine_sheet *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->domain = domain;
    s->event_bytes_max = event_bytes_max;
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
    s->keys.count = s->events.count = s->rows.count = s->changes.count = 0;
    mr_arena_reset(&s->arena);
}

void engine_sheet_free(struct engine_sheet *s)
{
    if (!s)
        return;
    engine_sheet_reset(s);
    free(s->keys.items);
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

static struct slot *slot_find(const struct engine_sheet *s, const struct engine_key *key)
{
    struct slot *slot;
    HASH_FIND(hh, s->slots, key, sizeof *key, slot);
    return slot;
}

void engine_keys_add(struct engine_keys *keys, int32_t kind, const struct mr_uuid *account,
                     const struct mr_uuid *id)
{
    struct engine_sheet *s = keys->sheet;
    struct engine_key key = {.kind = kind, .account = *account, .id = *id};
    assert(kind >= 0 && kind < s->domain->kind_count);
    if (slot_find(s, &key))
        return;
    struct slot *slot = mr_arena_alloc(&s->arena, sizeof *slot);
    if (!slot) {
        keys->full = true;
        return;
    }
    slot->key = slot->now.key = key;
    HASH_ADD(hh, s->slots, key, sizeof slot->key, slot);
    *ENGINE_ADD(&s->keys) = key;
}

enum mr_status engine_sheet_want(struct engine_sheet *s, const struct engine_input *input)
{
    struct engine_keys keys = {.sheet = s};
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
    struct slot *slot = slot_find(s, &entity->key);
    assert(slot && entity->bytes && entity->version > 0);
    void *copy = mr_arena_alloc(&s->arena, entity->bytes_len);
    if (!copy)
        return MR_LIMIT;
    memcpy(copy, entity->bytes, entity->bytes_len);
    slot->now = *entity;
    slot->now.bytes = copy;
    slot->loaded_version = entity->version;
    return MR_OK;
}

static struct change *change_of(struct engine_sheet *s, const struct slot *slot)
{
    for (size_t i = 0; i < s->changes.count; i++)
        if (s->changes.items[i].slot == slot)
            return &s->changes.items[i];
    return NULL;
}

const struct engine_entity *engine_state_get(const struct engine_state *state, int32_t kind,
                                             const struct mr_uuid *account,
                                             const struct mr_uuid *id)
{
    struct engine_key key = {.kind = kind, .account = *account, .id = *id};
    struct slot *slot = slot_find(state->sheet, &key);
    assert(slot); /* keys_of names what decide looks at */
    return &slot->now;
}

/* ---- effects -----------------------------------------------------------------------------------
 */

void *engine_effects_alloc(struct engine_effects *effects, size_t bytes)
{
    struct engine_sheet *s = effects->sheet;
    void *p = mr_arena_alloc(&s->arena, bytes);
    if (p)
        return p;
    effects->full = true;
    p = calloc(1, bytes ? bytes : 1);
    if (!p)
        abort();
    *ENGINE_ADD(&s->spares) = p;
    return p;
}

void *engine_effects_change(struct engine_effects *effects, const struct engine_entity *was,
                            const void *from, size_t bytes_len, int64_t *version)
{
    struct engine_sheet *s = effects->sheet;
    struct slot *slot = slot_find(s, &was->key);
    assert(slot);
    struct change *c = change_of(s, slot);
    if (!c) {
        c = ENGINE_ADD(&s->changes);
        c->slot = slot;
    }
    c->bytes = engine_effects_alloc(effects, bytes_len);
    c->len = bytes_len;
    if (from)
        memcpy(c->bytes, from, bytes_len);
    if (version)
        *version = slot->now.version + 1;
    return c->bytes;
}

void engine_effects_row(struct engine_effects *effects, int32_t row_kind, const void *bytes,
                        size_t bytes_len)
{
    struct engine_sheet *s = effects->sheet;
    assert(row_kind >= 0 && row_kind < s->domain->row_kind_count);
    int32_t index = 0;
    for (size_t i = effects->row_start; i < s->rows.count; i++)
        index += s->rows.items[i].row_kind == row_kind;
    void *copy = engine_effects_alloc(effects, bytes_len);
    memcpy(copy, bytes, bytes_len);
    *ENGINE_ADD(&s->rows) = (struct engine_row_write){
        .row_kind = row_kind,
        .command = effects->command,
        .index = index,
        .bytes = copy,
        .bytes_len = bytes_len,
    };
}

/* The event's text in the arena; absent when it is larger than allowed. */
static struct mr_slice event_text(struct engine_effects *effects, const json_t *data)
{
    size_t len = json_dumpb(data, NULL, 0, JSON_COMPACT);
    assert(len > 0); /* our own JSON can be written */
    if (len > effects->sheet->event_bytes_max) {
        effects->too_large = true;
        return mr_slice(NULL, 0);
    }
    char *text = engine_effects_alloc(effects, len + 1);
    json_dumpb(data, text, len, JSON_COMPACT);
    return mr_slice(text, len);
}

void engine_effects_event_of(struct engine_effects *effects, const char *type,
                             const struct engine_key *subject, int64_t subject_version,
                             json_t *data)
{
    assert(data);
    struct mr_slice text = event_text(effects, data);
    json_decref(data);
    if (!text.data)
        return;
    const struct engine_input *in = effects->input;
    *ENGINE_ADD(&effects->sheet->events) = (struct engine_event){
        .time_ms = in->time_ms,
        .account = subject->account,
        .subject = subject->id,
        .causation = in->ce->id,
        .subject_version = subject_version,
        .type = mr_slice_text(type),
        .key = effects->key,
        .traceparent = in->ce->traceparent,
        .data = text,
    };
}

void engine_effects_event(struct engine_effects *effects, const char *type,
                          const struct mr_uuid *subject, int64_t subject_version, json_t *data)
{
    const struct engine_key key = {.account = effects->input->ce->account, .id = *subject};
    engine_effects_event_of(effects, type, &key, subject_version, data);
}

enum engine_verdict engine_effects_refuse(struct engine_effects *effects, const char *problem,
                                          const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t len = strlen(text);
    char *detail = engine_effects_alloc(effects, len + 1);
    memcpy(detail, text, len);
    effects->refused = true;
    effects->refusal = (struct engine_refusal){.problem = problem, .detail = detail};
    return ENGINE_REJECTED;
}

/* ---- one command -------------------------------------------------------------------------------
 */

static void take_back(struct engine_effects *effects)
{
    struct engine_sheet *s = effects->sheet;
    s->events.count = effects->event_start;
    s->rows.count = effects->row_start;
    s->changes.count = 0;
}

/* <domain>.command.rejected: what the rest of the world learns of a refusal. */
static void rejected_event(struct engine_effects *effects, const struct engine_refusal *why)
{
    const struct mr_ce_command *ce = effects->input->ce;
    char id[MR_UUID_TEXT + 1], subject[MR_UUID_TEXT + 1];
    char *type = engine_effects_alloc(effects, strlen(effects->sheet->domain->name) + 32);
    sprintf(type, "%s.command.rejected", effects->sheet->domain->name);
    json_t *data =
        json_pack("{s:s, s:s%, s:s, s:s}", "command_id", mr_uuid_text(&ce->id, id), "command_type",
                  ce->type.data, ce->type.len, "problem", why->problem, "detail", why->detail);
    assert(data); /* type and texts are UTF-8: checked where they came in */
    if (ce->has_subject)
        json_object_set_new(data, "subject", json_string(mr_uuid_text(&ce->subject, subject)));
    engine_effects_event(effects, type, ce->has_subject ? &ce->subject : &ce->id, 0, data);
}

static struct engine_effects effects_begin(struct engine_sheet *s, const struct engine_input *input,
                                           struct mr_slice key)
{
    s->changes.count = 0;
    return (struct engine_effects){
        .sheet = s,
        .input = input,
        .key = key,
        .event_start = s->events.count,
        .row_start = s->rows.count,
    };
}

enum engine_decided engine_sheet_refuse(struct engine_sheet *s, const struct engine_input *input,
                                        struct mr_slice key, const struct engine_refusal *refusal)
{
    struct engine_effects effects = effects_begin(s, input, key);
    rejected_event(&effects, refusal);
    if (!effects.full)
        return ENGINE_DECIDED_REJECTED;
    take_back(&effects);
    return ENGINE_DECIDED_FULL;
}

enum engine_decided engine_sheet_decide(struct engine_sheet *s,
                                        const struct engine_command *command,
                                        const struct engine_input *input, struct mr_slice key,
                                        struct engine_refusal *refusal)
{
    struct engine_effects effects = effects_begin(s, input, key);
    struct engine_state state = {.sheet = s};
    effects.command = command;
    enum engine_verdict verdict = s->domain->decide(&state, input, &effects);
    assert((verdict == ENGINE_REJECTED) == effects.refused);
    if (effects.full) {
        take_back(&effects);
        return ENGINE_DECIDED_FULL;
    }
    if (effects.too_large) {
        effects.refused = true;
        effects.refusal = (struct engine_refusal){
            .problem = "event-too-large",
            .detail = "What this command would tell the world does not fit into one event.",
        };
    }
    if (effects.refused) {
        take_back(&effects);
        *refusal = effects.refusal;
        return engine_sheet_refuse(s, input, key, refusal);
    }
    for (size_t i = 0; i < s->changes.count; i++) {
        struct change *c = &s->changes.items[i];
        c->slot->now.bytes = c->bytes;
        c->slot->now.bytes_len = c->len;
        c->slot->now.version++;
    }
    return ENGINE_DECIDED_APPLIED;
}

void engine_sheet_take_back(struct engine_sheet *s, size_t event_count)
{
    assert(event_count <= s->events.count);
    s->events.count = event_count;
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
    struct slot *slot, *next;
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
