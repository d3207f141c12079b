/* Parked commands: what holds a key, and how it is let go again. */
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

TestSuite(park, .init = open_world, .fini = close_world);

#define NEW .type = "test.new"

/* A command of an unknown type, two of its key behind it, one of another key. */
static void hold(void)
{
    lane_add(&w, .lane = 0, NEW);
    lane_add(&w, .lane = 0, .body = "{\"add\":10}");
    lane_add(&w, .lane = 0, .body = "{\"add\":100}");
    lane_add(&w, .lane = 0, .who = 1);
    lane_run(&w, 1);
    cr_assert_str_eq(lane_outcomes(&w, 0), "pppa");
}

/* The type is known from now on; what the processes hold of it is read again. */
static void deploy(void)
{
    lane_deploy(true);
}

static void file(int64_t position, enum engine_action action)
{
    lane_file(&w, 0, position, action);
    lane_pass(&w, 2000);
}

Test(park, given_an_unknown_type_then_it_is_parked_and_its_key_is_held)
{
    hold();
    cr_expect_str_eq(w.rows[0].text[0], "unknown-type");
    cr_expect_str_eq(w.rows[0].text[1], "waiting");
    cr_expect_eq(lane_sum(&w, 0, 0), 0);
    cr_expect_eq(lane_sum(&w, 0, 1), 1);
    cr_expect_eq(lane_view(&w, 0).held_keys, 1);
    cr_expect_eq(lane_view(&w, 0).parked_commands, 3);
    cr_expect_eq(w.told[ENGINE_COMMAND_PARKED], 1, "of those that wait nothing is said");
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppap", "in a later batch, too");
    int begins = w.begins;
    lane_pass(&w, 3000);
    cr_expect_eq(w.begins, begins, "it is left alone until somebody asks");
}

Test(park, given_a_takeover_then_the_key_is_still_held)
{
    hold();
    lane_assign(&w, 0);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0, .who = 1);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppapa");
    cr_expect_eq(lane_view(&w, 0).parked_commands, 4);
}

Test(park, given_a_retry_when_the_type_is_still_unknown_then_it_stays_parked)
{
    hold();
    file(0, ENGINE_RETRY);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppa");
    cr_expect_eq(w.rows[0].parked_count, 3);
    cr_expect_eq(w.rows[0].parked[0].attempts, 2);
    cr_expect_eq(w.rows[0].filed_count, 0);
    cr_expect_eq(w.told[ENGINE_COMMAND_PARKED], 2);
    int begins = w.begins;
    lane_pass(&w, 3000);
    cr_expect_eq(w.begins, begins);
}

Test(park, given_a_retry_after_the_deploy_then_the_key_is_worked_off_in_order)
{
    hold();
    deploy();
    file(0, ENGINE_RETRY);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaa");
    cr_expect_eq(w.rows[0].parked_count, 0);
    cr_expect_eq(w.rows[0].filed_count, 0);
    cr_expect_eq(lane_view(&w, 0).held_keys, 0);
    cr_expect_eq(lane_view(&w, 0).parked_commands, 0);
    cr_expect_eq(lane_sum(&w, 0, 0), 111);
    const char *sums[] = {"{\"sum\":1,", "{\"sum\":1,", "{\"sum\":11,", "{\"sum\":111,"};
    for (size_t i = 0; i < 4; i++) {
        struct mr_slice data = w.rows[0].events[i].data;
        cr_expect(memmem(data.data, data.len, sums[i], strlen(sums[i])), "event %zu", i);
    }
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaa");
}

Test(park, given_a_waiter_that_cannot_be_decided_then_it_holds_those_behind_it)
{
    lane_add(&w, .lane = 0, NEW);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0, .type = "test.never");
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    deploy();
    file(0, ENGINE_RETRY);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aapp");
    cr_expect_str_eq(w.rows[0].text[2], "unknown-type");
    cr_expect_str_eq(w.rows[0].text[3], "waiting");
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aappp");
    file(2, ENGINE_DROP);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaraa");
    cr_expect_eq(lane_view(&w, 0).held_keys, 0);
}

Test(park, given_a_drop_of_the_head_then_it_is_rejected_and_the_others_are_decided)
{
    hold();
    file(0, ENGINE_DROP);
    cr_expect_str_eq(lane_outcomes(&w, 0), "raaa");
    cr_expect_str_eq(w.rows[0].text[0], "dropped");
    cr_expect_eq(lane_sum(&w, 0, 0), 110);
    struct mr_slice type = w.rows[0].events[1].type;
    cr_expect(mr_slice_is(type, "test.command.rejected"), "the world learns of it");
}

Test(park, given_a_drop_filed_for_a_waiter_then_it_is_not_decided_when_its_turn_comes)
{
    hold();
    file(1, ENGINE_DROP);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppa", "it waits for its turn");
    cr_expect_eq(w.rows[0].filed_count, 1);
    deploy();
    file(0, ENGINE_RETRY);
    cr_expect_str_eq(lane_outcomes(&w, 0), "araa");
    cr_expect_eq(lane_sum(&w, 0, 0), 101);
    cr_expect_eq(w.rows[0].filed_count, 0);
}

Test(park, given_requests_for_the_whole_key_then_all_are_dropped)
{
    hold();
    lane_file(&w, 0, 0, ENGINE_DROP);
    lane_file(&w, 0, 1, ENGINE_DROP);
    file(2, ENGINE_DROP);
    cr_expect_str_eq(lane_outcomes(&w, 0), "rrra");
    cr_expect_eq(w.rows[0].filed_count, 0);
    cr_expect_eq(lane_view(&w, 0).parked_commands, 0);
}

Test(park, given_a_request_for_what_is_not_parked_then_it_is_removed)
{
    hold();
    file(3, ENGINE_DROP);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppa");
    cr_expect_eq(w.rows[0].filed_count, 0);
    int begins = w.begins;
    lane_pass(&w, 3000);
    cr_expect_eq(w.begins, begins);
}

Test(park, given_a_request_taken_back_when_it_is_executed_then_nothing_is_written)
{
    hold();
    lane_file(&w, 0, 0, ENGINE_DROP);
    lane_wait(&w, 1000);
    lane_until(&w, 'b');
    w.rows[0].filed_count = 0;
    int commits = w.commits;
    lane_go(&w);
    cr_expect_eq(w.commits, commits);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppa");
    lane_pass(&w, 2000);
    cr_expect_eq(w.commits, commits);
    lane_add(&w, .lane = 0, .who = 1);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppaa");
}

Test(park, given_rows_that_are_gone_when_they_are_asked_for_then_the_key_is_free)
{
    hold();
    lane_file(&w, 0, 0, ENGINE_RETRY);
    lane_wait(&w, 1000);
    lane_until(&w, 'b');
    w.rows[0].parked_count = w.rows[0].filed_count = 0;
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).held_keys, 0);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pppaa");
}

Test(park, given_more_waiters_than_one_batch_takes_then_all_are_decided_in_order)
{
    lane_add(&w, .lane = 0, NEW);
    for (int i = 0; i < 150; i++)
        lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    cr_assert_eq(lane_view(&w, 0).parked_commands, 151);
    deploy();
    lane_file(&w, 0, 0, ENGINE_RETRY);
    lane_wait(&w, 1000);
    lane_until(&w, 'm');
    lane_add(&w, .lane = 0); /* one that arrives meanwhile waits, too */
    lane_pass(&w, 100);
    cr_expect_eq(lane_sum(&w, 0, 0), 152);
    cr_expect_eq(lane_view(&w, 0).parked_commands, 0);
    for (int64_t i = 0; i < 152; i++)
        cr_expect_eq(w.rows[0].events[i].subject_version, i + 1);
}

Test(park, given_a_batch_of_parked_ones_that_fails_then_it_is_tried_again)
{
    hold();
    deploy();
    lane_file(&w, 0, 0, ENGINE_RETRY);
    lane_wait(&w, 1000);
    lane_until(&w, 'm');
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_pass(&w, 100);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaa");
}

Test(park, given_a_batch_of_parked_ones_in_doubt_then_it_counts_once)
{
    hold();
    deploy();
    lane_file(&w, 0, 0, ENGINE_RETRY);
    lane_wait(&w, 1000);
    lane_until(&w, 'c');
    lane_lost(&w, true);
    lane_connect(&w);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaa");
    cr_expect_eq(lane_view(&w, 0).parked_commands, 0);
    cr_expect_eq(lane_sum(&w, 0, 0), 111);
}

Test(park, given_a_repeat_of_a_parked_command_then_it_is_a_repeat)
{
    lane_add(&w, .lane = 0, .id = 5, NEW);
    lane_add(&w, .lane = 0, .id = 5, NEW);
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, .id = 5, NEW);
    lane_add(&w, .lane = 0, .id = 5, NEW, .body = "{}");
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "p==c");
}

Test(park, given_parked_work_and_new_commands_then_they_take_turns)
{
    w.options.batch_commands_max = 4;
    hold();
    deploy();
    lane_file(&w, 0, 0, ENGINE_RETRY);
    for (int i = 0; i < 40; i++)
        lane_add(&w, .lane = 0, .who = 1);
    lane_wait(&w, 1000);
    int begins = w.begins;
    while (w.rows[0].parked_count > 0 && w.begins < begins + 10) {
        lane_until(&w, 'c');
        lane_answer(&w);
    }
    cr_expect_lt(w.begins, begins + 5, "new ones do not keep a retry waiting");
    lane_go(&w);
}
