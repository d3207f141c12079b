#include "catalog_fixture.h"
#include "mr_ddl.h"
#include <criterion/criterion.h>

static const char journal_entries[] = "CREATE TABLE IF NOT EXISTS public.\"journal_entries\" (\n"
                                      "    \"account_id\" character(36) NOT NULL,\n"
                                      "    \"domain\" character varying(15) NOT NULL,\n"
                                      "    \"lane\" integer NOT NULL,\n"
                                      "    \"sequence\" bigint NOT NULL,\n"
                                      "    \"row\" integer NOT NULL,\n"
                                      "    \"event_type\" character varying(96) NOT NULL,\n"
                                      "    \"event_time\" timestamp with time zone NOT NULL,\n"
                                      "    \"command_id\" character(36) NOT NULL,\n"
                                      "    \"ledger_account\" character varying(32),\n"
                                      "    \"amount_minor\" bigint,\n"
                                      "    \"currency\" character(3),\n"
                                      "    UNIQUE (\"domain\", \"lane\", \"sequence\", \"row\")\n"
                                      ")";

Test(ddl, given_a_table_then_it_is_created_with_its_key_and_comments)
{
    struct mr_catalog *c = real_catalog();
    struct mr_ddl ddl = {.dialect = MR_DDL_POSTGRES};
    const struct mr_catalog_table *table = mr_catalog_table_of(c, "journal_entries");
    char comment[512]; /* it names all event types: a new command must not touch this test */
    snprintf(comment, sizeof comment, "COMMENT ON TABLE public.\"journal_entries\" IS '%s'",
             table->comment);
    mr_ddl_create(&ddl, table);
    cr_assert_eq(ddl.count, 1 + 1 + 11);
    cr_assert_str_eq(ddl.statements[0], journal_entries);
    cr_assert_str_eq(ddl.statements[1], comment);
    cr_assert_str_eq(ddl.statements[2],
                     "COMMENT ON COLUMN public.\"journal_entries\".\"account_id\""
                     " IS 'Account that the event belongs to'");
    cr_assert_str_eq(
        ddl.statements[12],
        "COMMENT ON COLUMN public.\"journal_entries\".\"currency\" IS 'Currency of all "
        "amounts, as ISO 4217 writes it'");
    mr_ddl_free(&ddl);
    mr_catalog_free(c);
}

#define COLUMNS_MAX 64

struct warehouse {
    struct mr_ddl_found columns[COLUMNS_MAX];
    char types[COLUMNS_MAX][64];
    size_t count;
};

/* The table as Postgres would report it, without what comes after the first columns. */
static struct warehouse *warehouse_with(const struct mr_catalog_table *t, size_t columns)
{
    struct warehouse *w = calloc(1, sizeof *w);
    for (size_t i = 0; i < columns; i++) {
        struct mr_buf type;
        mr_buf_init(&type, 0);
        mr_ddl_type(MR_DDL_POSTGRES, &t->columns[i], &type);
        snprintf(w->types[i], sizeof w->types[i], "%.*s", MR_SLICE_FMT(mr_buf_all(&type)));
        mr_buf_free(&type);
        w->columns[i] = (struct mr_ddl_found){t->columns[i].name, w->types[i]};
    }
    w->count = columns;
    return w;
}

Test(ddl, given_a_table_that_is_as_declared_then_nothing_is_to_do)
{
    struct mr_catalog *c = real_catalog();
    const struct mr_catalog_table *t = mr_catalog_table_of(c, "invoice_events");
    struct warehouse *w = warehouse_with(t, t->column_count);
    w->columns[w->count++] = (struct mr_ddl_found){"added_by_an_analyst", "text"};
    struct mr_ddl ddl = {.dialect = MR_DDL_POSTGRES};
    struct mr_error why;
    cr_assert_eq(mr_ddl_upgrade(&ddl, t, w->columns, w->count, &why), MR_OK, "%s", why.text);
    cr_assert_eq(ddl.count, 0);
    cr_assert_eq(mr_ddl_upgrade(&ddl, t, NULL, 0, &why), MR_OK);
    cr_assert_eq(strncmp(ddl.statements[0], "CREATE TABLE", 12), 0);
    mr_ddl_free(&ddl);
    free(w);
    mr_catalog_free(c);
}

Test(ddl, given_a_column_that_appears_then_it_is_added_with_its_comment)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_change(&folder, "billing/invoice.finalized.json",
                  "{ \"name\": \"finalized_at\", \"type\": \"TIMESTAMPTZ\"",
                  "{ \"name\": \"late\", \"type\": \"DECIMAL(5,2)\", \"pointer\": \"/number\","
                  " \"comment\": \"it's late\" },"
                  "{ \"name\": \"finalized_at\", \"type\": \"TIMESTAMPTZ\"");
    struct mr_catalog *old = real_catalog(), *new = folder_build(folder, &why);
    cr_assert_not_null(new, "%s", why.text);
    const struct mr_catalog_table *was = mr_catalog_table_of(old, "invoice_events");
    struct warehouse *w = warehouse_with(was, was->column_count);
    struct mr_ddl ddl = {.dialect = MR_DDL_POSTGRES};
    cr_assert_eq(mr_ddl_upgrade(&ddl, mr_catalog_table_of(new, "invoice_events"), w->columns,
                                w->count, &why),
                 MR_OK, "%s", why.text);
    cr_assert_eq(ddl.count, 3);
    cr_assert_str_eq(ddl.statements[0], "ALTER TABLE public.\"invoice_events\" ADD COLUMN IF NOT "
                                        "EXISTS \"late\" numeric(5,2)");
    cr_assert_str_eq(ddl.statements[1],
                     "COMMENT ON COLUMN public.\"invoice_events\".\"late\" IS 'it''s late'");
    cr_assert_eq(strncmp(ddl.statements[2], "COMMENT ON TABLE", 16), 0);
    mr_ddl_free(&ddl);
    free(w);
    mr_catalog_free(old);
    mr_catalog_free(new);
}

Test(ddl, given_a_change_that_is_not_an_addition_then_the_table_stops_with_an_explanation)
{
    struct mr_catalog *c = real_catalog();
    const struct mr_catalog_table *t = mr_catalog_table_of(c, "invoice_events");
    struct warehouse *w = warehouse_with(t, t->column_count);
    struct mr_ddl ddl = {.dialect = MR_DDL_POSTGRES};
    struct mr_error why;
    strcpy(w->types[MR_FIXED_COUNT + 1], "character varying(8)");
    cr_assert_eq(mr_ddl_upgrade(&ddl, t, w->columns, w->count, &why), MR_INVALID);
    cr_assert_str_eq(why.text,
                     "table invoice_events: column status is character varying(8) in the warehouse,"
                     " but billing/invoice.created.json says character varying(16); give the column"
                     " a new name, or change the table by hand");
    cr_assert_eq(ddl.count, 0);
    cr_assert_eq(mr_ddl_upgrade(&ddl, t, w->columns + 1, w->count - 1, &why), MR_INVALID);
    cr_assert_str_eq(why.text, "table invoice_events has no column account_id, so it is not one "
                               "that millrace made");
    free(w);
    mr_catalog_free(c);
}

Test(ddl, given_a_table_of_facts_then_their_ids_are_indexed_when_it_is_made)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "billing/fact.json",
               "{\"title\":\"t\",\"x-command\":{\"type\":\"billing.fact\",\"scope\":\"a:b\","
               "\"route\":\"POST /f\",\"record\":\"none\"},\"x-warehouse\":[{\"table\":\"facts\","
               "\"columns\":[{\"name\":\"n\",\"type\":\"DOUBLE PRECISION\",\"pointer\":\"/n\"}]}],"
               "\"properties\":{\"n\":{}}}");
    struct mr_catalog *c = folder_build(folder, &why);
    cr_assert_not_null(c, "%s", why.text);
    const struct mr_catalog_table *t = mr_catalog_table_of(c, "facts");
    struct mr_ddl ddl = {.dialect = MR_DDL_POSTGRES};
    mr_ddl_create(&ddl, t);
    cr_assert(strstr(ddl.statements[0], "    \"n\" double precision,\n"));
    cr_assert_str_eq(ddl.statements[1],
                     "CREATE INDEX IF NOT EXISTS \"facts_by_id\" ON public.\"facts\" "
                     "(\"command_id\")");
    mr_ddl_free(&ddl);
    struct warehouse *w = warehouse_with(t, t->column_count);
    cr_assert_eq(mr_ddl_upgrade(&ddl, t, w->columns, w->count, &why), MR_OK, "%s", why.text);
    cr_assert_eq(ddl.count, 0);
    free(w);
    mr_ddl_free(&ddl);
    mr_catalog_free(c);
}
