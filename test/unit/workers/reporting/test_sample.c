/* What one sample does: it reaches the row of its series' minute, or is refused. */
#include "tale.h"

#include "mr_histogram.h"
#include <criterion/criterion.h>

#define MORNING "2026-03-01T10:00:30Z"
#define MINUTE  "2026-03-01T10:00:00Z"

static const struct reporting_row *minute(struct tale *t, const char *metric)
{
    const struct reporting_row *row = tale_row(t, REPORTING_MINUTE, metric, "{}", MINUTE);
    cr_assert(row);
    return row;
}

Test(sample, given_increments_then_they_are_counted_and_summed_in_their_minute)
{
    struct tale *t = tale_begin(NULL, MORNING);
    for (int i = 1; i <= 3; i++)
        tale_sample(t, "{s:s, s:s, s:i}", "metric", "orders", "kind", "counter", "value", i);
    const struct reporting_row *row = minute(t, "orders");
    cr_expect_eq(row->total.count, 3);
    cr_expect_eq(row->total.sum, 6);
    cr_expect_eq(row->total.min, 1);
    cr_expect_eq(row->total.max, 3);
    cr_expect_eq(row->bucket_count, 0, "nobody asks for quantiles of increments");
    cr_expect_eq(row->due_ms, tale_ms("2026-03-01T10:01:05Z"));
    tale_end(t);
}

Test(sample, given_timings_and_a_histogram_then_they_are_one_series)
{
    struct tale *t = tale_begin(NULL, MORNING);
    int b = mr_histogram_bucket(0.5);
    tale_sample(t, "{s:s, s:s, s:f}", "metric", "wait", "kind", "timing", "value", 0.5);
    tale_sample(t, "{s:s, s:s, s:[[i,i],[i,i]], s:f, s:f, s:f, s:i}", "metric", "wait", "kind",
                "histogram", "buckets", b, 4, b + 64, 5, "sum", 7.0, "min", 0.5, "max", 1.0,
                "count", 9);
    const struct reporting_row *row = minute(t, "wait");
    cr_expect_eq(row->total.count, 10);
    cr_expect_eq(row->total.sum, 7.5);
    cr_assert_eq(row->bucket_count, 2);
    cr_expect_eq(reporting_bucket_count(row->tail[0]), 5);
    cr_expect_eq(reporting_bucket_count(row->tail[1]), 5);
    cr_expect_eq(reporting_row_quantile(row, 1), 1.0, "no quantile is above the greatest value");
    tale_end(t);
}

Test(sample, given_a_gauge_then_the_value_with_the_latest_time_is_the_last)
{
    struct tale *t = tale_begin(NULL, MORNING);
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "queue", "kind", "gauge", "value", -7, "time",
                "2026-03-01T10:00:20Z");
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "queue", "kind", "gauge", "value", 3, "time",
                "2026-03-01T10:00:10Z");
    const struct reporting_row *row = minute(t, "queue");
    cr_expect_eq(row->total.last, -7);
    cr_expect_eq(row->total.min, -7);
    cr_expect_eq(row->total.max, 3);
    cr_expect_eq(row->bucket_count, 2);
    tale_end(t);
}

Test(sample, given_labels_in_any_order_then_they_are_the_same_series)
{
    struct tale *t = tale_begin(NULL, MORNING);
    tale_sample(t, "{s:s, s:s, s:i, s:{s:s, s:s}}", "metric", "orders", "kind", "counter", "value",
                1, "labels", "b", "2", "a", "1");
    tale_sample(t, "{s:s, s:s, s:i, s:{s:s, s:s}}", "metric", "orders", "kind", "counter", "value",
                1, "labels", "a", "1", "b", "2");
    const struct reporting_row *row =
        tale_row(t, REPORTING_MINUTE, "orders", "{\"a\":\"1\",\"b\":\"2\"}", MINUTE);
    cr_assert(row);
    cr_expect_eq(row->total.count, 2);
    tale_end(t);
}

Test(sample, given_a_time_with_an_offset_then_it_is_the_minute_in_utc)
{
    struct tale *t = tale_begin(NULL, MORNING);
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "orders", "kind", "counter", "value", 1,
                "time", "2026-03-01T12:00:59.999+02:00");
    cr_expect_eq(minute(t, "orders")->total.count, 1);
    tale_end(t);
}

Test(sample, given_a_kind_of_an_old_sample_then_the_metric_stays_what_it_was)
{
    struct tale *t = tale_begin(NULL, MORNING);
    tale_sample(t, "{s:s, s:s, s:i}", "metric", "orders", "kind", "counter", "value", 1);
    tale_refused(t, "sample-kind-differs", "{s:s, s:s, s:i}", "metric", "orders", "kind", "gauge",
                 "value", 1);
    tale_save(t);
    tale_refused(t, "sample-kind-differs", "{s:s, s:s, s:s}", "metric", "orders", "kind",
                 "session_in", "value", "s1");
    cr_expect_eq(minute(t, "orders")->total.count, 1);
    tale_end(t);
}

Test(sample, given_an_hour_ahead_then_it_is_taken_and_more_is_not)
{
    struct tale *t = tale_begin(NULL, "2026-03-01T10:00:00Z");
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "m", "kind", "counter", "value", 1, "time",
                "2026-03-01T11:00:00Z");
    tale_refused(t, "sample-in-future", "{s:s, s:s, s:i, s:s}", "metric", "m", "kind", "counter",
                 "value", 1, "time", "2026-03-01T11:00:00.001Z");
    tale_end(t);
}

/* ---- what the schema cannot say ---- */

static const struct {
    const char *body, *problem;
} refused[] = {
    {"{\"metric\":\"m\",\"kind\":\"counter\"}", "sample-value-missing"},
    {"{\"metric\":\"m\",\"kind\":\"session_in\"}", "sample-value-missing"},
    {"{\"metric\":\"m\",\"kind\":\"histogram\",\"buckets\":[[1,1]],\"sum\":1,\"min\":1}",
     "sample-value-missing"},
    {"{\"metric\":\"m\",\"kind\":\"counter\",\"value\":\"1\"}", "sample-value-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"counter\",\"value\":-1}", "sample-value-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"timing\",\"value\":-0.1}", "sample-value-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"session_out\",\"value\":1}", "sample-value-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"histogram\",\"buckets\":[[2,1],[1,1]],\"sum\":1,\"min\":1,"
     "\"max\":1}",
     "sample-histogram-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"histogram\",\"buckets\":[[1,0]],\"sum\":1,\"min\":1,\"max\":1}",
     "sample-histogram-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"histogram\",\"buckets\":[[131008,1]],\"sum\":1,\"min\":1,"
     "\"max\":1}",
     "sample-histogram-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"histogram\",\"buckets\":[[1,1]],\"sum\":1,\"min\":1,\"max\":1,"
     "\"count\":2}",
     "sample-histogram-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"histogram\",\"buckets\":[[1,1]],\"sum\":1,\"min\":2,\"max\":1}",
     "sample-histogram-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"counter\",\"value\":1,\"labels\":{\"1a\":\"x\"}}",
     "sample-label-invalid"},
    {"{\"metric\":\"m\",\"kind\":\"counter\",\"value\":1,\"labels\":{\"\":\"x\"}}",
     "sample-label-invalid"},
};

Test(sample, given_a_body_that_its_kind_cannot_be_then_it_is_refused_by_name)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct tale *t = tale_begin(NULL, MORNING);
        json_t *body = json_loads(refused[i].body, 0, NULL);
        cr_assert(body, "%s", refused[i].body);
        tale_refused(t, refused[i].problem, "o", body);
        tale_end(t);
    }
}
