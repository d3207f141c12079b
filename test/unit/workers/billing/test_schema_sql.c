/* What the migrations promise by themselves: constraints, the journal's zero sum, and the views
 * that the edge reads. */
#include "billing_db.h"
#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(schema_sql);

#define INVOICE                                                                                    \
    "INSERT INTO billing.invoice (account_id, id, version, status, number, customer, currency,"    \
    " lines, total_minor, paid_minor, due_days, due_date, created_at, finalized_at) VALUES ($1,"   \
    " '00000000-0000-7000-8000-0000000000"
#define REST_DRAFT "', 1, 'draft', NULL, 'Ada', 'EUR', '[]', 100, 0, 30, NULL, '2026-03-01Z', NULL)"

Test(schema_sql, given_what_no_invoice_may_be_then_the_constraint_says_no)
{
    static const struct {
        const char *constraint, *columns; /* status, number, total, paid, due_date, finalized_at */
    } rows[] = {
        {"invoice_status_check", "'lost', 1, 100, 0, '2026-04-01', now()"},
        {"invoice_number_unless_draft", "'draft', 1, 100, 0, '2026-04-01', now()"},
        {"invoice_number_unless_draft", "'open', NULL, 100, 0, NULL, NULL"},
        {"invoice_due_once_numbered", "'open', 1, 100, 0, NULL, now()"},
        {"invoice_finalized_once_numbered", "'open', 1, 100, 0, '2026-04-01', NULL"},
        {"invoice_check", "'open', 1, 100, 101, '2026-04-01', now()"},
        {"invoice_paid_in_full", "'paid', 1, 100, 99, '2026-04-01', now()"},
        {"invoice_open_has_due", "'open', 1, 100, 100, '2026-04-01', now()"},
        {"invoice_draft_unpaid", "'draft', NULL, 100, 1, NULL, NULL"},
        {"invoice_total_minor_check", "'open', 1, 9007199254740992, 0, '2026-04-01', now()"},
    };
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char sql[1024];
        snprintf(sql, sizeof sql,
                 "INSERT INTO billing.invoice (account_id, id, version, customer, currency, lines,"
                 " due_days, created_at, status, number, total_minor, paid_minor, due_date,"
                 " finalized_at) VALUES ($1, gen_random_uuid(), 1, 'Ada', 'EUR', '[]', 30, now(),"
                 " %s)",
                 rows[i].columns);
        billing_db_refused(&db, sql, &account, rows[i].constraint);
    }
    billing_db_close(&db);
}

Test(schema_sql, given_a_number_twice_then_refused_within_the_account_alone)
{
    static const char open[] =
        "INSERT INTO billing.invoice (account_id, id, version, status, number, customer, currency,"
        " lines, total_minor, paid_minor, due_days, due_date, created_at, finalized_at) VALUES ($1,"
        " gen_random_uuid(), 1, 'open', 7, 'Ada', 'EUR', '[]', 100, 0, 0, '2026-03-01', now(),"
        " now())";
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account(), other = billing_db_account();
    billing_db_exec(&db, open, &account);
    billing_db_refused(&db, open, &account, "invoice_number_once");
    billing_db_exec(&db, open, &other);
    billing_db_close(&db);
}

Test(schema_sql, given_a_payment_of_no_invoice_then_refused)
{
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    billing_db_refused(&db,
                       "INSERT INTO billing.payment VALUES ($1, gen_random_uuid(), 1,"
                       " gen_random_uuid(), 100, 'EUR', NULL, now())",
                       &account, "payment_account_id_invoice_fkey");
    billing_db_close(&db);
}

#define ENTRIES "INSERT INTO billing.journal SELECT $1, c::uuid, i, l, a, x, now() FROM (VALUES "
#define ENTRY(command, index, ledger, amount, currency)                                            \
    "('00000000-0000-7000-8000-00000000000" command "', " index ", '" ledger "', " amount          \
    ", '" currency "')"
#define AS_ENTRIES ") AS e (c, i, l, a, x)"

Test(schema_sql, given_entries_that_sum_to_zero_then_the_journal_takes_them)
{
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    billing_db_exec(&db,
                    ENTRIES ENTRY("1", "0", "receivable", "100", "EUR") "," ENTRY(
                        "1", "1", "revenue", "-100",
                        "EUR") "," ENTRY("2", "0", "cash", "30",
                                         "EUR") "," ENTRY("2", "1", "receivable", "-30", "EUR")
                        AS_ENTRIES,
                    &account);
    cr_assert_str_eq(billing_db_text(&db,
                                     "SELECT count(*) FROM billing.journal"
                                     " WHERE account_id = $1",
                                     &account),
                     "4");
    billing_db_close(&db);
}

Test(schema_sql, given_entries_that_do_not_sum_to_zero_then_none_is_taken)
{
    static const char *const statements[] = {
        /* one side is missing */
        ENTRIES ENTRY("1", "0", "cash", "100", "EUR") AS_ENTRIES,
        /* one off, beside a command that balances */
        ENTRIES ENTRY("1", "0", "cash", "100", "EUR") "," ENTRY(
            "1", "1", "revenue", "-100",
            "EUR") "," ENTRY("2", "0", "cash", "100", "EUR") "," ENTRY("2", "1", "revenue", "-99",
                                                                       "EUR") AS_ENTRIES,
        /* zero over currencies, in none of them */
        ENTRIES ENTRY("1", "0", "cash", "100", "EUR") "," ENTRY("1", "1", "revenue", "-100", "USD")
            AS_ENTRIES,
        /* zero over commands */
        ENTRIES ENTRY("1", "0", "cash", "100", "EUR") "," ENTRY("2", "0", "revenue", "-100", "EUR")
            AS_ENTRIES,
    };
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        billing_db_refused(&db, statements[i], &account, "journal_balances");
    cr_assert_str_eq(billing_db_text(&db,
                                     "SELECT count(*) FROM billing.journal"
                                     " WHERE account_id = $1",
                                     &account),
                     "0");
    billing_db_close(&db);
}

Test(schema_sql, given_journal_entries_then_nobody_changes_or_removes_them)
{
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    billing_db_refused(&db, "UPDATE billing.journal SET amount_minor = 1 WHERE account_id = $1",
                       &account, "journal_append_only");
    billing_db_refused(&db, "DELETE FROM billing.journal WHERE account_id = $1", &account,
                       "journal_append_only");
    billing_db_close(&db);
}

/* The body without the account, which each test draws anew; json texts are compared as they are, so
 * that the order of keys counts. */
static const char *body_of(struct billing_db *db, const char *view, const struct mr_uuid *account)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT replace(replace(body::text, $1::text, 'ACCOUNT'), ' : ', ':')"
             " FROM billing.%s WHERE account_id = $1 AND version = 1",
             view);
    return billing_db_text(db, sql, account);
}

Test(schema_sql, given_a_draft_then_its_body_is_as_clients_see_it)
{
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    billing_db_exec(&db, INVOICE "01" REST_DRAFT, &account);
    cr_assert_str_eq(
        body_of(&db, "invoice_resource", &account),
        "{\"id\":\"00000000-0000-7000-8000-000000000001\", \"account_id\":\"ACCOUNT\","
        " \"version\":1, \"status\":\"draft\", \"number\":null, \"customer\":\"Ada\","
        " \"currency\":\"EUR\", \"lines\":[], \"total_minor\":100, \"paid_minor\":0,"
        " \"due_date\":null, \"created_at\":\"2026-03-01T00:00:00.000Z\", \"finalized_at\":null}");
    billing_db_close(&db);
}

Test(schema_sql, given_an_open_invoice_then_its_body_has_number_and_dates_in_utc)
{
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    billing_db_exec(&db,
                    INVOICE "02', 1, 'open', 12, 'Ada', 'EUR', '[{\"quantity\":2}]', 100, 1, 30,"
                            " '2026-03-31', '2026-03-01T20:00:00.5Z', '2026-03-01T23:59:59.999Z')",
                    &account);
    const char *body = body_of(&db, "invoice_resource", &account);
    cr_assert(strstr(body, "\"number\":12"));
    cr_assert(strstr(body, "\"lines\":[{\"quantity\":2}]"));
    cr_assert(strstr(body, "\"due_date\":\"2026-03-31\""));
    cr_assert(strstr(body, "\"created_at\":\"2026-03-01T20:00:00.500Z\""));
    cr_assert(strstr(body, "\"finalized_at\":\"2026-03-01T23:59:59.999Z\""));
    cr_assert_str_eq(billing_db_text(&db,
                                     "SELECT status || customer || (created_at ="
                                     " '2026-03-01T20:00:00.5Z') FROM billing.invoice_resource"
                                     " WHERE account_id = $1",
                                     &account),
                     "openAdatrue");
    billing_db_close(&db);
}

Test(schema_sql, given_a_payment_then_its_body_is_as_clients_see_it)
{
    struct billing_db db;
    billing_db_open(&db);
    const struct mr_uuid account = billing_db_account();
    billing_db_exec(&db, INVOICE "03" REST_DRAFT, &account);
    billing_db_exec(
        &db,
        "INSERT INTO billing.payment VALUES ($1, '00000000-0000-7000-8000-0000000000aa',"
        " 1, '00000000-0000-7000-8000-000000000003', 100, 'EUR', NULL,"
        " '2026-03-01T20:00:00.123Z')",
        &account);
    cr_assert_str_eq(body_of(&db, "payment_resource", &account),
                     "{\"id\":\"00000000-0000-7000-8000-0000000000aa\", \"account_id\":\"ACCOUNT\","
                     " \"version\":1, \"invoice\":\"00000000-0000-7000-8000-000000000003\","
                     " \"amount_minor\":100, \"currency\":\"EUR\", \"reference\":null,"
                     " \"created_at\":\"2026-03-01T20:00:00.123Z\"}");
    billing_db_close(&db);
}
