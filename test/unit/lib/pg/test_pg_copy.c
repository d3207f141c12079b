#include "mr_pg_copybin.h"
#include "pg_fixture.h"

#include <stdio.h>

static const struct mr_pg_options defaults = {0};

/* Gives rows of a binary COPY chunk by chunk, as the test says. */
struct source {
    struct fixture *f;
    struct mr_buf buf;
    int chunks;     /* to give */
    int given;      /* so far */
    int bad_at;     /* the chunk with a row that the table refuses; -1: none */
    int wait_every; /* says WAIT before each such chunk */
    bool waited;
    enum mr_pg_pull last; /* END or FAIL */
    bool ended;
    uv_timer_t resume;
};

#define CHUNK_ROWS 1000

static void on_resume(uv_timer_t *timer)
{
    mr_pg_copy_resume(((struct source *)timer->data)->f->conn);
}

static enum mr_pg_pull pull(struct mr_slice *chunk, void *data)
{
    struct source *s = data;
    cr_assert_not(s->ended);
    if (s->wait_every && s->given % s->wait_every == 0 && !s->waited) {
        s->waited = true;
        uv_timer_start(&s->resume, on_resume, 1, 0);
        return MR_PG_PULL_WAIT;
    }
    s->waited = false;
    mr_buf_reset(&s->buf);
    if (s->given == 0)
        mr_pg_copybin_header(&s->buf);
    if (s->given == s->chunks) {
        s->ended = true;
        if (s->last == MR_PG_PULL_FAIL)
            return s->last;
        s->ended = false;
        s->given++;
        mr_pg_copybin_trailer(&s->buf);
        *chunk = mr_buf_all(&s->buf);
        return MR_PG_PULL_MORE;
    }
    if (s->given > s->chunks) {
        s->ended = true;
        return MR_PG_PULL_END;
    }
    struct mr_uuid id;
    memset(id.bytes, 7, sizeof id.bytes);
    for (int i = 0; i < CHUNK_ROWS; i++) {
        mr_pg_copybin_row(&s->buf, 12);
        mr_pg_copybin_int8(&s->buf, s->given == s->bad_at ? -1 : i);
        mr_pg_copybin_int4(&s->buf, i);
        mr_pg_copybin_int2(&s->buf, (int16_t)i);
        mr_pg_copybin_bool(&s->buf, i % 2);
        mr_pg_copybin_uuid(&s->buf, i % 3 ? &id : NULL);
        mr_pg_copybin_bytes(&s->buf, mr_slice_text("h\xC3\xA9llo"));
        mr_pg_copybin_bytes(&s->buf, i % 5 ? mr_slice("\0\xff", 2) : (struct mr_slice){0});
        mr_pg_copybin_jsonb(&s->buf, mr_slice_text("{\"a\": 1}"));
        mr_pg_copybin_time(&s->buf, 1790239143123);
        mr_pg_copybin_day(&s->buf, 20000);
        mr_pg_copybin_float8(&s->buf, 0.5);
        mr_pg_copybin_time_us(&s->buf, 1790239143123456);
    }
    cr_assert(mr_buf_ok(&s->buf));
    s->given++;
    *chunk = mr_buf_all(&s->buf);
    return MR_PG_PULL_MORE;
}

static const char copy_sql[] = "COPY t FROM STDIN (FORMAT binary)";

static struct source *source_new(const char *database, struct source s)
{
    struct fixture *f = fixture_new(database);
    fixture_up(f, defaults);
    pg_run(f->conninfo,
           "CREATE TABLE t (a int8 CHECK (a >= 0), b int4, c int2, d bool, e uuid,"
           " f text, g bytea, h jsonb, i timestamptz, j date, k float8, l timestamptz)");
    struct source *out = malloc(sizeof *out);
    *out = s;
    out->f = f;
    mr_buf_init(&out->buf, 0);
    uv_timer_init(&f->loop, &out->resume);
    uv_unref((uv_handle_t *)&out->resume);
    out->resume.data = out;
    return out;
}

static void source_free(struct source *s)
{
    struct fixture *f = s->f;
    uv_close((uv_handle_t *)&s->resume, NULL);
    fixture_free(f);
    mr_buf_free(&s->buf);
    free(s);
}

/* note_answer wants a label and pull wants the source: both travel in this. */
struct both {
    struct label label;
    struct source *source;
};

static enum mr_pg_pull pull_both(struct mr_slice *chunk, void *data)
{
    return pull(chunk, ((struct both *)data)->source);
}

static void copy(struct source *s, int label)
{
    struct both *b = mr_arena_alloc(&s->f->arena, sizeof *b);
    *b = (struct both){{s->f, label}, s};
    cr_assert_eq(mr_pg_copy_in(s->f->conn, copy_sql, pull_both, note_answer, b), MR_OK);
}

Test(pg_copy, given_more_rows_than_the_socket_takes_then_all_arrive_in_their_transaction)
{
    struct source *s =
        source_new("copied", (struct source){.chunks = 60, .bad_at = -1, .last = MR_PG_PULL_END});
    must_ask(s->f, "BEGIN", 0);
    mr_pg_sync(s->f->conn);
    copy(s, 1); /* waits for the group by itself */
    cr_assert_eq(ask(s->f, "SELECT 1", 9), MR_BUSY);
    cr_assert_eq(mr_pg_copy_in(s->f->conn, copy_sql, pull, NULL, NULL), MR_BUSY);
    cr_assert_eq(mr_pg_room(s->f->conn), 0);
    wait_answers(s->f, 2);
    cr_assert_eq(s->f->answers[1].outcome, MR_PG_OK, "%s", s->f->answers[1].message);
    cr_assert_eq(s->f->answers[1].label, 1);
    cr_assert_eq(s->f->answers[1].affected, 60 * CHUNK_ROWS);
    cr_assert_str_eq(pg_run(s->f->conninfo, "SELECT count(*) FROM t"), "0");
    must_ask(s->f,
             "SELECT count(*) FROM t WHERE f = 'h\xC3\xA9llo' AND h->>'a' = '1' AND k = 0.5 AND"
             " j = '2024-10-04' AND i = '2026-09-24 08:39:03.123Z' AND"
             " l = '2026-09-24 08:39:03.123456Z' AND b = a AND c = a AND"
             " d = (a % 2 = 1) AND (e IS NULL) = (a % 3 = 0) AND"
             " g IS NOT DISTINCT FROM CASE WHEN a % 5 > 0 THEN '\\x00ff'::bytea END",
             2);
    must_ask(s->f, "COMMIT", 3);
    mr_pg_sync(s->f->conn);
    wait_answers(s->f, 4);
    cr_assert_eq(s->f->answers[2].value, 60 * CHUNK_ROWS);
    cr_assert_str_eq(pg_run(s->f->conninfo, "SELECT count(*) FROM t"), "60000");
    source_free(s);
}

Test(pg_copy, given_a_source_that_pauses_then_it_goes_on_when_resumed)
{
    struct source *s = source_new(
        "paused",
        (struct source){.chunks = 20, .bad_at = -1, .wait_every = 3, .last = MR_PG_PULL_END});
    mr_pg_copy_resume(s->f->conn); /* harmless */
    copy(s, 0);
    wait_answers(s->f, 1);
    cr_assert_eq(s->f->answers[0].affected, 20 * CHUNK_ROWS);
    source_free(s);
}

Test(pg_copy, given_a_row_refused_midway_then_the_error_is_told_and_the_connection_goes_on)
{
    struct source *s =
        source_new("refused", (struct source){.chunks = 40, .bad_at = 20, .last = MR_PG_PULL_END});
    must_ask(s->f, "BEGIN", 0);
    mr_pg_sync(s->f->conn);
    copy(s, 1);
    wait_answers(s->f, 2);
    cr_assert_eq(s->f->answers[1].outcome, MR_PG_ERROR);
    cr_assert_str_eq(s->f->answers[1].sqlstate, "23514");
    cr_assert_eq(s->f->answers[1].class, MR_PG_ROW);
    must_ask(s->f, "SELECT 1", 2);
    mr_pg_sync(s->f->conn);
    must_ask(s->f, "ROLLBACK", 3);
    mr_pg_sync(s->f->conn);
    must_ask(s->f, "SELECT 5", 4);
    mr_pg_sync(s->f->conn);
    wait_answers(s->f, 5);
    cr_assert_eq(s->f->answers[2].outcome, MR_PG_ABORTED);
    cr_assert_eq(s->f->answers[4].value, 5, "back in pipeline mode");
    cr_assert_eq(s->f->downs, 0);
    source_free(s);
}

/* One row that the table refuses, then nothing for ever. */
static enum mr_pg_pull pull_one_row(struct mr_slice *chunk, void *data)
{
    struct source *s = ((struct both *)data)->source;
    if (s->given++ > 0)
        return MR_PG_PULL_WAIT;
    *chunk = mr_slice_text("-1\n");
    return MR_PG_PULL_MORE;
}

Test(pg_copy, given_a_row_refused_while_the_source_waits_then_the_copy_ends_by_itself)
{
    struct source *s = source_new("refused_early", (struct source){.bad_at = -1});
    struct both b = {{s->f, 0}, s};
    cr_assert_eq(mr_pg_copy_in(s->f->conn, "COPY t (a) FROM STDIN", pull_one_row, note_answer, &b),
                 MR_OK);
    wait_answers(s->f, 1);
    cr_assert_str_eq(s->f->answers[0].sqlstate, "23514");
    cr_assert_eq(s->given, 2);
    source_free(s);
}

Test(pg_copy, given_notices_midway_then_it_is_not_taken_for_an_error)
{
    struct source *s =
        source_new("noticed", (struct source){.chunks = 30, .bad_at = -1, .last = MR_PG_PULL_END});
    pg_run(s->f->conninfo, "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                           " IF NEW.a = 5 THEN RAISE NOTICE 'five'; END IF; RETURN NEW; END $$");
    pg_run(s->f->conninfo,
           "CREATE TRIGGER s BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION shout()");
    copy(s, 0);
    wait_answers(s->f, 1);
    cr_assert_eq(s->f->answers[0].outcome, MR_PG_OK, "%s", s->f->answers[0].message);
    cr_assert_eq(s->f->answers[0].affected, 30 * CHUNK_ROWS);
    source_free(s);
}

Test(pg_copy, given_a_source_that_gives_up_then_nothing_is_copied)
{
    struct source *s =
        source_new("given_up", (struct source){.chunks = 5, .bad_at = -1, .last = MR_PG_PULL_FAIL});
    copy(s, 0);
    wait_answers(s->f, 1);
    cr_assert_str_eq(s->f->answers[0].sqlstate, "57014");
    cr_assert_str_eq(pg_run(s->f->conninfo, "SELECT count(*) FROM t"), "0");
    source_free(s);
}

Test(pg_copy, given_a_copy_refused_at_once_then_the_connection_goes_on)
{
    struct source *s =
        source_new("missing", (struct source){.chunks = 5, .bad_at = -1, .last = MR_PG_PULL_END});
    pg_run(s->f->conninfo, "DROP TABLE t");
    copy(s, 0);
    wait_answers(s->f, 1);
    cr_assert_str_eq(s->f->answers[0].sqlstate, "42P01");
    cr_assert_eq(s->given, 0);
    must_ask(s->f, "SELECT 1", 1);
    cr_assert_eq(mr_pg_copy_in(s->f->conn, copy_sql, pull, NULL, NULL), MR_INVALID,
                 "a group is open");
    mr_pg_sync(s->f->conn);
    wait_answers(s->f, 2);
    cr_assert_eq(s->f->answers[1].value, 1);
    source_free(s);
}

Test(pg_copy, given_a_backend_killed_while_copying_then_the_copy_is_lost_once)
{
    struct source *s = source_new(
        "copy_killed",
        (struct source){.chunks = 1 << 30, .bad_at = -1, .wait_every = 0, .last = MR_PG_PULL_END});
    char sql[100];
    copy(s, 0);
    wait_int(s->f, &s->given, 10);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", s->f->backend.pid);
    pg_run(s->f->conninfo, sql);
    wait_int(s->f, &s->f->downs, 1);
    cr_assert_eq(s->f->answer_count, 1);
    cr_assert_eq(s->f->answers[0].outcome, MR_PG_LOST);
    wait_int(s->f, &s->f->ups, 2);
    must_ask(s->f, "SELECT count(*) FROM t", 1);
    mr_pg_sync(s->f->conn);
    wait_answers(s->f, 2);
    cr_assert_eq(s->f->answers[1].value, 0);
    source_free(s);
}

static enum mr_pg_pull pull_and_close(struct mr_slice *chunk, void *data)
{
    struct both *b = data;
    mr_pg_close(b->label.f->conn, NULL, NULL);
    b->label.f->conn = NULL;
    *chunk = mr_slice("x", 1);
    return MR_PG_PULL_MORE;
}

Test(pg_copy, given_a_close_from_the_source_then_the_copy_is_lost)
{
    struct source *s = source_new("copy_closed", (struct source){.bad_at = -1});
    struct both b = {{s->f, 0}, s};
    cr_assert_eq(mr_pg_copy_in(s->f->conn, copy_sql, pull_and_close, note_answer, &b), MR_OK);
    wait_answers(s->f, 1);
    cr_assert_eq(s->f->answers[0].outcome, MR_PG_LOST);
    source_free(s);
}

Test(pg_copy, given_values_that_no_column_holds_then_the_buffer_says_so)
{
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    mr_pg_copybin_time_us(&buf, INT64_MAX);
    cr_expect_not(mr_buf_ok(&buf));
    mr_buf_reset(&buf);
    mr_pg_copybin_time(&buf, INT64_MIN);
    cr_expect_not(mr_buf_ok(&buf));
    mr_buf_reset(&buf);
    mr_pg_copybin_day(&buf, INT32_MAX);
    cr_expect_not(mr_buf_ok(&buf));
    mr_buf_free(&buf);
}
