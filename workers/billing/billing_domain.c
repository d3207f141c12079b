/* What billing gives the engine: how a command is read, which entities it touches, and which rule
 * decides it. */
#include "billing_domain.h"
#include "billing_decide.h"
#include <assert.h>

static const struct billing_rule *const rules[] = {billing_invoice_rules, billing_payment_rules};

static const struct billing_rule *rule_of(struct mr_slice type)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        for (const struct billing_rule *rule = rules[i]; rule->type; rule++)
            if (mr_slice_is(type, rule->type))
                return rule;
    return NULL;
}

static bool domain_knows(const char *type)
{
    return rule_of(mr_slice_text(type)) != NULL;
}

/* Keeps id in the body's arena, and its text; NULL: the arena is full. */
static const struct mr_uuid *keep_id(struct mr_arena *arena, const struct mr_uuid *id, char *text)
{
    struct mr_uuid *kept = mr_arena_alloc(arena, sizeof *kept);
    if (kept)
        *kept = *id;
    mr_uuid_text(id, text);
    return kept;
}

static enum mr_status domain_read(const struct mr_ce_command *ce, json_t *json,
                                  struct mr_arena *arena, const void **body)
{
    struct billing_command *cmd = mr_arena_alloc(arena, sizeof *cmd);
    if (!cmd)
        return MR_LIMIT;
    cmd->rule = rule_of(ce->type);
    assert(cmd->rule); /* the engine asks domain_knows first */
    cmd->account = ce->account;
    cmd->id = ce->id;
    cmd->json = json;
    mr_uuid_text(&cmd->id, cmd->id_text);
    strcpy(cmd->subject_text, "(none)");
    strcpy(cmd->invoice_text, "(none)");
    if (ce->has_subject && !(cmd->subject = keep_id(arena, &ce->subject, cmd->subject_text)))
        return MR_LIMIT;
    struct mr_uuid invoice;
    if (mr_uuid_parse(mr_slice_text(billing_text(cmd, "invoice")), &invoice) == MR_OK &&
        !(cmd->invoice = keep_id(arena, &invoice, cmd->invoice_text)))
        return MR_LIMIT;
    *body = cmd;
    return MR_OK;
}

static void invoice_key(const struct billing_command *cmd, const struct mr_uuid *id,
                        struct engine_keys *keys)
{
    if (id)
        engine_keys_add(keys, BILLING_INVOICE, &cmd->account, id);
}

static void domain_keys_of(const struct engine_input *input, struct engine_keys *keys)
{
    const struct billing_command *cmd = input->body;
    invoice_key(cmd, cmd->invoice, keys);
    switch (cmd->rule->creates) {
    case CREATES_NOTHING:
        invoice_key(cmd, cmd->subject, keys);
        engine_keys_add(keys, BILLING_SERIES, &cmd->account, &cmd->account);
        break;
    case CREATES_INVOICE:
        engine_keys_add(keys, BILLING_INVOICE, &cmd->account, &cmd->id);
        break;
    case CREATES_PAYMENT:
        engine_keys_add(keys, BILLING_PAYMENT, &cmd->account, &cmd->id);
        break;
    }
}

static enum engine_verdict domain_decide(const struct engine_state *engine_state,
                                         const struct engine_input *input,
                                         struct engine_effects *effects)
{
    struct billing_command cmd = *(const struct billing_command *)input->body;
    cmd.time_ms = input->time_ms;
    struct billing_state state = {.engine = engine_state, .cmd = &cmd};
    struct billing_effects out = {.engine = effects, .state = &state};
    enum engine_verdict verdict = cmd.rule->decide(&state, &cmd, &out);
    if (verdict == ENGINE_APPLIED) {
        assert(out.event_count > 0); /* each effect has its event */
        assert(!out.postings);       /* and no money moves without being told */
    }
    json_decref(out.postings);
    return verdict;
}

static const struct engine_kind kinds[BILLING_KIND_COUNT] = {
    [BILLING_INVOICE] = {.name = "invoice"},
    [BILLING_PAYMENT] = {.name = "payment"},
    [BILLING_SERIES] = {.name = "series"},
};
static const char *const row_kinds[BILLING_ROW_KIND_COUNT] = {[BILLING_POSTING] = "posting"};

const struct engine_domain billing_domain = {
    .name = "billing",
    .kinds = kinds,
    .kind_count = BILLING_KIND_COUNT,
    .row_kinds = row_kinds,
    .row_kind_count = BILLING_ROW_KIND_COUNT,
    .knows = domain_knows,
    .read = domain_read,
    .keys_of = domain_keys_of,
    .decide = domain_decide,
};
