/* The sheet: entities as the commands so far left them, and what a refused command leaves: nothing.
 */
#include "engine_sheet.h"
#include "lane_world.h"

#include <criterion/criterion.h>
#include <string.h>

#define ARENA_BYTES 20000

static struct engine_sheet *sheet;
static struct mr_arena arena; /* of bodies */
static const struct mr_uuid account = {{7}};
static const struct mr_uuid command_id = {{9}};
static struct mr_ce_command ce;
static json_t *bodies; /* an array: what was read borrows them */

static void open_sheet(void)
{
    mr_arena_init(&arena, 1 << 16);
    bodies = json_array();
    sheet = engine_sheet_new(&lane_domain, ARENA_BYTES, 1000);
    ce = (struct mr_ce_command){.id = command_id,
                                .account = account,
                                .tick_lane = -1,
                                .type = mr_slice_text("test.add"),
                                .traceparent = mr_slice_text("00-trace-span-01")};
}

static void close_sheet(void)
{
    engine_sheet_free(sheet);
    mr_arena_free(&arena);
    json_decref(bodies);
}

TestSuite(sheet, .init = open_sheet, .fini = close_sheet);

static struct engine_input input_of(const char *json)
{
    struct engine_input in = {.ce = &ce, .time_ms = 1234};
    json_t *parsed = json_loads(json, 0, NULL);
    cr_assert(parsed);
    json_array_append_new(bodies, parsed);
    cr_assert_eq(lane_domain.read(&ce, parsed, &arena, &in.body), MR_OK);
    return in;
}

static enum engine_decided decide(const char *json)
{
    struct engine_input in = input_of(json);
    struct engine_refusal refusal;
    cr_assert_eq(engine_sheet_want(sheet, &in), MR_OK);
    return engine_sheet_decide(sheet, NULL, &in, mr_slice_text("key"), &refusal);
}

static size_t events(void)
{
    size_t count;
    engine_sheet_events(sheet, &count);
    return count;
}

static size_t rows(void)
{
    size_t count;
    engine_sheet_rows(sheet, &count);
    return count;
}

static const struct engine_entity_write *only_write(void)
{
    size_t count;
    const struct engine_entity_write *writes = engine_sheet_writes(sheet, &count);
    cr_assert_eq(count, 1);
    return writes;
}

static int64_t value_of(const struct engine_entity_write *write)
{
    int64_t value;
    memcpy(&value, write->entity.bytes, sizeof value);
    return value;
}

Test(sheet, given_the_same_key_twice_then_it_is_noted_once)
{
    struct engine_input in = input_of("{\"keys\":2}");
    size_t count;
    cr_expect_eq(engine_sheet_want(sheet, &in), MR_OK);
    cr_expect_eq(engine_sheet_want(sheet, &in), MR_OK);
    const struct engine_key *keys = engine_sheet_keys(sheet, &count);
    cr_assert_eq(count, 3);
    cr_expect(mr_uuid_equal(&keys[0].id, &account));
    engine_sheet_reset(sheet);
    engine_sheet_keys(sheet, &count);
    cr_expect_eq(count, 0);
}

Test(sheet, given_a_new_entity_changed_twice_then_it_is_written_once_as_new)
{
    cr_expect_eq(decide("{\"add\":3}"), ENGINE_DECIDED_APPLIED);
    cr_expect_eq(decide("{\"add\":4}"), ENGINE_DECIDED_APPLIED);
    const struct engine_entity_write *write = only_write();
    cr_expect(write->is_new);
    cr_expect_eq(write->entity.version, 2);
    cr_expect_eq(value_of(write), 7);
    cr_expect_eq(rows(), 2);
    cr_expect_eq(events(), 2);
}

Test(sheet, given_a_loaded_entity_then_the_change_builds_on_it)
{
    struct engine_input in = input_of("{\"add\":1}");
    int64_t bytes = 40;
    struct engine_entity was = {.key = {.account = account, .id = account},
                                .version = 5,
                                .bytes = &bytes,
                                .bytes_len = sizeof bytes};
    struct engine_refusal refusal;
    size_t count;
    cr_assert_eq(engine_sheet_want(sheet, &in), MR_OK);
    cr_assert_eq(engine_sheet_put(sheet, &was), MR_OK);
    engine_sheet_writes(sheet, &count);
    cr_expect_eq(count, 0, "what is as it was loaded is not written");
    engine_sheet_decide(sheet, NULL, &in, mr_slice_text("key"), &refusal);
    const struct engine_entity_write *write = only_write();
    cr_expect_not(write->is_new);
    cr_expect_eq(write->entity.version, 6);
    cr_expect_eq(value_of(write), 41);
    cr_expect_eq(bytes, 40, "the loaded bytes are copied");
}

Test(sheet, given_an_applied_command_then_its_events_say_where_they_come_from)
{
    size_t count;
    decide("{\"add\":1, \"events\":2}");
    const struct engine_event *e = engine_sheet_events(sheet, &count);
    cr_assert_eq(count, 2);
    cr_expect(mr_slice_is(e[0].type, "test.added"));
    cr_expect(mr_slice_is(e[0].key, "key"));
    cr_expect(mr_slice_is(e[0].traceparent, "00-trace-span-01"));
    cr_expect(mr_slice_is(e[1].data, "{\"sum\":1,\"pad\":\"\"}"));
    cr_expect(mr_uuid_equal(&e[0].causation, &command_id));
    cr_expect(mr_uuid_equal(&e[0].account, &account));
    cr_expect_eq(e[0].subject_version, 1);
    cr_expect_eq(e[0].time_ms, 1234);
}

Test(sheet, given_a_refused_command_then_only_its_refusal_stays)
{
    size_t count;
    decide("{\"add\":1}");
    cr_expect_eq(decide("{\"add\":50, \"refuse\":\"no-such\"}"), ENGINE_DECIDED_REJECTED);
    cr_expect_eq(value_of(only_write()), 1);
    cr_expect_eq(rows(), 1);
    const struct engine_event *e = engine_sheet_events(sheet, &count);
    cr_assert_eq(count, 2);
    cr_expect(mr_slice_is(e[1].type, "test.command.rejected"));
    cr_expect(memmem(e[1].data.data, e[1].data.len, "\"problem\":\"no-such\"", 19));
    cr_expect_eq(e[1].subject_version, 0);
    cr_expect(mr_uuid_equal(&e[1].subject, &command_id), "without a subject: the command itself");
    engine_sheet_take_back(sheet, 1);
    cr_expect_eq(events(), 1);
}

Test(sheet, given_a_refusal_of_a_command_with_a_subject_then_its_event_names_it)
{
    struct engine_refusal refusal = {.problem = "invalid-body", .detail = "It is no JSON."};
    struct engine_input in = {.ce = &ce};
    size_t count;
    ce.has_subject = true;
    ce.subject = (struct mr_uuid){{3}};
    cr_expect_eq(engine_sheet_refuse(sheet, &in, mr_slice_text("key"), &refusal),
                 ENGINE_DECIDED_REJECTED);
    const struct engine_event *e = engine_sheet_events(sheet, &count);
    cr_assert_eq(count, 1);
    cr_expect(mr_uuid_equal(&e[0].subject, &ce.subject));
    cr_expect(memmem(e[0].data.data, e[0].data.len, "\"subject\":\"03000000-", 20));
}

Test(sheet, given_an_event_that_is_too_large_then_the_command_is_refused)
{
    struct engine_input in = input_of("{\"add\":1, \"events\":2, \"event_bytes\":1000}");
    struct engine_refusal refusal;
    size_t count;
    cr_assert_eq(engine_sheet_want(sheet, &in), MR_OK);
    cr_expect_eq(engine_sheet_decide(sheet, NULL, &in, mr_slice_text("key"), &refusal),
                 ENGINE_DECIDED_REJECTED);
    cr_expect_str_eq(refusal.problem, "event-too-large");
    cr_expect_eq(rows(), 0);
    engine_sheet_writes(sheet, &count);
    cr_expect_eq(count, 0);
    cr_expect_eq(events(), 1);
}

Test(sheet, given_an_event_of_just_the_allowed_size_then_it_is_taken)
{
    /* {"sum":1,"pad":"..."} has 18 characters beside the pad */
    cr_expect_eq(decide("{\"add\":1, \"event_bytes\":982}"), ENGINE_DECIDED_APPLIED);
    cr_expect_eq(decide("{\"event_bytes\":983}"), ENGINE_DECIDED_REJECTED);
}

Test(sheet, given_no_room_then_nothing_of_the_command_is_kept)
{
    decide("{\"add\":1}");
    cr_expect_eq(decide("{\"add\":50, \"grow\":30000}"), ENGINE_DECIDED_FULL);
    cr_expect_eq(decide("{\"add\":50, \"size\":30000}"), ENGINE_DECIDED_FULL);
    cr_expect_eq(decide("{\"add\":50, \"grow\":30000, \"refuse\":\"no-such\"}"),
                 ENGINE_DECIDED_FULL);
    cr_expect_eq(value_of(only_write()), 1);
    cr_expect_eq(events(), 1);
    cr_expect_eq(rows(), 1);
}

Test(sheet, given_no_room_for_keys_or_entities_then_the_limit_is_told)
{
    static char large[30000];
    struct engine_input one = input_of("{}"), many = input_of("{\"keys\":1000}");
    struct engine_entity e = {.key = {.account = account, .id = account},
                              .version = 1,
                              .bytes = large,
                              .bytes_len = sizeof large};
    cr_expect_eq(engine_sheet_want(sheet, &one), MR_OK);
    cr_expect_eq(engine_sheet_put(sheet, &e), MR_LIMIT);
    cr_expect_eq(engine_sheet_want(sheet, &many), MR_LIMIT);
    engine_sheet_reset(sheet);
    cr_expect_eq(engine_sheet_want(sheet, &one), MR_OK);
    cr_expect_eq(decide("{\"add\":1}"), ENGINE_DECIDED_APPLIED);
}

/* ---- changing an image in place ---- */

Test(sheet, given_an_image_changed_again_and_again_then_it_takes_the_memory_of_two)
{
    int applied = 0;
    for (int i = 0; i < 300; i++) /* each with an image of 5,008 bytes, of 20,000 in all */
        applied += decide("{\"add\":1, \"events\":0, \"size\":5000}") == ENGINE_DECIDED_APPLIED;
    cr_expect_eq(applied, 300);
    const struct engine_entity_write *write = only_write();
    cr_expect_eq(write->entity.version, 300);
    cr_expect_eq(write->entity.bytes_len, 5008);
    cr_expect_eq(value_of(write), 300);
}

Test(sheet, given_a_refusal_after_changes_then_the_image_before_it_is_still_there)
{
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(decide("{\"add\":1, \"size\":100}"), ENGINE_DECIDED_APPLIED);
        cr_expect_eq(decide("{\"add\":50, \"size\":100, \"refuse\":\"no-such\"}"),
                     ENGINE_DECIDED_REJECTED);
        cr_expect_eq(decide("{\"add\":50, \"size\":2000, \"refuse\":\"no-such\"}"),
                     ENGINE_DECIDED_REJECTED);
        cr_expect_eq(value_of(only_write()), i + 1);
        cr_expect_eq(only_write()->entity.bytes_len, 108);
    }
    cr_expect_eq(only_write()->entity.version, 3);
}

Test(sheet, given_an_image_that_grows_and_shrinks_then_each_length_is_kept)
{
    static const char *const bodies_of[] = {
        "{\"add\":1, \"size\":10}",  "{\"add\":1, \"size\":700}", "{\"add\":1, \"size\":0}",
        "{\"add\":1, \"size\":900}", "{\"add\":1, \"size\":20}",
    };
    static const size_t lengths[] = {18, 708, 8, 908, 28};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        cr_expect_eq(decide(bodies_of[i]), ENGINE_DECIDED_APPLIED);
        const struct engine_entity_write *write = only_write();
        cr_assert_eq(write->entity.bytes_len, lengths[i]);
        cr_expect_eq(value_of(write), (int64_t)i + 1);
        for (size_t k = sizeof(int64_t); k < lengths[i]; k++)
            cr_assert_eq(((const char *)write->entity.bytes)[k], 0, "byte %zu is not its own", k);
    }
}

/* ---- ticks ---- */

static struct engine_entity part_of(const struct lane_part *part, uint8_t n)
{
    return (struct engine_entity){
        .key = {.kind = LANE_PART, .account = account, .id = {{n}}},
        .version = 3,
        .bytes = part,
        .bytes_len = sizeof *part,
    };
}

static struct engine_input tick_of(const char *json, int32_t lane)
{
    ce.tick_lane = lane;
    ce.type = mr_slice_text("test.tick");
    struct engine_input in = input_of(json);
    in.lane = lane;
    return in;
}

static enum engine_decided decide_tick(const struct engine_input *in)
{
    struct engine_refusal refusal;
    return engine_sheet_decide(sheet, NULL, in, mr_slice_text("tick"), &refusal);
}

Test(sheet, given_a_tick_then_it_goes_over_what_is_due_and_names_more)
{
    const struct lane_part parts[] = {{.due_ms = 20, .value = 2}, {.due_ms = 10, .value = 40}};
    struct engine_entity first = part_of(&parts[0], 1), second = part_of(&parts[1], 2);
    int64_t sum = 100;
    struct engine_entity whole = {.key = {.account = account, .id = account},
                                  .version = 1,
                                  .bytes = &sum,
                                  .bytes_len = sizeof sum};
    struct engine_input in = tick_of("{}", 4);
    size_t count;
    cr_assert_eq(engine_sheet_want(sheet, &in), MR_OK);
    const struct engine_due *due = engine_sheet_due(sheet, &count);
    cr_assert_eq(count, 1);
    cr_expect_eq(due->lane, 4);
    cr_expect_eq(due->kind, LANE_PART);
    cr_expect_eq(due->time_ms, 1234);
    cr_assert_eq(engine_sheet_put_due(sheet, 4, &first), MR_OK);
    cr_assert_eq(engine_sheet_put_due(sheet, 4, &second), MR_OK);
    cr_assert_eq(engine_sheet_put_due(sheet, 4, &first), MR_OK);
    cr_assert_eq(engine_sheet_want_after(sheet, &in), MR_OK);
    const struct engine_key *keys = engine_sheet_keys(sheet, &count);
    cr_assert_eq(count, 1, "what is due is loaded already");
    cr_expect_eq(keys->kind, LANE_SUM);
    cr_assert_eq(engine_sheet_put(sheet, &whole), MR_OK);
    cr_expect_eq(decide_tick(&in), ENGINE_DECIDED_APPLIED);
    const struct engine_entity_write *writes = engine_sheet_writes(sheet, &count);
    cr_assert_eq(count, 3);
    for (size_t i = 0; i < count; i++)
        if (writes[i].entity.key.kind == LANE_SUM)
            cr_expect_eq(value_of(&writes[i]), 142, "one change went on with the other");
        else
            cr_expect_eq(writes[i].entity.version, 4);
    const struct engine_event *e = engine_sheet_events(sheet, &count);
    cr_assert_eq(count, 2);
    cr_expect_eq(e[0].subject.bytes[0], 1, "in the order in which they were put");
    cr_expect_eq(e[1].subject.bytes[0], 2);
}

Test(sheet, given_ticks_of_two_lanes_then_each_goes_over_its_own)
{
    const struct lane_part part = {.due_ms = 20, .value = 2};
    struct engine_entity e = part_of(&part, 1);
    struct engine_input one = tick_of("{}", 1);
    size_t count;
    cr_assert_eq(engine_sheet_want(sheet, &one), MR_OK);
    struct engine_input two = tick_of("{}", 2);
    cr_assert_eq(engine_sheet_want(sheet, &two), MR_OK);
    cr_assert_eq(engine_sheet_put_due(sheet, 2, &e), MR_OK);
    cr_assert_eq(engine_sheet_want_after(sheet, &one), MR_OK);
    engine_sheet_keys(sheet, &count);
    cr_expect_eq(count, 0);
    cr_expect_eq(decide_tick(&one), ENGINE_DECIDED_APPLIED);
    cr_expect_eq(events(), 0);
    cr_assert_eq(engine_sheet_want_after(sheet, &two), MR_OK);
    cr_expect_eq(decide_tick(&two), ENGINE_DECIDED_APPLIED);
    cr_expect_eq(events(), 1);
}

Test(sheet, given_no_room_for_what_is_due_then_the_limit_is_told)
{
    const struct lane_part part = {.due_ms = 20, .value = 2};
    struct engine_input in = tick_of("{\"sums\":1000}", 1);
    enum mr_status status = MR_OK;
    cr_assert_eq(engine_sheet_want(sheet, &in), MR_OK);
    cr_expect_eq(engine_sheet_want_after(sheet, &in), MR_LIMIT);
    engine_sheet_reset(sheet);
    cr_assert_eq(engine_sheet_want(sheet, &in), MR_OK);
    for (int i = 1; i < 256 && status == MR_OK; i++) {
        struct engine_entity e = part_of(&part, (uint8_t)i);
        status = engine_sheet_put_due(sheet, 1, &e);
    }
    cr_expect_eq(status, MR_LIMIT);
}
