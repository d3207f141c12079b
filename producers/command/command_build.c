/* From a checked request to the record that goes into the log. */
#include "command_build.h"

#include "mr_cloudevent.h"

static enum mr_status key_of(const struct command_input *input, struct mr_arena *arena,
                             struct mr_slice *key, struct mr_error *why)
{
    const struct mr_catalog_command *command = input->command;
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    enum mr_status s = mr_catalog_key_of(command, &input->account, &input->id, input->json, &buf);
    if (s == MR_OK) {
        *key = mr_arena_slice(arena, mr_buf_all(&buf));
        if (!key->data)
            s = mr_fail(why, MR_LIMIT, "%s: no room for its key", command->type);
    } else {
        s = mr_fail(why, s, "%s: the body has no text where its key should be", command->type);
    }
    mr_buf_free(&buf);
    return s;
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
