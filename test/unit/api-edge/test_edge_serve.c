/* Requests through the real server: what clients are told of a command, and what the log gets. */
#include "edge_bed.h"

#include "edge_wait.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct bed bed;

static void setup(void)
{
    bed_open(&bed, &(struct command_submit_settings){0});
}
static void teardown(void)
{
    bed_close(&bed);
}
TestSuite(edge_serve, .init = setup, .fini = teardown);

#define INVOICES "/v1/accounts/" BED_ACCOUNT "/invoices"

static bool has(const char *reply, const char *text)
{
    return strstr(reply, text) != NULL;
}

static bool begins(const char *reply, int status)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    return strncmp(reply, line, strlen(line)) == 0;
}

/* ---- what becomes of a command ---- */

Test(edge_serve, given_a_stored_command_then_202_has_its_receipt_and_the_log_its_bytes)
{
    const char *reply = bed_post(&bed, INVOICES, "Idempotency-Key: \"order-1\"\r\n", BED_INVOICE);
    cr_assert(begins(reply, 202), "%s", reply);
    cr_expect(has(reply, "Location: /v1/accounts/" BED_ACCOUNT
                         "/commands/82060302-fb8f-5b12-bde9-313a9326ddf7?at=billing-7-90210\r\n"));
    cr_expect(has(reply, "\"status\":\"accepted\""));
    cr_expect(has(reply, "\"at\":\"billing-7-90210\""));
    cr_expect(has(reply, "\"subject\":\"82060302-fb8f-5b12-bde9-313a9326ddf7\""));
    cr_expect(has(reply, "\"resource\":\"/v1/accounts/" BED_ACCOUNT
                         "/invoices/82060302-fb8f-5b12-bde9-313a9326ddf7\""));
    cr_expect_str_eq(bed.value, BED_INVOICE, "byte for byte");
    cr_expect_str_eq(bed.key, BED_ACCOUNT);
    cr_expect(has(bed.headers, "ce_type=billing.invoice.create\n"));
    cr_expect(has(bed.headers, "ce_id=82060302-fb8f-5b12-bde9-313a9326ddf7\n"));
    cr_expect(has(bed.headers, "ce_principal=3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10\n"));
    cr_expect_not(has(bed.headers, "AAECAwQF"), "no secret in the log");
}

Test(edge_serve, given_uuids_in_capitals_then_they_are_lower_case_in_the_log)
{
    const char *reply = bed_post(&bed,
                                 "/v1/accounts/3F0D9C1E-5A52-7C11-8B7D-0A4C6B2D9E10/invoices/"
                                 "82060302-FB8F-5B12-BDE9-313A9326DDF7/finalize",
                                 "Idempotency-Key: 0A4C6B2D-5A52-7C11-8B7D-0A4C6B2D9E10\r\n", "{}");
    cr_assert(begins(reply, 202), "%s", reply);
    cr_expect_str_eq(bed.key, BED_ACCOUNT);
    cr_expect(has(bed.headers, "ce_subject=82060302-fb8f-5b12-bde9-313a9326ddf7\n"));
    cr_expect(has(bed.headers, "ce_id=0a4c6b2d-5a52-7c11-8b7d-0a4c6b2d9e10\n"));
    cr_expect(has(bed.headers, "ce_source=/millrace/billing/accounts/" BED_ACCOUNT "\n"));
}

Test(edge_serve, given_a_command_that_was_not_stored_then_503_may_be_tried_again)
{
    bed.mode = BED_LOSES;
    const char *reply = bed_post(&bed, INVOICES, "", BED_INVOICE);
    cr_assert(begins(reply, 503), "%s", reply);
    cr_expect(has(reply, "/problems/not-accepted"));
    cr_expect(has(reply, "Retry-After: "));
    cr_expect_not(has(reply, "Location:"));
}

Test(edge_serve, given_a_command_that_may_be_stored_then_504_has_its_id_and_no_retry_after)
{
    bed.mode = BED_UNSURE;
    const char *reply = bed_post(&bed, INVOICES, "Idempotency-Key: order-1\r\n", BED_INVOICE);
    cr_assert(begins(reply, 504), "%s", reply);
    cr_expect(has(reply, "/problems/outcome-unknown"));
    cr_expect(has(reply, "\"id\":\"82060302-fb8f-5b12-bde9-313a9326ddf7\""));
    cr_expect(has(reply, "Location: /v1/accounts/" BED_ACCOUNT
                         "/commands/82060302-fb8f-5b12-bde9-313a9326ddf7\r\n"));
    cr_expect_not(has(reply, "Retry-After"));
}

Test(edge_serve, given_a_log_that_is_full_or_away_then_503_and_nothing_is_sent)
{
    static const enum bed_log modes[] = {BED_IS_FULL, BED_IS_AWAY};
    for (size_t i = 0; i < 2; i++) {
        bed.mode = modes[i];
        const char *reply = bed_post(&bed, INVOICES, "", BED_INVOICE);
        cr_expect(begins(reply, 503), "%s", reply);
        cr_expect(has(reply, "/problems/not-accepted"));
    }
    cr_expect_eq(bed.sent, 0);
}

Test(edge_serve, given_a_client_that_leaves_in_flight_then_its_command_goes_on_and_nothing_dangles)
{
    bed.mode = BED_HOLDS;
    bed_post_only(&bed, INVOICES, "", BED_INVOICE);
    bed_until(&bed, &bed.sent, 1);
    bed_reset(&bed);
    while (bed_metric(&bed, "millrace_edge_requests_total{route=\"POST /v1/accounts/{account}"
                            "/invoices\",status=\"gone\"}") != 1)
        uv_run(&bed.loop.uv, UV_RUN_ONCE);
    bed_report(&bed, MR_KAFKA_STORED);
    cr_expect_eq(bed_metric(&bed, "millrace_edge_deliveries_total{outcome=\"late\"}"), 1);
    cr_expect_eq(bed_metric(&bed, "millrace_edge_in_flight"), 0);
    bed.mode = BED_STORES;
    cr_expect(begins(bed_post(&bed, INVOICES, "", BED_INVOICE), 202));
}

Test(edge_serve, given_a_client_that_leaves_while_waiting_then_its_waiter_is_gone)
{
    bed_post_only(&bed, INVOICES, "Prefer: wait=30\r\n", BED_INVOICE);
    while (bed_metric(&bed, "millrace_edge_waiters") != 1)
        uv_run(&bed.loop.uv, UV_RUN_ONCE);
    bed_reset(&bed);
    while (bed_metric(&bed, "millrace_edge_waiters") != 0)
        uv_run(&bed.loop.uv, UV_RUN_ONCE);
}

/* A client that went away and one that only ended its side look alike. */
Test(edge_serve, given_a_waiting_client_that_ends_its_side_then_it_gets_its_receipt_at_once)
{
    bed_post_only(&bed, INVOICES, "Prefer: wait=30\r\n", BED_INVOICE);
    while (bed_metric(&bed, "millrace_edge_waiters") != 1)
        uv_run(&bed.loop.uv, UV_RUN_ONCE);
    uint64_t began_ms = uv_now(&bed.loop.uv);
    const char *reply = bed_end_input(&bed);
    cr_assert(begins(reply, 202), "%s", reply);
    cr_expect(has(reply, "\"status\":\"accepted\""));
    cr_expect_not(has(reply, "Preference-Applied"), "it did not wait");
    cr_expect_lt(uv_now(&bed.loop.uv) - began_ms, 20000);
    cr_expect_eq(bed_metric(&bed, "millrace_edge_waiters"), 0);
}

Test(edge_serve, given_a_client_that_ended_its_side_in_flight_then_it_does_not_begin_to_wait)
{
    bed.mode = BED_HOLDS;
    bed_post_only(&bed, INVOICES, "Prefer: wait=30\r\n", BED_INVOICE);
    bed_until(&bed, &bed.sent, 1);
    bed.mode = BED_STORES;
    mr_deferred_start(&bed.report);
    uint64_t began_ms = uv_now(&bed.loop.uv);
    const char *reply = bed_end_input(&bed);
    cr_expect(begins(reply, 202), "%s", reply);
    cr_expect_lt(uv_now(&bed.loop.uv) - began_ms, 20000);
}

Test(edge_serve, given_postgres_away_then_a_waiting_client_gets_its_receipt_in_the_end)
{
    edge_wait_end_by(bed.edge.wait, 0); /* as when the edge drains: no wait at all */
    const char *reply =
        bed_post(&bed, INVOICES, "Prefer: wait=30\r\nIdempotency-Key: order-1\r\n", BED_INVOICE);
    cr_assert(begins(reply, 202), "%s", reply);
    cr_expect(has(reply, "Preference-Applied: wait=30\r\n"));
    cr_expect(has(reply, "\"at\":\"billing-7-90210\""));
}

/* ---- a deadline of its own ---- */

Test(edge_deadline, given_no_report_in_time_then_504_and_the_late_report_is_dropped)
{
    bed_open(&bed, &(struct command_submit_settings){.deadline_ms = 20});
    bed.mode = BED_HOLDS;
    const char *reply = bed_post(&bed, INVOICES, "", BED_INVOICE);
    cr_expect(begins(reply, 504), "%s", reply);
    bed_report(&bed, MR_KAFKA_STORED);
    cr_expect_eq(bed_metric(&bed, "millrace_edge_deliveries_total{outcome=\"late\"}"), 1);
    bed_close(&bed);
}

Test(edge_deadline, given_as_many_in_flight_as_may_be_then_one_more_is_503)
{
    bed_open(&bed, &(struct command_submit_settings){.in_flight_max = 1});
    bed.mode = BED_HOLDS;
    bed_post_only(&bed, INVOICES, "", BED_INVOICE);
    bed_until(&bed, &bed.sent, 1);
    bed_reset(&bed);
    const char *reply = bed_post(&bed, INVOICES, "", BED_INVOICE);
    cr_expect(begins(reply, 503), "%s", reply);
    cr_expect_eq(bed.sent, 1);
    bed_report(&bed, MR_KAFKA_STORED);
    bed_close(&bed);
}

/* ---- what is refused ---- */

static const struct {
    const char *path, *fields, *body, *want;
    int status;
} refused[] = {
    {INVOICES, "", "", "a command always has one, {} at least", 400},
    {INVOICES, "", "{", "/problems/malformed", 400},
    {INVOICES, "", "{\"customer\":1,\"customer\":2}", "/problems/malformed", 400},
    {INVOICES, "", "{} {}", "/problems/malformed", 400},
    {INVOICES, "", "[]", "/problems/invalid-body", 422},
    {INVOICES, "",
     "{\"customer\":\"Ada\",\"currency\":\"EUR\",\"lines\":[{\"description\":\"x\","
     "\"quantity\":0,\"unit_amount_minor\":1}]}",
     "\"pointer\":\"#/lines/0/quantity\"", 422},
    {INVOICES, "Idempotency-Key: \r\n", BED_INVOICE, "Idempotency-Key is empty", 400},
    {INVOICES, "Idempotency-Key: a\r\nIdempotency-Key: b\r\n", BED_INVOICE, "given twice", 400},
    {INVOICES, "Content-Encoding: gzip\r\n", BED_INVOICE, "--json", 415},
    {INVOICES, "Authorization: Bearer x\r\n", BED_INVOICE, "WWW-Authenticate: Bearer", 401},
    {"/v1/accounts/" BED_OTHER "/invoices", "", BED_INVOICE, "/problems/forbidden", 403},
    {"/v1/accounts/x/invoices", "", BED_INVOICE, "The account in the path is not a UUID", 400},
    {INVOICES "?wait=5", "", BED_INVOICE, "no query parameters", 400},
    {INVOICES "/x/finalize", "", "{}", "The subject in the path is not a UUID", 400},
    {INVOICES "/82060302-fb8f-5b12-bde9-313a9326ddf7", "", "{}", "Allow: GET, HEAD, OPTIONS\r\n",
     405},
    {"/v1/accounts/" BED_ACCOUNT "/nothing", "", "{}", "/problems/not-found", 404},
    {"/", "", "{}", "/problems/not-found", 404},
};

Test(edge_serve, given_a_bad_command_then_its_problem_says_what_and_nothing_is_sent)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *reply = bed_post(&bed, refused[i].path, refused[i].fields, refused[i].body);
        cr_expect(begins(reply, refused[i].status), "row %zu: %s", i, reply);
        cr_expect(has(reply, refused[i].want), "row %zu: %s", i, reply);
        cr_expect(has(reply, "application/problem+json"), "row %zu", i);
    }
    cr_expect_eq(bed.sent, 0);
}

Test(edge_serve, given_a_body_beyond_the_bound_then_413)
{
    static char body[5000];
    memset(body, ' ', sizeof body - 1);
    const char *reply = bed_post(&bed, INVOICES, "", body);
    cr_expect(begins(reply, 413), "%s", reply);
    cr_expect_eq(bed.sent, 0);
}

Test(edge_serve, given_no_body_and_no_type_then_400_says_that_the_body_is_missing)
{
    const char *reply =
        bed_ask(&bed, "POST " INVOICES " HTTP/1.1\r\nHost: e\r\n"
                      "Connection: close\r\nAuthorization: Bearer " BED_KEY "\r\n\r\n");
    cr_expect(begins(reply, 400), "%s", reply);
    cr_expect(has(reply, "{} at least"));
}

Test(edge_serve, given_no_key_or_an_unknown_one_then_401_and_with_the_store_away_503)
{
    const char *reply =
        bed_ask(&bed, "GET " INVOICES " HTTP/1.1\r\nHost: e\r\nConnection: close\r\n"
                      "\r\n");
    cr_expect(begins(reply, 401), "%s", reply);
    cr_expect(has(reply, "WWW-Authenticate: Bearer realm=\"millrace\"\r\n"));
    static const char unknown[] =
        "GET " INVOICES " HTTP/1.1\r\nHost: e\r\nConnection: close\r\nAuthorization: Bearer "
        "mr_000d9c1e5a527c118b7d0a4c6b2d9e10_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\r\n\r\n";
    bed.keys_away = true;
    reply = bed_ask(&bed, unknown);
    cr_expect(begins(reply, 503), "%s", reply);
    cr_expect(has(reply, "/problems/unavailable"));
    bed.keys_away = false;
    reply = bed_ask(&bed, unknown);
    cr_expect(begins(reply, 401), "%s", reply);
    cr_expect(has(reply, "invalid_token"));
}

/* ---- reads without Postgres, and what needs none ---- */

static const struct {
    const char *path, *want;
    int status;
} reads[] = {
    {INVOICES, "/problems/unavailable", 503},
    {INVOICES "/82060302-fb8f-5b12-bde9-313a9326ddf7", "Retry-After: ", 503},
    {INVOICES "/x", "id in the path is not a UUID", 400},
    {INVOICES "/82060302-fb8f-5b12-bde9-313a9326ddf7?x=1", "one query parameter, at", 400},
    {INVOICES "/82060302-fb8f-5b12-bde9-313a9326ddf7?at=billing-1", "billing-7-90210", 400},
    {INVOICES "?colour=red", "colour is not a query parameter", 400},
    {INVOICES "?limit=201", "limit must be a number from 1 to 200", 400},
    {INVOICES "?status=lost", "status must be one of", 400},
    {INVOICES "?cursor=AAAA", "cursor is not one", 400},
    {INVOICES "?status=open&status=open", "status is given twice", 400},
    {"/v1/accounts/" BED_ACCOUNT "/commands/82060302-fb8f-5b12-bde9-313a9326ddf7", "unavailable",
     503},
    {"/v1/accounts/" BED_ACCOUNT "/commands/x", "not a UUID", 400},
    {"/v1/accounts/" BED_ACCOUNT "/commands/82060302-fb8f-5b12-bde9-313a9326ddf7?at=nope-1-2",
     "no domain nope", 400},
    {"/v1/accounts/" BED_OTHER "/commands/82060302-fb8f-5b12-bde9-313a9326ddf7", "forbidden", 403},
    {"/problems/invoice-not-open", "\"status\":409", 200},
    {"/problems/nothing", "/problems/not-found", 404},
};

Test(edge_serve, given_reads_then_each_answer_says_what_is_wrong)
{
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        const char *reply = bed_get(&bed, reads[i].path, "");
        cr_expect(begins(reply, reads[i].status), "row %zu: %s", i, reply);
        cr_expect(has(reply, reads[i].want), "row %zu: %s", i, reply);
    }
}

Test(edge_serve, given_a_browser_then_a_problem_page_is_html)
{
    const char *reply = bed_get(&bed, "/problems/malformed", "Accept: text/html\r\n");
    cr_expect(begins(reply, 200));
    cr_expect(has(reply, "Content-Type: text/html; charset=utf-8\r\n"));
    cr_expect(has(reply, "<h1>"));
}

Test(edge_serve, given_options_then_allow_names_the_methods)
{
    const char *reply = bed_ask(&bed, "OPTIONS " INVOICES " HTTP/1.1\r\nHost: e\r\n"
                                      "Connection: close\r\n\r\n");
    cr_expect(begins(reply, 204), "%s", reply);
    cr_expect(has(reply, "Allow: GET, HEAD, POST, OPTIONS\r\n"));
}

Test(edge_serve, given_a_trace_then_the_command_carries_it_on_with_a_span_of_its_own)
{
    (void)bed_post(&bed, INVOICES,
                   "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
                   "tracestate: a=b\r\n",
                   BED_INVOICE);
    cr_expect(has(bed.headers, "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    cr_expect_not(has(bed.headers, "00f067aa0ba902b7"));
    cr_expect(has(bed.headers, "tracestate=a=b\n"));
    (void)bed_post(&bed, INVOICES, "traceparent: nonsense\r\n", BED_INVOICE);
    cr_expect(has(bed.headers, "traceparent=00-"));
    cr_expect_not(has(bed.headers, "tracestate"));
}
