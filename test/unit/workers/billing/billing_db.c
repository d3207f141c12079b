#include "billing_db.h"
#include "billing_store.h"
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARENA_BYTES_MAX (64u << 20)

/* The server lives from before the first test to after the last; tests are processes of their own
 * and find it by the environment. */
static char folder[64];

static void server(const char *verb, const char *files)
{
    char command[1024];
    snprintf(command, sizeof command, "%s %s %s %s", getenv("BILLING_POSTGRES"), verb, folder,
             files);
    if (system(command) != 0) {
        fprintf(stderr, "cannot %s a Postgres: %s\n", verb, command);
        abort();
    }
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    (void)tests;
    snprintf(folder, sizeof folder, "/tmp/millrace-billing-%ld", (long)getpid());
    server("start", getenv("BILLING_MIGRATIONS"));
    setenv("BILLING_DB", folder, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    server("stop", "");
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct billing_db *db = data;
    (void)conn;
    (void)backend;
    db->up = true;
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    (void)conn;
    (void)data;
    cr_assert_fail("the database went away: %s", down->why.text);
}

void billing_db_open(struct billing_db *db)
{
    char conninfo[128];
    const struct mr_pg_options options = {.conninfo = conninfo};
    const struct mr_pg_events events = {.on_up = on_up, .on_down = on_down, .data = db};
    struct mr_error why;
    *db = (struct billing_db){0};
    mr_arena_init(&db->arena, ARENA_BYTES_MAX);
    snprintf(conninfo, sizeof conninfo, "host=%s/s user=millrace dbname=postgres",
             getenv("BILLING_DB"));
    cr_assert_eq(uv_loop_init(&db->loop), 0);
    cr_assert_eq(mr_pg_open(&db->loop, &options, &events, &db->conn, &why), MR_OK, "%s", why.text);
    while (!db->up)
        uv_run(&db->loop, UV_RUN_ONCE);
}

void billing_db_close(struct billing_db *db)
{
    mr_pg_close(db->conn, NULL, NULL);
    uv_run(&db->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&db->loop), 0);
    mr_arena_free(&db->arena);
}

struct mr_uuid billing_db_account(void)
{
    uint32_t pid = (uint32_t)getpid();
    static uint8_t count;
    struct mr_uuid account = {.bytes = {[0] = 0xb1, [15] = ++count}};
    memcpy(account.bytes + 8, &pid, sizeof pid);
    return account;
}

static void on_result(struct mr_pg_result *result, void *data)
{
    struct mr_pg_result **out = data;
    *out = mr_pg_result_take(result);
}

struct mr_pg_result *billing_db_run(struct billing_db *db, const struct mr_pg_stmt *stmt,
                                    const struct mr_pg_params *params)
{
    struct mr_pg_result *result = NULL;
    cr_assert_eq(mr_pg_query(db->conn, stmt, params, on_result, &result), MR_OK);
    mr_pg_sync(db->conn);
    while (!result)
        uv_run(&db->loop, UV_RUN_ONCE);
    return result;
}

static struct mr_pg_result *run_text(struct billing_db *db, const char *sql, bool text,
                                     const struct mr_uuid *account)
{
    const uint32_t types[] = {MR_PG_UUID};
    const struct mr_pg_stmt stmt = {
        .sql = sql, .nparams = account ? 1 : 0, .types = types, .text = text};
    struct mr_pg_params params;
    mr_pg_params_init(&params, &db->arena);
    if (account)
        mr_pg_param_uuid(&params, account);
    return billing_db_run(db, &stmt, &params);
}

static void expect_ok(const struct mr_pg_result *result, const char *sql)
{
    struct mr_error why;
    cr_assert_eq(mr_pg_result_status(result, &why), MR_OK, "%s: %s", sql, why.text);
}

void billing_db_exec(struct billing_db *db, const char *sql, const struct mr_uuid *account)
{
    struct mr_pg_result *result = run_text(db, sql, false, account);
    expect_ok(result, sql);
    mr_pg_result_free(result);
}

void billing_db_refused(struct billing_db *db, const char *sql, const struct mr_uuid *account,
                        const char *constraint)
{
    struct mr_pg_result *result = run_text(db, sql, false, account);
    struct mr_pg_error error = mr_pg_result_error(result);
    cr_assert_eq(error.class, MR_PG_ROW, "%s: %s %s", sql, error.sqlstate, error.message);
    cr_assert_str_eq(error.constraint, constraint, "%s", sql);
    mr_pg_result_free(result);
}

const char *billing_db_text(struct billing_db *db, const char *sql, const struct mr_uuid *account)
{
    struct mr_pg_result *result = run_text(db, sql, true, account);
    expect_ok(result, sql);
    cr_assert_eq(mr_pg_result_rows(result), 1, "%s", sql);
    struct mr_slice text = mr_pg_result_text(result, 0, 0);
    const char *copy = mr_arena_dup(&db->arena, text.data, text.len);
    mr_pg_result_free(result);
    return copy;
}

void billing_db_save(struct billing_db *db, const struct engine_save *save)
{
    struct store_call calls[STORE_CALLS_MAX];
    size_t count = store_calls_save(&billing_store, save, &db->arena, calls);
    billing_db_exec(db, "BEGIN", NULL);
    for (size_t i = 0; i < count; i++) {
        struct mr_pg_result *result = billing_db_run(db, &calls[i].stmt, &calls[i].params);
        expect_ok(result, calls[i].stmt.sql);
        cr_assert_eq(mr_pg_result_affected(result), (int64_t)calls[i].rows, "%s",
                     calls[i].stmt.sql);
        mr_pg_result_free(result);
    }
    billing_db_exec(db, "COMMIT", NULL);
}

struct engine_entity billing_db_load(struct billing_db *db, const struct engine_key *key)
{
    struct store_call call;
    struct engine_entity entity = {.key = *key};
    store_call_load(&billing_store, key, &db->arena, &call);
    struct mr_pg_result *result = billing_db_run(db, &call.stmt, &call.params);
    expect_ok(result, call.stmt.sql);
    if (mr_pg_result_rows(result) == 1) {
        entity = store_call_read(&billing_store, result, key->kind, &db->arena);
        cr_assert_eq(memcmp(&entity.key, key, sizeof *key), 0);
    } else {
        cr_assert_eq(mr_pg_result_rows(result), 0);
    }
    mr_pg_result_free(result);
    return entity;
}
