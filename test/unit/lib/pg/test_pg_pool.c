#include "mr_pg_pool.h"
#include "pg_fixture.h"

#include <stdio.h>

struct pool_fixture {
    struct fixture *f;
    struct mr_pg_pool *pool;
    int ups, downs;
    int closed;
};

static void on_up(uint32_t up, void *data)
{
    struct pool_fixture *p = data;
    p->ups++;
    cr_assert_eq(mr_pg_pool_up(p->pool), up);
}

static void on_down(uint32_t up, const struct mr_pg_down *down, void *data)
{
    (void)up;
    (void)down;
    ((struct pool_fixture *)data)->downs++;
}

static void on_closed(void *data)
{
    ((struct pool_fixture *)data)->closed++;
}

static void pool_open(struct pool_fixture *p, const char *database, uint32_t connections)
{
    struct mr_error why;
    struct mr_pg_pool_events events = {on_up, on_down, p};
    *p = (struct pool_fixture){.f = fixture_new(database)};
    struct mr_pg_pool_options options = {
        .conn = {.conninfo = p->f->conninfo}, .connections = connections, .queries_max = 500};
    cr_assert_eq(mr_pg_pool_open(&p->f->loop, &options, &events, &p->pool, &why), MR_OK);
}

static void pool_close(struct pool_fixture *p)
{
    mr_pg_pool_close(p->pool, on_closed, p);
    wait_int(p->f, &p->closed, 1);
    fixture_free(p->f);
}

static enum mr_status read_one(struct pool_fixture *p, const struct mr_pg_stmt *stmt, int label,
                               uint32_t deadline_ms)
{
    struct mr_pg_params params;
    mr_pg_params_init(&params, &p->f->arena);
    if (stmt->nparams > 0)
        mr_pg_param_int8(&params, label);
    struct mr_pg_read read = {stmt, &params, deadline_ms, note_answer, label_of(p->f, label)};
    return mr_pg_pool_query(p->pool, &read);
}

static const struct mr_pg_stmt echo = {.name = "echo", .sql = "SELECT $1::int8", .nparams = 1};
static const struct mr_pg_stmt inverse = {
    .name = "inverse", .sql = "SELECT 100 / $1::int8", .nparams = 1};
static const struct mr_pg_stmt sleep_long = {.sql = "SELECT pg_sleep(60)"};

Test(pg_pool, given_no_connection_yet_then_it_is_busy_and_later_answers_all)
{
    struct pool_fixture p;
    pool_open(&p, "pooled", 3);
    cr_assert_eq(read_one(&p, &echo, 0, 1000), MR_BUSY);
    wait_int(p.f, &p.ups, 3);
    for (int i = 0; i < 500; i++)
        cr_assert_eq(read_one(&p, &echo, i, 10000), MR_OK);
    cr_assert_eq(read_one(&p, &echo, 0, 1000), MR_LIMIT);
    wait_answers(p.f, 500);
    bool seen[500] = {false};
    for (int i = 0; i < 500; i++) {
        const struct answer *a = &p.f->answers[i];
        cr_assert_eq(a->outcome, MR_PG_OK);
        cr_assert_eq(a->value, a->label);
        cr_assert_not(seen[a->label]);
        seen[a->label] = true;
    }
    cr_assert_eq(mr_pg_pool_queued(p.pool), 0);
    pool_close(&p);
}

Test(pg_pool, given_a_read_that_fails_then_its_neighbours_are_answered)
{
    struct pool_fixture p;
    pool_open(&p, "neighbours", 1);
    wait_int(p.f, &p.ups, 1);
    for (int i = 0; i < 20; i++) /* one group; every fifth divides by zero */
        cr_assert_eq(read_one(&p, &inverse, i % 5, 10000), MR_OK);
    wait_answers(p.f, 20);
    int failed = 0;
    for (int i = 0; i < 20; i++) {
        const struct answer *a = &p.f->answers[i];
        if (a->label == 0) {
            failed++;
            cr_assert_str_eq(a->sqlstate, "22012");
        } else {
            cr_assert_eq(a->outcome, MR_PG_OK, "%s", a->message);
            cr_assert_eq(a->value, 100 / a->label);
        }
    }
    cr_assert_eq(failed, 4);
    pool_close(&p);
}

Test(pg_pool, given_a_deadline_that_passes_then_it_is_told_late_once)
{
    struct pool_fixture p;
    pool_open(&p, "late", 1);
    wait_int(p.f, &p.ups, 1);
    cr_assert_eq(read_one(&p, &sleep_long, 1, 50), MR_OK);
    wait_answers(p.f, 1);
    cr_assert_eq(p.f->answers[0].outcome, MR_PG_LATE);
    cr_assert_eq(p.f->answers[0].label, 1);
    cr_assert_eq(mr_pg_pool_queued(p.pool), 0);
    pool_close(&p); /* the answer that is lost here is not told a second time */
}

static void kill_all(struct pool_fixture *p)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
             " WHERE application_name = 'millrace' AND datname = current_database()");
    pg_run(p->f->conninfo, sql);
}

Test(pg_pool, given_all_connections_break_then_reads_in_flight_are_lost_and_it_comes_up_again)
{
    struct pool_fixture p;
    pool_open(&p, "broken", 2);
    wait_int(p.f, &p.ups, 2);
    cr_assert_eq(read_one(&p, &sleep_long, 0, 60000), MR_OK);
    uv_run(&p.f->loop, UV_RUN_NOWAIT);
    uv_run(&p.f->loop, UV_RUN_NOWAIT);
    kill_all(&p);
    wait_answers(p.f, 1);
    cr_assert_eq(p.f->answers[0].outcome, MR_PG_LOST);
    wait_int(p.f, &p.ups, 4);
    cr_assert_eq(mr_pg_pool_up(p.pool), 2);
    cr_assert_eq(read_one(&p, &echo, 7, 10000), MR_OK);
    wait_answers(p.f, 2);
    cr_assert_eq(p.f->answers[1].value, 7);
    pool_close(&p);
}

Test(pg_pool, given_reads_in_flight_when_closed_then_they_are_lost)
{
    struct pool_fixture p;
    pool_open(&p, "pool_closed", 2);
    wait_int(p.f, &p.ups, 2);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(read_one(&p, &sleep_long, i, 60000), MR_OK);
    mr_pg_pool_close(p.pool, on_closed, &p);
    wait_int(p.f, &p.closed, 1);
    cr_assert_eq(p.f->answer_count, 4);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(p.f->answers[i].outcome, MR_PG_LOST);
    fixture_free(p.f);
}
