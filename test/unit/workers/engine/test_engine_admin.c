/* What an operator may do to lanes and parked commands. */
#include "engine_admin.h"

#include <criterion/criterion.h>

static struct engine_admin_found found_lane(void)
{
    return (struct engine_admin_found){
        .row = {.lane = 3,
                .fence = 11,
                .applied = 50,
                .has_last_record = true,
                .last_record = {{1}},
                .next_event = 80,
                .published = 70,
                .event_offset = 90},
        .log_start = 20,
        .log_end = 60,
        .has_record = true,
        .record = {{2}},
        .event_highest = -1,
        .event_offset = -1,
    };
}

static enum mr_status plan(int64_t applied, int64_t next_event,
                           const struct engine_admin_found *found, struct engine_row *out,
                           struct mr_error *why)
{
    const struct engine_admin_position ask = {
        .applied = applied, .next_event = next_event, .fence_new = 12};
    return engine_admin_set_position(&ask, found, out, why);
}

Test(engine_admin,
     given_a_position_then_fence_applied_and_last_record_are_new_and_events_left_alone)
{
    struct engine_admin_found found = found_lane();
    struct engine_row row;
    struct mr_error why;
    cr_assert_eq(plan(40, ENGINE_ADMIN_KEEP, &found, &row, &why), MR_OK, "%s", why.text);
    cr_expect_eq(row.lane, 3);
    cr_expect_eq(row.fence, 12);
    cr_expect_eq(row.applied, 40);
    cr_expect(row.has_last_record);
    cr_expect_eq(row.last_record.bytes[0], 2);
    cr_expect_eq(row.next_event, 80);
    cr_expect_eq(row.published, 70);
    cr_expect_eq(row.event_offset, 90);
}

Test(engine_admin, given_no_record_before_the_position_then_last_record_is_unknown)
{
    struct engine_admin_found found = found_lane();
    struct engine_row row;
    struct mr_error why;
    found.has_record = false;
    cr_assert_eq(plan(20, ENGINE_ADMIN_KEEP, &found, &row, &why), MR_OK, "%s", why.text);
    cr_expect_not(row.has_last_record);
}

Test(engine_admin, given_the_logs_ends_then_both_are_positions_and_beyond_them_none)
{
    static const struct {
        int64_t applied;
        enum mr_status want;
        const char *says;
    } rows[] = {
        {20, MR_OK, ""},
        {60, MR_OK, ""},
        {19, MR_INVALID, "starts at 20"},
        {61, MR_INVALID, "ends at 60"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct engine_admin_found found = found_lane();
        struct engine_row row = {.applied = -5};
        struct mr_error why = {""};
        cr_expect_eq(plan(rows[i].applied, ENGINE_ADMIN_KEEP, &found, &row, &why), rows[i].want);
        cr_expect(strstr(why.text, rows[i].says), "row %zu: %s", i, why.text);
        cr_expect_eq(row.applied, rows[i].want == MR_OK ? rows[i].applied : -5);
    }
}

Test(engine_admin, given_a_restored_database_then_only_the_one_after_the_highest_will_do)
{
    struct engine_admin_found found = found_lane();
    struct engine_row row;
    struct mr_error why;
    found.event_highest = 99;
    found.event_offset = 120;
    cr_assert_eq(plan(50, 99, &found, &row, &why), MR_INVALID);
    cr_expect(strstr(why.text, "must be 100, not 99"), "%s", why.text);
    cr_assert_eq(plan(50, 101, &found, &row, &why), MR_INVALID);
    cr_assert_eq(plan(50, 100, &found, &row, &why), MR_OK, "%s", why.text);
    cr_expect_eq(row.next_event, 100);
    cr_expect_eq(row.published, 100);
    cr_expect_eq(row.event_offset, 120);
}

Test(engine_admin, given_a_truncated_event_log_then_no_number_is_given_twice)
{
    struct engine_admin_found found = found_lane();
    struct engine_row row;
    struct mr_error why;
    found.event_highest = 59;
    found.event_offset = 61;
    found.events_kept = 20; /* 60 .. 79 */
    cr_assert_eq(plan(50, 60, &found, &row, &why), MR_OK, "%s", why.text);
    cr_expect_eq(row.next_event, 80, "what the table holds is published anew");
    cr_expect_eq(row.published, 60);
    cr_expect_eq(row.event_offset, 61);
    found.events_kept = 19;
    cr_assert_eq(plan(50, 60, &found, &row, &why), MR_INVALID);
    cr_expect(strstr(why.text, "only 19"), "%s", why.text);
}

Test(engine_admin, given_an_empty_event_log_then_numbers_go_on_from_the_row_or_above)
{
    struct engine_admin_found found = found_lane();
    struct engine_row row;
    struct mr_error why;
    cr_assert_eq(plan(50, 79, &found, &row, &why), MR_INVALID);
    cr_expect(strstr(why.text, "next event is 80"), "%s", why.text);
    cr_assert_eq(plan(50, 80, &found, &row, &why), MR_OK, "%s", why.text);
    cr_expect_eq(row.published, 70, "what was not published yet still is to be");
    cr_expect_eq(row.event_offset, -1);
    cr_assert_eq(plan(50, 200, &found, &row, &why), MR_OK, "%s", why.text);
    cr_expect_eq(row.next_event, 200);
    cr_expect_eq(row.published, 200);
}

Test(engine_admin, given_a_ledger_position_then_rows_come_neither_twice_nor_never)
{
    static const struct {
        int64_t offset, last;
        enum mr_status want;
        const char *says;
    } rows[] = {
        {40, 29, MR_OK, ""},
        {61, 29, MR_INVALID, "ends at 60"},
        {9, 29, MR_INVALID, "starts at 10"},
        {40, 24, MR_INVALID, "up to sequence 25"},
        {40, 28, MR_INVALID, "29 would stay missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct engine_admin_load_found found = {.log_start = 10,
                                                      .log_end = 60,
                                                      .loaded_highest = 25,
                                                      .last_offset = -1,
                                                      .next_sequence = 30};
        const struct engine_admin_load ask = {.next_offset = rows[i].offset,
                                              .last_sequence = rows[i].last};
        struct mr_error why = {""};
        cr_expect_eq(engine_admin_set_load(&ask, &found, &why), rows[i].want, "row %zu: %s", i,
                     why.text);
        cr_expect(strstr(why.text, rows[i].says), "row %zu: %s", i, why.text);
    }
}

Test(engine_admin, given_a_parked_command_then_one_request_counts)
{
    struct engine_admin_parked found = {.is_parked = true, .action = ENGINE_DROP};
    struct mr_error note;
    cr_assert_eq(engine_admin_file(&found, &note), MR_OK);
    cr_expect(strstr(note.text, "drop filed"), "%s", note.text);
    found.behind = true;
    cr_assert_eq(engine_admin_file(&found, &note), MR_OK);
    cr_expect(strstr(note.text, "those before it"), "%s", note.text);
    found.filed = ENGINE_RETRY;
    cr_assert_eq(engine_admin_file(&found, &note), MR_BUSY);
    cr_expect(strstr(note.text, "a retry is filed"), "%s", note.text);
    found = (struct engine_admin_parked){.action = ENGINE_RETRY};
    cr_assert_eq(engine_admin_file(&found, &note), MR_INVALID);
}
