#include "pg_fixture.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture *fixture_new(const char *database)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->answers = calloc(ANSWERS_MAX, sizeof *f->answers);
    pg_database(database, f->conninfo);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->alarm);
    uv_unref((uv_handle_t *)&f->alarm);
    mr_arena_init(&f->arena, (size_t)1 << 30);
    return f;
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct fixture *f = data;
    cr_assert(mr_pg_is_up(conn));
    f->backend = *backend;
    f->ups++;
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    struct fixture *f = data;
    cr_assert_not(mr_pg_is_up(conn));
    f->down = *down;
    f->downs++;
}

static void on_closed(void *data)
{
    ((struct fixture *)data)->closed = true;
}

void fixture_open(struct fixture *f, struct mr_pg_options options)
{
    struct mr_error why;
    struct mr_pg_events events = {on_up, on_down, f};
    if (!options.conninfo)
        options.conninfo = f->conninfo;
    cr_assert_eq(mr_pg_open(&f->loop, &options, &events, &f->conn, &why), MR_OK, "%s", why.text);
    cr_assert_not(mr_pg_is_up(f->conn));
}

void fixture_up(struct fixture *f, struct mr_pg_options options)
{
    fixture_open(f, options);
    wait_int(f, &f->ups, 1);
}

void fixture_close(struct fixture *f)
{
    mr_pg_close(f->conn, on_closed, f);
    f->conn = NULL;
    cr_assert_not(f->closed);
    while (!f->closed)
        uv_run(&f->loop, UV_RUN_ONCE);
}

void fixture_free(struct fixture *f)
{
    if (f->conn)
        fixture_close(f);
    uv_close((uv_handle_t *)&f->alarm, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&f->loop), 0, "nothing is left on the loop");
    mr_arena_free(&f->arena);
    free(f->answers);
    free(f);
}

static void on_alarm(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

void wait_int(struct fixture *f, const int *flag, int at_least)
{
    bool rung = false;
    f->alarm.data = &rung;
    uv_timer_start(&f->alarm, on_alarm, 20000, 0);
    uv_ref((uv_handle_t *)&f->alarm);
    while (*flag < at_least && !rung)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_timer_stop(&f->alarm);
    uv_unref((uv_handle_t *)&f->alarm);
    cr_assert_geq(*flag, at_least, "waited 20 s; last down: %s", f->down.why.text);
}

void wait_answers(struct fixture *f, int count)
{
    wait_int(f, &f->answer_count, count);
}

struct label *label_of(struct fixture *f, int label)
{
    struct label *l = mr_arena_alloc(&f->arena, sizeof *l);
    *l = (struct label){f, label};
    return l;
}

void note_answer(struct mr_pg_result *result, void *data)
{
    struct label *l = data;
    cr_assert_lt(l->f->answer_count, ANSWERS_MAX);
    struct answer *a = &l->f->answers[l->f->answer_count++];
    struct mr_pg_error e = mr_pg_result_error(result);
    *a = (struct answer){.outcome = mr_pg_result_outcome(result),
                         .class = e.class,
                         .rows = mr_pg_result_rows(result),
                         .affected = mr_pg_result_affected(result),
                         .label = l->label};
    snprintf(a->sqlstate, sizeof a->sqlstate, "%s", e.sqlstate);
    snprintf(a->message, sizeof a->message, "%s", e.message);
    if (a->rows == 0 || mr_pg_result_columns(result) == 0)
        return;
    uint32_t type = mr_pg_result_type(result, 0);
    if (type == MR_PG_INT4 || type == MR_PG_INT8)
        a->value = mr_pg_result_int8(result, 0, 0);
}

enum mr_status ask(struct fixture *f, const char *sql, int label)
{
    struct mr_pg_stmt *stmt = mr_arena_alloc(&f->arena, sizeof *stmt);
    *stmt = (struct mr_pg_stmt){.sql = sql};
    return mr_pg_query(f->conn, stmt, NULL, note_answer, label_of(f, label));
}

void must_ask(struct fixture *f, const char *sql, int label)
{
    cr_assert_eq(ask(f, sql, label), MR_OK, "%s", sql);
}
