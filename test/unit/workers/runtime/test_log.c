/* Ticks and events into a real log, and back. The test plays the engine. */
#include "kafka_broker.h"
#include "kafka_test_log.h"
#include "kafka_until.h"
#include "mr_cloudevent.h"
#include "mr_time.h"
#include "runtime_log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#define LANES      3
#define LIMIT_MS   30000
#define RECORD_MAX 8

/* What the log told the engine. */
struct engine {
    struct engine_log port;
    uint64_t assigned, records, stored, failed, closed;
    struct record {
        int32_t lane;
        char key[16], value[64];
        char cause[64]; /* why it is no command; "" */
        struct mr_ce_command ce;
        char type[32], principal[32];
    } record[RECORD_MAX];
};

void engine_assign(struct engine *e, const int32_t *lanes, size_t count)
{
    e->assigned += count;
    for (size_t i = 0; i < count; i++)
        e->port.start(e->port.ctx, lanes[i], ENGINE_EARLIEST);
}

void engine_revoke(struct engine *e, const int32_t *lanes, size_t count)
{
    (void)e;
    (void)lanes;
    (void)count;
}

void engine_on_record(struct engine *e, const struct engine_record *r)
{
    const char *cause = "";
    cr_assert_lt(e->records, RECORD_MAX);
    struct record *to = &e->record[e->records++];
    to->lane = r->lane;
    snprintf(to->key, sizeof to->key, "%.*s", MR_SLICE_FMT(r->in.key));
    snprintf(to->value, sizeof to->value, "%.*s", MR_SLICE_FMT(r->in.value));
    if (mr_ce_command_read(&r->in.headers, mr_slice_text("shop"), &to->ce, &cause) != MR_OK)
        snprintf(to->cause, sizeof to->cause, "%s", cause);
    snprintf(to->type, sizeof to->type, "%.*s", MR_SLICE_FMT(to->ce.type));
    snprintf(to->principal, sizeof to->principal, "%.*s", MR_SLICE_FMT(to->ce.principal));
}

void engine_on_out_of_range(struct engine *e, int32_t lane)
{
    (void)e;
    cr_assert_fail("lane %d", (int)lane);
}

void engine_on_checked(struct engine *e, const struct engine_checked *checked)
{
    (void)e;
    (void)checked;
}

void engine_on_report(struct engine *e, uint64_t round, int32_t lane, int64_t sequence, bool stored,
                      int64_t offset)
{
    (void)round;
    (void)lane;
    (void)sequence;
    (void)offset;
    e->stored += stored;
    e->failed += !stored;
}

struct bed {
    struct mr_loop loop;
    struct mr_log lines;
    struct mr_kafka_conf *conf;
    struct engine engine;
    struct runtime_log *log;
};

static void on_fatal(void *owner, const char *why)
{
    (void)owner;
    cr_assert_fail("%s", why);
}

static void open_log(struct bed *b, const char *domain)
{
    struct mr_error why;
    mr_log_open(&b->lines, "test", STDERR_FILENO, MR_LOG_JSON, MR_LOG_ERROR);
    mr_loop_init(&b->loop, NULL);
    b->conf = kafka_test_conf(kafka_broker_address());
    struct runtime_log_settings settings = {
        .loop = &b->loop,
        .log = &b->lines,
        .conf = b->conf,
        .domain = domain,
        .has_ticks = true,
        .session_timeout_ms = 10000,
        .on_fatal = on_fatal,
    };
    cr_assert_eq(runtime_log_new(&settings, &b->log, &why), MR_OK, "%s", why.text);
    b->engine.port = runtime_log_port(b->log);
}

static void on_closed(void *owner)
{
    ((struct bed *)owner)->engine.closed++;
}

static void close_log(struct bed *b)
{
    runtime_log_close(b->log, on_closed, b);
    cr_assert(kafka_until_count(&b->loop.uv, &b->engine.closed, 1, LIMIT_MS));
    mr_kafka_conf_free(b->conf);
    mr_loop_close(&b->loop);
}

static bool are_ticks_reported(void *data)
{
    struct runtime_tick_counts c = runtime_log_tick_counts(((struct bed *)data)->log);
    return c.written + c.failed >= 3;
}

static void publish(struct bed *b)
{
    struct engine_event event = {
        .lane = 1,
        .time_ms = 1790239143123,
        .type = mr_slice_text("shop.sold"),
        .key = mr_slice_text("key"),
        .data = mr_slice_text("{}"),
    };
    cr_assert_eq(b->engine.port.publish(b->engine.port.ctx, 1, &event), MR_OK);
}

static void serve(struct bed *b)
{
    struct mr_error why;
    cr_assert_eq(runtime_log_serve(b->log, &b->engine, LANES, &why), MR_OK, "%s", why.text);
}

Test(log, given_ticks_that_cannot_be_written_then_publication_goes_on)
{
    struct bed b = {.log = NULL};
    open_log(&b, "stall");
    kafka_test_topic(b.conf, "stall.events", LANES);
    kafka_test_topic(b.conf, "stall.commands", 1);
    serve(&b);
    for (int i = 0; i < 3; i++) /* this lane is not there */
        b.engine.port.tick(b.engine.port.ctx, LANES - 1, 1790239140000);
    publish(&b);
    cr_assert(kafka_until_count(&b.loop.uv, &b.engine.stored, 1, LIMIT_MS));
    cr_assert(kafka_until(&b.loop.uv, are_ticks_reported, &b, LIMIT_MS));
    cr_expect_eq(runtime_log_tick_counts(b.log).failed, 3);
    cr_expect_eq(b.engine.failed, 0);
    publish(&b);
    cr_assert(kafka_until_count(&b.loop.uv, &b.engine.stored, 2, LIMIT_MS));
    close_log(&b);
}

Test(log, given_a_tick_that_is_due_then_its_lane_holds_the_same_command_whoever_wrote_it)
{
    struct bed b = {.log = NULL};
    open_log(&b, "shop");
    kafka_test_topic(b.conf, "shop.commands", LANES);
    b.engine.port.tick(b.engine.port.ctx, 2, 1790239140000);
    b.engine.port.tick(b.engine.port.ctx, 2, 1790239140000);
    b.engine.port.tick(b.engine.port.ctx, 2, 1790239150000);
    cr_assert(kafka_until(&b.loop.uv, are_ticks_reported, &b, LIMIT_MS));
    cr_expect_eq(runtime_log_tick_counts(b.log).written, 3);
    serve(&b);
    cr_assert(kafka_until_count(&b.loop.uv, &b.engine.records, 3, LIMIT_MS));
    for (int i = 0; i < 3; i++) {
        const struct record *r = &b.engine.record[i];
        cr_expect_str_eq(r->cause, "");
        cr_expect_eq(r->lane, 2);
        cr_expect_str_eq(r->key, "tick");
        cr_expect_str_eq(r->value,
                         i < 2 ? "{\"due_ms\":1790239140000}" : "{\"due_ms\":1790239150000}");
        cr_expect_str_eq(r->type, "shop.tick");
        cr_expect_str_eq(r->principal, "millrace-worker");
        cr_expect_eq(r->ce.tick_lane, 2);
        cr_expect(mr_uuid_is_nil(&r->ce.account));
        cr_expect_not(r->ce.has_subject);
    }
    struct mr_uuid want = mr_uuid_v5(mr_slice_text("shop\n2\n1790239140000"));
    cr_expect(mr_uuid_equal(&b.engine.record[0].ce.id, &want));
    cr_expect(mr_uuid_equal(&b.engine.record[1].ce.id, &want));
    cr_expect_not(mr_uuid_equal(&b.engine.record[2].ce.id, &want));
    close_log(&b);
}

int main(int argc, char **argv)
{
    return kafka_broker_run_tests(argc, argv);
}
