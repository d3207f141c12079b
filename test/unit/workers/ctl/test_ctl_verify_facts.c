/* Does verify miss a fact that is not where it must be? Lines of a lane, one damage at a time. */
#include "ctl_bed.h"
#include "ctl_verify.h"

#include <criterion/criterion.h>

/* Positions 0 to 3 are lines, 4 is parked, 5 is in quarantine; the loader has taken 0 to 4. */
static const char store[] =
    "INSERT INTO logging.log (received_at, time, position, words_0, words_1, words_2, words_3, "
    "day, lane, account_id, id, body_is_json) SELECT now(), now(), n, 0, 0, 0, 0, (now() AT TIME "
    "ZONE 'UTC')::date, 0, gen_random_uuid(), gen_random_uuid(), false FROM generate_series(0, 3) "
    "n";
static const char park[] =
    "INSERT INTO millrace.parked (domain, lane, position, key, account_id, command_id, type, "
    "behind, cause, record) VALUES ('logging', 0, 4, 'k', gen_random_uuid(), gen_random_uuid(), "
    "'logging.line', false, '23514', '')";
static const char quarantine[] =
    "INSERT INTO millrace.quarantine (domain, lane, position, cause, record) "
    "VALUES ('logging', 0, 5, 'misrouted', '')";
static const char load[] =
    "INSERT INTO logs (account_id, domain, lane, sequence, row, event_type, event_time, "
    "command_id) SELECT gen_random_uuid(), 'logging', 0, n, 0, 'logging.line', now(), "
    "gen_random_uuid() FROM generate_series(0, 4) n";

static struct ctl_bed *bed_loaded(const char *name)
{
    struct ctl_bed *b = ctl_bed_new(name);
    pg_run(b->pg, "INSERT INTO millrace.domain VALUES ('logging', 1)");
    pg_run(b->pg, store);
    pg_run(b->pg, park);
    pg_run(b->pg, quarantine);
    pg_run(b->pg, "INSERT INTO millrace.lane (domain, lane, fence, applied) VALUES "
                  "('logging', 0, 1, 6)");
    pg_run(b->warehouse, load);
    pg_run(b->warehouse, "INSERT INTO load_ledger (topic, lane, fence, next_offset, last_sequence, "
                         "last_offset) VALUES ('logging.commands', 0, 1, 6, 5, 5)");
    return b;
}

static void script(struct mr_pg_session *session, const char *sql)
{
    struct mr_error why;
    cr_assert_eq(mr_pg_session_script(session, sql, &why), MR_OK, "%s: %s", sql, why.text);
}

/* How many differences verify finds after a damage to each ("": none), which is undone again. */
static int64_t differences(struct ctl_bed *b, const char *pg, const char *warehouse)
{
    struct ctl_verify v = {.ctl = &b->ctl, .report = ctl_report_new()};
    struct mr_error why;
    script(b->ctl.pg, "BEGIN");
    script(b->ctl.pg, pg);
    script(b->ctl.warehouse, "BEGIN");
    script(b->ctl.warehouse, warehouse);
    cr_assert_eq(ctl_verify_note(&v, &why), MR_OK, "%s", why.text);
    cr_assert_eq(ctl_survey_ledger(&b->ctl, &v.noted, &why), MR_OK, "%s", why.text);
    struct ctl_verify_domain d = {.name = "logging",
                                  .catalog = mr_catalog_domain_of(b->ctl.catalog, "logging"),
                                  .lane_count = 1};
    for (size_t i = 0; i < v.noted.count; i++)
        if (strcmp(v.noted.lanes[i].domain, "logging") == 0)
            d.lanes = &v.noted.lanes[i];
    cr_assert_eq(ctl_verify_note_facts(&v, &d, &why), MR_OK, "%s", why.text);
    cr_assert_eq(ctl_verify_facts(&v, &d, &why), MR_OK, "%s", why.text);
    cr_assert_eq(ctl_verify_checks(&v, &d, &why), MR_OK, "%s", why.text);
    int64_t n = ctl_report_differences(v.report);
    ctl_report_free(v.report);
    script(b->ctl.pg, "ROLLBACK");
    script(b->ctl.warehouse, "ROLLBACK");
    return n;
}

static const struct {
    const char *name, *pg, *warehouse;
    bool is_damage;
} rows[] = {
    {"none", "", "", false},
    {"row_gone", "", "DELETE FROM logs WHERE sequence = 1", true},
    {"last_row_gone", "", "DELETE FROM logs WHERE sequence = 3", true},
    {"row_twice", "",
     "INSERT INTO logs (account_id, domain, lane, sequence, row, event_type, event_time, "
     "command_id) SELECT account_id, domain, lane, sequence, 2, event_type, event_time, "
     "command_id FROM logs WHERE sequence = 1",
     true},
    {"row_of_nothing", "", "UPDATE logs SET lane = 1 WHERE sequence = 3", true},
    {"row_above_the_ledger", "", "UPDATE logs SET sequence = 6 WHERE sequence = 4", true},
    {"fact_gone", "DELETE FROM logging.log WHERE position = 1", "", true},
    {"last_fact_gone", "DELETE FROM logging.log WHERE position = 3", "", true},
    {"fact_elsewhere", "UPDATE logging.log SET position = 7 WHERE position = 2", "", true},
    {"fact_twice",
     "INSERT INTO logging.log (received_at, time, position, words_0, words_1, words_2, words_3, "
     "day, lane, account_id, id, body_is_json) SELECT received_at, time, 9, 0, 0, 0, 0, day + 2, "
     "lane, account_id, id, false FROM logging.log WHERE position = 1",
     "", true},
    {"fact_of_an_id_of_three_days_ago",
     "INSERT INTO logging.log (received_at, time, position, words_0, words_1, words_2, words_3, "
     "day, lane, account_id, id, body_is_json) SELECT received_at, time, 9, 0, 0, 0, 0, day + 3, "
     "lane, account_id, id, false FROM logging.log WHERE position = 1",
     "", false},
    {"parked_and_waits_nowhere",
     "INSERT INTO millrace.command (day, domain, account_id, id, lane, position, type, hash, "
     "status, accepted_at) SELECT day, 'logging', account_id, id, 0, 2, 'x', sha256('x'), 3, now() "
     "FROM logging.log WHERE position = 1",
     "", true},
    {"parked_repeat_of_an_id",
     "INSERT INTO millrace.command (day, domain, account_id, id, lane, position, type, hash, "
     "status, accepted_at) SELECT day, 'logging', account_id, id, 0, 2, 'x', sha256('x'), 3, now() "
     "FROM logging.log WHERE position = 1; "
     "INSERT INTO millrace.seen SELECT day, domain, account_id, id, 0, 1, hash FROM "
     "millrace.command",
     "", false},
    {"in_bad_rows", "",
     "DELETE FROM logs WHERE sequence = 1; INSERT INTO bad_rows (topic, lane, position, cause, "
     "record) VALUES ('logging.commands', 0, 1, 'too long', '')",
     false},
    {"parked_not_loaded", "", "DELETE FROM logs WHERE sequence = 4", false},
    {"quarantined_but_loaded", "", "UPDATE logs SET sequence = 5 WHERE sequence = 4", false},
    {"not_loaded_yet", "",
     "UPDATE load_ledger SET next_offset = 4, last_sequence = 3, last_offset = 3", true},
    {"not_applied_yet",
     "UPDATE millrace.lane SET applied = 3; DELETE FROM logging.log "
     "WHERE position = 3",
     "", false},
    {"not_shown", "DROP VIEW logging.facts", "", true},
};

Test(verify_facts, given_a_damage_then_it_differs)
{
    struct ctl_bed *b = bed_loaded("verify_facts");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(differences(b, rows[i].pg, rows[i].warehouse) > 0, rows[i].is_damage, "%s",
                     rows[i].name);
    ctl_bed_free(b);
}

Test(verify_facts, given_a_parked_fact_that_was_dropped_then_its_row_is_not_missed)
{
    struct ctl_bed *b = bed_loaded("verify_facts_one_dropped");
    pg_run(b->pg, "DELETE FROM millrace.parked");
    cr_expect_gt(differences(b, "", ""), 0);
    pg_run(b->pg, "INSERT INTO millrace.audit (actor, action, target, reason, detail) VALUES "
                  "('me', 'parked drop', 'x', 'x', "
                  "'{\"domain\": \"logging\", \"lane\": 0, \"position\": 4}')");
    cr_expect_eq(differences(b, "", ""), 0);
    cr_expect_gt(differences(b, "DELETE FROM logging.log WHERE position = 3", ""), 0);
    ctl_bed_free(b);
}

Test(verify_facts, given_facts_that_a_set_position_passed_over_then_their_rows_are_not_missed)
{
    struct ctl_bed *b = bed_loaded("verify_facts_passed");
    pg_run(b->pg, "DELETE FROM logging.log WHERE position IN (1, 2)");
    cr_expect_gt(differences(b, "", ""), 0);
    pg_run(b->pg, "INSERT INTO millrace.audit (actor, action, target, reason, detail) VALUES "
                  "('me', 'set-position', 'logging 0', 'x', '{\"applied\": [1, 3]}')");
    cr_expect_eq(differences(b, "", ""), 0);
    ctl_bed_free(b);
}

/* As retention drops them. */
static const char drop_day[] = "SELECT millrace.drop_days('logging', 'log', "
                               "(now() AT TIME ZONE 'UTC')::date + 1)";

Test(verify_facts, given_days_that_were_dropped_then_only_their_lines_are_not_missed)
{
    struct ctl_bed *b = bed_loaded("verify_facts_dropped");
    cr_expect_gt(differences(b, "DELETE FROM logging.log", ""), 0);
    pg_run(b->pg, drop_day);
    cr_expect_eq(differences(b, "", ""), 0);
    cr_expect_gt(
        differences(b, "", "UPDATE logs SET event_time = now() + '1 day' WHERE sequence = 2"), 0);
    ctl_bed_free(b);
}
