#include "ctl_bed.h"

#include "catalog_fixture.h"
#include "ctl_sets.h"
#include "mr_ddl.h"
#include <criterion/criterion.h>
#include <stdio.h>

static void migrate(const char *conninfo, const struct ctl_sets *sets)
{
    struct mr_pg_migrate_options options = {
        .conninfo = conninfo, .sets = sets->list, .count = sets->count};
    struct mr_error why;
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_OK, "%s", why.text);
}

static void make_tables(struct ctl_bed *b)
{
    struct mr_ddl ddl = {.dialect = MR_DDL_POSTGRES};
    for (size_t i = 0; i < b->ctl.catalog->table_count; i++)
        mr_ddl_create(&ddl, &b->ctl.catalog->tables[i]);
    for (size_t i = 0; i < ddl.count; i++)
        pg_run(b->warehouse, ddl.statements[i]);
    mr_ddl_free(&ddl);
}

static struct mr_catalog *catalog_of_both(void)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_add(&folder, "logging");
    struct mr_catalog *catalog = folder_build(folder, &why);
    cr_assert_not_null(catalog, "%s", why.text);
    return catalog;
}

static struct mr_config *config_of(struct ctl_bed *b)
{
    static const struct mr_config_program program = {
        .name = "test", .usage = "", .summary = "", .reader = MR_READER_CTL};
    char pg[PG_CONNINFO_BYTES + 8], warehouse[PG_CONNINFO_BYTES + 16];
    struct mr_config *config;
    struct mr_error why;
    snprintf(pg, sizeof pg, "--pg=%s", b->pg);
    snprintf(warehouse, sizeof warehouse, "--warehouse=%s", b->warehouse);
    char *argv[] = {"test", pg, warehouse, "--lane-lock-wait-ms=100", NULL}, *env[] = {NULL};
    cr_assert_eq(mr_config_read(&program, argv, env, &config, &why), MR_OK, "%s", why.text);
    return config;
}

struct ctl_bed *ctl_bed_new(const char *name)
{
    char warehouse[64];
    struct mr_error why;
    struct ctl_bed *b = calloc(1, sizeof *b);
    cr_assert_not_null(b);
    snprintf(warehouse, sizeof warehouse, "%s_warehouse", name);
    pg_database(name, b->pg);
    pg_database(warehouse, b->warehouse);
    migrate(b->pg, &ctl_sets_pg);
    migrate(b->warehouse, &ctl_sets_warehouse);
    pg_run(b->pg, "SELECT millrace.make_days(current_date - 30, current_date + 7)");
    pg_run(b->pg, "INSERT INTO millrace.domain VALUES ('billing', 2)");
    mr_arena_init(&b->ctl.arena, 64 << 20);
    b->ctl.config = config_of(b);
    b->ctl.catalog = catalog_of_both();
    make_tables(b);
    cr_assert_eq(ctl_open_pg(&b->ctl, &why), MR_OK, "%s", why.text);
    cr_assert_eq(ctl_open_warehouse(&b->ctl, &why), MR_OK, "%s", why.text);
    return b;
}

void ctl_bed_free(struct ctl_bed *b)
{
    ctl_close(&b->ctl);
    free(b);
}

struct mr_pg_session *ctl_bed_session(const char *conninfo, const char *first, const char *second)
{
    struct mr_pg_session *s;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(conninfo, "frozen", &s, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_script(s, first, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_script(s, second, &why), MR_OK, "%s", why.text);
    return s;
}
