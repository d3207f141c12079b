/* How a server ends, and what it does when it is full. */
#include "http_rig.h"

#include <criterion/criterion.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct http_rig rig;

Test(http_drain, given_a_drain_then_new_clients_are_answered_with_close_and_running_ones_finish)
{
    rig_init(&rig, keep);
    rig.options.drain_ms = 20;
    rig_start(&rig);
    struct rig_client *running = rig_connect(&rig), *idle = rig_connect(&rig);
    client_text(running, GET("/running"));
    RIG_UNTIL(&rig, rig.x);
    struct mr_http_exchange *first = rig.x;
    mr_http_server_drain(rig.server);
    cr_assert(mr_http_server_is_draining(rig.server));

    struct rig_client *late = rig_connect(&rig);
    client_text(late, GET("/late"));
    RIG_UNTIL(&rig, rig.requests == 2);
    answer_text(rig.x, 202, "taken");
    RIG_UNTIL(&rig, late->eof);
    cr_assert(client_has(late, "Connection: close\r\n"));
    cr_assert(client_has(late, "taken"));

    RIG_UNTIL(&rig, idle->eof); /* the drain time is over */
    cr_assert_not(rig.ended, "one exchange is still open");
    answer_text(first, 200, "finished");
    RIG_UNTIL(&rig, running->eof);
    cr_assert(client_has(running, "finished"));
    cr_assert(client_has(running, "Connection: close\r\n"));
    RIG_UNTIL(&rig, rig.ended);
    rig_stop(&rig);
}

Test(http_drain, given_no_connection_then_the_drain_is_over_after_the_quiet_time)
{
    rig_init(&rig, keep);
    rig.options.drain_ms = 3600000;
    rig.options.drain_quiet_ms = 10;
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.x);
    mr_http_server_drain(rig.server);
    answer_text(rig.x, 200, "bye");
    RIG_UNTIL(&rig, client->eof);
    client_close(client, false);
    RIG_UNTIL(&rig, rig.ended);
    rig_stop(&rig);
}

Test(http_drain, given_no_connection_at_the_drain_then_it_is_over_after_the_quiet_time)
{
    rig_init(&rig, keep);
    rig.options.drain_ms = 3600000;
    rig.options.drain_quiet_ms = 10;
    rig_start(&rig);
    mr_http_server_drain(rig.server);
    cr_assert_not(rig.ended);
    RIG_UNTIL(&rig, rig.ended);
    rig_stop(&rig);
}

Test(http_drain, given_open_exchanges_when_closed_then_owners_are_told_gone_and_it_ends)
{
    rig_init(&rig, keep);
    rig_start(&rig);
    struct rig_client *client = rig_connect(&rig), *idle = rig_connect(&rig);
    client_text(client, GET("/"));
    RIG_UNTIL(&rig, rig.x);
    mr_http_server_close(rig.server);
    cr_assert_eq(rig.gone, 0, "nobody is called back on the caller's stack");
    RIG_UNTIL(&rig, rig.ended);
    cr_assert_eq(rig.gone, 1);
    RIG_UNTIL(&rig, (client->eof || client->broken) && (idle->eof || idle->broken));
    rig_stop(&rig);
}

Test(http_drain, given_a_server_that_never_listened_then_it_ends_all_the_same)
{
    rig_init(&rig, keep);
    rig.server = mr_http_server_new(&rig.loop, &rig.options);
    mr_http_server_close(rig.server);
    RIG_UNTIL(&rig, rig.ended);
    rig_stop(&rig);
}

Test(http_drain, given_as_many_connections_as_may_be_then_the_longest_idle_gives_way)
{
    rig_init(&rig, answer_path);
    rig.options.connections_max = 2;
    rig_start(&rig);
    struct rig_client *first = rig_connect(&rig), *second = rig_connect(&rig);
    client_text(first, GET("/1"));
    RIG_UNTIL(&rig, client_has(first, "/1"));
    client_text(second, GET("/2"));
    RIG_UNTIL(&rig, client_has(second, "/2"));
    struct rig_client *third = rig_connect(&rig);
    client_text(third, GET("/3"));
    RIG_UNTIL(&rig, client_has(third, "/3"));
    cr_assert(first->eof);
    cr_assert_not(second->eof);
    rig_stop(&rig);
}

Test(http_drain, given_only_busy_connections_then_one_more_waits_for_its_turn)
{
    rig_init(&rig, keep);
    rig.options.connections_max = 1;
    rig_start(&rig);
    struct rig_client *busy = rig_connect(&rig);
    client_text(busy, GET("/busy"));
    RIG_UNTIL(&rig, rig.x);
    struct mr_http_exchange *x = rig.x;
    struct rig_client *waiting = rig_connect(&rig);
    client_text(waiting, GET("/waiting"));
    for (int i = 0; i < 20; i++)
        uv_run(&rig.loop.uv, UV_RUN_NOWAIT);
    cr_assert_eq(rig.requests, 1);
    answer_text(x, 200, "done");
    RIG_UNTIL(&rig, client_has(busy, "done"));
    client_close(busy, false);
    RIG_UNTIL(&rig, rig.requests == 2);
    answer_text(rig.x, 200, "at last");
    RIG_UNTIL(&rig, client_has(waiting, "at last"));
    rig_stop(&rig);
}
