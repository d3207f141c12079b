#include "log_db.h"
#include "logging_store.h"
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
    snprintf(command, sizeof command, "%s %s %s %s", getenv("LOGGING_POSTGRES"), verb, folder,
             files);
    if (system(command) != 0) {
        fprintf(stderr, "cannot %s a Postgres: %s\n", verb, command);
        abort();
    }
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
    (void)tests;
    snprintf(folder, sizeof folder, "/tmp/millrace-logging-%ld", (long)getpid());
    server("start", getenv("LOGGING_MIGRATIONS"));
    setenv("LOGGING_DB", folder, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    server("stop", "");
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct log_db *db = data;
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

void log_db_open(struct log_db *db)
{
    char conninfo[128];
    const struct mr_pg_options options = {.conninfo = conninfo};
    const struct mr_pg_events events = {.on_up = on_up, .on_down = on_down, .data = db};
    uint32_t pid = (uint32_t)getpid();
    struct mr_error why;
    *db = (struct log_db){.account = {.bytes = {0xa1}}};
    memcpy(db->account.bytes + 8, &pid, sizeof pid);
    mr_arena_init(&db->arena, ARENA_BYTES_MAX);
    snprintf(conninfo, sizeof conninfo, "host=%s/s user=millrace dbname=postgres",
             getenv("LOGGING_DB"));
    cr_assert_eq(uv_loop_init(&db->loop), 0);
    cr_assert_eq(mr_pg_open(&db->loop, &options, &events, &db->conn, &why), MR_OK, "%s", why.text);
    while (!db->up)
        uv_run(&db->loop, UV_RUN_ONCE);
}

void log_db_close(struct log_db *db)
{
    mr_pg_close(db->conn, NULL, NULL);
    uv_run(&db->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&db->loop), 0);
    mr_arena_free(&db->arena);
}

static void on_result(struct mr_pg_result *result, void *data)
{
    struct mr_pg_result **out = data;
    *out = mr_pg_result_take(result);
}

static struct mr_pg_result *run(struct log_db *db, const struct mr_pg_stmt *stmt,
                                const struct mr_pg_params *params)
{
    struct mr_pg_result *result = NULL;
    cr_assert_eq(mr_pg_query(db->conn, stmt, params, on_result, &result), MR_OK);
    mr_pg_sync(db->conn);
    while (!result)
        uv_run(&db->loop, UV_RUN_ONCE);
    return result;
}

/* ---- storing ---- */

static void param_of(struct mr_pg_params *p, enum domain_store_type type,
                     const struct domain_store_value *value)
{
    struct mr_uuid id;
    if (value->is_null) {
        mr_pg_param_null(p);
        return;
    }
    switch (type) {
    case DOMAIN_STORE_UUID:
        memcpy(id.bytes, value->bytes.data, sizeof id.bytes);
        mr_pg_param_uuid(p, &id);
        break;
    case DOMAIN_STORE_INT4:
        mr_pg_param_int4(p, (int32_t)value->number);
        break;
    case DOMAIN_STORE_INT8:
        mr_pg_param_int8(p, value->number);
        break;
    case DOMAIN_STORE_TIME_US:
        mr_pg_param_time_us(p, value->number);
        break;
    case DOMAIN_STORE_BOOL:
        mr_pg_param_bool(p, value->number != 0);
        break;
    case DOMAIN_STORE_BYTEA:
        mr_pg_param_bytea(p, value->bytes);
        break;
    case DOMAIN_STORE_JSONB:
        mr_pg_param_any(p, value->bytes);
        break;
    default:
        mr_pg_param_text(p, value->bytes);
    }
}

/* The columns that logging_store.copy names, with a parameter for each. */
static const char *insert_of(struct log_db *db, int count)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_printf(&sql, "INSERT INTO %s VALUES (", logging_store.rows[LOGGING_LINE]->copy);
    for (int i = 1; i <= count; i++)
        mr_buf_printf(&sql, i > 1 ? ", $%d" : "$%d", i);
    mr_buf_char(&sql, ')');
    const char *text = mr_arena_dup(&db->arena, sql.data, sql.len);
    mr_buf_free(&sql);
    return text;
}

struct mr_uuid log_db_put(struct log_db *db, int64_t received_ms, const char *body)
{
    const struct domain_store_rows *rows = logging_store.rows[LOGGING_LINE];
    struct log_row row;
    struct mr_error why;
    struct mr_pg_params p;
    struct mr_uuid id = {.bytes = {[6] = 0x50, [8] = 0x80, [15] = ++db->lines}};
    log_row_init_at(&row, received_ms, body);
    mr_pg_params_init(&p, &db->arena);
    mr_pg_param_uuid(&p, &db->account);
    mr_pg_param_uuid(&p, &id);
    mr_pg_param_day(&p, (int32_t)(received_ms / 86400000));
    mr_pg_param_time(&p, received_ms);
    mr_pg_param_int4(&p, row.command.record.lane);
    mr_pg_param_int8(&p, row.command.record.in.position);
    for (int32_t i = 0; i < rows->column_count; i++)
        param_of(&p, rows->columns[i].type, &row.values[i]);
    const struct mr_pg_stmt stmt = {.sql = insert_of(db, p.count), .nparams = p.count};
    struct mr_pg_result *result = run(db, &stmt, &p);
    cr_assert_eq(mr_pg_result_status(result, &why), MR_OK, "%s: %s", body, why.text);
    mr_pg_result_free(result);
    log_row_free(&row);
    return id;
}

/* ---- asking ---- */

static struct mr_pg_result *run_text(struct log_db *db, const char *sql)
{
    const uint32_t types[] = {MR_PG_UUID};
    const struct mr_pg_stmt stmt = {.sql = sql, .nparams = 1, .types = types, .text = true};
    struct mr_pg_params params;
    mr_pg_params_init(&params, &db->arena);
    mr_pg_param_uuid(&params, &db->account);
    return run(db, &stmt, &params);
}

#define FORMAT(sql, fmt)                                                                           \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, fmt);                                                                       \
        cr_assert_lt(vsnprintf((sql), sizeof(sql), (fmt), args), (int)sizeof(sql));                \
        va_end(args);                                                                              \
    } while (0)

const char *log_db_text(struct log_db *db, const char *fmt, ...)
{
    char sql[8192];
    struct mr_error why;
    FORMAT(sql, fmt);
    struct mr_pg_result *result = run_text(db, sql);
    cr_assert_eq(mr_pg_result_status(result, &why), MR_OK, "%s: %s", sql, why.text);
    cr_assert_eq(mr_pg_result_rows(result), 1, "%s", sql);
    struct mr_slice text = mr_pg_result_text(result, 0, 0);
    const char *copy = mr_arena_dup(&db->arena, text.data ? text.data : "(null)",
                                    text.data ? text.len : strlen("(null)"));
    mr_pg_result_free(result);
    return copy;
}

const char *log_db_refusal(struct log_db *db, const char *fmt, ...)
{
    char sql[8192];
    FORMAT(sql, fmt);
    struct mr_pg_result *result = run_text(db, sql);
    struct mr_pg_error error = mr_pg_result_error(result);
    const char *copy = mr_arena_printf(&db->arena, "%s %s", error.sqlstate, error.message);
    mr_pg_result_free(result);
    return copy;
}

int64_t log_db_now(struct log_db *db)
{
    return strtoll(log_db_text(db, "SELECT floor(extract(epoch FROM now()) * 1000)::text"
                                   " WHERE $1 IS NOT NULL"),
                   NULL, 10);
}
