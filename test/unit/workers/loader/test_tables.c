/* Tables and views from the real schemas, in a real Postgres. */
#include "catalog_fixture.h"
#include "loader_tables.h"
#include "mr_loop.h"
#include "pg_server.h"
#include <criterion/criterion.h>

static struct loader_tables make(const char *conninfo, const struct mr_catalog *catalog)
{
    struct loader_tables tables;
    struct mr_error why;
    cr_assert_eq(loader_tables_make(conninfo, catalog, &tables, &why), MR_OK, "%s", why.text);
    return tables;
}

static const char columns_of_invoices[] =
    "SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.invoice_events'::regclass "
    "AND attnum > 0";

Test(tables, given_an_empty_warehouse_then_tables_comments_and_views_are_made)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_catalog *catalog = real_catalog();
    pg_database("tables_empty", conninfo);
    struct loader_tables t = make(conninfo, catalog);
    cr_expect_eq(t.stopped_count, 0);
    for (size_t i = 0; i < t.domain_count; i++)
        cr_expect_null(t.views_why[i], "%s", t.views_why[i]);
    cr_expect_str_eq(pg_run(conninfo, "SELECT count(*) FROM public.invoices"), "0");
    cr_expect_str_eq(pg_run(conninfo, "SELECT obj_description('public.invoice_events'::regclass)"
                                      " IS NOT NULL"),
                     "t");
    loader_tables_free(&t);
    mr_catalog_free(catalog);
}

Test(tables, given_tables_that_exist_then_a_new_column_is_added_and_nothing_else_changes)
{
    char conninfo[PG_CONNINFO_BYTES], before[16];
    struct mr_error why;
    struct mr_catalog *old = real_catalog();
    struct folder folder = folder_read();
    folder_change(&folder, "billing/invoice.created.json",
                  "{ \"name\": \"due_days\", \"type\": \"INTEGER\", \"pointer\": \"/due_days\" }",
                  "{ \"name\": \"due_days\", \"type\": \"INTEGER\", \"pointer\": \"/due_days\" },"
                  "{ \"name\": \"mood\", \"type\": \"VARCHAR(16)\", \"pointer\": \"/status\" }");
    struct mr_catalog *new = folder_build(folder, &why);
    cr_assert_not_null(new, "%s", why.text);
    pg_database("tables_grow", conninfo);
    struct loader_tables t = make(conninfo, old);
    loader_tables_free(&t);
    snprintf(before, sizeof before, "%s", pg_run(conninfo, columns_of_invoices));
    t = make(conninfo, new);
    cr_expect_eq(t.stopped_count, 0);
    cr_expect_eq(atoi(pg_run(conninfo, columns_of_invoices)), atoi(before) + 1);
    loader_tables_free(&t);
    mr_catalog_free(old);
    mr_catalog_free(new);
}

Test(tables, given_a_contradiction_then_that_table_alone_is_stopped_with_an_explanation)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_catalog *catalog = real_catalog();
    pg_database("tables_stop", conninfo);
    struct loader_tables t = make(conninfo, catalog);
    loader_tables_free(&t);
    pg_run(conninfo, "ALTER TABLE public.payment_events ALTER COLUMN invoice_version TYPE text");
    t = make(conninfo, catalog);
    cr_expect_eq(t.stopped_count, 1);
    const char *why = t.stopped[mr_catalog_table_of(catalog, "payment_events")->index];
    cr_assert_not_null(why);
    cr_expect_not_null(strstr(why, "invoice_version is text"), "%s", why);
    loader_tables_free(&t);
    mr_catalog_free(catalog);
}

Test(tables, given_views_that_are_refused_then_the_tables_are_there_all_the_same)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "billing/views.sql", "CREATE VIEW public.x AS SELECT nothing FROM nowhere");
    struct mr_catalog *catalog = folder_build(folder, &why);
    cr_assert_not_null(catalog, "%s", why.text);
    pg_database("tables_views", conninfo);
    struct loader_tables t = make(conninfo, catalog);
    cr_expect_eq(t.stopped_count, 0);
    cr_assert_not_null(t.views_why[0]);
    cr_expect_not_null(strstr(t.views_why[0], "nowhere"), "%s", t.views_why[0]);
    cr_expect_str_eq(pg_run(conninfo, "SELECT count(*) FROM public.invoice_events"), "0");
    loader_tables_free(&t);
    mr_catalog_free(catalog);
}

Test(tables, given_no_such_database_then_it_is_fatal)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_catalog *catalog = real_catalog();
    struct loader_tables t;
    struct mr_error why;
    pg_conninfo_tcp("not_there", "127.0.0.1", conninfo);
    cr_expect_eq(loader_tables_make(conninfo, catalog, &t, &why), MR_FATAL, "%s", why.text);
    mr_catalog_free(catalog);
}

struct maker {
    struct mr_job job;
    char *conninfo;
    struct mr_catalog *catalog;
    enum mr_status status;
    struct loader_tables tables;
    struct mr_error why;
};

static void work(void *data)
{
    struct maker *m = data;
    m->status = loader_tables_make(m->conninfo, m->catalog, &m->tables, &m->why);
}

static void done(void *data)
{
    (void)data;
}

Test(tables, given_two_loaders_at_once_then_both_find_them_made)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_loop loop;
    struct maker makers[2];
    pg_database("tables_two", conninfo);
    mr_loop_init(&loop, NULL);
    for (int i = 0; i < 2; i++) {
        makers[i] = (struct maker){.conninfo = conninfo, .catalog = real_catalog()};
        mr_job_start(&makers[i].job, &loop, work, done, &makers[i]);
    }
    mr_loop_run(&loop);
    mr_loop_close(&loop);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(makers[i].status, MR_OK, "%s", makers[i].why.text);
        cr_expect_eq(makers[i].tables.stopped_count, 0);
        loader_tables_free(&makers[i].tables);
        mr_catalog_free(makers[i].catalog);
    }
}
