#include "mr_schema_uri.h"
#include <criterion/criterion.h>

/* RFC 3986, section 5.4, without fragments, and the plain names that millrace uses. */
static const struct {
    const char *base, *ref, *want;
} rows[] = {
    {"http://a/b/c/d;p?q", "g:h", "g:h"},
    {"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
    {"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
    {"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"},
    {"http://a/b/c/d;p?q", "/g", "http://a/g"},
    {"http://a/b/c/d;p?q", "//g", "http://g"},
    {"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
    {"http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y"},
    {"http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"},
    {"http://a/b/c/d;p?q", ".", "http://a/b/c/"},
    {"http://a/b/c/d;p?q", "..", "http://a/b/"},
    {"http://a/b/c/d;p?q", "../g", "http://a/b/g"},
    {"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
    {"http://a/b/c/d;p?q", "/../g", "http://a/g"},
    {"http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y"},
    {"http://a", "g", "http://a/g"},
    {"billing.invoice.create", "billing.defs", "billing.defs"},
    {"billing.invoice.create", "", "billing.invoice.create"},
    {"billing/invoice.json", "../shared/defs.json", "shared/defs.json"},
    {"urn:example:a", "urn:example:b", "urn:example:b"},
};

Test(schema_uri, given_the_examples_of_the_rfc_then_they_resolve)
{
    struct mr_arena arena;
    mr_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got =
            mr_schema_uri_resolve(&arena, mr_slice_text(rows[i].base), mr_slice_text(rows[i].ref));
        cr_expect_str_eq(got, rows[i].want, "%s + %s = %s", rows[i].base, rows[i].ref, got);
    }
    mr_arena_free(&arena);
}

Test(schema_uri, given_a_fragment_then_it_is_split_off_and_decoded)
{
    struct mr_arena arena;
    mr_arena_init(&arena, 1 << 16);
    struct mr_slice fragment, uri = mr_schema_uri_split("a.b#/x%20y/%C3%A9", &fragment);
    cr_assert(mr_slice_is(uri, "a.b"));
    cr_assert_str_eq(mr_schema_uri_decode(&arena, fragment), "/x y/\xc3\xa9");
    cr_assert_null(mr_schema_uri_decode(&arena, mr_slice_text("/%2")));
    cr_assert_null(mr_schema_uri_decode(&arena, mr_slice_text("/%zz")));
    cr_assert_null(mr_schema_uri_decode(&arena, mr_slice_text("/%00")));
    mr_schema_uri_split("a.b", &fragment);
    cr_assert_null(fragment.data);
    mr_arena_free(&arena);
}
