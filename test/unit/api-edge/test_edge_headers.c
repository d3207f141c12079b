#include "edge_headers.h"

#include <criterion/criterion.h>

/* A request with up to four header fields; a NULL name ends them. */
struct fields {
    const char *name, *value;
};

static struct mr_http_request request_of(const struct fields *fields, struct mr_http_field *room)
{
    struct mr_http_request request = {.fields = room};
    for (; fields->name; fields++)
        room[request.field_count++] =
            (struct mr_http_field){mr_slice_text(fields->name), mr_slice_text(fields->value)};
    return request;
}

/* ---- Prefer ---- */

static const struct {
    struct fields fields[3];
    int32_t wait_s;
    bool minimal;
} prefers[] = {
    {{{NULL, NULL}}, 0, false},
    {{{"prefer", "wait=5"}}, 5, false},
    {{{"prefer", "wait=0"}}, 0, false},
    {{{"prefer", "wait=30"}}, 30, false},
    {{{"prefer", "wait=31"}}, 30, false},
    {{{"prefer", "wait=99999999999999999999"}}, 30, false},
    {{{"prefer", "WAIT=7"}}, 7, false},
    {{{"prefer", "wait=\"8\""}}, 8, false},
    {{{"prefer", "respond-async, wait=9"}}, 9, false},
    {{{"prefer", "return=minimal, wait=2"}}, 2, true},
    {{{"prefer", "return=representation"}}, 0, false},
    {{{"prefer", "return=minimal"}, {"prefer", "wait=3"}}, 3, true},
    {{{"prefer", "wait=4, wait=20"}}, 4, false},
    {{{"prefer", "wait=4"}, {"prefer", "wait=20"}}, 4, false},
    {{{"prefer", "wait=-1"}}, 0, false},
    {{{"prefer", "wait=5s"}}, 0, false},
    {{{"prefer", "wait="}}, 0, false},
    {{{"prefer", "wait"}}, 0, false},
    {{{"prefer", "wait=5; x=1"}}, 5, false},
    {{{"prefer", ",,"}}, 0, false},
};

Test(edge_prefer, given_what_clients_send_then_the_first_that_is_understood_counts)
{
    for (size_t i = 0; i < sizeof prefers / sizeof *prefers; i++) {
        struct mr_http_field room[4];
        struct mr_http_request request = request_of(prefers[i].fields, room);
        struct edge_prefer got = edge_prefer_of(&request);
        cr_expect_eq(got.wait_s, prefers[i].wait_s, "row %zu: wait %d", i, (int)got.wait_s);
        cr_expect_eq(got.minimal, prefers[i].minimal, "row %zu", i);
    }
}

/* ---- Idempotency-Key ---- */

static enum mr_status key_of(const struct fields *fields, struct mr_arena *arena,
                             struct mr_slice *key, struct mr_error *why)
{
    struct mr_http_field room[4];
    struct mr_http_request request = request_of(fields, room);
    return edge_idempotency_key(&request, arena, key, why);
}

static const struct {
    const char *text, *key; /* key NULL: refused */
} keys[] = {
    {"order-1", "order-1"},
    {"\"order-1\"", "order-1"},
    {"\"a \\\"b\\\" \\\\ c\"", "a \"b\" \\ c"},
    {"a \"b\" c", "a \"b\" c"}, /* not quoted as a whole: its characters */
    {"82060302-fb8f-5b12-bde9-313a9326ddf7", "82060302-fb8f-5b12-bde9-313a9326ddf7"},
    {"", NULL},
    {"\"\"", NULL},
    {"\"open", NULL},
    {"\"open\\\"", NULL},
    {"\"", NULL},
    {"\"a\"b", NULL},
    {"\"a\"; x=1", NULL},
    {"caf\xc3\xa9", NULL},
    {"tab\there", NULL},
};

Test(edge_idempotency_key, given_a_key_quoted_or_not_then_its_characters_are_the_key)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct mr_arena arena;
        struct mr_slice key;
        struct mr_error why;
        mr_arena_init(&arena, 4096);
        enum mr_status s = key_of(
            (struct fields[]){{"idempotency-key", keys[i].text}, {NULL, NULL}}, &arena, &key, &why);
        cr_expect_eq(s, keys[i].key ? MR_OK : MR_INVALID, "row %zu: %s", i, keys[i].text);
        if (s == MR_OK && keys[i].key)
            cr_expect(mr_slice_is(key, keys[i].key), "row %zu: %.*s", i, MR_SLICE_FMT(key));
        mr_arena_free(&arena);
    }
}

Test(edge_idempotency_key, given_none_then_it_is_absent_and_given_two_then_it_is_refused)
{
    struct mr_arena arena;
    struct mr_slice key = mr_slice_text("was");
    struct mr_error why;
    mr_arena_init(&arena, 4096);
    cr_assert_eq(key_of((struct fields[]){{NULL, NULL}}, &arena, &key, &why), MR_OK);
    cr_assert_null(key.data);
    struct fields two[] = {{"idempotency-key", "a"}, {"idempotency-key", "a"}, {NULL, NULL}};
    cr_assert_eq(key_of(two, &arena, &key, &why), MR_INVALID);
    cr_assert(strstr(why.text, "Idempotency-Key"));
    mr_arena_free(&arena);
}

Test(edge_idempotency_key, given_255_characters_then_it_is_taken_and_256_are_too_many)
{
    char text[3 + 2 * 256];
    struct mr_arena arena;
    struct mr_slice key;
    mr_arena_init(&arena, 8192);
    struct fields fields[] = {{"idempotency-key", text}, {NULL, NULL}};
    for (size_t len = 255; len <= 256; len++) {
        enum mr_status want = len == 255 ? MR_OK : MR_INVALID;
        memset(text, 'k', len);
        text[len] = '\0';
        cr_assert_eq(key_of(fields, &arena, &key, NULL), want, "plain, %zu", len);
        text[0] = '"'; /* every character escaped: twice as long, and still 255 */
        for (size_t i = 0; i < len; i++)
            memcpy(text + 1 + 2 * i, "\\k", 2);
        memcpy(text + 1 + 2 * len, "\"", 2);
        cr_assert_eq(key_of(fields, &arena, &key, NULL), want, "quoted, %zu", len);
        if (want == MR_OK)
            cr_assert_eq(key.len, 255);
    }
    mr_arena_free(&arena);
}

/* ---- Content-Type ---- */

static const struct {
    struct fields fields[3];
    bool is_json;
} contents[] = {
    {{{"content-type", "application/json"}}, true},
    {{{"content-type", "Application/JSON"}}, true},
    {{{"content-type", "application/json; charset=utf-8"}}, true},
    {{{"content-type", "application/json;charset=\"UTF-8\""}}, true},
    {{{"content-type", "application/json"}, {"content-encoding", "identity"}}, true},
    {{{"content-type", "application/json; charset=latin1"}}, false},
    {{{"content-type", "application/json"}, {"content-encoding", "gzip"}}, false},
    {{{"content-type", "application/jsonp"}}, false},
    {{{"content-type", "text/plain"}}, false},
    {{{"content-type", "application/x-www-form-urlencoded"}}, false},
    {{{"content-type", ""}}, false},
    {{{"content-type", "application/json"}, {"content-type", "application/json"}}, false},
    {{{NULL, NULL}}, false},
};

Test(edge_content, given_a_content_type_then_only_plain_json_in_utf8_is_taken)
{
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        struct mr_http_field room[4];
        struct mr_http_request request = request_of(contents[i].fields, room);
        cr_expect_eq(edge_content_is_json(&request), contents[i].is_json, "row %zu", i);
    }
}

/* ---- Accept ---- */

static const struct {
    const char *accept; /* NULL: none */
    int32_t html, json;
} accepts[] = {
    {NULL, 1000, 1000},
    {"*/*", 1000, 1000},
    {"text/html", 1000, 0},
    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 1000, 800},
    {"application/json", 0, 1000},
    {"text/*;q=0.5, application/json;q=0.25", 500, 250},
    {"text/*;q=0.5, text/html;q=0", 0, 0},
    {"text/html;q=0.001", 1, 0},
    {"TEXT/HTML;Q=0.7", 700, 0},
    {"text/html;level=1;q=0.3", 300, 0},
    {"text/html;q=2", 1000, 0},
    {"text/html;q=x", 1000, 0},
    {"", 0, 0},
    {"texts/*", 0, 0},
};

Test(edge_accept, given_media_ranges_then_the_most_specific_one_tells)
{
    for (size_t i = 0; i < sizeof accepts / sizeof *accepts; i++) {
        struct mr_http_field room[4];
        struct mr_http_request request =
            request_of((struct fields[]){{accepts[i].accept ? "accept" : NULL, accepts[i].accept},
                                         {NULL, NULL}},
                       room);
        cr_expect_eq(edge_accept_quality(&request, "text/html"), accepts[i].html, "row %zu", i);
        cr_expect_eq(edge_accept_quality(&request, "application/json"), accepts[i].json, "row %zu",
                     i);
    }
}

/* ---- entity tags ---- */

Test(edge_etag, given_contents_then_equal_ones_alone_have_equal_tags)
{
    char a[EDGE_ETAG_TEXT + 1], b[EDGE_ETAG_TEXT + 1], c[EDGE_ETAG_TEXT + 1];
    edge_etag_of(mr_slice_text("{\"v\":1}"), a);
    edge_etag_of(mr_slice_text("{\"v\":1}"), b);
    edge_etag_of(mr_slice_text("{\"v\":2}"), c);
    cr_assert_str_eq(a, b);
    cr_assert_str_neq(a, c);
    cr_assert_eq(strlen(a), EDGE_ETAG_TEXT);
    cr_assert(a[0] == '"' && a[EDGE_ETAG_TEXT - 1] == '"');
}

Test(edge_etag, given_if_none_match_then_the_tag_is_found_weak_or_strong_in_any_field)
{
    static const struct {
        const char *first, *second;
        bool known;
    } rows[] = {
        {"\"abc\"", NULL, true},
        {"W/\"abc\"", NULL, true},
        {"\"x\", \"abc\"", NULL, true},
        {"\"x\"", "\"abc\"", true},
        {"*", NULL, true},
        {"\"abcd\"", NULL, false},
        {"abc", NULL, false},
        {"\"x,\\\"abc\\\"\"", NULL, false},
        {"", NULL, false},
        {NULL, NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_http_field room[4];
        struct mr_http_request request =
            request_of((struct fields[]){{rows[i].first ? "if-none-match" : NULL, rows[i].first},
                                         {rows[i].second ? "if-none-match" : NULL, rows[i].second},
                                         {NULL, NULL}},
                       room);
        cr_expect_eq(edge_etag_is_known(&request, "\"abc\""), rows[i].known, "row %zu", i);
    }
}
