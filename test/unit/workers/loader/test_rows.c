/* From records to rows, by the real schemas. */
#include "catalog_fixture.h"
#include "loader_events.h"
#include "loader_rows.h"
#include "mr_record.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct mr_catalog *catalog;
static struct loader_rows *rows;
static struct mr_arena arena;
static const char *stopped[64];

static void open_rows(void)
{
    catalog = real_catalog();
    cr_assert_leq(catalog->table_count, 64);
    mr_arena_init(&arena, 16 << 20);
    rows = loader_rows_new(&(struct loader_rows_settings){
        .catalog = catalog, .domain = "billing", .stopped = stopped});
}

static void close_rows(void)
{
    loader_rows_free(rows);
    mr_arena_free(&arena);
    mr_catalog_free(catalog);
}

TestSuite(rows, .init = open_rows, .fini = close_rows);

static struct engine_load_record *take(const char *type, const char *json)
{
    const struct loader_event event = {
        .type = type, .json = json, .lane = 2, .offset = 9, .sequence = 7};
    struct mr_kafka_record r = loader_event_record(&event, &arena);
    return loader_rows_take(rows, &r);
}

static const char *table_of(const struct loader_record *r, size_t line)
{
    return catalog->tables[r->lines[line].table].name;
}

/* All lines of a table, as they go into COPY. */
static const char *lines_of(const struct loader_record *r, const char *table)
{
    static char text[4096];
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < r->line_count; i++)
        if (strcmp(table_of(r, i), table) == 0)
            len += (size_t)snprintf(text + len, sizeof text - len, "%.*s",
                                    MR_SLICE_FMT(r->lines[i].text));
    return text;
}

/* The n-th cell, from 0, of a line of COPY's text. */
static const char *cell_of(const char *lines, const char *table, const char *column)
{
    static char text[256];
    const struct mr_catalog_table *t = mr_catalog_table_of(catalog, table);
    size_t n = 0;
    while (strcmp(t->columns[n].name, column) != 0)
        cr_assert_lt(++n, t->column_count, "%s", column);
    for (size_t i = 0; i < n; i++)
        lines = strchr(lines, '\t') + 1;
    snprintf(text, sizeof text, "%.*s", (int)strcspn(lines, "\t\n"), lines);
    return text;
}

Test(rows, given_an_event_then_its_row_has_every_column_of_the_table_in_order)
{
    struct engine_load_record *r = take("billing.invoice.created", invoice_created);
    const struct loader_record *l = loader_record_of(r);
    cr_assert_eq(r->class, ENGINE_LOAD_ROWS, "%s", r->cause);
    cr_expect_eq(r->lane, 2);
    cr_expect_eq(r->offset, 9);
    cr_expect_eq(r->sequence, 7);
    cr_assert_eq(r->row_count, 1);
    const char *line = lines_of(l, "invoice_events");
    cr_expect_str_eq(cell_of(line, "invoice_events", "account_id"),
                     "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa");
    cr_expect_str_eq(cell_of(line, "invoice_events", "domain"), "billing");
    cr_expect_str_eq(cell_of(line, "invoice_events", "lane"), "2");
    cr_expect_str_eq(cell_of(line, "invoice_events", "sequence"), "7");
    cr_expect_str_eq(cell_of(line, "invoice_events", "row"), "0");
    cr_expect_str_eq(cell_of(line, "invoice_events", "total_minor"), "1250");
    cr_expect_str_eq(cell_of(line, "invoice_events", "number"), "\\N", "not in this event");
    loader_record_free(r);
}

Test(rows, given_tabs_and_backslashes_then_they_are_escaped)
{
    struct engine_load_record *r = take("billing.invoice.created", invoice_created);
    const char *line = lines_of(loader_record_of(r), "invoice_events");
    cr_expect_str_eq(cell_of(line, "invoice_events", "customer"), "Ada\\tL\\\\");
    loader_record_free(r);
}

Test(rows, given_an_array_then_each_element_is_a_row)
{
    struct engine_load_record *r = take("billing.invoice.finalized", invoice_finalized);
    const struct loader_record *l = loader_record_of(r);
    cr_assert_eq(r->row_count, 3, "%s", r->cause);
    const char *second = strchr(lines_of(l, "journal_entries"), '\n') + 1;
    cr_expect_str_eq(cell_of(second, "journal_entries", "row"), "1");
    cr_expect_str_eq(cell_of(second, "journal_entries", "amount_minor"), "-1250");
    cr_expect_str_eq(cell_of(second, "journal_entries", "currency"), "EUR");
    loader_record_free(r);
}

Test(rows, given_any_event_with_rows_then_the_record_is_kept_as_it_was)
{
    struct engine_load_record *r = take("billing.invoice.created", invoice_created);
    struct mr_record record;
    struct mr_error why;
    cr_assert_eq(mr_record_unpack(loader_record_of(r)->packed, &arena, &record, &why), MR_OK, "%s",
                 why.text);
    cr_expect_eq(record.position, 9);
    cr_expect(mr_slice_is(record.key, "key"));
    cr_expect(
        mr_slice_is(mr_ce_header_find(&record.headers, "ce_type"), "billing.invoice.created"));
    cr_expect_geq(r->bytes, sizeof(struct loader_record) + record.value.len);
    loader_record_free(r);
}

static const struct {
    const char *type, *json, *cause;
} bads[] = {
    {"billing.invoice.sung", "{}", "the type billing.invoice.sung is not known"},
    {"billing.invoice.created", NULL, "there is no value"},
    {"billing.invoice.created", "{'invoice_id'", "line 1"},
    {"billing.invoice.created", "{'invoice_id': 12}", "column invoice_id"},
    {"billing.invoice.created", "{'total_minor': 99999999999999999999}", "line 1"},
    {"billing.invoice.created", "{'total_minor': 1.5}", "column total_minor"},
    {"billing.invoice.created", "{'currency': 'EURO'}", "column currency"},
    {"billing.invoice.finalized", "{'postings': 3}", "no list"},
};

Test(rows, given_what_cannot_be_loaded_then_it_is_bad_with_a_cause_and_keeps_its_sequence)
{
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        struct engine_load_record *r = take(bads[i].type, bads[i].json);
        cr_expect_eq(r->class, ENGINE_LOAD_BAD, "%s", bads[i].cause);
        cr_expect_eq(r->sequence, 7);
        cr_expect_eq(r->row_count, 0);
        cr_expect_not_null(strstr(r->cause, bads[i].cause), "%s: %s", bads[i].cause, r->cause);
        cr_expect_not_null(loader_record_of(r)->packed.data);
        loader_record_free(r);
    }
}

Test(rows, given_unreadable_headers_then_it_is_nobodys_event)
{
    struct mr_kafka_record r = {.lane = 1, .position = 5, .value = mr_slice_text("{}")};
    struct engine_load_record *taken = loader_rows_take(rows, &r);
    cr_expect_eq(taken->class, ENGINE_LOAD_BAD);
    cr_expect_eq(taken->sequence, -1);
    cr_expect_eq(taken->lane, 1);
    cr_expect_eq(taken->offset, 5);
    cr_expect_neq(taken->cause[0], 0);
    loader_record_free(taken);
}

Test(rows, given_an_event_of_another_lane_then_it_is_nobodys_event)
{
    const struct loader_event event = {
        .type = "billing.invoice.created", .json = invoice_created, .lane = 2, .sequence = 7};
    struct mr_kafka_record r = loader_event_record(&event, &arena);
    r.lane = 1;
    struct engine_load_record *taken = loader_rows_take(rows, &r);
    cr_expect_eq(taken->sequence, -1);
    loader_record_free(taken);
}

Test(rows, given_a_stopped_table_then_its_events_are_bad_and_others_are_not)
{
    stopped[mr_catalog_table_of(catalog, "journal_entries")->index] = "it was made by hand";
    struct engine_load_record *r = take("billing.invoice.finalized", invoice_finalized);
    cr_expect_eq(r->class, ENGINE_LOAD_BAD);
    cr_expect_str_eq(r->cause, "it was made by hand");
    loader_record_free(r);
    r = take("billing.invoice.created", invoice_created);
    cr_expect_eq(r->class, ENGINE_LOAD_ROWS);
    loader_record_free(r);
}

Test(rows, given_a_type_without_x_warehouse_then_it_is_skipped_and_not_kept)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "billing/quiet.json",
               "{\"title\":\"Quiet\",\"x-event\":{\"type\":\"billing.quiet\"},"
               "\"type\":\"object\"}");
    loader_rows_free(rows);
    mr_catalog_free(catalog);
    catalog = folder_build(folder, &why);
    cr_assert_not_null(catalog, "%s", why.text);
    rows = loader_rows_new(&(struct loader_rows_settings){.catalog = catalog, .domain = "billing"});
    struct engine_load_record *r = take("billing.quiet", "{}");
    cr_expect_eq(r->class, ENGINE_LOAD_SKIPPED);
    cr_expect_eq(r->sequence, 7);
    cr_expect_null(loader_record_of(r)->packed.data);
    loader_record_free(r);
}
