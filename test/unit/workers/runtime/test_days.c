/* Day partitions of every registered table, whatever its schema. */
#include "millrace_migrations.h"
#include "pg_server.h"
#include <criterion/criterion.h>

static void database(const char *name, char conninfo[PG_CONNINFO_BYTES])
{
    const struct mr_pg_migrations *sets[] = {&millrace_migrations};
    struct mr_pg_migrate_options options = {.conninfo = conninfo, .sets = sets, .count = 1};
    struct mr_error why;
    pg_database(name, conninfo);
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_OK, "%s", why.text);
    pg_run(conninfo, "CREATE SCHEMA shop");
    pg_run(conninfo, "CREATE TABLE shop.visit (day date NOT NULL, id uuid NOT NULL, note text, "
                     "PRIMARY KEY (id, day)) PARTITION BY RANGE (day)");
    pg_run(conninfo, "CREATE INDEX visit_note ON shop.visit (note)");
    pg_run(conninfo, "INSERT INTO millrace.day_table VALUES ('shop', 'visit')");
}

/* A session of its own that runs the statement and stays in its transaction. */
static struct mr_pg_session *open_transaction(const char *conninfo, const char *sql)
{
    struct mr_pg_session *s;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(conninfo, "test", &s, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_script(s, "BEGIN", &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_script(s, sql, &why), MR_OK, "%s", why.text);
    return s;
}

/* The failure of one statement, as a text. */
static const char *failure(const char *conninfo, const char *sql)
{
    static struct mr_error why;
    struct mr_pg_session *s;
    cr_assert_eq(mr_pg_session_open(conninfo, "test", &s, &why), MR_OK, "%s", why.text);
    cr_assert_neq(mr_pg_session_exec_text(s, sql, NULL, NULL, &why), MR_OK, "%s", sql);
    mr_pg_session_close(s);
    return why.text;
}

Test(days, given_registered_tables_then_all_of_them_get_each_day_once)
{
    char db[PG_CONNINFO_BYTES];
    database("days_made", db);
    cr_expect_str_eq(pg_run(db, "SELECT millrace.make_days('2026-11-24', '2026-11-26')"), "12");
    cr_expect_str_eq(pg_run(db, "SELECT millrace.make_days('2026-11-25', '2026-11-27')"), "4");
    cr_expect_str_eq(pg_run(db, "SELECT count(*) FROM pg_inherits WHERE inhparent IN "
                                "('millrace.seen'::regclass, 'shop.visit'::regclass)"),
                     "8");
    pg_run(db, "INSERT INTO shop.visit VALUES ('2026-11-27', gen_random_uuid(), 'here')");
    cr_expect_str_eq(pg_run(db, "SELECT note FROM shop.visit_20261127"), "here");
    cr_expect_str_eq(
        pg_run(db, "SELECT count(*) FROM pg_indexes WHERE tablename = 'visit_20261127'"), "2");
}

Test(days, given_old_partitions_then_whole_ones_are_dropped_and_no_other)
{
    char db[PG_CONNINFO_BYTES];
    database("days_dropped", db);
    pg_run(db, "SELECT millrace.make_days('2026-11-20', '2026-11-26')");
    pg_run(db, "CREATE TABLE shop.visit_notes (id int)");
    cr_expect_str_eq(pg_run(db, "SELECT millrace.drop_days('shop', 'visit', '2026-11-23')"), "3");
    cr_expect_str_eq(pg_run(db, "SELECT millrace.drop_days('shop', 'visit', '2026-11-23')"), "0");
    cr_expect_str_eq(pg_run(db, "SELECT min(relname) FROM pg_class WHERE relname ~ '^visit_2'"),
                     "visit_20261123");
    cr_expect_str_eq(pg_run(db, "SELECT to_regclass('shop.visit_notes') IS NOT NULL AND "
                                "to_regclass('millrace.command_20261120') IS NOT NULL"),
                     "t");
}

Test(days, given_a_table_that_is_not_registered_then_nothing_is_dropped_and_the_error_names_it)
{
    char db[PG_CONNINFO_BYTES];
    database("days_unknown", db);
    cr_expect(strstr(failure(db, "SELECT millrace.drop_days('shop', 'visits', '2026-11-23')"),
                     "millrace.day_table does not name shop.visits"));
}

Test(days, given_a_reader_that_stays_then_dropping_gives_up_and_stalls_nobody)
{
    char db[PG_CONNINFO_BYTES];
    database("days_read", db);
    pg_run(db, "SELECT millrace.make_days('2026-11-20', '2026-11-26')");
    struct mr_pg_session *reader = open_transaction(db, "SELECT FROM shop.visit");
    cr_expect(
        strstr(failure(db, "SELECT millrace.drop_days('shop', 'visit', '2026-11-23')"), "55P03"));
    cr_expect_str_eq(
        pg_run(db, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'shop.visit'::regclass"),
        "7");
    mr_pg_session_close(reader);
    cr_expect_str_eq(pg_run(db, "SELECT millrace.drop_days('shop', 'visit', '2026-11-23')"), "3");
}
