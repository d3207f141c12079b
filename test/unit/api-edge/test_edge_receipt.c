#include "edge_receipt_json.h"

#include "edge_bed.h"
#include <criterion/criterion.h>

static struct mr_uuid uuid_of(const char *text)
{
    struct mr_uuid id;
    cr_assert_eq(mr_uuid_parse(mr_slice_text(text), &id), MR_OK);
    return id;
}

#define ACCOUNT "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define ID      "82060302-fb8f-5b12-bde9-313a9326ddf7"
#define SUBJECT "0a4c6b2d-5a52-7c11-8b7d-0a4c6b2d9e10"
#define SELF    "/v1/accounts/" ACCOUNT "/commands/" ID

static const struct mr_receipt at = {.domain = "billing", .lane = 7, .position = 90210};

static void expect_receipt(const struct edge_receipt *receipt, const char *want)
{
    struct mr_buf out;
    mr_buf_init(&out, 4096);
    edge_receipt_write(receipt, &out);
    mr_buf_char(&out, '\0');
    cr_expect_str_eq(out.data, want);
    mr_buf_free(&out);
}

Test(edge_receipt, given_what_is_known_then_that_alone_is_said)
{
    struct mr_uuid account = uuid_of(ACCOUNT), id = uuid_of(ID), subject = uuid_of(SUBJECT);
    const struct mr_catalog_segment segments[] = {{MR_SEGMENT_LITERAL, "invoices"},
                                                  {MR_SEGMENT_ID, NULL}};
    const struct mr_catalog_resource resource = {
        .item = {.path = "/invoices/{id}", .segments = segments, .segment_count = 2}};
    struct edge_receipt receipt = {.account = &account,
                                   .id = &id,
                                   .at = &at,
                                   .status = "accepted",
                                   .commands_ahead = 3,
                                   .applied_ms = -1};
    expect_receipt(&receipt,
                   "{\"id\":\"" ID "\",\"status\":\"accepted\",\"at\":\"billing-7-90210\","
                   "\"links\":{\"self\":\"" SELF "?at=billing-7-90210\"},"
                   "\"commands_ahead\":3}");
    receipt.status = "applied";
    receipt.type = mr_slice_text("billing.invoice.finalize");
    receipt.subject = receipt.resource_id = &subject;
    receipt.resource = &resource;
    receipt.commands_ahead = -1;
    receipt.applied_ms = 1764059943123;
    receipt.at = NULL;
    expect_receipt(&receipt,
                   "{\"id\":\"" ID "\",\"type\":\"billing.invoice.finalize\","
                   "\"status\":\"applied\",\"subject\":\"" SUBJECT "\",\"links\":{\"self\":\"" SELF
                   "\",\"resource\":\"/invoices/" SUBJECT "\"},"
                   "\"applied_at\":\"2025-11-25T08:39:03.123Z\"}");
}

Test(edge_receipt, given_the_errors_of_a_rejection_then_each_is_read_however_its_pointer_is_kept)
{
    struct mr_catalog *catalog = bed_catalog();
    struct edge_outcome outcome = {
        .kind = EDGE_REJECTED,
        .problem = mr_slice_text("invalid-body"),
        .detail = mr_slice_text("It is odd."),
        .errors = mr_slice_text("[{\"pointer\":\"/a/0\",\"detail\":\"one\"},"
                                "{\"pointer\":\"#/b\",\"detail\":\"two\"},{\"detail\":\"three\"}]"),
    };
    struct mr_problem problem;
    struct mr_arena arena;
    mr_arena_init(&arena, 65536);
    edge_rejection(catalog, &outcome, &arena, &problem);
    cr_assert_eq(problem.error_count, 3);
    cr_expect(mr_slice_is(problem.errors[0].pointer, "/a/0"));
    cr_expect(mr_slice_is(problem.errors[1].pointer, "/b"));
    cr_expect(mr_slice_is(problem.errors[2].pointer, ""));
    cr_expect(mr_slice_is(problem.errors[2].detail, "three"));
    cr_expect(mr_slice_is(problem.detail, "It is odd."));
    cr_expect_eq(problem.status, 422);
    outcome.problem = mr_slice_text("of-a-newer-worker");
    edge_rejection(catalog, &outcome, &arena, &problem);
    cr_expect_eq(problem.status, 409, "what no schema here declares");

    static const char *const odd[] = {"", "{}", "[", "[]", "null"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        outcome.errors = mr_slice_text(odd[i]);
        edge_rejection(catalog, &outcome, &arena, &problem);
        cr_expect_eq(problem.error_count, 0, "row %zu", i);
    }
    mr_arena_free(&arena);
    mr_catalog_free(catalog);
}
