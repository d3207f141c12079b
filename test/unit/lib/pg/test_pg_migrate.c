#include "pg_fixture.h"
#include "test_pg_migrations.h"

#include <sys/wait.h>
#include <unistd.h>

static const struct mr_pg_migrations *const sets[] = {&test_pg_migrations};

static void count_applied(const char *domain, const struct mr_pg_migration *migration, void *data)
{
    cr_assert_str_eq(domain, "shop");
    cr_assert(migration->number == 1 || migration->number == 2);
    ++*(int *)data;
}

static enum mr_status migrate(const char *conninfo, const struct mr_pg_migrations *const *which,
                              int *applied, struct mr_error *why)
{
    struct mr_pg_migrate_options options = {.conninfo = conninfo,
                                            .sets = which,
                                            .count = 1,
                                            .on_applied = count_applied,
                                            .data = applied};
    *applied = 0;
    *why = (struct mr_error){""};
    return mr_pg_migrate(&options, why);
}

Test(pg_migrate, given_an_empty_database_then_files_are_applied_once)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_error why;
    int applied;
    pg_database("migrated", conninfo);
    cr_assert_eq(migrate(conninfo, sets, &applied, &why), MR_OK, "%s", why.text);
    cr_assert_eq(applied, 2);
    cr_assert_str_eq(pg_run(conninfo, "SELECT name || price_minor FROM shop.item"), "first0");
    cr_assert_str_eq(pg_run(conninfo,
                            "SELECT string_agg(domain || number || name, ' ' ORDER BY"
                            " number) FROM millrace.migration WHERE length(checksum) = 64"),
                     "shop1item shop2price");
    cr_assert_eq(migrate(conninfo, sets, &applied, &why), MR_OK, "%s", why.text);
    cr_assert_eq(applied, 0);
}

Test(pg_migrate, given_a_changed_file_then_it_is_an_error_that_names_it)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_error why;
    int applied;
    static const struct mr_pg_migration changed[] = {
        {1, "item", "CREATE SCHEMA shop; CREATE TABLE shop.item (id int)"}};
    static const struct mr_pg_migrations set = {"shop", changed, 1};
    static const struct mr_pg_migrations *const changed_sets[] = {&set};
    pg_database("changed", conninfo);
    cr_assert_eq(migrate(conninfo, sets, &applied, &why), MR_OK, "%s", why.text);
    cr_assert_eq(migrate(conninfo, changed_sets, &applied, &why), MR_INVALID);
    cr_assert(strstr(why.text, "shop migration 0001_item"), "%s", why.text);
}

Test(pg_migrate, given_a_file_that_fails_then_it_leaves_nothing_and_names_the_line)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_error why;
    int applied;
    static const struct mr_pg_migration bad[] = {
        {1, "item", "CREATE SCHEMA shop;\n-- \xC3\xA4\nCREATE TABLE shop.item (id nosuchtype);"}};
    static const struct mr_pg_migration ending[] = {{1, "item", "CREATE TABLE x (i int); COMMIT"}};
    static const struct mr_pg_migrations bad_set = {"shop", bad, 1},
                                         ending_set = {"shop", ending, 1};
    static const struct mr_pg_migrations *const bad_sets[] = {&bad_set};
    static const struct mr_pg_migrations *const ending_sets[] = {&ending_set};
    pg_database("failed", conninfo);
    cr_assert_eq(migrate(conninfo, bad_sets, &applied, &why), MR_INVALID);
    cr_assert(strstr(why.text, "shop migration 0001_item: line 3"), "%s", why.text);
    cr_assert_str_eq(pg_run(conninfo, "SELECT count(*) FROM pg_namespace WHERE nspname = 'shop'"),
                     "0");
    cr_assert_eq(migrate(conninfo, ending_sets, &applied, &why), MR_INVALID);
    cr_assert(strstr(why.text, "COMMIT"), "%s", why.text);
    cr_assert_str_eq(pg_run(conninfo, "SELECT count(*) FROM millrace.migration"), "0");
}

Test(pg_migrate, given_two_at_once_then_one_applies_and_both_succeed)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_error why;
    int applied, total = 0, fds[2];
    pid_t child[2];
    pg_database("twice", conninfo);
    cr_assert_eq(pipe(fds), 0);
    for (int i = 0; i < 2; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            enum mr_status s = migrate(conninfo, sets, &applied, &why);
            unsigned char byte = s == MR_OK ? (unsigned char)applied : 100;
            _exit(write(fds[1], &byte, 1) == 1 ? 0 : 1);
        }
    }
    for (int i = 0; i < 2; i++) {
        unsigned char byte;
        cr_assert_eq(read(fds[0], &byte, 1), 1);
        total += byte;
        waitpid(child[i], NULL, 0);
    }
    close(fds[0]);
    close(fds[1]);
    cr_assert_eq(total, 2);
}

Test(pg_migrate, given_the_lock_is_held_too_long_then_it_is_busy)
{
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_pg_session *holder;
    struct mr_error why;
    pg_database("held", conninfo);
    cr_assert_eq(mr_pg_session_open(conninfo, "holder", &holder, &why), MR_OK);
    cr_assert_eq(mr_pg_session_exec(holder, "SELECT pg_advisory_lock(7883951835720016741)", NULL,
                                    NULL, &why),
                 MR_OK);
    struct mr_pg_migrate_options options = {
        .conninfo = conninfo, .sets = sets, .count = 1, .lock_wait_ms = 30};
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_BUSY, "%s", why.text);
    mr_pg_session_close(holder);
    options.conninfo = "host=127.0.0.1 port=1 dbname=x";
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_BUSY, "%s", why.text);
    pg_conninfo_tcp("absent", "127.0.0.1", conninfo);
    options.conninfo = conninfo;
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_FATAL, "%s", why.text);
}

struct checked {
    struct mr_error why;
    enum mr_status status;
    int count;
};

static void on_checked(enum mr_status status, const struct mr_error *why, void *data)
{
    struct checked *c = data;
    c->status = status;
    c->why = *why;
    c->count++;
}

Test(pg_migrate, given_a_database_then_the_check_says_whether_it_is_new_enough)
{
    struct fixture *f = fixture_new("checked");
    struct checked c = {{""}, MR_OK, 0};
    struct mr_error why;
    int applied;
    static const struct mr_pg_migration more[] = {
        {1, "item", ""}, {2, "price", ""}, {3, "tax", ""}};
    static const struct mr_pg_migrations newer = {"shop", more, 3}, older = {"shop", more, 1};
    static const struct mr_pg_migrations *const newer_sets[] = {&newer};
    static const struct mr_pg_migrations *const older_sets[] = {&older};
    fixture_up(f, (struct mr_pg_options){0});
    cr_assert_eq(mr_pg_schema_check(f->conn, sets, 1, on_checked, &c), MR_OK);
    wait_int(f, &c.count, 1);
    cr_assert_eq(c.status, MR_FATAL);
    cr_assert(strstr(c.why.text, "`millracectl migrate`"), "%s", c.why.text);
    cr_assert_eq(migrate(f->conninfo, sets, &applied, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_schema_check(f->conn, sets, 1, on_checked, &c), MR_OK);
    wait_int(f, &c.count, 2);
    cr_assert_eq(c.status, MR_OK, "%s", c.why.text);
    cr_assert_eq(mr_pg_schema_check(f->conn, newer_sets, 1, on_checked, &c), MR_OK);
    wait_int(f, &c.count, 3);
    cr_assert_eq(c.status, MR_FATAL);
    cr_assert(strstr(c.why.text, "0003_tax of shop"), "%s", c.why.text);
    cr_assert(strstr(c.why.text, "`millracectl migrate`"), "%s", c.why.text);
    cr_assert_eq(mr_pg_schema_check(f->conn, older_sets, 1, on_checked, &c), MR_OK);
    wait_int(f, &c.count, 4);
    cr_assert_eq(c.status, MR_OK, "a newer database is fine");
    cr_assert_eq(mr_pg_schema_check(f->conn, sets, 1, on_checked, &c), MR_OK);
    fixture_close(f);
    cr_assert_eq(c.count, 5);
    cr_assert_eq(c.status, MR_BUSY, "the answer was lost");
    fixture_free(f);
}
