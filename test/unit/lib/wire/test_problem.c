#include "mr_json.h"
#include "mr_problem.h"

#include <criterion/criterion.h>

Test(problem, given_the_table_then_it_is_in_order_and_each_is_found)
{
    for (size_t i = 0; i < mr_problem_count(); i++) {
        const struct mr_problem_type *t = mr_problem_at(i);
        if (i)
            cr_expect_lt(strcmp(mr_problem_at(i - 1)->name, t->name), 0, "%s", t->name);
        cr_expect_eq(mr_problem_find(mr_slice_text(t->name)), t);
        cr_expect(t->status >= 400 && t->status <= 599 && *t->title && *t->description);
    }
    cr_assert_null(mr_problem_find(mr_slice_text("malforme")));
    cr_assert_null(mr_problem_find(mr_slice_text("malformedd")));
    cr_assert_null(mr_problem_find(mr_slice_text("")));
    cr_assert_null(mr_problem_find(mr_slice(NULL, 0)));
}

/* The outer contract: clients tell these apart by name. */
static const struct {
    const char *name;
    int32_t status;
} contract[] = {
    {"malformed", 400},
    {"unauthenticated", 401},
    {"forbidden", 403},
    {"not-found", 404},
    {"method-not-allowed", 405},
    {"gone", 410},
    {"ambiguous", 409},
    {"too-large", 413},
    {"unsupported-media-type", 415},
    {"rate-limited", 429},
    {"not-accepted", 503},
    {"unavailable", 503},
    {"outcome-unknown", 504},
    {"invalid-body", 422},
    {"key-reused", 422},
    {"already-exists", 409},
    {"event-too-large", 422},
    {"dropped", 409},
};

Test(problem, given_the_contract_then_each_name_has_its_status)
{
    for (size_t i = 0; i < sizeof contract / sizeof *contract; i++) {
        const struct mr_problem_type *t = mr_problem_find(mr_slice_text(contract[i].name));
        cr_assert(t, "%s", contract[i].name);
        cr_expect_eq(t->status, contract[i].status, "%s", contract[i].name);
    }
}

Test(problem, given_a_status_of_the_parser_then_a_type_has_it)
{
    static const int32_t statuses[] = {400, 404, 405, 408, 411, 413, 414,
                                       415, 417, 431, 500, 501, 503, 505};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        cr_expect_eq(mr_problem_of_status(statuses[i])->status, statuses[i]);
    cr_assert_str_eq(mr_problem_of_status(400)->name, "malformed");
    cr_assert_str_eq(mr_problem_of_status(503)->name, "unavailable");
    cr_assert_str_eq(mr_problem_of_status(799)->name, "internal");
}

Test(problem, given_little_then_absent_members_are_left_out)
{
    struct mr_problem p = mr_problem_of(mr_problem_find(mr_slice_text("gone")), mr_slice(NULL, 0));
    struct mr_buf out;
    mr_buf_init(&out, 0);
    mr_problem_write(&p, &out);
    cr_assert(mr_slice_is(mr_buf_all(&out), "{\"type\":\"/problems/gone\","
                                            "\"title\":\"No longer known\",\"status\":410}"));
    mr_buf_free(&out);
}

Test(problem, given_everything_then_the_document_is_json_and_pointers_are_fragments)
{
    const struct mr_problem_error errors[] = {
        {mr_slice_text("/lines/0/quantity"), mr_slice_text("must be at least 1")},
        {mr_slice_text(""), mr_slice_text("lacks \"customer\"")},
        {mr_slice_text("/a~1b/\xC3\xA9 \"%"), mr_slice_text("x")},
    };
    struct mr_problem p = {.name = mr_slice_text("invalid-body"),
                           .title = mr_slice_text("T"),
                           .status = 422,
                           .detail = mr_slice_text("2 things\nare wrong"),
                           .instance = mr_slice_text("/v1/x"),
                           .errors = errors,
                           .error_count = 3,
                           .id = mr_slice_text("an-id"),
                           .location = mr_slice_text("/v1/y")};
    struct mr_buf out;
    json_t *json;
    mr_buf_init(&out, 0);
    mr_problem_write(&p, &out);
    cr_assert_eq(mr_json_parse(mr_buf_all(&out), &json, NULL), MR_OK);
    cr_assert_eq(json_object_size(json), 8);
    cr_assert_str_eq(json_string_value(json_object_get(json, "detail")), "2 things\nare wrong");
    cr_assert_str_eq(json_string_value(json_object_get(json, "instance")), "/v1/x");
    cr_assert_str_eq(json_string_value(json_object_get(json, "id")), "an-id");
    cr_assert_str_eq(json_string_value(json_object_get(json, "location")), "/v1/y");
    static const char *const pointers[] = {"#/lines/0/quantity", "#", "#/a~1b/%C3%A9%20%22%25"};
    for (size_t i = 0; i < 3; i++) {
        json_t *e = json_array_get(json_object_get(json, "errors"), i);
        cr_expect_str_eq(json_string_value(json_object_get(e, "pointer")), pointers[i]);
        cr_expect(json_object_get(e, "detail"));
    }
    json_decref(json);
    mr_buf_free(&out);
}
