/* A lane's life: taken over, checked, run, let go, lost, stopped. */
#include "lane_world.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

static struct lane_world w;

static void open_world(void)
{
    lane_world_open(&w);
}

static void close_world(void)
{
    lane_world_close(&w);
}

TestSuite(lane, .init = open_world, .fini = close_world);

/* ---- taking over ---- */

Test(lane, given_an_empty_row_when_the_lane_is_taken_then_the_log_is_read_from_its_start)
{
    lane_run(&w, 1);
    cr_expect_eq(w.log[0].started_at, ENGINE_EARLIEST);
    cr_expect_eq(lane_view(&w, 0).fence, w.rows[0].row.fence);
    cr_expect_neq(w.rows[0].row.fence, 7, "the fence is replaced");
    cr_expect_eq(engine_stats(w.engine)->takeovers, 1);
}

Test(lane, given_a_row_when_the_lane_is_taken_then_the_log_is_read_from_applied)
{
    for (int i = 0; i < 3; i++)
        lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_ack(&w);
    lane_pass(&w, 1000);
    lane_revoke(&w, 0);
    cr_expect_eq(w.log[0].started_at, -1);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_FREE);
    lane_assign(&w, 0);
    lane_go(&w);
    cr_expect_eq(w.log[0].started_at, 3);
    cr_expect_eq(w.log[0].check.applied, 3);
    cr_expect_eq(w.log[0].check.published, 3);
    cr_expect_eq(w.log[0].check.event_offset, 2);
}

Test(lane, given_events_that_nobody_acknowledged_when_the_lane_is_taken_then_they_are_sent)
{
    lane_add(&w, .lane = 0, .body = "{\"add\":1, \"events\":3}");
    lane_run(&w, 1);
    lane_report(&w, 0, true);
    lane_pass(&w, 1000);
    lane_revoke(&w, 0);
    lane_assign(&w, 0);
    lane_go(&w);
    cr_expect_str_eq(lane_sent(&w, 3), "0:1 0:2");
}

static const struct {
    enum engine_answer answer;
    bool happened;
} not_taken[] = {{ENGINE_TRANSIENT, false}, {ENGINE_LOST, false}, {ENGINE_LOST, true}};
static size_t not_taken_index[sizeof not_taken / sizeof *not_taken];

ParameterizedTestParameters(lane, given_a_take_that_failed_then_it_is_done_again_after_a_while)
{
    for (size_t i = 0; i < sizeof not_taken / sizeof *not_taken; i++)
        not_taken_index[i] = i;
    return cr_make_param_array(size_t, not_taken_index, sizeof not_taken / sizeof *not_taken);
}

ParameterizedTest(size_t *i, lane, given_a_take_that_failed_then_it_is_done_again_after_a_while)
{
    lane_start(&w);
    lane_assign(&w, 0);
    if (not_taken[*i].answer == ENGINE_LOST)
        lane_lost(&w, not_taken[*i].happened);
    else
        lane_fails(&w, not_taken[*i].answer, NULL);
    uint64_t first = w.take_fence;
    lane_connect(&w);
    cr_expect_eq(w.op, 0, "not at once");
    lane_wait(&w, 99);
    cr_expect_eq(w.op, 0);
    lane_wait(&w, 1);
    cr_expect_eq(w.op, 't');
    cr_expect_neq(w.take_fence, first, "each takeover draws its own fence");
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
}

Test(lane, given_a_lane_revoked_while_its_take_fails_then_it_is_not_taken_again)
{
    lane_start(&w);
    lane_assign(&w, 0);
    lane_revoke(&w, 0);
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_wait(&w, 5000);
    cr_expect_eq(w.op, 0);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_FREE);
    lane_assign(&w, 0);
    cr_expect_eq(w.op, 't');
}

Test(lane, given_an_event_table_with_a_gap_when_the_fence_is_still_ours_then_the_lane_stops)
{
    w.rows[0].row = (struct engine_row){.fence = 7, .next_event = 3, .event_offset = -1};
    lane_start(&w);
    lane_assign(&w, 0);
    w.op = 0;
    w.rows[0].row.fence = w.take_fence;
    w.rows[0].named = true;
    engine_on_taken(w.engine, ENGINE_DONE, &(struct engine_taken){.row = w.rows[0].row});
    lane_check(&w, 0);
    cr_expect_eq(w.log[0].started_at, -1, "the check's answer does not start it");
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_STOPPED_STATE);
    cr_expect(strstr(lane_view(&w, 0).stop_reason, "[0, 3)"));
}

/* ---- the check ---- */

Test(lane, given_the_answer_of_an_earlier_question_then_it_is_ignored)
{
    lane_start(&w);
    lane_assign(&w, 0);
    lane_answer(&w);
    struct engine_check first = w.log[0].check;
    lane_assign(&w, 0); /* begins anew */
    lane_until(&w, 't');
    lane_answer(&w);
    cr_expect_neq(w.log[0].check.number, first.number);
    struct engine_checked old = lane_checked(&w, &first);
    engine_on_checked(w.engine, &old);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_CHECKING);
    cr_expect_eq(w.log[0].started_at, -1);
    lane_check(&w, 0);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
    engine_on_checked(w.engine, &old); /* and one that comes too late of all */
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
}

Test(lane, given_out_of_range_while_a_batch_commits_then_the_lane_is_checked_afterwards)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'c');
    w.log[0].started = false;
    engine_on_out_of_range(w.engine, 0);
    cr_expect_eq(w.log[0].checks, 1, "not while an operation works on it");
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
    lane_answer(&w);
    cr_expect_eq(w.log[0].checks, 2);
    cr_expect_eq(w.log[0].check.applied, w.rows[0].row.applied, "as the batch left it");
    cr_expect_eq(lane_view(&w, 0).queued_commands, 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aa");
}

Test(lane, given_out_of_range_of_a_lane_that_is_not_read_then_nothing_happens)
{
    lane_start(&w);
    engine_on_out_of_range(w.engine, 0);
    lane_assign(&w, 0);
    lane_go(&w);
    cr_expect_eq(w.log[0].checks, 1);
}

/* ---- gone back ---- */

static void truncated(struct engine_checked *c)
{
    c->log_end = 1;
    c->command = ENGINE_FIND_AHEAD;
}

static void recreated(struct engine_checked *c)
{
    c->command_digest.bytes[0] ^= 1;
}

static void expired(struct engine_checked *c)
{
    c->command = ENGINE_FIND_GONE;
    c->log_start = 3;
    c->log_end = 9;
}

static void restored(struct engine_checked *c)
{
    c->event_highest = 2;
}

static void event_elsewhere(struct engine_checked *c)
{
    c->event_sequence = 0;
}

static void events_truncated(struct engine_checked *c)
{
    c->event = ENGINE_FIND_AHEAD;
    c->event_sequence = -1;
}

static const struct {
    void (*spoil)(struct engine_checked *c);
    const char *said;
} back[] = {
    {truncated, "the command log ends at 1, before position 2"},
    {recreated, "the record at position 1 is not the one that was passed"},
    {expired, "the command log starts at 3: positions from 2 on were deleted"},
    {restored, "the event log holds sequence 2, but the next event is 2"},
    {event_elsewhere, "the event log does not hold sequence 1 at offset 1"},
    {events_truncated, "the event log does not hold sequence 1 at offset 1"},
};
static size_t back_index[sizeof back / sizeof *back];

/* Two commands were applied and published; out of range, and the world looks different. Leaves the
 * look that runs meanwhile unanswered. */
static void go_back(size_t i)
{
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_ack(&w);
    lane_pass(&w, 1500);
    cr_assert_eq(w.rows[0].row.published, 2);
    w.log[0].started = false;
    engine_on_out_of_range(w.engine, 0);
    lane_wait(&w, 1000);
    cr_assert_eq(w.op, 'l');
    struct engine_checked c = lane_checked(&w, &w.log[0].check);
    w.log[0].asked = false;
    back[i].spoil(&c);
    engine_on_checked(w.engine, &c);
}

ParameterizedTestParameters(lane, given_the_world_gone_back_then_only_a_later_look_stops_the_lane)
{
    for (size_t i = 0; i < sizeof back / sizeof *back; i++)
        back_index[i] = i;
    return cr_make_param_array(size_t, back_index, sizeof back / sizeof *back);
}

ParameterizedTest(size_t *i, lane, given_the_world_gone_back_then_only_a_later_look_stops_the_lane)
{
    go_back(*i);
    lane_answer(&w); /* this look began before the check's answer */
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_CHECKING);
    cr_expect_eq(w.told[ENGINE_LANE_STOPPED], 0);
    cr_expect_eq(w.op, 'l', "the next one follows at once");
    lane_answer(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_STOPPED_STATE);
    cr_expect(strstr(lane_view(&w, 0).stop_reason, back[*i].said), "%s",
              lane_view(&w, 0).stop_reason);
    lane_add(&w, .lane = 0);
    lane_pass(&w, 3000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aa", "a lane that stopped does nothing");
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_STOPPED_STATE);
}

ParameterizedTestParameters(lane, given_the_world_gone_back_and_another_fence_then_the_lane_is_lost)
{
    for (size_t i = 0; i < sizeof back / sizeof *back; i++)
        back_index[i] = i;
    return cr_make_param_array(size_t, back_index, sizeof back / sizeof *back);
}

ParameterizedTest(size_t *i, lane,
                  given_the_world_gone_back_and_another_fence_then_the_lane_is_lost)
{
    go_back(*i);
    lane_answer(&w);
    w.rows[0].row.fence = 1; /* a stale row looks as if the world had gone back */
    lane_answer(&w);
    cr_expect_eq(w.told[ENGINE_LANE_STOPPED], 0);
    cr_expect_eq(w.told[ENGINE_LANE_LOST], 1);
    lane_pass(&w, 1000);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING, "taken over anew, and believed");
}

Test(lane, given_a_stop_whose_look_failed_then_a_later_look_stops_the_lane)
{
    go_back(0);
    lane_answer(&w);
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_CHECKING);
    lane_pass(&w, 1000);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_STOPPED_STATE);
}

Test(lane, given_a_stopped_lane_when_its_row_is_set_then_it_is_taken_over_anew)
{
    go_back(0);
    lane_answer(&w);
    lane_answer(&w);
    cr_assert_eq(lane_view(&w, 0).state, ENGINE_LANE_STOPPED_STATE);
    w.rows[0].row.fence = 1; /* an operator's set-position */
    lane_pass(&w, 2000);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
    cr_expect_eq(w.log[0].started_at, 2);
}

Test(lane, given_a_log_that_starts_late_when_the_lane_never_ran_then_it_starts_there)
{
    lane_start(&w);
    lane_assign(&w, 0);
    lane_answer(&w);
    struct engine_checked c = lane_checked(&w, &w.log[0].check);
    c.log_start = 40;
    c.log_end = 60;
    engine_on_checked(w.engine, &c);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
    cr_expect_eq(w.log[0].started_at, ENGINE_EARLIEST);
}

/* ---- claims that miss ---- */

Test(lane, given_two_lanes_when_the_claim_of_one_misses_then_the_batch_is_redone_without_it)
{
    lane_run(&w, 2);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 1);
    lane_gather(&w);
    cr_assert_eq(w.claim_count, 2);
    w.rows[1].row.fence = 1;
    lane_answer(&w);
    cr_expect_eq(w.roll_backs, 1);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_WAITING);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 1);
    cr_assert_eq(w.op, 'b');
    cr_assert_eq(w.claim_count, 1);
    cr_expect_eq(w.claims[0].lane, 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "a");
    cr_expect_str_eq(lane_outcomes(&w, 1), "");
    lane_wait(&w, 49);
    cr_expect_eq(w.op, 0, "a lost lane is not taken back at once");
    lane_pass(&w, 101);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_RUNNING);
    cr_expect_str_eq(lane_outcomes(&w, 1), "a");
}

Test(lane, given_a_lane_lost_again_and_again_then_it_is_retaken_ever_later)
{
    int64_t waits[4];
    lane_run(&w, 1);
    for (int i = 0; i < 4; i++) {
        w.rows[0].row.fence = 1;
        lane_until(&w, 0);
        while (lane_view(&w, 0).state == ENGINE_LANE_RUNNING)
            lane_pass(&w, 10);
        int64_t lost = w.now_ms;
        while (lane_view(&w, 0).state != ENGINE_LANE_RUNNING)
            lane_pass(&w, 10);
        waits[i] = w.now_ms - lost;
    }
    for (int i = 1; i < 4; i++)
        cr_expect_gt(waits[i], waits[i - 1]);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "a");
}

Test(lane, given_another_fence_when_the_lane_is_looked_at_then_it_is_lost)
{
    lane_run(&w, 2);
    w.rows[0].row.fence = 1;
    lane_wait(&w, 1000);
    lane_answer(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_WAITING);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_RUNNING);
}
