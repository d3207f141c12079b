#include "catalog_fixture.h"
#include <criterion/criterion.h>

#define A "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define I "0197a6c4-7c00-7000-8000-000000000001"

static const struct {
    const char *method, *path;
    enum mr_catalog_found found;
    const char *type, *kind; /* of what is found */
    const char *account, *subject, *id;
} rows[] = {
    {"POST", "/v1/accounts/" A "/invoices", MR_ROUTE_FOUND, "billing.invoice.create", "command", A},
    {"GET", "/v1/accounts/" A "/invoices", MR_ROUTE_FOUND, "billing.invoice", "list", A},
    {"HEAD", "/v1/accounts/" A "/invoices", MR_ROUTE_FOUND, "billing.invoice", "list", A},
    {"GET", "/v1/accounts/" A "/invoices/" I, MR_ROUTE_FOUND, "billing.invoice", "item", A, NULL,
     I},
    {"POST", "/v1/accounts/" A "/invoices/" I "/finalize", MR_ROUTE_FOUND,
     "billing.invoice.finalize", "command", A, I},
    {"GET", "/v1/accounts/x%20y/payments/none", MR_ROUTE_FOUND, "billing.payment", "item", "x%20y",
     NULL, "none"},
    {"DELETE", "/v1/accounts/" A "/invoices", MR_ROUTE_OTHER_METHOD},
    {"post", "/v1/accounts/" A "/invoices", MR_ROUTE_OTHER_METHOD},
    {"GET", "/v1/accounts/" A "/invoices/" I "/finalize", MR_ROUTE_OTHER_METHOD},
    {"GET", "/v1/accounts/" A, MR_ROUTE_NONE},
    {"GET", "/v1/accounts/" A "/invoices/", MR_ROUTE_NONE},
    {"GET", "/v1/accounts//invoices", MR_ROUTE_NONE},
    {"GET", "/v1/accounts/" A "/invoices/" I "/finalize/x", MR_ROUTE_NONE},
    {"GET", "/", MR_ROUTE_NONE},
    {"GET", "", MR_ROUTE_NONE},
    {"GET", "v1/accounts/" A "/invoices", MR_ROUTE_NONE},
    {"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", MR_ROUTE_NONE},
};

static const char *slice_text(struct mr_slice s, char *out)
{
    sprintf(out, "%.*s", MR_SLICE_FMT(s));
    return s.data ? out : "(absent)";
}

static void expect(const struct mr_catalog_match *m, size_t i)
{
    char text[128];
    const char *absent = "(absent)";
    cr_expect_eq(!!m->command + !!m->item + !!m->list, 1, "%s", rows[i].path);
    const char *type = m->command ? m->command->type : m->item ? m->item->type : m->list->type;
    const char *kind = m->command ? "command" : m->item ? "item" : "list";
    cr_expect_str_eq(type, rows[i].type);
    cr_expect_str_eq(kind, rows[i].kind, "%s", rows[i].path);
    cr_expect_str_eq(slice_text(m->account, text), rows[i].account ? rows[i].account : absent);
    cr_expect_str_eq(slice_text(m->subject, text), rows[i].subject ? rows[i].subject : absent);
    cr_expect_str_eq(slice_text(m->id, text), rows[i].id ? rows[i].id : absent);
}

Test(catalog_routes, given_a_path_then_its_route_is_found_with_what_it_captures)
{
    struct mr_catalog *c = real_catalog();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mr_catalog_match m;
        enum mr_catalog_found found =
            mr_catalog_match(c, mr_slice_text(rows[i].method), mr_slice_text(rows[i].path), &m);
        cr_expect_eq(found, rows[i].found, "%s %s", rows[i].method, rows[i].path);
        if (found == MR_ROUTE_FOUND)
            expect(&m, i);
    }
    mr_catalog_free(c);
}

Test(catalog_routes, given_another_method_then_the_path_tells_which_there_are)
{
    struct mr_catalog *c = real_catalog();
    struct mr_catalog_match m;
    struct mr_buf allow;
    mr_buf_init(&allow, 0);
    mr_catalog_match(c, mr_slice_text("PUT"), mr_slice_text("/v1/accounts/a/invoices"), &m);
    mr_catalog_allow(m.methods, &allow);
    cr_assert(mr_slice_is(mr_buf_all(&allow), "GET, HEAD, POST"));
    mr_buf_reset(&allow);
    mr_catalog_match(c, mr_slice_text("GET"), mr_slice_text("/v1/accounts/a/invoices/b/finalize"),
                     &m);
    mr_catalog_allow(m.methods, &allow);
    cr_assert(mr_slice_is(mr_buf_all(&allow), "POST"));
    mr_buf_free(&allow);
    mr_catalog_free(c);
}

Test(catalog_routes, given_a_literal_beside_a_parameter_then_it_goes_first_and_both_are_reached)
{
    struct mr_error why;
    struct folder folder = folder_read();
    folder_put(&folder, "billing/note.send.json",
               "{\"title\":\"t\",\"x-command\":{\"type\":\"billing.note.send\",\"scope\":\"a:b\","
               "\"route\":\"POST /v1/accounts/{account}/invoices/all/notes\"}}");
    struct mr_catalog *c = folder_build(folder, &why);
    cr_assert_not_null(c, "%s", why.text);
    struct mr_catalog_match m;
    cr_assert_eq(mr_catalog_match(c, mr_slice_text("POST"),
                                  mr_slice_text("/v1/accounts/a/invoices/all/notes"), &m),
                 MR_ROUTE_FOUND);
    cr_assert_str_eq(m.command->type, "billing.note.send");
    cr_assert_null(m.subject.data);
    /* "all" is an invoice's name here, as nothing else is at this path. */
    cr_assert_eq(mr_catalog_match(c, mr_slice_text("POST"),
                                  mr_slice_text("/v1/accounts/a/invoices/all/finalize"), &m),
                 MR_ROUTE_FOUND);
    cr_assert_str_eq(m.command->type, "billing.invoice.finalize");
    cr_assert(mr_slice_is(m.subject, "all"));
    mr_catalog_free(c);
}

Test(catalog_routes, given_a_route_then_its_url_is_filled_in)
{
    struct mr_catalog *c = real_catalog();
    struct mr_uuid account, id;
    struct mr_buf url;
    mr_buf_init(&url, 0);
    cr_assert_eq(mr_uuid_parse(mr_slice_text(A), &account), MR_OK);
    cr_assert_eq(mr_uuid_parse(mr_slice_text(I), &id), MR_OK);
    const struct mr_catalog_resource *r =
        mr_catalog_resource_of(c, mr_slice_text("billing.invoice"));
    mr_catalog_url(&r->item, &account, &id, &url);
    cr_assert(mr_slice_is(mr_buf_all(&url), "/v1/accounts/" A "/invoices/" I));
    mr_buf_reset(&url);
    mr_catalog_url(&r->list, &account, NULL, &url);
    cr_assert(mr_slice_is(mr_buf_all(&url), "/v1/accounts/" A "/invoices"));
    mr_buf_free(&url);
    mr_catalog_free(c);
}
