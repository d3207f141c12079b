#include "runtime_check.h"

#include "mr_json.h"
#include <string.h>

static enum engine_body breaks(struct engine_refusal *refusal, const char *detail,
                               const char *errors)
{
    *refusal = (struct engine_refusal){
        .problem = "invalid-body",
        .detail = detail ? detail : "The body breaks its schema.",
        .errors = errors,
    };
    return ENGINE_BODY_BREAKS;
}

/* The `errors` member of a problem document. */
static const char *errors_text(const struct mr_schema_errors *errors, struct mr_arena *arena)
{
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    mr_buf_char(&buf, '[');
    for (size_t i = 0; i < errors->count; i++) {
        char *pointer = mr_arena_printf(arena, "#%s", errors->items[i].pointer);
        mr_buf_text(&buf, i ? ",{\"pointer\":" : "{\"pointer\":");
        mr_buf_json_string(&buf, mr_slice_text(pointer ? pointer : "#"));
        mr_buf_text(&buf, ",\"detail\":");
        mr_buf_json_string(&buf, mr_slice_text(errors->items[i].detail));
        mr_buf_char(&buf, '}');
    }
    mr_buf_char(&buf, ']');
    const char *text = mr_arena_dup(arena, buf.data, buf.len);
    mr_buf_free(&buf);
    return text;
}

/* A tick has no schema file: its type, and what it holds, are the same for every domain. */
static bool is_tick(const struct mr_ce_command *ce)
{
    static const char suffix[] = ".tick";
    size_t len = ce->domain.len;
    return ce->type.len == len + sizeof suffix - 1 &&
           memcmp(ce->type.data, ce->domain.data, len) == 0 &&
           memcmp(ce->type.data + len, suffix, sizeof suffix - 1) == 0;
}

static enum engine_body check_tick(const struct mr_ce_command *ce, struct mr_slice value,
                                   struct mr_arena *arena, json_t **json,
                                   struct engine_refusal *refusal)
{
    struct mr_error why;
    if (ce->tick_lane < 0)
        return ENGINE_BODY_MISROUTED; /* only a lane's owner writes ticks */
    if (mr_json_parse(value, json, &why) != MR_OK)
        return breaks(refusal, mr_arena_dup(arena, why.text, strlen(why.text)), NULL);
    if (json_object_size(*json) == 1 && json_is_integer(json_object_get(*json, "due_ms")))
        return ENGINE_BODY_GOOD;
    json_decref(*json);
    *json = NULL;
    return breaks(refusal, "A tick is {\"due_ms\": N}.", NULL);
}

static enum engine_body check(void *ctx, const struct mr_ce_command *ce, struct mr_slice key,
                              struct mr_slice value, struct mr_arena *arena, json_t **json,
                              struct engine_refusal *refusal)
{
    const struct mr_catalog_command *command = mr_catalog_command_of(ctx, ce->type);
    struct mr_schema_errors errors;
    mr_schema_errors_init(&errors, arena);
    struct mr_error why;
    if (is_tick(ce))
        return check_tick(ce, value, arena, json, refusal);
    if (!command)
        return breaks(refusal, "This worker has no schema of the command's type.", NULL);
    bool by_body = command->key == MR_KEY_ACCOUNT_AND;
    if (!by_body && !mr_catalog_key_fits(command, &ce->account, &ce->id, NULL, key))
        return ENGINE_BODY_MISROUTED;
    json_t *body = NULL;
    if (mr_json_parse(value, &body, &why) != MR_OK)
        return breaks(refusal, mr_arena_dup(arena, why.text, strlen(why.text)), NULL);
    if (mr_schema_check(command->schema, body, &errors) != MR_OK) {
        json_decref(body);
        return breaks(refusal, NULL, errors_text(&errors, arena));
    }
    if (by_body && !mr_catalog_key_fits(command, &ce->account, &ce->id, body, key)) {
        json_decref(body);
        return ENGINE_BODY_MISROUTED;
    }
    *json = body;
    return ENGINE_BODY_GOOD;
}

static enum engine_keep keep(void *ctx, const struct mr_ce_command *ce)
{
    const struct mr_catalog_command *command = mr_catalog_command_of(ctx, ce->type);
    if (is_tick(ce))
        return ENGINE_KEEP_ID;
    if (!command)
        return ENGINE_KEEP_FULL;
    switch (command->record) {
    case MR_RECORD_ID:
        return ENGINE_KEEP_ID;
    case MR_RECORD_NONE:
        return ENGINE_KEEP_FACT;
    case MR_RECORD_FULL:
        break;
    }
    return ENGINE_KEEP_FULL;
}

static bool declares(void *ctx, const struct mr_ce_command *ce, const char *problem)
{
    const struct mr_catalog_command *command = mr_catalog_command_of(ctx, ce->type);
    static const char *const own[] = {"invalid-body", "already-exists", "event-too-large",
                                      "dropped"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(problem, own[i]) == 0)
            return true;
    return command && mr_catalog_refusal_of(command, mr_slice_text(problem));
}

struct engine_checker runtime_checker(const struct mr_catalog *catalog)
{
    return (struct engine_checker){
        .ctx = (void *)catalog, .check = check, .keep = keep, .declares = declares};
}
