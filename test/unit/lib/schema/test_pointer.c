#include "mr_pointer.h"
#include <criterion/criterion.h>

/* The examples of RFC 6901, section 5. */
static const char document[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"m~n\":8,"
                               "\"deep\":{\"list\":[[1],[2,{\"x\":9}]]}}";

static const struct {
    const char *pointer, *want; /* NULL: nothing there */
} rows[] = {
    {"/foo/0", "\"bar\""},
    {"/foo", "[\"bar\",\"baz\"]"},
    {"/", "0"},
    {"/a~1b", "1"},
    {"/c%d", "2"},
    {"/m~0n", "8"},
    {"/deep/list/1/1/x", "9"},
    {"/foo/2", NULL},
    {"/foo/-", NULL},
    {"/foo/00", NULL},
    {"/foo/01", NULL},
    {"/foo/18446744073709551616", NULL},
    {"/foo/bar", NULL},
    {"/foo/0/x", NULL},
    {"/none", NULL},
    {"foo", NULL},
    {"/m~n", NULL},
    {"/m~", NULL},
};

Test(pointer, given_the_examples_of_the_rfc_then_they_are_found_and_nothing_else)
{
    json_t *root = json_loads(document, 0, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *got = mr_pointer_get(mr_slice_text(rows[i].pointer), root);
        char *text = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        if (rows[i].want)
            cr_expect_str_eq(text ? text : "(nothing)", rows[i].want, "%s", rows[i].pointer);
        else
            cr_expect_null(got, "%s", rows[i].pointer);
        free(text);
    }
    cr_assert_eq(mr_pointer_get(mr_slice_text(""), root), root);
    json_decref(root);
}

Test(pointer, given_a_pointer_too_deep_then_it_is_refused)
{
    char text[2 * (MR_POINTER_DEPTH_MAX + 1)];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? 'a' : '/';
    struct mr_pointer p;
    cr_assert_eq(mr_pointer_parse(mr_slice(text, sizeof text), &p), MR_INVALID);
    cr_assert_eq(mr_pointer_parse(mr_slice(text, sizeof text - 2), &p), MR_OK);
    cr_assert_eq(p.count, MR_POINTER_DEPTH_MAX);
    mr_pointer_free(&p);
}

Test(pointer, given_a_token_with_signs_then_what_is_appended_reads_back)
{
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    mr_pointer_append(&buf, mr_slice_text("a/b~c"));
    mr_pointer_append_index(&buf, 12);
    cr_assert(mr_slice_is(mr_buf_all(&buf), "/a~1b~0c/12"));
    struct mr_pointer p;
    cr_assert_eq(mr_pointer_parse(mr_buf_all(&buf), &p), MR_OK);
    cr_assert_eq(p.count, 2);
    cr_assert_str_eq(p.tokens[0], "a/b~c");
    cr_assert_str_eq(p.tokens[1], "12");
    mr_pointer_free(&p);
    mr_buf_free(&buf);
}
