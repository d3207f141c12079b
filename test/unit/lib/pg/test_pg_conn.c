#include "pg_fixture.h"

#include <stdio.h>

static const struct mr_pg_options defaults = {0};

Test(pg_conn, given_a_server_then_it_comes_up_and_names_its_backend)
{
    struct fixture *f = fixture_new("up");
    fixture_up(f, (struct mr_pg_options){.application_name = "mill test",
                                         .statement_timeout_ms = 1234,
                                         .lock_timeout_ms = -1,
                                         .idle_in_transaction_timeout_ms = 777});
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT 1 FROM pg_stat_activity WHERE pid = %d AND application_name = 'mill test'"
             " AND backend_start = '%s'::timestamptz"
             " AND (extract(epoch FROM backend_start) * 1000000)::bigint = %lld",
             f->backend.pid, f->backend.start_text, (long long)f->backend.start_us);
    cr_assert_str_eq(pg_run(f->conninfo, sql), "1");
    cr_assert_geq(f->backend.server_version, 150000);
    must_ask(f, "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'", 1);
    must_ask(f, "SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'", 2);
    must_ask(f,
             "SELECT setting::int FROM pg_settings"
             " WHERE name = 'idle_in_transaction_session_timeout'",
             3);
    mr_pg_sync(f->conn);
    wait_answers(f, 3);
    cr_assert_eq(f->answers[0].value, 1234);
    cr_assert_eq(f->answers[1].value, 0);
    cr_assert_eq(f->answers[2].value, 777);
    fixture_free(f);
}

Test(pg_conn, given_many_groups_at_once_then_answers_come_in_order)
{
    struct fixture *f = fixture_new("pipelined");
    fixture_up(f, defaults);
    static const uint32_t types[] = {MR_PG_INT8};
    static const struct mr_pg_stmt echo = {"echo", "SELECT $1", 1, types, false};
    for (int i = 0; i < 1000; i++) {
        struct mr_pg_params p;
        mr_pg_params_init(&p, &f->arena);
        mr_pg_param_int8(&p, i);
        cr_assert_eq(mr_pg_query(f->conn, &echo, &p, note_answer, label_of(f, i)), MR_OK);
        if (i % 7 == 0)
            mr_pg_sync(f->conn);
    }
    mr_pg_sync(f->conn);
    cr_assert_eq(mr_pg_queued(f->conn), 1000);
    cr_assert_eq(f->answer_count, 0, "no callback inside a call");
    wait_answers(f, 1000);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(f->answers[i].outcome, MR_PG_OK);
        cr_assert_eq(f->answers[i].label, i);
        cr_assert_eq(f->answers[i].value, i);
    }
    must_ask(f, "SELECT count(*) FROM pg_prepared_statements WHERE name = 'echo'", 0);
    mr_pg_sync(f->conn);
    wait_answers(f, 1001);
    cr_assert_eq(f->answers[1000].value, 1, "it was prepared, once");
    cr_assert_eq(mr_pg_queued(f->conn), 0);
    fixture_free(f);
}

Test(pg_conn, given_an_error_then_only_the_rest_of_its_group_is_aborted)
{
    struct fixture *f = fixture_new("groups");
    fixture_up(f, defaults);
    must_ask(f, "SELECT 1", 0);
    must_ask(f, "SELECT 1 / 0", 1);
    must_ask(f, "SELECT 2", 2);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 3", 3);
    mr_pg_sync(f->conn);
    must_ask(f, "SELEC", 4);
    must_ask(f, "SELECT 4", 5);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 5", 6);
    mr_pg_sync(f->conn);
    wait_answers(f, 7);
    static const enum mr_pg_outcome want[] = {MR_PG_OK,    MR_PG_ERROR,   MR_PG_ABORTED, MR_PG_OK,
                                              MR_PG_ERROR, MR_PG_ABORTED, MR_PG_OK};
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(f->answers[i].label, i);
        cr_assert_eq(f->answers[i].outcome, want[i], "statement %d", i);
    }
    cr_assert_str_eq(f->answers[1].sqlstate, "22012");
    cr_assert_eq(f->answers[1].class, MR_PG_ROW);
    cr_assert_eq(f->answers[4].class, MR_PG_FATAL);
    cr_assert_eq(f->downs, 0);
    fixture_free(f);
}

Test(pg_conn, given_a_transaction_over_groups_then_after_an_error_all_is_aborted_until_rollback)
{
    struct fixture *f = fixture_new("transaction");
    fixture_up(f, defaults);
    must_ask(f, "CREATE TABLE t (id int PRIMARY KEY)", 0);
    mr_pg_sync(f->conn);
    must_ask(f, "BEGIN", 1);
    must_ask(f, "INSERT INTO t VALUES (1), (2)", 2);
    mr_pg_sync(f->conn);
    must_ask(f, "INSERT INTO t VALUES (2)", 3);
    must_ask(f, "COMMIT", 4);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 1", 5);
    mr_pg_sync(f->conn);
    must_ask(f, "ROLLBACK", 6);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT count(*) FROM t", 7);
    mr_pg_sync(f->conn);
    wait_answers(f, 8);
    cr_assert_eq(f->answers[2].affected, 2);
    cr_assert_str_eq(f->answers[3].sqlstate, "23505");
    cr_assert_eq(f->answers[3].class, MR_PG_ROW);
    cr_assert_eq(f->answers[4].outcome, MR_PG_ABORTED);
    cr_assert_eq(f->answers[5].outcome, MR_PG_ABORTED, "in a transaction that has failed");
    cr_assert_eq(f->answers[6].outcome, MR_PG_OK);
    cr_assert_eq(f->answers[7].value, 0);
    fixture_free(f);
}

Test(pg_conn, given_a_prepare_that_was_aborted_then_the_statement_works_later)
{
    struct fixture *f = fixture_new("prepare");
    fixture_up(f, defaults);
    static const struct mr_pg_stmt one = {.name = "one", .sql = "SELECT 1"};
    static const struct mr_pg_stmt bad = {.name = "bad", .sql = "SELECT * FROM missing"};
    must_ask(f, "SELECT 1 / 0", 0);
    cr_assert_eq(mr_pg_query(f->conn, &one, NULL, note_answer, label_of(f, 1)), MR_OK);
    mr_pg_sync(f->conn);
    /* still in doubt here: must not rely on the name, nor make it twice */
    cr_assert_eq(mr_pg_query(f->conn, &one, NULL, note_answer, label_of(f, 2)), MR_OK);
    mr_pg_sync(f->conn);
    cr_assert_eq(mr_pg_query(f->conn, &bad, NULL, note_answer, label_of(f, 3)), MR_OK);
    cr_assert_eq(mr_pg_query(f->conn, &bad, NULL, note_answer, label_of(f, 4)), MR_OK);
    mr_pg_sync(f->conn);
    wait_answers(f, 5);
    cr_assert_eq(f->answers[1].outcome, MR_PG_ABORTED);
    cr_assert_eq(f->answers[2].outcome, MR_PG_OK);
    cr_assert_str_eq(f->answers[3].sqlstate, "42P01", "the prepare's error is the statement's");
    cr_assert_eq(f->answers[4].outcome, MR_PG_ABORTED);
    for (int i = 5; i < 8; i++) {
        cr_assert_eq(mr_pg_query(f->conn, &one, NULL, note_answer, label_of(f, i)), MR_OK);
        mr_pg_sync(f->conn);
    }
    wait_answers(f, 8);
    for (int i = 5; i < 8; i++)
        cr_assert_eq(f->answers[i].outcome, MR_PG_OK);
    fixture_free(f);
}

Test(pg_conn, given_a_table_that_changed_then_the_prepared_statement_is_made_anew)
{
    struct fixture *f = fixture_new("stale");
    static const struct mr_pg_stmt all = {.name = "all", .sql = "SELECT * FROM t"};
    fixture_up(f, defaults);
    pg_run(f->conninfo, "CREATE TABLE t AS SELECT 7 AS a");
    cr_assert_eq(mr_pg_query(f->conn, &all, NULL, note_answer, label_of(f, 0)), MR_OK);
    mr_pg_sync(f->conn);
    wait_answers(f, 1);
    pg_run(f->conninfo, "ALTER TABLE t ALTER a TYPE bigint, ADD b int");
    cr_assert_eq(mr_pg_query(f->conn, &all, NULL, note_answer, label_of(f, 1)), MR_OK);
    mr_pg_sync(f->conn);
    wait_answers(f, 2);
    cr_assert_str_eq(f->answers[1].sqlstate, "0A000");
    cr_assert_eq(f->answers[1].class, MR_PG_TRANSIENT);
    cr_assert_eq(mr_pg_query(f->conn, &all, NULL, note_answer, label_of(f, 2)), MR_OK);
    mr_pg_sync(f->conn);
    must_ask(f, "DEALLOCATE ALL", 3);
    mr_pg_sync(f->conn);
    wait_answers(f, 4);
    cr_assert_eq(f->answers[2].value, 7);
    for (int i = 4; i < 6; i++) {
        cr_assert_eq(mr_pg_query(f->conn, &all, NULL, note_answer, label_of(f, i)), MR_OK);
        mr_pg_sync(f->conn);
        wait_answers(f, i + 1);
    }
    cr_assert_str_eq(f->answers[4].sqlstate, "26000");
    cr_assert_eq(f->answers[4].class, MR_PG_TRANSIENT);
    cr_assert_eq(f->answers[5].value, 7);
    fixture_free(f);
}

Test(pg_conn, given_a_full_queue_then_it_says_so_and_takes_again_later)
{
    struct fixture *f = fixture_new("queue_full");
    fixture_up(f, (struct mr_pg_options){.queue_statements_max = 3, .queue_bytes_max = 1000});
    static const struct mr_pg_stmt text = {
        .name = "text", .sql = "SELECT length($1::text)", .nparams = 1};
    struct mr_pg_params p;
    mr_pg_params_init(&p, &f->arena);
    mr_pg_param_text(&p, mr_slice(mr_arena_alloc(&f->arena, 900), 0));
    must_ask(f, "SELECT 0", 0);
    cr_assert_eq(mr_pg_room(f->conn), 2);
    must_ask(f, "SELECT 1", 1);
    must_ask(f, "SELECT 2", 2);
    cr_assert_eq(ask(f, "SELECT 3", 3), MR_LIMIT);
    cr_assert_eq(mr_pg_room(f->conn), 0);
    mr_pg_sync(f->conn);
    wait_answers(f, 3);
    char big[900];
    memset(big, 'x', sizeof big);
    mr_pg_params_init(&p, &f->arena);
    mr_pg_param_text(&p, mr_slice(big, sizeof big));
    must_ask(f, "SELECT 0", 0);
    cr_assert_eq(mr_pg_query(f->conn, &text, &p, NULL, NULL), MR_LIMIT, "too many bytes unsent");
    mr_pg_sync(f->conn);
    wait_answers(f, 4);
    cr_assert_eq(mr_pg_query(f->conn, &text, &p, note_answer, label_of(f, 5)), MR_OK);
    mr_pg_sync(f->conn);
    wait_answers(f, 5);
    cr_assert_eq(f->answers[4].value, 900);
    fixture_free(f);
}

Test(pg_conn, given_wrong_calls_then_they_are_invalid_and_nothing_is_queued)
{
    struct fixture *f = fixture_new("wrong");
    fixture_up(f, defaults);
    static const struct mr_pg_stmt needs = {.sql = "SELECT $1::int", .nparams = 1};
    static const struct mr_pg_stmt a = {.name = "same", .sql = "SELECT 1"};
    static const struct mr_pg_stmt b = {.name = "same", .sql = "SELECT 2"};
    static const struct mr_pg_stmt longer = {
        .name = "a_name_that_is_longer_than_forty_eight_characters", .sql = "SELECT 1"};
    struct mr_pg_params p;
    mr_pg_params_init(&p, &f->arena);
    mr_pg_param_any(&p, mr_slice("a\0b", 3));
    cr_assert_eq(mr_pg_query(f->conn, &needs, &p, NULL, NULL), MR_INVALID);
    cr_assert_eq(mr_pg_query(f->conn, &needs, NULL, NULL, NULL), MR_INVALID);
    cr_assert_eq(mr_pg_query(f->conn, &longer, NULL, NULL, NULL), MR_INVALID);
    cr_assert_eq(mr_pg_query(f->conn, &a, NULL, NULL, NULL), MR_OK);
    cr_assert_eq(mr_pg_query(f->conn, &b, NULL, NULL, NULL), MR_INVALID);
    cr_assert_eq(mr_pg_queued(f->conn), 1);
    fixture_free(f);
}

Test(pg_conn, given_values_of_many_megabytes_then_partial_writes_go_on)
{
    struct fixture *f = fixture_new("big");
    fixture_up(f, defaults);
    static const struct mr_pg_stmt echo = {
        .name = "echo", .sql = "SELECT length($1::bytea), $1::bytea", .nparams = 1};
    size_t len = (size_t)6 << 20;
    char *bytes = mr_arena_alloc(&f->arena, len);
    for (int i = 0; i < 3; i++) {
        struct mr_pg_params p;
        mr_pg_params_init(&p, &f->arena);
        memset(bytes, 'a' + i, len);
        mr_pg_param_bytea(&p, mr_slice(bytes, len));
        cr_assert_eq(mr_pg_query(f->conn, &echo, &p, note_answer, label_of(f, i)), MR_OK);
        mr_pg_sync(f->conn);
    }
    wait_answers(f, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(f->answers[i].value, (int64_t)len);
    fixture_free(f);
}

Test(pg_conn, given_a_refused_row_then_the_class_says_what_to_do)
{
    struct fixture *f = fixture_new("classes");
    fixture_up(f, (struct mr_pg_options){.statement_timeout_ms = 100});
    pg_run(f->conninfo, "CREATE TABLE d (day date, n int CHECK (n > 0)) PARTITION BY RANGE (day)");
    pg_run(f->conninfo, "CREATE TABLE d1 PARTITION OF d FOR VALUES FROM ('2026-01-01') TO "
                        "('2026-01-02')");
    static const struct {
        const char *sql, *sqlstate;
        enum mr_pg_class class;
    } rows[] = {
        {"INSERT INTO d VALUES ('2026-01-01', 1)", "", MR_PG_NONE},
        {"INSERT INTO d VALUES ('2026-01-05', 1)", "23514", MR_PG_PARTITION},
        {"INSERT INTO d VALUES ('2026-01-01', 0)", "23514", MR_PG_ROW},
        {"SELECT 'x'::int", "22P02", MR_PG_ROW},
        {"SELECT pg_sleep(10)", "57014", MR_PG_TRANSIENT},
        {"SELECT 1 FROM nowhere", "42P01", MR_PG_FATAL},
        {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$", "40001",
         MR_PG_TRANSIENT},
        {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '53100'; END $$", "53100",
         MR_PG_TRANSIENT},
        {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '55P03'; END $$", "55P03",
         MR_PG_TRANSIENT},
        {"DO $$ BEGIN RAISE EXCEPTION 'no'; END $$", "P0001", MR_PG_ROW},
        {"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '42501'; END $$", "42501", MR_PG_FATAL},
    };
    int count = sizeof rows / sizeof *rows;
    for (int i = 0; i < count; i++) {
        must_ask(f, rows[i].sql, i);
        mr_pg_sync(f->conn);
    }
    wait_answers(f, count);
    for (int i = 0; i < count; i++) {
        cr_expect_str_eq(f->answers[i].sqlstate, rows[i].sqlstate, "%s", rows[i].sql);
        cr_expect_eq(f->answers[i].class, rows[i].class, "%s", rows[i].sql);
    }
    fixture_free(f);
}

static void keep(struct mr_pg_result *result, void *data)
{
    *(struct mr_pg_result **)data = mr_pg_result_take(result);
}

Test(pg_conn, given_a_result_that_is_taken_then_it_outlives_the_callback)
{
    struct fixture *f = fixture_new("taken");
    struct mr_pg_result *good = NULL, *bad = NULL;
    struct mr_error why;
    fixture_up(f, defaults);
    pg_run(f->conninfo, "CREATE TABLE t (id int CONSTRAINT positive CHECK (id > 0))");
    static const struct mr_pg_stmt some = {.sql = "SELECT 'a'::text AS one, NULL::int8 AS two"};
    static const struct mr_pg_stmt wrong = {.sql = "INSERT INTO t VALUES (-1)"};
    cr_assert_eq(mr_pg_query(f->conn, &some, NULL, keep, &good), MR_OK);
    mr_pg_sync(f->conn);
    cr_assert_eq(mr_pg_query(f->conn, &wrong, NULL, keep, &bad), MR_OK);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 1", 0);
    mr_pg_sync(f->conn);
    wait_answers(f, 1);
    fixture_close(f);
    cr_assert_eq(mr_pg_result_column(good, "two"), 1);
    cr_assert_eq(mr_pg_result_column(good, "three"), -1);
    cr_assert(mr_slice_is(mr_pg_result_text(good, 0, 0), "a"));
    cr_assert(mr_pg_result_null(good, 0, 1));
    cr_assert_eq(mr_pg_result_int8(good, 0, 1), 0);
    cr_assert_eq(mr_pg_result_status(bad, &why), MR_INVALID);
    cr_assert(strstr(why.text, "23514") && strstr(why.text, "positive"), "%s", why.text);
    mr_pg_result_free(good);
    mr_pg_result_free(bad);
    fixture_free(f);
}

Test(pg_conn, given_a_commit_of_a_failed_transaction_then_the_tag_tells)
{
    struct fixture *f = fixture_new("tags");
    struct mr_pg_result *good = NULL, *bad = NULL;
    static const struct mr_pg_stmt commit = {.sql = "COMMIT"};
    fixture_up(f, defaults);
    must_ask(f, "BEGIN", 0);
    cr_assert_eq(mr_pg_query(f->conn, &commit, NULL, keep, &good), MR_OK);
    mr_pg_sync(f->conn);
    must_ask(f, "BEGIN", 1);
    must_ask(f, "SELECT 1 / 0", 2);
    mr_pg_sync(f->conn);
    cr_assert_eq(mr_pg_query(f->conn, &commit, NULL, keep, &bad), MR_OK);
    must_ask(f, "SELECT 1", 3);
    mr_pg_sync(f->conn);
    wait_answers(f, 4);
    cr_assert(mr_pg_result_is_commit(good));
    cr_assert_eq(mr_pg_result_outcome(bad), MR_PG_OK);
    cr_assert_not(mr_pg_result_is_commit(bad));
    cr_assert_str_eq(mr_pg_result_tag(bad), "ROLLBACK");
    mr_pg_result_free(good);
    mr_pg_result_free(bad);
    fixture_free(f);
}
