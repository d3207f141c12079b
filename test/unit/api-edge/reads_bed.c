#include "reads_bed.h"

#include "millrace_migrations.h"
#include "mr_pg_migrate.h"
#include "mr_pg_pool.h"
#include <criterion/criterion.h>
#include <stdio.h>

void reads_run(struct reads *reads, const char *sql)
{
    struct mr_pg_session *session;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(reads->conninfo, "test", &session, &why), MR_OK, "%s",
                 why.text);
    cr_assert_eq(mr_pg_session_script(session, sql, &why), MR_OK, "%s: %s", why.text, sql);
    mr_pg_session_close(session);
}

static void migrate(struct reads *reads)
{
    static const struct mr_pg_migrations *const sets[] = {&millrace_migrations};
    struct mr_pg_migrate_options options = {
        .conninfo = reads->conninfo, .sets = sets, .count = 1, .lock_wait_ms = 1000};
    struct mr_error why;
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_OK, "%s", why.text);
    reads_run(reads, reads_sql);
}

static void on_pool_closed(void *data)
{
    ((struct reads *)data)->pools_closed++;
}

static struct mr_pg_pool *open_pool(struct reads *reads, uint32_t connections,
                                    uint32_t statements_max)
{
    struct mr_error why;
    struct mr_pg_pool *pool;
    struct mr_pg_pool_options options = {
        .conn = {.conninfo = reads->conninfo, .queue_statements_max = statements_max},
        .connections = connections};
    cr_assert_eq(mr_pg_pool_open(&reads->bed.loop.uv, &options, NULL, &pool, &why), MR_OK, "%s",
                 why.text);
    while (mr_pg_pool_up(pool) < connections)
        uv_run(&reads->bed.loop.uv, UV_RUN_ONCE);
    return pool;
}

void reads_open(struct reads *reads, const char *name)
{
    *reads = (struct reads){0};
    pg_database(name, reads->conninfo);
    migrate(reads);
    bed_open_on(&reads->bed, &(struct command_submit_settings){0}, reads_catalog());
    reads->bed.edge.pool = open_pool(reads, 2, 0);
    reads->bed.edge.searches = open_pool(reads, READS_SEARCHES, 1);
}

void reads_close(struct reads *reads)
{
    mr_pg_pool_close(reads->bed.edge.pool, on_pool_closed, reads);
    mr_pg_pool_close(reads->bed.edge.searches, on_pool_closed, reads);
    reads->bed.edge.pool = reads->bed.edge.searches = NULL;
    while (reads->pools_closed < 2)
        uv_run(&reads->bed.loop.uv, UV_RUN_ONCE);
    bed_close(&reads->bed);
}

const char *reads_get(struct reads *reads, const char *path)
{
    char all[4096];
    snprintf(all, sizeof all, READS_ROOT "%s", path);
    return bed_get(&reads->bed, all, "");
}

bool reads_has(const char *reply, const char *text)
{
    return strstr(reply, text) != NULL;
}

char *reads_cursor(const char *reply)
{
    static const char member[] = "\"next_cursor\":";
    const char *at = strstr(reply, member);
    cr_assert(at, "%s", reply);
    at += strlen(member);
    return *at == '"' ? strndup(at + 1, strcspn(at + 1, "\"")) : NULL;
}
