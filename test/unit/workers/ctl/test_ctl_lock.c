/* Rows that a frozen owner holds: read without waiting, written over its end. */
#include "ctl_bed.h"
#include "ctl_lock.h"
#include "ctl_look.h"

#include <criterion/criterion.h>

static const char owned_lane[] =
    "INSERT INTO millrace.lane (domain, lane, fence, applied, backend_pid, backend_start) "
    "SELECT 'billing', 1, 7, 5, pid, backend_start FROM pg_stat_activity "
    "WHERE pid = pg_backend_pid()";
static const char frozen_lane[] = "BEGIN; UPDATE millrace.lane SET fence = 8, applied = 6";
static const char owned_ledger[] =
    "INSERT INTO load_ledger (topic, lane, fence, next_offset, backend_pid, backend_start) "
    "SELECT 'billing.events', 1, 7, 5, pid, backend_start FROM pg_stat_activity "
    "WHERE pid = pg_backend_pid()";
static const char frozen_ledger[] = "BEGIN; UPDATE load_ledger SET fence = 8, next_offset = 6";

/* A wait would end with lock_timeout, long before the frozen one does. */
static void wait_no_longer_than(struct mr_pg_session *session, const char *set)
{
    struct mr_error why;
    cr_assert_eq(mr_pg_session_script(session, set, &why), MR_OK, "%s", why.text);
}

Test(ctl_lock, given_a_row_that_a_frozen_owner_changes_then_it_is_read_without_waiting)
{
    struct ctl_bed *b = ctl_bed_new("look_row");
    struct mr_pg_session *frozen = ctl_bed_session(b->pg, owned_lane, frozen_lane);
    struct engine_row row;
    struct mr_error why;
    wait_no_longer_than(b->ctl.pg, "SET lock_timeout = 200");
    cr_assert_eq(ctl_look_row(&b->ctl, "billing", 1, &row, &why), MR_OK, "%s", why.text);
    cr_expect_eq(row.fence, 7);
    cr_expect_eq(row.applied, 5);
    mr_pg_session_close(frozen);
    ctl_bed_free(b);
}

Test(ctl_lock, given_a_ledger_that_a_frozen_loader_changes_then_it_is_read_without_waiting)
{
    struct ctl_bed *b = ctl_bed_new("look_ledger");
    struct mr_pg_session *frozen = ctl_bed_session(b->warehouse, owned_ledger, frozen_ledger);
    struct engine_ledger ledger;
    struct mr_error why;
    const struct ctl_look at = {.topic = "billing.events", .lane = 1};
    wait_no_longer_than(b->ctl.warehouse, "SET lock_timeout = 200");
    cr_assert_eq(ctl_look_ledger(&b->ctl, &at, &ledger, &why), MR_OK, "%s", why.text);
    cr_expect_eq(ledger.fence, 7);
    cr_expect_eq(ledger.next_offset, 5);
    mr_pg_session_close(frozen);
    ctl_bed_free(b);
}

Test(ctl_lock, given_a_lane_that_nobody_has_taken_then_its_row_is_made_once)
{
    struct ctl_bed *b = ctl_bed_new("look_new");
    struct engine_row row;
    struct engine_ledger ledger;
    struct mr_error why;
    const struct ctl_look at = {.topic = "billing.events", .lane = 0};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ctl_look_row(&b->ctl, "billing", 0, &row, &why), MR_OK, "%s", why.text);
        cr_expect_eq(row.applied, 0);
        cr_expect_eq(row.event_offset, -1);
        cr_assert_eq(ctl_look_ledger(&b->ctl, &at, &ledger, &why), MR_OK, "%s", why.text);
        cr_expect_eq(ledger.last_sequence, -1);
    }
    cr_expect_str_eq(pg_run(b->pg, "SELECT count(*) FROM millrace.lane"), "1");
    cr_expect_str_eq(pg_run(b->warehouse, "SELECT count(*) FROM load_ledger"), "1");
    ctl_bed_free(b);
}

Test(ctl_lock, given_a_frozen_owner_that_the_row_names_then_it_is_ended_and_the_row_written)
{
    struct ctl_bed *b = ctl_bed_new("lock_exec");
    struct mr_pg_session *frozen = ctl_bed_session(b->pg, owned_lane, frozen_lane);
    struct ctl_lock lock = {.session = b->ctl.pg,
                            .sql = "UPDATE millrace.lane SET applied = 9 WHERE fence = 7",
                            .connect = ctl_connect_pg,
                            .watch = ctl_lock_watch_lane,
                            .scope = "billing",
                            .lane = 1};
    struct mr_pg_result *r;
    struct mr_error why;
    cr_assert_eq(ctl_lock_exec(&b->ctl, &lock, NULL, &r, &why), MR_OK, "%s", why.text);
    cr_expect_eq(mr_pg_result_affected(r), 1);
    mr_pg_result_free(r);
    cr_expect_str_eq(pg_run(b->pg, "SELECT applied FROM millrace.lane"), "9");
    cr_expect_eq(mr_pg_session_script(frozen, "SELECT 1", &why), MR_LOST, "its backend is ended");
    mr_pg_session_close(frozen);
    ctl_bed_free(b);
}

Test(ctl_lock, given_a_holder_that_the_row_does_not_name_then_it_is_left_alone)
{
    struct ctl_bed *b = ctl_bed_new("lock_other");
    struct mr_pg_session *frozen = ctl_bed_session(
        b->pg, "INSERT INTO millrace.lane (domain, lane, fence) VALUES ('billing', 1, 7)",
        frozen_lane);
    struct ctl_lock lock = {.session = b->ctl.pg,
                            .sql = "UPDATE millrace.lane SET applied = 9 WHERE fence = 7",
                            .connect = ctl_connect_pg,
                            .watch = ctl_lock_watch_lane,
                            .scope = "billing",
                            .lane = 1};
    struct mr_pg_result *r;
    struct mr_error why;
    wait_no_longer_than(b->ctl.pg, "SET lock_timeout = 400"); /* some looks long */
    cr_expect_eq(ctl_lock_exec(&b->ctl, &lock, NULL, &r, &why), MR_BUSY);
    cr_expect_eq(mr_pg_session_script(frozen, "COMMIT", &why), MR_OK, "%s", why.text);
    mr_pg_session_close(frozen);
    ctl_bed_free(b);
}
