#include "log_dump.h"
#include "mr_inflate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* bits as zlib's windowBits: 31 gzip, 15 zlib. */
static size_t deflated(struct mr_slice in, int bits, char *out, size_t size)
{
    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)in.data;
    z.avail_in = (uInt)in.len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)size;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return size - z.avail_out;
}

static const char text[] =
    "{\"short_message\":\"a text that comes twice, a text that comes twice\"}";

static void expect(struct mr_slice in, const char *want)
{
    for (size_t step = 1; step <= in.len + 1; step++) {
        struct mr_buf got;
        mr_buf_init(&got, 0);
        log_dump_inflate(in, (struct log_cut){step, step}, &got);
        cr_assert(mr_slice_is(mr_buf_all(&got), want), "%zu a piece: %.*s", step,
                  MR_SLICE_FMT(mr_buf_all(&got)));
        mr_buf_free(&got);
    }
}

Test(inflate, given_first_bytes_then_tells_the_kind)
{
    cr_assert_eq(mr_inflate_kind(mr_slice("\x1f\x8b\x08", 3)), MR_INFLATE_GZIP);
    cr_assert_eq(mr_inflate_kind(mr_slice("\x78\x9c", 2)), MR_INFLATE_ZLIB);
    cr_assert_eq(mr_inflate_kind(mr_slice("\x78\x01", 2)), MR_INFLATE_ZLIB);
    cr_assert_eq(mr_inflate_kind(mr_slice("\x78\xda", 2)), MR_INFLATE_ZLIB);
    cr_assert_eq(mr_inflate_kind(mr_slice("\x78\x9d", 2)), MR_INFLATE_PLAIN);
    cr_assert_eq(mr_inflate_kind(mr_slice("{}", 2)), MR_INFLATE_PLAIN);
    cr_assert_eq(mr_inflate_kind(mr_slice("\x1f", 1)), MR_INFLATE_PLAIN);
    cr_assert_eq(mr_inflate_kind(mr_slice("", 0)), MR_INFLATE_PLAIN);
}

Test(inflate, given_any_kind_in_any_pieces_then_gives_the_bytes)
{
    char packed[512], want[512];
    snprintf(want, sizeof want, "%s\nend\n", text);
    expect(mr_slice_text(text), want);
    expect(mr_slice(packed, deflated(mr_slice_text(text), 31, packed, sizeof packed)), want);
    expect(mr_slice(packed, deflated(mr_slice_text(text), 15, packed, sizeof packed)), want);
    expect(mr_slice_text("8"), "8\nend\n"); /* begins as zlib might */
    expect(mr_slice_text("hm"), "hm\nend\n");
    expect(mr_slice_text(""), "\nend\n");
}

Test(inflate, given_members_of_gzip_then_gives_all)
{
    char packed[512];
    size_t len = deflated(mr_slice_text("one "), 31, packed, sizeof packed);
    len += deflated(mr_slice_text(""), 31, packed + len, sizeof packed - len);
    len += deflated(mr_slice_text("two"), 31, packed + len, sizeof packed - len);
    expect(mr_slice(packed, len), "one two\nend\n");
}

Test(inflate, given_an_end_too_early_then_says_so)
{
    char packed[512];
    static const int bits[] = {31, 15};
    for (size_t i = 0; i < 2; i++) {
        size_t len = deflated(mr_slice_text(text), bits[i], packed, sizeof packed);
        struct mr_inflate *z = mr_inflate_new();
        struct mr_buf out;
        struct mr_slice bytes;
        struct mr_error why;
        mr_buf_init(&out, 4096);
        for (size_t n = 2; n < len; n++) {
            cr_assert_eq(mr_inflate_all(z, mr_slice(packed, n), &out, &bytes, &why), MR_INVALID);
            cr_assert(strstr(why.text, "ends too early"), "%zu: %s", n, why.text);
        }
        cr_assert_eq(mr_inflate_all(z, mr_slice(packed, len), &out, &bytes, &why), MR_OK);
        cr_assert(mr_slice_is(bytes, text));
        mr_buf_free(&out);
        mr_inflate_free(z);
    }
}

Test(inflate, given_bytes_behind_the_end_then_says_so)
{
    char packed[512];
    size_t len = deflated(mr_slice_text("x"), 31, packed, sizeof packed);
    packed[len] = 'z';
    expect(mr_slice(packed, len + 1),
           "x\nThe body cannot be decompressed as gzip: bytes follow its end.\n");
    len = deflated(mr_slice_text("x"), 15, packed, sizeof packed);
    packed[len] = 0x1F;
    expect(mr_slice(packed, len + 1),
           "x\nThe body cannot be decompressed as zlib: bytes follow its end.\n");
}

Test(inflate, given_a_wrong_check_sum_then_says_so)
{
    char packed[512];
    size_t len = deflated(mr_slice_text("x"), 31, packed, sizeof packed);
    packed[len - 8] ^= 1;
    expect(mr_slice(packed, len),
           "x\nThe body cannot be decompressed as gzip: incorrect data check.\n");
}

Test(inflate, given_a_bomb_then_stops_at_the_bound)
{
    size_t len = 8 << 20;
    char *zeros = calloc(1, len), packed[16384];
    size_t packed_len = deflated(mr_slice(zeros, len), 31, packed, sizeof packed);
    struct mr_inflate *z = mr_inflate_new();
    struct mr_error why;
    struct mr_slice in = mr_slice(packed, packed_len), piece;
    enum mr_status s;
    size_t got = 0;
    mr_inflate_begin(z, MR_INFLATE_GZIP, 100000);
    while ((s = mr_inflate_next(z, &in, &piece, &why)) == MR_OK && piece.len > 0)
        got += piece.len;
    cr_assert_eq(s, MR_LIMIT);
    cr_assert_eq(got, 100000);
    cr_assert_eq(mr_inflate_next(z, &in, &piece, &why), MR_LIMIT); /* and stays so */
    cr_assert_str_eq(why.text, "The body is longer than 100000 bytes when decompressed.");
    mr_inflate_free(z);
    free(zeros);
}

Test(inflate, given_a_body_of_the_bound_exactly_then_takes_it)
{
    char packed[512];
    size_t len = deflated(mr_slice_text(text), 15, packed, sizeof packed);
    for (size_t less = 0; less < 2; less++) {
        struct mr_inflate *z = mr_inflate_new();
        struct mr_buf out;
        struct mr_slice bytes;
        struct mr_error why;
        mr_buf_init(&out, strlen(text) - less);
        enum mr_status want = less ? MR_LIMIT : MR_OK;
        cr_assert_eq(mr_inflate_all(z, mr_slice(packed, len), &out, &bytes, &why), want);
        cr_assert_eq(mr_inflate_all(z, mr_slice_text(text), &out, &bytes, &why), want);
        mr_buf_free(&out);
        mr_inflate_free(z);
    }
}

Test(inflate, given_an_empty_body_begun_as_gzip_then_it_is_invalid)
{
    struct mr_inflate *z = mr_inflate_new();
    struct mr_slice piece;
    struct mr_error why;
    mr_inflate_begin(z, MR_INFLATE_GZIP, 100);
    cr_assert_eq(mr_inflate_end(z, &piece, &why), MR_INVALID);
    mr_inflate_free(z);
}
