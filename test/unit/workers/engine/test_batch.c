/* What becomes of a command in a batch: set aside, repeat, conflict, refused, decided; and how much
 * a batch takes. What the database or the batch's memory refuses is in test_batch_refused.c. */
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

TestSuite(batch, .init = open_world, .fini = close_world);

/* ---- quarantine ---- */

#define LONG_KEY_BYTES 1025
static char long_key[LONG_KEY_BYTES + 1], other_lane[MR_UUID_TEXT + 1], same_lane[MR_UUID_TEXT + 1];

static const struct {
    struct lane_command command;
    const char *cause;
} aside[] = {
    {{.no_value = true}, "the record has no value"},
    {{.no_headers = true}, "is missing"},
    {{.key = other_lane}, "misrouted"},
    {{.key = same_lane}, "misrouted"}, /* right lane, but not what its schema says */
    {{.no_key = true}, "misrouted"},
    {{.key = long_key}, "the key is too long"},
    {{.due_ms = 10000, .no_key = true}, "misrouted"},
    {{.due_ms = 10000, .key = same_lane}, "misrouted"},
    {{.due_ms = 10000, .type = "test.add"}, "misrouted"}, /* a lane writes nothing but ticks */
    {{.type = "test.tick"}, "misrouted"},                 /* and nobody else does */
};
static size_t aside_index[sizeof aside / sizeof *aside];

ParameterizedTestParameters(batch, given_what_is_no_command_of_the_lane_then_it_is_quarantined)
{
    for (size_t i = 0; i < sizeof aside / sizeof *aside; i++)
        aside_index[i] = i;
    return cr_make_param_array(size_t, aside_index, sizeof aside / sizeof *aside);
}

ParameterizedTest(size_t *i, batch, given_what_is_no_command_of_the_lane_then_it_is_quarantined)
{
    memset(long_key, 'k', LONG_KEY_BYTES);
    mr_uuid_text(&w.accounts[1][0], other_lane);
    mr_uuid_text(&w.accounts[0][1], same_lane);
    lane_append(&w, &aside[*i].command);
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    cr_expect_str_eq(lane_outcomes(&w, 0), "qa", "what follows is decided");
    cr_expect(strstr(w.rows[0].text[0], aside[*i].cause), "%s", w.rows[0].text[0]);
    cr_expect_eq(w.told[ENGINE_COMMAND_QUARANTINED], 1);
    cr_expect_eq(engine_stats(w.engine)->commands_quarantined, 1);
    cr_expect(w.rows[0].row.has_last_record);
    lane_assign(&w, 0); /* a takeover knows it by its digest as any other */
    lane_go(&w);
    cr_expect_eq(lane_view(&w, 0).state, ENGINE_LANE_RUNNING);
}

/* ---- repeats ---- */

static const struct {
    struct lane_command first, second;
    const char *outcomes;
} twice[] = {
    {{.id = 5}, {.id = 5}, "a="},
    {{.id = 5}, {.id = 5, .body = "{\"add\":2}"}, "ac"},
    {{.id = 5}, {.id = 5, .type = "test.new"}, "ac"},
    {{.id = 5}, {.id = 5, .who = 1}, "aa"}, /* ids are an account's own */
    {{.id = 5}, {.id = 5, .day = 1}, "a="},
    {{.id = 5}, {.id = 5, .day = 2}, "a="},
    {{.id = 5}, {.id = 5, .day = 3}, "aa"},
    {{.id = 5, .day = 1}, {.id = 5}, "a="}, /* a new leader's clock may be behind */
    {{.id = 5, .day = 2}, {.id = 5}, "aa"},
    {{.id = 5, .body = "{"}, {.id = 5, .body = "{"}, "r="},
    {{.id = 5, .no_value = true}, {.id = 5}, "qa"}, /* what is set aside has no row */
};
static size_t twice_index[sizeof twice / sizeof *twice];

ParameterizedTestParameters(batch, given_an_id_twice_in_one_batch_then_it_counts_once)
{
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        twice_index[i] = i;
    return cr_make_param_array(size_t, twice_index, sizeof twice / sizeof *twice);
}

ParameterizedTest(size_t *i, batch, given_an_id_twice_in_one_batch_then_it_counts_once)
{
    lane_append(&w, &twice[*i].first);
    lane_append(&w, &twice[*i].second);
    lane_run(&w, 1);
    cr_assert_eq(w.commits, 1);
    cr_expect_str_eq(lane_outcomes(&w, 0), twice[*i].outcomes);
}

ParameterizedTestParameters(batch, given_an_id_again_in_a_later_batch_then_it_counts_once)
{
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        twice_index[i] = i;
    return cr_make_param_array(size_t, twice_index, sizeof twice / sizeof *twice);
}

ParameterizedTest(size_t *i, batch, given_an_id_again_in_a_later_batch_then_it_counts_once)
{
    lane_run(&w, 1);
    lane_append(&w, &twice[*i].first);
    lane_go(&w);
    lane_append(&w, &twice[*i].second);
    lane_go(&w);
    cr_assert_eq(w.commits, 2);
    cr_expect_str_eq(lane_outcomes(&w, 0), twice[*i].outcomes);
}

Test(batch, given_a_conflict_then_the_first_command_stays_and_its_repeat_is_one)
{
    lane_add(&w, .lane = 0, .id = 5);
    lane_add(&w, .lane = 0, .id = 5, .body = "{\"add\":2}");
    lane_add(&w, .lane = 0, .id = 5);
    lane_run(&w, 1);
    cr_expect_str_eq(lane_outcomes(&w, 0), "ac=");
    cr_expect_eq(lane_sum(&w, 0, 0), 1);
    cr_expect_eq(engine_stats(w.engine)->commands_conflicting, 1);
    cr_expect_eq(engine_stats(w.engine)->commands_repeated, 1);
}

/* ---- refusals ---- */

static const struct {
    const char *body, *outcome, *text;
} refusals[] = {
    {"{\"refuse\":\"no-such\"}", "r", "no-such"},
    {"{\"refuse\":\"undeclared\"}", "p", "refusal-not-declared"},
    {"{\"event_bytes\":2000}", "r", "event-too-large"},
    {"{\"events\":3, \"event_bytes\":2000}", "r", "event-too-large"},
    {"{", "r", "invalid-body"},
};
static size_t refusal_index[sizeof refusals / sizeof *refusals];

ParameterizedTestParameters(batch, given_a_refusal_then_nothing_of_the_command_stays)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        refusal_index[i] = i;
    return cr_make_param_array(size_t, refusal_index, sizeof refusals / sizeof *refusals);
}

ParameterizedTest(size_t *i, batch, given_a_refusal_then_nothing_of_the_command_stays)
{
    bool parked = *refusals[*i].outcome == 'p';
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0, .body = refusals[*i].body);
    lane_add(&w, .lane = 0, .who = 1);
    lane_run(&w, 1);
    cr_expect_eq(w.rows[0].what[1], *refusals[*i].outcome);
    cr_expect_str_eq(w.rows[0].text[1], refusals[*i].text);
    cr_expect_eq(lane_sum(&w, 0, 0), 1);
    cr_expect_eq(lane_sum(&w, 0, 1), 1);
    cr_expect_eq(w.rows[0].row.next_event, parked ? 2 : 3);
    if (!parked)
        cr_expect(mr_slice_is(w.rows[0].events[1].type, "test.command.rejected"));
    cr_expect_eq(engine_stats(w.engine)->commands_rejected, parked ? 0 : 1);
    cr_expect_eq(w.save.row_count, 2, "the journal has no line of it");
}

/* ---- how much waits ---- */

Test(batch, given_more_commands_than_may_wait_then_the_lane_is_paused_and_resumed)
{
    w.options.batch_commands_max = 4;
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'b');
    for (int i = 0; i < 30; i++)
        lane_add(&w, .lane = 0);
    lane_deliver(&w);
    cr_expect(w.log[0].paused);
    cr_expect_eq(lane_view(&w, 0).queued_commands, 8);
    lane_answer(&w);
    lane_answer(&w);
    cr_expect(w.log[0].paused, "one less is not worth a fetch");
    lane_answer(&w);
    lane_answer(&w);
    cr_expect_not(w.log[0].paused);
    lane_go(&w);
    cr_expect_eq(w.rows[0].row.applied, 31);
    cr_expect_gt(w.log[0].pauses, 2);
    cr_expect_eq(w.log[0].resumes, w.log[0].pauses);
}

Test(batch, given_more_bytes_than_may_wait_then_only_that_lane_is_paused)
{
    static char body[2100];
    snprintf(body, sizeof body, "{\"add\":1}%2000s", "");
    w.options.queue_bytes_max = 100000; /* 50,000 for a lane; a body counts ninefold at least */
    lane_run(&w, 2);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'b');
    for (int i = 0; i < 10; i++)
        lane_add(&w, .lane = 0, .body = body);
    for (int i = 0; i < 10; i++)
        lane_add(&w, .lane = 1);
    lane_deliver(&w);
    cr_expect(w.log[0].paused);
    cr_expect_leq(lane_view(&w, 0).queued_commands, 4);
    cr_expect_not(w.log[1].paused);
    cr_expect_eq(lane_view(&w, 1).queued_commands, 10);
    lane_go(&w);
    cr_expect_eq(w.rows[0].row.applied, 11);
    cr_expect_eq(w.rows[1].row.applied, 10);
    cr_expect_eq(w.log[0].resumes, w.log[0].pauses);
}

Test(batch, given_a_paused_lane_that_is_taken_anew_then_it_is_read)
{
    w.options.batch_commands_max = 1;
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'b');
    for (int i = 0; i < 9; i++)
        lane_add(&w, .lane = 0);
    lane_deliver(&w);
    cr_assert(w.log[0].paused);
    lane_assign(&w, 0);
    lane_go(&w);
    cr_expect_eq(w.rows[0].row.applied, 10);
}

Test(batch, given_large_records_then_a_batch_takes_no_more_than_its_bytes)
{
    static char body[700];
    snprintf(body, sizeof body, "{\"add\":1}%600s", "");
    w.options.batch_bytes_max = 3000; /* a record has some 500 bytes of headers and key */
    for (int i = 0; i < 9; i++)
        lane_add(&w, .lane = 0, .body = body);
    lane_run(&w, 1);
    cr_expect_eq(w.rows[0].row.applied, 9);
    cr_expect_geq(w.commits, 3);
    cr_expect_lt(w.commits, 9);
}

Test(batch, given_a_record_larger_than_a_batch_then_it_has_one_of_its_own)
{
    w.options.batch_bytes_max = 10;
    for (int i = 0; i < 3; i++)
        lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaa");
    cr_expect_eq(w.commits, 3);
}

/* ---- how large a batch is ---- */

Test(batch, given_a_slow_commit_then_the_next_batches_are_smaller)
{
    lane_run(&w, 1);
    for (int i = 0; i < 200; i++)
        lane_add(&w, .lane = 0);
    lane_gather(&w);
    cr_assert_eq(w.load.lookup_count, 128);
    lane_until(&w, 'c');
    w.now_ms += 200; /* four times what it should take */
    lane_answer(&w);
    cr_expect_eq(engine_stats(w.engine)->batch_limit, 32);
    cr_assert_eq(w.op, 'b');
    cr_expect_eq(w.load.lookup_count, 32);
    lane_until(&w, 'c');
    w.now_ms += 5000;
    lane_until(&w, 'b');
    cr_expect_eq(engine_stats(w.engine)->batch_limit, 16, "and no smaller");
    lane_go(&w);
    cr_expect_eq(w.rows[0].row.applied, 200);
}

Test(batch, given_fast_and_full_batches_then_they_grow_up_to_the_maximum)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'c');
    w.now_ms += 5000;
    lane_answer(&w);
    cr_assert_eq(engine_stats(w.engine)->batch_limit, 16);
    lane_go(&w);
    for (int i = 0; i < 5; i++) {
        lane_add(&w, .lane = 0);
        lane_go(&w);
    }
    cr_expect_eq(engine_stats(w.engine)->batch_limit, 16, "not by batches that are not full");
    for (int i = 0; i < 240; i++)
        lane_add(&w, .lane = 0);
    lane_gather(&w);
    for (size_t limit = 16; limit <= 64; limit *= 2) {
        cr_expect_eq(w.load.lookup_count, limit);
        lane_answer(&w);
        lane_answer(&w);
    }
    cr_expect_eq(engine_stats(w.engine)->batch_limit, 128);
    lane_go(&w);
    cr_expect_eq(w.rows[0].row.applied, 246);
}

/* ---- what may succeed later ---- */

static const struct {
    char op;
    enum engine_answer answer;
} failures[] = {
    {'b', ENGINE_TRANSIENT}, {'c', ENGINE_TRANSIENT}, {'b', ENGINE_LOST}, {'b', ENGINE_REFUSED}};
static size_t failure_index[sizeof failures / sizeof *failures];

ParameterizedTestParameters(batch, given_a_transient_failure_then_it_backs_off_and_shrinks)
{
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        failure_index[i] = i;
    return cr_make_param_array(size_t, failure_index, sizeof failures / sizeof *failures);
}

ParameterizedTest(size_t *i, batch, given_a_transient_failure_then_it_backs_off_and_shrinks)
{
    int64_t waited[6];
    lane_run(&w, 1);
    for (int k = 0; k < 128; k++)
        lane_add(&w, .lane = 0);
    lane_gather(&w);
    for (size_t k = 0; k < 6; k++) {
        lane_until(&w, failures[*i].op);
        lane_fails(&w, failures[*i].answer, "40P01: deadlock");
        if (w.op == 'l')
            lane_answer(&w);
        cr_assert_eq(w.op, 0, "not at once");
        cr_expect_not(w.open);
        for (waited[k] = 0; w.op != 'b'; waited[k]++) {
            cr_assert_lt(waited[k], 3000);
            lane_wait(&w, 1);
            if (w.op == 'l')
                lane_answer(&w);
        }
    }
    for (size_t k = 2; k < 6; k++)
        cr_expect_gt(waited[k], waited[k - 2]);
    cr_expect_lt(w.load.lookup_count, 128, "it may be too much at once");
    cr_expect_eq(engine_stats(w.engine)->batch_limit, w.load.lookup_count);
    cr_expect_eq(engine_stats(w.engine)->batches_retried, 6);
    lane_go(&w);
    cr_expect_eq(w.rows[0].row.applied, 128);
    cr_expect_eq(lane_sum(&w, 0, 0), 128);
    cr_expect_eq(engine_stats(w.engine)->lanes_lost, 0);
}

Test(batch, given_a_failure_then_what_is_no_batch_goes_on)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0);
    lane_until(&w, 'c');
    lane_fails(&w, ENGINE_TRANSIENT, NULL);
    lane_assign(&w, 1);
    lane_until(&w, 0);
    cr_expect_eq(lane_view(&w, 1).state, ENGINE_LANE_RUNNING);
    lane_pass(&w, 50);
    cr_expect_str_eq(lane_outcomes(&w, 0), "a");
}

Test(batch, given_two_busy_lanes_then_both_are_in_turn)
{
    w.options.batch_commands_max = 4;
    lane_run(&w, 2);
    for (int i = 0; i < 24; i++) {
        lane_add(&w, .lane = 0);
        lane_add(&w, .lane = 1);
    }
    lane_gather(&w);
    for (int i = 0; i < 4; i++) {
        lane_until(&w, 'c');
        lane_answer(&w);
    }
    cr_expect_geq(w.rows[0].row.applied, 4);
    cr_expect_geq(w.rows[1].row.applied, 4);
    lane_go(&w);
    cr_expect_eq(w.rows[0].row.applied, 24);
    cr_expect_eq(w.rows[1].row.applied, 24);
}
