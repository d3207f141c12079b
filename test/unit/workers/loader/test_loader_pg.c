/* One loader and its warehouse: what a flush writes, and what becomes of one that is refused. */
#include "loader_bed.h"

#include <criterion/criterion.h>

static struct loader_event created(int32_t lane, int64_t offset)
{
    return (struct loader_event){.type = "billing.invoice.created",
                                 .json = invoice_created,
                                 .lane = lane,
                                 .offset = offset,
                                 .sequence = offset};
}

static void put_created(struct bed_owner *o, int32_t lane, int64_t offset)
{
    struct loader_event e = created(lane, offset);
    bed_put(o, &e);
}

static const char counts[] = "SELECT concat_ws('|', sum(consumed), sum(loaded), sum(repeated), "
                             "sum(ahead), sum(skipped), sum(bad)) FROM load_count";

Test(loader_pg, given_events_then_rows_counts_freshness_and_ledger_are_written)
{
    struct bed *b = bed_new("flush_all");
    struct bed_owner *o = bed_owner(b);
    bed_give(o, 1);
    put_created(o, 1, 0);
    bed_put(o, &(struct loader_event){.type = "billing.invoice.finalized",
                                      .json = invoice_finalized,
                                      .lane = 1,
                                      .offset = 1,
                                      .sequence = 1});
    put_created(o, 1, 1); /* already passed: not even read again */
    bed_put(
        o,
        &(struct loader_event){
            .type = "billing.invoice.sung", .json = "{}", .lane = 1, .offset = 2, .sequence = 2});
    bed_until_loaded(o, 1, 3);
    bed_expect(b, "SELECT count(*) FROM invoice_events", "2");
    bed_expect(b, "SELECT customer FROM invoice_events WHERE sequence = 0", "Ada\tL\\");
    bed_expect(b, "SELECT concat_ws('|', count(*), sum(amount_minor)) FROM journal_entries", "2|0");
    bed_expect(b, "SELECT status FROM invoices", "open");
    bed_expect(b, counts, "3|2|0|0|0|1");
    bed_expect(b, "SELECT concat_ws('|', lane, position, cause) FROM bad_rows",
               "1|2|the type billing.invoice.sung is not known");
    bed_expect(b, "SELECT concat_ws('|', next_offset, last_sequence, last_offset) FROM load_ledger",
               "3|2|2");
    bed_expect(b,
               "SELECT string_agg(table_name, ',' ORDER BY table_name) FROM freshness f "
               "WHERE loaded_through = (SELECT max(event_time) FROM invoice_events) "
               "OR table_name = 'journal_entries'",
               "invoice_events,journal_entries");
    cr_expect_eq(o->loaded, 3);
    cr_expect_gt(
        loader_pg_loaded_through(o->pg, mr_catalog_table_of(b->catalog, "invoice_events")->index),
        0);
    bed_free(b);
}

Test(loader_pg, given_many_rows_then_they_stream_in_chunks_and_each_arrives)
{
    struct bed *b = bed_new("flush_many");
    struct bed_owner *o = bed_owner(b);
    bed_give(o, 0);
    for (int64_t i = 0; i < 5000; i++)
        put_created(o, 0, i);
    bed_until_loaded(o, 0, 5000);
    bed_expect(b,
               "SELECT concat_ws('|', count(*), min(sequence), max(sequence)) FROM invoice_events",
               "5000|0|4999");
    bed_free(b);
}

Test(loader_pg, given_a_row_that_the_warehouse_refuses_then_it_alone_goes_to_bad_rows)
{
    struct bed *b = bed_new("refused");
    struct bed_owner *o = bed_owner(b);
    bed_sql(b, "INSERT INTO invoice_events (account_id, domain, lane, sequence, \"row\", "
               "event_type, event_time, command_id) "
               "VALUES ('x', 'billing', 0, 5, 0, 'by hand', now(), 'x')");
    bed_give(o, 0);
    for (int64_t i = 0; i < 9; i++)
        put_created(o, 0, i);
    bed_until_loaded(o, 0, 9);
    bed_expect(b, "SELECT count(*) FROM invoice_events WHERE event_type <> 'by hand'", "8");
    bed_expect(b, "SELECT concat_ws('|', lane, position, left(cause, 22)) FROM bad_rows",
               "0|5|23505: duplicate key v");
    bed_expect(b, counts, "9|8|0|0|0|1");
    bed_free(b);
}

Test(loader_pg, given_a_bad_record_at_a_position_that_was_bad_before_then_the_newest_cause_stands)
{
    struct bed *b = bed_new("bad_again");
    struct bed_owner *o = bed_owner(b);
    bed_sql(b, "INSERT INTO bad_rows (topic, lane, position, cause, record) "
               "VALUES ('billing.events', 0, 0, 'long ago', '')");
    bed_give(o, 0);
    bed_put(o, &(struct loader_event){.type = "billing.invoice.created"});
    bed_until_loaded(o, 0, 1);
    bed_expect(b, "SELECT cause FROM bad_rows", "there is no value");
    bed_free(b);
}

static bool was_retried_twice(void *data)
{
    const struct bed_owner *o = data;
    return engine_loader_stats(o->engine)->flushes_retried >= 2;
}

Test(loader_pg, given_a_missing_column_then_nothing_is_written_until_it_is_there_again)
{
    struct bed *b = bed_new("no_column");
    struct bed_owner *o = bed_owner(b);
    bed_sql(b, "ALTER TABLE invoice_events RENAME COLUMN customer TO client");
    bed_give(o, 0);
    put_created(o, 0, 0);
    bed_until(b, was_retried_twice, o);
    bed_expect(b, "SELECT count(*) FROM load_count", "0");
    bed_sql(b, "ALTER TABLE invoice_events RENAME COLUMN client TO customer");
    bed_until_loaded(o, 0, 1);
    bed_expect(b, counts, "1|1|0|0|0|0");
    bed_free(b);
}

Test(loader_pg, given_a_broken_connection_then_it_goes_on_and_the_row_names_the_new_backend)
{
    struct bed *b = bed_new("reconnect");
    struct bed_owner *o = bed_owner(b);
    bed_give(o, 0);
    put_created(o, 0, 0);
    bed_until_loaded(o, 0, 1);
    bed_sql(b, "SELECT pg_terminate_backend(backend_pid) FROM load_ledger");
    put_created(o, 0, 1);
    bed_until_loaded(o, 0, 2);
    bed_expect(b,
               "SELECT count(*) FROM load_ledger l JOIN pg_stat_activity a "
               "ON a.pid = l.backend_pid AND a.backend_start = l.backend_start",
               "1");
    bed_expect(b, "SELECT count(*) FROM invoice_events", "2");
    bed_free(b);
}

Test(loader_pg, given_a_stopped_lane_then_its_reason_is_noted_with_the_ledgers_fence)
{
    struct bed *b = bed_new("stop_noted");
    struct bed_owner *o = bed_owner(b);
    struct engine_load_view v;
    bed_give(o, 0);
    engine_loader_look(o->engine, 0, &v);
    loader_pg_note_stop(o->pg, 0, v.fence, "the topic was recreated");
    bed_until_sql(b, "SELECT reason FROM load_stop JOIN load_ledger USING (topic, lane, fence)",
                  "the topic was recreated");
    bed_free(b);
}

Test(loader_pg, given_the_warehouse_then_every_column_of_its_tables_explains_itself)
{
    struct bed *b = bed_new("comments");
    bed_expect(b,
               "SELECT string_agg(c.relname || '.' || a.attname, ' ') FROM pg_attribute a "
               "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' AND a.attnum > 0 "
               "AND c.relnamespace = 'public'::regnamespace "
               "AND col_description(c.oid, a.attnum) IS NULL",
               "");
    bed_free(b);
}
