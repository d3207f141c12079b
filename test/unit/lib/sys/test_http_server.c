/* Requests and answers: splitting, pipelining, framing, refusals. */
#include "http_rig.h"

#include "mr_metrics.h"
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#define GET(path)     "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, n) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " #n "\r\n\r\n"
#define CHUNKED_POST  "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct http_rig rig;

Test(http_server, given_a_request_split_at_every_byte_then_each_is_answered_alike)
{
    static const char request[] = POST("/x", 5) "hello" GET("/y");
    rig_init(&rig, answer_body);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    int want = 0;
    for (size_t at = 1; at < sizeof request - 1; at++) {
        client_send(client, request, at);
        RIG_UNTIL(&rig, client->unsent == 0);
        client_send(client, request + at, sizeof request - 1 - at);
        want += 2;
        RIG_UNTIL(&rig, client_count(client, "HTTP/1.1 200 OK") == want);
    }
    cr_assert_eq(client_count(client, "\r\n\r\nhello"), want / 2);
    cr_assert_eq(rig.requests, want);
    rig_stop(&rig);
}

Test(http_server, given_pipelined_requests_and_late_answers_then_they_are_answered_in_order)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/1") GET("/2") GET("/3"));
    for (int i = 1; i <= 3; i++) {
        char path[8], body[16];
        snprintf(path, sizeof path, "/%d", i);
        RIG_UNTIL(&rig, rig.x);
        cr_assert_eq(rig.requests, i, "the next one is only taken after the answer");
        cr_assert(mr_slice_is(rig.x->request->path, path));
        snprintf(body, sizeof body, "answer %d", i);
        struct mr_http_exchange *x = rig.x;
        rig.x = NULL;
        answer_text(x, 200, body);
        RIG_UNTIL(&rig, client_has(client, body));
    }
    cr_assert_eq(client_count(client, "200 OK"), 3);
    rig_stop(&rig);
}

Test(http_server, given_more_pipelined_requests_than_one_turn_takes_then_all_are_answered)
{
    enum { COUNT = 500 };
    rig_init(&rig, answer_path);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    struct mr_buf all;
    mr_buf_init(&all, 0);
    for (int i = 0; i < COUNT; i++)
        mr_buf_text(&all, GET("/p"));
    client_send(client, all.data, all.len);
    mr_buf_free(&all);
    RIG_UNTIL(&rig, client_count(client, "200 OK") == COUNT);
    cr_assert_eq(rig.requests, COUNT);
    rig_stop(&rig);
}

Test(http_server, given_head_then_the_length_is_told_without_a_body)
{
    rig_init(&rig, answer_path);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "HEAD /abc HTTP/1.1\r\nHost: a\r\n\r\n" GET("/next"));
    RIG_UNTIL(&rig, client_has(client, "/next"));
    cr_assert(client_has(client, "Content-Length: 4\r\n"));
    cr_assert_not(client_has(client, "/abc"));
    rig_stop(&rig);
}

Test(http_server, given_http_1_0_then_it_is_answered_and_closed)
{
    rig_init(&rig, stream);
    rig.stream_bytes = 8192;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "GET / HTTP/1.0\r\n\r\n");
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "Connection: close\r\n"));
    cr_assert_not(client_has(client, "Transfer-Encoding"));
    const char *body = strstr(client_got(client), "\r\n\r\n") + 4;
    cr_assert_eq(client->got.len - (size_t)(body - client->got.data), 8192);
    rig_stop(&rig);
}

Test(http_server, given_connection_close_then_the_answer_says_so_and_ends_it)
{
    rig_init(&rig, answer_path);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/2"));
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "Connection: close\r\n"));
    cr_assert_eq(rig.requests, 1);
    rig_stop(&rig);
}

Test(http_server, given_an_answer_without_a_body_by_status_then_none_is_sent)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.x);
    mr_http_exchange_answer(rig.x, 304, NULL, 0, mr_slice_text("not sent"));
    RIG_UNTIL(&rig, client_has(client, "\r\n\r\n"));
    cr_assert_not(client_has(client, "not sent"));
    cr_assert_not(client_has(client, "Content-Length"));
    rig_stop(&rig);
}

Test(http_server, given_a_field_that_would_split_the_answer_then_500_is_answered_instead)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.x);
    const struct mr_http_field bad = {mr_slice_text("Location"),
                                      mr_slice_text("/a\r\nSet-Cookie: stolen=1")};
    mr_http_exchange_answer(rig.x, 201, &bad, 1, mr_slice_text("x"));
    RIG_UNTIL(&rig, client_has(client, "\r\n\r\n"));
    cr_assert(client_has(client, "HTTP/1.1 500 "));
    cr_assert_not(client_has(client, "Set-Cookie"));
    rig_stop(&rig);
}

/* Whatever else the client sends, it must see the answer and then the end. */
static const struct {
    const char *request, *status;
} refused[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 "},
    {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nbad name: x\r\n\r\n", "400 "},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501 "},
    {CHUNKED_POST "zz\r\n", "400 "},
    {POST("/", 300000), "413 "},
};
static size_t refused_index[sizeof refused / sizeof *refused];

ParameterizedTestParameters(http_server, given_what_is_no_request_then_it_is_refused_and_closed)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        refused_index[i] = i;
    return cr_make_param_array(size_t, refused_index, sizeof refused / sizeof *refused);
}

ParameterizedTest(size_t *i, http_server, given_what_is_no_request_then_it_is_refused_and_closed)
{
    static const char more[100000] = {'x'};
    rig_init(&rig, answer_body);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, refused[*i].request);
    client_send(client, more, sizeof more); /* unread input would reset the connection */
    RIG_UNTIL(&rig, client->eof || client->broken);
    cr_assert(client->eof);
    cr_assert(client_has(client, refused[*i].status), "%s", client_got(client));
    cr_assert(client_has(client, "application/problem+json"));
    cr_assert(client_has(client, "Connection: close\r\n"));
    rig_stop(&rig);
}

Test(http_server, given_metrics_then_connections_answers_and_refusals_are_counted)
{
    struct mr_metrics *metrics = mr_metrics_new();
    struct mr_buf text;
    mr_buf_init(&text, 0);
    rig_init(&rig, answer_path);
    rig.options.metrics = metrics;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/a") GET("/b") "nonsense\r\n\r\n");
    RIG_UNTIL(&rig, client->eof);
    mr_metrics_render(metrics, &text);
    mr_buf_char(&text, '\0');
    cr_assert(strstr(text.data, "\nmillrace_http_connections 1\n"));
    cr_assert(strstr(text.data, "\nmillrace_http_connections_total 1\n"));
    cr_assert(strstr(text.data, "\nmillrace_http_answers_total{class=\"2xx\"} 2\n"));
    cr_assert(strstr(text.data, "\nmillrace_http_refused_total 1\n"), "%s", text.data);
    rig_stop(&rig);
    mr_buf_free(&text);
    mr_metrics_free(metrics);
}

Test(http_server, given_a_peer_then_its_address_is_told)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    client_text(rig_connect(&rig), GET("/"));
    RIG_UNTIL(&rig, rig.x);
    cr_assert_str_eq(mr_http_exchange_peer(rig.x), "127.0.0.1");
    rig_stop(&rig);
}

Test(http_server, given_a_port_in_use_or_no_address_then_the_reason_is_told)
{
    struct mr_error why;
    rig_init(&rig, keep);
    rig_start(&rig);
    struct http_rig other;
    rig_init(&other, keep);
    other.server = mr_http_server_new(&other.loop, &other.options);
    cr_assert_eq(mr_http_server_listen(other.server, "localhost", 0, NULL, &why), MR_INVALID);
    cr_assert(strstr(why.text, "localhost"));
    cr_assert_eq(mr_http_server_listen(other.server, "127.0.0.1", rig.port, NULL, &why), MR_FATAL);
    cr_assert(strstr(why.text, "address already in use"), "%s", why.text);
    rig_stop(&other);
    rig_stop(&rig);
}
