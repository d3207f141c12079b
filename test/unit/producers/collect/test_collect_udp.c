/* Real sockets of the loopback interface, a log of our own. */
#include "collect_fixture.h"
#include "collect_udp.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct collect_udp *udp;
static bool closed;
static int sender;

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void resume(void *data)
{
    (void)data;
    collect_udp_resume(udp);
}

static void open_udp(uint32_t in_flight_max, int64_t buffer_bytes)
{
    struct mr_error why;
    int port = free_port();
    world_open(in_flight_max);
    struct collect_udp_settings settings = {.loop = &world.loop,
                                            .log = &world.log,
                                            .metrics = world.metrics,
                                            .pipe = world.pipe,
                                            .protocol = COLLECT_SYSLOG_UDP,
                                            .address = "127.0.0.1",
                                            .port = port,
                                            .buffer_bytes = buffer_bytes,
                                            .message_bytes_max = 500};
    cr_assert_eq(collect_udp_new(&settings, &udp, &why), MR_OK, "%s", why.text);
    world.on_room = resume;
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)port)};
    sender = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(connect(sender, (struct sockaddr *)&a, sizeof a), 0);
}

static void on_closed(void *owner)
{
    (void)owner;
    closed = true;
}

static void close_udp(void)
{
    world.on_room = NULL;
    collect_udp_close(udp, on_closed, NULL);
    while (!closed)
        uv_run(&world.loop.uv, UV_RUN_ONCE);
    close(sender);
    world_close();
}

static void say(const char *text)
{
    cr_assert_eq(send(sender, text, strlen(text), 0), (ssize_t)strlen(text));
}

Test(collect_udp, given_datagrams_then_one_line_each_with_the_trailer_cut)
{
    char long_one[900];
    open_udp(64, 1 << 20);
    say("<13>one\n");
    say("<13>two");
    memset(long_one, 'x', sizeof long_one);
    memcpy(long_one, "<13>", 4);
    long_one[sizeof long_one - 1] = '\0';
    say(long_one);
    world_until_sent(3);
    cr_assert_str_eq(world_text(0, "body"), "one");
    cr_assert_str_eq(world_text(1, "body"), "two");
    cr_assert_eq(strlen(world_text(2, "body")), 496);
    cr_assert_eq(world_metric("received_total{protocol=\"syslog-udp\"} "), 3);
    close_udp();
}

Test(collect_udp, given_no_room_then_the_kernel_keeps_and_counts_and_all_are_accounted_for)
{
    enum { DATAGRAMS = 3000 };
    char text[64];
    open_udp(100, 16384);
    world.answers = false;
    for (unsigned n = 0; n < DATAGRAMS; n++) {
        snprintf(text, sizeof text, "<13>line %u", n);
        say(text);
        if (n % 50 == 0)
            uv_run(&world.loop.uv, UV_RUN_NOWAIT);
    }
    cr_assert_eq(world.sent, 100);
    cr_assert_gt(collect_udp_dropped(udp), 0);
    world.answers = true;
    size_t rest = DATAGRAMS - (size_t)collect_udp_dropped(udp);
    world_until_sent(rest);
    collect_udp_refresh(udp);
    cr_assert_eq(world_metric("kernel_dropped_total{protocol=\"syslog-udp\"} "),
                 (double)(DATAGRAMS - rest));
    close_udp();
}

Test(collect_udp, given_an_end_then_what_the_kernel_has_is_taken_or_counted)
{
    open_udp(4, 1 << 20);
    world.answers = false;
    for (unsigned n = 0; n < 70; n++)
        say("<13>line");
    world.on_room = NULL;
    collect_udp_close(udp, on_closed, NULL);
    cr_assert_eq(world.sent, 4);
    cr_assert_eq(world_metric("lost_total{protocol=\"syslog-udp\",cause=\"given_up\"} "), 66);
    while (!closed)
        uv_run(&world.loop.uv, UV_RUN_ONCE);
    close(sender);
    world_close();
}
