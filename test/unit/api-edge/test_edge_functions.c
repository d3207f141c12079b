/* Lists that a function of the database gives: what it is called with, its pages, and its errors.
 */
#include "reads_bed.h"

#include "edge_cursor.h"
#include "edge_query.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct reads reads;

static void teardown(void)
{
    reads_close(&reads);
}
TestSuite(edge_functions, .fini = teardown);

static const struct {
    const char *path, *want;
} echoes[] = {
    {"/echo/cpu", "{\"word\": \"cpu\", \"labels\": null, \"attributes\": null}"},
    {"/echo/a%20b%2Fc+d", "\"word\": \"a b/c+d\""},
    {"/echo/%C3%A9", "\"word\": \"\u00e9\""},
    {"/echo/x?attributes.http.method=GET&attributes.a=", "{\"a\": \"\", \"http.method\": \"GET\"}"},
    {"/echo/x?attributes.%22=%5C%22&labels.attributes.x=1",
     "\"labels\": {\"attributes.x\": \"1\"}, \"attributes\": {\"\\\"\": \"\\\\\\\"\"}"},
    {"/echo/x?attributes.a+b=c+d", "\"attributes\": {\"a b\": \"c d\"}"},
    {"/echo/x?attributes.n=1&since=2026-11-25T08:39:03Z", "\"attributes\": {\"n\": \"1\"}"},
};

Test(edge_functions, given_path_and_map_then_the_function_is_called_with_their_texts)
{
    reads_open(&reads, "echo");
    for (size_t i = 0; i < sizeof echoes / sizeof *echoes; i++) {
        const char *reply = reads_get(&reads, echoes[i].path);
        cr_expect(reads_has(reply, "HTTP/1.1 200 "), "%s: %s", echoes[i].path, reply);
        cr_expect(reads_has(reply, echoes[i].want), "%s: %s", echoes[i].path, reply);
    }
}

#define M(n) "attributes.m" #n "=1&"
static const struct {
    const char *path, *detail;
} refusals[] = {
    {"/words/longerthanthat", "word must have at most 12 characters."},
    {"/words/a%FF", "The path holds what cannot be decoded."},
    {"/words/a?word=b", "word is given twice."},
    {"/words/a?attributes=b", "attributes is given by its members, as attributes.name=value."},
    {"/words/a?attributes.=b", "attributes.name=value must have a name of 1 to 128 characters."},
    {"/words/a?attributes.x=1&attributes.x=1", "attributes.x is given twice."},
    {"/words/a?other.x=1", "other.x is not a query parameter of this list, or given twice."},
    {"/words/a?limit=501", "limit must be a number from 1 to 500."},
    {"/words/a?limit=0", "limit must be a number from 1 to 500."},
    {"/words/a?limit=9999999999999999999", "limit must be a number from 1 to 500."},
    {"/steps?limit=31", "limit must be a number from 1 to 30."},
    {"/echo/x?attributes.x=123456", "attributes must have values of at most 5 characters."},
    {"/words/a?" M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15)
         M(16) "attributes.m17=1",
     "attributes can be given 16 times in all."},
    {"/picky?how=told", "q must have a word beside -not"},
    {"/picky?how=untold", "The list cannot be read with these parameters."},
};

Test(edge_functions, given_what_a_list_cannot_take_then_400_says_what)
{
    reads_open(&reads, "refusals");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *reply = reads_get(&reads, refusals[i].path);
        cr_expect(reads_has(reply, "HTTP/1.1 400 "), "%s: %s", refusals[i].path, reply);
        cr_expect(reads_has(reply, "/problems/malformed"), "%s: %s", refusals[i].path, reply);
        cr_expect(reads_has(reply, refusals[i].detail), "%s: %s", refusals[i].path, reply);
        cr_expect_not(reads_has(reply, "the row says"), "no value of a row: %s", reply);
    }
    cr_expect(reads_has(reads_get(&reads, "/picky?how=broken"), "HTTP/1.1 500 "));
    cr_expect(reads_has(reads_get(&reads, "/picky?how=well"), "HTTP/1.1 200 "));
}

Test(edge_functions, given_a_function_that_is_slow_then_503_comes_at_the_deadline)
{
    reads_open(&reads, "slow");
    uint64_t began_ms = uv_now(&reads.bed.loop.uv);
    const char *reply = reads_get(&reads, "/picky?how=slow");
    uint64_t took_ms = uv_now(&reads.bed.loop.uv) - began_ms;
    cr_expect(reads_has(reply, "HTTP/1.1 503 "), "%s", reply);
    cr_expect(reads_has(reply, "/problems/unavailable"), "%s", reply);
    cr_expect_lt(took_ms, EDGE_READ_DEADLINE_MS + 1500, "%llu", (unsigned long long)took_ms);
}

static void on_nothing(struct mr_pg_result *result, void *data)
{
    (void)result;
    (void)data;
}

/* As many searches as may be under way, all slow. */
static void keep_searching(struct edge_query **queries)
{
    static const struct mr_pg_stmt sleep = {.sql = "SELECT pg_sleep(60)"};
    for (int i = 0; i < READS_SEARCHES; i++)
        cr_assert_eq(edge_query_start(&reads.bed.edge,
                                      &(struct edge_query_ask){.stmt = &sleep,
                                                               .deadline_ms = 60000,
                                                               .is_search = true,
                                                               .answered = on_nothing},
                                      &queries[i]),
                     MR_OK);
}

Test(edge_functions, given_slow_searches_then_one_more_is_refused_and_other_reads_do_not_wait)
{
    struct edge_query *queries[READS_SEARCHES];
    reads_open(&reads, "busy");
    keep_searching(queries);
    uint64_t began_ms = uv_now(&reads.bed.loop.uv);
    const char *reply = reads_get(&reads, "/words/disk");
    cr_expect(reads_has(reply, "HTTP/1.1 503 "), "%s", reply);
    cr_expect(reads_has(reply, "Retry-After: "), "%s", reply);
    cr_expect(reads_has(reads_get(&reads, "/commands/" BED_OTHER), "HTTP/1.1 404 "));
    cr_expect_lt(uv_now(&reads.bed.loop.uv) - began_ms, 4000, "neither waits for a search");
    for (int i = 0; i < READS_SEARCHES; i++)
        edge_query_drop(queries[i]);
}

/* ---- pages ---- */

/* Lines n = first to last of a word, a second apart; three of them share each second. */
static void add_lines(const char *word, int first, int last, const char *begin)
{
    char sql[1024];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO lines.line (account_id, id, at, word, n, attributes)"
        " SELECT '" BED_ACCOUNT "', gen_random_uuid(),"
        " timestamptz '%s' + i / 3 * interval '1 s', '%s', i,"
        " jsonb_build_object('odd', (i %% 2)::text, 'a b', '\"') FROM generate_series(%d, %d) i",
        begin, word, first, last);
    reads_run(&reads, sql);
}

/* Counts each {"n" : N} of a page in seen. */
static int count_items(const char *reply, int *seen, int most)
{
    static const char member[] = "{\"n\" : ";
    int items = 0;
    cr_assert(reads_has(reply, "HTTP/1.1 200 "), "%s", reply);
    for (const char *at = reply; (at = strstr(at, member)); items++) {
        int n = atoi(at += strlen(member));
        cr_assert(n >= 0 && n < most, "%d", n);
        seen[n]++;
    }
    return items;
}

static const char *next_page(const char *path, const char *cursor)
{
    char all[2048];
    snprintf(all, sizeof all, "%s%ccursor=%s", path, strchr(path, '?') ? '&' : '?', cursor);
    return reads_get(&reads, all);
}

Test(edge_functions, given_lines_that_come_between_pages_then_none_of_the_first_hour_is_lost)
{
    int seen[200] = {0}, pages = 0;
    reads_open(&reads, "pages");
    add_lines("disk", 0, 99, "2026-11-25T08:00:00Z");
    const char *reply = reads_get(&reads, "/words/disk?limit=7");
    cr_expect(reads_has(reply, "/words/disk?limit=7&cursor="), "the link: %s", reply);
    for (char *cursor; count_items(reply, seen, 200), (cursor = reads_cursor(reply)); pages++) {
        add_lines("disk", 100 + pages, 100 + pages, "2026-11-25T09:00:00Z"); /* newer */
        reply = next_page("/words/disk?limit=7", cursor);
        free(cursor);
    }
    cr_expect_eq(pages, 14);
    for (int i = 0; i < 200; i++)
        cr_expect_eq(seen[i], i < 100, "line %d: %d times", i, seen[i]);
}

Test(edge_functions, given_no_limit_then_a_page_is_as_long_as_declared)
{
    int seen[30] = {0};
    reads_open(&reads, "limits");
    add_lines("disk", 0, 9, "2026-11-25T08:00:00Z");
    cr_expect_eq(count_items(reads_get(&reads, "/words/disk"), seen, 30), 4);
    cr_expect_eq(count_items(reads_get(&reads, "/words/disk?limit=500"), seen, 30), 10);
    cr_expect_eq(count_items(reads_get(&reads, "/words/disk?attributes.odd=1"), seen, 30), 4);
    cr_expect_eq(
        count_items(reads_get(&reads, "/words/disk?limit=9&attributes.odd=1&attributes.a%20b=%22"),
                    seen, 30),
        5);
    cr_expect(reads_has(reads_get(&reads, "/words/none"), "{\"items\":[],\"next_cursor\":null}"));
    const char *reply = reads_get(&reads, "/steps?count=40");
    cr_expect(reads_has(reply, "{\"n\":30}"), "%s", reply);
    cr_expect_not(reads_has(reply, "{\"n\":31}"));
    char *cursor = reads_cursor(reply);
    reply = next_page("/steps?count=40", cursor);
    cr_expect(reads_has(reply, "{\"items\":[{\"n\":31},"), "%s", reply);
    cr_expect(reads_has(reply, "{\"n\":40}],\"next_cursor\":null}"), "%s", reply);
    free(cursor);
}

/* ---- cursors ---- */

Test(edge_functions, given_a_cursor_of_another_list_then_it_is_refused)
{
    static const char *const others[] = {"/words/other", "/words/disk?attributes.odd=1",
                                         "/words/disk?attributes.even=0", "/steps"};
    reads_open(&reads, "others");
    add_lines("disk", 0, 9, "2026-11-25T08:00:00Z");
    char *cursor = reads_cursor(reads_get(&reads, "/words/disk?attributes.odd=0"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *reply = next_page(others[i], cursor);
        cr_expect(reads_has(reply, "HTTP/1.1 400 "), "%s: %s", others[i], reply);
        cr_expect(reads_has(reply, "cursor is not one that this list has given"), "%s", others[i]);
    }
    cr_expect(reads_has(next_page("/words/disk?attributes.odd=0", cursor), "HTTP/1.1 200 "));
    free(cursor);
}

Test(edge_functions, given_the_members_of_a_map_in_another_order_then_the_cursor_goes_on)
{
    reads_open(&reads, "turned");
    add_lines("disk", 0, 19, "2026-11-25T08:00:00Z");
    char *cursor =
        reads_cursor(reads_get(&reads, "/words/disk?attributes.odd=0&attributes.a%20b=%22"));
    const char *reply = next_page("/words/disk?attributes.a+b=%22&attributes.odd=0", cursor);
    cr_expect(reads_has(reply, "HTTP/1.1 200 "), "%s", reply);
    cr_expect(reads_has(reply, "{\"n\" : 10,"), "%s", reply);
    free(cursor);
}

/* The hash that binds it can be worked out; the value then is only a place in the client's list. */
Test(edge_functions, given_a_forged_cursor_then_it_is_a_place_or_400)
{
    static const struct {
        const char *value;
        bool good;
    } values[] = {{"2026-11-25 08:00:01+00", true},
                  {"", false},
                  {"now or never", false},
                  {"2026-11-25'; DROP TABLE lines.line; --", false},
                  {"infinity", true}};
    struct mr_uuid account;
    struct mr_arena arena;
    reads_open(&reads, "forged");
    add_lines("disk", 0, 19, "2026-11-25T08:00:00Z");
    mr_arena_init(&arena, 65536);
    cr_assert_eq(mr_uuid_parse(mr_slice_text(BED_ACCOUNT), &account), MR_OK);
    struct mr_slice parts[] = {mr_slice_text("lines.search"),
                               mr_slice(account.bytes, sizeof account.bytes), mr_slice_text("at"),
                               mr_slice_text("disk"), mr_slice(NULL, 0)};
    uint32_t list = edge_cursor_list(parts, sizeof parts / sizeof *parts);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct edge_cursor cursor = {.value = mr_slice_text(values[i].value)};
        const char *reply = next_page("/words/disk", edge_cursor_write(&cursor, list, &arena));
        cr_expect(reads_has(reply, values[i].good ? "HTTP/1.1 200 " : "HTTP/1.1 400 "), "%s: %s",
                  values[i].value, reply);
    }
    cr_expect_str_eq(pg_run(reads.conninfo, "SELECT count(*) FROM lines.line"), "20");
    mr_arena_free(&arena);
}
