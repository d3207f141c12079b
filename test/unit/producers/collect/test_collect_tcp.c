/* Real sockets of the loopback interface, a log of our own. */
#include "collect_fixture.h"
#include "collect_tcp.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct collect_tcp *tcp;
static bool closed;
static int port;

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void resume(void *data)
{
    (void)data;
    collect_tcp_resume(tcp);
}

static void open_tcp(uint32_t in_flight_max, enum collect_protocol protocol)
{
    struct mr_error why;
    world_open(in_flight_max);
    port = free_port();
    struct collect_tcp_settings settings = {.loop = &world.loop,
                                            .log = &world.log,
                                            .metrics = world.metrics,
                                            .pipe = world.pipe,
                                            .protocol = protocol,
                                            .address = "127.0.0.1",
                                            .port = port,
                                            .message_bytes_max = 1000};
    cr_assert_eq(collect_tcp_new(&settings, &tcp, &why), MR_OK, "%s", why.text);
    world.on_room = resume;
}

static void on_closed(void *owner)
{
    (void)owner;
    closed = true;
}

static void close_tcp(void)
{
    world.on_room = NULL;
    collect_tcp_close(tcp, on_closed, NULL);
    while (!closed)
        uv_run(&world.loop.uv, UV_RUN_ONCE);
    world_close();
}

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void say(int fd, const char *text, size_t len)
{
    cr_assert_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

Test(collect_tcp, given_both_framings_cut_anywhere_then_every_message_in_order)
{
    static const char bytes[] = "<13>one\n11 <13>two\nand<13>three\r\n<13>last";
    open_tcp(64, COLLECT_SYSLOG_TCP);
    int fd = dial();
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        say(fd, bytes + i, 1);
        world_turn();
    }
    close(fd);
    world_until_sent(4);
    cr_assert_str_eq(world_text(0, "body"), "one");
    cr_assert_str_eq(world_text(1, "body"), "two\nand");
    cr_assert_str_eq(world_text(2, "body"), "three");
    cr_assert_str_eq(world_text(3, "body"), "last", "the stream's end completes it");
    close_tcp();
}

Test(collect_tcp, given_gelf_with_nul_framing_then_lines)
{
    open_tcp(64, COLLECT_GELF_TCP);
    int fd = dial();
    say(fd, "{\"short_message\":\"a\"}\0{\"short_message\":\"b\"}\0", 44);
    world_until_sent(2);
    cr_assert_str_eq(world_text(1, "body"), "b");
    close(fd);
    close_tcp();
}

Test(collect_tcp, given_no_room_then_nothing_is_read_and_later_all_is_taken_in_order)
{
    enum { LINES = 2000 };
    char line[64];
    open_tcp(8, COLLECT_SYSLOG_TCP);
    world.answers = false;
    int fd = dial();
    for (unsigned n = 0; n < LINES; n++)
        say(fd, line, (size_t)snprintf(line, sizeof line, "<13>line %u\n", n));
    world_until_sent(8);
    for (unsigned i = 0; i < 3; i++)
        uv_run(&world.loop.uv, UV_RUN_NOWAIT);
    cr_assert_eq(world.sent, 8, "the window is full");
    cr_assert_eq(world_metric("connections_held{protocol=\"syslog-tcp\"} "), 1);
    cr_assert(collect_tcp_is_busy(tcp));
    close(fd); /* what is on its way is read all the same */
    world.answers = true;
    world_until_sent(LINES);
    for (unsigned n = 0; n < LINES; n++) {
        snprintf(line, sizeof line, "line %u", n);
        cr_assert_str_eq(world_text(n, "body"), line);
    }
    close_tcp();
}

Test(collect_tcp, given_an_end_while_held_then_what_was_read_is_counted_as_given_up)
{
    char line[64];
    open_tcp(4, COLLECT_SYSLOG_TCP);
    world.answers = false;
    int fd = dial();
    for (unsigned n = 0; n < 10; n++)
        say(fd, line, (size_t)snprintf(line, sizeof line, "<13>line %u\n", n));
    world_until_sent(4);
    while (world_metric("connections_held{protocol=\"syslog-tcp\"} ") != 1)
        uv_run(&world.loop.uv, UV_RUN_NOWAIT);
    world.on_room = NULL;
    collect_tcp_close(tcp, on_closed, NULL);
    double lost = world_metric("lost_total{protocol=\"syslog-tcp\",cause=\"given_up\"} ");
    cr_assert_gt(lost, 0);
    cr_assert_leq(lost, 6);
    while (!closed)
        uv_run(&world.loop.uv, UV_RUN_ONCE);
    close(fd);
    world_close();
}

Test(collect_tcp, given_a_port_in_use_then_it_says_so)
{
    struct mr_error why;
    open_tcp(4, COLLECT_SYSLOG_TCP);
    struct collect_tcp *other;
    struct collect_tcp_settings settings = {.loop = &world.loop,
                                            .log = &world.log,
                                            .metrics = world.metrics,
                                            .pipe = world.pipe,
                                            .protocol = COLLECT_GELF_TCP,
                                            .address = "127.0.0.1",
                                            .port = port,
                                            .message_bytes_max = 1000};
    cr_assert_eq(collect_tcp_new(&settings, &other, &why), MR_INVALID);
    cr_assert_not_null(strstr(why.text, "cannot listen on 127.0.0.1"), "%s", why.text);
    settings.address = "nowhere";
    cr_assert_eq(collect_tcp_new(&settings, &other, &why), MR_INVALID);
    cr_assert_not_null(strstr(why.text, "COLLECT_ADDRESS"));
    close_tcp();
}
