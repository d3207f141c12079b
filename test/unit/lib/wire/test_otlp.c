/* What the suite does not say: answers, and what is left when an arena is full. */
#include "mr_otlp.h"

#include <criterion/criterion.h>

static void expect(struct mr_buf *out, const void *want, size_t len)
{
    cr_assert(mr_slice_equal(mr_buf_all(out), mr_slice(want, len)), "%.*s",
              MR_SLICE_FMT(mr_buf_all(out)));
    mr_buf_free(out);
}

static struct mr_buf response(enum mr_otlp_encoding encoding, int64_t rejected, const char *message)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    mr_otlp_write_response(encoding, rejected, mr_slice_text(message), &out);
    return out;
}

Test(otlp, given_all_taken_then_the_response_is_empty)
{
    struct mr_buf out = response(MR_OTLP_PROTOBUF, 0, "");
    expect(&out, "", 0);
    out = response(MR_OTLP_JSON, 0, "");
    expect(&out, "{}", 2);
}

Test(otlp, given_some_rejected_then_the_response_says_how_many_and_why)
{
    struct mr_buf out = response(MR_OTLP_PROTOBUF, 300, "too deep");
    static const char want[] = "\x0a\x0d\x08\xac\x02\x12\x08too deep";
    expect(&out, want, sizeof want - 1);
    out = response(MR_OTLP_JSON, 300, "\"deep\"");
    static const char json[] = "{\"partialSuccess\":{\"rejectedLogRecords\":\"300\","
                               "\"errorMessage\":\"\\\"deep\\\"\"}}";
    expect(&out, json, sizeof json - 1);
}

Test(otlp, given_an_error_then_writes_a_status)
{
    struct mr_buf out;
    mr_buf_init(&out, 0);
    mr_otlp_write_status(MR_OTLP_PROTOBUF, MR_OTLP_UNAVAILABLE, mr_slice_text("away"), &out);
    static const char want[] = "\x08\x0e\x12\x04"
                               "away";
    expect(&out, want, sizeof want - 1);
    mr_buf_init(&out, 0);
    mr_otlp_write_status(MR_OTLP_JSON, MR_OTLP_INVALID_ARGUMENT, mr_slice_text("no"), &out);
    static const char json[] = "{\"code\":3,\"message\":\"no\"}";
    expect(&out, json, sizeof json - 1);
}

Test(otlp, given_a_buffer_too_small_then_it_says_so)
{
    struct mr_buf out;
    mr_buf_init(&out, 4);
    mr_otlp_write_status(MR_OTLP_PROTOBUF, MR_OTLP_UNAVAILABLE, mr_slice_text("away"), &out);
    cr_assert_not(mr_buf_ok(&out));
    cr_assert_eq(out.len, 0);
    mr_buf_free(&out);
}

static const char body[] = "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":["
                           "{\"body\":{\"stringValue\":\"one\\n\"}},"
                           "{\"body\":{\"stringValue\":\"two\\n\"}},"
                           "{\"body\":{\"stringValue\":\"three\\n\"}}]}]}]}";

Test(otlp, given_a_full_arena_then_the_same_record_comes_again)
{
    struct mr_otlp *otlp;
    struct mr_arena arena;
    struct mr_logline line;
    struct mr_error why;
    mr_arena_init(&arena, 16);
    cr_assert_eq(mr_otlp_open(mr_slice_text(body), MR_OTLP_JSON, &otlp, &why), MR_OK);
    cr_assert_eq(mr_otlp_next(otlp, &arena, &line, &why), MR_OTLP_LINE);
    cr_assert_eq(mr_otlp_next(otlp, &arena, &line, &why), MR_OTLP_LIMIT);
    cr_assert_eq(mr_otlp_next(otlp, &arena, &line, &why), MR_OTLP_LIMIT);
    mr_arena_reset(&arena);
    cr_assert_eq(mr_otlp_next(otlp, &arena, &line, &why), MR_OTLP_LINE);
    cr_assert(mr_slice_is(line.body.text, "two\n"));
    cr_assert_eq(mr_otlp_index(otlp), 1);
    mr_otlp_close(otlp);
    mr_arena_free(&arena);
}

Test(otlp, given_a_record_that_is_skipped_then_the_next_comes)
{
    struct mr_otlp *otlp;
    struct mr_arena arena;
    struct mr_logline line;
    struct mr_error why;
    mr_arena_init(&arena, 0);
    cr_assert_eq(mr_otlp_open(mr_slice_text(body), MR_OTLP_JSON, &otlp, &why), MR_OK);
    cr_assert_eq(mr_otlp_next(otlp, &arena, &line, &why), MR_OTLP_LIMIT);
    mr_otlp_skip(otlp);
    cr_assert_eq(mr_otlp_index(otlp), 0);
    mr_arena_free(&arena);
    mr_arena_init(&arena, 4096);
    cr_assert_eq(mr_otlp_next(otlp, &arena, &line, &why), MR_OTLP_LINE);
    cr_assert(mr_slice_is(line.body.text, "two\n"));
    mr_otlp_close(otlp);
    mr_arena_free(&arena);
}
