/* engine_stop: the batch is finished, events are waited for, `published` is written, lanes let go.
 */
#include "lane_world.h"

#include <criterion/criterion.h>

static struct lane_world w;

static void open_world(void)
{
    lane_world_open(&w);
}

static void close_world(void)
{
    lane_world_close(&w);
}

TestSuite(lane_stop, .init = open_world, .fini = close_world);

Test(lane_stop, given_a_stop_during_a_batch_then_it_is_finished_and_published_is_written)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'b');
    engine_stop(w.engine);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "a", "the batch at hand, and nothing after it");
    cr_expect_not(engine_is_stopped(w.engine), "its event is waited for");
    lane_ack(&w);
    cr_expect_eq(w.op, 'u');
    cr_expect_not(engine_is_stopped(w.engine));
    lane_answer(&w);
    cr_expect(engine_is_stopped(w.engine));
    cr_expect_eq(w.rows[0].row.published, 1);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_FREE);
    cr_expect_eq(w.log[0].started_at, -1);
    lane_wait(&w, 5000);
    cr_expect_eq(w.op, 0);
}

Test(lane_stop, given_events_that_nobody_acknowledges_when_stopping_then_only_until_the_deadline)
{
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    engine_stop(w.engine);
    lane_pass(&w, 4990);
    cr_expect_not(engine_is_stopped(w.engine));
    lane_pass(&w, 10);
    cr_expect(engine_is_stopped(w.engine));
    cr_expect_eq(w.rows[0].row.published, 0);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_FREE);
}

Test(lane_stop, given_a_round_that_ends_while_stopping_then_its_events_are_sent_again)
{
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    engine_stop(w.engine);
    lane_report(&w, 0, false);
    lane_pass(&w, 100);
    cr_assert_eq(w.sent_count, 2);
    lane_ack(&w);
    lane_go(&w);
    cr_expect(engine_is_stopped(w.engine));
    cr_expect_eq(w.rows[0].row.published, 1);
}

Test(lane_stop, given_nothing_to_wait_for_then_it_stops_at_once)
{
    lane_run(&w, 2);
    engine_stop(w.engine);
    cr_expect(engine_is_stopped(w.engine));
    engine_stop(w.engine);
    cr_expect(engine_is_stopped(w.engine));
}

Test(lane_stop, given_no_lane_at_all_then_it_stops_at_once)
{
    lane_start(&w);
    engine_stop(w.engine);
    cr_expect(engine_is_stopped(w.engine));
}

Test(lane_stop, given_a_stop_while_a_lane_is_taken_then_it_is_let_go_after)
{
    lane_start(&w);
    lane_assign(&w, 0);
    lane_assign(&w, 1);
    engine_stop(w.engine);
    cr_expect_not(engine_is_stopped(w.engine));
    lane_answer(&w);
    lane_go(&w);
    cr_expect(engine_is_stopped(w.engine));
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_FREE);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_FREE);
    cr_expect_eq(engine_stats(w.engine)->takeovers, 1);
}

Test(lane_stop, given_postgres_away_when_all_is_flushed_then_it_stops_at_once)
{
    lane_run(&w, 1);
    engine_on_connection(w.engine, false);
    engine_stop(w.engine);
    cr_expect(engine_is_stopped(w.engine));
}

Test(lane_stop, given_postgres_away_when_published_is_not_written_then_at_the_deadline)
{
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_ack(&w);
    engine_on_connection(w.engine, false);
    engine_stop(w.engine);
    lane_wait(&w, 4999);
    cr_expect_not(engine_is_stopped(w.engine), "it may come back");
    lane_wait(&w, 1);
    cr_expect(engine_is_stopped(w.engine));
}

Test(lane_stop, given_postgres_back_while_stopping_then_published_is_written)
{
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_ack(&w);
    engine_on_connection(w.engine, false);
    engine_stop(w.engine);
    lane_connect(&w);
    lane_go(&w);
    cr_expect(engine_is_stopped(w.engine));
    cr_expect_eq(w.rows[0].row.published, 1);
}

Test(lane_stop, given_a_commit_in_doubt_when_stopping_then_it_is_settled_first)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'c');
    engine_stop(w.engine);
    lane_lost(&w, true);
    lane_connect(&w);
    cr_assert_eq(w.op, 's');
    lane_go(&w);
    cr_expect_str_eq(lane_sent(&w, 0), "0:0");
    lane_ack(&w);
    lane_go(&w);
    cr_expect(engine_is_stopped(w.engine));
    cr_expect_eq(w.rows[0].row.published, 1);
}

Test(lane_stop, given_a_commit_in_doubt_and_postgres_away_then_it_stops_at_the_deadline)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'c');
    engine_stop(w.engine);
    lane_lost(&w, true);
    lane_wait(&w, 4999);
    cr_expect_not(engine_is_stopped(w.engine));
    lane_wait(&w, 1);
    cr_expect(engine_is_stopped(w.engine));
}
