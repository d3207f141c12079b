/* What the first domain does not use yet: facts, keys, batches, functions with parameters. */
#include "catalog_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char fact[] =
    "{\"title\":\"A log "
    "line\",\"x-command\":{\"type\":\"logging.line.add\",\"scope\":\"logging:write\","
    "\"route\":\"POST /v1/accounts/{account}/logs\",\"record\":\"none\",\"key\":\"id\","
    "\"body\":\"batch\",\"topic\":\"logging.lines\",\"success\":200},"
    "\"x-ingest\":{\"redact\":{\"names\":[\"password\"]},\"formats\":[\"gelf\"]},"
    "\"x-warehouse\":[{\"table\":\"log_lines\",\"columns\":["
    "{\"name\":\"message\",\"type\":\"VARCHAR(8)\",\"pointer\":\"/message\",\"cut\":true}]}],"
    "\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"}}}";
static const char sample[] =
    "{\"title\":\"A "
    "sample\",\"x-command\":{\"type\":\"logging.sample.add\",\"scope\":\"logging:write\","
    "\"route\":\"POST /samples\",\"record\":\"id\",\"key\":\"/metric\"},"
    "\"type\":\"object\",\"properties\":{\"metric\":{\"type\":\"string\"}},\"required\":["
    "\"metric\"]}";
static const char search[] =
    "{\"title\":\"Lines\",\"x-resource\":{\"type\":\"logging.lines\",\"scope\":\"logging:read\","
    "\"list\":\"GET /v1/accounts/{account}/logs\",\"function\":\"logging.search\","
    "\"cache_control\":\"private, max-age=5\",\"parameters\":["
    "{\"name\":\"text\",\"type\":\"text\",\"max_length\":4,\"required\":true},"
    "{\"name\":\"days\",\"type\":\"integer\",\"minimum\":1,\"maximum\":30,\"default\":\"7\"},"
    "{\"name\":\"since\",\"type\":\"time\"},{\"name\":\"day\",\"type\":\"date\"},"
    "{\"name\":\"all\",\"type\":\"boolean\"},{\"name\":\"line\",\"type\":\"uuid\"},"
    "{\"name\":\"level\",\"type\":\"text\",\"values\":[\"info\",\"error\"]},"
    "{\"name\":\"with\",\"type\":\"map\",\"max_length\":3}],"
    "\"orders\":[{\"column\":\"rank\",\"type\":\"integer\"},"
    "{\"column\":\"created_at\",\"type\":\"time\",\"descending\":true}]}}";

static const char report[] =
    "{\"title\":\"Report\",\"x-resource\":{\"type\":\"logging.report\",\"scope\":\"logging:read\","
    "\"list\":\"GET /v1/accounts/{account}/reports/{metric}\",\"function\":\"logging.report\","
    "\"paged\":true,\"limit\":{\"default\":500,\"maximum\":2000},"
    "\"parameters\":[{\"name\":\"since\",\"type\":\"time\"},"
    "{\"name\":\"metric\",\"type\":\"text\",\"required\":true}],"
    "\"orders\":[{\"column\":\"minute\",\"type\":\"time\"}]}}";

static struct mr_catalog *catalog_with_logging(void)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "logging/line.add.json", fact);
    folder_put(&folder, "logging/sample.add.json", sample);
    folder_put(&folder, "logging/lines.json", search);
    folder_put(&folder, "logging/report.json", report);
    folder_put(&folder, "shared/defs.json", "{\"$defs\":{\"x\":{}}}");
    folder_put(&folder, "logging/README.md", "not a schema");
    struct mr_catalog *c = folder_build(folder, &why);
    cr_assert_not_null(c, "%s", why.text);
    return c;
}

Test(catalog_facts, given_a_fact_then_it_has_its_own_topic_and_feeds)
{
    struct mr_catalog *c = catalog_with_logging();
    const struct mr_catalog_command *line =
        mr_catalog_command_of(c, mr_slice_text("logging.line.add"));
    cr_assert_eq(c->domain_count, 2); /* a folder of definitions is none */
    cr_assert_eq(line->domain, &c->domains[1]);
    cr_assert_eq(c->domains[1].commands, line);
    cr_assert_eq(c->domains[1].command_count, 2);
    cr_assert_eq(line->record, MR_RECORD_NONE);
    cr_assert(line->batch);
    cr_assert_eq(line->success, 200);
    cr_assert_str_eq(line->topic, "logging.lines");
    cr_assert_not_null(line->ingest);
    cr_assert_eq(line->feed_count, 1);
    cr_assert_str_eq(line->feeds[0].table->name, "log_lines");
    cr_assert_str_eq(line->feeds[0].table->columns[MR_FIXED_COUNT + 1].name, "message_bytes");
    cr_assert(line->feeds[0].table->facts);
    cr_assert_str_eq(line->feeds[0].table->columns[MR_FIXED_SEQUENCE].comment,
                     "Offset of the fact in its lane's log");
    cr_assert_not(mr_catalog_table_of(c, "invoice_events")->facts);
    cr_assert_eq(mr_catalog_format_of(c, "gelf"), line);
    cr_assert_null(mr_catalog_format_of(c, "otlp"));
    cr_assert_not(mr_catalog_command_of(c, mr_slice_text("logging.sample.add"))->has_account);
    mr_catalog_free(c);
}

static void expect_key(const struct mr_catalog *c, const char *type, const char *body,
                       const char *want)
{
    struct mr_uuid account = {{1}}, id = {{2}};
    struct mr_buf key;
    mr_buf_init(&key, 0);
    json_t *json = json_of(body);
    enum mr_status s =
        mr_catalog_key_of(mr_catalog_command_of(c, mr_slice_text(type)), &account, &id, json, &key);
    cr_expect_eq(s, want ? MR_OK : MR_INVALID, "%s", type);
    if (want)
        cr_expect(mr_slice_is(mr_buf_all(&key), want), "%s: %.*s", type,
                  MR_SLICE_FMT(mr_buf_all(&key)));
    json_decref(json);
    mr_buf_free(&key);
}

Test(catalog_facts, given_a_key_that_is_declared_then_the_record_key_follows_it)
{
    struct mr_catalog *c = catalog_with_logging();
    expect_key(c, "billing.invoice.create", "{}", "01000000-0000-0000-0000-000000000000");
    expect_key(c, "logging.line.add", "{}", "02000000-0000-0000-0000-000000000000");
    expect_key(c, "logging.sample.add", "{'metric':'cpu'}",
               "01000000-0000-0000-0000-000000000000\ncpu");
    expect_key(c, "logging.sample.add", "{'metric':1}", NULL);
    expect_key(c, "logging.sample.add", "{}", NULL);
    mr_catalog_free(c);
}

static const struct {
    const char *name, *text, *want; /* NULL: fits */
} values[] = {
    {"text", "ab\xc3\xa9z", NULL},
    {"text", "abcde", "text must have at most 4 characters"},
    {"text", "\xff", "text must be UTF-8 without NUL"},
    {"days", "30", NULL},
    {"days", "0", "days must be at least 1"},
    {"days", "31", "days must be at most 30"},
    {"days", "-", "days must be an integer"},
    {"days", "", "days must be an integer"},
    {"days", "1.0", "days must be an integer"},
    {"days", "9223372036854775808", "days must be an integer"},
    {"days", "-9223372036854775808", "days must be at least 1"},
    {"since", "2026-11-25T08:39:03Z", NULL},
    {"since", "2026-11-25", "since must be a time such as 2026-11-25T08:39:03Z"},
    {"since", "0000-01-01T00:00:00Z", "since must be a time such as 2026-11-25T08:39:03Z"},
    {"day", "2026-11-25", NULL},
    {"day", "2026-02-29", "day must be a date such as 2026-11-25"},
    {"all", "true", NULL},
    {"all", "1", "all must be true or false"},
    {"line", "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10", NULL},
    {"line", "3f0d", "line must be a UUID"},
    {"level", "info", NULL},
    {"level", "debug", "level must be one of info, error"},
    {"with", "x", "with is given by its members, as with.name=value"},
};

Test(catalog_facts, given_query_values_then_only_what_sql_can_read_passes)
{
    struct mr_catalog *c = catalog_with_logging();
    const struct mr_catalog_resource *r = mr_catalog_resource_of(c, mr_slice_text("logging.lines"));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct mr_error why = {0};
        const struct mr_catalog_parameter *p =
            mr_catalog_parameter_of(r, mr_slice_text(values[i].name));
        enum mr_status s = mr_catalog_parameter_check(p, mr_slice_text(values[i].text), &why);
        cr_expect_eq(s, values[i].want ? MR_INVALID : MR_OK, "%s=%s", values[i].name,
                     values[i].text);
        cr_expect_str_eq(why.text, values[i].want ? values[i].want : "");
    }
    cr_assert(r->parameters[0].required);
    cr_assert_str_eq(r->parameters[1].fallback, "7");
    cr_assert_str_eq(r->function, "logging.search");
    cr_assert_null(r->item.path);
    cr_assert_eq(r->order_count, 2);
    cr_assert_str_eq(r->orders[0].sql_type, "bigint");
    cr_assert_str_eq(r->cache_control, "private, max-age=5");
    mr_catalog_free(c);
}

static const struct {
    const char *name, *text, *want; /* NULL: fits */
} members[] = {
    {"with.a", "", NULL},
    {"with.http.method", "\xc3\xa9\xc3\xa9\xc3\xa9", NULL},
    {"with..", "a b", NULL},
    {"with.", "x", "with.name=value must have a name of 1 to 128 characters"},
    {"with.a", "abcd", "with must have values of at most 3 characters"},
    {"with.a", "\xff", "with must have names and values of UTF-8 without NUL"},
    {"with.\xc3", "a", "with must have names and values of UTF-8 without NUL"},
};

Test(catalog_facts, given_members_of_a_map_then_name_and_value_are_checked)
{
    struct mr_catalog *c = catalog_with_logging();
    const struct mr_catalog_resource *r = mr_catalog_resource_of(c, mr_slice_text("logging.lines"));
    struct mr_slice member;
    char longest[5 + 2 * MR_CATALOG_MAP_NAME_MAX + 3] = "with.";
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        struct mr_error why = {0};
        const struct mr_catalog_parameter *p =
            mr_catalog_map_of(r, mr_slice_text(members[i].name), &member);
        cr_assert_eq(p, mr_catalog_parameter_of(r, mr_slice_text("with")));
        cr_assert(mr_slice_is(member, members[i].name + 5));
        enum mr_status s = mr_catalog_map_check(p, member, mr_slice_text(members[i].text), &why);
        cr_expect_eq(s, members[i].want ? MR_INVALID : MR_OK, "%s=%s", members[i].name,
                     members[i].text);
        cr_expect_str_eq(why.text, members[i].want ? members[i].want : "");
    }
    cr_assert_null(mr_catalog_map_of(r, mr_slice_text("with"), &member));
    cr_assert_null(mr_catalog_map_of(r, mr_slice_text("without.a"), &member));
    cr_assert_null(mr_catalog_map_of(r, mr_slice_text("text.a"), &member), "no map");
    for (size_t i = 0; i < MR_CATALOG_MAP_NAME_MAX; i++)
        strcat(longest, "\xc3\xa9"); /* characters are counted, not bytes */
    const struct mr_catalog_parameter *p = mr_catalog_map_of(r, mr_slice_text(longest), &member);
    cr_assert_eq(mr_catalog_map_check(p, member, mr_slice_text(""), NULL), MR_OK);
    strcat(longest, "x");
    mr_catalog_map_of(r, mr_slice_text(longest), &member);
    cr_assert_eq(mr_catalog_map_check(p, member, mr_slice_text(""), NULL), MR_INVALID);
    mr_catalog_free(c);
}

Test(catalog_facts, given_a_list_with_a_name_in_its_path_then_the_name_is_captured)
{
    struct mr_catalog *c = catalog_with_logging();
    const struct mr_catalog_resource *r =
        mr_catalog_resource_of(c, mr_slice_text("logging.report"));
    struct mr_catalog_match m;
    cr_assert(r->paged);
    cr_assert_eq(r->path_parameter, &r->parameters[1]);
    cr_assert_eq(r->limit_default, 500);
    cr_assert_eq(r->limit_maximum, 2000);
    cr_assert_eq(mr_catalog_match(c, mr_slice_text("GET"),
                                  mr_slice_text("/v1/accounts/a/reports/cpu%20load"), &m),
                 MR_ROUTE_FOUND);
    cr_assert_eq(m.list, r);
    cr_assert(mr_slice_is(m.parameter, "cpu%20load"), "neither decoded nor checked");
    cr_assert(mr_slice_is(m.account, "a"));
    cr_assert_eq(
        mr_catalog_match(c, mr_slice_text("GET"), mr_slice_text("/v1/accounts/a/reports/"), &m),
        MR_ROUTE_NONE);
    mr_catalog_free(c);
}

Test(catalog_facts, given_no_limit_then_a_page_has_50_items_and_200_at_most)
{
    static const struct {
        const char *limit;
        int64_t usual, most;
    } limits[] = {{"", 50, 200},
                  {"\"limit\":{\"maximum\":20},", 20, 20},
                  {"\"limit\":{\"default\":200},", 200, 200},
                  {"\"limit\":{\"default\":1,\"maximum\":10000},", 1, 10000}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct mr_error why;
        char scope[64];
        struct folder folder = folder_read();
        snprintf(scope, sizeof scope, "%s\"scope\"", limits[i].limit);
        folder_change(&folder, "billing/invoice.json", "\"scope\"", scope);
        struct mr_catalog *c = folder_build(folder, &why);
        cr_assert_not_null(c, "%s", why.text);
        const struct mr_catalog_resource *r =
            mr_catalog_resource_of(c, mr_slice_text("billing.invoice"));
        cr_expect_eq(r->limit_default, limits[i].usual);
        cr_expect_eq(r->limit_maximum, limits[i].most);
        mr_catalog_free(c);
    }
}
