#include "mr_http_write.h"
#include "mr_time.h"

#include <criterion/criterion.h>

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static enum mr_status write_to(struct mr_buf *out, const struct mr_http_answer *answer,
                               struct mr_error *why)
{
    mr_buf_init(out, 4096);
    return mr_http_write_head(out, answer, why);
}

Test(http_write, given_an_answer_then_writes_status_date_framing_and_fields)
{
    struct mr_http_field fields[] = {
        {mr_slice_text("Content-Type"), mr_slice_text("application/json")},
        {mr_slice_text("Location"), mr_slice_text("/v1/x")},
    };
    struct mr_http_answer a = {.status = 202,
                               .date = DATE,
                               .framing = MR_HTTP_ANSWER_LENGTH,
                               .content_length = 17,
                               .fields = fields,
                               .field_count = 2};
    struct mr_buf out;
    cr_assert_eq(write_to(&out, &a, NULL), MR_OK);
    cr_assert(mr_slice_is(mr_buf_all(&out),
                          "HTTP/1.1 202 Accepted\r\nDate: " DATE "\r\nContent-Length: 17\r\n"
                          "Content-Type: application/json\r\nLocation: /v1/x\r\n\r\n"));
    mr_buf_free(&out);
}

static const struct {
    enum mr_http_answer_framing framing;
    bool close;
    const char *want;
} framings[] = {
    {MR_HTTP_ANSWER_NO_BODY, false, ""},
    {MR_HTTP_ANSWER_NO_BODY, true, "Connection: close\r\n"},
    {MR_HTTP_ANSWER_LENGTH, true, "Content-Length: 0\r\nConnection: close\r\n"},
    {MR_HTTP_ANSWER_CHUNKED, false, "Transfer-Encoding: chunked\r\n"},
    {MR_HTTP_ANSWER_TO_CLOSE, false, "Connection: close\r\n"},
};

Test(http_write, given_a_framing_then_its_fields_are_written)
{
    for (size_t i = 0; i < sizeof framings / sizeof *framings; i++) {
        struct mr_http_answer a = {.status = 200,
                                   .date = DATE,
                                   .framing = framings[i].framing,
                                   .close = framings[i].close};
        struct mr_buf out, want;
        cr_assert_eq(write_to(&out, &a, NULL), MR_OK);
        mr_buf_init(&want, 0);
        mr_buf_printf(&want, "HTTP/1.1 200 OK\r\nDate: %s\r\n%s\r\n", DATE, framings[i].want);
        cr_expect(mr_slice_equal(mr_buf_all(&out), mr_buf_all(&want)), "row %zu", i);
        mr_buf_free(&out);
        mr_buf_free(&want);
    }
}

static const struct {
    const char *name, *value;
} injections[] = {
    {"X-A", "a\r\nSet-Cookie: b"},
    {"X-A", "a\nb"},
    {"X-A", "a\rb"},
    {"X-A", "a\x01"},
    {"X-A", "a\x7f"},
    {"X A", "b"},
    {"", "b"},
    {"X-A:", "b"},
    {"X\r\nY", "b"},
    {"content-length", "5"},
    {"DATE", "x"},
    {"Transfer-Encoding", "chunked"},
    {"Connection", "x"},
};

Test(http_write, given_a_field_that_could_break_the_head_then_nothing_is_written)
{
    for (size_t i = 0; i < sizeof injections / sizeof *injections; i++) {
        struct mr_http_field f = {mr_slice_text(injections[i].name),
                                  mr_slice_text(injections[i].value)};
        struct mr_http_answer a = {.status = 200, .date = DATE, .fields = &f, .field_count = 1};
        struct mr_error why;
        struct mr_buf out;
        cr_expect_eq(write_to(&out, &a, &why), MR_INVALID, "row %zu", i);
        cr_expect_eq(out.len, 0);
        cr_expect_null(strchr(why.text, '\n'));
        mr_buf_free(&out);
    }
    struct mr_http_field nul = {mr_slice_text("X"), mr_slice("a\0b", 3)};
    struct mr_http_answer a = {.status = 200, .date = DATE, .fields = &nul, .field_count = 1};
    struct mr_buf out;
    cr_assert_eq(write_to(&out, &a, NULL), MR_INVALID);
    a.field_count = 0;
    a.status = 100;
    cr_assert_eq(write_to(&out, &a, NULL), MR_INVALID);
    a.status = 600;
    cr_assert_eq(write_to(&out, &a, NULL), MR_INVALID);
}

Test(http_write, given_a_small_buffer_then_says_limit)
{
    struct mr_http_answer a = {.status = 200, .date = DATE};
    struct mr_buf out;
    mr_buf_init(&out, 20);
    cr_assert_eq(mr_http_write_head(&out, &a, NULL), MR_LIMIT);
    mr_buf_free(&out);
}

Test(http_write, given_pieces_then_chunks_frame_them_and_an_empty_one_is_nothing)
{
    struct mr_buf out;
    char line[MR_HTTP_CHUNK_LINE];
    mr_buf_init(&out, 0);
    mr_http_write_chunk(&out, mr_slice_text("0123456789abcdef!"));
    mr_http_write_chunk(&out, mr_slice_text(""));
    mr_http_write_chunk(&out, mr_slice_text("x"));
    mr_http_write_chunk_end(&out);
    cr_assert(mr_slice_is(mr_buf_all(&out), "11\r\n0123456789abcdef!\r\n1\r\nx\r\n0\r\n\r\n"));
    cr_assert_eq(mr_http_chunk_line(SIZE_MAX, line), MR_HTTP_CHUNK_LINE);
    cr_assert_eq(memcmp(line, "ffffffffffffffff\r\n", MR_HTTP_CHUNK_LINE), 0);
    cr_assert_eq(mr_http_chunk_line(16, line), 4);
    mr_buf_free(&out);
}

static const struct {
    int64_t unix_ms;
    const char *want;
} dates[] = {
    {INT64_C(784111777000), "Sun, 06 Nov 1994 08:49:37 GMT"},
    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
    {-1, "Wed, 31 Dec 1969 23:59:59 GMT"},
    {INT64_C(951782400999), "Tue, 29 Feb 2000 00:00:00 GMT"},
    {INT64_C(1764060000000), "Tue, 25 Nov 2025 08:40:00 GMT"},
    {MR_TIME_MS_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
};

Test(http_write, given_a_time_then_the_date_is_imf_fixdate)
{
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        char got[MR_HTTP_DATE_TEXT + 1];
        cr_expect_str_eq(mr_http_date(dates[i].unix_ms, got), dates[i].want);
    }
}

Test(http_write, given_a_status_then_its_reason_is_the_registered_one)
{
    cr_assert_str_eq(mr_http_reason(202), "Accepted");
    cr_assert_str_eq(mr_http_reason(431), "Request Header Fields Too Large");
    cr_assert_str_eq(mr_http_reason(299), "Unknown");
    cr_assert_str_eq(MR_HTTP_CONTINUE, "HTTP/1.1 100 Continue\r\n\r\n");
}
