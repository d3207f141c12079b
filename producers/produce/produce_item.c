#include "produce_item.h"

#include "command_build.h"
#include "command_id.h"
#include "mr_combined.h"
#include "mr_ingest.h"
#include "mr_json.h"
#include "mr_json_scan.h"
#include "mr_random.h"

#include <stdio.h>
#include <stdlib.h>

struct produce_items {
    struct produce_items_settings set;
    const struct mr_catalog_command *command; /* of bare bodies and combined lines */
    bool has_account;
    struct mr_uuid account;
    struct mr_ingest **rules; /* by the catalogue's index; NULL where the command has no x-ingest */
    /* of one item */
    struct mr_arena arena;
    struct mr_buf body;
};

/* An item's parts. */
struct item {
    const struct mr_catalog_command *command;
    struct mr_uuid account, id, subject;
    bool has_account, has_id, has_subject;
    struct mr_slice idempotency_key; /* absent: none */
    struct mr_slice data;            /* its text, byte for byte */
};

static enum produce_verdict reject(struct mr_error *why, const char *cause)
{
    (void)mr_fail(why, MR_INVALID, "%s", cause);
    return PRODUCE_REJECTED;
}

/* ---- a command with its body ---- */

static struct mr_uuid id_of(const struct item *item, const struct produce_place *place)
{
    const char *domain = item->command->domain->name;
    if (item->idempotency_key.data)
        return mr_uuid_of_key(&item->account, domain, item->idempotency_key);
    if (place->import_key.data)
        return command_id_of_item(&item->account, domain, place->import_key, place->offset);
    return mr_random_uuid_v7();
}

static enum mr_status build(struct produce_items *items, const struct item *item,
                            const json_t *json, const struct produce_place *place,
                            struct mr_kafka_message *message, struct mr_error *why)
{
    const struct command_input input = {
        .command = item->command,
        .account = item->account,
        .id = item->id,
        .subject = item->has_subject ? &item->subject : NULL,
        .principal = mr_slice_text(PRODUCE_PRINCIPAL),
        .time_ms = place->time_ms,
        .body = item->data,
        .json = json,
    };
    return command_build(&input, &items->arena, message, why);
}

/* The body is parsed; it is redacted and written anew where its command says so. */
static enum produce_verdict take_json(struct produce_items *items, struct item *item, json_t *json,
                                      const struct produce_place *place,
                                      struct mr_kafka_message *message, struct mr_error *why)
{
    struct mr_schema_errors errors;
    bool is_kept = true;
    mr_schema_errors_init(&errors, &items->arena);
    if (mr_schema_check(item->command->schema, json, &errors) != MR_OK) {
        mr_schema_errors_text(&errors, why);
        return PRODUCE_REJECTED;
    }
    item->id = id_of(item, place);
    enum mr_status s = mr_ingest_body(items->rules[item->command->index], json, &item->id,
                                      &items->arena, &item->data, &is_kept);
    if (s == MR_OK && !is_kept)
        return PRODUCE_SAMPLED;
    if (s == MR_OK)
        s = build(items, item, json, place, message, why);
    if (s == MR_LIMIT)
        return reject(why, "it is too large");
    return s == MR_OK ? PRODUCE_SEND : PRODUCE_REJECTED;
}

static enum produce_verdict take_body(struct produce_items *items, struct item *item,
                                      const struct produce_place *place,
                                      struct mr_kafka_message *message, struct mr_error *why)
{
    json_t *json;
    if (item->data.len > items->set.body_bytes_max) {
        (void)mr_fail(why, MR_LIMIT, "the body has %zu bytes, at most %zu are taken",
                      item->data.len, items->set.body_bytes_max);
        return PRODUCE_REJECTED;
    }
    if (mr_json_parse(item->data, &json, why) != MR_OK)
        return PRODUCE_REJECTED;
    enum produce_verdict verdict = take_json(items, item, json, place, message, why);
    json_decref(json);
    return verdict;
}

/* ---- {"type", "subject"?, "account"?, "idempotency_key"?, "data"} ---- */

/* *out is a text's content; false: it is no text. */
static bool text_of(struct produce_items *items, struct mr_slice value, struct mr_slice *out)
{
    return mr_json_scan_kind(value) == MR_JSON_STRING &&
           mr_json_scan_string(value, &items->arena, out) == MR_OK;
}

static enum mr_status take_type(struct produce_items *items, struct mr_slice text,
                                struct item *item, struct mr_error *why)
{
    item->command = mr_catalog_command_of(items->set.catalog, text);
    if (!item->command)
        return mr_fail(why, MR_INVALID, "there is no command \"%.*s\"",
                       (int)(text.len < MR_CATALOG_TYPE_MAX ? text.len : MR_CATALOG_TYPE_MAX),
                       text.data);
    return MR_OK;
}

static enum mr_status take_key(struct mr_slice text, struct item *item, struct mr_error *why)
{
    if (text.len == 0 || text.len > COMMAND_KEY_BYTES_MAX)
        return mr_fail(why, MR_INVALID, "idempotency_key must have 1 to %d bytes",
                       COMMAND_KEY_BYTES_MAX);
    item->idempotency_key = text;
    return MR_OK;
}

static enum mr_status take_member(struct produce_items *items, struct mr_slice name,
                                  struct mr_slice value, struct item *item, struct mr_error *why)
{
    struct mr_slice text;
    if (mr_slice_is(name, "data")) {
        item->data = value;
        return MR_OK;
    }
    bool is_text = text_of(items, value, &text);
    if (mr_slice_is(name, "type") && is_text)
        return take_type(items, text, item, why);
    if (mr_slice_is(name, "idempotency_key") && is_text)
        return take_key(text, item, why);
    if (mr_slice_is(name, "subject")) {
        item->has_subject = true;
        if (!is_text || mr_uuid_parse(text, &item->subject) != MR_OK)
            return mr_fail(why, MR_INVALID, "subject is not a UUID");
        return MR_OK;
    }
    if (mr_slice_is(name, "account")) {
        item->has_account = true;
        if (!is_text || mr_uuid_parse(text, &item->account) != MR_OK)
            return mr_fail(why, MR_INVALID, "account is not a UUID");
        return MR_OK;
    }
    bool is_known = mr_slice_is(name, "type") || mr_slice_is(name, "idempotency_key");
    return mr_fail(why, MR_INVALID,
                   is_known ? "%.*s is not a text"
                            : "\"%.*s\" is not a member of a command: type, "
                              "subject, account, idempotency_key and data are",
                   (int)(name.len < 64 ? name.len : 64), name.data);
}

static enum mr_status read_members(struct produce_items *items, struct mr_slice object,
                                   struct item *item, struct mr_error *why)
{
    struct mr_slice name, value, plain;
    while (mr_json_scan_member(&object, &name, &value)) {
        enum mr_status s = mr_json_scan_string(name, &items->arena, &plain);
        if (s == MR_OK)
            s = take_member(items, plain, value, item, why);
        if (s != MR_OK)
            return s;
    }
    if (!item->command)
        return mr_fail(why, MR_INVALID, "type is missing");
    if (!item->data.data)
        return mr_fail(why, MR_INVALID, "data is missing");
    if (!item->has_account)
        return mr_fail(why, MR_INVALID, "there is no account: name one in the item, or by ACCOUNT");
    if (item->has_subject != item->command->has_subject)
        return mr_fail(why, MR_INVALID,
                       item->has_subject ? "%s takes no subject" : "%s needs a subject",
                       item->command->type);
    return MR_OK;
}

/* The whole is parsed strictly first, so that a name given twice is found here too. */
static enum mr_status open_wrapper(struct mr_slice text, struct mr_slice *object,
                                   struct mr_error *why)
{
    json_t *json;
    enum mr_status s = mr_json_parse(text, &json, why);
    if (s != MR_OK)
        return s;
    bool is_object = json_is_object(json);
    json_decref(json);
    if (!is_object)
        return mr_fail(why, MR_INVALID, "it is not an object with type and data");
    return mr_json_scan_check(text, object, why);
}

static enum produce_verdict read_wrapped(struct produce_items *items, struct mr_slice text,
                                         const struct produce_place *place,
                                         struct mr_kafka_message *message, struct mr_error *why)
{
    struct item item = {.account = items->account, .has_account = items->has_account};
    struct mr_slice object;
    if (open_wrapper(text, &object, why) != MR_OK ||
        read_members(items, object, &item, why) != MR_OK)
        return PRODUCE_REJECTED;
    return take_body(items, &item, place, message, why);
}

/* ---- lines of an access log ---- */

static enum produce_verdict read_combined(struct produce_items *items, struct mr_slice text,
                                          const struct produce_place *place,
                                          struct mr_kafka_message *message, struct mr_error *why)
{
    struct item item = {.command = items->command, .account = items->account};
    struct mr_logline line;
    json_t *json;
    bool is_kept;
    enum mr_status s = mr_combined_read(text, &items->arena, &line, why);
    if (s == MR_INVALID)
        return PRODUCE_REJECTED;
    if (s == MR_OK) {
        if (items->set.service)
            line.service = mr_slice_text(items->set.service);
        item.id = id_of(&item, place);
        mr_buf_reset(&items->body);
        s = mr_ingest_line(items->rules[item.command->index], &line, &item.id, &items->arena,
                           &items->body, &is_kept);
    }
    if (s != MR_OK)
        return reject(why, "it is too large");
    if (!is_kept)
        return PRODUCE_SAMPLED;
    item.data = mr_buf_all(&items->body);
    if (mr_json_parse(item.data, &json, why) != MR_OK)
        return PRODUCE_REJECTED;
    struct mr_schema_errors errors;
    mr_schema_errors_init(&errors, &items->arena);
    s = mr_schema_check(item.command->schema, json, &errors);
    if (s != MR_OK)
        mr_schema_errors_text(&errors, why);
    else
        s = build(items, &item, json, place, message, why);
    json_decref(json);
    return s == MR_OK ? PRODUCE_SEND : PRODUCE_REJECTED;
}

enum produce_verdict produce_items_read(struct produce_items *items, struct mr_slice text,
                                        const struct produce_place *place,
                                        struct mr_kafka_message *message, struct mr_error *why)
{
    mr_arena_reset(&items->arena);
    if (items->set.format == PRODUCE_COMBINED)
        return read_combined(items, text, place, message, why);
    if (!items->command)
        return read_wrapped(items, text, place, message, why);
    struct item item = {.command = items->command, .account = items->account, .data = text};
    return take_body(items, &item, place, message, why);
}

/* ---- life ---- */

/* Whether the command's x-ingest takes a wire format. */
static bool takes_format(const struct mr_catalog_command *command, const char *format)
{
    size_t i;
    const json_t *value;
    json_array_foreach (json_object_get(command->ingest, "formats"), i, value) {
        if (json_is_string(value) && strcmp(json_string_value(value), format) == 0)
            return true;
    }
    return false;
}

static enum mr_status find_command(struct produce_items *items, struct mr_error *why)
{
    const struct mr_catalog *catalog = items->set.catalog;
    const char *type = items->set.type;
    bool is_combined = items->set.format == PRODUCE_COMBINED;
    if (type)
        items->command = mr_catalog_command_of(catalog, mr_slice_text(type));
    for (size_t i = 0; !type && is_combined && i < catalog->command_count; i++)
        if (takes_format(&catalog->commands[i], "combined"))
            items->command = &catalog->commands[i];
    if (type && !items->command)
        return mr_fail(why, MR_INVALID, "TYPE: there is no command \"%s\"", type);
    if (is_combined && (!items->command || !takes_format(items->command, "combined")))
        return mr_fail(why, MR_INVALID, "FORMAT: %s is not a command that takes combined lines",
                       items->command ? items->command->type : "none");
    if (items->command && items->command->has_subject)
        return mr_fail(why, MR_INVALID,
                       "TYPE: %s needs a subject, so each item must say its type and subject",
                       items->command->type);
    if (items->command && !items->has_account)
        return mr_fail(why, MR_INVALID, "ACCOUNT is not set: the account that the items belong to");
    return MR_OK;
}

static enum mr_status compile_rules(struct produce_items *items, struct mr_error *why)
{
    const struct mr_catalog *catalog = items->set.catalog;
    enum mr_status s = MR_OK;
    for (size_t i = 0; s == MR_OK && i < catalog->command_count; i++) {
        const struct mr_catalog_command *command = &catalog->commands[i];
        char name[MR_CATALOG_TYPE_MAX + 32];
        const struct mr_ingest_settings settings = {.ingest = command->ingest,
                                                    .ingest_name = name,
                                                    .rules = items->set.rules,
                                                    .rules_name = items->set.rules_name};
        snprintf(name, sizeof name, "%s#/x-ingest", command->file);
        if (command->ingest)
            s = mr_ingest_new(&settings, &items->rules[i], why);
    }
    return s;
}

enum mr_status produce_items_new(const struct produce_items_settings *settings,
                                 struct produce_items **out, struct mr_error *why)
{
    struct produce_items *items = calloc(1, sizeof *items);
    if (!items)
        abort();
    items->set = *settings;
    items->rules = calloc(settings->catalog->command_count + 1, sizeof(struct mr_ingest *));
    if (!items->rules)
        abort();
    mr_arena_init(&items->arena, ((size_t)1 << 20) + 16 * settings->body_bytes_max);
    mr_buf_init(&items->body, settings->body_bytes_max);
    enum mr_status s = MR_OK;
    if (settings->account) {
        items->has_account = true;
        s = mr_uuid_parse(mr_slice_text(settings->account), &items->account);
        if (s != MR_OK)
            (void)mr_fail(why, s, "ACCOUNT is not a UUID");
    }
    if (s == MR_OK)
        s = find_command(items, why);
    if (s == MR_OK)
        s = compile_rules(items, why);
    if (s == MR_OK)
        *out = items;
    else
        produce_items_free(items);
    return s;
}

void produce_items_free(struct produce_items *items)
{
    if (!items)
        return;
    for (size_t i = 0; i < items->set.catalog->command_count; i++)
        mr_ingest_free(items->rules[i]);
    free(items->rules);
    mr_arena_free(&items->arena);
    mr_buf_free(&items->body);
    free(items);
}

const struct mr_catalog_domain *produce_items_domain(const struct produce_items *items)
{
    return items->command ? items->command->domain : NULL;
}
