/* What counts as a secret by itself, and what must be left alone. */
#include "mr_buf.h"
#include "mr_ingest.h"
#include "mr_scan.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

#define ALL (MR_SCAN_CARD | MR_SCAN_TOKEN | MR_SCAN_URL_PASSWORD)

/* The text with every secret replaced. */
static void redact(const char *text, struct mr_buf *out)
{
    struct mr_slice all = mr_slice_text(text);
    struct mr_scan_span span;
    size_t copied = 0;
    mr_buf_init(out, 0);
    while (mr_scan_next(all, copied, ALL, &span)) {
        cr_assert(span.begin >= copied && span.begin < span.end && span.end <= all.len);
        mr_buf_add(out, text + copied, span.begin - copied);
        mr_buf_text(out, MR_INGEST_REDACTED);
        copied = span.end;
    }
    mr_buf_add(out, text + copied, all.len - copied);
}

static const struct {
    const char *text, *want; /* NULL: nothing is found */
} rows[] = {
    /* cards: the networks' test numbers */
    {"4111111111111111", "[redacted]"},
    {"paid with 4111 1111 1111 1111.", "paid with [redacted]."},
    {"5500-0000-0000-0004, thanks", "[redacted], thanks"},
    {"amex 378282246310005", "amex [redacted]"},
    {"amex 3782-822463-10005", "amex [redacted]"},
    {"6011000990139424;2223003122003222", "[redacted];[redacted]"},
    {"4222222222222", "[redacted]"},
    {"30569309025904", "[redacted]"},
    {"card=4111111111111111&x=1", "card=[redacted]&x=1"},
    {"card_4111111111111111", "card_[redacted]"},
    {"\xE2\x82\xAC"
     "4111111111111111\xE2\x82\xAC",
     "\xE2\x82\xAC[redacted]\xE2\x82\xAC"},
    {"1234 5678 9012 3452", "[redacted]"},
    /* no cards */
    {"4111111111111112", NULL},
    {"1700000000006", NULL},             /* a time in ms that passes Luhn */
    {"took 0.4111111111111111 s", NULL}, /* a fraction */
    {"a4111111111111111", NULL},
    {"4111111111111111b", NULL},
    {"41111111111111110000", NULL},
    {"4111-1111 1111-1111", NULL},
    {"2026-11-25 13:54:37.123456789", NULL},
    {"550e8400-e29b-41d4-a716-446655440000", NULL},
    {"1 2 3 4 5 6 7 8 9 10 11 12 13", NULL},
    /* tokens */
    {"Authorization: Bearer abcdefgh12345678", "Authorization: [redacted]"},
    {"sent Bearer abcdefgh12345678 to it", "sent Bearer [redacted] to it"},
    {"curl -H 'Authorization: Basic dXNlcjpwYXNz' http://x/",
     "curl -H 'Authorization: [redacted]' http://x/"},
    {"Bearer authentication is wanted", NULL},
    {"GET /?api_key=s3cr3t&page=2 HTTP/1.1", "GET /?api_key=[redacted]&page=2 HTTP/1.1"},
    {"X-Api-Key: s3cr3t", "X-Api-Key: [redacted]"},
    {"DB_PASSWORD=hunter2 ./run", "DB_PASSWORD=[redacted] ./run"},
    {"password = \"two words\" and more", "password = \"[redacted]\" and more"},
    {"{\"password\":\"a\\\"b\",\"n\":1}", "{\"password\":\"[redacted]\",\"n\":1}"},
    {"{\\\"token\\\":\\\"abc\\\",\\\"n\\\":1}", "{\\\"token\\\":\\\"[redacted]\\\",\\\"n\\\":1}"},
    {"{\"token\":null,\"secret\":true}", NULL},
    {"accessToken=abc", "accessToken=[redacted]"},
    {"Cookie: a=b; sid=c\nHost: x", "Cookie: [redacted]\nHost: x"},
    {"unexpected token: )", NULL},
    {"token: the smallest part of a text", NULL},
    {"passwords=3", NULL},
    {"tokens: 12", NULL},
    {"password=[redacted] token=[redacted]", NULL},
    {"X-Auth-Token: s3cr3t", "X-Auth-Token: [redacted]"},
    {"client_secret: s3cr3t", "client_secret: [redacted]"},
    {"access_token: s3cr3t", "access_token: [redacted]"},
    {"csrf_token: s3cr3t, --token: x", "csrf_token: [redacted], --token: x"},
    {"userPassword=hunter2 dbPassword: hunter2", "userPassword=[redacted] dbPassword: [redacted]"},
    {"password1=a&password2=a", "password1=[redacted]&password2=[redacted]"},
    {"12=3 1_2:3", NULL},
    {"myApiKey=x, mytoken=x", "myApiKey=[redacted], mytoken=x"},
    {"{\"password\"=>\"a b\", :token=>\"c\"}",
     "{\"password\"=>\"[redacted]\", :token=>\"[redacted]\"}"},
    {"password := \"a b\"; token == 'c'", "password := \"[redacted]\"; token == '[redacted]'"},
    {"password:\thunter2", "password:\t[redacted]"},
    {"password\t=\thunter2", "password\t=\t[redacted]"},
    {"\"token\": [ \"a\"]", "\"token\": [ \"[redacted]\"]"},
    {"{\\\"m\\\":\\\"{\\\\\\\"token\\\\\\\":\\\\\\\"a\\\\\\\\\\\\\\\"b\\\\\\\"}\\\",\\\"n\\\":1}",
     "{\\\"m\\\":\\\"{\\\\\\\"token\\\\\\\":\\\\\\\"[redacted]\\\\\\\"}\\\",\\\"n\\\":1}"},
    {"\"{\\\"token\\\":\\\"cut off\" and more", "\"{\\\"token\\\":\\\"[redacted]\" and more"},
    {"Authorization: Token token=\"abc\", x=\"d\" Host: x", "Authorization: [redacted] Host: x"},
    {"Authorization: Digest a=\"m\", response=\"abc\"", "Authorization: [redacted]"},
    {"Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=abc then",
     "Authorization: [redacted] then"},
    {"-H \"Authorization: Basic dXNlcg=\" \"http://x/\"",
     "-H \"Authorization: [redacted]\" \"http://x/\""},
    {"Authorization: Token token=\"abc", "Authorization: [redacted]"},
    {"Bearer  abcdefgh12345678, bearer\tabcdefgh12345678",
     "Bearer  [redacted], bearer\t[redacted]"},
    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl.", "[redacted]"},
    {"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln!", "jwt [redacted]!"},
    {"eyJhbGciOiJIUzI1NiJ9 alone", NULL},
    {"ghp_0123456789abcdefghij0123456789abcdef", "[redacted]"},
    {"x ghp_short", NULL},
    {"AKIAIOSFODNN7EXAMPLE", "[redacted]"},
    {"xoxb-123456789012-abcdef", "[redacted]"},
    {"sk_live_0123456789abcdef", "[redacted]"},
    {"task-force-of-people-who-work-on-something-long", NULL},
    {"mr_3f0d9c1e5a527c118b7d0a4c6b2d9e10_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
     "[redacted]"},
    /* passwords in URLs */
    {"postgres://app:hunter2@db:5432/x", "postgres://app:[redacted]@db:5432/x"},
    {"amqp://u:p@ss@mq/ http://u2:p2@h", "amqp://u:[redacted]@mq/ http://u2:[redacted]@h"},
    {"redis://:pw@cache", "redis://:[redacted]@cache"},
    {"http://host:8080/a@b", NULL},
    {"http://host:8080", NULL},
    {"http://user@host/", NULL},
    {"://", NULL},
    {"http://u:[redacted]@h", NULL},
    {"", NULL},
};
static size_t row_index[sizeof rows / sizeof *rows];

ParameterizedTestParameters(scan, given_a_text_then_its_secrets_alone_are_found)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_index[i] = i;
    return cr_make_param_array(size_t, row_index, sizeof rows / sizeof *rows);
}

ParameterizedTest(size_t *i, scan, given_a_text_then_its_secrets_alone_are_found)
{
    const char *want = rows[*i].want ? rows[*i].want : rows[*i].text;
    struct mr_buf got, again;
    redact(rows[*i].text, &got);
    mr_buf_char(&got, '\0');
    cr_expect_str_eq(got.data, want, "%s: %s", rows[*i].text, got.data);
    /* What was redacted is left alone. */
    redact(got.data, &again);
    mr_buf_char(&again, '\0');
    cr_expect_str_eq(again.data, got.data, "%s: %s", got.data, again.data);
    mr_buf_free(&got);
    mr_buf_free(&again);
}

Test(scan, given_each_prefix_of_a_key_then_it_is_found)
{
    static const char *const prefixes[] = {
        "ghp_",     "gho_",     "ghu_",     "ghs_",   "ghr_",  "github_pat_", "sk_live_",
        "sk_test_", "rk_live_", "rk_test_", "whsec_", "npm_",  "mr_",         "glpat-",
        "xoxb-",    "xoxp-",    "xoxa-",    "xoxr-",  "xoxs-", "xapp-",       "pypi-",
        "sk-",      "hvs.",     "hvb.",     "SG.",    "ya29."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        struct mr_scan_span span;
        char text[128];
        snprintf(text, sizeof text, "%s%064d", prefixes[i], 7);
        cr_expect(mr_scan_next(mr_slice_text(text), 0, MR_SCAN_TOKEN, &span), "%s", text);
        cr_expect(span.begin == 0 && span.end == strlen(text), "%s", text);
    }
}

Test(scan, given_numbers_then_cards_alone_are_told)
{
    cr_expect(mr_scan_is_card(INT64_C(4111111111111111)));
    cr_expect(mr_scan_is_card(INT64_C(4222222222222)));
    cr_expect_not(mr_scan_is_card(INT64_C(4111111111111112)));
    cr_expect_not(mr_scan_is_card(INT64_C(1700000000006)));
    cr_expect_not(mr_scan_is_card(INT64_MAX));
    cr_expect_not(mr_scan_is_card(-INT64_C(4111111111111111)));
    cr_expect_not(mr_scan_is_card(0));
}

/* Texts that repeat what a search begins at. A pass that were not linear would not end in time. */
static const char *const repeated[] = {
    "a:", "=",  "://",     "://a:",    "4111 ", "1-",  "eyJ.",       "sk-",     "ghp_", "password=",
    "\"", "a.", "Bearer ", "token:\"", "\\",    "AKI", "http://a:b", "cookie:", "_",    "x="};
static size_t repeated_index[sizeof repeated / sizeof *repeated];

ParameterizedTestParameters(scan, given_a_hostile_text_then_the_pass_is_linear)
{
    for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++)
        repeated_index[i] = i;
    return cr_make_param_array(size_t, repeated_index, sizeof repeated / sizeof *repeated);
}

ParameterizedTest(size_t *i, scan, given_a_hostile_text_then_the_pass_is_linear, .timeout = 20)
{
    struct mr_buf text, out;
    mr_buf_init(&text, 0);
    while (text.len < 1024 * 1024)
        mr_buf_text(&text, repeated[*i]);
    mr_buf_char(&text, '\0');
    redact(text.data, &out);
    cr_expect(out.len > 0);
    mr_buf_free(&text);
    mr_buf_free(&out);
}
