#include "http_dump.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define CASES_MAX 512

static char names[CASES_MAX][64];

/* The suite's folders; a wrong path must not look like an empty suite. */
static size_t read_names(void)
{
    size_t count = 0;
    DIR *dir = opendir(MR_SUITES "/http");
    if (!dir)
        return 0;
    for (const struct dirent *e; (e = readdir(dir)) && count < CASES_MAX;)
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            snprintf(names[count++], sizeof *names, "%.63s", e->d_name);
    closedir(dir);
    return count;
}

static char *read_file(const char *name, const char *file, size_t *len)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/http/%s/%s", MR_SUITES, name, file);
    FILE *f = fopen(path, "rb");
    cr_assert(f, "%s cannot be opened", path);
    char *bytes = malloc(65536);
    *len = fread(bytes, 1, 65536, f);
    fclose(f);
    return bytes;
}

static void expect_same(const char *name, struct mr_slice request, const size_t cut[2],
                        struct mr_slice expect)
{
    struct mr_buf got;
    mr_buf_init(&got, 0);
    http_dump(request, cut[0], cut[1], &got);
    cr_assert(mr_slice_equal(mr_buf_all(&got), expect), "%s, first %zu, then %zu a piece:\n%.*s",
              name, cut[0], cut[1], MR_SLICE_FMT(mr_buf_all(&got)));
    mr_buf_free(&got);
}

Test(http_parse, given_the_suite_then_it_is_there)
{
    cr_assert_geq(read_names(), 180);
}

static void check_case(const char *name)
{
    size_t len, expect_len;
    char *request = read_file(name, "request", &len);
    char *expect = read_file(name, "expect", &expect_len);
    struct mr_slice bytes = mr_slice(request, len), want = mr_slice(expect, expect_len);
    for (size_t first = 0; first <= len; first++)
        expect_same(name, bytes, (size_t[]){first, len + 1}, want);
    for (size_t step = 1; step < 8; step++)
        expect_same(name, bytes, (size_t[]){step, step}, want);
    free(request);
    free(expect);
}

/* One test for all: a process for each case would cost more than the cases do. */
Test(http_parse, given_a_case_cut_anywhere_then_says_what_is_expected)
{
    size_t count = read_names();
    for (size_t i = 0; i < count; i++)
        check_case(names[i]);
}

/* -- what the suite's form cannot say -- */

static enum mr_http_event next(struct mr_http_parse *p, struct mr_slice *in)
{
    struct mr_slice piece;
    return mr_http_parse_next(p, in, &piece);
}

static struct mr_http_parse *new_default(void)
{
    struct mr_http_limits limits = mr_http_limits_default();
    return mr_http_parse_new(&limits);
}

Test(http_parse, given_default_limits_then_the_line_holds_8_kib_and_not_a_byte_more)
{
    for (int more = 0; more < 2; more++) {
        struct mr_http_parse *p = new_default();
        struct mr_buf b;
        mr_buf_init(&b, 0);
        mr_buf_text(&b, "GET /");
        for (int i = 0; i < 8192 - 16 + more; i++)
            mr_buf_char(&b, 'a');
        mr_buf_text(&b, " HTTP/1.1\r\nHost: a\r\n\r\n");
        struct mr_slice in = mr_buf_all(&b);
        cr_assert_eq(next(p, &in), more ? MR_HTTP_ERROR : MR_HTTP_HEAD);
        if (more)
            cr_assert_eq(mr_http_parse_error(p)->status, 414);
        else
            cr_assert_eq(mr_http_parse_request(p)->path.len, 8192 - 15);
        mr_buf_free(&b);
        mr_http_parse_free(p);
    }
}

Test(http_parse, given_64_fields_of_32_kib_then_all_are_found_and_one_byte_more_is_431)
{
    for (int more = 0; more < 2; more++) {
        struct mr_http_parse *p = new_default();
        struct mr_buf b;
        mr_buf_init(&b, 0);
        mr_buf_text(&b, "GET / HTTP/1.1\r\n");
        size_t begin = b.len;
        mr_buf_text(&b, "Host: a\r\n");
        for (int i = 1; i < 63; i++)
            mr_buf_printf(&b, "X-%d: %0500d\r\n", i, i);
        mr_buf_text(&b, "X-Last: ");
        while (b.len < begin + 32768 - 4 + (size_t)more)
            mr_buf_char(&b, 'z');
        mr_buf_text(&b, "\r\n\r\n");
        struct mr_slice in = mr_buf_all(&b), value;
        cr_assert_eq(next(p, &in), more ? MR_HTTP_ERROR : MR_HTTP_HEAD);
        if (more) {
            cr_assert_eq(mr_http_parse_error(p)->status, 431);
        } else {
            const struct mr_http_request *req = mr_http_parse_request(p);
            cr_assert_eq(req->field_count, 64);
            cr_assert_eq(mr_http_request_field(req, "x-62", &value), 1);
            cr_assert_eq(value.len, 500);
            cr_assert_eq(value.data[499], '2');
            cr_assert_eq(mr_http_request_field(req, "x-last", NULL), 1);
        }
        mr_buf_free(&b);
        mr_http_parse_free(p);
    }
}

Test(http_parse, given_fields_of_one_name_then_counts_them_and_gives_the_first)
{
    struct mr_http_parse *p = new_default();
    struct mr_slice value, in = mr_slice_text("GET / HTTP/1.1\r\nHost: a\r\nPrefer: wait=5\r\n"
                                              "PREFER: return=minimal\r\n\r\n");
    cr_assert_eq(next(p, &in), MR_HTTP_HEAD);
    const struct mr_http_request *req = mr_http_parse_request(p);
    cr_assert_eq(mr_http_request_field(req, "prefer", &value), 2);
    cr_assert(mr_slice_is(value, "wait=5"));
    cr_assert_eq(mr_http_request_field(req, "pref", &value), 0);
    cr_assert_null(value.data);
    mr_http_parse_free(p);
}

Test(http_parse, given_a_body_then_pieces_lie_in_the_input_and_wait_for_the_caller)
{
    struct mr_http_parse *p = new_default();
    const char *text = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    struct mr_slice in = mr_slice_text(text), piece;
    cr_assert_eq(next(p, &in), MR_HTTP_HEAD);
    cr_assert_eq(mr_http_parse_next(p, &in, &piece), MR_HTTP_BODY);
    cr_assert_eq(piece.data, strstr(text, "abc"));
    cr_assert_eq(piece.len, 3);
    cr_assert_eq(in.data, piece.data + 3);
    cr_assert_eq(mr_http_parse_next(p, &in, &piece), MR_HTTP_BODY);
    cr_assert(mr_slice_is(piece, "de"));
    cr_assert_eq(next(p, &in), MR_HTTP_DONE);
    cr_assert_eq(in.len, 0);
    cr_assert_eq(next(p, &in), MR_HTTP_MORE);
    mr_http_parse_free(p);
}

Test(http_parse, given_a_limit_for_one_body_then_it_holds_for_that_message_alone)
{
    struct mr_http_parse *p = new_default();
    struct mr_slice in = mr_slice_text("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
                                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
                                       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n"
                                       "\r\n");
    cr_assert_eq(next(p, &in), MR_HTTP_HEAD);
    mr_http_parse_body_max(p, 4);
    cr_assert_eq(next(p, &in), MR_HTTP_BODY);
    cr_assert_eq(next(p, &in), MR_HTTP_DONE);
    cr_assert_eq(next(p, &in), MR_HTTP_HEAD);
    cr_assert_eq(next(p, &in), MR_HTTP_BODY);
    cr_assert_eq(next(p, &in), MR_HTTP_DONE);
    cr_assert_eq(next(p, &in), MR_HTTP_HEAD);
    mr_http_parse_body_max(p, 299999);
    cr_assert_eq(next(p, &in), MR_HTTP_ERROR);
    cr_assert_eq(mr_http_parse_error(p)->status, 413);
    mr_http_parse_free(p);
}

Test(http_parse, given_no_input_then_a_too_long_body_is_refused_before_any_of_it_comes)
{
    struct mr_http_parse *p = new_default();
    struct mr_slice none = {0};
    struct mr_slice in = mr_slice_text("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n"
                                       "Expect: 100-continue\r\n\r\n");
    cr_assert_eq(next(p, &none), MR_HTTP_MORE);
    cr_assert_eq(next(p, &in), MR_HTTP_HEAD);
    cr_assert(mr_http_parse_request(p)->expect_continue);
    cr_assert_eq(next(p, &none), MR_HTTP_ERROR);
    cr_assert_eq(mr_http_parse_error(p)->status, 413);
    cr_assert_eq(next(p, &none), MR_HTTP_ERROR, "an error stays");
    mr_http_parse_free(p);
}

Test(http_parse, given_a_head_in_parts_then_says_whether_one_is_begun)
{
    struct mr_http_parse *p = new_default();
    struct mr_slice in = mr_slice_text("\r\n");
    cr_assert_not(mr_http_parse_in_head(p));
    cr_assert_eq(next(p, &in), MR_HTTP_MORE);
    cr_assert_not(mr_http_parse_in_head(p));
    in = mr_slice_text("G");
    cr_assert_eq(next(p, &in), MR_HTTP_MORE);
    cr_assert(mr_http_parse_in_head(p));
    in = mr_slice_text("ET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_eq(next(p, &in), MR_HTTP_HEAD);
    cr_assert_not(mr_http_parse_in_head(p));
    cr_assert_eq(next(p, &in), MR_HTTP_DONE);
    cr_assert(mr_slice_is(mr_http_parse_request(p)->path, "/"), "it lives until the next call");
    mr_http_parse_free(p);
}
