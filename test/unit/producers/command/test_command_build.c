/* From a command of the catalogue to a record. */
#include "command_build.h"

#include "mr_cloudevent.h"

#include <criterion/criterion.h>

#define ACCOUNT "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define ID      "82060302-fb8f-5b12-bde9-313a9326ddf7"
#define SUBJECT "0190a5f0-0000-7000-8000-000000000001"
#define TRACE   "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static const char create[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Create\","
    "\"x-command\":{\"type\":\"billing.invoice.create\","
    "\"route\":\"POST /v1/accounts/{account}/invoices\",\"scope\":\"billing:write\"},"
    "\"type\":\"object\"}";
static const char finalize[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"Finalize\","
    "\"x-command\":{\"type\":\"billing.invoice.finalize\","
    "\"route\":\"POST /v1/accounts/{account}/invoices/{subject}/finalize\","
    "\"scope\":\"billing:write\"},\"type\":\"object\"}";

/* The blocks are checked where the catalogue is tested. */
static const char meta[] = "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                           "\"type\":\"object\"}";

static struct mr_catalog *catalog;
static struct mr_arena arena;

static struct mr_uuid uuid(const char *text)
{
    struct mr_uuid id;
    cr_assert_eq(mr_uuid_parse(mr_slice_text(text), &id), MR_OK);
    return id;
}

static struct command_input input_of(const char *type)
{
    struct mr_error why;
    struct mr_catalog_file files[] = {
        {.path = "billing/invoice.create.json", .text = mr_slice_text(create)},
        {.path = "billing/invoice.finalize.json", .text = mr_slice_text(finalize)},
        {.path = "meta/x-command.json", .text = mr_slice_text(meta)},
        {.path = "meta/x-event.json", .text = mr_slice_text(meta)},
        {.path = "meta/x-resource.json", .text = mr_slice_text(meta)},
        {.path = "meta/x-warehouse.json", .text = mr_slice_text(meta)},
        {.path = "meta/x-columns.json", .text = mr_slice_text(meta)},
        {.path = "meta/x-ingest.json", .text = mr_slice_text(meta)},
    };
    cr_assert_eq(mr_catalog_build(files, sizeof files / sizeof *files, &catalog, &why), MR_OK, "%s",
                 why.text);
    mr_arena_init(&arena, 65536);
    return (struct command_input){
        .command = mr_catalog_command_of(catalog, mr_slice_text(type)),
        .account = uuid(ACCOUNT),
        .id = uuid(ID),
        .principal = mr_slice_text("key-1"),
        .time_ms = 1,
        .body = mr_slice_text("{ \"a\" : 1 }"),
    };
}

static void close_all(void)
{
    mr_arena_free(&arena);
    mr_catalog_free(catalog);
}

static struct mr_slice header(const struct mr_kafka_message *m, const char *name)
{
    return mr_ce_header_find(&m->headers, name);
}

Test(command_build, given_a_creation_then_the_subject_is_the_commands_id)
{
    struct mr_error why;
    struct mr_kafka_message m;
    struct command_input input = input_of("billing.invoice.create");
    input.traceparent = mr_slice_text(TRACE);
    cr_assert_eq(command_build(&input, &arena, &m, &why), MR_OK, "%s", why.text);
    cr_expect_str_eq(m.topic, "billing.commands");
    cr_expect_eq(m.partition, MR_KAFKA_BY_KEY);
    cr_expect(mr_slice_is(m.key, ACCOUNT));
    cr_expect(mr_slice_is(m.value, "{ \"a\" : 1 }"), "byte for byte");
    cr_expect(mr_slice_is(header(&m, "ce_id"), ID));
    cr_expect(mr_slice_is(header(&m, "ce_type"), "billing.invoice.create"));
    cr_expect(mr_slice_is(header(&m, "ce_source"), "/millrace/billing/accounts/" ACCOUNT));
    cr_expect(mr_slice_is(header(&m, "ce_subject"), ID));
    cr_expect(mr_slice_is(header(&m, "ce_account"), ACCOUNT));
    cr_expect(mr_slice_is(header(&m, "ce_principal"), "key-1"));
    cr_expect(mr_slice_is(header(&m, "ce_time"), "1970-01-01T00:00:00.001Z"));
    cr_expect(mr_slice_is(header(&m, "traceparent"), TRACE));
    cr_expect_null(header(&m, "tracestate").data);
    struct mr_ce_command read;
    const char *cause = NULL;
    cr_expect_eq(mr_ce_command_read(&m.headers, mr_slice_text("billing"), &read, &cause), MR_OK,
                 "%s", cause);
    close_all();
}

Test(command_build, given_a_subject_then_it_is_a_header_and_without_one_is_refused)
{
    struct mr_error why;
    struct mr_kafka_message m;
    struct command_input input = input_of("billing.invoice.finalize");
    cr_assert_eq(command_build(&input, &arena, &m, &why), MR_INVALID);
    cr_expect_str_eq(why.text, "billing.invoice.finalize: needs a subject");
    struct mr_uuid subject = uuid(SUBJECT);
    input.subject = &subject;
    cr_assert_eq(command_build(&input, &arena, &m, &why), MR_OK, "%s", why.text);
    cr_expect(mr_slice_is(header(&m, "ce_subject"), SUBJECT));
    close_all();
}

Test(command_build, given_no_room_then_says_so)
{
    struct mr_error why;
    struct mr_kafka_message m;
    struct command_input input = input_of("billing.invoice.create");
    struct mr_arena small;
    mr_arena_init(&small, 16);
    cr_expect_eq(command_build(&input, &small, &m, &why), MR_LIMIT);
    mr_arena_free(&small);
    close_all();
}
