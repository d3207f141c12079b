/* A template's messages are those of command_build. */
#include "command_template.h"

#include "command_build.h"
#include "mr_catalog_folder.h"

#include <criterion/criterion.h>

static struct mr_uuid uuid(const char *text)
{
    struct mr_uuid id;
    cr_assert_eq(mr_uuid_parse(mr_slice_text(text), &id), MR_OK);
    return id;
}

static struct mr_catalog *catalog_read(void)
{
    struct mr_catalog *catalog;
    struct mr_error why;
    cr_assert_eq(mr_catalog_folder_read(SCHEMAS, &catalog, &why), MR_OK, "%s", why.text);
    return catalog;
}

Test(command_template, given_two_ids_and_times_then_each_is_what_build_makes)
{
    struct mr_catalog *catalog = catalog_read();
    const struct mr_catalog_command *line =
        mr_catalog_command_of(catalog, mr_slice_text("logging.line"));
    struct mr_uuid account = uuid("3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10");
    struct mr_uuid ids[] = {uuid("82060302-fb8f-5b12-bde9-313a9326ddf7"),
                            uuid("0190a5f0-0000-7000-8000-000000000001")};
    struct command_template t;
    struct mr_arena arena;
    mr_arena_init(&arena, 65536);
    cr_assert_eq(command_template_init(&t, line, &account, "somebody", NULL), MR_OK);
    for (size_t i = 0; i < 2; i++) {
        struct command_input input = {.command = line,
                                      .account = account,
                                      .id = ids[i],
                                      .principal = mr_slice_text("somebody"),
                                      .time_ms = 1700000000123 + (int64_t)i,
                                      .body = mr_slice_text("{\"body\":\"a\"}")};
        struct mr_kafka_message want, got;
        cr_assert_eq(command_build(&input, &arena, &want, NULL), MR_OK);
        command_template_fill(&t, &ids[i], input.time_ms, input.body, &got);
        cr_assert_str_eq(got.topic, want.topic);
        cr_assert_eq(got.partition, want.partition);
        cr_assert(mr_slice_equal(got.key, want.key));
        cr_assert(mr_slice_equal(got.value, want.value));
        cr_assert_eq(got.headers.count, want.headers.count);
        for (size_t h = 0; h < got.headers.count; h++) {
            cr_assert(mr_slice_equal(got.headers.items[h].name, want.headers.items[h].name));
            cr_assert(mr_slice_equal(got.headers.items[h].value, want.headers.items[h].value));
        }
    }
    command_template_free(&t);
    mr_arena_free(&arena);
    mr_catalog_free(catalog);
}

Test(command_template, given_a_command_whose_key_lies_in_its_body_then_refused)
{
    struct mr_catalog *catalog = catalog_read();
    struct mr_uuid account = uuid("3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10");
    struct command_template t;
    struct mr_error why;
    cr_assert_eq(
        command_template_init(&t, mr_catalog_command_of(catalog, mr_slice_text("reporting.sample")),
                              &account, "somebody", &why),
        MR_INVALID);
    cr_assert_not_null(strstr(why.text, "reporting.sample"));
    mr_catalog_free(catalog);
}
