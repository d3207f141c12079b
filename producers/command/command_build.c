/* From a checked request to the record that goes into the log. */
#include "command_build.h"

#include "mr_cloudevent.h"

/* Most keys are an id alone: of a flood of log lines each has its own. */
static enum mr_status uuid_key(const struct mr_uuid *id, struct mr_arena *arena,
                               struct mr_slice *key)
{
    char *text = mr_arena_alloc(arena, MR_UUID_TEXT + 1);
    if (!text)
        return MR_LIMIT;
    *key = mr_slice(mr_uuid_text(id, text), MR_UUID_TEXT);
    return MR_OK;
}

static enum mr_status built_key(const struct command_input *input, struct mr_arena *arena,
                                struct mr_slice *key)
{
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    enum mr_status s =
        mr_catalog_key_of(input->command, &input->account, &input->id, input->json, &buf);
    if (s == MR_OK) {
        *key = mr_arena_slice(arena, mr_buf_all(&buf));
        s = key->data ? MR_OK : MR_LIMIT;
    }
    mr_buf_free(&buf);
    return s;
}

static enum mr_status key_of(const struct command_input *input, struct mr_arena *arena,
                             struct mr_slice *key, struct mr_error *why)
{
    const struct mr_catalog_command *command = input->command;
    enum mr_status s = command->key == MR_KEY_ID        ? uuid_key(&input->id, arena, key)
                       : command->key == MR_KEY_ACCOUNT ? uuid_key(&input->account, arena, key)
                                                        : built_key(input, arena, key);
    if (s == MR_LIMIT)
        return mr_fail(why, s, "%s: no room for its key", command->type);
    if (s != MR_OK)
        return mr_fail(why, s, "%s: the body has no text where its key should be", command->type);
    return MR_OK;
}

static struct mr_slice present(struct mr_slice s)
{
    return s.len > 0 ? s : mr_slice(NULL, 0);
}

enum mr_status command_build(const struct command_input *input, struct mr_arena *arena,
                             struct mr_kafka_message *out, struct mr_error *why)
{
    const struct mr_catalog_command *command = input->command;
    if (command->has_subject && !input->subject)
        return mr_fail(why, MR_INVALID, "%s: needs a subject", command->type);
    struct mr_slice key;
    enum mr_status s = key_of(input, arena, &key, why);
    if (s != MR_OK)
        return s;
    struct mr_ce_command ce = {
        .id = input->id,
        .account = input->account,
        .subject = input->subject ? *input->subject : input->id,
        .has_subject = true,
        .tick_lane = -1,
        .time_ms = input->time_ms,
        .domain = mr_slice_text(command->domain->name),
        .principal = input->principal,
        .type = mr_slice_text(command->type),
        .traceparent = present(input->traceparent),
        .tracestate = present(input->tracestate),
    };
    struct mr_ce_headers headers;
    s = mr_ce_command_build(&ce, arena, &headers);
    if (s == MR_LIMIT)
        return mr_fail(why, s, "%s: no room for its headers", command->type);
    if (s != MR_OK)
        return mr_fail(why, s, "%s: its type, principal or trace cannot be a header",
                       command->type);
    *out = (struct mr_kafka_message){
        .topic = command->topic,
        .partition = MR_KAFKA_BY_KEY,
        .key = key,
        .value = input->body,
        .headers = headers,
    };
    return MR_OK;
}
