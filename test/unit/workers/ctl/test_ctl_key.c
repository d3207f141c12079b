#include "ctl_key.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

static const char known_id[] = "01a2120d-a1bc-7afc-93d4-5468d0fdbc3c";

static struct mr_uuid uuid(const char *text)
{
    struct mr_uuid id;
    cr_assert_eq(mr_uuid_parse(mr_slice_text(text), &id), MR_OK);
    return id;
}

Test(ctl_key, given_id_and_secret_then_the_text_is_as_the_edge_reads_it)
{
    uint8_t secret[CTL_KEY_SECRET];
    char text[CTL_KEY_TEXT + 1];
    struct mr_uuid id = uuid(known_id);
    memset(secret, 0xff, sizeof secret);
    ctl_key_text(&id, secret, text);
    cr_assert_str_eq(text, "mr_01a2120da1bc7afc93d45468d0fdbc3c_"
                           "__________________________________________8");
}

Test(ctl_key, given_a_secret_then_its_hash_is_blake2b_of_the_bytes_alone)
{
    /* BLAKE2b-256 of 32 zero bytes, by another implementation. */
    static const char want[] = "89eb0d6a8a691dae2cd15ed0369931ce0a949ecafa5c3f93f8121833646e15c3";
    uint8_t secret[CTL_KEY_SECRET] = {0};
    struct mr_digest hash = ctl_key_hash(secret);
    char hex[65];
    sodium_bin2hex(hex, sizeof hex, hash.bytes, sizeof hash.bytes);
    cr_assert_str_eq(hex, want);
}

Test(ctl_key, given_what_is_known_of_a_key_then_its_id)
{
    static const struct {
        const char *text;
        enum mr_status want;
    } rows[] = {
        {"01a2120d-a1bc-7afc-93d4-5468d0fdbc3c", MR_OK},
        {"01A2120DA1BC7AFC93D45468D0FDBC3C", MR_OK},
        {"mr_01a2120da1bc7afc93d45468d0fdbc3c", MR_OK},
        {"mr_01a2120da1bc7afc93d45468d0fdbc3c_jIDWE3kyPf", MR_OK},
        {"mr_01a2120da1bc7afc93d45468d0fdbc3cjIDWE3kyPf", MR_INVALID},
        {"mr_01a2120da1bc7afc93d45468d0fdbc3", MR_INVALID},
        {"mr_", MR_INVALID},
        {"", MR_INVALID},
        {"01a2120da1bc7afc93d45468d0fdbc3g", MR_INVALID},
    };
    struct mr_uuid want = uuid(known_id);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_uuid id;
        cr_expect_eq(ctl_key_id(mr_slice_text(rows[i].text), &id), rows[i].want, "%s",
                     rows[i].text);
        if (rows[i].want == MR_OK)
            cr_expect(mr_uuid_equal(&id, &want), "%s", rows[i].text);
    }
}

Test(ctl_key, given_scopes_then_each_once_and_of_two_names)
{
    static const struct {
        const char *text;
        size_t count;
        const char *says;
    } rows[] = {
        {"billing:read", 1, ""},
        {"billing:read,billing:write,logging:search-all", 3, ""},
        {"", 0, "\"\" is not a scope"},
        {"billing", 0, "\"billing\" is not a scope"},
        {"billing:read,", 0, "\"\" is not a scope"},
        {"billing:Read", 0, "is not a scope"},
        {"billing:read, billing:write", 0, "\" billing:write\" is not a scope"},
        {"billing:read,billing:read", 0, "billing:read is given twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_slice out[CTL_KEY_SCOPES_MAX];
        struct mr_error why = {""};
        size_t count = 0;
        enum mr_status want = rows[i].count ? MR_OK : MR_INVALID;
        cr_expect_eq(ctl_key_scopes(mr_slice_text(rows[i].text), out, &count, &why), want, "%s",
                     rows[i].text);
        cr_expect_eq(count, rows[i].count);
        cr_expect(strstr(why.text, rows[i].says), "%s: %s", rows[i].text, why.text);
    }
}

Test(ctl_key, given_more_scopes_than_the_edge_looks_at_then_refused)
{
    struct mr_slice out[CTL_KEY_SCOPES_MAX];
    struct mr_error why;
    size_t count;
    char text[2048] = "";
    for (int i = 0; i <= CTL_KEY_SCOPES_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%sa:b%d", i ? "," : "", i);
    cr_assert_eq(ctl_key_scopes(mr_slice_text(text), out, &count, &why), MR_INVALID);
    cr_assert(strstr(why.text, "at most 64"), "%s", why.text);
}
