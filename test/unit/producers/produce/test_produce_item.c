#include "produce_item.h"

#include "command_id.h"
#include "mr_catalog_folder.h"

#include <criterion/criterion.h>

#define ACCOUNT "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define OTHER   "0190a5f0-0000-7000-8000-000000000001"
#define INVOICE                                                                                    \
    "{ \"customer\":\"x\",\"currency\":\"EUR\",\"lines\":[{\"description\":\"a\",\"quantity\":1,"  \
    "\"unit_amount_minor\":5}]}"

static struct mr_catalog *catalog;
static struct produce_items *items;
static struct mr_kafka_message message;
static struct mr_error why;

static enum mr_status open_items(enum produce_format format, const char *type, const char *account)
{
    struct produce_items_settings settings = {.format = format,
                                              .type = type,
                                              .account = account,
                                              .service = "shop",
                                              .body_bytes_max = 4096};
    if (!catalog)
        cr_assert_eq(mr_catalog_folder_read(SCHEMAS, &catalog, &why), MR_OK, "%s", why.text);
    settings.catalog = catalog;
    return produce_items_new(&settings, &items, &why);
}

static void close_items(void)
{
    produce_items_free(items);
    mr_catalog_free(catalog);
}

static enum produce_verdict read_at(const char *text, const char *key, uint64_t offset)
{
    const struct produce_place place = {
        .import_key = mr_slice_text(key), .offset = offset, .time_ms = 1};
    return produce_items_read(items, mr_slice_text(text), &place, &message, &why);
}

static bool header_is(const char *name, const char *value)
{
    return mr_slice_is(mr_ce_header_find(&message.headers, name), value);
}

static const char *id_of_item(const char *account, const char *domain, const char *key, uint64_t n)
{
    static char text[MR_UUID_TEXT + 1];
    struct mr_uuid owner;
    cr_assert_eq(mr_uuid_parse(mr_slice_text(account), &owner), MR_OK);
    struct mr_uuid id = command_id_of_item(&owner, domain, mr_slice_text(key), n);
    return mr_uuid_text(&id, text);
}

Test(produce_item, given_a_wrapped_command_then_data_byte_for_byte_and_the_edges_id)
{
    cr_assert_eq(open_items(PRODUCE_NDJSON, NULL, ACCOUNT), MR_OK);
    cr_assert_eq(read_at("{\"type\":\"billing.invoice.create\",\"idempotency_key\":\"order-1\","
                         "\"data\": " INVOICE " }",
                         "k", 7),
                 PRODUCE_SEND, "%s", why.text);
    cr_assert(mr_slice_is(message.value, INVOICE));
    cr_assert(header_is("ce_id", "82060302-fb8f-5b12-bde9-313a9326ddf7"), "design's test vector");
    cr_assert(header_is("ce_principal", PRODUCE_PRINCIPAL));
    cr_assert(mr_slice_is(message.key, ACCOUNT));
    close_items();
}

Test(produce_item, given_an_import_key_then_the_id_is_of_key_and_offset)
{
    cr_assert_eq(open_items(PRODUCE_NDJSON, NULL, ACCOUNT), MR_OK);
    static const char item[] =
        "{\"type\":\"billing.invoice.create\",\"account\":\"" OTHER "\",\"data\":" INVOICE "}";
    cr_assert_eq(read_at(item, "k", 4711), PRODUCE_SEND, "%s", why.text);
    cr_assert(header_is("ce_id", id_of_item(OTHER, "billing", "k", 4711)));
    cr_assert(header_is("ce_account", OTHER));
    cr_assert_eq(read_at(item, NULL, 4711), PRODUCE_SEND);
    cr_assert_not(header_is("ce_id", id_of_item(OTHER, "billing", "k", 4711)), "random");
    close_items();
}

static const struct {
    const char *text, *cause;
} bad[] = {
    {"[]", "not an object"},
    {"{\"type\":\"billing.invoice.create\"}", "data is missing"},
    {"{\"data\":{}}", "type is missing"},
    {"{\"type\":7,\"data\":{}}", "type is not a text"},
    {"{\"type\":\"billing.no\",\"data\":{}}", "billing.no"},
    {"{\"type\":\"billing.invoice.finalize\",\"data\":{}}", "needs a subject"},
    {"{\"type\":\"billing.invoice.create\",\"subject\":\"" OTHER "\",\"data\":{}}",
     "takes no subject"},
    {"{\"type\":\"billing.invoice.finalize\",\"subject\":\"x\",\"data\":{}}", "subject"},
    {"{\"type\":\"billing.invoice.create\",\"account\":1,\"data\":{}}", "account"},
    {"{\"type\":\"billing.invoice.create\",\"idempotency_key\":\"\",\"data\":{}}", "1 to 255"},
    {"{\"type\":\"billing.invoice.create\",\"extra\":1,\"data\":{}}", "\"extra\""},
    {"{\"type\":\"billing.invoice.create\",\"data\":{},\"data\":{}}", "twice"},
    {"{\"type\":\"billing.invoice.create\",\"data\":{\"customer\":\"x\"}}", "currency"},
    {"{\"type\":\"billing.invoice.create\",\"data\":", "line 1"},
};

Test(produce_item, given_what_is_no_command_then_the_cause)
{
    cr_assert_eq(open_items(PRODUCE_NDJSON, NULL, ACCOUNT), MR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(read_at(bad[i].text, "k", 0), PRODUCE_REJECTED, "%s", bad[i].text);
        cr_expect_not_null(strstr(why.text, bad[i].cause), "%s: %s", bad[i].text, why.text);
    }
    close_items();
}

Test(produce_item, given_no_account_anywhere_then_rejected)
{
    cr_assert_eq(open_items(PRODUCE_NDJSON, NULL, NULL), MR_OK);
    cr_assert_eq(read_at("{\"type\":\"billing.invoice.create\",\"data\":" INVOICE "}", "k", 0),
                 PRODUCE_REJECTED);
    cr_assert_not_null(strstr(why.text, "account"));
    close_items();
}

Test(produce_item, given_bare_facts_then_redacted_and_too_long_ones_rejected)
{
    char large[5000];
    cr_assert_eq(open_items(PRODUCE_NDJSON, "logging.line", ACCOUNT), MR_OK);
    cr_assert_eq(read_at("{\"body\":\"Bearer abcdefgh12345678\"}", "k", 0), PRODUCE_SEND, "%s",
                 why.text);
    cr_assert(mr_slice_is(message.value, "{\"body\":\"Bearer [redacted]\"}"), "%.*s",
              MR_SLICE_FMT(message.value));
    memset(large, ' ', sizeof large);
    memcpy(large, "{}", 2);
    large[sizeof large - 1] = '\0';
    cr_assert_eq(read_at(large, "k", 0), PRODUCE_REJECTED);
    cr_assert_not_null(strstr(why.text, "4096"));
    close_items();
}

Test(produce_item, given_an_access_log_line_then_a_log_line_of_the_service)
{
    cr_assert_eq(open_items(PRODUCE_COMBINED, NULL, ACCOUNT), MR_OK);
    cr_assert_eq(read_at("10.0.0.1 - - [20/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 5 "
                         "\"-\" \"curl\"",
                         "k", 9),
                 PRODUCE_SEND, "%s", why.text);
    json_t *body = json_loadb(message.value.data, message.value.len, 0, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(body, "service")), "shop");
    cr_assert_str_eq(json_string_value(json_object_get(body, "time")), "2015-05-20T10:05:03Z");
    json_decref(body);
    cr_assert(header_is("ce_id", id_of_item(ACCOUNT, "logging", "k", 9)));
    cr_assert_eq(read_at("no such line", "k", 9), PRODUCE_REJECTED);
    close_items();
}

Test(produce_item, given_settings_that_cannot_be_then_refused_at_once)
{
    cr_assert_eq(open_items(PRODUCE_NDJSON, "no.such", ACCOUNT), MR_INVALID);
    cr_assert_not_null(strstr(why.text, "no.such"));
    cr_assert_eq(open_items(PRODUCE_NDJSON, "billing.invoice.finalize", ACCOUNT), MR_INVALID);
    cr_assert_eq(open_items(PRODUCE_NDJSON, "logging.line", NULL), MR_INVALID);
    cr_assert_eq(open_items(PRODUCE_COMBINED, "billing.invoice.create", ACCOUNT), MR_INVALID);
    cr_assert_eq(open_items(PRODUCE_COMBINED, NULL, "x"), MR_INVALID);
    mr_catalog_free(catalog);
}
