/* The submitter over a log of our own that reports when the test says so. */
#include "command_submit.h"

#include <criterion/criterion.h>

#define SENT_MAX 16

static struct {
    void *opaque[SENT_MAX];
    size_t count;
    enum mr_status answer;
    bool ready;
    void (*on_closed)(void *owner);
    void *closed_owner;
} fake = {.ready = true};

static enum mr_status fake_send(void *impl, const struct mr_kafka_message *message,
                                struct mr_error *why)
{
    cr_assert_eq(impl, &fake);
    cr_assert_str_eq(message->topic, "billing.commands");
    if (fake.answer != MR_OK)
        return mr_fail(why, fake.answer, "the log says no");
    cr_assert_lt(fake.count, SENT_MAX);
    fake.opaque[fake.count++] = message->opaque;
    return MR_OK;
}

static bool fake_is_ready(void *impl)
{
    (void)impl;
    return fake.ready;
}

static void fake_close(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner),
                       void *owner)
{
    (void)impl;
    cr_assert_eq(deadline_ms, 1000);
    fake.on_closed = on_closed;
    fake.closed_owner = owner;
}

struct seen {
    unsigned times;
    struct command_result last;
};

static uv_loop_t loop;
static struct command_submit *submit;
static struct seen seen[SENT_MAX];
static unsigned closed;

static void on_result(void *requester, const struct command_result *result)
{
    struct seen *s = requester;
    s->times++;
    s->last = *result;
}

static void on_closed(void *owner)
{
    (void)owner;
    closed++;
}

static void open_submit(uint32_t in_flight_max, uint32_t deadline_ms)
{
    struct command_submit_settings settings = {.in_flight_max = in_flight_max,
                                               .deadline_ms = deadline_ms};
    struct command_log log = {
        .impl = &fake, .send = fake_send, .is_ready = fake_is_ready, .close = fake_close};
    uv_loop_init(&loop);
    submit = command_submit_new(&loop, &settings);
    command_submit_open(submit, &log);
}

static enum mr_status submit_one(size_t n, command_ticket *ticket, struct mr_error *why)
{
    struct mr_kafka_message message = {.topic = "billing.commands",
                                       .partition = MR_KAFKA_BY_KEY,
                                       .opaque = &loop}; /* not looked at */
    struct command_request request = {
        .message = &message, .domain = "billing", .on_result = on_result, .requester = &seen[n]};
    return command_submit_send(submit, &request, ticket, why);
}

static void report(size_t n, enum mr_kafka_outcome outcome)
{
    struct mr_kafka_report r = {.opaque = fake.opaque[n],
                                .outcome = outcome,
                                .status = outcome == MR_KAFKA_STORED ? MR_OK : MR_BUSY,
                                .partition = 7,
                                .offset = 90210,
                                .append_ms = 1234,
                                .error = outcome == MR_KAFKA_STORED ? NULL : "broken"};
    command_submit_report(submit, &r);
}

static void close_submit(void)
{
    command_submit_close(submit, 1000, on_closed, NULL);
    cr_expect_eq(submit_one(0, NULL, NULL), MR_LOST);
    cr_expect_eq(closed, 0);
    fake.on_closed(fake.closed_owner);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_eq(closed, 1);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(command_submit, given_reports_then_each_requester_hears_its_outcome)
{
    open_submit(0, 0);
    for (size_t n = 0; n < 3; n++)
        cr_assert_eq(submit_one(n, NULL, NULL), MR_OK);
    cr_expect_eq(seen[0].times, 0);
    report(2, MR_KAFKA_UNKNOWN);
    report(0, MR_KAFKA_STORED);
    report(1, MR_KAFKA_NOT_STORED);
    for (size_t n = 0; n < 3; n++)
        cr_expect_eq(seen[n].times, 1);
    cr_expect_eq(seen[0].last.outcome, MR_KAFKA_STORED);
    cr_expect_str_eq(seen[0].last.receipt.domain, "billing");
    cr_expect_eq(seen[0].last.receipt.lane, 7);
    cr_expect_eq(seen[0].last.receipt.position, 90210);
    cr_expect_eq(seen[0].last.append_ms, 1234);
    cr_expect_eq(seen[1].last.outcome, MR_KAFKA_NOT_STORED);
    cr_expect_eq(seen[1].last.status, MR_BUSY);
    cr_expect_str_eq(seen[1].last.error, "broken");
    cr_expect_eq(seen[2].last.outcome, MR_KAFKA_UNKNOWN);
    struct command_submit_counters c = command_submit_counters(submit);
    cr_expect(c.stored == 1 && c.not_stored == 1 && c.unknown == 1 && c.in_flight == 0);
    close_submit();
}

Test(command_submit, given_a_deadline_then_unknown_once_even_if_the_report_comes_later)
{
    open_submit(0, 20);
    cr_assert_eq(submit_one(0, NULL, NULL), MR_OK);
    cr_assert_eq(submit_one(1, NULL, NULL), MR_OK);
    report(1, MR_KAFKA_STORED);
    uv_run(&loop, UV_RUN_DEFAULT); /* until no timer is set */
    cr_expect_eq(seen[0].times, 1);
    cr_expect_eq(seen[0].last.outcome, MR_KAFKA_UNKNOWN);
    cr_expect_eq(seen[1].last.outcome, MR_KAFKA_STORED);
    cr_expect_eq(command_submit_counters(submit).in_flight, 1, "its report is still owed");
    report(0, MR_KAFKA_STORED);
    cr_expect_eq(seen[0].times, 1);
    struct command_submit_counters c = command_submit_counters(submit);
    cr_expect(c.deadlines == 1 && c.late == 1 && c.unknown == 1 && c.in_flight == 0);
    close_submit();
}

Test(command_submit, given_many_deadlines_then_all_are_told)
{
    open_submit(SENT_MAX, 20);
    for (size_t n = 0; n < SENT_MAX; n++) {
        cr_assert_eq(submit_one(n, NULL, NULL), MR_OK);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    for (size_t n = 0; n < SENT_MAX; n++)
        cr_expect_eq(seen[n].times, 1);
    for (size_t n = 0; n < SENT_MAX; n++)
        report(n, MR_KAFKA_NOT_STORED);
    close_submit();
}

Test(command_submit, given_too_many_in_flight_then_pushes_back)
{
    struct mr_error why;
    open_submit(2, 20);
    cr_assert_eq(submit_one(0, NULL, NULL), MR_OK);
    cr_assert_eq(submit_one(1, NULL, NULL), MR_OK);
    cr_expect_not(command_submit_is_ready(submit));
    cr_expect_eq(submit_one(2, NULL, &why), MR_LIMIT);
    cr_expect_str_eq(why.text, "too many commands are in flight");
    uv_run(&loop, UV_RUN_DEFAULT); /* past the deadline they still count */
    cr_expect_eq(submit_one(2, NULL, &why), MR_LIMIT);
    report(0, MR_KAFKA_STORED);
    cr_expect(command_submit_is_ready(submit));
    cr_expect_eq(submit_one(2, NULL, &why), MR_OK);
    report(1, MR_KAFKA_STORED);
    report(2, MR_KAFKA_STORED);
    cr_expect_eq(seen[2].times, 1);
    cr_expect_eq(command_submit_counters(submit).refused, 2);
    close_submit();
}

static const enum mr_status answers[][2] = {/* the log's, and what the requester is told */
                                            {MR_LIMIT, MR_LIMIT},
                                            {MR_BUSY, MR_BUSY},
                                            {MR_INVALID, MR_INVALID},
                                            {MR_FATAL, MR_BUSY}};

Test(command_submit, given_a_log_that_refuses_then_no_result_comes)
{
    struct mr_error why;
    open_submit(1, 20);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        fake.answer = answers[i][0];
        cr_expect_eq(submit_one(0, NULL, &why), answers[i][1]);
        cr_expect_str_eq(why.text, "the log says no");
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_eq(seen[0].times, 0);
    cr_expect_eq(command_submit_counters(submit).in_flight, 0);
    fake.answer = MR_OK;
    cr_expect_eq(submit_one(0, NULL, &why), MR_OK);
    report(0, MR_KAFKA_STORED);
    fake.ready = false;
    cr_expect_not(command_submit_is_ready(submit));
    close_submit();
}

Test(command_submit, given_a_requester_that_went_away_then_it_hears_nothing)
{
    command_ticket first, second, third;
    open_submit(2, 20);
    cr_assert_eq(submit_one(0, &first, NULL), MR_OK);
    command_submit_cancel(submit, 0); /* none */
    command_submit_cancel(submit, first);
    command_submit_cancel(submit, first);
    cr_assert_eq(submit_one(1, &second, NULL), MR_OK);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_eq(seen[0].times, 0);
    cr_expect_eq(seen[1].times, 1);
    report(0, MR_KAFKA_STORED);
    report(1, MR_KAFKA_STORED);
    cr_expect_eq(seen[0].times, 0);
    cr_expect_eq(command_submit_counters(submit).late, 2);
    cr_assert_eq(submit_one(2, &third, NULL), MR_OK); /* in a slot used before */
    command_submit_cancel(submit, first);             /* stale */
    command_submit_cancel(submit, second);
    report(2, MR_KAFKA_STORED);
    cr_expect_eq(seen[2].times, 1);
    close_submit();
}

static void send_another(void *requester, const struct command_result *result)
{
    (void)requester;
    cr_expect_eq(result->outcome, MR_KAFKA_UNKNOWN);
    cr_expect_eq(submit_one(1, NULL, NULL), MR_OK);
}

Test(command_submit, given_a_send_from_within_a_result_then_it_is_taken)
{
    open_submit(2, 20);
    struct mr_kafka_message message = {.topic = "billing.commands"};
    struct command_request request = {
        .message = &message, .domain = "billing", .on_result = send_another};
    cr_assert_eq(command_submit_send(submit, &request, NULL, NULL), MR_OK);
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_eq(seen[1].times, 1);
    report(0, MR_KAFKA_STORED);
    report(1, MR_KAFKA_STORED);
    close_submit();
}
