#include "mr_digest.h"
#include "mr_uuid.h"

#include <criterion/criterion.h>

static const char account_text[] = "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10";

static struct mr_uuid uuid(const char *text)
{
    struct mr_uuid id = {0};
    cr_assert_eq(mr_uuid_parse(mr_slice_text(text), &id), MR_OK, "%s", text);
    return id;
}

Test(uuid, given_the_designs_vector_then_the_key_order_1_gives_its_id)
{
    struct mr_uuid account = uuid(account_text);
    char text[MR_UUID_TEXT + 1];
    struct mr_uuid id = mr_uuid_of_key(&account, "billing", mr_slice_text("order-1"));
    cr_assert_str_eq(mr_uuid_text(&id, text), "82060302-fb8f-5b12-bde9-313a9326ddf7");
}

Test(uuid, given_a_key_that_is_a_uuid_in_capitals_then_it_is_the_id)
{
    struct mr_uuid account = uuid(account_text), want = uuid("82060302-fb8f-7b12-bde9-313a9326ddf7");
    struct mr_uuid id = mr_uuid_of_key(&account, "billing",
                                       mr_slice_text("82060302-FB8F-7B12-BDE9-313A9326DDF7"));
    cr_assert(mr_uuid_equal(&id, &want));
}

Test(uuid, given_time_and_bits_then_v7_carries_them_and_sorts_by_time)
{
    uint8_t bits[10] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct mr_uuid a = mr_uuid_v7(1764000000000, bits), b = mr_uuid_v7(1764000000001, (uint8_t[10]){0});
    int64_t ms = 0;
    cr_assert(mr_uuid_v7_time(&a, &ms));
    cr_assert_eq(ms, 1764000000000);
    cr_assert_eq(a.bytes[6], 0x7f);
    cr_assert_eq(a.bytes[8], 0xbf);
    cr_assert_lt(mr_uuid_compare(&a, &b), 0);
    struct mr_uuid v5 = uuid("82060302-fb8f-5b12-bde9-313a9326ddf7");
    cr_assert_not(mr_uuid_v7_time(&v5, &ms));
}

Test(uuid, given_what_is_not_one_uuid_then_it_is_invalid)
{
    static const char *const bad[] = {"", "3f0d9c1e5a527c118b7d0a4c6b2d9e10",
                                      "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e1",
                                      "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e100",
                                      "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e1g",
                                      "3f0d9c1e-5a52-7c11-8b7d_0a4c6b2d9e10",
                                      "{f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mr_uuid id;
        cr_expect_eq(mr_uuid_parse(mr_slice_text(bad[i]), &id), MR_INVALID, "%s", bad[i]);
    }
}

Test(digest, given_parts_that_join_alike_then_their_hashes_differ)
{
    struct mr_digest a = mr_digest_command(mr_slice_text("ab"), mr_slice_text("c"), mr_slice_text("")),
                     b = mr_digest_command(mr_slice_text("a"), mr_slice_text("bc"), mr_slice_text(""));
    cr_assert_neq(memcmp(a.bytes, b.bytes, sizeof a.bytes), 0);
}
