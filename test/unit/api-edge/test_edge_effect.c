/* What a client that waited is told of each outcome, with Postgres away from the resource. */
#include "edge_effect.h"

#include "edge_bed.h"
#include <criterion/criterion.h>

#define ID      "82060302-fb8f-5b12-bde9-313a9326ddf7"
#define INVOICE "/v1/accounts/" BED_ACCOUNT "/invoices/" ID
#define RECEIPT "/v1/accounts/" BED_ACCOUNT "/commands/" ID "?at=billing-7-90210"

static struct bed bed;
static const char *type;
static struct edge_outcome outcome;
static bool replayed;

static void setup(void)
{
    bed_open(&bed, &(struct command_submit_settings){0});
}
static void teardown(void)
{
    bed_close(&bed);
}
TestSuite(edge_effect, .init = setup, .fini = teardown);

static void tell(struct mr_http_exchange *x, struct bed *b)
{
    struct edge_request *r =
        edge_request_new(&b->edge, x, edge_route_of_own(b->edge.stats, EDGE_ROUTE_OTHER));
    struct edge_effect *effect = mr_arena_alloc(x->arena, sizeof *effect);
    cr_assert(effect);
    *effect = (struct edge_effect){
        .command = mr_catalog_command_of(b->catalog, mr_slice_text(type)),
        .receipt = {.domain = "billing", .lane = 7, .position = 90210},
        .has_receipt = true,
        .replayed = replayed,
    };
    cr_assert(effect->command);
    cr_assert_eq(mr_uuid_parse(mr_slice_text(BED_ACCOUNT), &r->account), MR_OK);
    cr_assert_eq(mr_uuid_parse(mr_slice_text(ID), &effect->id), MR_OK);
    effect->subject = effect->resource_id = effect->id;
    edge_effect_answer(r, effect, &outcome);
}

static const char *told(const char *of, struct edge_outcome what)
{
    bed.handler = tell;
    type = of;
    outcome = what;
    return bed_get(&bed, "/", "Prefer: wait=5\r\n");
}

static bool has(const char *reply, const char *text)
{
    return strstr(reply, text) != NULL;
}

Test(edge_effect, given_a_thing_that_was_made_but_cannot_be_read_then_201_says_where_it_is)
{
    const char *reply = told("billing.invoice.create",
                             (struct edge_outcome){.kind = EDGE_APPLIED, .decided_ms = 1});
    cr_expect(has(reply, "HTTP/1.1 201 "), "%s", reply);
    cr_expect(has(reply, "\r\nLocation: " INVOICE "\r\n"));
    cr_expect(has(reply, "\r\nContent-Location: " RECEIPT "\r\n"));
    cr_expect(has(reply, "\"status\":\"applied\""));
    cr_expect(has(reply, "Preference-Applied: wait=5\r\n"));
}

Test(edge_effect, given_a_thing_that_was_changed_but_cannot_be_read_then_200_has_the_receipt)
{
    replayed = true;
    const char *reply =
        told("billing.invoice.finalize", (struct edge_outcome){.kind = EDGE_APPLIED});
    cr_expect(has(reply, "HTTP/1.1 200 "), "%s", reply);
    cr_expect_not(has(reply, "\r\nLocation: "));
    cr_expect(has(reply, "\r\nContent-Location: " RECEIPT "\r\n"));
    cr_expect(has(reply, "Idempotent-Replayed: true\r\n"));
}

static const struct {
    enum edge_outcome_kind kind;
    const char *status, *want;
} others[] = {
    {EDGE_PARKED, "HTTP/1.1 202 ", "\"status\":\"parked\""},
    {EDGE_QUARANTINED, "HTTP/1.1 202 ", "\"status\":\"quarantined\""},
    {EDGE_AHEAD, "HTTP/1.1 202 ", "\r\nLocation: " RECEIPT "\r\n"},
    {EDGE_NO_ROW, "HTTP/1.1 202 ", "\"status\":\"accepted\""},
    {EDGE_CONFLICT, "HTTP/1.1 422 ", "/problems/key-reused\""},
    {EDGE_REJECTED, "HTTP/1.1 409 ", "/problems/overpaid\""},
};

Test(edge_effect, given_any_other_outcome_then_its_status_is_told_and_nothing_is_said_to_be_made)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const char *reply = told(
            "billing.payment.record",
            (struct edge_outcome){.kind = others[i].kind, .problem = mr_slice_text("overpaid")});
        cr_expect(has(reply, others[i].status), "row %zu: %s", i, reply);
        cr_expect(has(reply, others[i].want), "row %zu: %s", i, reply);
        cr_expect_not(has(reply, "/payments/" ID "\r\n"), "row %zu: %s", i, reply);
    }
}
