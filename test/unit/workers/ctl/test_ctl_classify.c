#include "ctl_classify.h"

#include <criterion/criterion.h>

#define DAY_MS INT64_C(86400000)

struct case_ {
    struct mr_arena arena;
    struct mr_ce_command ce;
    struct mr_kafka_record record;
    struct ctl_identity is;
};

static struct mr_uuid uuid(uint8_t last)
{
    return (struct mr_uuid){.bytes = {1, [15] = last}};
}

static void build(struct case_ *c)
{
    mr_arena_init(&c->arena, 65536);
    cr_assert_eq(mr_ce_command_build(&c->ce, &c->arena, &c->record.headers), MR_OK);
    c->is = ctl_identity_of(&c->record, mr_slice_text("billing"));
}

/* A command at the first day of 1970 plus 100. */
static struct case_ command(void)
{
    return (struct case_){
        .ce = {.id = uuid(1),
               .account = uuid(2),
               .subject = uuid(1),
               .has_subject = true,
               .tick_lane = -1,
               .time_ms = 5,
               .domain = mr_slice_text("billing"),
               .principal = mr_slice_text("key"),
               .type = mr_slice_text("billing.invoice.create")},
        .record = {.position = 7,
                   .append_ms = 100 * DAY_MS + 3,
                   .key = mr_slice_text("k"),
                   .value = mr_slice_text("{}")},
    };
}

static struct ctl_row outcome_of(const struct case_ *c)
{
    return (struct ctl_row){.kind = CTL_ROW_OUTCOME,
                            .account = c->is.account,
                            .id = c->is.id,
                            .hash = c->is.hash,
                            .day = c->is.day};
}

Test(classify, given_a_command_then_its_identity_is_what_the_worker_keeps)
{
    struct case_ c = command();
    char subject[MR_UUID_TEXT + 1];
    build(&c);
    struct mr_digest want = mr_digest_command(
        c.ce.type, mr_slice_text(mr_uuid_text(&c.ce.subject, subject)), c.record.value);
    cr_assert(c.is.readable);
    cr_expect(mr_uuid_equal(&c.is.id, &c.ce.id));
    cr_expect(mr_uuid_equal(&c.is.account, &c.ce.account));
    cr_expect_eq(c.is.day, 100);
    cr_expect_eq(memcmp(&c.is.hash, &want, sizeof want), 0);
    mr_arena_free(&c.arena);
}

Test(classify, given_its_own_outcome_then_a_command)
{
    struct case_ c = command();
    const char *what;
    build(&c);
    struct ctl_row row = outcome_of(&c);
    cr_assert_eq(ctl_classify(&c.is, &row, false, &what), CTL_COMMAND);
    mr_arena_free(&c.arena);
}

Test(classify, given_no_row_then_a_repeat_or_a_fact)
{
    struct case_ c = command();
    const char *what;
    build(&c);
    cr_expect_eq(ctl_classify(&c.is, NULL, false, &what), CTL_REPEAT);
    cr_expect_eq(ctl_classify(&c.is, NULL, true, &what), CTL_FACT);
    mr_arena_free(&c.arena);
}

Test(classify, given_a_row_of_something_else_then_wrong_and_why)
{
    struct case_ c = command();
    build(&c);
    struct ctl_row rows[4] = {outcome_of(&c), outcome_of(&c), outcome_of(&c), outcome_of(&c)};
    static const char *const says[] = {"another command", "another command", "another content",
                                       "another day"};
    rows[0].id = uuid(9);
    rows[1].account = uuid(9);
    rows[2].hash.bytes[31] ^= 1;
    rows[3].day--;
    for (size_t i = 0; i < 4; i++) {
        const char *what = "";
        cr_expect_eq(ctl_classify(&c.is, &rows[i], false, &what), CTL_WRONG_ROW, "row %zu", i);
        cr_expect(strstr(what, says[i]), "row %zu: %s", i, what);
    }
    mr_arena_free(&c.arena);
}

Test(classify, given_a_conflict_row_then_a_conflict_whatever_the_day)
{
    struct case_ c = command();
    const char *what;
    build(&c);
    struct ctl_row row = outcome_of(&c);
    row.kind = CTL_ROW_CONFLICT;
    row.day = 0;
    cr_expect_eq(ctl_classify(&c.is, &row, false, &what), CTL_CONFLICT);
    row.hash.bytes[0] ^= 1;
    cr_expect_eq(ctl_classify(&c.is, &row, false, &what), CTL_WRONG_ROW);
    mr_arena_free(&c.arena);
}

Test(classify, given_a_tick_of_the_lane_then_a_tick)
{
    struct case_ c = command();
    const char *what;
    c.ce.account = (struct mr_uuid){{0}};
    c.ce.tick_lane = 3;
    build(&c);
    struct ctl_row row = outcome_of(&c);
    cr_assert(c.is.readable && c.is.is_tick);
    cr_expect_eq(ctl_classify(&c.is, &row, false, &what), CTL_TICK);
    mr_arena_free(&c.arena);
}

Test(classify, given_a_record_that_is_no_command_then_only_quarantine_will_do)
{
    struct case_ c = command();
    const char *what = "";
    build(&c);
    struct ctl_row quarantine = {.kind = CTL_ROW_QUARANTINE}, row = outcome_of(&c);
    c.record.headers.count = 0;
    struct ctl_identity bare = ctl_identity_of(&c.record, mr_slice_text("billing"));
    cr_expect_not(bare.readable);
    cr_expect_eq(ctl_classify(&bare, NULL, false, &what), CTL_UNREADABLE);
    cr_expect_eq(ctl_classify(&bare, &quarantine, false, &what), CTL_QUARANTINED);
    cr_expect_eq(ctl_classify(&bare, &row, false, &what), CTL_WRONG_ROW);
    cr_expect(strstr(what, "no command"), "%s", what);
    mr_arena_free(&c.arena);
}

Test(classify, given_no_value_then_no_command)
{
    struct case_ c = command();
    c.record.value = (struct mr_slice){0};
    build(&c);
    cr_expect_not(c.is.readable);
    mr_arena_free(&c.arena);
}
