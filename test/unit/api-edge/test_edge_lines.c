/* OTLP and GELF through the real server. */
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
TestSuite(edge_otlp, .init = setup, .fini = teardown, .timeout = 30);
TestSuite(edge_gelf, .init = setup, .fini = teardown, .timeout = 30);

#define PROTOBUF "Content-Type: application/x-protobuf\r\n"
#define JSON     "Content-Type: application/json\r\n"

/* service.name "shop", records "line 0" and "line 1" of severity 9, as OpenTelemetry's own library
 * writes them. */
static const char records[] =
    "\x0a\x4a\x0a\x18\x0a\x16\x0a\x0c\x73\x65\x72\x76\x69\x63\x65\x2e\x6e\x61\x6d\x65"
    "\x12\x06\x0a\x04\x73\x68\x6f\x70\x12\x2e\x12\x15\x09\x00\x40\xc5\xd4\x96\x37\x7b"
    "\x18\x10\x09\x2a\x08\x0a\x06\x6c\x69\x6e\x65\x20\x30\x12\x15\x09\x01\x40\xc5\xd4"
    "\x96\x37\x7b\x18\x10\x09\x2a\x08\x0a\x06\x6c\x69\x6e\x65\x20\x31";
#define RECORDS mr_slice(records, sizeof records - 1)

#define OTLP_JSON                                                                                  \
    "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"a\"}},"      \
    "{\"body\":{\"stringValue\":\"token=b\"}}]}]}]}"

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

static struct mr_slice body_of(const char *reply)
{
    const char *end = strstr(reply, "\r\n\r\n");
    cr_assert(end);
    return mr_slice(end + 4, (size_t)(bed.reply + bed.reply_len - end - 4));
}

static const char *otlp(const char *fields, struct mr_slice body)
{
    return bed_post_bytes(&bed, "/otlp/v1/logs", fields, body);
}

static const char *gelf(const char *fields, struct mr_slice body)
{
    return bed_post_bytes(&bed, "/gelf", fields, body);
}

/* window_bits as zlib has them: 15 zlib, 31 gzip. */
static void pack(struct mr_slice text, int window_bits, struct mr_buf *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.len};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong bound = deflateBound(&z, text.len);
    mr_buf_init(out, 0);
    z.next_out = (Bytef *)mr_buf_reserve(out, bound);
    z.avail_out = (uInt)bound;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len = z.total_out;
    deflateEnd(&z);
}

/* ---- OTLP ---- */

Test(edge_otlp, given_records_then_each_is_a_line_whose_id_is_its_place)
{
    const char *reply = otlp(PROTOBUF, RECORDS);
    cr_assert(begins(reply, 200), "%s", reply);
    cr_expect(has(reply, "Content-Type: application/x-protobuf\r\n"));
    cr_expect_eq(body_of(reply).len, 0, "an empty response is all well");
    cr_assert_eq(bed.sent, 2);
    cr_expect_str_eq(bed.seen[0].id, "71d45c4e-fa80-51ad-9db8-42b6001c712e");
    cr_expect_str_eq(bed.seen[1].id, "6ab237c6-107b-54dd-af30-8369e5a71704");
    cr_expect(has(bed.seen[0].value, "\"severity_number\":9"));
    cr_expect(has(bed.seen[1].value, "\"body\":\"line 1\""));
    cr_expect(has(bed.seen[1].value, "\"service\":\"shop\""));
    cr_expect(has(bed.headers, "ce_type=logging.line\n"));
    cr_expect(has(bed.headers, "ce_account=" BED_ACCOUNT "\n"));
}

Test(edge_otlp, given_the_same_records_in_gzip_then_they_are_the_same_commands)
{
    struct mr_buf packed;
    pack(RECORDS, 31, &packed);
    cr_expect(begins(otlp(PROTOBUF "Content-Encoding: gzip\r\n", mr_buf_all(&packed)), 200));
    cr_expect(begins(otlp(PROTOBUF, RECORDS), 200));
    cr_assert_eq(bed.sent, 4);
    cr_expect_str_eq(bed.seen[0].id, bed.seen[2].id);
    cr_expect_str_eq(bed.seen[0].value, bed.seen[2].value);
    mr_buf_free(&packed);
}

Test(edge_otlp, given_json_then_the_answer_is_json_and_secrets_are_redacted)
{
    const char *reply = otlp(JSON, mr_slice_text(OTLP_JSON));
    cr_assert(begins(reply, 200), "%s", reply);
    cr_expect(has(reply, "Content-Type: application/json\r\n"));
    cr_expect(mr_slice_is(body_of(reply), "{}"), "%s", reply);
    cr_expect_str_eq(bed.seen[0].value, "{\"body\":\"a\"}");
    cr_expect_str_eq(bed.seen[1].value, "{\"body\":\"token=[redacted]\"}");
}

Test(edge_otlp, given_a_record_that_is_too_long_then_the_success_is_partial)
{
    struct mr_buf body;
    mr_buf_init(&body, 0);
    mr_buf_text(&body, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{"
                       "\"stringValue\":\"");
    for (int i = 0; i < 5000; i++)
        mr_buf_char(&body, 'x');
    mr_buf_text(&body, "\"}},{\"body\":{\"stringValue\":\"b\"}}]}]}]}");
    const char *reply = otlp(JSON, mr_buf_all(&body));
    cr_assert(begins(reply, 200), "%s", reply);
    cr_expect(has(reply, "\"partialSuccess\":{\"rejectedLogRecords\":"), "%s", reply);
    cr_expect(has(reply, "longer than 4000 bytes"), "%s", reply);
    cr_assert_eq(bed.sent, 1);
    cr_expect_str_eq(bed.seen[0].value, "{\"body\":\"b\"}");
    mr_buf_free(&body);
}

Test(edge_otlp, given_a_body_that_is_none_then_400_is_a_status_in_its_encoding)
{
    const char *reply = otlp(PROTOBUF, mr_slice_text("nonsense"));
    cr_expect(begins(reply, 400), "%s", reply);
    cr_expect(has(reply, "Content-Type: application/x-protobuf\r\n"));
    cr_expect_eq(body_of(reply).data[0], 0x08, "field 1, code");
    cr_expect_eq(body_of(reply).data[1], 3, "INVALID_ARGUMENT");
    reply = otlp(JSON, mr_slice_text("nonsense"));
    cr_expect(begins(reply, 400), "%s", reply);
    cr_expect(has(reply, "{\"code\":3,\"message\":\""), "%s", reply);
    reply = otlp(PROTOBUF "Content-Encoding: gzip\r\n", RECORDS);
    cr_expect(begins(reply, 400), "%s", reply);
    cr_expect(begins(otlp("Content-Type: text/plain\r\n", RECORDS), 415));
    cr_expect(begins(otlp(PROTOBUF "Content-Encoding: br\r\n", RECORDS), 415));
    cr_expect_eq(bed.sent, 0);
}

Test(edge_otlp, given_a_body_beyond_the_bound_then_413_is_a_status)
{
    struct mr_buf text, packed;
    mr_buf_init(&text, 0);
    while (text.len <= bed.edge.decoded_bytes_max)
        mr_buf_text(&text, "                ");
    pack(mr_buf_all(&text), 31, &packed);
    const char *reply = otlp(JSON "Content-Encoding: gzip\r\n", mr_buf_all(&packed));
    cr_expect(begins(reply, 413), "%s", reply);
    cr_expect(has(reply, "{\"code\":3,"), "%s", reply);
    cr_expect(begins(otlp(JSON, mr_buf_all(&text)), 413));
    mr_buf_free(&text);
    mr_buf_free(&packed);
}

Test(edge_otlp, given_a_log_that_is_away_then_503_is_a_status_that_may_be_tried_again)
{
    bed.mode = BED_IS_AWAY;
    const char *reply = otlp(JSON, mr_slice_text(OTLP_JSON));
    cr_expect(begins(reply, 503), "%s", reply);
    cr_expect(has(reply, "Retry-After: "));
    cr_expect(has(reply, "{\"code\":14,"), "%s", reply);
    bed.mode = BED_STORES;
    bed.turn_at = 2;
    bed.turn_mode = BED_UNSURE;
    reply = otlp(PROTOBUF, RECORDS);
    cr_expect(begins(reply, 503), "some may be stored: the exporter's retry is a repeat: %s",
              reply);
    cr_expect_eq(body_of(reply).data[1], 14);
}

Test(edge_otlp, given_no_good_key_then_401_is_a_status)
{
    const char *reply = bed_ask(&bed, "POST /otlp/v1/logs HTTP/1.1\r\nHost: e\r\nConnection: close"
                                      "\r\n" JSON "Content-Length: 2\r\n\r\n{}");
    cr_expect(begins(reply, 401), "%s", reply);
    cr_expect(has(reply, "WWW-Authenticate: Bearer"));
    cr_expect(has(reply, "{\"code\":16,"), "%s", reply);
}

Test(edge_otlp, given_another_method_then_405)
{
    cr_expect(begins(bed_get(&bed, "/otlp/v1/logs", ""), 405));
    cr_expect(has(bed.reply, "Allow: POST, OPTIONS\r\n"), "%s", bed.reply);
}

Test(edge_otlp, given_nothing_then_it_is_a_request_without_records)
{
    cr_expect(begins(otlp(PROTOBUF, mr_slice_text("")), 200), "%s", bed.reply);
    cr_expect_eq(bed.sent, 0);
}

Test(edge_otlp, given_more_records_than_the_log_takes_at_once_then_all_are_sent)
{
    struct mr_buf body;
    mr_buf_init(&body, 0);
    mr_buf_text(&body, "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[");
    for (int i = 0; i < 3000; i++)
        mr_buf_printf(&body, "%s{\"body\":{\"stringValue\":\"%d\"}}", i ? "," : "", i);
    mr_buf_text(&body, "]}]}]}");
    bed.room = 100;
    cr_expect(begins(otlp(JSON, mr_buf_all(&body)), 200), "%s", bed.reply);
    cr_expect_eq(bed.sent, 3000);
    cr_expect_leq(bed.most_pending, 100);
    mr_buf_free(&body);
}

/* 3 kB of a resource are in each of 10,000 records of two bytes: 30 MB of lines of a body of 33 kB.
 */
Test(edge_otlp, given_records_that_multiply_their_resource_then_most_are_rejected)
{
    struct mr_buf body;
    mr_buf_init(&body, 0);
    mr_buf_text(&body,
                "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"k\",\"value\":{"
                "\"stringValue\":\"");
    for (int i = 0; i < 300; i++)
        mr_buf_text(&body, "0123456789");
    mr_buf_text(&body, "\"}}]},\"scopeLogs\":[{\"logRecords\":[{}");
    for (int i = 1; i < 10000; i++)
        mr_buf_text(&body, ",{}");
    mr_buf_text(&body, "]}]}]}");
    uint64_t most = ((16 << 20) + 64 * body.len) / 3000;
    cr_expect(begins(otlp(JSON, mr_buf_all(&body)), 200), "%s", bed.reply);
    cr_expect(bed.sent > most / 2 && bed.sent <= most, "%u", bed.sent);
    char want[64];
    snprintf(want, sizeof want, "\"rejectedLogRecords\":\"%u\"", 10000 - bed.sent);
    cr_expect(has(bed.reply, want), "%s", bed.reply);
    cr_expect(has(bed.reply, "The records with their resources are longer than"), "%s", bed.reply);
    mr_buf_free(&body);
}

Test(edge_otlp, given_a_client_that_leaves_then_late_reports_find_nobody)
{
    bed.mode = BED_HOLDS;
    bed_post_bytes_only(&bed, "/otlp/v1/logs", PROTOBUF, RECORDS);
    bed_until(&bed, &bed.sent, 2);
    bed_reset(&bed);
    bed_report(&bed, MR_KAFKA_STORED);
    cr_expect_eq(bed_metric(&bed, "millrace_edge_in_flight"), 0);
}

Test(edge_otlp, given_others_with_all_the_room_for_bodies_then_503_until_they_let_go)
{
    cr_assert(edge_ingest_hold(bed.edge.ingest, (1 << 20) - 10));
    cr_expect(begins(otlp(PROTOBUF, RECORDS), 503), "%s", bed.reply);
    cr_expect(has(bed.reply, "\r\nRetry-After: "), "%s", bed.reply);
    cr_expect_not(edge_ingest_hold(bed.edge.ingest, 11));
    edge_ingest_let_go(bed.edge.ingest, (1 << 20) - 10);
    for (int i = 0; i < 3; i++)
        cr_expect(begins(otlp(PROTOBUF, RECORDS), 200), "%s", bed.reply);
    cr_expect_eq(bed.sent, 6);
    cr_expect(edge_ingest_hold(bed.edge.ingest, 1 << 20));
}

/* ---- GELF ---- */

#define MESSAGE                                                                                    \
    "{\"version\":\"1.1\",\"host\":\"web\",\"short_message\":\"hello\",\"_token\":\"x\"}"

Test(edge_gelf, given_a_message_in_any_compression_then_202_and_a_line)
{
    struct mr_buf gzip, zlib;
    pack(mr_slice_text(MESSAGE), 31, &gzip);
    pack(mr_slice_text(MESSAGE), 15, &zlib);
    cr_expect(begins(gelf("", mr_slice_text(MESSAGE)), 202), "%s", bed.reply);
    cr_expect_eq(body_of(bed.reply).len, 0);
    cr_expect(begins(gelf("Content-Type: text/plain\r\n", mr_buf_all(&gzip)), 202));
    cr_expect(begins(gelf("Content-Encoding: gzip\r\n", mr_buf_all(&zlib)), 202));
    cr_expect(begins(gelf("Content-Encoding: gzip\r\n", mr_slice_text(MESSAGE "\n")), 202));
    cr_expect(begins(gelf("", mr_slice(MESSAGE, sizeof MESSAGE)), 202), "with its NUL");
    cr_assert_eq(bed.sent, 5);
    for (int i = 0; i < 5; i++) {
        cr_expect(has(bed.seen[i].value, "\"body\":\"hello\""), "%s", bed.seen[i].value);
        cr_expect(has(bed.seen[i].value, "\"host\":\"web\""), "%s", bed.seen[i].value);
        cr_expect(has(bed.seen[i].value, "\"token\":\"[redacted]\""), "%s", bed.seen[i].value);
        cr_expect_eq(bed.seen[i].id[14], '7');
    }
    mr_buf_free(&gzip);
    mr_buf_free(&zlib);
}

Test(edge_gelf, given_an_idempotency_key_then_it_names_the_line)
{
    cr_expect(begins(gelf("Idempotency-Key: " BED_OTHER "\r\n", mr_slice_text(MESSAGE)), 202));
    cr_expect_str_eq(bed.seen[0].id, BED_OTHER);
}

Test(edge_gelf, given_what_is_no_message_then_400)
{
    cr_expect(begins(gelf("", mr_slice_text("")), 400), "%s", bed.reply);
    cr_expect(begins(gelf("", mr_slice_text("{\"version\":")), 400), "%s", bed.reply);
    cr_expect(begins(gelf("", mr_slice_text("{\"version\":\"1.1\",\"host\":\"x\"}")), 400));
    cr_expect(has(bed.reply, "/problems/malformed"));
    cr_expect_eq(bed.sent, 0);
}

Test(edge_gelf, given_a_message_that_is_too_long_then_413)
{
    struct mr_buf text;
    mr_buf_init(&text, 0);
    mr_buf_text(&text, "{\"version\":\"1.1\",\"host\":\"x\",\"short_message\":\"");
    while (text.len < 5000)
        mr_buf_char(&text, 'x');
    mr_buf_text(&text, "\"}");
    cr_expect(begins(gelf("", mr_buf_all(&text)), 413), "%s", bed.reply);
    while (text.len <= bed.edge.decoded_bytes_max)
        mr_buf_char(&text, ' ');
    cr_expect(begins(gelf("", mr_buf_all(&text)), 413), "%s", bed.reply);
    mr_buf_free(&text);
}

Test(edge_gelf, given_a_log_that_is_away_or_unsure_then_503_or_504)
{
    bed.mode = BED_IS_AWAY;
    cr_expect(begins(gelf("", mr_slice_text(MESSAGE)), 503), "%s", bed.reply);
    cr_expect(has(bed.reply, "Retry-After: "));
    bed.mode = BED_LOSES;
    cr_expect(begins(gelf("", mr_slice_text(MESSAGE)), 503));
    bed.mode = BED_UNSURE;
    cr_expect(begins(gelf("", mr_slice_text(MESSAGE)), 504));
    cr_expect(has(bed.reply, "/problems/outcome-unknown"));
}
