/* A command into a real log. */
#include "command_submit.h"
#include "kafka_broker.h"
#include "kafka_until.h"
#include "mr_kafka_admin.h"
#include "mr_kafka_conf.h"
#include "mr_lane.h"

#include <criterion/criterion.h>

struct seen {
    uint64_t times, closed;
    struct command_result last;
};

static void on_result(void *requester, const struct command_result *result)
{
    struct seen *s = requester;
    s->times++;
    s->last = *result;
}

static void make_topic(const struct mr_kafka_conf *conf)
{
    struct mr_error why;
    struct mr_kafka_admin *admin;
    struct mr_kafka_topic topic = {
        "billing.commands", 12, 1, 1, MR_KAFKA_RETENTION_COMMANDS_MS, MR_KAFKA_MESSAGE_BYTES_MAX};
    cr_assert_eq(mr_kafka_admin_new(conf, &admin, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_kafka_admin_create(admin, &topic, 1, NULL, &why), MR_OK, "%s", why.text);
    mr_kafka_admin_free(admin);
}

Test(command_kafka, given_a_command_then_its_receipt_says_where_it_lies)
{
    struct mr_error why;
    struct mr_kafka_conf *conf;
    struct mr_kafka_conf_settings settings = {.brokers = kafka_broker_address()};
    cr_assert_eq(mr_kafka_conf_new(&settings, &conf, &why), MR_OK);
    make_topic(conf);
    uv_loop_t loop;
    uv_loop_init(&loop);
    struct command_submit *submit =
        command_submit_new(&loop, &(struct command_submit_settings){.in_flight_max = 16});
    cr_assert_eq(command_submit_kafka(submit, &(struct command_kafka_settings){.conf = conf}, &why),
                 MR_OK, "%s", why.text);
    cr_expect(command_submit_is_ready(submit));
    struct seen seen = {.times = 0};
    struct mr_kafka_message message = {.topic = "billing.commands",
                                       .partition = MR_KAFKA_BY_KEY,
                                       .key = mr_slice_text("some key"),
                                       .value = mr_slice_text("{}")};
    struct command_request request = {
        .message = &message, .domain = "billing", .on_result = on_result, .requester = &seen};
    for (int64_t n = 0; n < 3; n++) {
        cr_assert_eq(command_submit_send(submit, &request, NULL, &why), MR_OK, "%s", why.text);
        cr_assert(kafka_until_count(&loop, &seen.times, (uint64_t)n + 1, 20000));
        cr_assert_eq(seen.last.outcome, MR_KAFKA_STORED, "%s", seen.last.error);
        cr_expect_str_eq(seen.last.receipt.domain, "billing");
        cr_expect_eq(seen.last.receipt.lane, mr_lane_of(mr_slice_text("some key"), 12));
        cr_expect_eq(seen.last.receipt.position, n);
        cr_expect_gt(seen.last.append_ms, 0);
    }
    cr_expect_eq(command_submit_kafka_counters(submit).stored, 3);
    command_submit_close(submit, 5000, kafka_count_one, &seen.closed);
    cr_assert(kafka_until_count(&loop, &seen.closed, 1, 20000));
    mr_kafka_conf_free(conf);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

int main(int argc, char **argv)
{
    return kafka_broker_run_tests(argc, argv);
}
