/* What one command does to a sheet: staged beside the slots, and taken over only when the command
 * is applied. */
#include "engine_sheet_impl.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

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

/* The command's change of this slot: the one that it has begun, or a new one. */
static struct sheet_change *change_of(struct engine_sheet *s, struct sheet_slot *slot)
{
    if (slot->changed_by == s->commands)
        return &s->changes.items[slot->change];
    slot->changed_by = s->commands;
    slot->change = s->changes.count;
    struct sheet_change *c = ENGINE_ADD(&s->changes);
    c->slot = slot;
    return c;
}

/* Room for an image beside the one that is seen. One that is too small is replaced by a larger one
 * than needed, since what grows once grows again. */
static void *image_room(struct engine_effects *effects, struct sheet_slot *slot, size_t bytes)
{
    if (slot->other && slot->other_size >= bytes)
        return slot->other;
    size_t size = slot->other ? bytes + bytes / 2 : bytes;
    void *p = mr_arena_alloc(&effects->sheet->arena, size);
    if (!p) {
        size = bytes;
        p = mr_arena_alloc(&effects->sheet->arena, size);
    }
    if (!p)
        return engine_effects_alloc(effects, bytes); /* marks that it is full */
    slot->other = p;
    slot->other_size = size;
    return p;
}

void *engine_effects_change(struct engine_effects *effects, const struct engine_entity *was,
                            const void *from, size_t bytes_len, int64_t *version)
{
    struct engine_sheet *s = effects->sheet;
    struct sheet_slot *slot = engine_sheet_slot(s, &was->key);
    assert(slot);
    struct sheet_change *c = change_of(s, slot);
    c->bytes = image_room(effects, slot, bytes_len);
    c->len = bytes_len;
    if (from)
        memmove(c->bytes, from, bytes_len); /* it may be the image that was begun before */
    else
        memset(c->bytes, 0, bytes_len);
    if (version)
        *version = slot->now.version + 1;
    return c->bytes;
}

const struct engine_entity *engine_effects_get(const struct engine_effects *effects, int32_t kind,
                                               const struct mr_uuid *account,
                                               const struct mr_uuid *id)
{
    struct engine_key key = {.kind = kind, .account = *account, .id = *id};
    struct sheet_slot *slot = engine_sheet_slot(effects->sheet, &key);
    assert(slot); /* keys_of names what decide looks at */
    return engine_sheet_view(effects->sheet, slot);
}

void engine_effects_row(struct engine_effects *effects, int32_t row_kind, const void *bytes,
                        size_t bytes_len)
{
    struct engine_sheet *s = effects->sheet;
    assert(row_kind >= 0 && row_kind < s->domain->row_kind_count);
    void *copy = engine_effects_alloc(effects, bytes_len);
    memcpy(copy, bytes, bytes_len);
    *ENGINE_ADD(&s->rows) = (struct engine_row_write){
        .row_kind = row_kind,
        .command = effects->command,
        .index = s->row_counts[row_kind]++,
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
    s->commands++;
    memset(s->row_counts, 0, (size_t)s->domain->row_kind_count * sizeof *s->row_counts);
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

/* The new image is what is seen from now on; the old one is written to next. */
static void take_over(const struct sheet_change *c)
{
    struct sheet_slot *slot = c->slot;
    void *old = (void *)slot->now.bytes; /* in our arena, where there is one */
    size_t old_size = slot->now_size;
    assert(c->bytes == slot->other);
    slot->now.bytes = c->bytes;
    slot->now.bytes_len = c->len;
    slot->now.version++;
    slot->now_size = slot->other_size;
    slot->other = old;
    slot->other_size = old_size;
}

enum engine_decided engine_sheet_decide(struct engine_sheet *s,
                                        const struct engine_command *command,
                                        const struct engine_input *input, struct mr_slice key,
                                        struct engine_refusal *refusal)
{
    struct engine_effects effects = effects_begin(s, input, key);
    struct engine_state state = {.sheet = s, .lane = input->lane};
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
    for (size_t i = 0; i < s->changes.count; i++)
        take_over(&s->changes.items[i]);
    s->changes.count = 0;
    return ENGINE_DECIDED_APPLIED;
}

void engine_sheet_take_back(struct engine_sheet *s, size_t event_count)
{
    assert(event_count <= s->events.count);
    s->events.count = event_count;
}
