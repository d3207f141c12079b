/* Ticks: when the owner of a lane writes one, and how it is decided. */
#include "lane_world.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#define EVERY_MS INT64_C(10000)

static struct lane_world w;

static void open_world(void)
{
    lane_world_open(&w);
    w.tick_interval_ms = EVERY_MS;
}

static void close_world(void)
{
    lane_world_close(&w);
}

TestSuite(tick, .init = open_world, .fini = close_world);

/* Ticks that the engine wrote, by the interval: "0:0 1:0 0:1". */
static const char *written(void)
{
    static char text[1024];
    size_t n = 0;
    text[0] = 0;
    for (int i = 0; i < w.tick_count; i++) {
        int64_t due_ms = w.ticks[i].due_ms - LANE_FIRST_MS;
        cr_assert_eq(due_ms % EVERY_MS, 0);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d:%d", n ? " " : "", w.ticks[i].lane,
                              (int)(due_ms / EVERY_MS));
    }
    return text;
}

/* ---- writing ---- */

Test(tick, given_no_interval_then_there_is_no_tick)
{
    w.tick_interval_ms = 0;
    lane_run(&w, 2);
    lane_pass(&w, 3 * EVERY_MS);
    cr_expect_eq(w.tick_count, 0);
}

Test(tick, given_time_then_each_lane_gets_one_an_interval)
{
    lane_run(&w, 2);
    lane_pass(&w, 100);
    cr_expect_str_eq(written(), "0:0 1:0", "the newest one at once");
    lane_pass(&w, EVERY_MS - 1200);
    cr_expect_eq(w.tick_count, 2);
    lane_pass(&w, 2 * EVERY_MS);
    cr_expect_str_eq(written(), "0:0 1:0 0:1 1:1 0:2 1:2");
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
}

Test(tick, given_a_long_pause_then_what_was_missed_is_not_made_up)
{
    lane_run(&w, 1);
    lane_pass(&w, 100);
    lane_wait(&w, 5 * EVERY_MS);
    lane_go(&w);
    cr_expect_str_eq(written(), "0:0 0:5");
}

Test(tick, given_a_clock_that_goes_back_a_little_then_nothing_is_written_again)
{
    lane_run(&w, 1);
    lane_pass(&w, 2 * EVERY_MS);
    cr_assert_str_eq(written(), "0:0 0:1 0:2");
    w.wall_behind_ms = 2 * EVERY_MS;
    lane_pass(&w, EVERY_MS);
    cr_expect_eq(w.tick_count, 3);
}

Test(tick, given_a_clock_that_goes_back_far_then_ticks_go_on_by_it)
{
    lane_run(&w, 1);
    lane_pass(&w, 9 * EVERY_MS);
    cr_assert_eq(w.tick_count, 10);
    w.wall_behind_ms = 8 * EVERY_MS;
    lane_pass(&w, EVERY_MS);
    cr_expect_eq(w.tick_count, 12, "the newest by that clock at once: a repeat");
    lane_pass(&w, EVERY_MS);
    cr_expect_eq(w.tick_count, 13);
}

Test(tick, given_a_takeover_then_the_newest_is_written_again_and_is_a_repeat)
{
    lane_run(&w, 1);
    lane_pass(&w, EVERY_MS);
    cr_assert_str_eq(written(), "0:0 0:1");
    lane_revoke(&w, 0);
    lane_pass(&w, 100);
    cr_assert_eq(w.tick_count, 2, "of a lane that is not ours nothing is written");
    lane_assign(&w, 0);
    lane_pass(&w, 100);
    cr_expect_str_eq(written(), "0:0 0:1 0:1");
    cr_expect_str_eq(lane_outcomes(&w, 0), "aa=");
}

Test(tick, given_one_that_another_wrote_and_we_passed_then_it_is_not_written_again)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, .due_ms = LANE_FIRST_MS + EVERY_MS); /* its clock is ahead */
    lane_pass(&w, EVERY_MS);
    cr_expect_str_eq(written(), "0:0");
    lane_pass(&w, EVERY_MS);
    cr_expect_str_eq(written(), "0:0 0:2");
}

Test(tick, given_one_of_a_clock_far_ahead_then_ours_go_on)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, .due_ms = LANE_FIRST_MS + 1000 * EVERY_MS);
    lane_pass(&w, EVERY_MS);
    cr_expect_str_eq(written(), "0:0 0:0 0:1", "the newest by ours at once: a repeat");
    lane_pass(&w, EVERY_MS);
    cr_expect_str_eq(written(), "0:0 0:0 0:1 0:2");
}

Test(tick, given_a_lane_that_does_not_run_then_nothing_is_written)
{
    lane_start(&w);
    lane_assign(&w, 0);
    lane_wait(&w, 100);
    cr_expect_eq(w.tick_count, 0, "it is not taken over yet");
    lane_go(&w);
    lane_wait(&w, 100);
    cr_expect_eq(w.tick_count, 1);
    engine_stop(w.engine);
    lane_wait(&w, EVERY_MS);
    cr_expect_eq(w.tick_count, 1, "it is to stop");
}

/* ---- batches ---- */

/* What is added now and what on the first tick from then on. */
#define LATER(n) .body = "{\"add\":5,\"due_ms\":" #n "}"
#define TICK(n)  .due_ms = LANE_FIRST_MS + (n)

Test(tick, given_one_among_others_then_it_is_alone_of_its_lane)
{
    w.tick_interval_ms = 0;
    lane_run(&w, 2);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0, TICK(1000));
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0, TICK(2000));
    lane_add(&w, .lane = 0, TICK(3000));
    for (int i = 0; i < 5; i++)
        lane_add(&w, .lane = 1);
    lane_gather(&w);
    static const int64_t applied[] = {2, 3, 4, 5, 6};
    for (size_t i = 0; i < sizeof applied / sizeof *applied; i++) {
        lane_until(&w, 'c');
        lane_answer(&w);
        cr_expect_eq(w.rows[0].row.applied, applied[i], "batch %zu", i);
        cr_expect_eq(w.rows[1].row.applied, 5, "the other lane goes on");
    }
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaaa");
}

Test(tick, given_what_is_due_then_the_tick_sees_it_in_order_and_what_it_names_afterwards)
{
    w.tick_interval_ms = 0;
    lane_add(&w, .lane = 0, .body = "{\"add\":1}");
    lane_add(&w, .lane = 0, .body = "{\"add\":10, \"due_ms\":3000}");
    lane_add(&w, .lane = 0, .body = "{\"add\":100, \"due_ms\":2000}");
    lane_add(&w, .lane = 0, .who = 1, .body = "{\"add\":7, \"due_ms\":2500}");
    lane_add(&w, .lane = 0, .body = "{\"add\":1000, \"due_ms\":90000}");
    lane_run(&w, 1);
    cr_assert_eq(lane_sum(&w, 0, 0), 1);
    lane_pass(&w, 4000);
    lane_add(&w, .lane = 0, TICK(4000));
    int64_t first = w.rows[0].row.next_event;
    lane_until(&w, 'b');
    cr_assert_eq(w.load.due_count, 1, "a wish that is said twice is one");
    cr_expect_eq(w.load.due[0].lane, 0);
    cr_expect_eq(w.load.due[0].time_ms, w.log[0].records[5].in.append_time_ms);
    cr_expect_eq(w.load.key_count, 0);
    lane_until(&w, 'm');
    cr_expect_eq(w.load.key_count, 2, "two sums, each once");
    cr_expect_eq(w.load.lookup_count + w.load.due_count, 0);
    lane_go(&w);
    cr_expect_eq(lane_sum(&w, 0, 0), 111);
    cr_expect_eq(lane_sum(&w, 0, 1), 7);
    const struct engine_event *e = &w.rows[0].events[first];
    cr_assert_eq(w.rows[0].row.next_event, first + 3);
    cr_expect(mr_slice_is(e[0].data, "{\"value\":100}"));
    cr_expect(mr_slice_is(e[1].data, "{\"value\":7}"));
    cr_expect(mr_slice_is(e[2].data, "{\"value\":10}"));
    cr_expect(mr_uuid_equal(&e[1].account, &w.accounts[0][1]), "told to the entity's account");
    lane_add(&w, .lane = 0, TICK(5000));
    lane_until(&w, 'b');
    lane_answer(&w);
    cr_expect_eq(w.op, 'c', "nothing is due any more, so nothing is named");
    lane_go(&w);
    cr_expect_eq(lane_sum(&w, 0, 0), 111);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaaaa");
}

Test(tick, given_ticks_of_two_lanes_in_one_batch_then_each_has_its_own)
{
    w.tick_interval_ms = 0;
    for (int32_t lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 3; i++)
            lane_add(&w, .lane = lane, .who = i, LATER(500));
    lane_run(&w, 2);
    lane_pass(&w, 600);
    lane_add(&w, .lane = 0, TICK(600));
    lane_add(&w, .lane = 1, TICK(600));
    lane_gather(&w);
    cr_assert_eq(w.load.due_count, 2);
    int commits = w.commits;
    lane_until(&w, 'm');
    cr_expect_eq(w.load.key_count, 6);
    lane_until(&w, 'c');
    lane_answer(&w);
    cr_expect_eq(w.commits, commits + 1);
    for (int32_t lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 3; i++)
            cr_expect_eq(lane_sum(&w, lane, i), 5);
    cr_expect_eq(w.rows[1].row.next_event, 6);
}

Test(tick, given_a_lost_answer_or_a_failure_of_the_second_load_then_the_batch_is_tried_again)
{
    w.tick_interval_ms = 0;
    lane_add(&w, .lane = 0, LATER(500));
    lane_run(&w, 1);
    lane_pass(&w, 600);
    lane_add(&w, .lane = 0, TICK(600));
    lane_until(&w, 'm');
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_pass(&w, 100);
    cr_expect_eq(lane_sum(&w, 0, 0), 5);
    lane_add(&w, .lane = 0, LATER(700));
    lane_go(&w);
    lane_pass(&w, 200);
    lane_add(&w, .lane = 0, TICK(800));
    lane_until(&w, 'm');
    lane_lost(&w, false);
    lane_connect(&w);
    lane_pass(&w, 1000);
    cr_expect_eq(lane_sum(&w, 0, 0), 10);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaa");
}

Test(tick, given_a_repeat_then_nothing_is_due)
{
    w.tick_interval_ms = 0;
    lane_add(&w, .lane = 0, TICK(600));
    lane_add(&w, .lane = 0, LATER(500));
    lane_run(&w, 1);
    lane_pass(&w, 600);
    lane_add(&w, .lane = 0, TICK(600));
    lane_until(&w, 'b');
    lane_answer(&w);
    cr_expect_eq(w.op, 'c', "it names nothing afterwards");
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aa=");
    cr_expect_eq(lane_sum(&w, 0, 0), 0);
}

/* ---- what cannot be decided ---- */

static const struct {
    const char *body, *outcome, *text;
} hard[] = {
    {"{", "q", "invalid-body: It is no JSON."},
    {"{\"refuse\":\"undeclared\"}", "q", "refusal-not-declared"},
    {"{\"refuse\":\"no-such\"}", "r", "no-such"},
    {"{\"poison\":1}", "q", "23514: the sum is poisoned"},
    {"{\"sums\":20000}", "q", "too-large-for-a-batch"},
};
static size_t hard_index[sizeof hard / sizeof *hard];

ParameterizedTestParameters(tick, given_one_that_cannot_be_decided_then_it_is_set_aside)
{
    for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
        hard_index[i] = i;
    return cr_make_param_array(size_t, hard_index, sizeof hard / sizeof *hard);
}

ParameterizedTest(size_t *i, tick, given_one_that_cannot_be_decided_then_it_is_set_aside)
{
    w.tick_interval_ms = 0;
    for (int n = 0; n < 3; n++)
        lane_add(&w, .lane = 1);
    lane_add(&w, .lane = 0, LATER(500));
    lane_add(&w, .lane = 0, TICK(1000), .body = hard[*i].body);
    lane_add(&w, .lane = 0);
    lane_run(&w, 2);
    lane_pass(&w, 1000);
    lane_add(&w, .lane = 0, TICK(2000));
    lane_pass(&w, 1000);
    const char want[] = {'a', *hard[*i].outcome, 'a', 'a', 0};
    cr_expect_str_eq(lane_outcomes(&w, 0), want);
    cr_expect_str_eq(w.rows[0].text[1], hard[*i].text);
    cr_expect_eq(lane_sum(&w, 0, 0), 6, "the next tick does its work");
    cr_expect_eq(w.rows[0].parked_count, 0);
    cr_expect_str_eq(lane_outcomes(&w, 1), "aaa");
}

Test(tick, given_more_due_than_memory_then_the_tick_is_set_aside)
{
    w.options.batch_arena_bytes_max = 8000;
    w.tick_interval_ms = 0;
    for (int n = 0; n < 40; n++)
        lane_add(&w, .lane = 0, LATER(500));
    lane_run(&w, 1);
    lane_pass(&w, 2000);
    lane_add(&w, .lane = 0, TICK(1000));
    lane_add(&w, .lane = 0);
    lane_pass(&w, 2000);
    cr_expect_eq(w.rows[0].what[40], 'q');
    cr_expect_str_eq(w.rows[0].text[40], "too-large-for-a-batch");
    cr_expect_eq(w.rows[0].what[41], 'a');
}

Test(tick, given_a_domain_that_knows_none_then_it_is_set_aside)
{
    lane_start(&w);
    w.domain.knows = lane_knows_nothing;
    lane_assign(&w, 0);
    lane_add(&w, .lane = 0, TICK(1000));
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "qp");
    cr_expect_str_eq(w.rows[0].text[0], "unknown-type");
}
