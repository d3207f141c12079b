#include "command_template.h"

#include "command_build.h"

#include <assert.h>

#define ARENA_BYTES 8192

/* Lets a header's value be ours, to be written for each command. */
static void patch(struct command_template *t, const char *name, const char *value, size_t len)
{
    for (size_t i = 0; i < t->header_count; i++) {
        if (!mr_slice_is(t->headers[i].name, name))
            continue;
        assert(t->headers[i].value.len == len);
        t->headers[i].value = mr_slice(value, len);
        return;
    }
    assert(!"a header that every command has");
}

enum mr_status command_template_init(struct command_template *t,
                                     const struct mr_catalog_command *command,
                                     const struct mr_uuid *account, const char *principal,
                                     struct mr_error *why)
{
    struct mr_kafka_message message;
    *t = (struct command_template){.command = command};
    if (command->has_subject || command->key == MR_KEY_ACCOUNT_AND)
        return mr_fail(why, MR_INVALID, "%s: its subject or key is not its id", command->type);
    mr_arena_init(&t->arena, ARENA_BYTES);
    struct command_input input = {
        .command = command,
        .account = *account,
        .principal = mr_slice_text(mr_arena_dup(&t->arena, principal, strlen(principal))),
        .body = mr_slice_text("{}"),
    };
    enum mr_status s = command_build(&input, &t->arena, &message, why);
    if (s != MR_OK) {
        mr_arena_free(&t->arena);
        return s;
    }
    t->header_count = message.headers.count;
    memcpy(t->headers, message.headers.items, t->header_count * sizeof *t->headers);
    message.value.len = 0;
    t->bytes = mr_kafka_message_bytes(&message);
    mr_uuid_text(account, t->account);
    mr_time_text(0, t->time);
    patch(t, "ce_id", t->id, MR_UUID_TEXT);
    patch(t, "ce_subject", t->id, MR_UUID_TEXT);
    patch(t, "ce_time", t->time, MR_TIME_TEXT);
    return MR_OK;
}

void command_template_free(struct command_template *t)
{
    mr_arena_free(&t->arena);
}

void command_template_fill(struct command_template *t, const struct mr_uuid *id, int64_t time_ms,
                           struct mr_slice body, struct mr_kafka_message *out)
{
    mr_uuid_text(id, t->id);
    if (time_ms != t->time_ms) {
        mr_time_text(time_ms, t->time);
        t->time_ms = time_ms;
    }
    *out = (struct mr_kafka_message){
        .topic = t->command->topic,
        .partition = MR_KAFKA_BY_KEY,
        .key = mr_slice(t->command->key == MR_KEY_ID ? t->id : t->account, MR_UUID_TEXT),
        .value = body,
        .headers = {.items = t->headers, .count = t->header_count},
    };
}
