/* The loader's engine: what it takes, what it loads, and what it does when it does not know. */
#include "load_world.h"

#include <criterion/criterion.h>

static struct load_world w;

static void open_world(void)
{
    load_world_open(&w);
}

static void close_world(void)
{
    load_world_close(&w);
}

TestSuite(load, .init = open_world, .fini = close_world);

/* ---- taking over ---- */

Test(load, given_a_ledger_when_the_lane_is_taken_then_it_reads_on_where_the_ledger_ends)
{
    w.lanes[0].ledger.next_offset = 41;
    w.lanes[0].ledger.last_sequence = 20;
    w.lanes[0].ledger.last_offset = 40;
    load_run(&w, 1);
    cr_expect_eq(w.lanes[0].check.event_offset, 40);
    cr_expect_eq(w.lanes[0].started_at, 41);
    cr_expect_eq(load_view(&w, 0).state, ENGINE_LANE_RUNNING);
    cr_expect_eq(load_view(&w, 0).fence, w.lanes[0].ledger.fence);
}

Test(load, given_a_failed_take_then_it_is_tried_again_after_a_while)
{
    const int32_t lane = 0;
    engine_loader_assign(w.engine, &lane, 1);
    w.op = 0;
    engine_loader_on_taken(w.engine, ENGINE_TRANSIENT, NULL);
    cr_expect_eq(w.op, 0, "not at once");
    load_wait(&w, 100);
    cr_expect_eq(w.op, 't');
}

Test(load, given_a_lane_that_is_revoked_while_it_is_taken_then_it_is_let_go)
{
    const int32_t lane = 0;
    engine_loader_assign(w.engine, &lane, 1);
    engine_loader_revoke(w.engine, &lane, 1);
    load_answer(&w);
    cr_expect_eq(load_view(&w, 0).state, ENGINE_LANE_FREE);
    load_check(&w, 0);
    cr_expect_eq(w.lanes[0].started_at, -1);
}

static const struct {
    const char *what;
    struct engine_checked checked;
    int64_t next_offset, last_sequence, last_offset;
    bool stops;
} checks[] = {
    {"as it was left",
     {.event = ENGINE_FIND_HERE, .event_sequence = 4, .log_end = 6},
     6,
     4,
     5,
     false},
    {"a log that grew",
     {.event = ENGINE_FIND_HERE, .event_sequence = 4, .log_end = 9},
     6,
     4,
     5,
     false},
    {"the event expired",
     {.event = ENGINE_FIND_GONE, .event_sequence = -1, .log_start = 6, .log_end = 9},
     6,
     4,
     5,
     false},
    {"a shorter log",
     {.event = ENGINE_FIND_AHEAD, .event_sequence = -1, .log_end = 5},
     6,
     4,
     5,
     true},
    {"another event there",
     {.event = ENGINE_FIND_HERE, .event_sequence = 3, .log_end = 9},
     6,
     4,
     5,
     true},
    {"no event there",
     {.event = ENGINE_FIND_HERE, .event_sequence = -1, .log_end = 9},
     6,
     4,
     5,
     true},
    {"a start beyond us",
     {.event = ENGINE_FIND_GONE, .event_sequence = -1, .log_start = 7, .log_end = 9},
     6,
     4,
     5,
     true},
    {"a new lane, a new log", {.event = ENGINE_FIND_GONE, .event_sequence = -1}, 0, -1, -1, false},
    {"a new lane, an old log",
     {.event = ENGINE_FIND_GONE, .event_sequence = -1, .log_start = 3, .log_end = 9},
     0,
     -1,
     -1,
     true},
};

Test(load, given_what_the_topic_holds_then_the_lane_runs_or_stops_with_a_reason)
{
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct load_world v;
        const int32_t lane = 0;
        load_world_open(&v);
        v.lanes[0].ledger.next_offset = checks[i].next_offset;
        v.lanes[0].ledger.last_sequence = checks[i].last_sequence;
        v.lanes[0].ledger.last_offset = checks[i].last_offset;
        engine_loader_assign(v.engine, &lane, 1);
        while (v.op)
            load_answer(&v);
        load_check_as(&v, &checks[i].checked);
        while (v.op)
            load_answer(&v);
        struct engine_load_view view = load_view(&v, 0);
        cr_expect_eq(view.state, checks[i].stops ? ENGINE_LANE_STOPPED_STATE : ENGINE_LANE_RUNNING,
                     "%s", checks[i].what);
        cr_expect_eq(view.stop_reason != NULL, checks[i].stops, "%s", checks[i].what);
        cr_expect_eq(v.lanes[0].started_at, checks[i].stops ? -1 : checks[i].next_offset, "%s",
                     checks[i].what);
        load_world_close(&v);
    }
}

Test(load, given_a_log_that_went_back_and_another_owner_then_the_lane_is_lost_not_stopped)
{
    const int32_t lane = 0;
    w.lanes[0].ledger.next_offset = 6;
    engine_loader_assign(w.engine, &lane, 1);
    load_answer(&w);
    if (w.op == 'l')
        load_answer(&w);
    w.lanes[0].ledger.fence = 5;
    load_check_as(&w, &(struct engine_checked){.lane = 0, .log_end = 2});
    cr_assert_eq(w.op, 'l', "the fence is read before the check is believed");
    load_answer(&w);
    cr_expect_eq(w.told[ENGINE_LANE_STOPPED], 0);
    cr_expect_eq(w.told[ENGINE_LANE_LOST], 1);
}

Test(load, given_a_stopped_lane_when_its_position_is_set_then_it_is_taken_over_anew)
{
    const int32_t lane = 0;
    w.lanes[0].ledger.next_offset = 6;
    engine_loader_assign(w.engine, &lane, 1);
    while (w.op)
        load_answer(&w);
    load_check_as(&w, &(struct engine_checked){.lane = 0, .log_end = 2});
    while (w.op)
        load_answer(&w);
    cr_assert_eq(load_view(&w, 0).state, ENGINE_LANE_STOPPED_STATE);
    w.lanes[0].ledger.next_offset = 2;
    w.lanes[0].ledger.fence = 5; /* whoever sets it replaces the fence */
    load_wait(&w, 1000);
    load_answer(&w);
    load_wait(&w, 200);
    load_answer(&w);
    load_check(&w, 0);
    cr_expect_eq(w.lanes[0].started_at, 2);
}

/* ---- last + 1 ---- */

Test(load, given_records_then_exactly_last_plus_1_is_loaded)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    load_record(&w, 0, 1, 0); /* a repeat */
    load_record(&w, 0, 2, 1);
    load_record(&w, 0, 3, 3); /* ahead: 2 was not seen */
    load_record(&w, 0, 4, 2);
    load_record(&w, 0, 5, 3); /* its republication */
    load_wait(&w, LOAD_MS);
    cr_expect_str_eq(load_records(&w), "0:0=L 0:2=L 0:4=L 0:5=L");
    const struct engine_load_counts *n = load_counts(&w, 0);
    cr_expect_eq(n->consumed, 6);
    cr_expect_eq(n->loaded, 4);
    cr_expect_eq(n->repeated, 1);
    cr_expect_eq(n->ahead, 1);
    load_flush_done(&w);
    cr_expect_eq(w.lanes[0].ledger.next_offset, 6);
    cr_expect_eq(w.lanes[0].ledger.last_sequence, 3);
    cr_expect_eq(w.lanes[0].ledger.last_offset, 5);
    cr_expect_eq(w.lanes[0].progress, 6);
}

Test(load, given_repeats_alone_then_the_offset_moves_and_the_sequence_stays)
{
    w.lanes[0].ledger.next_offset = 6;
    w.lanes[0].ledger.last_sequence = 4;
    w.lanes[0].ledger.last_offset = 5;
    load_run(&w, 1);
    load_record(&w, 0, 6, 3);
    load_record(&w, 0, 7, 4);
    load_wait(&w, LOAD_MS);
    cr_expect_eq(w.flush.record_count, 0);
    load_flush_done(&w);
    cr_expect_eq(w.lanes[0].ledger.next_offset, 8);
    cr_expect_eq(w.lanes[0].ledger.last_sequence, 4);
    cr_expect_eq(w.lanes[0].ledger.last_offset, 5);
}

Test(load, given_a_type_without_tables_then_it_is_skipped_and_its_sequence_is_taken)
{
    load_run(&w, 1);
    load_record_of(
        &w, &(struct engine_load_record){.sequence = 0, .class = ENGINE_LOAD_SKIPPED, .bytes = 10});
    load_record(&w, 0, 1, 1);
    load_wait(&w, LOAD_MS);
    cr_expect_str_eq(load_records(&w), "0:1=L");
    cr_expect_eq(load_counts(&w, 0)->skipped, 1);
    load_flush_done(&w);
    cr_expect_eq(w.lanes[0].ledger.last_sequence, 1);
}

Test(load, given_a_record_that_is_nobodys_event_then_it_is_bad_and_moves_no_sequence)
{
    load_run(&w, 1);
    load_record_of(
        &w, &(struct engine_load_record){.sequence = -1, .class = ENGINE_LOAD_BAD, .bytes = 10});
    load_record(&w, 0, 1, 0);
    load_wait(&w, LOAD_MS);
    cr_expect_str_eq(load_records(&w), "0:0=R 0:1=L");
    load_flush_done(&w);
    cr_expect_eq(w.lanes[0].ledger.last_sequence, 0);
    cr_expect_eq(engine_loader_stats(w.engine)->records.bad, 1);
}

Test(load, given_last_plus_1_stays_missing_then_there_is_one_notice_until_it_comes)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 1);
    load_wait(&w, LOAD_MISSING - 1);
    cr_expect_eq(w.told[ENGINE_EVENT_MISSING], 0);
    load_flush_done(&w);
    load_wait(&w, 1);
    load_wait(&w, 1);
    cr_expect_eq(w.told[ENGINE_EVENT_MISSING], 1);
    cr_expect(load_view(&w, 0).missing);
    load_record(&w, 0, 1, 0);
    cr_expect_not(load_view(&w, 0).missing);
}

/* ---- when a flush is due, and how much waits ---- */

Test(load, given_rows_or_bytes_or_time_then_a_flush_is_due)
{
    load_run(&w, 1);
    for (int i = 0; i < LOAD_ROWS - 1; i++)
        load_record(&w, 0, i, i);
    cr_expect_eq(w.op, 0);
    load_record(&w, 0, LOAD_ROWS - 1, LOAD_ROWS - 1);
    load_flush_done(&w);
    load_record_of(&w, &(struct engine_load_record){.offset = LOAD_ROWS,
                                                    .sequence = LOAD_ROWS,
                                                    .class = ENGINE_LOAD_ROWS,
                                                    .row_count = 1,
                                                    .bytes = LOAD_BYTES});
    load_flush_done(&w);
    load_record(&w, 0, LOAD_ROWS + 1, LOAD_ROWS + 1);
    load_wait(&w, LOAD_MS - 1);
    if (w.op == 'l')
        load_answer(&w);
    cr_expect_eq(w.op, 0);
    load_wait(&w, 1);
    load_flush_done(&w);
    cr_expect_eq(engine_loader_stats(w.engine)->flushes, 3);
}

Test(load, given_time_without_records_then_the_next_one_waits_as_long_as_any)
{
    const int32_t lane = 0;
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    engine_loader_revoke(w.engine, &lane, 1);
    load_wait(&w, 10 * LOAD_MS);
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    cr_expect_eq(w.op, 0, "the dropped record's time does not count");
}

Test(load, given_a_full_queue_then_lanes_pause_until_half_of_it_is_loaded)
{
    load_run(&w, 2);
    for (int i = 0; i <= LOAD_QUEUE / 500; i++)
        load_record_of(&w, &(struct engine_load_record){.offset = i,
                                                        .sequence = i,
                                                        .class = ENGINE_LOAD_ROWS,
                                                        .row_count = 1,
                                                        .bytes = 500});
    cr_expect(w.lanes[0].paused);
    cr_expect(w.lanes[1].paused);
    cr_expect_eq(load_view(&w, 0).waiting_records, LOAD_QUEUE / 500 + 1);
    load_flush_done(&w);
    load_flush_done(&w);
    cr_expect_not(w.lanes[0].paused);
    cr_expect_not(w.lanes[1].paused);
    cr_expect_eq(load_view(&w, 0).waiting_records, 0);
}

/* ---- answers of a flush ---- */

Test(load, given_a_lost_answer_when_it_happened_then_nothing_is_loaded_again)
{
    load_run(&w, 2);
    load_record(&w, 0, 0, 0);
    load_record(&w, 1, 0, 0);
    load_wait(&w, LOAD_MS);
    load_flush_lost(&w, true);
    cr_assert_eq(w.op, 's');
    load_answer(&w);
    cr_expect_eq(w.op, 0);
    cr_expect_eq(load_view(&w, 0).next_offset, 1);
    cr_expect_eq(load_view(&w, 1).next_offset, 1);
    cr_expect_eq(engine_loader_stats(w.engine)->records.loaded, 2);
}

Test(load, given_a_lost_answer_when_it_did_not_happen_then_it_is_loaded_again_at_once)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    load_wait(&w, LOAD_MS);
    load_flush_lost(&w, false);
    load_answer(&w);
    load_flush_done(&w);
    cr_expect_eq(w.lanes[0].ledger.last_sequence, 0);
    cr_expect_eq(engine_loader_stats(w.engine)->records.loaded, 1);
}

Test(load, given_a_lost_answer_and_another_owner_then_that_lane_is_lost_and_the_other_settled)
{
    load_run(&w, 2);
    load_record(&w, 0, 0, 0);
    load_record(&w, 1, 0, 0);
    load_wait(&w, LOAD_MS);
    load_flush_lost(&w, true);
    w.lanes[0].ledger.fence = 5;
    load_answer(&w);
    cr_expect_eq(w.told[ENGINE_LANE_LOST], 1);
    cr_expect_eq(load_view(&w, 0).state, ENGINE_LANE_WAITING);
    cr_expect_eq(load_view(&w, 1).next_offset, 1);
}

Test(load, given_a_settling_read_that_fails_then_it_is_asked_again_after_a_while)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    load_wait(&w, LOAD_MS);
    load_flush_lost(&w, true);
    cr_assert_eq(w.op, 's');
    w.op = 0;
    engine_loader_on_settled(w.engine, ENGINE_TRANSIENT, NULL, 0);
    cr_expect_eq(w.op, 0, "not at once");
    load_wait(&w, 5000);
    while (w.op == 'l')
        load_answer(&w);
    cr_assert_eq(w.op, 's');
    load_answer(&w);
    cr_expect_eq(load_view(&w, 0).next_offset, 1);
}

Test(load, given_a_missed_claim_then_that_lane_is_lost_and_the_rest_is_flushed_without_it)
{
    load_run(&w, 2);
    load_record(&w, 0, 0, 0);
    load_record(&w, 1, 0, 0);
    load_wait(&w, LOAD_MS);
    load_flush_missed(&w, 0);
    cr_expect_eq(w.told[ENGINE_LANE_LOST], 1);
    cr_expect_eq(w.lanes[0].started_at, -1);
    cr_expect_str_eq(load_records(&w), "1:0=L");
    load_flush_done(&w);
    load_wait(&w, 200);
    cr_expect_eq(w.op, 't', "it is still assigned");
}

Test(load, given_a_transient_failure_then_the_same_is_tried_again_after_a_while)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    load_wait(&w, LOAD_MS);
    load_flush_fails(&w, ENGINE_TRANSIENT, "deadlock");
    cr_expect_eq(w.op, 0);
    load_wait(&w, 200);
    load_flush_done(&w);
    cr_expect_eq(w.lanes[0].ledger.last_sequence, 0);
}

Test(load, given_a_refused_row_then_all_others_are_loaded_and_it_alone_is_bad)
{
    load_run(&w, 2);
    for (int i = 0; i < 5; i++) {
        load_record(&w, 0, i, i);
        load_record(&w, 1, i, i);
    }
    for (int turns = 0; w.lanes[0].ledger.next_offset < 5 || w.lanes[1].ledger.next_offset < 5;) {
        cr_assert_lt(++turns, 50);
        load_wait(&w, LOAD_MS);
        while (w.op == 'l')
            load_answer(&w);
        if (strstr(load_records(&w), "1:2=L"))
            load_flush_fails(&w, ENGINE_REFUSED, "23505: twice");
        else
            load_flush_done(&w);
    }
    const struct engine_load_counts *n = &engine_loader_stats(w.engine)->records;
    cr_expect_eq(n->loaded, 9);
    cr_expect_eq(n->bad, 1);
    cr_expect_eq(w.lanes[1].ledger.last_sequence, 4);
}

Test(load, given_a_refusal_that_is_no_records_fault_then_nothing_becomes_bad)
{
    w.lanes[0].ledger.next_offset = 6;
    w.lanes[0].ledger.last_sequence = 4;
    w.lanes[0].ledger.last_offset = 5;
    load_run(&w, 1);
    load_record(&w, 0, 6, 2); /* a repeat: the flush has no rows at all */
    load_wait(&w, LOAD_MS);
    load_flush_fails(&w, ENGINE_REFUSED, "23514: a check of the ledger");
    cr_expect_eq(w.op, 0, "not at once");
    load_wait(&w, 200);
    cr_expect_eq(load_counts(&w, 0)->repeated, 1);
    load_flush_done(&w);
    cr_expect_eq(w.lanes[0].ledger.last_sequence, 4);
}

/* ---- out of range, lost, stopped ---- */

Test(load, given_a_position_out_of_range_then_the_lane_is_checked_and_read_on_from_its_ledger)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    w.lanes[0].started_at = -1;
    engine_loader_on_out_of_range(w.engine, 0);
    cr_expect_eq(load_view(&w, 0).state, ENGINE_LANE_CHECKING);
    load_check(&w, 0);
    cr_expect_eq(w.lanes[0].started_at, 0);
}

Test(load, given_a_position_out_of_range_during_a_flush_then_the_lane_is_checked_after_it)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    load_wait(&w, LOAD_MS);
    w.lanes[0].started_at = -1;
    engine_loader_on_out_of_range(w.engine, 0);
    cr_expect_eq(w.lanes[0].checks, 1);
    load_flush_lost(&w, true);
    load_answer(&w);
    cr_expect_eq(w.lanes[0].checks, 2);
    load_check(&w, 0);
    cr_expect_eq(w.lanes[0].started_at, 1);
}

Test(load, given_another_fence_in_the_ledger_then_the_idle_lane_is_lost_and_taken_anew)
{
    load_run(&w, 1);
    w.lanes[0].ledger.fence = 5;
    load_wait(&w, 1000);
    load_answer(&w);
    cr_expect_eq(load_view(&w, 0).state, ENGINE_LANE_WAITING);
    load_wait(&w, 200);
    cr_expect_eq(w.op, 't');
}

Test(load, given_a_lane_that_is_revoked_during_its_flush_then_it_is_let_go_after_it)
{
    const int32_t lane = 0;
    load_run(&w, 2);
    load_record(&w, 0, 0, 0);
    load_record(&w, 1, 0, 0);
    load_wait(&w, LOAD_MS);
    engine_loader_revoke(w.engine, &lane, 1);
    load_flush_done(&w);
    cr_expect_eq(load_view(&w, 0).state, ENGINE_LANE_FREE);
    cr_expect_eq(load_view(&w, 1).next_offset, 1);
}

Test(load, given_the_end_then_what_was_read_is_flushed_and_nothing_more_is_taken)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    engine_loader_stop(w.engine);
    cr_expect_eq(w.lanes[0].started_at, -1);
    load_record(&w, 0, 1, 1);
    cr_expect_str_eq(load_records(&w), "0:0=L");
    cr_expect_not(engine_loader_is_stopped(w.engine));
    load_flush_done(&w);
    cr_expect(engine_loader_is_stopped(w.engine));
}

Test(load, given_the_end_without_a_warehouse_then_it_does_not_wait)
{
    load_run(&w, 1);
    load_record(&w, 0, 0, 0);
    engine_loader_on_connection(w.engine, false);
    engine_loader_stop(w.engine);
    cr_expect(engine_loader_is_stopped(w.engine));
}
