/* What logging.histogram and the store's look-up of known facts promise. */
#include "log_db.h"
#include "logging_store.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(histogram);

/* from, to, step, severity, service, host, trace_id, q, attributes */
#define HISTOGRAM(arguments)                                                                       \
    "SELECT coalesce(string_agg(h.body, ' ' ORDER BY n), '') FROM "                                \
    "logging.histogram($1, " arguments                                                             \
    ") WITH ORDINALITY AS h (account_id, id, version, body, time, n)"

static void put_at(struct log_db *db, const char *time, const char *rest)
{
    char body[512];
    snprintf(body, sizeof body, "{'time':'2025-11-20T%sZ',%s}", time, rest);
    log_db_put(db, log_db_now(db), body);
}

Test(histogram, given_lines_then_each_step_counts_them_by_severity)
{
    struct log_db db;
    log_db_open(&db);
    put_at(&db, "10:00:00", "'severity_number':9,'body':'a'");
    put_at(&db, "10:00:59.999999", "'severity_number':17,'body':'b'");
    put_at(&db, "10:00:30", "'severity_number':9,'body':'c','service':'cart'");
    put_at(&db, "10:02:00", "'body':'d'");
    put_at(&db, "10:03:00", "'body':'behind it'");
    cr_expect_str_eq(
        log_db_text(&db, HISTOGRAM("'2025-11-20 10:00Z', '2025-11-20 10:03Z', '1m', NULL, NULL,"
                                   " NULL, NULL, NULL, NULL")),
        "{\"time\" : \"2025-11-20T10:00:00Z\", \"counts\" : { \"9\" : 2, \"17\" : 1 }, \"total\" : "
        "3} {\"time\" : \"2025-11-20T10:01:00Z\", \"counts\" : {}, \"total\" : 0} {\"time\" : "
        "\"2025-11-20T10:02:00Z\", \"counts\" : { \"0\" : 1 }, \"total\" : 1}");
    cr_expect_str_eq(
        log_db_text(&db, HISTOGRAM("'2025-11-20 10:00:30Z', '2025-11-20 11:00Z', '1h', 'info',"
                                   " 'cart', NULL, NULL, 'c -d', NULL")),
        "{\"time\" : \"2025-11-20T10:00:00Z\", \"counts\" : { \"9\" : 1 }, \"total\" : 1}");
    log_db_close(&db);
}

Test(histogram, given_neither_from_nor_to_then_the_last_hour_by_the_minute)
{
    struct log_db db;
    log_db_open(&db);
    log_db_put(&db, log_db_now(&db), "{'severity_number':9}");
    cr_expect_str_eq(log_db_text(&db, "SELECT (count(*) BETWEEN 60 AND 61 AND"
                                      " sum((body::json ->> 'total')::int) = 1)::text FROM"
                                      " logging.histogram($1, NULL, NULL, NULL, NULL, NULL, NULL,"
                                      " NULL, NULL, NULL)"),
                     "true");
    log_db_close(&db);
}

static const struct {
    const char *arguments, *want;
} senseless[] = {
    {"'2025-11-20Z', '2025-11-21Z', '59s'",
     "from, to and step give more than 1440 steps: ask for a shorter time or longer steps"},
    {"'0001-01-01Z', NULL, '1d'",
     "from, to and step give more than 1440 steps: ask for a shorter time or longer steps"},
    {"NULL, NULL, '0m'",
     "step must be a number of seconds, minutes, hours or days: 30s, 5m, 1h, 1d"},
    {"NULL, NULL, 'm'",
     "step must be a number of seconds, minutes, hours or days: 30s, 5m, 1h, 1d"},
    {"'2025-11-21Z', '2025-11-20Z', '1h'", "from must be before to"},
};

Test(histogram, given_senseless_arguments_then_a_sentence_says_so)
{
    struct log_db db;
    log_db_open(&db);
    for (size_t i = 0; i < sizeof senseless / sizeof *senseless; i++) {
        const char *got = log_db_refusal(&db, HISTOGRAM("%s, NULL, NULL, NULL, NULL, NULL, NULL"),
                                         senseless[i].arguments);
        cr_expect(strncmp(got, "22023 ", 6) == 0 && strcmp(got + 6, senseless[i].want) == 0, "%s",
                  got);
    }
    cr_expect_str_eq(log_db_text(&db, "SELECT count(*)::text FROM logging.histogram($1,"
                                      " '2025-11-20Z', '2025-11-21Z', '1m', NULL, NULL, NULL,"
                                      " NULL, NULL, NULL)"),
                     "1440");
    log_db_close(&db);
}

/* logging_store.known_facts with a list of one key in place of its parameters. */
static const char *known(struct log_db *db, const char *id, int first_days_ago, int last_days_ago)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_printf(
        &sql,
        "WITH p AS (SELECT ARRAY[$1::uuid] AS a, ARRAY['%s'::uuid] AS i,"
        " ARRAY[(now() AT TIME ZONE 'UTC')::date - %d] AS f,"
        " ARRAY[(now() AT TIME ZONE 'UTC')::date - %d] AS l) SELECT count(*)::text FROM (",
        id, first_days_ago, last_days_ago);
    static const char *const from_p[] = {"(SELECT a FROM p)",    "(SELECT i FROM p)",
                                         "(SELECT f FROM p)",    "(SELECT l FROM p)",
                                         "(SELECT f[1] FROM p)", "(SELECT l[1] FROM p)"};
    for (const char *c = logging_store.known_facts; *c; c++) {
        if (*c == '$')
            mr_buf_text(&sql, from_p[*++c - '1']);
        else
            mr_buf_char(&sql, *c);
    }
    mr_buf_text(&sql, ") k");
    mr_buf_char(&sql, '\0');
    const char *count = log_db_text(db, "%s", sql.data);
    mr_buf_free(&sql);
    return count;
}

Test(histogram, given_a_stored_line_then_it_is_known_on_its_day_alone)
{
    static const char first[] = "00000000-0000-5000-8000-000000000001";
    struct log_db db;
    log_db_open(&db);
    log_db_put(&db, log_db_now(&db) - INT64_C(86400000), "{'body':'yesterday'}");
    cr_expect_str_eq(known(&db, first, 2, 0), "1");
    cr_expect_str_eq(known(&db, first, 1, 1), "1");
    cr_expect_str_eq(known(&db, first, 0, 0), "0");
    cr_expect_str_eq(known(&db, "00000000-0000-5000-8000-000000000002", 2, 0), "0");
    log_db_close(&db);
}
