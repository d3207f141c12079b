/* The flow over a log of our own that reports when the test says so. */
#include "command_flow.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SENT_MAX 64

static struct {
    void *opaque[SENT_MAX];
    char value[SENT_MAX][16];
    char id[SENT_MAX][16];
    size_t count;
    size_t reported; /* reports are given in order of sending */
    enum mr_status answer;
    unsigned purges;
    void (*on_closed)(void *owner);
    void *closed_owner;
} fake;

static struct mr_loop loop;
static struct command_flow *flow;
static char settled[SENT_MAX][16];
static struct command_flow_result results[SENT_MAX];
static size_t settled_count;
static unsigned rooms, closed;

static enum mr_status fake_send(void *impl, const struct mr_kafka_message *message,
                                struct mr_error *why)
{
    cr_assert_eq(impl, &fake);
    if (fake.answer != MR_OK)
        return mr_fail(why, fake.answer, "the log says no");
    cr_assert_lt(fake.count, SENT_MAX);
    cr_assert_eq(message->headers.count, 1);
    cr_assert_str_eq(message->headers.items[0].name.data, "ce_id");
    snprintf(fake.value[fake.count], 16, "%.*s", MR_SLICE_FMT(message->value));
    snprintf(fake.id[fake.count], 16, "%.*s", MR_SLICE_FMT(message->headers.items[0].value));
    fake.opaque[fake.count++] = message->opaque;
    return MR_OK;
}

static void fake_purge(void *impl)
{
    (void)impl;
    fake.purges++;
}

static void fake_close(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner),
                       void *owner)
{
    (void)impl;
    (void)deadline_ms;
    fake.on_closed = on_closed;
    fake.closed_owner = owner;
}

static void on_settled(void *owner, const struct command_flow_result *result)
{
    cr_assert_eq(owner, &fake);
    cr_assert_lt(settled_count, SENT_MAX);
    snprintf(settled[settled_count], 16, "%s", (const char *)result->opaque);
    results[settled_count++] = *result;
}

static void on_room(void *owner)
{
    cr_assert_eq(owner, &fake);
    rooms++;
}

static void open_flow(uint32_t records_max, size_t bytes_max)
{
    struct command_flow_settings settings = {.loop = &loop,
                                             .records_max = records_max,
                                             .bytes_max = bytes_max,
                                             .on_settled = on_settled,
                                             .on_room = on_room,
                                             .owner = &fake};
    struct command_log log = {
        .impl = &fake, .send = fake_send, .purge = fake_purge, .close = fake_close};
    mr_loop_init(&loop, NULL);
    flow = command_flow_new(&settings);
    command_flow_open(flow, &log);
}

/* opaque and value are the text; the id is its first character. */
static enum mr_status give(const char *text)
{
    struct mr_ce_header header = {.name = mr_slice_text("ce_id"), .value = mr_slice(text, 1)};
    struct mr_kafka_message message = {.topic = "billing.commands",
                                       .partition = MR_KAFKA_BY_KEY,
                                       .key = mr_slice_text("key"),
                                       .value = mr_slice_text(text),
                                       .headers = {.items = &header, .count = 1},
                                       .opaque = (void *)(uintptr_t)text};
    return command_flow_send(flow, &message, NULL);
}

static void report(enum mr_kafka_outcome outcome, enum mr_status status)
{
    cr_assert_lt(fake.reported, fake.count);
    struct mr_kafka_report r = {.opaque = fake.opaque[fake.reported],
                                .outcome = outcome,
                                .status = status,
                                .partition = 3,
                                .offset = outcome == MR_KAFKA_STORED ? (int64_t)fake.reported : -1,
                                .append_ms = -1,
                                .error = status == MR_OK ? NULL : "it says why"};
    fake.reported++;
    command_flow_report(flow, &r);
}

static void stored(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        report(MR_KAFKA_STORED, MR_OK);
}

/* Turns the loop until as many records were sent. */
static void until_sent(size_t count)
{
    for (unsigned turn = 0; fake.count < count; turn++) {
        cr_assert_lt(turn, 1000, "only %zu were sent", fake.count);
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
}

static void on_closed(void *owner)
{
    (void)owner;
    closed++;
}

/* The log has nothing left, or reports UNKNOWN what it has, as a producer that is closed. */
static void close_flow(uint64_t deadline_ms)
{
    command_flow_close(flow, deadline_ms, on_closed, NULL);
    for (unsigned turn = 0; !fake.on_closed; turn++) {
        cr_assert_lt(turn, 1000, "the log is not closed");
        uv_run(&loop.uv, UV_RUN_ONCE);
    }
    while (fake.reported < fake.count)
        report(MR_KAFKA_UNKNOWN, MR_LOST);
    cr_assert_eq(closed, 0);
    fake.on_closed(fake.closed_owner);
    cr_assert_eq(closed, 1);
    mr_loop_close(&loop);
}

Test(command_flow, given_reports_of_all_then_settled_in_order_with_their_places)
{
    open_flow(8, 4096);
    cr_assert_eq(give("a1"), MR_OK);
    cr_assert_eq(give("b2"), MR_OK);
    cr_assert_eq(fake.count, 2);
    cr_assert_str_eq(fake.value[0], "a1");
    cr_assert_str_eq(fake.id[1], "b");
    stored(2);
    cr_assert_eq(settled_count, 2);
    cr_assert_str_eq(settled[0], "a1");
    cr_assert_str_eq(settled[1], "b2");
    cr_assert_eq(results[1].outcome, MR_KAFKA_STORED);
    cr_assert_eq(results[1].lane, 3);
    cr_assert_eq(results[1].position, 1);
    close_flow(1000);
}

Test(command_flow, given_a_report_out_of_order_then_settling_waits_for_the_earlier_one)
{
    open_flow(8, 4096);
    cr_assert_eq(give("a"), MR_OK);
    cr_assert_eq(give("b"), MR_OK);
    void *first = fake.opaque[0];
    fake.opaque[0] = fake.opaque[1];
    fake.opaque[1] = first;
    stored(1);
    cr_assert_eq(settled_count, 0);
    stored(1);
    cr_assert_eq(settled_count, 2);
    cr_assert_str_eq(settled[0], "a");
    close_flow(1000);
}

Test(command_flow, given_a_failure_then_all_not_stored_are_sent_again_in_order_with_their_ids)
{
    open_flow(8, 4096);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(give((const char *[]){"a", "b", "c", "d"}[i]), MR_OK);
    stored(1);
    report(MR_KAFKA_UNKNOWN, MR_BUSY); /* b */
    cr_assert_eq(fake.purges, 1);
    cr_assert_eq(give("e"), MR_OK, "it is kept");
    cr_assert_eq(fake.count, 4, "and nothing may overtake b");
    report(MR_KAFKA_STORED, MR_OK);       /* c was on its way */
    report(MR_KAFKA_NOT_STORED, MR_LOST); /* d was purged */
    until_sent(7);
    cr_assert_str_eq(fake.value[4], "b");
    cr_assert_str_eq(fake.value[5], "d");
    cr_assert_str_eq(fake.value[6], "e");
    cr_assert_str_eq(fake.id[4], "b");
    cr_assert_eq(settled_count, 1);
    stored(3);
    cr_assert_eq(settled_count, 5);
    cr_assert_str_eq(settled[1], "b");
    cr_assert_str_eq(settled[2], "c");
    cr_assert_eq(command_flow_counters(flow).resent, 2);
    cr_assert_eq(command_flow_counters(flow).drains, 1);
    cr_assert_str_eq(command_flow_trouble(flow), "it says why");
    close_flow(1000);
}

Test(command_flow, given_a_log_between_instances_then_what_was_taken_waits_for_it)
{
    open_flow(8, 4096);
    fake.answer = MR_BUSY;
    cr_assert_eq(give("a"), MR_OK);
    cr_assert_eq(give("b"), MR_OK);
    cr_assert_eq(fake.count, 0);
    fake.answer = MR_OK;
    until_sent(2);
    cr_assert_str_eq(fake.value[0], "a");
    stored(2);
    cr_assert_eq(settled_count, 2);
    close_flow(1000);
}

Test(command_flow, given_a_refusal_for_good_then_that_one_is_told_and_the_rest_goes_on)
{
    open_flow(8, 4096);
    cr_assert_eq(give("a"), MR_OK);
    cr_assert_eq(give("b"), MR_OK);
    report(MR_KAFKA_NOT_STORED, MR_INVALID);
    stored(1);
    cr_assert_eq(settled_count, 2);
    cr_assert_eq(results[0].outcome, MR_KAFKA_NOT_STORED);
    cr_assert_eq(results[0].status, MR_INVALID);
    cr_assert_str_eq(results[0].error, "it says why");
    cr_assert_eq(results[1].outcome, MR_KAFKA_STORED);
    cr_assert_eq(fake.purges, 0);
    close_flow(1000);
}

Test(command_flow, given_a_full_window_then_it_says_so_and_tells_when_half_is_free)
{
    open_flow(4, 4096);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(give("x"), MR_OK);
    cr_assert_eq(give("y"), MR_LIMIT);
    stored(1);
    cr_assert_eq(rooms, 0);
    stored(1);
    cr_assert_eq(rooms, 1);
    cr_assert_eq(give("y"), MR_OK);
    stored(3);
    cr_assert_eq(rooms, 1, "nobody was refused since");
    close_flow(1000);
}

Test(command_flow, given_many_rounds_of_the_ring_of_bytes_then_every_value_is_whole)
{
    static const char *const texts[] = {"a-1", "bb-22-bb", "ccccccc-333", "d", "eeeee-5"};
    open_flow(8, 200); /* room for two or three blocks; it ends in the middle of one */
    for (size_t i = 0; i < 40; i++) {
        const char *text = texts[i % 5];
        while (give(text) == MR_LIMIT)
            stored(1);
        cr_assert_str_eq(fake.value[fake.count - 1], text);
    }
    stored((unsigned)(fake.count - fake.reported));
    cr_assert_eq(settled_count, 40);
    for (size_t i = 0; i < 40; i++)
        cr_assert_str_eq(settled[i], texts[i % 5]);
    cr_assert_eq(command_flow_counters(flow).pending_bytes, 0);
    close_flow(1000);
}

Test(command_flow, given_blocks_that_end_with_the_ring_then_the_next_begins_it)
{
    open_flow(8, 3 * 40); /* a header's 32 bytes, its value, the key and four of value are 40 */
    for (size_t i = 0; i < 20; i++) {
        while (give("four") == MR_LIMIT)
            stored(1);
        cr_assert_str_eq(fake.value[fake.count - 1], "four");
        cr_assert_leq(command_flow_counters(flow).pending_bytes, 3 * 40);
    }
    cr_assert_eq(command_flow_counters(flow).pending, 3, "no byte is left over");
    stored(3);
    close_flow(1000);
}

Test(command_flow, given_a_close_with_a_deadline_that_passes_then_the_rest_is_given_up_and_told)
{
    open_flow(8, 4096);
    cr_assert_eq(give("a"), MR_OK);
    fake.answer = MR_LIMIT; /* b is taken, and never sent */
    cr_assert_eq(give("b"), MR_OK);
    close_flow(0);
    cr_assert_eq(settled_count, 2);
    cr_assert_eq(results[0].outcome, MR_KAFKA_UNKNOWN);
    cr_assert_eq(results[1].outcome, MR_KAFKA_NOT_STORED);
    cr_assert_eq(results[1].status, MR_LOST);
}

Test(command_flow, given_a_close_then_what_is_pending_is_waited_for)
{
    open_flow(8, 4096);
    cr_assert_eq(give("a"), MR_OK);
    command_flow_close(flow, 60000, on_closed, NULL);
    cr_assert_eq(give("b"), MR_LOST);
    for (unsigned turn = 0; turn < 3; turn++)
        uv_run(&loop.uv, UV_RUN_NOWAIT);
    cr_assert_null(fake.on_closed);
    stored(1);
    cr_assert_eq(results[0].outcome, MR_KAFKA_STORED);
    cr_assert_not_null(fake.on_closed);
    fake.on_closed(fake.closed_owner);
    cr_assert_eq(closed, 1);
    mr_loop_close(&loop);
}
