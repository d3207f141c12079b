#include "edge_token.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

#define ID     "3f0d9c1e5a527c118b7d0a4c6b2d9e10"
#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* bytes 0 to 31 */

static enum mr_status parse(const char *text, struct edge_token *token)
{
    return edge_token_parse(mr_slice_text(text), token);
}

Test(edge_token, given_a_key_then_its_id_and_the_hash_of_its_secret_are_read)
{
    struct edge_token token;
    struct mr_digest want;
    unsigned char secret[32];
    char id[MR_UUID_TEXT + 1];
    for (unsigned char i = 0; i < sizeof secret; i++)
        secret[i] = i;
    crypto_generichash(want.bytes, sizeof want.bytes, secret, sizeof secret, NULL, 0);
    cr_assert_eq(parse("Bearer mr_" ID "_" SECRET, &token), MR_OK);
    cr_assert_str_eq(mr_uuid_text(&token.key_id, id), "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10");
    cr_assert(edge_token_is(&token, &want));
    want.bytes[31] ^= 1;
    cr_assert_not(edge_token_is(&token, &want));
}

Test(edge_token, given_the_scheme_in_any_case_and_spaces_after_it_then_it_is_taken)
{
    struct edge_token token;
    cr_assert_eq(parse("bearer mr_" ID "_" SECRET, &token), MR_OK);
    cr_assert_eq(parse("BEARER   mr_" ID "_" SECRET, &token), MR_OK);
}

static const char *const bad[] = {
    "",
    "Bearer",
    "Bearer ",
    "Basic bXI6eA==",
    "mr_" ID "_" SECRET,
    "Bearer mr_" ID "_",
    "Bearer mr_" ID "-" SECRET,
    "Bearer xx_" ID "_" SECRET,
    "Bearer mr_" ID "_" SECRET "A",
    "Bearer mr_" ID "_" SECRET " ",
    "Bearer mr_" ID "_" SECRET "=",
    "Bearer mr_3f0d9c1e5a527c118b7d0a4c6b2d9e1z_" SECRET,
    "Bearer mr_" ID "_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", /* bits beyond the last byte */
    "Bearer mr_" ID "_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd+h8", /* not the URL alphabet */
};

Test(edge_token, given_anything_else_then_it_is_refused)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct edge_token token;
        cr_expect_eq(parse(bad[i], &token), MR_INVALID, "row %zu: %s", i, bad[i]);
    }
}
