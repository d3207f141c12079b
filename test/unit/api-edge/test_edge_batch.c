/* Batches through the real server: NDJSON, arrays and single objects; what is told and what the log
 * gets. */
#include "edge_bed.h"

#include "edge_ingest.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <zlib.h>

static struct bed bed;

static void setup(void)
{
    bed_open(&bed, &(struct command_submit_settings){0});
}
static void teardown(void)
{
    bed_close(&bed);
}
TestSuite(edge_batch, .init = setup, .fini = teardown, .timeout = 30);

#define LOGS   "/v1/accounts/" BED_ACCOUNT "/logs"
#define NDJSON "Content-Type: application/x-ndjson\r\n"
#define GZIP   NDJSON "Content-Encoding: gzip\r\n"
#define JSON   "Content-Type: application/json\r\n"

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

static const char *post(const char *fields, const char *body)
{
    return bed_post_bytes(&bed, LOGS, fields, mr_slice_text(body));
}

static void gzip(struct mr_slice text, struct mr_buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.len};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, text.len);
    mr_buf_init(out, 0);
    z.next_out = (Bytef *)mr_buf_reserve(out, bound);
    z.avail_out = (uInt)bound;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len = z.total_out;
    deflateEnd(&z);
}

/* Lines {"body":"line 1"} to n. */
static void lines(struct mr_buf *out, int n)
{
    mr_buf_init(out, 0);
    for (int i = 1; i <= n; i++)
        mr_buf_printf(out, "{\"body\":\"line %d\"}\n", i);
}

/* ---- shapes ---- */

Test(edge_batch, given_lines_then_each_is_a_command_with_its_bytes)
{
    const char *reply =
        post(NDJSON, "{\"body\" : \"one\"}\n\n{\"body\":\"two\"}\r\n{\"body\":\"3\"}");
    cr_assert(begins(reply, 200), "%s", reply);
    cr_expect(has(reply, "{\"accepted\":3,\"rejected\":0,\"sampled\":0,\"errors\":[],\"first_at\":"
                         "\"logging-7-90210\",\"last_at\":\"logging-7-90212\"}"),
              "%s", reply);
    cr_assert_eq(bed.sent, 3);
    cr_expect_str_eq(bed.seen[0].value, "{\"body\" : \"one\"}", "byte for byte");
    cr_expect_str_eq(bed.seen[1].value, "{\"body\":\"two\"}");
    cr_expect_str_eq(bed.seen[2].value, "{\"body\":\"3\"}");
    cr_expect_str_eq(bed.key, bed.seen[2].id, "a line's key is its id");
    cr_expect(has(bed.headers, "ce_type=logging.line\n"));
    cr_expect(has(bed.headers, "ce_account=" BED_ACCOUNT "\n"));
    cr_expect(has(bed.headers, "ce_principal=" BED_ACCOUNT "\n"));
}

Test(edge_batch, given_an_array_or_one_object_then_it_is_a_batch_too)
{
    cr_expect(has(post(JSON, " [ {\"body\":\"a\"}, {\"body\":\"b\"} ] "), "{\"accepted\":2,"));
    cr_expect_str_eq(bed.seen[1].value, "{\"body\":\"b\"}");
    cr_expect(has(post(JSON, "{\n  \"body\": \"c\"\n}\n"), "{\"accepted\":1,"));
    cr_expect_str_eq(bed.seen[2].value, "{\n  \"body\": \"c\"\n}");
    cr_expect(has(post(JSON, "[]"), "{\"accepted\":0,\"rejected\":0,\"sampled\":0,\"errors\":[],"
                                    "\"first_at\":null,\"last_at\":null}"));
    cr_expect_eq(bed.sent, 3);
}

Test(edge_batch, given_gzip_then_it_is_read_as_it_comes)
{
    struct mr_buf text, packed;
    lines(&text, 400);
    gzip(mr_buf_all(&text), &packed);
    const char *reply = bed_post_bytes(&bed, LOGS, GZIP, mr_buf_all(&packed));
    cr_expect(has(reply, "{\"accepted\":400,"), "%s", reply);
    cr_expect_str_eq(bed.seen[399].value, "{\"body\":\"line 400\"}");
    mr_buf_free(&text);
    mr_buf_free(&packed);
}

Test(edge_batch, given_chunks_that_cut_lines_then_they_are_whole_in_the_log)
{
    const char *reply = bed_ask(
        &bed,
        "POST " LOGS " HTTP/1.1\r\nHost: e\r\nConnection: close\r\nAuthorization: Bearer " BED_KEY
        "\r\n" NDJSON "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        "3\r\n{\"b\r\n9\r\nody\":\"1\"}\r\n3\r\n\n{\"\r\n9\r\nbody\":\"2\"\r\n1\r\n}\r\n"
        "0\r\n\r\n");
    cr_expect(has(reply, "{\"accepted\":2,"), "%s", reply);
    cr_expect_str_eq(bed.seen[0].value, "{\"body\":\"1\"}");
    cr_expect_str_eq(bed.seen[1].value, "{\"body\":\"2\"}");
}

Test(edge_batch, given_a_client_that_waits_for_100_then_it_is_told_to_go_on)
{
    bed_send(&bed, "POST " LOGS " HTTP/1.1\r\nHost: e\r\nConnection: close\r\nAuthorization: "
                   "Bearer " BED_KEY "\r\n" NDJSON "Content-Length: 14\r\n"
                   "Expect: 100-continue\r\n\r\n");
    while (bed.reply_len < 25)
        uv_run(&bed.loop.uv, UV_RUN_ONCE);
    cr_expect(begins(bed.reply, 100));
    bed_reset(&bed);
}

Test(edge_batch, given_samples_then_each_has_the_key_of_its_metric)
{
    const char *reply = bed_post_bytes(
        &bed, "/v1/accounts/" BED_ACCOUNT "/samples", NDJSON,
        mr_slice_text("{\"metric\":\"requests\",\"time\":\"2026-11-25T08:39:03Z\",\"kind\":"
                      "\"counter\",\"value\":3}\n{\"metric\":7}\n"));
    cr_expect(has(reply, "{\"accepted\":1,\"rejected\":1,"), "%s", reply);
    cr_expect_str_eq(bed.key, BED_ACCOUNT "\nrequests");
    cr_expect(has(bed.headers, "ce_type=reporting.sample\n"));
}

/* ---- bad lines ---- */

Test(edge_batch, given_bad_lines_then_they_are_told_and_harm_no_other)
{
    const char *reply =
        post(NDJSON, "{\"body\":\"a\"}\n{\"body\":\n{\"severity_number\":99}\nnull\n"
                     "{\"body\":\"b\"}\n");
    cr_assert(begins(reply, 200), "%s", reply);
    cr_expect(has(reply, "{\"accepted\":2,\"rejected\":3,"), "%s", reply);
    cr_expect(has(reply, "{\"line\":2,\"pointer\":\"#\",\"detail\":\""), "%s", reply);
    cr_expect(has(reply, "{\"line\":3,\"pointer\":\"#/severity_number\",\"detail\":\""));
    cr_expect(has(reply, "{\"line\":4,\"pointer\":\"#\",\"detail\":\""));
    cr_expect_not(has(reply, "errors_more"));
    cr_assert_eq(bed.sent, 2);
    cr_expect_str_eq(bed.seen[1].value, "{\"body\":\"b\"}");
}

Test(edge_batch, given_more_errors_than_are_told_then_the_others_are_counted)
{
    struct mr_buf body;
    mr_buf_init(&body, 0);
    for (int i = 0; i < 250; i++)
        mr_buf_text(&body, "{\"severity_number\":99}\n");
    const char *reply = bed_post_bytes(&bed, LOGS, NDJSON, mr_buf_all(&body));
    cr_expect(has(reply, "{\"accepted\":0,\"rejected\":250,"));
    cr_expect(has(reply, "{\"line\":100,"));
    cr_expect_not(has(reply, "{\"line\":101,"));
    cr_expect(has(reply, ",\"errors_more\":150,\"first_at\":null"), "%s", reply);
    mr_buf_free(&body);
}

Test(edge_batch, given_a_line_that_is_too_long_then_it_alone_is_rejected)
{
    struct mr_buf body;
    mr_buf_init(&body, 0);
    mr_buf_text(&body, "{\"body\":\"a\"}\n{\"body\":\"");
    for (int i = 0; i < 5000; i++)
        mr_buf_char(&body, 'x');
    mr_buf_text(&body, "\"}\n{\"body\":\"b\"}\n");
    const char *reply = bed_post_bytes(&bed, LOGS, NDJSON, mr_buf_all(&body));
    cr_expect(has(reply, "{\"accepted\":2,\"rejected\":1,"), "%s", reply);
    cr_expect(has(reply, "{\"line\":2,"));
    cr_expect_str_eq(bed.seen[1].value, "{\"body\":\"b\"}");
    mr_buf_free(&body);
}

/* ---- ids ---- */

Test(edge_batch, given_an_idempotency_key_then_line_n_has_the_id_of_the_vector)
{
    cr_assert(begins(post(NDJSON "Idempotency-Key: order-1\r\n", "{\"body\":\"a\"}\n\n{}\n"), 200));
    cr_expect_str_eq(bed.seen[0].id, "12ce101b-4624-503e-a661-0ee387a7d03d");
    cr_assert(begins(
        post(NDJSON "Idempotency-Key: \"order-1\"\r\n", "nonsense\n{\"body\":\"b\"}\n"), 200));
    cr_expect_str_eq(bed.seen[1].id, "237ab255-cb8a-59b2-9733-242e8704bf96", "bad lines count");
    cr_assert(begins(post(NDJSON "Idempotency-Key: " BED_ACCOUNT "\r\n", "{\"body\":\"c\"}"), 200));
    cr_expect_str_eq(bed.seen[2].id, "fc7b3c0e-bc73-5937-a227-362ff3343386",
                     "a key that is a UUID is no id here");
}

Test(edge_batch, given_no_key_then_ids_are_fresh)
{
    post(NDJSON, "{\"body\":\"a\"}\n{\"body\":\"a\"}\n");
    cr_assert_eq(bed.sent, 2);
    cr_expect_eq(bed.seen[0].id[14], '7');
    cr_expect_str_neq(bed.seen[0].id, bed.seen[1].id);
}

/* ---- ingest ---- */

Test(edge_batch, given_a_secret_then_the_log_does_not_get_it)
{
    const char *reply =
        post(NDJSON, "{\"body\":\"card 4111 1111 1111 1111\",\"attributes\":{\"password\":\"x\"}}\n"
                     "{ \"span_id\":\"4111111111111111\" }\n");
    cr_assert(has(reply, "{\"accepted\":2,"), "%s", reply);
    cr_expect_str_eq(bed.seen[0].value,
                     "{\"body\":\"card [redacted]\",\"attributes\":{\"password\":"
                     "\"[redacted]\"}}");
    cr_expect_str_eq(bed.seen[1].value, "{ \"span_id\":\"4111111111111111\" }");
    cr_expect_eq(
        bed_metric(&bed, "millrace_edge_redacted_total{type=\"logging.line\",rule=\"names\"}"), 1);
    cr_expect_eq(
        bed_metric(&bed, "millrace_edge_items_total{type=\"logging.line\",outcome=\"accepted\"}"),
        2);
}

Test(edge_batch, given_rules_of_the_operator_then_lines_are_sampled)
{
    struct edge_ingest *was = bed.edge.ingest;
    struct mr_error why;
    const struct edge_ingest_settings settings = {
        .catalog = bed.catalog,
        .metrics = mr_metrics_new(),
        .rules = mr_slice_text("{\"sample\":[{\"pointer\":\"/service\",\"value\":\"chatty\","
                               "\"share\":0}]}"),
        .rules_name = "rules.json",
        .item_bytes_max = 4000};
    cr_assert_eq(edge_ingest_new(&settings, &bed.edge.ingest, &why), MR_OK, "%s", why.text);
    const char *reply = post(NDJSON, "{\"service\":\"chatty\"}\n{\"service\":\"dear\"}\n");
    cr_expect(has(reply, "{\"accepted\":1,\"rejected\":0,\"sampled\":1,"), "%s", reply);
    cr_expect_str_eq(bed.seen[0].value, "{\"service\":\"dear\"}");
    edge_ingest_free(bed.edge.ingest);
    mr_metrics_free(settings.metrics);
    bed.edge.ingest = was;
}

Test(edge_batch, given_a_slip_in_the_rules_then_it_is_named)
{
    struct edge_ingest *ingest;
    struct mr_error why;
    const struct edge_ingest_settings settings = {.catalog = bed.catalog,
                                                  .metrics = bed.metrics,
                                                  .rules = mr_slice_text("{\"samples\":[]}"),
                                                  .rules_name = "rules.json",
                                                  .item_bytes_max = 4000};
    cr_assert_eq(edge_ingest_new(&settings, &ingest, &why), MR_INVALID);
    cr_expect_str_eq(why.text, "rules.json#: there is no rule called samples");
}

/* ---- bodies that cannot be read ---- */

Test(edge_batch, given_nothing_then_400)
{
    cr_expect(begins(post(NDJSON, ""), 400));
    cr_expect(begins(post(NDJSON, " \n\r\n "), 400));
    cr_expect(has(bed.reply, "The body is empty"));
}

Test(edge_batch, given_broken_gzip_then_400_says_what_was_accepted_before)
{
    struct mr_buf text, packed;
    lines(&text, 3000);
    gzip(mr_buf_all(&text), &packed);
    const char *reply = bed_post_bytes(&bed, LOGS, GZIP, mr_slice(packed.data, packed.len - 10));
    cr_expect(begins(reply, 400), "%s", reply);
    cr_expect(has(reply, "of its items before that were accepted."));
    cr_expect_gt(bed.sent, 0);
    cr_expect(begins(post(GZIP, "{\"body\":\"not gzip\"}"), 400));
    mr_buf_free(&text);
    mr_buf_free(&packed);
}

Test(edge_batch, given_a_body_beyond_the_bound_then_413)
{
    struct mr_buf text, packed;
    lines(&text, 100000);
    gzip(mr_buf_all(&text), &packed);
    cr_assert_gt(text.len, bed.edge.bulk_bytes_max);
    const char *reply = bed_post_bytes(&bed, LOGS, GZIP, mr_buf_all(&packed));
    cr_expect(begins(reply, 413), "%s", reply);
    cr_expect(has(reply, "of its items before that were accepted."), "%s", reply);
    uint32_t sent = bed.sent;
    reply = bed_post_bytes(&bed, LOGS, NDJSON, mr_buf_all(&text));
    cr_expect(begins(reply, 413), "%s", reply);
    cr_expect_eq(bed.sent, sent, "its length said so");
    mr_buf_free(&text);
    mr_buf_free(&packed);
}

Test(edge_batch, given_an_array_that_ends_in_the_middle_then_400_says_what_was_accepted)
{
    const char *reply = post(JSON, "[{\"body\":\"a\"},{\"body\":\"b\"},");
    cr_expect(begins(reply, 400), "%s", reply);
    cr_expect_not(has(reply, ".;"), "%s", reply);
    cr_expect(has(reply, "; 2 of its items before that were accepted."), "%s", reply);
}

Test(edge_batch, given_other_media_then_415)
{
    cr_expect(begins(post("Content-Type: text/plain\r\n", "{}"), 415));
    cr_expect(begins(post(NDJSON "Content-Encoding: br\r\n", "{}"), 415));
    cr_expect(begins(bed_post_bytes(&bed, LOGS "?a=b", NDJSON, mr_slice_text("{}")), 400));
    cr_expect_eq(bed.sent, 0);
}

/* ---- the log ---- */

Test(edge_batch, given_a_log_that_is_away_then_503_and_nothing_was_stored)
{
    bed.mode = BED_IS_AWAY;
    const char *reply = post(NDJSON, "{\"body\":\"a\"}\n{\"body\":\"b\"}\n");
    cr_expect(begins(reply, 503), "%s", reply);
    cr_expect(has(reply, "/problems/not-accepted"));
    cr_expect(has(reply, "Retry-After: "));
    bed.mode = BED_LOSES;
    reply = post(NDJSON, "{\"body\":\"a\"}\n{\"body\":\"b\"}\n");
    cr_expect(begins(reply, 503), "%s", reply);
}

Test(edge_batch, given_a_log_that_goes_away_midway_then_504_says_how_many)
{
    bed.turn_at = 3;
    bed.turn_mode = BED_LOSES;
    const char *reply = post(NDJSON "Idempotency-Key: k\r\n",
                             "{\"body\":\"a\"}\n{\"body\":\"b\"}\n{\"body\":\"c\"}\n");
    cr_expect(begins(reply, 504), "%s", reply);
    cr_expect(has(reply, "/problems/outcome-unknown"));
    cr_expect(has(reply, "2 were stored, 0 may have been"), "%s", reply);
    cr_expect(has(reply, "with the same Idempotency-Key is safe"));
    cr_expect_not(has(reply, "Retry-After: "));
    bed.turn_at = 5;
    bed.turn_mode = BED_UNSURE;
    reply = post(NDJSON, "{\"body\":\"a\"}\n{\"body\":\"b\"}\n");
    cr_expect(has(reply, "1 were stored, 1 may have been"), "%s", reply);
    cr_expect(has(reply, "There was no Idempotency-Key"));
}

Test(edge_batch, given_a_slow_log_then_the_client_is_not_read_from)
{
    struct mr_buf text;
    lines(&text, 20000);
    bed.mode = BED_HOLDS;
    bed_post_bytes_only(&bed, LOGS, NDJSON, mr_buf_all(&text));
    bed_until(&bed, &bed.sent, 1024);
    for (int i = 0; i < 50; i++)
        uv_run(&bed.loop.uv, UV_RUN_NOWAIT);
    cr_expect_eq(bed.sent, 1024, "%u", bed.sent);
    bed_report_first(&bed, MR_KAFKA_STORED, 400);
    for (int i = 0; i < 50; i++)
        uv_run(&bed.loop.uv, UV_RUN_NOWAIT);
    cr_expect_eq(bed.sent, 1024, "it goes on when half of them are in");
    bed_report_first(&bed, MR_KAFKA_STORED, 200);
    bed_until(&bed, &bed.sent, 1624);
    bed.mode = BED_STORES;
    mr_deferred_start(&bed.report);
    const char *reply = bed_await(&bed);
    cr_expect(has(reply, "{\"accepted\":20000,"), "%s", reply);
    cr_expect_leq(bed.most_pending, 1024);
    mr_buf_free(&text);
}

Test(edge_batch, given_a_log_whose_queue_is_full_then_the_batch_waits_for_room)
{
    struct mr_buf text;
    lines(&text, 300);
    bed.room = 10;
    const char *reply = bed_post_bytes(&bed, LOGS, NDJSON, mr_buf_all(&text));
    cr_expect(has(reply, "{\"accepted\":300,"), "%s", reply);
    cr_expect_leq(bed.most_pending, 10);
    for (int i = 0; i < 300; i++) {
        char want[64];
        snprintf(want, sizeof want, "{\"body\":\"line %d\"}", i + 1);
        cr_assert_str_eq(bed.seen[i].value, want);
    }
    mr_buf_free(&text);
}

Test(edge_batch, given_many_in_flight_then_a_batch_leaves_room_for_single_commands)
{
    struct mr_buf text;
    bed_close(&bed);
    bed_open(&bed, &(struct command_submit_settings){.in_flight_max = 8});
    lines(&text, 50);
    bed.mode = BED_HOLDS;
    bed_post_bytes_only(&bed, LOGS, NDJSON, mr_buf_all(&text));
    bed_until(&bed, &bed.sent, 6);
    for (int i = 0; i < 50; i++)
        uv_run(&bed.loop.uv, UV_RUN_NOWAIT);
    cr_expect_eq(bed.sent, 6);
    bed.mode = BED_STORES;
    mr_deferred_start(&bed.report);
    cr_expect(has(bed_await(&bed), "{\"accepted\":50,"), "%s", bed.reply);
    cr_expect_leq(bed.most_pending, 6);
    mr_buf_free(&text);
}

Test(edge_batch, given_a_client_that_leaves_then_late_reports_find_nobody)
{
    struct mr_buf text;
    lines(&text, 3000);
    bed.mode = BED_HOLDS;
    bed_post_bytes_only(&bed, LOGS, NDJSON, mr_buf_all(&text));
    bed_until(&bed, &bed.sent, 1024);
    bed_reset(&bed);
    bed_report_first(&bed, MR_KAFKA_STORED, 1000);
    for (int i = 0; i < 50; i++)
        uv_run(&bed.loop.uv, UV_RUN_NOWAIT);
    bed_report(&bed, MR_KAFKA_STORED);
    cr_expect_eq(bed_metric(&bed, "millrace_edge_in_flight"), 0);
    cr_expect_leq(bed.sent, 2048);
    mr_buf_free(&text);
}
