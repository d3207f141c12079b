/* Does verify fail when it must? A whole lane of events that is loaded, one damage at a time. */
#include "ctl_bed.h"
#include "ctl_verify.h"

#include <criterion/criterion.h>

/* Four invoices in lane 0, two a day, and their rows. */
static const char store[] =
    "INSERT INTO millrace.event (day, domain, lane, sequence, type, time, account_id, subject, "
    "subject_version, command_id, key, data) SELECT d, 'billing', 0, n, "
    "'billing.invoice.created', d + time '12:00' AT TIME ZONE 'UTC', gen_random_uuid(), "
    "gen_random_uuid(), 1, gen_random_uuid(), 'k', json_build_object('invoice_id', "
    "'11111111-1111-7111-8111-111111111111', 'status', 'draft', 'customer', 'c', 'currency', "
    "'EUR', 'lines', '[]'::json, 'total_minor', 100 + n, 'due_days', 30)::text "
    "FROM generate_series(0, 3) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC')::date - 2 + n / 2) "
    "AS days(d)";
static const char load[] =
    "INSERT INTO invoice_events (account_id, domain, lane, sequence, row, event_type, event_time, "
    "command_id, invoice_id, total_minor) SELECT gen_random_uuid(), 'billing', 0, n, 0, "
    "'billing.invoice.created', ((now() AT TIME ZONE 'UTC')::date - 2 + n / 2 + time '12:00') "
    "AT TIME ZONE 'UTC', gen_random_uuid(), '', 100 + n FROM generate_series(0, 3) n";

static struct ctl_bed *bed_loaded(const char *name)
{
    struct ctl_bed *b = ctl_bed_new(name);
    pg_run(b->pg, store);
    pg_run(b->pg, "INSERT INTO millrace.lane (domain, lane, fence, next_event, published) VALUES "
                  "('billing', 0, 1, 4, 4)");
    pg_run(b->warehouse, load);
    pg_run(b->warehouse, "INSERT INTO load_ledger (topic, lane, fence, next_offset, last_sequence, "
                         "last_offset) VALUES ('billing.events', 0, 1, 4, 3, 3)");
    return b;
}

static void script(struct mr_pg_session *session, const char *sql)
{
    struct mr_error why;
    cr_assert_eq(mr_pg_session_script(session, sql, &why), MR_OK, "%s: %s", sql, why.text);
}

/* How many differences verify finds between the events and the warehouse after a damage to each
 * ("": none), which is undone again. */
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
    struct ctl_verify_domain d = {.name = "billing",
                                  .catalog = mr_catalog_domain_of(b->ctl.catalog, "billing"),
                                  .lanes = v.noted.lanes,
                                  .lane_count = 2};
    cr_assert_eq(ctl_verify_loaded(&v, &d, &why), MR_OK, "%s", why.text);
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
    {"row_gone", "", "DELETE FROM invoice_events WHERE sequence = 1", true},
    {"last_row_gone", "", "DELETE FROM invoice_events WHERE sequence = 3", true},
    {"row_twice", "",
     "INSERT INTO invoice_events SELECT account_id, domain, lane, sequence, 1, event_type, "
     "event_time, command_id FROM invoice_events WHERE sequence = 1",
     true},
    {"row_number", "", "UPDATE invoice_events SET row = 1 WHERE sequence = 1", true},
    {"amount", "", "UPDATE invoice_events SET total_minor = 0 WHERE sequence = 2", true},
    {"amounts_that_even_out", "",
     "UPDATE invoice_events SET total_minor = 203 - total_minor WHERE sequence IN (0, 3)", true},
    {"amount_null", "", "UPDATE invoice_events SET total_minor = NULL WHERE sequence = 2", true},
    {"other_lane", "", "UPDATE invoice_events SET lane = 1 WHERE sequence = 3", true},
    {"no_such_lane", "", "UPDATE invoice_events SET lane = 7 WHERE sequence = 3", true},
    {"row_of_no_event", "",
     "INSERT INTO payment_events (account_id, domain, lane, sequence, row, event_type, "
     "event_time, command_id) SELECT account_id, domain, lane, 2, 0, event_type, event_time, "
     "command_id FROM invoice_events WHERE sequence = 1",
     true},
    {"above_the_ledger", "", "UPDATE load_ledger SET last_sequence = 2", true},
    {"event_gone", "DELETE FROM millrace.event WHERE sequence = 1", "", true},
    {"last_event_gone", "DELETE FROM millrace.event WHERE sequence = 3", "", true},
    {"event_otherwise", "UPDATE millrace.event SET data = replace(data, '101', '110')", "", true},
    {"event_no_json", "UPDATE millrace.event SET data = 'x' WHERE sequence = 1", "", true},
    {"event_of_no_type", "UPDATE millrace.event SET type = 'billing.x' WHERE sequence = 1", "",
     true},
    {"not_loaded", "UPDATE millrace.lane SET next_event = 5", "", true},
};

Test(verify_loaded, given_a_damage_then_it_differs)
{
    struct ctl_bed *b = bed_loaded("verify_damage");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(differences(b, rows[i].pg, rows[i].warehouse) > 0, rows[i].is_damage, "%s",
                     rows[i].name);
    ctl_bed_free(b);
}

/* As retention drops them: all partitions up to that of the first two events. */
static const char drop_first_days[] =
    "DO $$ DECLARE p regclass; BEGIN FOR p IN SELECT inhrelid::regclass FROM pg_inherits i "
    "JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'millrace.event'::regclass AND "
    "to_date(right(c.relname, 8), 'YYYYMMDD') <= (now() AT TIME ZONE 'UTC')::date - 2 LOOP "
    "EXECUTE 'DROP TABLE ' || p; END LOOP; END $$";

Test(verify_loaded, given_days_that_were_dropped_then_only_their_events_are_not_missed)
{
    struct ctl_bed *b = bed_loaded("verify_dropped");
    pg_run(b->pg, drop_first_days);
    cr_expect_eq(differences(b, "", ""), 0);
    cr_expect_gt(differences(b, "DELETE FROM millrace.event WHERE sequence = 2", ""), 0);
    ctl_bed_free(b);
}

/* Sums of many large amounts have no room in 64 bits; what is compared is each event's part. */
Test(verify_loaded, given_sums_of_more_than_64_bits_then_they_are_compared_all_the_same)
{
    struct ctl_bed *b = bed_loaded("verify_large");
    pg_run(b->pg, "UPDATE millrace.event SET data = regexp_replace(data, '10[0-3]', "
                  "'9223372036854775807')");
    pg_run(b->warehouse, "UPDATE invoice_events SET total_minor = 9223372036854775807");
    cr_expect_eq(differences(b, "", ""), 0);
    cr_expect_gt(differences(b, "",
                             "UPDATE invoice_events SET total_minor = total_minor - 1 "
                             "WHERE sequence = 3"),
                 0);
    ctl_bed_free(b);
}
