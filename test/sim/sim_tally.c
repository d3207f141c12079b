#include "sim_tally.h"

#include <assert.h>
#include <string.h>

struct body {
    json_int_t amount;
};

static bool old_knows(const char *type)
{
    static const char *const types[] = {"tally.add", "tally.count", "tally.fact", "tally.tick"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static bool new_knows(const char *type)
{
    return old_knows(type) || strncmp(type, "tally.late_", 11) == 0;
}

enum engine_keep tally_keep(const struct mr_ce_command *ce)
{
    if (mr_slice_is(ce->type, "tally.fact") || mr_slice_is(ce->type, "tally.late_fact"))
        return ENGINE_KEEP_FACT;
    if (mr_slice_is(ce->type, "tally.add") || mr_slice_is(ce->type, "tally.late_add"))
        return ENGINE_KEEP_FULL;
    return ENGINE_KEEP_ID;
}

static enum mr_status read_body(const struct mr_ce_command *ce, json_t *json,
                                struct mr_arena *arena, const void **body)
{
    struct body *b = mr_arena_alloc(arena, sizeof *b);
    (void)ce;
    if (!b)
        return MR_LIMIT;
    b->amount = json_integer_value(json_object_get(json, "amount"));
    *body = b;
    return MR_OK;
}

static void keys_of(const struct engine_input *input, struct engine_keys *keys)
{
    if (input->ce->tick_lane >= 0)
        engine_keys_add_due(keys, TALLY_OPEN);
    else if (tally_keep(input->ce) != ENGINE_KEEP_FACT)
        engine_keys_add(keys, TALLY_OPEN, &input->ce->account, &input->ce->account);
}

static void keys_after(const struct engine_state *state, const struct engine_input *input,
                       struct engine_keys *keys)
{
    const struct engine_entity *e = NULL;
    (void)input;
    while ((e = engine_state_due(state, TALLY_OPEN, e)))
        engine_keys_add(keys, TALLY_TOTAL, &e->key.account, &e->key.id);
}

static struct tally_sum sum_of(const struct engine_entity *e)
{
    return e->bytes ? *(const struct tally_sum *)e->bytes : (struct tally_sum){0};
}

static void change(struct engine_effects *effects, const struct engine_entity *was,
                   const struct tally_sum *to, int64_t *version)
{
    memcpy(engine_effects_change(effects, was, NULL, sizeof *to, version), to, sizeof *to);
}

static enum engine_verdict tick(const struct engine_state *state, struct engine_effects *effects)
{
    const struct engine_entity *e = NULL;
    while ((e = engine_state_due(state, TALLY_OPEN, e))) {
        const struct engine_entity *was =
            engine_state_get(state, TALLY_TOTAL, &e->key.account, &e->key.id);
        struct tally_sum open = sum_of(e), total = sum_of(was);
        int64_t version;
        assert(open.due_ms > 0); /* the store gives nothing else */
        total.amount += open.amount;
        change(effects, was, &total, &version);
        change(effects, e, &(struct tally_sum){0}, &version);
        engine_effects_event_of(effects, "tally.closed", &e->key, version,
                                json_pack("{s:I}", "closed", (json_int_t)open.amount));
    }
    return ENGINE_APPLIED;
}

static enum engine_verdict decide(const struct engine_state *state,
                                  const struct engine_input *input, struct engine_effects *effects)
{
    const struct body *b = input->body;
    const struct mr_uuid *account = &input->ce->account;
    enum engine_keep keep = tally_keep(input->ce);
    int64_t version, amount = b->amount;
    if (input->ce->tick_lane >= 0)
        return tick(state, effects);
    if (keep == ENGINE_KEEP_FACT)
        engine_effects_row(effects, TALLY_FACT, &amount, sizeof amount);
    if (amount == 0)
        return engine_effects_refuse(effects, "nothing", "There is nothing to count.");
    if (keep == ENGINE_KEEP_FACT)
        return ENGINE_APPLIED;
    const struct engine_entity *was = engine_state_get(state, TALLY_OPEN, account, account);
    struct tally_sum open = sum_of(was);
    open.amount += amount;
    if (open.due_ms == 0)
        open.due_ms = input->time_ms + TALLY_OPEN_MS;
    change(effects, was, &open, &version);
    if (keep == ENGINE_KEEP_FULL)
        engine_effects_event(effects, "tally.added", account, version,
                             json_pack("{s:I}", "amount", (json_int_t)amount));
    return ENGINE_APPLIED;
}

static const struct engine_kind kinds[] = {
    [TALLY_OPEN] = {.name = "open"}, [TALLY_TOTAL] = {.name = "total"}};
static const char *const row_kinds[] = {[TALLY_FACT] = "fact"};

#define TALLY(which)                                                                               \
    {                                                                                              \
        .name = "tally", .kinds = kinds, .kind_count = 2, .row_kinds = row_kinds,                  \
        .row_kind_count = 1, .tick_interval_ms = TALLY_TICK_MS, .reads_copies = true,              \
        .knows = which, .read = read_body, .keys_of = keys_of, .keys_after = keys_after,           \
        .decide = decide,                                                                          \
    }
const struct engine_domain tally_domain = TALLY(new_knows), tally_domain_old = TALLY(old_knows);
