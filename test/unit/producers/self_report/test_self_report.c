/* A report over a log of our own: what is sent, when, and under which id. */
#include "self_report.h"

#include "mr_catalog_folder.h"
#include "mr_files.h"
#include "mr_histogram.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define ACCOUNT     "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define SENT_MAX    4096
#define INTERVAL_MS 20
#define REQUESTS    SELF_REPORT_EDGE_REQUESTS
#define SECONDS     SELF_REPORT_EDGE_SECONDS

static struct {
    void *opaque[SENT_MAX];
    json_t *body[SENT_MAX];
    char id[SENT_MAX][40];
    char key[160], type[40], account[40];
    size_t count, reported;
    bool answers; /* reports STORED before the next turn */
    enum mr_status answer;
    void (*on_closed)(void *owner);
    void *closed_owner;
} fake;

static struct mr_loop loop;
static struct mr_log log_file;
static int log_pipe[2];
static struct mr_catalog *catalog;
static struct self_report *report;
static unsigned closed;

static void header(char *out, size_t size, const struct mr_kafka_message *m, const char *name)
{
    struct mr_slice value = mr_ce_header_find(&m->headers, name);
    snprintf(out, size, "%.*s", MR_SLICE_FMT(value));
}

static enum mr_status fake_send(void *impl, const struct mr_kafka_message *m, struct mr_error *why)
{
    (void)impl;
    if (fake.answer != MR_OK)
        return mr_fail(why, fake.answer, "the log says no");
    cr_assert_lt(fake.count, SENT_MAX);
    cr_assert_str_eq(m->topic, "reporting.commands");
    header(fake.id[fake.count], sizeof fake.id[0], m, "ce_id");
    header(fake.type, sizeof fake.type, m, "ce_type");
    header(fake.account, sizeof fake.account, m, "ce_account");
    snprintf(fake.key, sizeof fake.key, "%.*s", MR_SLICE_FMT(m->key));
    fake.body[fake.count] = json_loadb(m->value.data, m->value.len, 0, NULL);
    cr_assert_not_null(fake.body[fake.count]);
    fake.opaque[fake.count++] = m->opaque;
    return MR_OK;
}

static void fake_close(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner),
                       void *owner)
{
    (void)impl;
    (void)deadline_ms;
    fake.on_closed = on_closed;
    fake.closed_owner = owner;
}

static void give(enum mr_kafka_outcome outcome)
{
    cr_assert_lt(fake.reported, fake.count);
    struct mr_kafka_report r = {.opaque = fake.opaque[fake.reported],
                                .outcome = outcome,
                                .status = outcome == MR_KAFKA_STORED ? MR_OK : MR_BUSY,
                                .partition = 0,
                                .offset = (int64_t)fake.reported,
                                .error = outcome == MR_KAFKA_STORED ? NULL : "lost its answer"};
    fake.reported++;
    self_report_report(report, &r);
}

static void turn(void)
{
    while (fake.answers && fake.reported < fake.count)
        give(MR_KAFKA_STORED);
    uv_run(&loop.uv, UV_RUN_ONCE);
}

static struct self_report_settings settings_of(const char *account)
{
    static const struct command_log log = {.impl = &fake, .send = fake_send, .close = fake_close};
    struct mr_error why;
    cr_assert_eq(pipe2(log_pipe, O_NONBLOCK), 0);
    mr_log_open(&log_file, "test", log_pipe[1], MR_LOG_JSON, MR_LOG_DEBUG);
    mr_loop_init(&loop, NULL);
    cr_assert_eq(mr_catalog_folder_read(SCHEMAS, &catalog, &why), MR_OK, "%s", why.text);
    fake.answers = true;
    return (struct self_report_settings){.loop = &loop,
                                         .log = &log_file,
                                         .catalog = catalog,
                                         .account = account,
                                         .program = "millrace-test",
                                         .instance = "here:1",
                                         .interval_ms = INTERVAL_MS,
                                         .to = &log};
}

static void open_report(void)
{
    struct self_report_settings settings = settings_of(ACCOUNT);
    report = self_report_new(&settings);
    cr_assert_not_null(report);
}

static void on_closed(void *owner)
{
    (void)owner;
    closed++;
}

static void close_report(void)
{
    self_report_close(report, 0, on_closed, NULL);
    while (!fake.on_closed)
        uv_run(&loop.uv, UV_RUN_ONCE);
    while (fake.reported < fake.count)
        give(MR_KAFKA_UNKNOWN);
    fake.on_closed(fake.closed_owner);
    cr_assert_eq(closed, 1);
    mr_loop_close(&loop);
    for (size_t i = 0; i < fake.count; i++)
        json_decref(fake.body[i]);
    mr_catalog_free(catalog);
}

static const char *text_at(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

static bool is_metric(size_t n, const char *metric)
{
    return strcmp(text_at(fake.body[n], "metric"), metric) == 0;
}

/* The nth (from 0) sample of the metric that was sent, waiting for it. */
static size_t sample_of(const char *metric, size_t nth)
{
    for (unsigned turns = 0; turns < 1000; turns++) {
        size_t found = 0;
        for (size_t i = 0; i < fake.count; i++)
            if (is_metric(i, metric) && found++ == nth)
                return i;
        turn();
    }
    cr_assert_fail("no sample %zu of %s", nth, metric);
    return 0;
}

static double number_of(const char *metric)
{
    double sum = 0;
    for (size_t i = 0; i < fake.count; i++)
        if (is_metric(i, metric))
            sum += json_number_value(json_object_get(fake.body[i], "value"));
    return sum;
}

Test(self_report, given_a_start_then_a_heartbeat_at_once_as_a_command_of_the_operator)
{
    open_report();
    cr_assert_eq(fake.count, 1);
    cr_assert_str_eq(fake.type, "reporting.sample");
    cr_assert_str_eq(fake.account, ACCOUNT);
    cr_assert_str_eq(fake.key, ACCOUNT "\n" SELF_REPORT_HEARTBEAT);
    cr_assert_str_eq(text_at(fake.body[0], "kind"), "gauge");
    const json_t *labels = json_object_get(fake.body[0], "labels");
    cr_assert_str_eq(text_at(labels, "program"), "millrace-test");
    cr_assert_str_eq(text_at(labels, "instance"), "here:1");
    cr_assert_str_eq(text_at(labels, "lanes"), "0");
    cr_assert_not_null(text_at(labels, "version"));
    self_report_lanes(report, 4);
    size_t next = sample_of(SELF_REPORT_HEARTBEAT, 1);
    cr_assert_str_eq(text_at(json_object_get(fake.body[next], "labels"), "lanes"), "4");
    close_report();
}

Test(self_report, given_increments_then_one_sample_a_series_with_their_sum)
{
    open_report();
    for (unsigned i = 0; i < 1000; i++)
        self_report_count(report, REQUESTS, MR_LABELS({"route", "/a"}, {"status", "202"}), 1);
    self_report_count(report, REQUESTS, MR_LABELS({"route", "/b"}, {"status", "404"}), 2);
    size_t first = sample_of(REQUESTS, 0), second = sample_of(REQUESTS, 1);
    cr_assert_eq(json_number_value(json_object_get(fake.body[first], "value")), 1000);
    cr_assert_str_eq(text_at(json_object_get(fake.body[first], "labels"), "route"), "/a");
    cr_assert_eq(json_number_value(json_object_get(fake.body[second], "value")), 2);
    sample_of(SELF_REPORT_HEARTBEAT, 3);
    cr_assert_eq(number_of(REQUESTS), 1002, "what was sent is not sent again");
    close_report();
}

Test(self_report, given_observations_then_a_histogram_of_the_agreed_buckets)
{
    open_report();
    const double seconds[] = {0.25, 0.001, 0.25, 3.5};
    for (size_t i = 0; i < 4; i++)
        self_report_time(report, SECONDS, MR_LABELS({"route", "/a"}), seconds[i]);
    const json_t *body = fake.body[sample_of(SECONDS, 0)];
    cr_assert_str_eq(text_at(body, "kind"), "histogram");
    const json_t *buckets = json_object_get(body, "buckets");
    cr_assert_eq(json_array_size(buckets), 3);
    const json_t *middle = json_array_get(buckets, 1);
    cr_assert_eq(json_integer_value(json_array_get(middle, 0)), mr_histogram_bucket(0.25));
    cr_assert_eq(json_integer_value(json_array_get(middle, 1)), 2);
    cr_assert_eq(json_integer_value(json_object_get(body, "count")), 4);
    cr_assert_float_eq(json_number_value(json_object_get(body, "sum")), 4.001, 1e-12);
    cr_assert_eq(json_number_value(json_object_get(body, "min")), 0.001);
    cr_assert_eq(json_number_value(json_object_get(body, "max")), 3.5);
    close_report();
}

Test(self_report, given_an_unknown_fate_then_the_same_sample_again_under_its_id)
{
    open_report();
    fake.answers = false;
    self_report_count(report, REQUESTS, MR_LABELS({"route", "/a"}), 7);
    size_t n = sample_of(REQUESTS, 0);
    while (fake.reported < n)
        give(MR_KAFKA_STORED);
    give(MR_KAFKA_UNKNOWN);
    fake.answers = true;
    size_t again = sample_of(REQUESTS, 1);
    cr_assert_str_eq(fake.id[again], fake.id[n]);
    cr_assert(json_equal(fake.body[again], fake.body[n]));
    close_report();
}

Test(self_report, given_a_log_that_is_away_then_increments_stay_merged_until_it_takes_them)
{
    open_report();
    fake.answers = false;
    struct self_report_counters counters;
    do { /* until the window is full of heartbeats and increments */
        self_report_count(report, REQUESTS, MR_LABELS({"route", "/a"}), 1);
        counters = self_report_counters(report);
        turn();
        for (unsigned i = 0; i < SELF_REPORT_SERIES_MAX - 1; i++) {
            char route[16];
            snprintf(route, sizeof route, "/%u", i);
            self_report_count(report, REQUESTS, MR_LABELS({"route", route}), 1);
        }
    } while (counters.pending < SELF_REPORT_IN_FLIGHT_MAX);
    cr_assert_eq(counters.pending, SELF_REPORT_IN_FLIGHT_MAX);
    double sent = number_of(REQUESTS);
    for (unsigned i = 0; i < 10; i++)
        self_report_count(report, REQUESTS, MR_LABELS({"route", "/a"}), 1);
    turn();
    cr_assert_eq(number_of(REQUESTS), sent, "nothing more is on its way");
    fake.answers = true;
    sample_of(SELF_REPORT_HEARTBEAT, 40);
    bool is_found = false;
    for (size_t i = SELF_REPORT_IN_FLIGHT_MAX; i < fake.count; i++)
        if (is_metric(i, REQUESTS) &&
            json_number_value(json_object_get(fake.body[i], "value")) >= 10)
            is_found = true;
    cr_assert(is_found, "they came as one sample");
    close_report();
}

Test(self_report, given_a_series_too_many_then_it_is_dropped_and_counted)
{
    open_report();
    for (unsigned i = 0; i < SELF_REPORT_SERIES_MAX + 3; i++) {
        char route[16];
        snprintf(route, sizeof route, "/%u", i);
        self_report_count(report, REQUESTS, MR_LABELS({"route", route}), 1);
    }
    cr_assert_eq(self_report_counters(report).dropped, 3);
    close_report();
}

Test(self_report, given_a_close_then_what_is_merged_is_sent_first)
{
    open_report();
    self_report_count(report, REQUESTS, MR_LABELS({"route", "/a"}), 5);
    cr_assert_eq(number_of(REQUESTS), 0);
    self_report_close(report, 60000, on_closed, NULL);
    cr_assert_eq(number_of(REQUESTS), 5);
    while (!fake.on_closed)
        turn();
    fake.on_closed(fake.closed_owner);
    cr_assert_eq(closed, 1);
    mr_loop_close(&loop);
}

Test(self_report, given_no_account_then_silent_and_everything_may_be_called)
{
    struct self_report_settings settings = settings_of(NULL);
    char line[256];
    report = self_report_new(&settings);
    cr_assert_null(report);
    self_report_count(report, REQUESTS, NULL, 1);
    self_report_time(report, SECONDS, NULL, 1);
    self_report_lanes(report, 3);
    self_report_close(report, 0, on_closed, NULL);
    cr_assert_eq(closed, 1);
    cr_assert_eq(read(log_pipe[0], line, sizeof line), -1, "and no line");
    mr_loop_close(&loop);
    mr_catalog_free(catalog);
}

/* The schemas folder but for one of its folders. */
static struct mr_catalog *catalog_without(const char *folder)
{
    struct mr_files all;
    struct mr_catalog_file files[256];
    struct mr_catalog *out;
    struct mr_error why;
    size_t count = 0;
    cr_assert_eq(mr_files_read(SCHEMAS, "", &all, &why), MR_OK, "%s", why.text);
    for (size_t i = 0; i < all.count; i++)
        if (strncmp(all.files[i].path, folder, strlen(folder)) != 0)
            files[count++] = (struct mr_catalog_file){
                .path = all.files[i].path, .text = mr_slice(all.files[i].text, all.files[i].len)};
    cr_assert_eq(mr_catalog_build(files, count, &out, &why), MR_OK, "%s", why.text);
    mr_files_free(&all);
    return out;
}

Test(self_report, given_schemas_without_samples_then_off_with_a_line)
{
    struct self_report_settings settings = settings_of(ACCOUNT);
    struct mr_catalog *none = catalog_without("reporting/");
    char line[256] = "";
    settings.catalog = none;
    cr_assert_null(self_report_new(&settings));
    cr_assert_gt(read(log_pipe[0], line, sizeof line - 1), 0);
    cr_assert_not_null(strstr(line, "reporting.sample"));
    mr_loop_close(&loop);
    mr_catalog_free(none);
    mr_catalog_free(catalog);
}
