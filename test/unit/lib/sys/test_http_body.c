/* Bodies in and out: back-pressure, bounds, deadlines, and clients that go away. */
#include "http_rig.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#define GET(path)     "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path, n) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: " #n "\r\n\r\n"
#define EXPECTING(n)                                                                               \
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: " #n "\r\n\r\n"
#define MIB ((size_t)1 << 20)

static struct http_rig rig;

Test(http_body, given_chunks_then_they_are_collected_as_one_body)
{
    rig_init(&rig, answer_body);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3\r\none\r\n4\r\n two\r\n0\r\n\r\n" GET("/next"));
    RIG_UNTIL(&rig, client_count(client, "200 OK") == 2);
    cr_assert(client_has(client, "\r\n\r\none two"));
    rig_stop(&rig);
}

Test(http_body, given_a_large_body_then_it_is_collected_whole)
{
    enum { BYTES = 90000 };
    rig_init(&rig, answer_body);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    char *body = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        body[i] = (char)('a' + i % 23);
    client_text(client, POST("/", 90000));
    client_send(client, body, BYTES);
    RIG_UNTIL(&rig, client->got.len > BYTES);
    cr_assert_eq(memcmp(client->got.data + client->got.len - BYTES, body, BYTES), 0);
    free(body);
    rig_stop(&rig);
}

Test(http_body, given_a_body_beyond_the_bound_then_413_and_the_owner_is_told_gone)
{
    rig_init(&rig, answer_body); /* collects 100,000 */
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, EXPECTING(100001));
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "HTTP/1.1 413 "));
    cr_assert_not(client_has(client, "100 Continue"));
    cr_assert_eq(rig.gone, 1);
    rig_stop(&rig);
}

Test(http_body, given_an_arena_too_small_then_413)
{
    rig_init(&rig, answer_body);
    rig.options.arena_bytes_max = 4096;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    static const char body[8000] = {'x'};
    client_text(client, POST("/", 8000));
    client_send(client, body, sizeof body);
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "HTTP/1.1 413 "));
    rig_stop(&rig);
}

Test(http_body, given_expect_continue_then_100_is_sent_once_the_owner_wants_the_body)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, EXPECTING(3));
    RIG_UNTIL(&rig, rig.x);
    cr_assert_eq(client->got.len, 0);
    mr_http_exchange_read(rig.x);
    RIG_UNTIL(&rig, client_has(client, "HTTP/1.1 100 Continue\r\n\r\n"));
    client_text(client, "abc");
    RIG_UNTIL(&rig, rig.body_ends == 1);
    answer_text(rig.x, 200, "done");
    RIG_UNTIL(&rig, client_has(client, "done"));
    cr_assert_eq(client_count(client, "100 Continue"), 1);
    cr_assert_not(client_has(client, "close"));
    rig_stop(&rig);
}

Test(http_body, given_expect_continue_and_an_answer_without_the_body_then_the_connection_ends)
{
    rig_init(&rig, answer_path);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, EXPECTING(3));
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "Connection: close\r\n"));
    rig_stop(&rig);
}

Test(http_body, given_an_answer_without_reading_a_short_body_then_the_connection_goes_on)
{
    rig_init(&rig, answer_path);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, POST("/1", 5) "he");
    RIG_UNTIL(&rig, client_has(client, "/1"));
    client_text(client, "llo" GET("/2"));
    RIG_UNTIL(&rig, client_has(client, "/2"));
    cr_assert_not(client_has(client, "close"));
    rig_stop(&rig);
}

Test(http_body, given_an_answer_without_reading_a_long_body_then_the_client_sees_it_and_the_end)
{
    rig_init(&rig, answer_path);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    char *body = calloc(1, 200000);
    client_text(client, POST("/1", 200000));
    client_send(client, body, 200000);
    free(body);
    RIG_UNTIL(&rig, client->eof || client->broken);
    cr_assert(client->eof);
    cr_assert(client_has(client, "200 OK"));
    cr_assert(client_has(client, "Connection: close\r\n"));
    rig_stop(&rig);
}

Test(http_body, given_a_stream_that_ends_before_the_body_does_then_so_does_the_connection)
{
    rig_init(&rig, stream);
    rig.stream_bytes = 4096;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n");
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "200 OK"));
    cr_assert_eq(memcmp(client->got.data + client->got.len - 5, "0\r\n\r\n", 5), 0);
    rig_stop(&rig);
}

Test(http_body, given_an_owner_that_pauses_then_the_client_is_held_back_until_it_reads)
{
    enum { TURNS = 200 };
    rig_init(&rig, keep_pieces);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 67108864\r\n\r\n");
    RIG_UNTIL(&rig, rig.x);
    mr_http_exchange_pause(rig.x);
    char *mib = malloc(MIB);
    memset(mib, 'm', MIB);
    for (int i = 0; i < 64; i++)
        client_send(client, mib, MIB);
    free(mib);
    for (int i = 0; i < TURNS; i++)
        uv_run(&rig.loop.uv, UV_RUN_NOWAIT);
    cr_assert_eq(rig.body.len, 0, "a paused owner hears nothing");
    cr_assert_gt(client->unsent, 32 * MIB, "the kernel's buffers take some, we do not");
    mr_http_exchange_read(rig.x);
    RIG_UNTIL(&rig, rig.body_ends == 1);
    cr_assert_eq(rig.body.len, 64 * MIB);
    answer_text(rig.x, 200, "taken");
    RIG_UNTIL(&rig, client_has(client, "taken"));
    rig_stop(&rig);
}

Test(http_body, given_a_client_that_does_not_read_then_the_writer_is_held_back_until_it_does)
{
    rig_init(&rig, stream);
    rig.stream_bytes = 64 * MIB;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_hold(client);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.was_full);
    cr_assert_lt(rig.written_bytes, 32 * MIB);
    cr_assert(rig.x, "the stream waits");
    client_read(client);
    RIG_UNTIL(&rig, client_has(client, "\r\n\r\n") && client->got.len > 64 * MIB &&
                        memcmp(client->got.data + client->got.len - 5, "0\r\n\r\n", 5) == 0);
    cr_assert_gt(rig.drained, 0);
    cr_assert_eq(rig.written_bytes, 64 * MIB);
    rig_stop(&rig);
}

Test(http_body, given_a_known_length_in_pieces_then_it_is_no_chunked_answer)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.x);
    mr_http_exchange_begin(rig.x, 200, NULL, 0, 6);
    cr_assert_eq(mr_http_exchange_write(rig.x, mr_slice_text("abc")), MR_OK);
    cr_assert_eq(mr_http_exchange_write(rig.x, mr_slice_text("def")), MR_OK);
    mr_http_exchange_end(rig.x);
    client_text(client, GET("/2"));
    RIG_UNTIL(&rig, rig.requests == 2);
    cr_assert(client_has(client, "Content-Length: 6\r\n\r\nabcdef"));
    rig_stop(&rig);
}

Test(http_body, given_a_large_answer_at_once_and_a_slow_client_then_it_arrives_whole)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_hold(client);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.x);
    char *body = malloc(16 * MIB);
    memset(body, 'b', 16 * MIB);
    mr_http_exchange_answer(rig.x, 200, NULL, 0, mr_slice(body, 16 * MIB));
    free(body); /* the server's copy goes on */
    client_text(client, GET("/2"));
    client_read(client);
    RIG_UNTIL(&rig, rig.requests == 2 && client->got.len > 16 * MIB);
    const char *at = strstr(client_got(client), "\r\n\r\n") + 4;
    cr_assert_eq(client->got.len - (size_t)(at - client->got.data), 16 * MIB);
    rig_stop(&rig);
}

/* ---- deadlines ---- */

Test(http_body, given_a_head_that_does_not_end_then_408)
{
    rig_init(&rig, answer_path);
    rig.options.header_timeout_ms = 20;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "GET / HTTP/1.1\r\nHo");
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "HTTP/1.1 408 "));
    cr_assert_eq(rig.requests, 0);
    rig_stop(&rig);
}

Test(http_body, given_a_body_that_does_not_end_then_408_and_the_owner_is_told_gone)
{
    rig_init(&rig, answer_body);
    rig.options.body_timeout_ms = 20;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, POST("/", 10) "abc");
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "HTTP/1.1 408 "));
    cr_assert_eq(rig.gone, 1);
    rig_stop(&rig);
}

static void on_past(void *data)
{
    *(bool *)data = true;
}

Test(http_body, given_an_answer_that_takes_longer_than_a_body_may_then_nobody_is_cut_off)
{
    struct mr_timer deadline; /* set after the body's, so it fires after it */
    bool past = false;
    rig_init(&rig, keep_pieces);
    rig.options.body_timeout_ms = 10;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, POST("/", 3) "abc");
    RIG_UNTIL(&rig, rig.body_ends == 1);
    mr_timer_init(&deadline, &rig.loop, on_past, &past);
    mr_timer_start(&deadline, 20);
    RIG_UNTIL(&rig, past);
    cr_assert_eq(rig.gone, 0);
    answer_text(rig.x, 200, "late");
    RIG_UNTIL(&rig, client_has(client, "late"));
    rig_stop(&rig);
}

Test(http_body, given_a_client_slower_than_a_body_may_be_then_its_answer_still_arrives_whole)
{
    struct mr_timer deadline;
    bool past = false;
    rig_init(&rig, keep_pieces);
    rig.options.body_timeout_ms = 10;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_hold(client);
    client_text(client, POST("/", 3) "abc");
    RIG_UNTIL(&rig, rig.body_ends == 1);
    char *body = calloc(1, 16 * MIB);
    mr_http_exchange_answer(rig.x, 200, NULL, 0, mr_slice(body, 16 * MIB));
    free(body);
    mr_timer_init(&deadline, &rig.loop, on_past, &past);
    mr_timer_start(&deadline, 20);
    RIG_UNTIL(&rig, past);
    client_read(client);
    RIG_UNTIL(&rig, client->got.len > 16 * MIB || client->eof || client->broken);
    cr_assert_gt(client->got.len, 16 * MIB);
    rig_stop(&rig);
}

Test(http_body, given_an_idle_connection_then_it_is_closed_without_a_word)
{
    rig_init(&rig, answer_path);
    rig.options.keep_alive_ms = 20;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/1"));
    RIG_UNTIL(&rig, client->eof);
    cr_assert_eq(client_count(client, "HTTP/1.1 "), 1);
    rig_stop(&rig);
}

Test(http_body, given_a_client_that_takes_nothing_then_it_is_broken_off)
{
    rig_init(&rig, stream);
    rig.stream_bytes = 64 * MIB;
    rig.options.send_timeout_ms = 20;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_hold(client);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.gone == 1);
    RIG_UNTIL(&rig, mr_http_server_connections(rig.server) == 0);
    rig_stop(&rig);
}

/* ---- clients that go away ---- */

static const struct {
    const char *request;
    void (*handler)(struct mr_http_exchange *x, void *rig);
} leaving[] = {
    {POST("/", 10) "abc", keep_pieces}, /* in the middle of the body */
    {GET("/"), keep},                   /* while the answer is awaited */
    {GET("/"), stream},                 /* in the middle of the answer */
};
static size_t leaving_index[sizeof leaving / sizeof *leaving];

ParameterizedTestParameters(http_body, given_a_client_that_breaks_off_then_the_owner_is_told)
{
    for (size_t i = 0; i < sizeof leaving / sizeof *leaving; i++)
        leaving_index[i] = i;
    return cr_make_param_array(size_t, leaving_index, sizeof leaving / sizeof *leaving);
}

ParameterizedTest(size_t *i, http_body, given_a_client_that_breaks_off_then_the_owner_is_told)
{
    rig_init(&rig, leaving[*i].handler);
    rig.stream_bytes = 64 * MIB;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_hold(client);
    client_text(client, leaving[*i].request);
    RIG_UNTIL(&rig, rig.requests == 1 && (leaving[*i].handler != stream || rig.was_full));
    client_close(client, true);
    RIG_UNTIL(&rig, rig.gone == 1);
    RIG_UNTIL(&rig, mr_http_server_connections(rig.server) == 0);
    rig_stop(&rig);
}

Test(http_body, given_a_client_that_only_shut_its_side_then_it_gets_its_answer)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/"));
    client_shut(client);
    RIG_UNTIL(&rig, rig.x);
    for (int i = 0; i < 20; i++)
        uv_run(&rig.loop.uv, UV_RUN_NOWAIT);
    cr_assert_eq(rig.gone, 0);
    answer_text(rig.x, 200, "still here");
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "still here"));
    rig_stop(&rig);
}

Test(http_body, given_input_that_ends_inside_a_body_then_400_and_the_owner_is_told)
{
    rig_init(&rig, keep_pieces);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, POST("/", 10) "abc");
    client_shut(client);
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "HTTP/1.1 400 "));
    cr_assert_eq(rig.gone, 1);
    rig_stop(&rig);
}

Test(http_body, given_an_abort_in_mid_answer_then_the_client_does_not_take_it_for_whole)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.x);
    mr_http_exchange_begin(rig.x, 200, NULL, 0, MR_HTTP_LENGTH_UNKNOWN);
    cr_assert_eq(mr_http_exchange_write(rig.x, mr_slice_text("half")), MR_OK);
    RIG_UNTIL(&rig, client_has(client, "half"));
    mr_http_exchange_abort(rig.x);
    RIG_UNTIL(&rig, client->eof || client->broken);
    cr_assert_not(client_has(client, "\r\n0\r\n"));
    cr_assert_eq(rig.gone, 0, "who aborts is not told");
    rig_stop(&rig);
}

/* ---- the end of input ---- */

static int input_ends;

static void count_input_end(struct mr_http_exchange *x)
{
    (void)x;
    input_ends++;
}

static void keep_until_input_end(struct mr_http_exchange *x, void *data)
{
    static const struct mr_http_exchange_events events = {.input_end = count_input_end};
    keep(x, data);
    mr_http_exchange_on(x, &events, data);
}

Test(http_body, given_a_client_that_ends_its_side_then_the_owner_hears_it_once_and_may_answer)
{
    rig_init(&rig, keep_until_input_end);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/1") GET("/2"));
    RIG_UNTIL(&rig, rig.x);
    client_shut(client);
    cr_assert_not(mr_http_exchange_has_input_ended(rig.x));
    struct mr_http_exchange *x = rig.x;
    rig.x = NULL;
    answer_text(x, 200, "one"); /* the second request was on its way: no end before it */
    RIG_UNTIL(&rig, input_ends > 0);
    cr_assert(mr_slice_is(rig.x->request->path, "/2"));
    cr_assert(mr_http_exchange_has_input_ended(rig.x));
    answer_text(rig.x, 200, "two");
    RIG_UNTIL(&rig, client->eof);
    cr_assert(client_has(client, "two"));
    cr_assert_eq(input_ends, 1);
    rig_stop(&rig);
}
