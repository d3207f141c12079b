/* The loader's engine on a topic of commands: facts are taken by their offsets. */
#include "load_world.h"

#include <criterion/criterion.h>

static struct load_world w;

static void open_world(void)
{
    load_world_open_facts(&w);
}

static void close_world(void)
{
    load_world_close(&w);
}

TestSuite(load_facts, .init = open_world, .fini = close_world);

static void record(int64_t offset, int64_t sequence, enum engine_load_class class)
{
    load_record_of(&w, &(struct engine_load_record){.offset = offset,
                                                    .sequence = sequence,
                                                    .class = class,
                                                    .row_count = class == ENGINE_LOAD_ROWS,
                                                    .bytes = 10});
}

Test(load_facts, given_offsets_with_gaps_then_all_is_taken_and_nothing_is_missing)
{
    load_run(&w, 1);
    record(3, 3, ENGINE_LOAD_ROWS);
    record(4, 4, ENGINE_LOAD_SKIPPED); /* a tick */
    record(9, -1, ENGINE_LOAD_BAD);    /* that no fact can be read from */
    record(20, 20, ENGINE_LOAD_ROWS);
    load_wait(&w, LOAD_MS);
    load_wait(&w, 2 * LOAD_MISSING);
    cr_expect_str_eq(load_records(&w), "0:3=L 0:9=R 0:20=L");
    const struct engine_load_counts *n = load_counts(&w, 0);
    cr_expect_eq(n->consumed, 4);
    cr_expect_eq(n->loaded, 2);
    cr_expect_eq(n->skipped, 1);
    cr_expect_eq(n->bad, 1);
    cr_expect_eq(n->ahead + n->repeated, 0);
    cr_expect_eq(w.flush.records[1]->sequence, 9, "its place in bad_rows");
    load_flush_done(&w);
    cr_expect_eq(load_view(&w, 0).next_offset, 21);
    cr_expect_eq(load_view(&w, 0).last_sequence, 20);
    cr_expect_not(load_view(&w, 0).missing);
    cr_expect_eq(w.told[ENGINE_EVENT_MISSING], 0);
}

Test(load_facts, given_what_was_read_already_then_it_is_dropped_by_its_offset)
{
    w.lanes[0].ledger.next_offset = 10;
    w.lanes[0].ledger.last_sequence = w.lanes[0].ledger.last_offset = 9;
    load_run(&w, 1);
    record(9, 9, ENGINE_LOAD_ROWS);
    record(10, 10, ENGINE_LOAD_ROWS);
    load_wait(&w, LOAD_MS);
    cr_expect_str_eq(load_records(&w), "0:10=L");
    cr_expect_eq(load_counts(&w, 0)->consumed, 1);
}

Test(load_facts, given_a_position_set_back_then_all_behind_it_is_asked_of_the_warehouse)
{
    w.lanes[0].ledger.next_offset = 5;
    w.lanes[0].ledger.last_sequence = 9;
    load_run(&w, 1);
    record(5, 5, ENGINE_LOAD_ROWS);
    record(6, 6, ENGINE_LOAD_ROWS);
    load_wait(&w, LOAD_MS);
    cr_expect_str_eq(load_records(&w), "0:5=L 0:6=L");
    load_flush_done(&w);
    cr_expect_eq(load_view(&w, 0).last_sequence, 6);
}

/* As the warehouse does with a fact that it finds by its id. */
static void find_repeated(size_t i)
{
    w.flush.records[i]->verdict = ENGINE_LOAD_REPEATED;
    w.flush.counts[0].loaded--;
    w.flush.counts[0].repeated++;
}

Test(load_facts, given_a_repeat_that_the_warehouse_finds_then_it_counts_as_one)
{
    load_run(&w, 1);
    record(0, 0, ENGINE_LOAD_ROWS);
    record(1, 1, ENGINE_LOAD_ROWS);
    load_wait(&w, LOAD_MS);
    find_repeated(1);
    load_flush_done(&w);
    cr_expect_eq(engine_loader_stats(w.engine)->records.loaded, 1);
    cr_expect_eq(engine_loader_stats(w.engine)->records.repeated, 1);
    cr_expect_eq(load_view(&w, 0).next_offset, 2);
    cr_expect_eq(load_view(&w, 0).last_sequence, 1);
}

Test(load_facts, given_a_flush_that_is_tried_again_then_repeats_are_looked_for_anew)
{
    load_run(&w, 1);
    record(0, 0, ENGINE_LOAD_ROWS);
    record(1, 1, ENGINE_LOAD_ROWS); /* of the same id */
    load_wait(&w, LOAD_MS);
    find_repeated(1);
    load_flush_fails(&w, ENGINE_REFUSED, "22003: out of range"); /* the first one is bad */
    load_wait(&w, LOAD_MS);
    cr_expect_str_eq(load_records(&w), "0:0=L");
    load_flush_fails(&w, ENGINE_REFUSED, "22003: out of range");
    load_flush_done(&w);
    load_wait(&w, LOAD_MS);
    cr_expect_str_eq(load_records(&w), "0:1=L", "nothing that stands for it was loaded");
    load_flush_done(&w);
    cr_expect_eq(engine_loader_stats(w.engine)->records.bad, 1);
    cr_expect_eq(engine_loader_stats(w.engine)->records.loaded, 1);
    cr_expect_eq(engine_loader_stats(w.engine)->records.repeated, 0);
}
