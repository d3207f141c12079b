/* What is kept of a command: all of it, its id, or, of a fact, nothing but the fact itself. */
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

TestSuite(keep, .init = open_world, .fini = close_world);

#define COUNT .type = "test.count"
#define LINE  .type = "test.line"

/* ---- repeats ---- */

static const struct {
    struct lane_command first, second;
    const char *outcomes;
} twice[] = {
    {{COUNT, .id = 5}, {COUNT, .id = 5}, "a="},
    {{COUNT, .id = 5}, {COUNT, .id = 5, .body = "{\"add\":2}"}, "ac"},
    {{COUNT, .id = 5}, {COUNT, .id = 5, .who = 1}, "aa"},
    {{COUNT, .id = 5}, {COUNT, .id = 5, .day = 2}, "a="},
    {{COUNT, .id = 5}, {COUNT, .id = 5, .day = 3}, "aa"},
    {{COUNT, .id = 5, .day = 1}, {COUNT, .id = 5}, "a="},
    {{COUNT, .id = 5, .body = "{"}, {COUNT, .id = 5, .body = "{"}, "r="},
    {{COUNT, .id = 5, .body = "{\"refuse\":\"no\"}"}, {COUNT, .id = 5}, "rc"},
    {{COUNT, .id = 5, .body = "{\"poison\":1}"}, {COUNT, .id = 5}, "p="}, /* no hash is kept */
    {{.id = 5, .body = "{\"poison\":1}"}, {.id = 5}, "pc"},
    {{LINE, .id = 5}, {LINE, .id = 5}, "f="},
    {{LINE, .id = 5}, {LINE, .id = 5, .body = "{\"add\":2}"}, "f="},
    {{LINE, .id = 5}, {LINE, .id = 5, .who = 1}, "ff"},
    {{LINE, .id = 5}, {LINE, .id = 5, .day = 2}, "f="},
    {{LINE, .id = 5}, {LINE, .id = 5, .day = 3}, "ff"},
    {{LINE, .id = 5, .day = 1}, {LINE, .id = 5}, "f="},
    {{LINE, .id = 5, .body = "{\"poison\":1}"}, {LINE, .id = 5}, "p="},
    {{LINE, .id = 5, .body = "{"}, {LINE, .id = 5}, "qf"},
    {{LINE, .id = 5, .body = "{\"refuse\":\"no\"}"}, {LINE, .id = 5}, "qf"},
    {{LINE, .id = 5, .body = "{"}, {LINE, .id = 5, .body = "{"}, "qq"},
};
static size_t twice_index[sizeof twice / sizeof *twice];

static struct criterion_test_params twice_params(void)
{
    for (size_t i = 0; i < sizeof twice / sizeof *twice; i++)
        twice_index[i] = i;
    return cr_make_param_array(size_t, twice_index, sizeof twice / sizeof *twice);
}

ParameterizedTestParameters(keep, given_an_id_twice_in_one_batch_then_it_counts_once)
{
    return twice_params();
}

ParameterizedTest(size_t *i, keep, given_an_id_twice_in_one_batch_then_it_counts_once)
{
    lane_append(&w, &twice[*i].first);
    lane_append(&w, &twice[*i].second);
    lane_run(&w, 1);
    lane_pass(&w, 1000);
    cr_expect_str_eq(lane_outcomes(&w, 0), twice[*i].outcomes);
}

ParameterizedTestParameters(keep, given_an_id_again_in_a_later_batch_then_it_counts_once)
{
    return twice_params();
}

ParameterizedTest(size_t *i, keep, given_an_id_again_in_a_later_batch_then_it_counts_once)
{
    lane_run(&w, 1);
    lane_append(&w, &twice[*i].first);
    lane_pass(&w, 1000);
    int commits = w.commits;
    lane_append(&w, &twice[*i].second);
    lane_pass(&w, 1000);
    cr_assert_eq(w.commits, commits + 1);
    cr_expect_str_eq(lane_outcomes(&w, 0), twice[*i].outcomes);
}

/* ---- where an id can be ---- */

#define HOUR INT64_C(3600000)

/* A UUIDv7 of a time, written down. */
static const char *id_at(int64_t ms, char text[MR_UUID_TEXT + 1])
{
    const uint8_t bits[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct mr_uuid id = mr_uuid_v7(ms, bits);
    return mr_uuid_text(&id, text);
}

static const struct {
    int64_t made_ms, appended_ms;
    bool only_its_day;
} times[] = {
    {HOUR, 2 * HOUR, true},
    {HOUR - 1, 2 * HOUR, false},     /* a clock may be ahead by nearly an hour */
    {5 * HOUR, 5 * HOUR - 5, true},  /* ahead by a little */
    {5 * HOUR, 4 * HOUR - 1, false}, /* ahead by more than is believed */
    {23 * HOUR, 25 * HOUR, false},   /* of another day */
    {25 * HOUR, 23 * HOUR, false},
    {24 * HOUR, 24 * HOUR - 1, false},
    {24 * HOUR - 1, 24 * HOUR - 1, true},
};

Test(keep, given_when_an_id_was_made_then_the_look_up_says_whether_its_day_suffices)
{
    char text[MR_UUID_TEXT + 1];
    lane_run(&w, 1);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        lane_add(&w, .lane = 0, LINE, .after_ms = times[i].appended_ms - w.log[0].count,
                 .id_text = id_at(LANE_FIRST_MS + times[i].made_ms, text));
        lane_until(&w, 'b');
        cr_assert_eq(w.load.lookup_count, 1);
        cr_expect_eq(w.load.lookups[0].only_its_day, times[i].only_its_day, "row %zu", i);
        cr_expect_eq(w.load.lookups[0].keep, ENGINE_KEEP_FACT);
        cr_expect_eq(w.load.lookups[0].lane, 0);
        cr_expect_not(w.load.lookups[0].is_parked);
        lane_go(&w);
    }
}

Test(keep, given_an_id_of_another_version_then_it_may_be_on_any_day)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, LINE, .after_ms = 5 * HOUR,
             .id_text = "82060302-fb8f-5b12-bde9-313a9326ddf7");
    lane_until(&w, 'b');
    cr_expect_not(w.load.lookups[0].only_its_day);
}

/* ---- what is written ---- */

Test(keep, given_a_fact_then_there_is_its_row_and_nothing_else)
{
    lane_add(&w, .lane = 0, LINE, .body = "{\"add\":42}");
    lane_run(&w, 1);
    cr_expect_eq(w.save.outcome_count, 0);
    cr_expect_eq(w.save.event_count, 0);
    cr_expect_eq(w.save.entity_count, 0);
    cr_assert_eq(w.save.row_count, 1);
    cr_expect_eq(w.facts[0].value, 42);
    cr_expect_eq(engine_stats(w.engine)->commands_applied, 1);
    cr_expect_eq(w.rows[0].row.applied, 1);
}

Test(keep, given_a_command_whose_id_is_kept_then_its_outcome_is_told_as_any)
{
    lane_add(&w, .lane = 0, COUNT);
    lane_add(&w, .lane = 0, COUNT, .body = "{\"refuse\":\"no-such\"}");
    lane_run(&w, 1);
    cr_assert_eq(w.save.outcome_count, 2);
    cr_expect_eq(w.known_keep[0], ENGINE_KEEP_ID);
    cr_expect_str_eq(lane_outcomes(&w, 0), "ar");
    cr_expect_eq(lane_sum(&w, 0, 0), 1);
    cr_expect(mr_slice_is(w.rows[0].events[1].type, "test.command.rejected"));
}

static const struct {
    const char *type, *body, *outcome, *text;
} broken[] = {
    {"test.line", "{", "q", "invalid-body: It is no JSON."},
    {"test.line", "{x", "q", "invalid-body: #/add is no number"},
    {"test.line", "{\"refuse\":\"no-such\"}", "q", "refused: no-such"},
    {"test.line", "{\"refuse\":\"undeclared\"}", "q", "refused: undeclared"},
    {"test.count", "{x", "r", "invalid-body"},
    {"test.count", "{\"refuse\":\"undeclared\"}", "p", "refusal-not-declared"},
};
static size_t broken_index[sizeof broken / sizeof *broken];

ParameterizedTestParameters(keep, given_what_cannot_be_taken_then_a_fact_is_set_aside)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        broken_index[i] = i;
    return cr_make_param_array(size_t, broken_index, sizeof broken / sizeof *broken);
}

ParameterizedTest(size_t *i, keep, given_what_cannot_be_taken_then_a_fact_is_set_aside)
{
    bool fact = strcmp(broken[*i].type, "test.line") == 0;
    lane_add(&w, .lane = 0, .type = broken[*i].type, .body = broken[*i].body);
    lane_add(&w, .lane = 0, .who = 1, .type = broken[*i].type);
    lane_run(&w, 1);
    cr_expect_eq(w.rows[0].what[0], *broken[*i].outcome);
    cr_expect_str_eq(w.rows[0].text[0], broken[*i].text);
    cr_expect_eq(w.rows[0].what[1], fact ? 'f' : 'a', "what follows is taken");
    cr_expect_eq(w.save.row_count, 1, "what it had written is taken back");
    if (fact) {
        cr_expect_eq(w.save.event_count, 0);
        cr_expect_eq(engine_stats(w.engine)->commands_quarantined, 1);
    }
}

Test(keep, given_a_long_error_then_its_cause_is_cut_to_whole_characters)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, LINE, .body = "{long");
    lane_until(&w, 'c');
    const char *cause = w.save.quarantined[0].cause;
    json_t *text = json_string(cause); /* NULL for what is no UTF-8 */
    cr_expect(text);
    cr_expect_eq(strlen(cause), 199, "%zu", strlen(cause));
    json_decref(text);
}

/* ---- parked ---- */

Test(keep, given_a_parked_command_whose_id_is_kept_then_only_its_parked_row_tells)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, COUNT, .id = 5, .body = "{\"poison\":1}");
    lane_pass(&w, 500);
    cr_assert_str_eq(lane_outcomes(&w, 0), "p");
    cr_expect_eq(w.save.outcome_count, 0);
    cr_expect_eq(w.known_count, 0);
    lane_file(&w, 0, 0, ENGINE_DROP);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "r");
    cr_expect_str_eq(w.rows[0].text[0], "dropped");
    cr_expect_eq(w.rows[0].row.next_event, 1, "a drop is told");
    cr_expect_eq(w.known_keep[0], ENGINE_KEEP_ID);
    lane_add(&w, .lane = 0, COUNT, .id = 5);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "rc", "its hash is kept from now on");
}

Test(keep, given_a_parked_fact_that_is_dropped_then_it_goes_without_a_word)
{
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, LINE, .id = 5, .body = "{\"poison\":1}");
    lane_pass(&w, 500);
    cr_assert_str_eq(lane_outcomes(&w, 0), "p");
    cr_expect_eq(w.save.outcome_count, 0);
    lane_file(&w, 0, 0, ENGINE_DROP);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "-");
    cr_expect_eq(w.rows[0].row.next_event, 0);
    cr_expect_eq(w.rows[0].filed_count, 0);
    cr_expect_eq(lane_view(&w, 0).held_keys, 0);
    lane_add(&w, .lane = 0, LINE, .id = 5);
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "-f", "nothing is left that would tell a repeat");
}

/* An unknown type holds the key; a fact and a command whose id is kept wait behind it. */
static void hold(void)
{
    lane_add(&w, .lane = 0, .type = "test.new");
    lane_add(&w, .lane = 0, LINE, .id = 5, .body = "{\"add\":7}");
    lane_add(&w, .lane = 0, COUNT, .id = 6);
    lane_run(&w, 1);
    cr_assert_str_eq(lane_outcomes(&w, 0), "ppp");
    cr_assert_eq(w.save.outcome_count, 1, "only what is kept whole has a row beside");
    lane_deploy(true);
    lane_file(&w, 0, 0, ENGINE_RETRY);
}

Test(keep, given_facts_that_waited_then_they_are_looked_up_and_stored)
{
    hold();
    lane_add(&w, .lane = 0, LINE, .id = 5);
    lane_add(&w, .lane = 0, COUNT, .id = 6, .body = "{\"add\":2}");
    lane_go(&w);
    cr_assert_str_eq(lane_outcomes(&w, 0), "ppp==", "what is parked is told by its id");
    lane_wait(&w, 1000);
    lane_until(&w, 'm');
    cr_assert_eq(w.load.lookup_count, 2, "not the one that is kept whole");
    cr_expect(w.load.lookups[0].is_parked);
    cr_expect(w.load.lookups[1].is_parked);
    lane_go(&w);
    lane_pass(&w, 2000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "afa==");
    cr_expect_eq(w.facts[0].value, 7);
    cr_expect_eq(w.rows[0].parked_count, 0);
    cr_expect_eq(lane_view(&w, 0).held_keys, 0);
}

Test(keep, given_a_fact_that_waited_and_is_stored_already_then_it_goes)
{
    hold();
    w.facts[w.fact_count++] = (struct lane_fact){
        .account = w.accounts[0][0], .id = w.rows[0].parked[1].id, .day = w.rows[0].parked[1].day};
    lane_pass(&w, 3000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "a-a");
    cr_expect_eq(w.fact_count, 1);
    cr_expect_eq(engine_stats(w.engine)->commands_repeated, 1);
}

Test(keep, given_an_unknown_type_then_it_is_kept_whole_until_it_is_known)
{
    lane_add(&w, .lane = 0, .id = 5, .type = "test.new_count");
    lane_add(&w, .lane = 0, .who = 1, .id = 6, .type = "test.new_line");
    lane_add(&w, .lane = 0, .who = 2, .id = 7, .type = "test.new_line", .body = "{x");
    lane_run(&w, 1);
    cr_assert_str_eq(lane_outcomes(&w, 0), "ppp");
    cr_expect_eq(w.save.outcome_count, 3);
    lane_deploy(true);
    for (int p = 0; p < 3; p++)
        lane_file(&w, 0, p, ENGINE_RETRY);
    lane_pass(&w, 3000);
    cr_expect_str_eq(lane_outcomes(&w, 0), "afq");
    cr_expect_str_eq(w.rows[0].text[2], "invalid-body: #/add is no number");
    cr_expect_eq(w.rows[0].parked_count, 0);
    cr_expect_eq(lane_view(&w, 0).held_keys, 0);
    lane_add(&w, .lane = 0, .id = 5, .type = "test.new_count");
    lane_add(&w, .lane = 0, .who = 1, .id = 6, .type = "test.new_line");
    lane_go(&w);
    cr_expect_str_eq(lane_outcomes(&w, 0), "afq==");
}

/* A worker of an older release, which does not know the type, parks what another one applied. */
static const char *const again[] = {"{\"add\":1}", "{\"add\":2}"};
static const char *const becomes[] = {"a-a", "aca"};
static size_t again_index[] = {0, 1};

ParameterizedTestParameters(keep, given_a_parked_repeat_of_a_kept_id_then_it_is_told_in_the_end)
{
    return cr_make_param_array(size_t, again_index, 2);
}

ParameterizedTest(size_t *i, keep, given_a_parked_repeat_of_a_kept_id_then_it_is_told_in_the_end)
{
    lane_deploy(true);
    lane_run(&w, 1);
    lane_add(&w, .lane = 0, .id = 5, .type = "test.new_count");
    lane_go(&w);
    lane_deploy(false);
    lane_add(&w, .lane = 0, .id = 5, .type = "test.new_count", .body = again[*i]);
    lane_add(&w, .lane = 0);
    lane_go(&w);
    cr_assert_str_eq(lane_outcomes(&w, 0), "app");
    lane_deploy(true);
    lane_file(&w, 0, 1, ENGINE_RETRY);
    lane_pass(&w, 3000);
    cr_expect_str_eq(lane_outcomes(&w, 0), becomes[*i]);
    cr_expect_eq(lane_sum(&w, 0, 0), 2);
    cr_expect_eq(lane_view(&w, 0).held_keys, 0);
    cr_expect_eq(w.rows[0].filed_count, 0);
}

Test(keep, given_a_refused_row_among_facts_then_it_is_parked_and_the_rest_is_stored)
{
    for (int i = 0; i < 50; i++)
        lane_add(&w, .lane = 0, .who = i % 2, LINE, .body = i == 33 ? "{\"poison\":1}" : NULL);
    lane_run(&w, 1);
    lane_pass(&w, 1000);
    cr_expect_eq(w.rows[0].row.applied, 50);
    cr_expect_eq(w.fact_count + w.rows[0].parked_count, 50);
    cr_expect_eq(w.rows[0].what[33], 'p');
    cr_expect_eq(w.rows[0].what[35], 'p', "its key is held");
    cr_expect_eq(w.rows[0].what[34], 'f');
}
