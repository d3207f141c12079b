/* Partitions are made and pruned by the clock. */
#include "runtime_days.h"
#include "store_bed.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define HOUR_MS   INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

static const struct domain_store_pruned lines = {"shop", "line", "LOG_RETENTION_DAYS"};

static void turn(struct store_bed *b, struct runtime_days *d, int64_t now_ms)
{
    runtime_days_turn(d, now_ms, BED_DAY);
    store_bed_settle(b);
}

static void expect_days(struct store_bed *b, const char *table, const char *want)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT min(right(relname, 8)) || '-' || max(right(relname, 8)) FROM pg_class "
             "WHERE relispartition AND relkind = 'r' AND relname ~ '^%s_2'",
             table);
    store_bed_expect(b, sql, want);
}

Test(prune, given_a_start_then_days_are_made_and_old_ones_of_the_pruned_table_dropped)
{
    struct store_bed *b = store_bed_new("prune_start");
    struct runtime_days d;
    store_bed_sql(b, "SELECT millrace.make_days('2026-11-10', '2026-11-12')");
    runtime_days_init(&d, b->store, &lines, 3);
    turn(b, &d, 5);
    expect_days(b, "line", "20261123-20261202");
    expect_days(b, "command", "20261110-20261202");
    cr_expect_eq(runtime_store_counts(b->store).partitions_dropped, 3);
    store_bed_free(b);
}

Test(prune, given_a_domain_without_a_pruned_table_then_nothing_is_dropped)
{
    struct store_bed *b = store_bed_new("prune_none");
    struct runtime_days d;
    store_bed_sql(b, "SELECT millrace.make_days('2026-11-10', '2026-11-12')");
    runtime_days_init(&d, b->store, NULL, 3);
    turn(b, &d, 5);
    expect_days(b, "line", "20261110-20261202");
    store_bed_free(b);
}

Test(prune, given_an_hour_then_it_is_done_again_and_not_before)
{
    struct store_bed *b = store_bed_new("prune_hour");
    struct runtime_days d;
    runtime_days_init(&d, b->store, &lines, 3);
    turn(b, &d, 5);
    store_bed_sql(b, "SELECT millrace.make_days('2026-11-10', '2026-11-10')");
    turn(b, &d, 5 + HOUR_MS - 1);
    expect_days(b, "line", "20261110-20261202");
    turn(b, &d, 5 + HOUR_MS);
    expect_days(b, "line", "20261123-20261202");
    store_bed_free(b);
}

Test(prune, given_a_reader_in_the_way_then_it_is_tried_again_after_a_minute)
{
    struct store_bed *b = store_bed_new("prune_reader");
    struct runtime_days d;
    struct mr_pg_session *reader;
    struct mr_error why;
    store_bed_sql(b, "SELECT millrace.make_days('2026-11-10', '2026-11-10')");
    cr_assert_eq(mr_pg_session_open(b->conninfo, "reader", &reader, &why), MR_OK);
    cr_assert_eq(mr_pg_session_script(reader, "BEGIN", &why), MR_OK);
    cr_assert_eq(mr_pg_session_script(reader, "SELECT FROM shop.line", &why), MR_OK);
    runtime_days_init(&d, b->store, &lines, 3);
    turn(b, &d, 5);
    expect_days(b, "line", "20261110-20261202");
    mr_pg_session_close(reader);
    turn(b, &d, 4 + MINUTE_MS);
    expect_days(b, "line", "20261110-20261202");
    turn(b, &d, 5 + MINUTE_MS);
    expect_days(b, "line", "20261123-20261202");
    store_bed_free(b);
}

Test(prune, given_an_open_transaction_then_it_waits_for_its_end)
{
    struct store_bed *b = store_bed_new("prune_batch");
    struct runtime_days d;
    runtime_days_init(&d, b->store, &lines, 3);
    cr_assert_eq(store_bed_begin(b, NULL), ENGINE_DONE);
    runtime_days_turn(&d, 5, BED_DAY);
    cr_assert_eq(store_bed_save(b, &(struct engine_save){0}), ENGINE_DONE);
    store_bed_settle(b);
    expect_days(b, "line", "20261123-20261126");
    turn(b, &d, 6);
    expect_days(b, "line", "20261123-20261202");
    store_bed_free(b);
}
