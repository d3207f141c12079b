/* Batches that the database refuses, or that their memory cannot hold: one command must not stop
 * its lane. */
#include "lane_world.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
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

TestSuite(refused, .init = open_world, .fini = close_world);

/* ---- the database refuses a row ---- */

/* 100 commands of four accounts, these positions poisoned. */
static void poison(const char *body, const int *positions, size_t count)
{
    for (int i = 0; i < 100; i++) {
        bool bad = false;
        for (size_t k = 0; k < count; k++)
            bad = bad || positions[k] == i;
        lane_add(&w, .lane = 0, .who = i % 2, .body = bad ? body : NULL);
    }
    lane_run(&w, 1);
    lane_pass(&w, 500);
}

static int count_of(char what)
{
    int n = 0;
    for (int p = 0; p < 100; p++)
        n += w.rows[0].what[p] == what;
    return n;
}

static const int places[] = {0, 1, 49, 50, 57, 98, 99};
static size_t place_index[sizeof places / sizeof *places];

ParameterizedTestParameters(refused, given_a_refused_row_among_100_then_it_is_found_and_parked)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        place_index[i] = i;
    return cr_make_param_array(size_t, place_index, sizeof places / sizeof *places);
}

ParameterizedTest(size_t *i, refused, given_a_refused_row_among_100_then_it_is_found_and_parked)
{
    int at = places[*i], behind = (99 - at) / 2;
    poison("{\"add\":1, \"poison\":1}", &at, 1);
    cr_expect_eq(w.rows[0].row.applied, 100);
    cr_expect_eq(w.rows[0].what[at], 'p');
    cr_expect_str_eq(w.rows[0].text[at], "23514: the sum is poisoned");
    cr_expect_eq(count_of('p'), 1 + behind, "those behind it wait");
    cr_expect_eq(count_of('a'), 99 - behind);
    cr_expect_leq(w.begins, 24, "%d transactions", w.begins); /* some 3 log2 of 100 */
    cr_expect_eq(w.told[ENGINE_COMMAND_PARKED], 1);
    cr_expect_eq(engine_stats(w.engine)->batch_limit, 128, "the search does not shrink batches");
}

Test(refused, given_several_refused_rows_then_each_is_found)
{
    static const int at[] = {3, 40, 41, 99};
    poison("{\"add\":1, \"poison\":1}", at, 4);
    cr_expect_eq(w.rows[0].row.applied, 100);
    cr_expect_eq(w.rows[0].what[3], 'p');
    cr_expect_eq(w.rows[0].what[40], 'p');
    cr_expect_str_eq(w.rows[0].text[3], "23514: the sum is poisoned");
    cr_expect_str_eq(w.rows[0].text[40], "23514: the sum is poisoned");
    cr_expect_str_eq(w.rows[0].text[41], "waiting", "its key is held already");
    cr_expect_str_eq(w.rows[0].text[99], "waiting");
    cr_expect_leq(w.begins, 40, "%d transactions", w.begins);
}

Test(refused, given_a_command_that_cannot_even_be_parked_then_it_is_quarantined)
{
    static const int at[] = {57};
    poison("{\"add\":1, \"poison\":2}", at, 1);
    cr_expect_eq(w.rows[0].row.applied, 100);
    cr_expect_eq(w.rows[0].what[57], 'q');
    cr_expect_str_eq(w.rows[0].text[57], "23514: the sum is poisoned");
    cr_expect_eq(count_of('a'), 99, "and nothing waits for it");
    cr_expect_leq(w.begins, 28, "%d transactions", w.begins);
}

Test(refused, given_a_refused_row_in_one_lane_then_the_other_one_goes_on)
{
    lane_run(&w, 2);
    for (int i = 0; i < 20; i++) {
        lane_add(&w, .lane = 0, .who = i % 2, .body = i == 7 ? "{\"poison\":1}" : NULL);
        lane_add(&w, .lane = 1, .body = i == 9 ? "{\"poison\":2}" : NULL);
    }
    lane_gather(&w);
    cr_assert_eq(w.claim_count, 2);
    lane_pass(&w, 1000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaaaapapapapapapap");
    cr_expect_str_eq(lane_outcomes(&w, 1), "aaaaaaaaaqaaaaaaaaaa");
}

Test(refused, given_one_command_alone_that_is_refused_then_it_is_parked)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, .body = "{\"poison\":1}");
    lane_pass(&w, 100);
    cr_expect_str_eq(lane_outcomes(&w, 0), "p");
    lane_add(&w, .lane = 0, .who = 1);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "pa");
}

Test(refused, given_a_retry_that_the_database_refuses_then_it_stays_parked_with_that_cause)
{
    lane_add(&w, .lane = 0, .type = "test.new", .body = "{\"poison\":1}");
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0);
    lane_run(&w, 1);
    lane_deploy(true);
    lane_file(&w, 0, 0, ENGINE_RETRY);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "ppp");
    cr_expect_str_eq(w.rows[0].text[0], "23514: the sum is poisoned");
    cr_expect_str_eq(w.rows[0].text[1], "waiting");
    cr_expect_eq(w.rows[0].filed_count, 0);
    int begins = w.begins;
    lane_pass(&w, 3000);
    cr_expect_eq(w.begins, begins, "until somebody asks again");
    lane_file(&w, 0, 0, ENGINE_DROP);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "raa");
}

Test(refused, given_a_waiter_that_the_database_refuses_then_only_it_stays_parked)
{
    lane_add(&w, .lane = 0, .type = "test.new");
    for (int i = 1; i < 12; i++)
        lane_add(&w, .lane = 0, .body = i == 5 ? "{\"poison\":1}" : NULL);
    lane_run(&w, 1);
    lane_deploy(true);
    lane_file(&w, 0, 0, ENGINE_RETRY);
    lane_pass(&w, 3000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaappppppp");
    cr_expect_str_eq(w.rows[0].text[5], "23514: the sum is poisoned");
    cr_expect_leq(w.begins, 16, "%d transactions", w.begins);
    lane_file(&w, 0, 5, ENGINE_DROP);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaaraaaaaa");
}

/* ---- the batch's memory ---- */

Test(refused, given_a_full_arena_then_the_batch_is_cut_and_the_rest_follows)
{
    w.options.batch_arena_bytes_max = 100000;
    for (int i = 0; i < 9; i++)
        lane_add(&w, .lane = 0, .body = "{\"add\":1, \"grow\":30000}");
    lane_run(&w, 1);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaaaaaa");
    cr_expect_eq(lane_sum(&w, 0, 0), 9);
    cr_expect_eq(w.rows[0].row.next_event, 9);
    cr_expect_eq(w.commits, 3);
    cr_expect_eq(lane_view(&w, 0).queued_commands, 0);
}

/* Each of them is too large for a batch of its own, for another reason. */
static const char *const too_large[] = {
    "{\"add\":1, \"grow\":200000}",                    /* while it is decided */
    "{\"add\":1, \"size\":200000}",                    /* its new image */
    "{\"add\":1, \"keys\":2000}",                      /* what it looks at */
    "{\"add\":1, \"events\":200, \"event_bytes\":900}" /* what it tells */
};
static size_t too_large_index[sizeof too_large / sizeof *too_large];

ParameterizedTestParameters(refused, given_a_command_too_large_for_a_batch_then_it_is_parked)
{
    for (size_t i = 0; i < sizeof too_large / sizeof *too_large; i++)
        too_large_index[i] = i;
    return cr_make_param_array(size_t, too_large_index, sizeof too_large / sizeof *too_large);
}

ParameterizedTest(size_t *i, refused, given_a_command_too_large_for_a_batch_then_it_is_parked)
{
    w.options.batch_arena_bytes_max = 100000;
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0, .body = too_large[*i]);
    lane_add(&w, .lane = 0);
    lane_add(&w, .lane = 0, .who = 1);
    lane_run(&w, 1);
    lane_pass(&w, 1000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "appa");
    cr_expect_str_eq(w.rows[0].text[1], "too-large-for-a-batch");
    cr_expect_eq(lane_sum(&w, 0, 0), 1);
    lane_file(&w, 0, 1, ENGINE_RETRY);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "appa", "a retry finds the same");
    cr_expect_eq(w.rows[0].filed_count, 0);
    lane_file(&w, 0, 1, ENGINE_DROP);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "araa");
}

/* The account's sum as an earlier release may have left it. */
static void grown(int who, size_t bytes)
{
    struct engine_entity *e = &w.entities[w.entity_count++];
    *e = (struct engine_entity){
        .key = {.account = w.accounts[0][who], .id = w.accounts[0][who]},
        .version = 1,
        .bytes = mr_arena_alloc(&w.arena, bytes),
        .bytes_len = bytes,
    };
}

Test(refused, given_entities_too_large_together_then_they_come_in_batches_of_their_own)
{
    w.options.batch_arena_bytes_max = 100000;
    for (int who = 0; who < LANE_WHO; who++) {
        grown(who, 60000);
        lane_add(&w, .lane = 0, .who = who);
    }
    lane_run(&w, 1);
    lane_pass(&w, 1000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaa");
    for (int who = 0; who < LANE_WHO; who++)
        cr_expect_eq(lane_sum(&w, 0, who), 1);
}

Test(refused, given_an_entity_too_large_for_a_batch_then_its_command_is_parked)
{
    w.options.batch_arena_bytes_max = 100000;
    grown(1, 200000);
    for (int i = 0; i < 6; i++)
        lane_add(&w, .lane = 0, .who = i % 2);
    lane_run(&w, 1);
    lane_pass(&w, 1000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "apapap");
    cr_expect_str_eq(w.rows[0].text[1], "too-large-for-a-batch");
    lane_file(&w, 0, 1, ENGINE_RETRY);
    lane_pass(&w, 3000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "apapap");
    cr_expect_eq(w.rows[0].filed_count, 0);
    int begins = w.begins;
    lane_pass(&w, 3000);
    cr_expect_eq(w.begins, begins);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "apapapa");
    w.entities[0].bytes_len = 100; /* mended by hand */
    lane_file(&w, 0, 1, ENGINE_RETRY);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaaaaa");
}

Test(refused, given_parked_commands_whose_entities_are_too_large_together_then_each_is_decided)
{
    w.options.batch_arena_bytes_max = 100000;
    for (int who = 0; who < LANE_WHO; who++) {
        grown(who, 60000);
        lane_add(&w, .lane = 0, .who = who, .type = "test.new");
    }
    lane_run(&w, 1);
    cr_assert_str_eq(lane_outcomes(&w, 0), "pppp");
    lane_deploy(true);
    for (int who = 0; who < LANE_WHO; who++)
        lane_file(&w, 0, who, ENGINE_RETRY);
    lane_pass(&w, 10000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "aaaa");
    cr_expect_eq(w.rows[0].filed_count, 0);
}
