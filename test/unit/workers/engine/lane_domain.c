/* The domain of the lane engine's world, and what is known of its types. */
#include "lane_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct body {
    json_int_t add, events, event_bytes, keys, grow, size, due_ms, sums;
    const char *refuse;
};

struct sum {
    int64_t value;
    char pad[];
};

static bool deployed;

void lane_deploy(bool now)
{
    deployed = now;
}

static bool is(const struct mr_ce_command *ce, const char *type)
{
    return mr_slice_is(ce->type, type);
}

static bool knows(const char *type)
{
    static const char *const types[] = {"test.add", "test.count", "test.line", "test.tick"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return deployed && strncmp(type, "test.new", 8) == 0;
}

bool lane_knows_nothing(const char *type)
{
    (void)type;
    return false;
}

static enum engine_keep keep(void *ctx, const struct mr_ce_command *ce)
{
    (void)ctx;
    if (is(ce, "test.count") || is(ce, "test.new_count") || is(ce, "test.tick"))
        return ENGINE_KEEP_ID;
    return is(ce, "test.line") || is(ce, "test.new_line") ? ENGINE_KEEP_FACT : ENGINE_KEEP_FULL;
}

static enum mr_status read_body(const struct mr_ce_command *ce, json_t *json,
                                struct mr_arena *arena, const void **body)
{
    struct body *b = mr_arena_alloc(arena, sizeof *b);
    (void)ce;
    cr_assert(b);
    b->events = 1;
    json_unpack(json, "{s?I, s?I, s?I, s?I, s?I, s?I, s?I, s?I, s?s}", "add", &b->add, "events",
                &b->events, "event_bytes", &b->event_bytes, "keys", &b->keys, "grow", &b->grow,
                "size", &b->size, "due_ms", &b->due_ms, "sums", &b->sums, "refuse", &b->refuse);
    *body = b;
    return MR_OK;
}

static void keys_of(const struct engine_input *input, struct engine_keys *keys)
{
    const struct body *b = input->body;
    cr_assert_eq(input->lane, input->ce->tick_lane >= 0 ? input->ce->tick_lane : input->lane);
    if (input->ce->tick_lane >= 0) {
        engine_keys_add_due(keys, LANE_PART);
        engine_keys_add_due(keys, LANE_PART);
        return;
    }
    if (keep(NULL, input->ce) == ENGINE_KEEP_FACT)
        return;
    engine_keys_add(keys, LANE_SUM, &input->ce->account, &input->ce->account);
    if (b->due_ms)
        engine_keys_add(keys, LANE_PART, &input->ce->account, &input->ce->id);
    for (int64_t i = 0; i < b->keys; i++) {
        struct mr_uuid other = {.bytes = {1}};
        memcpy(other.bytes + 8, &i, sizeof i);
        engine_keys_add(keys, LANE_SUM, &input->ce->account, &other);
    }
}

/* What is due is added to its account's sum. */
static void keys_after(const struct engine_state *state, const struct engine_input *input,
                       struct engine_keys *keys)
{
    const struct body *b = input->body;
    const struct engine_entity *e = NULL;
    while ((e = engine_state_due(state, LANE_PART, e)))
        engine_keys_add(keys, LANE_SUM, &e->key.account, &e->key.account);
    for (int64_t i = 0; i < b->sums; i++) {
        struct mr_uuid other = {.bytes = {2}};
        memcpy(other.bytes + 8, &i, sizeof i);
        engine_keys_add(keys, LANE_SUM, &other, &other);
    }
}

static int64_t value_of(const struct engine_entity *sum)
{
    return sum->bytes ? ((const struct sum *)sum->bytes)->value : 0;
}

static enum engine_verdict tick(const struct engine_state *state, const struct engine_input *input,
                                struct engine_effects *effects)
{
    const struct body *b = input->body;
    const struct engine_entity *e = NULL;
    if (b->refuse)
        return engine_effects_refuse(effects, b->refuse, "The body asks for it.");
    while ((e = engine_state_due(state, LANE_PART, e))) {
        const struct lane_part *was = e->bytes;
        const struct engine_entity *sum =
            engine_effects_get(effects, LANE_SUM, &e->key.account, &e->key.account);
        int64_t version, value = value_of(sum) + was->value;
        struct sum *to = engine_effects_change(effects, sum, NULL, sizeof *to, &version);
        to->value = value;
        struct lane_part *part =
            engine_effects_change(effects, e, e->bytes, sizeof *part, &version);
        part->due_ms = 0;
        cr_assert_eq(((const struct lane_part *)engine_effects_get(effects, LANE_PART,
                                                                   &e->key.account, &e->key.id)
                          ->bytes)
                         ->due_ms,
                     0);
        engine_effects_event_of(effects, "test.closed", &e->key, version,
                                json_pack("{s:I}", "value", (json_int_t)was->value));
    }
    return ENGINE_APPLIED;
}

static void add_part(const struct engine_state *state, const struct engine_input *input,
                     struct engine_effects *effects)
{
    const struct body *b = input->body;
    struct lane_part *part = engine_effects_change(
        effects, engine_state_get(state, LANE_PART, &input->ce->account, &input->ce->id), NULL,
        sizeof *part, NULL);
    *part = (struct lane_part){.due_ms = LANE_FIRST_MS + b->due_ms, .value = b->add};
}

static enum engine_verdict fact(const struct body *b, struct engine_effects *effects)
{
    int64_t value = b->add;
    engine_effects_row(effects, LANE_FACT, &value, sizeof value);
    return b->refuse ? engine_effects_refuse(effects, b->refuse, "The body asks for it.")
                     : ENGINE_APPLIED;
}

static enum engine_verdict decide(const struct engine_state *state,
                                  const struct engine_input *input, struct engine_effects *effects)
{
    const struct body *b = input->body;
    const struct mr_uuid *account = &input->ce->account;
    if (input->ce->tick_lane >= 0)
        return tick(state, input, effects);
    if (keep(NULL, input->ce) == ENGINE_KEEP_FACT)
        return fact(b, effects);
    const struct engine_entity *was = engine_state_get(state, LANE_SUM, account, account);
    int64_t version, value = value_of(was) + (b->due_ms ? 0 : b->add);
    struct sum *sum =
        engine_effects_change(effects, was, NULL, sizeof *sum + (size_t)b->size, &version);
    sum->value = value;
    if (b->due_ms)
        add_part(state, input, effects);
    engine_effects_row(effects, LANE_LINE, &value, sizeof value);
    if (b->grow)
        engine_effects_alloc(effects, (size_t)b->grow);
    if (b->refuse)
        return engine_effects_refuse(effects, b->refuse, "The body asks for it.");
    char *pad = engine_effects_alloc(effects, (size_t)b->event_bytes + 1);
    memset(pad, 'x', (size_t)b->event_bytes);
    for (int64_t i = 0; i < b->events; i++)
        engine_effects_event(effects, "test.added", account, version,
                             json_pack("{s:I, s:s}", "sum", (json_int_t)value, "pad", pad));
    return ENGINE_APPLIED;
}

static const struct engine_kind kinds[] = {
    [LANE_SUM] = {.name = "sum"}, [LANE_PART] = {.name = "part"}};
static const char *const row_kinds[] = {[LANE_LINE] = "line", [LANE_FACT] = "fact"};
const struct engine_domain lane_domain = {
    .name = "test",
    .kinds = kinds,
    .kind_count = 2,
    .row_kinds = row_kinds,
    .row_kind_count = 2,
    .knows = knows,
    .read = read_body,
    .keys_of = keys_of,
    .keys_after = keys_after,
    .decide = decide,
};

/* ---- the checker ---- */

#define TEN "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9" /* of two bytes each */

static enum engine_body check_body(void *ctx, const struct mr_ce_command *ce, struct mr_slice key,
                                   struct mr_slice value, struct mr_arena *arena, json_t **json,
                                   struct engine_refusal *refusal)
{
    char account[MR_UUID_TEXT + 1];
    (void)ctx;
    if (ce->tick_lane < 0 && !mr_slice_is(key, mr_uuid_text(&ce->account, account)))
        return ENGINE_BODY_MISROUTED;
    *json = json_loadb(value.data, value.len, 0, NULL);
    if (*json)
        return ENGINE_BODY_GOOD;
    *refusal = (struct engine_refusal){.problem = "invalid-body", .detail = "It is no JSON."};
    if (mr_slice_is(value, "{x"))
        refusal->errors = "[{\"pointer\":\"#/add\",\"detail\":\"is no number\"},"
                          "{\"pointer\":\"#/b\",\"detail\":\"is too much\"}]";
    if (mr_slice_is(value, "{long"))
        refusal->errors = mr_arena_printf(
            arena,
            "[{\"pointer\":\"#/\",\"detail\":\"" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "\"}]");
    return ENGINE_BODY_BREAKS;
}

static bool declares(void *ctx, const struct mr_ce_command *ce, const char *problem)
{
    (void)ctx, (void)ce;
    return strcmp(problem, "undeclared") != 0;
}

const struct engine_checker lane_checker = {
    .check = check_body, .keep = keep, .declares = declares};

int64_t lane_sum(const struct lane_world *w, int32_t lane, int who)
{
    for (int i = 0; i < w->entity_count; i++)
        if (w->entities[i].key.kind == LANE_SUM &&
            mr_uuid_equal(&w->entities[i].key.id, &w->accounts[lane][who]))
            return value_of(&w->entities[i]);
    return 0;
}
