#include "catalog_fixture.h"
#include "mr_warehouse.h"
#include <criterion/criterion.h>

#define A "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define P "0197a6c4-7c00-7000-8000-000000000002"

struct run {
    struct mr_catalog *catalog;
    struct mr_arena arena;
    json_t *body;
    struct mr_warehouse_event event;
    struct mr_warehouse_rows rows;
    struct mr_error why;
};

static struct run run_of(struct mr_catalog *catalog, const char *type, const char *body)
{
    struct run r = {.catalog = catalog, .body = json_of(body)};
    const struct mr_catalog_event *e = mr_catalog_event_of(catalog, mr_slice_text(type));
    cr_assert_not_null(e, "%s", type);
    mr_arena_init(&r.arena, 1 << 20);
    r.event = (struct mr_warehouse_event){
        .feeds = e->feeds,
        .feed_count = e->feed_count,
        .body = r.body,
        .domain = mr_slice_text("billing"),
        .type = mr_slice_text(e->type),
        .sequence = 90210,
        .time_ms = 1795595943123,
        .lane = 7,
    };
    cr_assert_eq(mr_uuid_parse(mr_slice_text(A), &r.event.account), MR_OK);
    cr_assert_eq(mr_uuid_parse(mr_slice_text(P), &r.event.command), MR_OK);
    return r;
}

static enum mr_status rows_of(struct run *r)
{
    return mr_warehouse_rows_of(&r->event, &r->arena, &r->rows, &r->why);
}

static void run_end(struct run *r)
{
    json_decref(r->body);
    mr_arena_free(&r->arena);
    mr_catalog_free(r->catalog);
}

/* "(null)" where the cell is null. */
static void expect_cell(const struct mr_warehouse_row *row, const char *column, const char *want)
{
    const struct mr_catalog_table *t = row->table;
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, column) != 0)
            continue;
        struct mr_slice cell = row->cells[i];
        cr_expect(mr_slice_is(cell.data ? cell : mr_slice_text("(null)"), want), "%s: %.*s not %s",
                  column, MR_SLICE_FMT(cell), want);
        return;
    }
    cr_assert_fail("%s has no column %s", t->name, column);
}

static const char recorded[] =
    "{'payment_id':'" P "','invoice_id':'" A "','amount_minor':1250,'reference':null,"
    "'status':'paid','version':3,'paid_minor':1250,'currency':'EUR','postings':["
    "{'ledger_account':'cash','amount_minor':1250},"
    "{'ledger_account':'receivable','amount_minor':-1250}]}";

Test(warehouse, given_an_event_then_each_of_its_tables_gets_its_rows)
{
    struct run r = run_of(real_catalog(), "billing.payment.recorded", recorded);
    cr_assert_eq(rows_of(&r), MR_OK, "%s", r.why.text);
    cr_assert_eq(r.rows.count, 4);
    const struct mr_warehouse_row *row = r.rows.rows;
    cr_assert_str_eq(row[0].table->name, "payment_events");
    cr_assert_str_eq(row[1].table->name, "invoice_events");
    cr_assert_str_eq(row[2].table->name, "journal_entries");
    expect_cell(&row[0], "account_id", A);
    expect_cell(&row[0], "command_id", P);
    expect_cell(&row[0], "domain", "billing");
    expect_cell(&row[0], "lane", "7");
    expect_cell(&row[0], "sequence", "90210");
    expect_cell(&row[0], "row", "0");
    expect_cell(&row[0], "event_type", "billing.payment.recorded");
    expect_cell(&row[0], "event_time", "2026-11-25T08:39:03.123Z");
    expect_cell(&row[0], "reference", "(null)");
    expect_cell(&row[0], "invoice_status", "paid");
    expect_cell(&row[1], "paid_minor", "1250");
    expect_cell(&row[1], "number", "(null)");
    expect_cell(&row[2], "row", "0");
    expect_cell(&row[2], "ledger_account", "cash");
    expect_cell(&row[2], "currency", "EUR");
    expect_cell(&row[3], "row", "1");
    expect_cell(&row[3], "amount_minor", "-1250");
    expect_cell(&row[3], "currency", "EUR");
    run_end(&r);
}

static int64_t sum_of(const struct mr_catalog *c, const char *table, const int64_t *sums)
{
    for (size_t i = 0; i < c->total_count; i++) {
        if (strcmp(c->totals[i].table->name, table) == 0)
            return sums[i];
    }
    cr_assert_fail("%s has no total", table);
    return 0;
}

Test(warehouse, given_events_then_their_totals_add_up)
{
    int64_t sums[8] = {0};
    struct run r = run_of(real_catalog(), "billing.payment.recorded", recorded);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(mr_warehouse_add_totals(r.catalog, &r.event, sums, &r.why), MR_OK);
    cr_assert_eq(sum_of(r.catalog, "payment_events", sums), 3750);
    cr_assert_eq(sum_of(r.catalog, "journal_entries", sums), 0);
    cr_assert_eq(sum_of(r.catalog, "invoice_events", sums), 0);
    for (size_t i = 0; i < r.catalog->total_count; i++)
        sums[i] = INT64_MAX;
    cr_assert_eq(mr_warehouse_add_totals(r.catalog, &r.event, sums, &r.why), MR_INVALID);
    cr_assert(strstr(r.why.text, "the sum has more than 64 bits"), "%s", r.why.text);
    run_end(&r);
}

Test(warehouse, given_no_list_then_there_are_no_rows_of_it_and_a_wrong_one_is_refused)
{
    struct run r = run_of(real_catalog(), "billing.payment.recorded", "{'postings':null}");
    cr_assert_eq(rows_of(&r), MR_OK);
    cr_assert_eq(r.rows.count, 2);
    run_end(&r);
    r = run_of(real_catalog(), "billing.payment.recorded", "{'postings':{}}");
    cr_assert_eq(rows_of(&r), MR_INVALID);
    cr_assert_str_eq(r.why.text,
                     "table journal_entries of billing.payment.recorded: what gives its "
                     "rows is no list");
    run_end(&r);
}

/* ---- every type -------------------------------------------------------------------------------
 */

static const char all_types[] =
    "{\"title\":\"t\",\"x-event\":{\"type\":\"billing.all.types\"},\"x-warehouse\":["
    "{\"table\":\"all_types\",\"columns\":["
    "{\"name\":\"c\",\"type\":\"CHAR(3)\",\"pointer\":\"/c\"},"
    "{\"name\":\"v\",\"type\":\"VARCHAR(4)\",\"pointer\":\"/v\"},"
    "{\"name\":\"x\",\"type\":\"VARCHAR(4)\",\"pointer\":\"/x\",\"cut\":true},"
    "{\"name\":\"b\",\"type\":\"BIGINT\",\"pointer\":\"/b\"},"
    "{\"name\":\"i\",\"type\":\"INTEGER\",\"pointer\":\"/i\"},"
    "{\"name\":\"f\",\"type\":\"BOOLEAN\",\"pointer\":\"/f\"},"
    "{\"name\":\"z\",\"type\":\"TIMESTAMPTZ\",\"pointer\":\"/z\"},"
    "{\"name\":\"t\",\"type\":\"TIMESTAMP\",\"pointer\":\"/t\"},"
    "{\"name\":\"d\",\"type\":\"DATE\",\"pointer\":\"/d\"},"
    "{\"name\":\"n\",\"type\":\"DECIMAL(5,2)\",\"pointer\":\"/n\"},"
    "{\"name\":\"g\",\"type\":\"DOUBLE PRECISION\",\"pointer\":\"/g\"},"
    "{\"name\":\"j\",\"type\":\"VARCHAR(99)\",\"pointer\":\"/j\"},"
    "{\"name\":\"y\",\"type\":\"TIMESTAMPTZ\",\"pointer\":\"/y\",\"cut\":true}]},"
    "{\"table\":\"all_types\",\"columns\":[{\"name\":\"b\",\"type\":\"BIGINT\",\"pointer\":\"/"
    "b\"}]}],"
    "\"properties\":{\"c\":{},\"v\":{},\"x\":{},\"b\":{},\"i\":{},\"f\":{},\"z\":{},\"t\":{},\"d\":"
    "{},"
    "\"n\":{},\"g\":{},\"j\":{},\"y\":{}}}";

static struct run run_of_all(const char *body)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "billing/all.types.json", all_types);
    struct mr_catalog *c = folder_build(folder, &why);
    cr_assert_not_null(c, "%s", why.text);
    return run_of(c, "billing.all.types", body);
}

static const struct {
    const char *body, *column, *want; /* the cell */
} fits[] = {
    {"{'c':'abc'}", "c", "abc"},
    {"{'c':''}", "c", ""},
    {"{'v':'\u00e9\u00e9'}", "v", "\u00e9\u00e9"},
    {"{'x':'abc'}", "x", "abc"},
    {"{'x':'abc'}", "x_bytes", "3"},
    {"{'x':'abcdef'}", "x", "abcd"},
    {"{'x':'abcdef'}", "x_bytes", "6"},
    {"{'x':'abc\u00e9'}", "x", "abc"},
    {"{'x':'abc\u00e9'}", "x_bytes", "5"},
    {"{'x':'\U0001f600'}", "x", "\U0001f600"},
    {"{'x':'a\U0001f600'}", "x", "a"},
    {"{}", "x_bytes", "(null)"},
    {"{'b':9223372036854775807}", "b", "9223372036854775807"},
    {"{'b':-12.0}", "b", "-12"},
    {"{'i':-2147483648}", "i", "-2147483648"},
    {"{'f':true}", "f", "true"},
    {"{'f':false}", "f", "false"},
    {"{'f':null}", "f", "(null)"},
    {"{'z':'2026-11-25T10:39:03+02:00'}", "z", "2026-11-25T08:39:03.000Z"},
    {"{'z':'2026-11-25T08:39:03.123456Z'}", "z", "2026-11-25T08:39:03.123456Z"},
    {"{'z':'2026-11-25T08:39:03.1230000000Z'}", "z", "2026-11-25T08:39:03.123Z"},
    {"{'z':'2016-12-31T23:59:60.1234Z'}", "z", "2016-12-31T23:59:59.999Z"},
    {"{'t':'2026-11-25T10:39:03.1234+02:00'}", "t", "2026-11-25T08:39:03.1234Z"},
    {"{'d':'2024-02-29'}", "d", "2024-02-29"},
    {"{'n':999}", "n", "999"},
    {"{'n':-999.99}", "n", "-999.99"},
    {"{'n':0.5}", "n", "0.50"},
    {"{'g':0.1}", "g", "0.1"},
    {"{'g':-3}", "g", "-3"},
    {"{'g':4.0}", "g", "4"},
    {"{'g':0.30000000000000004}", "g", "0.30000000000000004"},
    {"{'g':1.7976931348623157e308}", "g", "1.7976931348623157e+308"},
    {"{'g':5e-324}", "g", "4.94065645841247e-324"},
    {"{'g':9007199254740992}", "g", "9007199254740992"},
    {"{'g':9007199254740994}", "g", "9007199254740994"},
    {"{'g':null}", "g", "(null)"},
    {"{'j':'{}'}", "j", "{}"},
    {"{'j':5}", "j", "5"},
    {"{'j':false}", "j", "false"},
    {"{'j':null}", "j", "(null)"},
    {"{'j':{ 'z': 1, 'a': [0.1, 2.0, -1e30, true, null, 'x\\ny\u00e9'], 'e': {} }}", "j",
     "{\"z\":1,\"a\":[0.1,2.0,-1e+30,true,null,\"x\\ny\u00e9\"],\"e\":{}}"},
    {"{'x':{'a':10}}", "x", "{\"a\""},
    {"{'x':{'a':10}}", "x_bytes", "8"},
    {"{'y':'2026-11-25T08:39:03.123456789Z'}", "y", "2026-11-25T08:39:03.123456Z"},
    {"{'y':'2026-11-25T08:39:03.000000001Z'}", "y", "2026-11-25T08:39:03.000000Z"},
};

Test(warehouse, given_values_that_fit_then_their_cells_are_what_was_sent)
{
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        struct run r = run_of_all(fits[i].body);
        cr_assert_eq(rows_of(&r), MR_OK, "%s: %s", fits[i].body, r.why.text);
        expect_cell(&r.rows.rows[0], fits[i].column, fits[i].want);
        run_end(&r);
    }
}

static const struct {
    const char *body, *want;
} misfits[] = {
    {"{'c':'abcd'}", "column c (CHAR(3)) of billing.all.types: the text is too long"},
    {"{'c':'\u00e9'}", "column c (CHAR(3)) of billing.all.types: the text is not ASCII"},
    {"{'v':'ab\U0001f600'}", "column v (VARCHAR(4)) of billing.all.types: the text is too long"},
    {"{'v':[1,2]}", "column v (VARCHAR(4)) of billing.all.types: the text is too long"},
    {"{'c':1}", "column c (CHAR(3)) of billing.all.types: the value is no text"},
    {"{'c':{}}", "column c (CHAR(3)) of billing.all.types: the value is no text"},
    {"{'b':1.5}", "column b (BIGINT) of billing.all.types: the value is no integer of 64 bits"},
    {"{'b':1e19}", "column b (BIGINT) of billing.all.types: the value is no integer of 64 bits"},
    {"{'b':'1'}", "column b (BIGINT) of billing.all.types: the value is no integer of 64 bits"},
    {"{'i':2147483648}",
     "column i (INTEGER) of billing.all.types: the integer has more than 32 bits"},
    {"{'f':1}", "column f (BOOLEAN) of billing.all.types: the value is neither true nor false"},
    {"{'z':'2026-11-25'}", "column z (TIMESTAMPTZ) of billing.all.types: the value is no time"},
    {"{'z':'0000-12-31T00:00:00Z'}",
     "column z (TIMESTAMPTZ) of billing.all.types: the value is no time"},
    {"{'z':'2026-11-25T08:39:03.1234567Z'}",
     "column z (TIMESTAMPTZ) of billing.all.types: the time has more than microseconds"},
    {"{'t':5}", "column t (TIMESTAMP) of billing.all.types: the value is no time"},
    {"{'d':'2023-02-29'}", "column d (DATE) of billing.all.types: the value is no date"},
    {"{'d':'0000-02-01'}", "column d (DATE) of billing.all.types: the value is no date"},
    {"{'n':1000}", "column n (DECIMAL(5,2)) of billing.all.types: the number has more digits"},
    {"{'n':0.125}", "column n (DECIMAL(5,2)) of billing.all.types: the number has more decimals"},
    {"{'n':'1'}", "column n (DECIMAL(5,2)) of billing.all.types: the value is no number"},
    {"{'g':'1'}", "column g (DOUBLE PRECISION) of billing.all.types: the value is no number"},
    {"{'g':9007199254740993}",
     "column g (DOUBLE PRECISION) of billing.all.types: the integer has more than 53 bits"},
    {"{'g':9223372036854775807}",
     "column g (DOUBLE PRECISION) of billing.all.types: the integer has more than 53 bits"},
    {"{'y':'soon'}", "column y (TIMESTAMPTZ) of billing.all.types: the value is no time"},
};

Test(warehouse, given_values_that_do_not_fit_then_column_and_reason_are_named)
{
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        struct run r = run_of_all(misfits[i].body);
        cr_expect_eq(rows_of(&r), MR_INVALID, "%s", misfits[i].body);
        cr_expect_str_eq(r.why.text, misfits[i].want, "%s: %s", misfits[i].body, r.why.text);
        run_end(&r);
    }
}

Test(warehouse, given_two_feeds_of_one_table_then_its_rows_are_numbered_on)
{
    struct run r = run_of_all("{'b':1}");
    cr_assert_eq(rows_of(&r), MR_OK);
    cr_assert_eq(r.rows.count, 2);
    expect_cell(&r.rows.rows[0], "row", "0");
    expect_cell(&r.rows.rows[1], "row", "1");
    run_end(&r);
}

Test(warehouse, given_a_full_arena_then_the_caller_is_told_to_make_room)
{
    struct run r = run_of(real_catalog(), "billing.payment.recorded", recorded);
    for (size_t bytes = 0;; bytes += 16) {
        mr_arena_free(&r.arena);
        mr_arena_init(&r.arena, bytes);
        enum mr_status s = rows_of(&r);
        if (s == MR_OK)
            break;
        cr_assert_eq(s, MR_LIMIT);
    }
    cr_assert_eq(r.rows.count, 4);
    run_end(&r);
}

/* A fact is a command: its rows begin with what the log says of it. */
Test(warehouse, given_a_fact_then_its_row_has_its_offset_its_time_and_its_id)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "logging/line.json",
               "{\"title\":\"t\",\"x-command\":{\"type\":\"logging.line\",\"scope\":\"a:b\","
               "\"route\":\"POST /l\",\"record\":\"none\",\"key\":\"id\"},\"x-warehouse\":["
               "{\"table\":\"logs\",\"columns\":[{\"name\":\"attributes\",\"type\":\"VARCHAR(99)\","
               "\"pointer\":\"/attributes\",\"cut\":true}]}],\"properties\":{\"attributes\":{}}}");
    struct mr_catalog *c = folder_build(folder, &why);
    cr_assert_not_null(c, "%s", why.text);
    const struct mr_catalog_command *line = mr_catalog_command_of(c, mr_slice_text("logging.line"));
    struct run r = run_of(c, "billing.payment.recorded", "{'attributes':{'a':[1]}}");
    r.event.feeds = line->feeds;
    r.event.feed_count = line->feed_count;
    r.event.domain = mr_slice_text(line->domain->name);
    r.event.type = mr_slice_text(line->type);
    cr_assert_eq(rows_of(&r), MR_OK, "%s", r.why.text);
    cr_assert_eq(r.rows.count, 1);
    expect_cell(&r.rows.rows[0], "domain", "logging");
    expect_cell(&r.rows.rows[0], "event_type", "logging.line");
    expect_cell(&r.rows.rows[0], "sequence", "90210");
    expect_cell(&r.rows.rows[0], "event_time", "2026-11-25T08:39:03.123Z");
    expect_cell(&r.rows.rows[0], "command_id", P);
    expect_cell(&r.rows.rows[0], "attributes", "{\"a\":[1]}");
    expect_cell(&r.rows.rows[0], "attributes_bytes", "9");
    run_end(&r);
}
