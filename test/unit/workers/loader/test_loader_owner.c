/* Several owners, frozen ones, and COMMITs without an answer. */
#include "loader_bed.h"
#include "mr_clock.h"
#include "mr_pg_session.h"
#include <criterion/criterion.h>
#include <stdio.h>

static void put_created(struct bed_owner *o, int32_t lane, int64_t offset)
{
    bed_put(o, &(struct loader_event){.type = "billing.invoice.created",
                                      .json = invoice_created,
                                      .lane = lane,
                                      .offset = offset,
                                      .sequence = offset});
}

Test(loader_owner, given_another_fence_then_the_whole_flush_writes_nothing_and_the_rest_goes_on)
{
    struct bed *b = bed_new("missed");
    struct bed_owner *o = bed_owner(b);
    bed_give(o, 0);
    bed_give(o, 1);
    bed_sql(b, "UPDATE load_ledger SET fence = fence + 1 WHERE lane = 0");
    put_created(o, 0, 0);
    put_created(o, 1, 0);
    bed_until_loaded(o, 1, 1);
    cr_expect_geq(o->lost, 1);
    bed_expect(b, "SELECT string_agg(lane::text, ',') FROM invoice_events", "1");
    bed_expect(b, "SELECT string_agg(lane::text, ',') FROM load_count", "1");
    bed_expect(b, "SELECT next_offset FROM load_ledger WHERE lane = 0", "0");
    bed_free(b);
}

Test(loader_owner, given_two_loaders_that_cross_then_each_event_is_loaded_once)
{
    struct bed *b = bed_new("two_cross");
    struct bed_owner *a = bed_owner(b), *c = bed_owner(b);
    bed_give(a, 0);
    bed_give(a, 1);
    for (int64_t i = 0; i < 20; i++) {
        put_created(a, 0, i);
        put_created(a, 1, i);
    }
    bed_assign(c, 0); /* the group has moved on; a has not heard of it yet */
    bed_until_lost(a, 1);
    bed_revoke(a, 0);
    bed_give(c, 0);
    bed_until_loaded(a, 1, 20);
    for (int64_t i = 0; i < 20; i++)
        put_created(c, 0, i); /* what c has loaded already it passes over */
    bed_until_loaded(c, 0, 20);
    bed_expect(b,
               "SELECT concat_ws('|', count(*), count(DISTINCT (lane, sequence))) "
               "FROM invoice_events",
               "40|40");
    bed_expect(b, "SELECT sum(loaded) FROM load_count", "40");
    bed_free(b);
}

/* ---- COMMIT without an answer ---- */

/* From now on a flush's COMMIT stands still where `how` says. */
static void hold_commit(struct bed *b, const char *how)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM %s; "
             "RETURN NULL; END $$",
             how);
    bed_sql(b, sql);
    bed_sql(b, "CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON load_count "
               "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()");
}

static void kill_in(struct bed *b, const char *wait_event)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM pg_stat_activity a JOIN load_ledger l ON l.backend_pid = a.pid "
             "WHERE a.wait_event = '%s' AND a.query = 'COMMIT'",
             wait_event);
    bed_until_sql(b, sql, "1");
    bed_sql(b, "SELECT pg_terminate_backend(backend_pid) FROM load_ledger");
}

Test(loader_owner, given_a_commit_that_was_killed_before_it_happened_then_it_is_loaded_again)
{
    struct bed *b = bed_new("commit_not");
    struct bed_owner *o = bed_owner(b);
    struct mr_pg_session *holder;
    struct mr_error why;
    hold_commit(b, "pg_advisory_xact_lock(1)");
    cr_assert_eq(mr_pg_session_open(b->conninfo, "holder", &holder, &why), MR_OK);
    cr_assert_eq(mr_pg_session_exec(holder, "SELECT pg_advisory_lock(1)", NULL, NULL, &why), MR_OK);
    bed_give(o, 0);
    put_created(o, 0, 0);
    kill_in(b, "advisory");
    mr_pg_session_close(holder);
    bed_until_loaded(o, 0, 1);
    cr_expect_eq(o->lost, 0, "the settling read found our own fence");
    cr_expect_eq(o->flushes, 2);
    bed_expect(b, "SELECT count(*) FROM invoice_events", "1");
    bed_expect(b, "SELECT sum(loaded) FROM load_count", "1");
    bed_free(b);
}

/* From now on whoever commits with synchronous_commit = on waits for ever: nobody does by itself,
 * as the tests beside us share the server, and statements that began before that was said are
 * awaited.
 */
static void wait_for_standby(struct bed *b)
{
    bed_sql(b, "ALTER SYSTEM SET synchronous_commit = local");
    bed_sql(b, "SELECT pg_reload_conf()");
    bed_until_sql(b, "SHOW synchronous_commit", "local");
    bed_until_sql(b,
                  "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
                  "AND pid <> pg_backend_pid() AND query_start < pg_conf_load_time()",
                  "0");
    bed_sql(b, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    bed_sql(b, "SELECT pg_reload_conf()");
    bed_until_sql(b, "SHOW synchronous_standby_names", "nobody");
}

/* The commit is on disk and waits for a standby that does not exist. */
Test(loader_owner, given_a_commit_that_was_killed_after_it_happened_then_it_is_not_loaded_again)
{
    struct bed *b = bed_new("commit_done");
    struct bed_owner *o = bed_owner(b);
    hold_commit(b, "set_config('synchronous_commit', 'on', true)");
    bed_give(o, 0);
    wait_for_standby(b);
    put_created(o, 0, 0);
    kill_in(b, "SyncRep");
    bed_until_loaded(o, 0, 1);
    cr_expect_eq(o->lost, 0, "the settling read found the new fence");
    cr_expect_eq(o->flushes, 1);
    bed_expect(b, "SELECT count(*) FROM invoice_events", "1");
    bed_expect(b, "SELECT sum(loaded) FROM load_count", "1");
    bed_free(b);
}

/* ---- locks ---- */

static const char frozen_count[] = "SELECT count(*) FROM pg_stat_activity "
                                   "WHERE application_name = 'frozen' AND datname = "
                                   "current_database()";

/* A session that holds lane 0's ledger row in an open transaction. */
static struct mr_pg_session *hold_row(struct bed *b, bool names_itself)
{
    struct mr_pg_session *s;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(b->conninfo, "frozen", &s, &why), MR_OK);
    if (names_itself)
        cr_assert_eq(mr_pg_session_script(s,
                                          "UPDATE load_ledger SET (backend_pid, backend_start) = "
                                          "(SELECT pid, backend_start FROM pg_stat_activity "
                                          "WHERE pid = pg_backend_pid())",
                                          &why),
                     MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_script(s, "BEGIN; SELECT FROM load_ledger FOR UPDATE", &why), MR_OK,
                 "%s", why.text);
    return s;
}

Test(loader_owner, given_a_frozen_owner_that_the_row_names_then_a_takeover_ends_it_within_a_second)
{
    struct bed *b = bed_new("frozen");
    struct bed_owner *o = bed_owner(b);
    bed_give(o, 0);
    bed_revoke(o, 0);
    struct mr_pg_session *frozen = hold_row(b, true), *bystander;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(b->conninfo, "bystander", &bystander, &why), MR_OK);
    int64_t began_ms = mr_clock_mono_ms();
    bed_give(o, 0);
    cr_expect_lt(mr_clock_mono_ms() - began_ms, 3000);
    bed_until_sql(b, frozen_count, "0"); /* it lets go of the lock a moment before it ends */
    cr_expect_eq(mr_pg_session_script(bystander, "SELECT 1", &why), MR_OK, "nobody else is ended");
    mr_pg_session_close(bystander);
    mr_pg_session_close(frozen);
    bed_free(b);
}

Test(loader_owner, given_a_frozen_owner_during_a_flush_then_its_backend_is_ended_too)
{
    struct bed *b = bed_new("frozen_flush");
    struct bed_owner *o = bed_owner(b);
    bed_give(o, 0);
    struct mr_pg_session *frozen = hold_row(b, true);
    put_created(o, 0, 0);
    bed_until_loaded(o, 0, 1);
    bed_until_sql(b, frozen_count, "0"); /* it lets go of the lock a moment before it ends */
    mr_pg_session_close(frozen);
    bed_free(b);
}

Test(loader_owner, given_another_blocker_then_it_is_left_alone_and_waited_for)
{
    struct bed *b = bed_new("blocker");
    struct bed_owner *o = bed_owner(b);
    bed_give(o, 0);
    bed_revoke(o, 0);
    struct mr_pg_session *other = hold_row(b, false);
    bed_assign(o, 0);
    /* The watch asks every 100 ms: it has asked by the time the statement has waited for 500. */
    bed_until_sql(b,
                  "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                  "AND datname = current_database() "
                  "AND now() - query_start > interval '500 ms'",
                  "1");
    bed_expect(b, frozen_count, "1");
    mr_pg_session_close(other); /* rolls back */
    bed_give(o, 0);
    bed_free(b);
}
