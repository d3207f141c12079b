/* Every slip in the folder is named at start, with file, pointer and cause. */
#include "catalog_fixture.h"
#include <criterion/criterion.h>

#define CREATE    "billing/invoice.create.json"
#define FINALIZE  "billing/invoice.finalize.json"
#define CREATED   "billing/invoice.created.json"
#define FINALIZED "billing/invoice.finalized.json"
#define RECORDED  "billing/payment.recorded.json"
#define INVOICE   "billing/invoice.json"
#define PAYMENT   "billing/payment.json"

/* A fact of this table and these formats; the list of a function. */
#define FACT(table, formats)                                                                       \
    "{\"title\":\"t\",\"x-command\":{\"type\":\"billing.fact\",\"scope\":\"a:b\",\"route\":"       \
    "\"POST /f\","                                                                                 \
    "\"record\":\"none\"},\"x-ingest\":{\"formats\":" formats                                      \
    "},\"x-warehouse\":[{\"table\":\"" table                                                       \
    "\",\"columns\":[{\"name\":\"n\",\"type\":\"BIGINT\",\"pointer\":\"/n\"}]}],"                  \
    "\"properties\":{\"n\":{}}}"
#define FUNCTION(path, members, orders, parameters)                                                \
    "{\"title\":\"t\",\"x-resource\":{\"type\":\"billing.f\",\"scope\":\"a:b\",\"function\":"      \
    "\"billing.f\","                                                                               \
    "\"list\":\"GET /v1/accounts/{account}/f" path "\"," members                                   \
    "\"orders\":[{\"column\":\"a\",\"type\":\"text\"}" orders "],\"parameters\":[" parameters      \
    "]}}"
#define ITEM                 "\"item\":\"GET /v1/accounts/{account}/f/x/y/{id}\","
#define TEXT_PARAMETER(more) "{\"name\":\"word\",\"type\":\"text\"" more "}"
#define MAP_PARAMETER(more)  "{\"name\":\"with\",\"type\":\"map\"" more "}"

static const struct {
    const char *file, *find, *text; /* find NULL: text is the whole file */
    const char *want;               /* how why begins */
} rows[] = {
    /* Files and documents. */
    {CREATE, "{", "[", "billing/invoice.create.json: "},
    {"stray.json", NULL, "{}", "stray.json: a schema must lie in the folder of its domain"},
    {"a/b/c.json", NULL, "{}", "a/b/c.json: a schema must lie in the folder of its domain"},
    {"Bill/c.json", NULL, "{}", "Bill/c.json: a domain's name is 1 to 15 small letters and digits"},
    {"abcdefghijklmnop/c.json", NULL, "{}", "abcdefghijklmnop/c.json: a domain's name is 1 to 15"},
    {"billing/C.json", NULL, "{}", "billing/C.json: a name is small letters, digits"},
    {"billing/x.json", NULL, "{}",
     "billing/x.json#: has no x-command, x-event or x-resource; what is shared belongs in defs"},
    {CREATE, "\"x-command\"", "\"x-event\":{\"type\":\"a.b\"},\"x-command\"",
     "billing/invoice.create.json#: has both x-command and x-event"},
    {"billing/defs.json", "\"x-columns\"", "\"x-event\":{},\"x-columns\"",
     "billing/defs.json#: defs.json is for what is shared and has no x-event"},
    {CREATE, "\"x-command\"", "\"x-comand\"", "billing/invoice.create.json#"},
    {CREATE, "\"maxItems\": 500,", "\"uniqueItems\": true,",
     "billing/invoice.create.json#/properties/lines/uniqueItems: this keyword is not supported"},
    {CREATE, "billing.defs#/$defs/customer", "billing.defs#/$defs/costumer",
     "billing/invoice.create.json#/properties/customer/$ref: there is no schema at billing.defs#"},
    {CREATE, "\"title\": \"Create an invoice\",", "",
     "billing/invoice.create.json#/title: is missing"},
    {CREATE, "\"x-command\"", "\"x-columns\":{},\"x-command\"",
     "billing/invoice.create.json#/x-columns: belongs in the domain's defs.json"},
    {CREATED, "\"x-event\"", "\"x-ingest\":{},\"x-event\"",
     "billing/invoice.created.json#/x-ingest: belongs beside an x-command"},
    {CREATE, "\"x-command\"",
     "\"x-warehouse\":[{\"table\":\"t\",\"columns\":\"billing.postings\"}],\"x-command\"",
     "billing/invoice.create.json#/x-warehouse: belongs beside an x-event, or an x-command with "},

    /* x-command. */
    {CREATE, "\"billing.invoice.create\"", "\"billing.invoice.make\"",
     "billing/invoice.create.json#/x-command/type: is billing.invoice.make, but the file's name "
     "says billing.invoice.create"},
    {CREATE, "\"scope\": \"billing:write\",", "",
     "billing/invoice.create.json#/x-command/scope: is missing"},
    {CREATE, "\"scope\"", "\"scop\"",
     "billing/invoice.create.json#/x-command/scop: is not known here; known are type, route"},
    {CREATE, "\"billing:write\"", "\"write\"",
     "billing/invoice.create.json#/x-command/scope: must match the pattern"},
    {CREATE, "POST /v1", "POST v1",
     "billing/invoice.create.json#/x-command/route: must match the pattern"},
    {CREATE, "{account}", "{acount}",
     "billing/invoice.create.json#/x-command/route: a command's route has {account} and {subject}, "
     "not {acount}"},
    {CREATE, "{account}", "{account}/{a}/{b}",
     "billing/invoice.create.json#/x-command/route: {b} is one parameter too many"},
    {CREATE, "POST /v1", "GET /v1",
     "billing/invoice.create.json#/x-command/route: a command is not sent by GET"},
    {CREATE, "/invoices\"", "/invoices/{id}\"",
     "billing/invoice.create.json#/x-command/route: what a command is about is {subject}"},
    {CREATE, "/invoices\"", "/invoices/{account}\"",
     "billing/invoice.create.json#/x-command/route: {account} comes twice"},
    {CREATE, "POST /v1", "POST /a/b/c/d/e/f/g/h/i/j/k/l/m/n/v1",
     "billing/invoice.create.json#/x-command/route: a route has at most 16 segments"},
    {CREATE, "\"resource\": \"billing.invoice\"", "\"resource\": \"billing.invoce\"",
     "billing/invoice.create.json#/x-command/resource: there is no resource billing.invoce"},
    {CREATE, "\"refusals\"", "\"key\":\"customer\",\"refusals\"",
     "billing/invoice.create.json#/x-command/key: must match the pattern"},
    {CREATE, "\"refusals\"", "\"key\":\"/costumer\",\"refusals\"",
     "billing/invoice.create.json#/x-command/key: the schema has nothing at /costumer"},
    {CREATE, "\"refusals\"", "\"record\":\"some\",\"refusals\"",
     "billing/invoice.create.json#/x-command/record: must be one of \"full\", \"id\", \"none\""},
    {CREATE, "\"refusals\"", "\"body\":\"many\",\"refusals\"",
     "billing/invoice.create.json#/x-command/body: must be one of \"one\", \"batch\""},
    {CREATE, "\"refusals\"", "\"success\":204,\"refusals\"",
     "billing/invoice.create.json#/x-command/success: must be one of 200, 201"},
    {FINALIZE, "\"refusals\"", "\"body\":\"batch\",\"refusals\"",
     "billing/invoice.finalize.json#/x-command/body: the items of a batch have no {subject}"},
    {CREATE, "\"refusals\"", "\"record\":\"none\",\"refusals\"",
     "billing/invoice.create.json#/x-command/record: what is not kept (none) is a fact, and needs "
     "an x-warehouse"},
    {CREATE, "\"x-command\": {",
     "\"x-warehouse\":[{\"table\":\"t\",\"columns\":[{\"name\":\"customer\",\"type\":"
     "\"VARCHAR(9)\",\"pointer\":\"/customer\"}]}],\"x-command\": {\"record\":\"none\",",
     "billing/invoice.create.json#/x-command/refusals: a fact (record none) is not decided"},
    {"billing/fact.json", NULL, FACT("invoice_events", "[\"gelf\"]"),
     "billing/invoice.created.json#/x-warehouse/0: table invoice_events holds facts of "
     "billing/fact.json, and not events"},
    {CREATE, "\"status\": 409", "\"status\": 500",
     "billing/invoice.create.json#/x-command/refusals/0/status: must be at most 499"},
    {CREATE, "\"amount-overflow\"", "\"Amount\"",
     "billing/invoice.create.json#/x-command/refusals/0/name: must match the pattern"},
    {FINALIZE, "\"invoice-not-draft\",\n        \"status\": 409",
     "\"overpaid\",\n        \"status\": 409",
     "billing/payment.record.json#/x-command/refusals/2: overpaid reads otherwise in "
     "billing/invoice.finalize.json"},
    {FINALIZE, "\"invoice-not-found\", \"status\": 404", "\"not-found\", \"status\": 404",
     "billing/invoice.finalize.json#/x-command/refusals/0: not-found reads otherwise in millrace's "
     "own problems"},
    {FINALIZE, "/invoices/{subject}/finalize", "/payments",
     "billing/payment.record.json: the route POST /v1/accounts/{account}/payments is that of "
     "billing/invoice.finalize.json already"},

    /* x-event and x-warehouse. */
    {CREATED, "\"type\": \"billing.invoice.created\"", "\"typ\": \"billing.invoice.created\"",
     "billing/invoice.created.json#/x-event/typ: is not known here; known are type, topic"},
    {CREATED, "\"table\"", "\"tabel\"",
     "billing/invoice.created.json#/x-warehouse/0/tabel: is not known here"},
    {CREATED, "\"invoice_events\"", "\"invoice events\"",
     "billing/invoice.created.json#/x-warehouse/0/table: must match the pattern"},
    {CREATED, "\"VARCHAR(16)\"", "\"TEXT\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/1/type: must match the pattern"},
    {CREATED, "\"VARCHAR(800)\"", "\"VARCHAR(65536)\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/2: VARCHAR(65536) is out of range"},
    {CREATED, "\"VARCHAR(800)\"", "\"DECIMAL(4,5)\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/2: DECIMAL(4,5) is out of range"},
    {CREATED, "\"/status\"", "\"/statsu\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/1: the schema has nothing at /statsu"},
    {CREATED, "\"/status\"", "\"status\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/1/pointer: must match the pattern"},
    {CREATED, "\"pointer\": \"/status\"", "\"pointer\": \"/status\", \"total\": true",
     "billing/invoice.created.json#/x-warehouse/0/columns/1: total is for BIGINT and INTEGER"},
    {CREATED, "\"pointer\": \"/due_days\"", "\"pointer\": \"/due_days\", \"cut\": true",
     "billing/invoice.created.json#/x-warehouse/0/columns/5: cut is for VARCHAR, TIMESTAMPTZ and "},
    {CREATED, "\"VARCHAR(16)\"", "\"DOUBLE\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/1/type: must match the pattern"},
    {CREATED, "\"name\": \"customer\"", "\"name\": \"status\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/2: column status of table invoice_events "
     "is VARCHAR(16) in billing/invoice.created.json"},
    {CREATED, "\"name\": \"due_days\"", "\"name\": \"sequence\"",
     "billing/invoice.created.json#/x-warehouse/0/columns/5: every table has a column sequence"},
    {CREATED, "\"sort\": [\"account_id\"", "\"sort\": [\"acount_id\"",
     "billing/invoice.created.json#/x-warehouse/0: sort: table invoice_events has no column "
     "acount_id"},
    {CREATED, "\"distribute\": \"account_id\"", "\"distribute\": \"odd\"",
     "billing/invoice.created.json#/x-warehouse/0: distribute: table invoice_events has no column "
     "odd"},
    {FINALIZED, "\"name\": \"status\", \"type\": \"VARCHAR(16)\"",
     "\"name\": \"status\", \"type\": \"VARCHAR(32)\"",
     "billing/invoice.finalized.json#/x-warehouse/0/columns/1: column status of table "
     "invoice_events is VARCHAR(16) in billing/invoice.created.json"},
    {FINALIZED, "\"pointer\": \"/total_minor\", \"total\": true", "\"pointer\": \"/total_minor\"",
     "billing/invoice.finalized.json#/x-warehouse/0/columns/4: column total_minor of table "
     "invoice_events is BIGINT, total in billing/invoice.created.json"},
    {FINALIZED, "\"each\": \"/postings\"", "\"each\": \"/posting\"",
     "billing/invoice.finalized.json#/x-warehouse/1: each: the schema has nothing at /posting"},
    {FINALIZED, "\"billing.postings\"", "\"billing.posting\"",
     "billing/invoice.finalized.json#/x-warehouse/1/columns: no defs.json has billing.posting in "
     "its x-columns"},
    {RECORDED, "\"columns\": \"billing.postings\"",
     "\"columns\": \"billing.postings\", \"sort\": [\"event_time\"]",
     "billing/payment.recorded.json#/x-warehouse/2: sort and distribute of table journal_entries "
     "read otherwise in billing/invoice.finalized.json"},
    {"billing/defs.json", "\"/ledger_account\"", "\"/ledger\"",
     "billing/invoice.finalized.json#/x-warehouse/1/columns: the schema has nothing at "
     "/postings/0/ledger"},
    {"billing/defs.json", "\"VARCHAR(32)\"", "32",
     "billing/defs.json#/x-columns/billing.postings/0/type: must be a string"},
    {"billing/command.rejected.json", "\"name\": \"problem\"", "\"name\": \"detail_bytes\"",
     "billing/command.rejected.json#/x-warehouse/0/columns/3: detail is cut, so the name "
     "detail_bytes is taken for its length"},

    /* x-resource. */
    {INVOICE, "\"view\"", "\"views\"", "billing/invoice.json#/x-resource/views: is not known here"},
    {INVOICE, "\"view\": \"billing.invoice_resource\",", "",
     "billing/invoice.json#/x-resource: must have either view or function"},
    {INVOICE, "billing.invoice_resource", "billing.invoice; DROP TABLE x",
     "billing/invoice.json#/x-resource/view: must match the pattern"},
    {INVOICE, "\"item\": \"GET", "\"item\": \"POST",
     "billing/invoice.json#/x-resource/item: a resource is read by GET"},
    {INVOICE, "/{id}", "", "billing/invoice.json#/x-resource/item: must have {account} and {id}"},
    {INVOICE, "\"list\": \"GET /v1/accounts/{account}/invoices\"",
     "\"list\": \"GET /v1/accounts/{account}/invoices/{id}/x\"",
     "billing/invoice.json#/x-resource/list: must have {account}, and neither {id} nor {subject}"},
    {INVOICE, "\"type\": \"text\", \"values\"", "\"type\": \"uuid\", \"values\"",
     "billing/invoice.json#/x-resource/filters/0: values and max_length are for type text"},
    {INVOICE, "\"max_length\": 200", "\"minimum\": 1",
     "billing/invoice.json#/x-resource/filters/1: minimum and maximum are for type integer"},
    {INVOICE, "\"max_length\": 200", "\"max_length\": 2, \"default\": \"all\"",
     "billing/invoice.json#/x-resource/filters/1: the default does not fit: customer must have at "
     "most 2 characters"},
    {INVOICE, "\"name\": \"customer\"", "\"name\": \"status\"",
     "billing/invoice.json#/x-resource/filters/1: status comes twice"},
    {INVOICE, "\"name\": \"customer\"", "\"name\": \"limit\"",
     "billing/invoice.json#/x-resource/filters/1: the name limit is taken by lists themselves"},
    {INVOICE, "\"filters\"", "\"parameters\"",
     "billing/invoice.json#/x-resource/parameters: a view has filters, a function has parameters"},
    {PAYMENT, "/payments/{id}", "/invoices/{id}",
     "billing/payment.json: the route GET /v1/accounts/{account}/invoices/{id} is that of "
     "billing/invoice.json already"},
    {PAYMENT, "\"filters\"", "\"orders\":[{\"column\":\"x\"}],\"filters\"",
     "billing/payment.json#/x-resource/orders/0/type: is missing"},

    /* Functions. */
    {INVOICE, "\"scope\"", "\"paged\":true,\"scope\"",
     "billing/invoice.json#/x-resource/paged: is for functions"},
    {INVOICE, "\"type\": \"text\", \"values\"", "\"type\": \"map\", \"values\"",
     "billing/invoice.json#/x-resource/filters/0: type map is for functions"},
    {INVOICE, "/{account}/invoices\"", "/{account}/invoices/{status}\"",
     "billing/invoice.json#/x-resource/list: {status}: only the list of a function has such a "},
    {INVOICE, "/invoices/{id}", "/invoices/{status}/{id}",
     "billing/invoice.json#/x-resource/item: {status}: only the list of a function has such a "},
    {INVOICE, "\"scope\"", "\"limit\":{\"default\":201},\"scope\"",
     "billing/invoice.json#/x-resource/limit: the default is above the maximum, which is 200"},
    {INVOICE, "\"scope\"", "\"limit\":{\"maximum\":10001},\"scope\"",
     "billing/invoice.json#/x-resource/limit/maximum: must be at most 10000"},
    {INVOICE, "\"scope\"", "\"limit\":{},\"scope\"", "billing/invoice.json#/x-resource/limit: "},
    {"billing/f.json", NULL, FUNCTION("/{word}", "", "", ""),
     "billing/f.json#/x-resource/list: {word} is not one of the parameters"},
    {"billing/f.json", NULL, FUNCTION("/{word}", "", "", TEXT_PARAMETER("")),
     "billing/f.json#/x-resource/list: {word} must be a required parameter of type text"},
    {"billing/f.json", NULL,
     FUNCTION("/{word}", "", "", "{\"name\":\"word\",\"type\":\"uuid\",\"required\":true}"),
     "billing/f.json#/x-resource/list: {word} must be a required parameter of type text"},
    {"billing/f.json", NULL, FUNCTION("/{word}/{other}", "", "", TEXT_PARAMETER("")),
     "billing/f.json#/x-resource/list: {other} is one parameter too many"},
    {"billing/f.json", NULL,
     FUNCTION("", "\"paged\":true,", ",{\"column\":\"b\",\"type\":\"text\"}", ""),
     "billing/f.json#/x-resource/paged: a function that cuts its pages has one order"},
    {"billing/f.json", NULL, FUNCTION("", "\"paged\":true," ITEM, "", ""),
     "billing/f.json#/x-resource/paged: a function that cuts its pages has no item"},
    {"billing/f.json", NULL, FUNCTION("", ITEM, "", TEXT_PARAMETER(",\"required\":true")),
     "billing/f.json#/x-resource/item: an item has no place for word, which is required"},
    {"billing/f.json", NULL, FUNCTION("", "", "", MAP_PARAMETER(",\"required\":true")),
     "billing/f.json#/x-resource/parameters/0: a map is neither required, nor has it a default"},
    {"billing/f.json", NULL, FUNCTION("", "", "", MAP_PARAMETER(",\"default\":\"{}\"")),
     "billing/f.json#/x-resource/parameters/0: a map is neither required, nor has it a default"},
    {"billing/f.json", NULL, FUNCTION("", "", "", MAP_PARAMETER(",\"values\":[\"a\"]")),
     "billing/f.json#/x-resource/parameters/0: a map is neither required, nor has it a default"},
    {"billing/f.json", NULL, FUNCTION("", "", "", MAP_PARAMETER(",\"minimum\":1")),
     "billing/f.json#/x-resource/parameters/0: minimum and maximum are for type integer"},
    {"billing/f.json", NULL, FUNCTION("", "", ",{\"column\":\"b\",\"type\":\"map\"}", ""),
     "billing/f.json#/x-resource/orders/1/type: must be one of \"text\", \"uuid\""},

    /* x-ingest. */
    {CREATE, "\"x-command\"", "\"x-ingest\":{\"formats\":[\"fax\"]},\"x-command\"",
     "billing/invoice.create.json#/x-ingest/formats/0: must be one of \"gelf\", \"syslog\""},
    {CREATE, "\"x-command\"",
     "\"x-ingest\":{\"sample\":[{\"pointer\":\"/a\",\"value\":1,\"share\":2}]},\"x-command\"",
     "billing/invoice.create.json#/x-ingest/sample/0/share: must be at most 1"},
    {CREATE, "\"x-command\"",
     "\"x-ingest\":{\"formats\":[\"otlp\",\"gelf\",\"otlp\"]},\"x-command\"",
     "billing/invoice.create.json#/x-ingest/formats/2: otlp is a format of "
     "billing/invoice.create.json already"},
    {CREATE, "\"x-command\"", "\"x-ingest\":{\"redact\":{\"patterns\":[]}},\"x-command\"",
     "billing/invoice.create.json#/x-ingest/redact/patterns: "},
};

Test(catalog_slips, given_a_slip_then_the_start_stops_and_names_it)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_error why;
        struct folder folder = folder_read();
        folder_change(&folder, rows[i].file, rows[i].find, rows[i].text);
        struct mr_catalog *c = folder_build(folder, &why);
        cr_expect_null(c, "row %zu: %s", i, rows[i].want);
        cr_expect(strncmp(why.text, rows[i].want, strlen(rows[i].want)) == 0,
                  "row %zu: %s\n  not %s", i, why.text, rows[i].want);
        mr_catalog_free(c);
    }
}

/* Which of the two is read first does not matter: both are named. */
Test(catalog_slips, given_a_format_of_two_commands_then_both_files_are_named)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "billing/fact.json", FACT("t", "[\"gelf\"]"));
    folder_change(&folder, CREATE, "\"x-command\"",
                  "\"x-ingest\":{\"formats\":[\"syslog\",\"gelf\"]},\"x-command\"");
    cr_assert_null(folder_build(folder, &why));
    cr_assert_str_eq(why.text, "billing/invoice.create.json#/x-ingest/formats/1: gelf is a format "
                               "of billing/fact.json already");
}

Test(catalog_slips, given_no_schema_for_a_block_then_that_is_said)
{
    static const char *const metas[] = {"meta/x-command.json",   "meta/x-event.json",
                                        "meta/x-warehouse.json", "meta/x-resource.json",
                                        "meta/x-columns.json",   "meta/x-ingest.json"};
    for (size_t i = 0; i < sizeof metas / sizeof *metas; i++) {
        struct mr_error why;
        struct folder folder = folder_read();
        folder_drop(&folder, metas[i]);
        cr_expect_null(folder_build(folder, &why));
        cr_expect(strncmp(why.text, metas[i], strlen(metas[i])) == 0, "%s", why.text);
    }
}

Test(catalog_slips, given_an_empty_folder_then_there_is_nothing_but_our_own_problems)
{
    struct mr_error why;
    struct mr_catalog *c = folder_build((struct folder){0}, &why);
    cr_assert_not_null(c, "%s", why.text);
    cr_assert_eq(c->domain_count, 0);
    cr_assert_eq(c->table_count, 0);
    cr_assert_gt(c->problem_count, 0);
    struct mr_catalog_match m;
    cr_assert_eq(mr_catalog_match(c, mr_slice_text("GET"), mr_slice_text("/x"), &m), MR_ROUTE_NONE);
    mr_catalog_free(c);
}

/* The order in which a folder is listed differs between file systems. */
Test(catalog_slips, given_the_files_in_another_order_then_the_catalogue_is_the_same)
{
    struct mr_error why;
    struct folder folder = folder_read();
    for (size_t i = 0; i < folder.count / 2; i++) {
        struct mr_catalog_file f = folder.files[i];
        folder.files[i] = folder.files[folder.count - 1 - i];
        folder.files[folder.count - 1 - i] = f;
    }
    struct mr_catalog *a = real_catalog(), *b = folder_build(folder, &why);
    cr_assert_not_null(b, "%s", why.text);
    cr_assert_eq(a->command_count, b->command_count);
    for (size_t i = 0; i < a->command_count; i++)
        cr_assert_str_eq(a->commands[i].type, b->commands[i].type);
    cr_assert_eq(a->table_count, b->table_count);
    for (size_t i = 0; i < a->table_count; i++) {
        cr_assert_eq(a->tables[i].column_count, b->tables[i].column_count);
        for (size_t k = 0; k < a->tables[i].column_count; k++)
            cr_assert_str_eq(a->tables[i].columns[k].name, b->tables[i].columns[k].name);
    }
    mr_catalog_free(a);
    mr_catalog_free(b);
}
