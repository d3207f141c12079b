#include "mr_record.h"

#include <criterion/criterion.h>

static struct mr_arena arena;

static void begin(void)
{
    mr_arena_init(&arena, 1 << 20);
}

static void end(void)
{
    mr_arena_free(&arena);
}

TestSuite(record, .init = begin, .fini = end);

static const struct mr_ce_header sample_headers[] = {{{"ce_id", 5}, {"x", 1}},
                                                     {{"null", 4}, {NULL, 0}},
                                                     {{"", 0}, {"", 0}},
                                                     {{"b", 1}, {"\0\xff", 2}}};

static struct mr_record sample(void)
{
    return (struct mr_record){.position = INT64_MAX,
                              .append_time_ms = -1,
                              .key = mr_slice_text("key"),
                              .value = mr_slice("\0{}", 3),
                              .headers = {sample_headers, 4}};
}

static bool same(struct mr_slice a, struct mr_slice b)
{
    return !a.data == !b.data && mr_slice_equal(a, b);
}

static void expect_round_trip(const struct mr_record *r)
{
    struct mr_buf packed;
    struct mr_record got;
    struct mr_error why;
    mr_buf_init(&packed, 0);
    cr_assert_eq(mr_record_pack(r, &packed), MR_OK);
    cr_assert_eq(mr_record_unpack(mr_buf_all(&packed), &arena, &got, &why), MR_OK, "%s", why.text);
    cr_assert_eq(got.position, r->position);
    cr_assert_eq(got.append_time_ms, r->append_time_ms);
    cr_assert(same(got.key, r->key) && same(got.value, r->value));
    cr_assert_eq(got.headers.count, r->headers.count);
    for (size_t i = 0; i < r->headers.count; i++)
        cr_assert(same(got.headers.items[i].name, r->headers.items[i].name) &&
                  same(got.headers.items[i].value, r->headers.items[i].value));
    mr_buf_free(&packed);
}

Test(record, given_any_record_then_unpacking_gives_it_back)
{
    struct mr_record r = sample();
    expect_round_trip(&r);
    r.key = r.value = mr_slice(NULL, 0);
    expect_round_trip(&r);
    r.key = r.value = mr_slice("", 0);
    expect_round_trip(&r);
    r.headers.count = 0;
    expect_round_trip(&r);
}

Test(record, given_version_1_then_its_bytes_are_these_for_ever)
{
    static const char want[] = "\x01"
                               "\0\0\0\0\0\0\0\x05"
                               "\0\0\x01\x9a\0\0\0\0"
                               "\0\0\0\x01k"
                               "\xff\xff\xff\xff"
                               "\0\0\0\x01"
                               "\0\0\0\x02h1\0\0\0\x01v";
    const struct mr_ce_header h = {mr_slice_text("h1"), mr_slice_text("v")};
    struct mr_record r = {.position = 5,
                          .append_time_ms = INT64_C(0x19a00000000),
                          .key = mr_slice_text("k"),
                          .headers = {&h, 1}};
    struct mr_buf packed;
    mr_buf_init(&packed, 0);
    cr_assert_eq(mr_record_pack(&r, &packed), MR_OK);
    cr_assert(mr_slice_equal(mr_buf_all(&packed), mr_slice(want, sizeof want - 1)));
    mr_buf_free(&packed);
}

Test(record, given_bytes_cut_anywhere_or_followed_by_more_then_invalid)
{
    struct mr_record r = sample(), got;
    struct mr_error why;
    struct mr_buf packed;
    mr_buf_init(&packed, 0);
    cr_assert_eq(mr_record_pack(&r, &packed), MR_OK);
    for (size_t len = 0; len < packed.len; len++) {
        cr_expect_eq(mr_record_unpack(mr_slice(packed.data, len), &arena, &got, &why), MR_INVALID,
                     "%zu", len);
        cr_expect(*why.text);
    }
    mr_buf_char(&packed, 0);
    cr_assert_eq(mr_record_unpack(mr_buf_all(&packed), &arena, &got, &why), MR_INVALID);
    mr_buf_free(&packed);
}

Test(record, given_counts_and_lengths_that_lie_then_invalid_without_much_memory)
{
    static const char many[] = "\x01"
                               "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                               "\0\0\0\0\0\0\0\0"
                               "\xff\xff\xff\xfe";
    char bytes[sizeof many - 1];
    struct mr_record got;
    struct mr_error why;
    memcpy(bytes, many, sizeof bytes);
    cr_assert_eq(mr_record_unpack(mr_slice(bytes, sizeof bytes), &arena, &got, &why), MR_INVALID);
    cr_assert_eq(arena.used_bytes, 0);
    bytes[0] = 2;
    cr_assert_eq(mr_record_unpack(mr_slice(bytes, sizeof bytes), &arena, &got, &why), MR_INVALID);
    cr_assert(strstr(why.text, "version 2"), "%s", why.text);
    bytes[0] = 1;
    bytes[1] = (char)0x80;
    cr_assert_eq(mr_record_unpack(mr_slice(bytes, sizeof bytes), &arena, &got, &why), MR_INVALID);
    cr_assert(strstr(why.text, "negative"), "%s", why.text);
}

Test(record, given_too_little_room_then_limit_on_both_sides)
{
    struct mr_record r = sample(), got;
    struct mr_buf packed, small;
    struct mr_arena none;
    mr_buf_init(&small, 20);
    cr_assert_eq(mr_record_pack(&r, &small), MR_LIMIT);
    mr_buf_free(&small);
    mr_buf_init(&packed, 0);
    cr_assert_eq(mr_record_pack(&r, &packed), MR_OK);
    mr_arena_init(&none, 0);
    cr_assert_eq(mr_record_unpack(mr_buf_all(&packed), &none, &got, NULL), MR_LIMIT);
    mr_arena_free(&none);
    mr_buf_free(&packed);
}
