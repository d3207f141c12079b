#include "collect_fixture.h"

#include "mr_catalog_folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

struct world world = {.answers = true};

static enum mr_status fake_send(void *impl, const struct mr_kafka_message *m, struct mr_error *why)
{
    (void)impl;
    (void)why;
    cr_assert_lt(world.sent, SENT_MAX);
    cr_assert_str_eq(m->topic, "logging.commands");
    cr_assert(mr_slice_equal(m->key, mr_ce_header_find(&m->headers, "ce_id")));
    world.bodies[world.sent] = json_loadb(m->value.data, m->value.len, 0, NULL);
    cr_assert_not_null(world.bodies[world.sent], "%.*s", MR_SLICE_FMT(m->value));
    world.opaque[world.sent++] = m->opaque;
    return MR_OK;
}

static void fake_close(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner),
                       void *owner)
{
    (void)impl;
    (void)deadline_ms;
    world.on_closed = on_closed;
    world.closed_owner = owner;
}

static void on_room(void *owner)
{
    struct world *w = owner;
    w->rooms++;
    if (w->on_room)
        w->on_room(w->data);
}

void world_open(uint32_t in_flight_max)
{
    struct mr_error why;
    const struct command_log log = {.impl = &world, .send = fake_send, .close = fake_close};
    int sink = open("/dev/null", O_WRONLY | O_CLOEXEC);
    mr_log_open(&world.log, "test", sink, MR_LOG_JSON, MR_LOG_DEBUG);
    world.metrics = mr_metrics_new();
    mr_loop_init(&world.loop, NULL);
    cr_assert_eq(mr_catalog_folder_read(SCHEMAS, &world.catalog, &why), MR_OK, "%s", why.text);
    struct collect_pipe_settings settings = {
        .loop = &world.loop,
        .log = &world.log,
        .metrics = world.metrics,
        .command = mr_catalog_command_of(world.catalog, mr_slice_text("logging.line")),
        .in_flight_max = in_flight_max,
        .body_bytes_max = 4096,
        .on_room = on_room,
        .owner = &world,
    };
    cr_assert_eq(collect_pipe_new(&settings, &world.pipe, &why), MR_OK, "%s", why.text);
    command_flow_open(collect_pipe_flow(world.pipe), &log);
}

void world_report(enum mr_kafka_outcome outcome, enum mr_status status)
{
    cr_assert_lt(world.reported, world.sent);
    struct mr_kafka_report r = {.opaque = world.opaque[world.reported],
                                .outcome = outcome,
                                .status = status,
                                .offset = (int64_t)world.reported,
                                .error = status == MR_OK ? NULL : "it says why"};
    world.reported++;
    command_flow_report(collect_pipe_flow(world.pipe), &r);
}

void world_turn(void)
{
    while (world.answers && world.reported < world.sent)
        world_report(MR_KAFKA_STORED, MR_OK);
    uv_run(&world.loop.uv, UV_RUN_ONCE);
}

void world_until_sent(size_t count)
{
    for (unsigned turns = 0; world.sent < count; turns++) {
        cr_assert_lt(turns, 100000, "only %zu were sent", world.sent);
        world_turn();
    }
}

void world_close(void)
{
    collect_pipe_close(world.pipe, 0, NULL, NULL);
    while (!world.on_closed)
        uv_run(&world.loop.uv, UV_RUN_ONCE);
    while (world.reported < world.sent)
        world_report(MR_KAFKA_UNKNOWN, MR_LOST);
    world.on_closed(world.closed_owner);
    mr_loop_close(&world.loop);
    for (size_t i = 0; i < world.sent; i++)
        json_decref(world.bodies[i]);
    mr_catalog_free(world.catalog);
    mr_metrics_free(world.metrics);
    close(world.log.fd);
}

const char *world_text(size_t sent, const char *name)
{
    cr_assert_lt(sent, world.sent);
    const char *text = json_string_value(json_object_get(world.bodies[sent], name));
    return text ? text : "";
}

double world_metric(const char *line)
{
    struct mr_buf out;
    double value = -1;
    mr_buf_init(&out, 0);
    mr_metrics_render(world.metrics, &out);
    mr_buf_char(&out, '\0');
    const char *found = strstr(out.data, line);
    if (found)
        value = strtod(found + strlen(line), NULL);
    mr_buf_free(&out);
    return value;
}
