/* What a batch writes: rows by what is kept, and rows by COPY. */
#include "store_bed.h"
#include <criterion/criterion.h>
#include <stdio.h>

/* ---- outcomes ---- */

Test(store_save, given_outcomes_then_full_ones_have_a_command_and_ids_are_seen)
{
    struct store_bed *b = store_bed_new("save_kinds");
    struct engine_outcome o[] = {
        {store_bed_command(b, ENGINE_KEEP_FULL, 1, 1), ENGINE_OUTCOME_APPLIED},
        {store_bed_command(b, ENGINE_KEEP_ID, 2, 2), ENGINE_OUTCOME_APPLIED},
        {store_bed_command(b, ENGINE_KEEP_ID, 3, 3),
         ENGINE_OUTCOME_REJECTED,
         {.problem = "sold-out"}},
        {store_bed_command(b, ENGINE_KEEP_FULL, 5, 5), ENGINE_OUTCOME_PARKED},
        {store_bed_command(b, ENGINE_KEEP_ID, 4, 4), ENGINE_OUTCOME_PARKED},
    };
    cr_assert_eq(store_bed_write(b, &(struct engine_save){.outcomes = o, .outcome_count = 5}),
                 ENGINE_DONE, "%s", b->engine.detail);
    store_bed_expect(b,
                     "SELECT string_agg(position || ':' || status, ' ' ORDER BY position) "
                     "FROM millrace.command",
                     "1:1 5:3");
    store_bed_expect(b,
                     "SELECT string_agg(lane || ':' || position, ' ' ORDER BY position) "
                     "FROM millrace.seen WHERE day = '2026-11-25' AND domain = 'shop' "
                     "AND account_id = '00000000-0000-0000-0000-000000000001'",
                     "0:2 1:3");
    store_bed_expect(b, "SELECT count(*) FROM millrace.lane WHERE applied = 1", "2");
    store_bed_free(b);
}

Test(store_save, given_a_parked_id_that_is_decided_then_it_is_seen_with_or_without_a_command)
{
    struct store_bed *b = store_bed_new("save_was_parked");
    struct engine_command *known = store_bed_command(b, ENGINE_KEEP_ID, 2, 2);
    struct engine_command *unknown = store_bed_command(b, ENGINE_KEEP_FULL, 4, 4);
    struct engine_outcome parked = {unknown, ENGINE_OUTCOME_PARKED};
    cr_assert_eq(store_bed_write(b, &(struct engine_save){.outcomes = &parked, .outcome_count = 1}),
                 ENGINE_DONE);
    unknown->keep = ENGINE_KEEP_ID; /* its type is known since */
    struct engine_outcome decided[] = {
        {known, ENGINE_OUTCOME_APPLIED, .was_parked = true},
        {unknown, ENGINE_OUTCOME_APPLIED, .was_parked = true},
    };
    cr_assert_eq(store_bed_write(b, &(struct engine_save){.outcomes = decided, .outcome_count = 2}),
                 ENGINE_DONE, "%s", b->engine.detail);
    store_bed_expect(b, "SELECT count(*) FROM millrace.seen", "2");
    store_bed_expect(b, "SELECT string_agg(position || ':' || status, ' ') FROM millrace.command",
                     "4:1");
    store_bed_free(b);
}

Test(store_save, given_a_parked_full_command_without_a_row_then_the_batch_is_not_committed)
{
    struct store_bed *b = store_bed_new("save_no_row");
    struct engine_outcome o = {store_bed_command(b, ENGINE_KEEP_FULL, 1, 1), ENGINE_OUTCOME_APPLIED,
                               .was_parked = true};
    cr_expect_eq(store_bed_write(b, &(struct engine_save){.outcomes = &o, .outcome_count = 1}),
                 ENGINE_TRANSIENT);
    store_bed_expect(b, "SELECT count(*) FROM millrace.lane WHERE applied = 1", "0");
    store_bed_free(b);
}

Test(store_save, given_a_day_without_partitions_then_they_are_made_for_the_next_try)
{
    struct store_bed *b = store_bed_new("save_no_day");
    struct engine_command *c = store_bed_command(b, ENGINE_KEEP_ID, 2, 2);
    struct engine_outcome o = {c, ENGINE_OUTCOME_APPLIED};
    struct engine_save save = {.outcomes = &o, .outcome_count = 1};
    c->day += 100;
    cr_expect_eq(store_bed_write(b, &save), ENGINE_TRANSIENT);
    store_bed_settle(b);
    cr_expect_eq(store_bed_write(b, &save), ENGINE_DONE, "%s", b->engine.detail);
    store_bed_free(b);
}

/* ---- COPY ---- */

/* A batch of facts: a line each, made by the test. */
struct facts {
    struct engine_row_write *writes;
    struct shop_row *rows;
    struct engine_save save;
};

static struct facts facts_of(struct store_bed *b, int first_id, int count)
{
    struct facts f = {
        .writes = mr_arena_array(&b->arena, (size_t)count, sizeof *f.writes),
        .rows = mr_arena_array(&b->arena, (size_t)count, sizeof *f.rows),
    };
    for (int i = 0; i < count; i++) {
        f.rows[i] = (struct shop_row){i, 1790239143123456, "h\xC3\xA9llo"};
        f.writes[i] = (struct engine_row_write){
            .row_kind = SHOP_LINE,
            .command = store_bed_command(b, ENGINE_KEEP_FACT, first_id + i, first_id + i),
            .bytes = &f.rows[i],
            .bytes_len = sizeof f.rows[i],
        };
    }
    f.save = (struct engine_save){.rows = f.writes, .row_count = (size_t)count};
    return f;
}

static void expect_lines(struct store_bed *b, const char *count)
{
    store_bed_expect(b, "SELECT count(*) FROM shop.line", count);
}

Test(store_save, given_facts_then_they_are_copied_with_where_they_came_from)
{
    struct store_bed *b = store_bed_new("copy_columns");
    struct facts f = facts_of(b, 10, 3);
    f.rows[1].text = NULL;
    cr_assert_eq(store_bed_write(b, &f.save), ENGINE_DONE, "%s", b->engine.detail);
    store_bed_expect(b,
                     "SELECT string_agg(concat_ws('/', day, received_at AT TIME ZONE 'UTC', id, "
                     "lane, position, amount, exact AT TIME ZONE 'UTC', text, doc->>'a'), ' ' "
                     "ORDER BY id) FROM shop.line WHERE id <> "
                     "'00000000-0000-0000-0000-00000000000c'",
                     "2026-11-25/2026-11-25 01:02:03.456/00000000-0000-0000-0000-00000000000a/0/10/"
                     "0/2026-09-24 08:39:03.123456/h\xC3\xA9llo/1 "
                     "2026-11-25/2026-11-25 01:02:03.456/00000000-0000-0000-0000-00000000000b/1/11/"
                     "1/2026-09-24 08:39:03.123456/1");
    expect_lines(b, "3");
    store_bed_expect(b, "SELECT count(*) FROM millrace.lane WHERE applied = 1", "2");
    cr_expect_eq(runtime_store_counts(b->store).rows_copied, 3);
    cr_expect_eq(runtime_store_counts(b->store).facts_stored, 3);
    store_bed_free(b);
}

Test(store_save, given_rows_of_both_ways_then_all_are_in_one_transaction)
{
    struct store_bed *b = store_bed_new("copy_mixed");
    struct facts f = facts_of(b, 10, 4);
    struct engine_outcome o = {f.writes[1].command, ENGINE_OUTCOME_APPLIED};
    f.writes[1].row_kind = f.writes[3].row_kind = SHOP_ENTRY;
    f.save.outcomes = &o;
    f.save.outcome_count = 1;
    cr_assert_eq(store_bed_write(b, &f.save), ENGINE_DONE, "%s", b->engine.detail);
    expect_lines(b, "2");
    store_bed_expect(b,
                     "SELECT count(*) FROM shop.entry WHERE exact = "
                     "'2026-09-24 08:39:03.123456Z'",
                     "2");
    store_bed_expect(b,
                     "SELECT count(DISTINCT xmin::text) FROM (SELECT xmin FROM shop.entry UNION "
                     "ALL SELECT xmin FROM shop.line UNION ALL SELECT xmin FROM millrace.lane) x",
                     "1");
    store_bed_free(b);
}

Test(store_save, given_more_rows_than_a_chunk_then_all_arrive)
{
    struct store_bed *b = store_bed_new("copy_chunks");
    static char long_text[2000];
    struct facts f = facts_of(b, 1, 8000);
    memset(long_text, 'x', sizeof long_text - 1);
    for (int i = 0; i < 8000; i++)
        f.rows[i].text = long_text;
    cr_assert_eq(store_bed_write(b, &f.save), ENGINE_DONE, "%s", b->engine.detail);
    expect_lines(b, "8000");
    store_bed_free(b);
}

Test(store_save, given_a_refused_row_in_a_copy_then_it_is_refused_and_nothing_stays)
{
    struct store_bed *b = store_bed_new("copy_refused");
    struct facts f = facts_of(b, 10, 3);
    f.rows[2].amount = -1;
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_REFUSED);
    cr_expect(strstr(b->engine.detail, "23514"), "%s", b->engine.detail);
    expect_lines(b, "0");
    f.save.row_count = 2; /* the good prefix */
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_DONE, "%s", b->engine.detail);
    expect_lines(b, "2");
    cr_expect_eq(runtime_store_counts(b->store).rows_copied, 2);
    store_bed_free(b);
}

Test(store_save, given_a_fact_that_is_there_then_the_copy_is_refused)
{
    struct store_bed *b = store_bed_new("copy_twice");
    struct facts f = facts_of(b, 10, 1);
    cr_assert_eq(store_bed_write(b, &f.save), ENGINE_DONE);
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_REFUSED);
    cr_expect(strstr(b->engine.detail, "23505"), "%s", b->engine.detail);
    store_bed_free(b);
}

Test(store_save, given_a_value_that_fits_no_column_then_it_is_refused_either_way)
{
    struct store_bed *b = store_bed_new("copy_no_time");
    struct facts f = facts_of(b, 10, 2);
    f.rows[1].exact_us = INT64_MAX;
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_REFUSED);
    cr_expect_str_eq(b->engine.detail, "a value of the row fits no column");
    f.writes[0].row_kind = f.writes[1].row_kind = SHOP_ENTRY;
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_REFUSED);
    cr_expect_str_eq(b->engine.detail, "a value of a row fits no column");
    f.save.row_count = 1;
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_DONE, "%s", b->engine.detail);
    store_bed_free(b);
}

Test(store_save, given_what_follows_the_copy_is_refused_then_the_copy_goes_with_it)
{
    struct store_bed *b = store_bed_new("copy_then_refused");
    struct facts f = facts_of(b, 10, 2);
    f.writes[1].row_kind = SHOP_ENTRY;
    f.rows[1].amount = -1;
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_REFUSED);
    expect_lines(b, "0");
    cr_expect_eq(runtime_store_counts(b->store).rows_copied, 0);
    store_bed_free(b);
}

Test(store_save, given_a_copy_into_a_day_without_a_partition_then_it_is_made_for_the_next_try)
{
    struct store_bed *b = store_bed_new("copy_no_day");
    struct facts f = facts_of(b, 10, 2);
    ((struct engine_command *)f.writes[1].command)->day += 50;
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_TRANSIENT);
    store_bed_settle(b);
    cr_expect_eq(store_bed_write(b, &f.save), ENGINE_DONE, "%s", b->engine.detail);
    store_bed_expect(b, "SELECT count(*) FROM shop.line_20270114", "1");
    store_bed_free(b);
}

/* Ends the store's backend when the COPY reaches the row. */
static void expect_lost_then_again(struct store_bed *b, const struct facts *f)
{
    int ups = b->ups;
    cr_assert_eq(store_bed_begin(b, NULL), ENGINE_DONE);
    store_bed_sql(b, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE application_name = 'millrace worker' AND state = 'idle in transaction' "
                     "AND datname = current_database()");
    cr_expect_eq(store_bed_save(b, &f->save), ENGINE_TRANSIENT, "COMMIT was never sent");
    store_bed_until(b, &b->ups, ups + 1);
    expect_lines(b, "0");
    cr_expect_eq(store_bed_write(b, &f->save), ENGINE_DONE, "%s", b->engine.detail);
}

Test(store_save, given_a_connection_lost_before_the_copy_then_the_next_one_does_it)
{
    struct store_bed *b = store_bed_new("copy_lost");
    struct facts f = facts_of(b, 10, 100);
    expect_lost_then_again(b, &f);
    expect_lines(b, "100");
    store_bed_free(b);
}

Test(store_save, given_a_close_in_the_middle_of_a_copy_then_nothing_is_left)
{
    struct store_bed *b = store_bed_new("copy_closed");
    struct facts f = facts_of(b, 1, 8000);
    cr_assert_eq(store_bed_begin(b, NULL), ENGINE_DONE);
    f.save.lanes = b->lanes;
    f.save.lane_count = BED_LANES;
    b->port.save(b->port.ctx, &f.save);
    uv_run(&b->loop.uv, UV_RUN_NOWAIT); /* it is under way */
    char conninfo[PG_CONNINFO_BYTES];
    memcpy(conninfo, b->conninfo, sizeof conninfo);
    store_bed_free(b); /* no answer comes; the leak check is the rest of this test */
    cr_expect_str_eq(pg_run(conninfo, "SELECT count(*) FROM shop.line"), "0");
}
