/* Ids of the items of a batch and of an import. */
#include "command_id.h"

#include <criterion/criterion.h>

#define ACCOUNT "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"

static void expect_id(const char *key, uint64_t n, const char *want)
{
    struct mr_uuid account;
    char text[MR_UUID_TEXT + 1];
    cr_assert_eq(mr_uuid_parse(mr_slice_text(ACCOUNT), &account), MR_OK);
    struct mr_uuid id = command_id_of_item(&account, "logging", mr_slice_text(key), n);
    cr_expect_str_eq(mr_uuid_text(&id, text), want);
}

Test(command_id, given_a_key_and_a_number_then_the_id_is_always_the_same)
{
    expect_id("order-1", 1, "12ce101b-4624-503e-a661-0ee387a7d03d");
    expect_id("order-1", 2, "237ab255-cb8a-59b2-9733-242e8704bf96");
}

Test(command_id, given_a_key_that_is_a_uuid_then_it_is_a_key_like_any_other)
{
    expect_id(ACCOUNT, 1, "fc7b3c0e-bc73-5937-a227-362ff3343386");
}

Test(command_id, given_the_longest_key_and_number_then_they_fit)
{
    char key[COMMAND_KEY_BYTES_MAX + 1];
    struct mr_uuid account = {.bytes = {1}};
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    struct mr_uuid id = command_id_of_item(&account, "logging", mr_slice_text(key), UINT64_MAX);
    cr_expect_eq(id.bytes[6] >> 4, 5);
}
