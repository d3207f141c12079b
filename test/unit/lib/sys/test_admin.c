#include "http_rig.h"

#include "mr_admin.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Only the rig's loop and clients are used here; the server under test is the admin's. */
static struct http_rig rig;
static struct mr_admin *admin;
static struct mr_log log_;
static struct mr_metrics *metrics;
static bool is_ready, closed;

static bool ready(struct mr_buf *detail, void *data)
{
    (void)data;
    mr_buf_text(detail, "{\"kafka\":\"away\"}");
    return is_ready;
}

static void on_closed(void *data)
{
    (void)data;
    closed = true;
}

static void start(void)
{
    int ends[2];
    char line[512] = {0};
    struct mr_error why;
    rig_init(&rig, answer_path);
    cr_assert_eq(pipe2(ends, O_NONBLOCK), 0);
    mr_log_open(&log_, "millrace-test", ends[1], MR_LOG_JSON, MR_LOG_INFO);
    metrics = mr_metrics_new();
    mr_metrics_counter(metrics, "millrace_x_total", "X", NULL);
    const struct mr_admin_options options = {
        .address = "127.0.0.1", .port = 0, .log = &log_, .metrics = metrics, .ready = ready};
    cr_assert_eq(mr_admin_start(&rig.loop, &options, &admin, &why), MR_OK, "%s", why.text);
    cr_assert_gt(read(ends[0], line, sizeof line - 1), 0);
    const char *at = strstr(line, "\"msg\":\"admin listener\",\"port\":");
    cr_assert(at, "%s", line);
    cr_assert_eq(sscanf(at, "\"msg\":\"admin listener\",\"port\":%d", &rig.port), 1);
    close(ends[0]);
    close(ends[1]);
}

static void stop(void)
{
    mr_admin_close(admin, on_closed, NULL);
    RIG_UNTIL(&rig, closed);
    rig.ended = true; /* the rig had no server of its own */
    rig_stop(&rig);
    mr_metrics_free(metrics);
}

static struct rig_client *get(const char *path)
{
    char text[128];
    struct rig_client *client = rig_connect(&rig);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    client_text(client, text);
    RIG_UNTIL(&rig, client->eof);
    return client;
}

TestSuite(admin, .init = start, .fini = stop);

Test(admin, given_a_turning_loop_then_it_is_live)
{
    cr_assert(client_has(get("/livez"), "HTTP/1.1 200 OK"));
}

Test(admin, given_readiness_then_status_and_detail_say_so)
{
    struct rig_client *client = get("/readyz");
    cr_assert(client_has(client, "HTTP/1.1 503 "));
    cr_assert(client_has(client, "\r\n\r\n{\"ready\":false,\"detail\":{\"kafka\":\"away\"}}\n"));
    is_ready = true;
    client = get("/readyz");
    cr_assert(client_has(client, "HTTP/1.1 200 OK"));
    cr_assert(client_has(client, "{\"ready\":true,\"detail\":{\"kafka\":\"away\"}}\n"));
}

Test(admin, given_metrics_then_they_are_prometheus_text)
{
    struct rig_client *client = get("/metrics");
    cr_assert(client_has(client, "Content-Type: text/plain; version=0.0.4"));
    cr_assert(client_has(client, "\nmillrace_x_total 0\n"));
}

Test(admin, given_another_path_or_method_then_a_problem)
{
    cr_assert(client_has(get("/secret"), "HTTP/1.1 404 "));
    struct rig_client *client = rig_connect(&rig);
    client_text(client, "POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    RIG_UNTIL(&rig, client_has(client, "\r\n\r\n"));
    cr_assert(client_has(client, "HTTP/1.1 405 "));
    cr_assert(client_has(client, "Allow: GET, HEAD\r\n"));
}
