/* What logging.search promises, against a real Postgres. */
#include "log_db.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(search);

#define MINUTE_MS INT64_C(60000)

/* search's arguments behind the account, as SQL: from, to, severity, service, host, trace_id, q,
 * attributes; then the page. The answer: the lines' bodies in order. */
#define SEARCH(arguments, page)                                                                    \
    "SELECT coalesce(string_agg(s.body::json ->> 'body', ' ' ORDER BY n), '') FROM"                \
    " logging.search($1, " arguments ", " page ") WITH ORDINALITY AS"                              \
    " s (account_id, id, version, body, newest, n)"
#define FIRST_PAGE "NULL, NULL, 50"

static void put_at(struct log_db *db, const char *time, const char *rest)
{
    char body[512];
    snprintf(body, sizeof body, "{'time':'2025-11-20T%sZ',%s}", time, rest);
    log_db_put(db, log_db_now(db), body);
}

static const struct {
    const char *arguments, *want;
} filters[] = {
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL, NULL", "f e d c b a"},
    {"'2025-11-20 10:01Z', '2025-11-20 10:03Z', NULL, NULL, NULL, NULL, NULL, NULL", "c b"},
    {"NULL, '2025-11-20 10:01Z', NULL, NULL, NULL, NULL, NULL, NULL", "a"},
    {"'2025-11-20Z', NULL, 'warn', NULL, NULL, NULL, NULL, NULL", "d c"},
    {"'2025-11-20Z', NULL, 'ERROR', NULL, NULL, NULL, NULL, NULL", "d"},
    {"'2025-11-20Z', NULL, '10', NULL, NULL, NULL, NULL, NULL", "d c"},
    {"'2025-11-20Z', NULL, '1', NULL, NULL, NULL, NULL, NULL", "d c b a"},
    {"'2025-11-20Z', NULL, NULL, 'cart', NULL, NULL, NULL, NULL", "e a"},
    {"'2025-11-20Z', NULL, NULL, NULL, 'web-1', NULL, NULL, NULL", "b a"},
    {"'2025-11-20Z', NULL, NULL, 'cart', 'web-1', NULL, NULL, NULL", "a"},
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, '4BF92f3577b34da6a3ce929d0e0e4736', NULL, NULL", "c"},
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL, '{\"user\":\"u1\"}'", "d b"},
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL, '{\"user\":\"u1\",\"code\":\"404\"}'",
     "d"},
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL, '{\"a.b\":\"true\"}'", "e"},
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL, '{\"a\":\"true\"}'", ""},
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL, '{}'", "f e d c b a"},
    {"'2025-11-20Z', NULL, NULL, ''' OR true --', NULL, NULL, NULL, NULL", ""},
    {"'2025-11-20Z', NULL, NULL, NULL, NULL, NULL, ''' OR true --', NULL", ""},
};

Test(search, given_filters_then_only_lines_that_fulfil_all_are_told_newest_first)
{
    struct log_db db;
    log_db_open(&db);
    put_at(&db, "10:02:59.999999",
           "'severity_number':13,'body':'c',"
           "'trace_id':'4bf92f3577b34da6a3ce929d0e0e4736'");
    put_at(&db, "10:00:00", "'severity_number':1,'body':'a','service':'cart','host':'web-1'");
    put_at(&db, "10:01:00",
           "'severity_number':9,'body':'b','service':'search','host':'web-1',"
           "'attributes':{'user':'u1'}");
    put_at(&db, "10:03:00",
           "'severity_number':17,'body':'d','attributes':{'user':'u1','code':404}");
    put_at(&db, "10:04:00", "'body':'e','service':'cart','attributes':{'a.b':true,'a':{'b':1}}");
    put_at(&db, "10:05:00", "'body':'f'");
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        const char *got = log_db_text(&db, SEARCH("%s", FIRST_PAGE), filters[i].arguments);
        cr_expect_str_eq(got, filters[i].want, "%s: %s", filters[i].arguments, got);
    }
    log_db_close(&db);
}

static const char *const said[] = {
    "GET /v1/orders/47 200",                            /* 1 */
    "Connection refused by 10.0.0.7",                   /* 2 */
    "refused the connection",                           /* 3 */
    "connection\\n  refused again",                     /* 4 */
    "\\u00dcber na\\u00efve caf\\u00e9 \\ud83d\\ude80", /* 5 */
    "\\u65e5\\u5fd7\\u9519\\u8bef user_id=u-17",        /* 6: no spaces between words */
    "100% of a.b*c [x] (y) \\\\d+ \\\"quoted\\\"",      /* 7 */
    "disconnections",                                   /* 8 */
};

static const struct {
    const char *q, *want; /* the numbers of what is found, newest (highest) first */
} questions[] = {
    {"connection", "4 3 2"},
    {"CONNECTION Refused", "4 3 2"},
    {"\"connection refused\"", "4 2"},
    {"refused -\"connection refused\"", "3"},
    {"-connection", "8 7 6 5 1"},
    {"connection -again -10.0.0.7", "3"},
    {"/v1/orders", "1"},
    {"v1 orders", "1"},
    {"order", ""},
    {"/v1/order", ""},
    {"v1/orders/4", ""},
    {"10.0.0.7", "2"},
    {"0.0.7", "2"},
    {"\xc3\xbc"
     "ber",
     "5"},
    {"\xc3\x9c"
     "BER NA\xc3\x8fVE",
     "5"},
    {"caf", ""},
    {"caf\xc3\xa9", "5"},
    {"\xf0\x9f\x9a\x80", "5"},
    {"\xe9\x94\x99\xe8\xaf\xaf", "6"},
    {"user_id", "6"},
    {"user", ""},
    {"u-17", "6"},
    {"100% a.b*c", "7"},
    {"a.bbc", ""},
    {"a.b*c [x] (y) \\d+", "7"},
    {"\"\"\"\"", "8 7 6 5 4 3 2 1"},
    {"\"refused\"again", "4"},
    {"-\"refused\"connection", ""},
    {"connection -\"again\" -by", "3"},
    {"--17", "8 7 5 4 3 2 1"},
    {"  ", "8 7 6 5 4 3 2 1"},
    {"- of", ""},
};

Test(search, given_q_then_whole_words_phrases_and_what_must_not_be_there_decide)
{
    struct log_db db;
    log_db_open(&db);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"time\":\"2025-11-20T10:00:0%zuZ\",\"severity_text\":\"%zu\",\"body\":\"%s\"}",
                 i, i + 1, said[i]);
        log_db_put(&db, log_db_now(&db), body);
    }
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const char *got = log_db_text(
            &db,
            "SELECT coalesce(string_agg(s.body::json ->> 'severity_text', ' ' ORDER BY n), '') FROM"
            " logging.search($1, '2025-11-20Z', NULL, NULL, NULL, NULL, NULL, $q$%s$q$, NULL,"
            " NULL, NULL, 50) WITH ORDINALITY AS s (account_id, id, version, body, newest, n)",
            questions[i].q);
        cr_expect_str_eq(got, questions[i].want, "%s: %s", questions[i].q, got);
    }
    log_db_close(&db);
}

Test(search, given_neither_from_nor_to_then_what_arrived_in_the_last_15_minutes_is_told)
{
    struct log_db db;
    log_db_open(&db);
    int64_t now_ms = log_db_now(&db);
    log_db_put(&db, now_ms, "{'body':'now','time':'2025-01-01T00:00:00Z'}");
    log_db_put(&db, now_ms - 10 * MINUTE_MS, "{'body':'before'}");
    log_db_put(&db, now_ms - 14 * MINUTE_MS, "{'body':'tomorrow','time':'2299-01-01T00:00:00Z'}");
    log_db_put(&db, now_ms - 16 * MINUTE_MS, "{'body':'gone','time':'2299-01-01T00:00:00Z'}");
    log_db_put(&db, now_ms - 2 * 1440 * MINUTE_MS, "{'body':'long gone'}");
#define ALL "NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    cr_expect_str_eq(log_db_text(&db, SEARCH(ALL, FIRST_PAGE)), "tomorrow before now");
    cr_expect_str_eq(log_db_text(&db, SEARCH(ALL, "NULL, NULL, 2")), "tomorrow before");
    /* The first page's moment goes with the cursor, however late the next one is asked for. */
    const char *cursor = log_db_text(
        &db, "SELECT logging.time_text(now()) || '/' || logging.time_text(now() - '20 minutes'"
             "::interval) WHERE $1 IS NOT NULL");
    cr_expect_str_eq(log_db_text(&db,
                                 SEARCH(ALL, "'2300-01-01T00:00:00.000000Z%s',"
                                             " '00000000-0000-0000-0000-000000000000', 50"),
                                 strchr(cursor, '/')),
                     "gone tomorrow before now");
    log_db_close(&db);
}

/* Asks page by page until there is nothing more; after each, lines are stored that were not there
 * when the first was read. Returns the bodies of all pages. */
static const char *read_pages(struct log_db *db, const char *range, int64_t limit)
{
    const char *all = "", *cursor = "NULL, NULL";
    for (int pages = 0; pages < 50; pages++) {
        const char *page =
            log_db_text(db,
                        "SELECT coalesce(string_agg(s.body::json ->> 'body', ' ' ORDER BY n), '')"
                        " || '|' || coalesce((array_agg(format('%%L, %%L', newest, id) ORDER BY n"
                        " DESC))[1], '') FROM logging.search($1, %s, NULL, NULL, NULL, NULL, NULL,"
                        " NULL, %s, %lld) WITH ORDINALITY AS"
                        " s (account_id, id, version, body, newest, n)",
                        range, cursor, (long long)limit);
        const char *bar = strchr(page, '|');
        if (bar == page)
            break;
        all = mr_arena_printf(&db->arena, "%s%.*s ", all, (int)(bar - page), page);
        cursor = mr_arena_dup(&db->arena, bar + 1, strlen(bar + 1));
        log_db_put(db, log_db_now(db), "{'body':'new','time':'2025-11-20T10:00:02Z'}");
        log_db_put(db, log_db_now(db), "{'body':'newest'}");
    }
    return all;
}

static void expect_each_once(struct log_db *db, const char *range, int count)
{
    const char *all = read_pages(db, range, 7);
    for (int i = 0; i < count; i++) {
        char word[16];
        snprintf(word, sizeof word, "old%02d ", i);
        const char *first = strstr(all, word);
        cr_expect_not_null(first, "%s: %s is skipped", range, word);
        cr_expect(!first || !strstr(first + 1, word), "%s: %s is told twice", range, word);
    }
}

Test(search, given_lines_that_come_between_pages_then_those_before_are_told_once_each)
{
    enum { COUNT = 40 };
    struct log_db db;
    log_db_open(&db);
    for (int i = 0; i < COUNT; i++) { /* several of the same time, over two days of arrival */
        char body[128];
        snprintf(body, sizeof body, "{'body':'old%02d','time':'2025-11-20T10:00:0%dZ'}", i, i % 4);
        log_db_put(&db, log_db_now(&db) - (i % 2) * 1440 * MINUTE_MS, body);
    }
    expect_each_once(&db, "'2025-11-20Z', '2025-11-21Z'", COUNT);
    expect_each_once(&db, "'2025-11-20Z', NULL", COUNT);
    log_db_close(&db);
}

Test(search, given_lines_that_come_between_pages_of_the_last_minutes_then_likewise)
{
    enum { COUNT = 30 };
    struct log_db db;
    log_db_open(&db);
    for (int i = 0; i < COUNT; i++) { /* half of them with a time of long ago */
        char body[128];
        snprintf(body, sizeof body,
                 i % 2 ? "{'body':'old%02d','time':'2025-11-20T10:00:01Z'}" : "{'body':'old%02d'}",
                 i);
        log_db_put(&db, log_db_now(&db) - MINUTE_MS, body);
    }
    expect_each_once(&db, "NULL, NULL", COUNT);
    log_db_close(&db);
}

/* Many more than are asked in order; every 1,000th says "seldom". */
static void put_many(struct log_db *db)
{
    log_db_text(db,
                "WITH new AS (INSERT INTO logging.log (account_id, id, day, received_at, lane,"
                " position, time, severity, body, body_is_json, words_0, words_1, words_2,"
                " words_3) SELECT $1, md5(n::text)::uuid, (now() AT TIME ZONE 'UTC')::date,"
                " now(), 0, n, timestamptz '2025-11-20Z' + n * interval '1 s', 9, w.text, false,"
                " m[1], m[2], m[3], m[4] FROM generate_series(1, 20000) AS n,"
                " LATERAL (SELECT CASE WHEN n %% 1000 = 0 THEN 'old' || lpad((n / 1000)::text, 2,"
                " '0') || ' seldom' ELSE 'often' END) AS w (text),"
                " LATERAL logging.word_masks(ARRAY[w.text]) AS m RETURNING 1)"
                " SELECT count(*)::text FROM new");
}

Test(search, given_few_among_many_then_they_are_told_in_order_and_once)
{
    struct log_db db;
    log_db_open(&db);
    put_many(&db);
    static const char ask[] =
        "SELECT string_agg(left(s.body::json ->> 'body', 5), ' ' ORDER BY n) FROM"
        " logging.search($1, %s, NULL, NULL, NULL, NULL, NULL, %s, NULL, NULL, NULL, %d)"
        " WITH ORDINALITY AS s (account_id, id, version, body, newest, n)";
    for (int limit = 1; limit <= 19; limit += 6) { /* 1,000 to 19,000 in order */
        char want[20 * 6 + 1] = "";
        for (int i = 20; i > 20 - limit && i > 0; i--)
            sprintf(want + strlen(want), i < 20 ? " old%02d" : "old%02d", i);
        const char *got = log_db_text(&db, ask, "'2025-11-20Z'", "'seldom'", limit);
        cr_expect_str_eq(got, want, "%d: %s", limit, got);
    }
    cr_expect_str_eq(log_db_text(&db, ask, "'2025-11-20Z'", "'seldom -often old01'", 1), "old01");
    cr_expect_str_eq(log_db_text(&db, ask, "'2025-11-20 01:00Z'", "'seldom old01'", 1), "(null)");
    cr_expect_str_eq(log_db_text(&db, ask, "NULL", "'seldom old02'", 1), "old02");
    cr_expect_str_eq(log_db_text(&db, ask, "NULL", "'often'", 2), "often often");
    log_db_close(&db);
}

Test(search, given_few_among_many_when_read_by_pages_then_once_each)
{
    struct log_db db;
    log_db_open(&db);
    put_many(&db);
    const char *cursor = "NULL, NULL", *all = "";
    for (int pages = 0; pages < 10; pages++) {
        const char *page = log_db_text(
            &db,
            "SELECT coalesce(string_agg(left(s.body::json ->> 'body', 5), ' ' ORDER BY n), '') ||"
            " '|' || coalesce((array_agg(format('%%L, %%L', newest, id) ORDER BY n DESC))[1], '')"
            " FROM logging.search($1, '2025-11-20Z', NULL, NULL, NULL, NULL, NULL, 'seldom', NULL,"
            " %s, 4) WITH ORDINALITY AS s (account_id, id, version, body, newest, n)",
            cursor);
        const char *bar = strchr(page, '|');
        all = mr_arena_printf(&db.arena, "%s%.*s,", all, (int)(bar - page), page);
        if (bar == page)
            break;
        cursor = mr_arena_dup(&db.arena, bar + 1, strlen(bar + 1));
    }
    cr_expect_str_eq(all, "old20 old19 old18 old17,old16 old15 old14 old13,old12 old11 old10 old09,"
                          "old08 old07 old06 old05,old04 old03 old02 old01,,");
    log_db_close(&db);
}

Test(search, given_a_line_then_its_resource_shows_what_was_sent)
{
    struct log_db db;
    log_db_open(&db);
    log_db_put(&db, log_db_now(&db),
               "{\"time\":\"2025-11-20T10:00:00.123456789Z\",\"observed_time\":"
               "\"2025-11-20T10:00:01Z\",\"severity_number\":17,\"severity_text\":\"ERROR\","
               "\"body\":{\"a\":[1.5,\"\\ud83d\\ude80\"]},\"service\":\"s\",\"host\":\"h\","
               "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span_id\":\"00f067aa0ba902b7\","
               "\"attributes\":{\"x\":0.1}}");
    log_db_put(&db, log_db_now(&db),
               "{\"body\":\"line\\nbreak \\\"q\\\" \\\\\","
               "\"time\":\"2025-11-20T09:00:00Z\"}");
#define ONE                                                                                        \
    "SELECT (s.body::jsonb - 'received_at' - 'account_id')::text FROM logging.search($1,"          \
    " '2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 9) s WHERE s.id ="      \
    " '00000000-0000-5000-8000-00000000000%d'"
    cr_expect_str_eq(log_db_text(&db, ONE, 1),
                     "{\"id\": \"00000000-0000-5000-8000-000000000001\", \"body\": {\"a\": [1.5, "
                     "\"\xf0\x9f\x9a\x80\"]}, \"host\": \"h\", \"time\": "
                     "\"2025-11-20T10:00:00.123456Z\", \"service\": \"s\", \"span_id\": "
                     "\"00f067aa0ba902b7\", \"trace_id\": \"4bf92f3577b34da6a3ce929d0e0e4736\", "
                     "\"attributes\": {\"x\": 0.1}, \"observed_time\": "
                     "\"2025-11-20T10:00:01.000000Z\", \"severity_text\": \"ERROR\", "
                     "\"severity_number\": 17}");
    cr_expect_str_eq(log_db_text(&db, ONE, 2),
                     "{\"id\": \"00000000-0000-5000-8000-000000000002\", \"body\": \"line\\nbreak "
                     "\\\"q\\\" \\\\\", \"host\": null, \"time\": \"2025-11-20T09:00:00.000000Z\", "
                     "\"service\": null, \"span_id\": null, \"trace_id\": null, \"attributes\": "
                     "null, \"observed_time\": null, \"severity_text\": null, \"severity_number\": "
                     "null}");
    log_db_close(&db);
}

static const struct {
    const char *arguments, *want;
} senseless[] = {
    {"'2025-11-20Z', '2025-11-20Z', NULL, NULL, NULL, NULL, NULL, NULL", "from must be before to"},
    {"NULL, NULL, 'loud', NULL, NULL, NULL, NULL, NULL",
     "severity must be trace, debug, info, warn, error, fatal or a number from 1 to 24"},
    {"NULL, NULL, '25', NULL, NULL, NULL, NULL, NULL",
     "severity must be trace, debug, info, warn, error, fatal or a number from 1 to 24"},
    {"NULL, NULL, NULL, NULL, NULL, 'abc', NULL, NULL", "trace_id must be 32 hexadecimal digits"},
    {"NULL, NULL, NULL, NULL, NULL, NULL, 'a \"b c', NULL",
     "q has a quotation mark that is not closed"},
    {"NULL, NULL, NULL, NULL, NULL, NULL, repeat('a ', 21), NULL", "q must have at most 20 terms"},
    {"NULL, NULL, NULL, NULL, NULL, NULL, NULL, (SELECT jsonb_object_agg(n::text, '') FROM"
     " generate_series(1, 11) n)",
     "at most 10 attributes can be asked for"},
};

Test(search, given_senseless_arguments_then_a_sentence_says_so)
{
    struct log_db db;
    log_db_open(&db);
    for (size_t i = 0; i < sizeof senseless / sizeof *senseless; i++) {
        const char *got = log_db_refusal(&db, SEARCH("%s", FIRST_PAGE), senseless[i].arguments);
        cr_expect(strncmp(got, "22023 ", 6) == 0 && strcmp(got + 6, senseless[i].want) == 0, "%s",
                  got);
    }
    cr_expect_eq(strncmp(log_db_refusal(&db, SEARCH(ALL, "'yesterday-ish', gen_random_uuid(), 5")),
                         "22007", 5),
                 0);
    log_db_close(&db);
}
