/* What became of a transaction without an answer; and lanes that are revoked while one runs. */
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

TestSuite(lane_doubt, .init = open_world, .fini = close_world);

/* ---- COMMIT without an answer ---- */

static void lose_commit(bool happened)
{
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 1);
    lane_run(&w, 2);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 1);
    lane_gather(&w);
    lane_until(&w, 'c');
    cr_assert_eq(w.save.lane_count, 2);
    lane_lost(&w, happened);
    lane_add(&w, .lane = 0);
    lane_deliver(&w);
    lane_connect(&w);
}

Test(lane_doubt, given_a_commit_that_happened_when_its_answer_is_lost_then_it_counts)
{
    lose_commit(true);
    cr_expect_eq(w.op, 's', "first of all the rows are asked");
    cr_expect_eq(w.asked_count, 2);
    cr_expect_str_eq(lane_sent(&w, 2), "", "nothing leaves before it is known");
    int begins = w.begins;
    lane_answer(&w);
    cr_expect_str_eq(lane_sent(&w, 2), "0:1 1:1");
    lane_go(&w);
    cr_expect_eq(w.begins, begins + 1, "only what came later is decided");
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
    cr_expect_str_eq(lane_outcomes(&w, 1), "aa");
    cr_expect_eq(lane_sum(&w, 0, 0), 3);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
    cr_expect_eq(engine_stats(w.engine)->commands_applied, 5);
    cr_expect_eq(engine_stats(w.engine)->events_committed, 5);
}

Test(lane_doubt, given_a_commit_that_did_not_happen_when_its_answer_is_lost_then_it_is_redone)
{
    lose_commit(false);
    cr_assert_eq(w.op, 's');
    lane_answer(&w);
    cr_expect_str_eq(lane_sent(&w, 2), "");
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
    cr_expect_str_eq(lane_outcomes(&w, 1), "aa");
    cr_expect_eq(lane_sum(&w, 0, 0), 3);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
    cr_expect_eq(engine_stats(w.engine)->commands_applied, 5);
}

Test(lane_doubt, given_another_fence_after_a_lost_commit_then_the_lane_is_lost)
{
    lose_commit(true);
    w.rows[1].row.fence = 1;
    lane_answer(&w);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_WAITING);
    cr_expect_str_eq(lane_sent(&w, 2), "0:1", "the events of a lost lane are its new owner's");
    lane_pass(&w, 1000);
    cr_expect_str_eq(lane_outcomes(&w, 1), "aa");
    cr_expect_eq(lane_sum(&w, 1, 0), 2);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_RUNNING);
}

Test(lane_doubt, given_a_settling_read_that_fails_then_it_is_asked_again_ever_later)
{
    lose_commit(true);
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_until(&w, 0);
    cr_expect_str_eq(lane_sent(&w, 2), "");
    lane_wait(&w, 99);
    cr_expect_eq(w.op, 0);
    lane_wait(&w, 1);
    cr_assert_eq(w.op, 's');
    lane_lost(&w, false);
    lane_connect(&w);
    lane_wait(&w, 199);
    cr_expect_neq(w.op, 's');
    lane_go(&w);
    lane_wait(&w, 1);
    cr_expect_eq(w.op, 's');
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
}

Test(lane_doubt, given_a_lane_in_doubt_that_is_revoked_then_the_other_one_is_settled)
{
    lose_commit(true);
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_revoke(&w, 1);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_FREE);
    lane_pass(&w, 200);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
    cr_expect_str_eq(lane_sent(&w, 2), "0:1 0:2");
}

Test(lane_doubt, given_all_lanes_in_doubt_revoked_then_the_batch_is_forgotten)
{
    lose_commit(true);
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_revoke(&w, 0);
    lane_revoke(&w, 1);
    lane_wait(&w, 10);
    lane_assign(&w, 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
    cr_expect_eq(lane_sum(&w, 0, 0), 3);
}

/* ---- touch without an answer ---- */

static void lose_touch(bool happened)
{
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_ack(&w);
    cr_assert_eq(w.rows[0].row.published, 0);
    lane_wait(&w, 500);
    cr_assert_eq(w.op, 'u');
    lane_lost(&w, happened);
    lane_connect(&w);
    cr_assert_eq(w.op, 's');
}

Test(lane_doubt, given_a_touch_that_happened_when_its_answer_is_lost_then_its_fence_is_ours)
{
    lose_touch(true);
    lane_answer(&w);
    cr_expect_eq(lane_view(&w, 0).fence, w.rows[0].row.fence);
    lane_pass(&w, 1000);
    cr_expect_eq(w.rows[0].row.published, 1);
    cr_expect(w.rows[0].named);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
}

Test(lane_doubt, given_a_touch_that_did_not_happen_then_it_is_done_again)
{
    lose_touch(false);
    lane_pass(&w, 1000);
    cr_expect_eq(w.rows[0].row.published, 1);
    cr_expect_eq(w.rows[0].row.event_offset, 0);
    cr_expect(w.rows[0].named);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
}

Test(lane_doubt, given_another_fence_after_a_lost_touch_then_the_lane_is_lost)
{
    lose_touch(false);
    w.rows[0].row.fence = 1;
    lane_answer(&w);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 1);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_WAITING);
}

Test(lane_doubt, given_a_touch_that_finds_another_fence_then_the_lane_is_lost)
{
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_ack(&w);
    w.rows[0].row.fence = 1;
    lane_wait(&w, 500);
    cr_assert_eq(w.op, 'u');
    lane_answer(&w);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 1);
}

Test(lane_doubt, given_a_touch_that_fails_then_it_waits_and_other_work_goes_on)
{
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_ack(&w);
    lane_wait(&w, 500);
    cr_assert_eq(w.op, 'u');
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    cr_expect_eq(w.op, 0);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aa");
    cr_expect_eq(w.rows[0].row.published, 1, "a batch writes it, too");
}

/* A touch of one lane and a batch of another may both be in doubt when the rows are asked. */
Test(lane_doubt, given_a_touch_and_a_commit_in_doubt_then_both_are_settled_by_one_question)
{
    lane_run(&w, 2);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    lane_ack(&w);
    lane_wait(&w, 500);
    cr_assert_eq(w.op, 'u');
    lane_lost(&w, true);
    lane_connect(&w);
    cr_assert_eq(w.op, 's');
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_add(&w, .lane = 1);
    lane_until(&w, 'c');
    lane_lost(&w, true);
    lane_wait(&w, 200);
    lane_connect(&w);
    cr_assert_eq(w.op, 's');
    cr_assert_eq(w.asked_count, 2);
    lane_answer(&w);
    cr_expect_eq(lane_view(&w, 0).fence, w.rows[0].row.fence);
    cr_expect_eq(lane_view(&w, 1).fence, w.rows[1].row.fence);
    lane_until(&w, 0);
    cr_expect_eq(w.rows[0].row.published, 1);
    lane_add(&w, .lane = 0);
    lane_pass(&w, 100);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aa");
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
}

/* ---- revoked while an operation runs ---- */

/* Brings this operation about, for lane 0. */
static void until(char op)
{
    if (op == 't') {
        lane_start(&w);
        lane_assign(&w, 0);
        return;
    }
    lane_add(&w, .lane = 0, .type = "test.new");
    lane_run(&w, 1);
    if (op == 'm') { /* a parked command that is tried again */
        lane_file(&w, 0, 0, ENGINE_RETRY);
    } else {
        lane_add(&w, .lane = 0, .who = 1);
        lane_go(&w);
    }
    if (op == 'u' || op == 's') {
        engine_on_connection(w.engine, false);
        engine_on_connection(w.engine, true);
    } else if (op == 'b' || op == 'c') {
        lane_add(&w, .lane = 0, .who = 1);
    } else {
        lane_wait(&w, 1000);
    }
    lane_until(&w, op == 's' ? 'u' : op);
    if (op == 's') {
        lane_lost(&w, true);
        lane_connect(&w);
    }
    cr_assert_eq(w.op, op);
}

static const char revoked_ops[] = "tuslbmc";
static size_t revoked_index[sizeof revoked_ops - 1];

ParameterizedTestParameters(lane_doubt, given_a_revoke_during_an_operation_then_it_lets_go_after)
{
    for (size_t i = 0; i < sizeof revoked_ops - 1; i++)
        revoked_index[i] = i;
    return cr_make_param_array(size_t, revoked_index, sizeof revoked_ops - 1);
}

ParameterizedTest(size_t *i, lane_doubt, given_a_revoke_during_an_operation_then_it_lets_go_after)
{
    until(revoked_ops[*i]);
    lane_revoke(&w, 0);
    cr_expect_neq(lane_view(&w, 0).state, ENGINE_LANE_FREE, "not while the operation runs");
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_FREE);
    cr_expect_eq(w.log[0].started_at, -1);
    cr_expect_not(w.open);
    lane_wait(&w, 5000);
    cr_expect_eq(w.op, 0);
}

ParameterizedTestParameters(lane_doubt, given_a_revoke_and_a_failure_then_it_lets_go_after)
{
    for (size_t i = 0; i < sizeof revoked_ops - 1; i++)
        revoked_index[i] = i;
    return cr_make_param_array(size_t, revoked_index, sizeof revoked_ops - 1);
}

ParameterizedTest(size_t *i, lane_doubt, given_a_revoke_and_a_failure_then_it_lets_go_after)
{
    until(revoked_ops[*i]);
    lane_revoke(&w, 0);
    if (*i % 2)
        lane_lost(&w, true);
    else
        lane_fails(&w, ENGINE_TRANSIENT, NULL);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_FREE);
    lane_connect(&w);
    lane_wait(&w, 5000);
    cr_expect_eq(w.op, 0);
    lane_assign(&w, 0);
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
}

ParameterizedTestParameters(lane_doubt, given_revoked_and_assigned_meanwhile_then_it_begins_anew)
{
    for (size_t i = 0; i < sizeof revoked_ops - 1; i++)
        revoked_index[i] = i;
    return cr_make_param_array(size_t, revoked_index, sizeof revoked_ops - 1);
}

ParameterizedTest(size_t *i, lane_doubt, given_revoked_and_assigned_meanwhile_then_it_begins_anew)
{
    until(revoked_ops[*i]);
    uint64_t takeovers = engine_stats(w.engine)->takeovers;
    lane_revoke(&w, 0);
    lane_assign(&w, 0);
    lane_answer(&w);
    if (revoked_ops[*i] == 'm') {
        cr_assert_eq(w.op, 'c');
        lane_answer(&w);
    } else if (revoked_ops[*i] == 'b') {
        lane_answer(&w);
    }
    cr_expect_eq(w.op, 't', "taken over as if it had never been ours");
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
    cr_expect_eq(engine_stats(w.engine)->takeovers, takeovers + 1 + (revoked_ops[*i] == 't'));
    cr_expect_eq(lane_view(&w, 0).parked_commands, w.rows[0].parked_count);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
}

Test(lane_doubt, given_a_lane_assigned_again_while_it_runs_then_it_begins_anew)
{
    lane_run(&w, 1);
    lane_assign(&w, 0);
    cr_expect_eq(w.op, 't');
    cr_expect_eq(w.log[0].started_at, -1);
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
}
