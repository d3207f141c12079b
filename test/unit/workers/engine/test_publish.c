/* Publication: in order, by rounds, `published` following the acknowledged prefix. */
#include "lane_world.h"

#include <criterion/criterion.h>
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

TestSuite(publish, .init = open_world, .fini = close_world);

/* Lane 0 has sent events 0 .. count - 1. */
static void send(int count)
{
    lane_run(&w, 2);
    for (int i = 0; i < count; i++)
        lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_assert_eq(w.sent_count, count);
}

/* The i-th event sent was stored at this offset, whatever the log's next one is. */
static void stored_at(int i, int64_t offset)
{
    const struct lane_sent *s = &w.sent[i];
    w.sent[i].reported = true;
    w.log[s->lane].events[offset] = s->sequence;
    if (w.log[s->lane].event_count <= offset)
        w.log[s->lane].event_count = (int)offset + 1;
    engine_on_report(w.engine, s->round, s->lane, s->sequence, true, offset);
}

static int64_t published(void)
{
    return lane_view(&w, 0).published;
}

Test(publish, given_acknowledgements_out_of_turn_then_published_is_the_prefix)
{
    send(4);
    stored_at(1, 11);
    cr_expect_eq(published(), 0);
    stored_at(3, 13);
    cr_expect_eq(published(), 0);
    stored_at(0, 10);
    cr_expect_eq(published(), 2);
    stored_at(2, 12);
    cr_expect_eq(published(), 4);
    cr_expect_eq(w.purges, 0);
    cr_expect_eq(engine_stats(w.engine)->events_acknowledged, 4);
    lane_pass(&w, 500);
    cr_expect_eq(w.rows[0].row.published, 4);
    cr_expect_eq(w.rows[0].row.event_offset, 13);
}

Test(publish, given_an_event_stored_before_its_predecessor_then_the_round_ends)
{
    send(3);
    stored_at(1, 10);
    stored_at(0, 11);
    cr_expect_eq(published(), 1, "the prefix counts up to there");
    cr_expect_eq(w.purges, 1);
    cr_expect_eq(engine_stats(w.engine)->rounds_ended, 1);
    cr_expect_str_eq(lane_sent(&w, 3), "", "not at once");
    lane_wait(&w, 20);
    cr_expect_str_eq(lane_sent(&w, 3), "0:1 0:2");
    cr_expect_neq(w.sent[3].round, w.sent[0].round);
}

Test(publish, given_a_delivery_that_failed_then_the_round_ends_for_every_lane)
{
    send(3);
    lane_add(&w, .lane = 1);
    lane_go(&w);
    cr_assert_str_eq(lane_sent(&w, 3), "1:0");
    lane_report(&w, 0, true);
    lane_report(&w, 1, false);
    cr_expect_eq(w.purges, 1);
    lane_wait(&w, 20);
    cr_expect_str_eq(lane_sent(&w, 4), "0:1 0:2 1:0");
    lane_ack(&w);
    cr_expect_eq(published(), 3);
    cr_expect_eq(lane_view(&w, 1).published, 1);
}

Test(publish, given_reports_of_an_ended_round_then_they_count_for_nothing)
{
    send(3);
    lane_report(&w, 0, false);
    lane_report(&w, 1, false); /* the purge's own reports */
    lane_report(&w, 2, true);
    cr_expect_eq(engine_stats(w.engine)->rounds_ended, 1);
    lane_wait(&w, 20);
    cr_assert_str_eq(lane_sent(&w, 3), "0:0 0:1 0:2");
    engine_on_report(w.engine, w.sent[0].round, 0, 0, true, 5);
    engine_on_report(w.engine, w.sent[0].round, 0, 1, false, -1);
    cr_expect_eq(published(), 0);
    cr_expect_eq(engine_stats(w.engine)->rounds_ended, 1);
    lane_ack(&w);
    cr_expect_eq(published(), 3);
}

Test(publish, given_reports_of_an_earlier_ownership_then_they_count_for_nothing)
{
    send(2);
    lane_assign(&w, 0);
    lane_go(&w);
    cr_assert_str_eq(lane_sent(&w, 2), "0:0 0:1");
    lane_report(&w, 0, true);
    lane_report(&w, 1, false);
    cr_expect_eq(published(), 0);
    cr_expect_eq(w.purges, 0);
    lane_ack(&w);
    cr_expect_eq(published(), 2);
}

Test(publish, given_a_report_for_a_lane_that_was_let_go_then_nothing_happens)
{
    send(1);
    lane_revoke(&w, 0);
    lane_report(&w, 0, false);
    cr_expect_eq(w.purges, 0);
}

Test(publish, given_a_full_producer_then_the_tick_goes_on_with_what_is_left)
{
    w.room = 2;
    lane_run(&w, 1);
    for (int i = 0; i < 5; i++)
        lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaa", "deciding goes on");
    cr_expect_str_eq(lane_sent(&w, 0), "0:0 0:1");
    lane_wait(&w, 10);
    cr_expect_str_eq(lane_sent(&w, 2), "");
    w.room = 2;
    lane_wait(&w, 10);
    cr_expect_str_eq(lane_sent(&w, 2), "0:2 0:3");
    w.room = -1;
    lane_wait(&w, 10);
    cr_expect_str_eq(lane_sent(&w, 4), "0:4");
    cr_expect_eq(w.sent[4].round, w.sent[0].round, "the round goes on, too");
    lane_ack(&w);
    cr_expect_eq(published(), 5);
}

Test(publish, given_an_event_that_the_log_can_never_take_then_the_lane_stops)
{
    lane_run(&w, 2);
    w.invalid_sequence = 1;
    for (int i = 0; i < 3; i++)
        lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 1);
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_STOPPED_STATE);
    cr_expect(strstr(lane_view(&w, 0).stop_reason, "can never take event 1"));
    lane_ack(&w);
    cr_expect_eq(published(), 1, "what was sent before it still counts");
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_RUNNING);
    cr_expect_str_eq(lane_outcomes(&w, 1), "a");
}

Test(publish, given_rounds_that_end_again_and_again_then_each_waits_longer)
{
    send(1);
    for (int64_t wait = 20; wait <= 2560; wait *= 2) {
        int last = w.sent_count - 1;
        lane_report(&w, last, false);
        lane_wait(&w, wait - 1);
        cr_expect_eq(w.sent_count, last + 1, "before %d ms", (int)wait);
        lane_wait(&w, 1);
        cr_assert_eq(w.sent_count, last + 2);
    }
    lane_report(&w, w.sent_count - 1, true);
    lane_go(&w);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    lane_report(&w, w.sent_count - 1, false);
    int before = w.sent_count;
    lane_wait(&w, 20);
    cr_expect_eq(w.sent_count, before + 1, "an acknowledgement begins it anew");
}

Test(publish, given_an_event_committed_while_rounds_wait_then_it_waits_too)
{
    send(1);
    lane_report(&w, 0, false);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_eq(w.sent_count, 1);
    lane_wait(&w, 20);
    cr_expect_str_eq(lane_sent(&w, 1), "0:0 0:1");
}

Test(publish, given_too_many_events_ahead_of_published_then_the_lane_takes_no_more)
{
    w.options.publish_ahead_max = 3;
    w.options.batch_commands_max = 1;
    lane_run(&w, 2);
    for (int i = 0; i < 7; i++)
        lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
    lane_add(&w, .lane = 1);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 1), "a", "others go on");
    lane_report(&w, 0, true);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaa");
    lane_ack(&w);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaaaa");
}

Test(publish, given_published_moves_then_an_idle_lane_writes_it_after_half_a_second)
{
    send(1);
    lane_ack(&w);
    lane_wait(&w, 499);
    cr_expect_eq(w.op, 0);
    lane_wait(&w, 1);
    cr_assert_eq(w.op, 'u');
    cr_expect_eq(w.touch.published, 1);
    cr_expect_eq(w.touch.event_offset, 0);
    lane_go(&w);
    lane_wait(&w, 400);
    cr_expect_eq(w.op, 0, "and once is enough");
}

Test(publish, given_a_connection_of_its_own_then_each_lane_names_it_before_it_works)
{
    send(1);
    lane_ack(&w);
    engine_on_connection(w.engine, false);
    w.rows[0].named = w.rows[1].named = false;
    lane_add(&w, .lane = 0);
    lane_deliver(&w);
    lane_connect(&w);
    cr_expect_eq(w.op, 'u');
    lane_go(&w); /* the store refuses a batch on a row that names another connection */
    cr_expect(w.rows[0].named && w.rows[1].named);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aa");
}
