/* The functions that answer reads: their figures are those of the worker's own arithmetic. */
#include "tale_pg.h"

#include "mr_histogram.h"
#include "mr_prng.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>

#define MINUTE "2026-03-01T10:00:00Z"

static struct tale_pg *pg;
static struct tale_store store;
static struct tale *t;

static void open_tale(const char *database)
{
    pg = tale_pg_new(database);
    store = tale_pg_store(pg);
    t = tale_begin(&store, "2026-03-01T10:00:30Z");
}

static void close_tale(void)
{
    tale_end(t);
    tale_pg_free(pg);
}

/* Runs reporting.report of the tale's account with the rest of its arguments; item i or NULL. */
static json_t *report(int i, const char *arguments)
{
    char sql[1024], account[MR_UUID_TEXT + 1];
    snprintf(sql, sizeof sql,
             "SELECT coalesce(json_agg(body::json ORDER BY at, id), '[]')"
             " FROM reporting.report('%s', %s)",
             mr_uuid_text(&t->account, account), arguments);
    json_t *items = json_loads(tale_pg_sql(pg, sql), 0, NULL);
    cr_assert(items, "%s", sql);
    json_t *item = json_incref(json_array_get(items, (size_t)i));
    json_decref(items);
    return item;
}

static double number(const json_t *item, const char *name)
{
    const json_t *value = json_object_get(item, name);
    cr_assert(value, "there is no %s", name);
    return json_is_null(value) ? (double)NAN : json_number_value(value);
}

Test(reports, given_bytes_then_sql_reads_the_buckets_that_c_wrote)
{
    open_tale("buckets");
    struct mr_prng prng;
    mr_prng_seed(&prng, 5);
    for (int i = 0; i < 300; i++) {
        double v = ldexp(1 + mr_prng_below(&prng, 1 << 20) / 1048576.0,
                         (int)mr_prng_below(&prng, 80) - 40);
        tale_sample(t, "{s:s, s:s, s:f}", "metric", "m", "kind", "gauge", "value",
                    i == 0       ? 0.0
                    : i % 3 == 0 ? -v
                                 : v);
    }
    const struct reporting_row *loaded = tale_row(t, REPORTING_MINUTE, "m", "{}", MINUTE);
    struct reporting_row *row = (struct reporting_row *)mr_arena_dup(
        &t->arena, loaded,
        reporting_row_bytes(loaded)); /* a loaded one lives until the next call */
    json_t *rows =
        json_loads(tale_pg_sql(pg, "SELECT json_agg(json_build_array(bucket, counted,"
                                   " reporting.bucket_value(bucket)) ORDER BY bucket)"
                                   " FROM reporting.minute, reporting.bucket_counts(buckets)"),
                   0, NULL);
    cr_assert_eq((int32_t)json_array_size(rows), row->bucket_count);
    for (int32_t i = 0; i < row->bucket_count; i++) {
        const json_t *got = json_array_get(rows, (size_t)i);
        int32_t bucket = reporting_bucket_of(row->tail[i]);
        cr_expect_eq(json_integer_value(json_array_get(got, 0)), bucket);
        cr_expect_eq(json_integer_value(json_array_get(got, 1)),
                     reporting_bucket_count(row->tail[i]));
        cr_expect_eq(json_number_value(json_array_get(got, 2)), mr_histogram_value(bucket),
                     "bucket %d", bucket);
    }
    json_decref(rows);
    close_tale();
}

Test(reports, given_timings_of_several_routes_then_quantiles_are_those_of_all_and_of_each)
{
    open_tale("quantiles");
    for (int i = 1; i <= 1000; i++)
        tale_sample(t, "{s:s, s:s, s:f, s:{s:s}}", "metric", "wait", "kind", "timing", "value",
                    i / 1000.0, "labels", "route", i % 2 ? "/odd" : "/even");
    tale_tick(t, "2026-03-01T10:01:10Z");
    double closed_p95 = tale_number(t, 0, "p95");
    json_t *all = report(0, "'wait', '" MINUTE "', '2026-03-01T10:05:00Z', '60', NULL, NULL, NULL");
    cr_expect_eq(number(all, "count"), 1000);
    cr_expect_float_eq(number(all, "p50"), 0.5, 0.005);
    cr_expect_float_eq(number(all, "p95"), 0.95, 0.0095);
    cr_expect_float_eq(number(all, "p99"), 0.99, 0.0099);
    cr_expect_eq(number(all, "series"), 2);
    cr_expect_float_eq(number(all, "mean"), 0.5005, 1e-9);
    cr_expect_float_eq(number(all, "rate"), 1000 / 60.0, 1e-9);
    json_t *one = report(0, "'wait', '" MINUTE "', '2026-03-01T10:05:00Z', '60', NULL,"
                            " '{\"route\":\"/odd\"}', NULL");
    cr_expect_eq(number(one, "count"), 500);
    json_t *grouped =
        report(1, "'wait', '" MINUTE "', '2026-03-01T10:05:00Z', '60', 'route', NULL, NULL");
    cr_expect_eq(number(grouped, "count"), 500);
    cr_expect_eq(
        fmin(fabs(number(one, "p95") - closed_p95), fabs(number(grouped, "p95") - closed_p95)), 0,
        "SQL and the worker say the same of a series");
    json_t *hour =
        report(0, "'wait', '" MINUTE "', '2026-03-01T11:00:00Z', '1h', NULL, NULL, NULL");
    cr_expect_eq(number(hour, "p95"), number(all, "p95"));
    json_t *day = report(0, "'wait', '" MINUTE "', '2026-03-01T11:00:00Z', '1d', NULL, NULL, NULL");
    cr_expect_eq(number(day, "count"), 1000);
    json_decref(all);
    json_decref(one);
    json_decref(grouped);
    json_decref(hour);
    json_decref(day);
    close_tale();
}

Test(reports, given_open_minutes_then_hours_have_them_too_and_once)
{
    open_tale("open_minutes");
    for (int i = 0; i < 3; i++)
        tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "orders", "kind", "counter", "value", 2,
                    "time", "2026-03-01T09:59:00Z");
    tale_tick(t, "2026-03-01T10:00:40Z");
    tale_sample(t, "{s:s, s:s, s:i}", "metric", "orders", "kind", "counter", "value", 5);
    tale_save(t);
    json_t *day = report(
        0, "'orders', '2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z', '1d', NULL, NULL, NULL");
    cr_expect_eq(number(day, "sum"), 11);
    json_t *ten = report(
        1, "'orders', '2026-03-01T09:00:00Z', '2026-03-01T12:00:00Z', '1h', NULL, NULL, NULL");
    cr_expect_eq(number(ten, "sum"), 5);
    json_decref(day);
    json_decref(ten);
    close_tale();
}

Test(reports, given_instances_then_a_rebalance_does_not_count_them_twice)
{
    open_tale("instances");
    static const char *const beats[][2] = {{"a", "1"}, {"a", "2"}, {"b", "2"}};
    for (size_t i = 0; i < sizeof beats / sizeof *beats; i++)
        tale_sample(t, "{s:s, s:s, s:i, s:{s:s, s:s}}", "metric", "heartbeat", "kind", "gauge",
                    "value", 1, "labels", "instance", beats[i][0], "lanes", beats[i][1]);
    tale_save(t);
    json_t *item = report(0, "'heartbeat', '" MINUTE
                             "', '2026-03-01T10:05:00Z', '60', NULL, NULL, 'instance'");
    cr_expect_eq(number(item, "series"), 3);
    cr_expect_eq(number(item, "distinct"), 2);
    json_decref(item);
    close_tale();
}

Test(reports, given_sessions_then_users_connected_and_turnover)
{
    open_tale("users");
    static const char *const who[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        tale_sample(t, "{s:s, s:s, s:s, s:{s:s}}", "metric", "users", "kind", "session_in", "value",
                    who[i], "labels", "app", i == 2 ? "web" : "phone");
    tale_sample(t, "{s:s, s:s, s:s, s:{s:s}}", "metric", "users", "kind", "session_out", "value",
                "a", "labels", "app", "phone");
    tale_tick(t, "2026-03-01T10:01:00Z");
    tale_tick(t, "2026-03-01T10:02:00Z");
    json_t *first =
        report(0, "'users', '" MINUTE "', '2026-03-01T10:02:00Z', '60', NULL, NULL, NULL");
    cr_expect_eq(number(first, "last"), 2);
    cr_expect_eq(number(first, "sign_ins"), 3);
    cr_expect_eq(number(first, "sign_outs"), 1);
    json_t *second =
        report(1, "'users', '" MINUTE "', '2026-03-01T10:02:00Z', '60', NULL, NULL, NULL");
    cr_expect_eq(number(second, "last"), 2, "nothing happened, and they are still there");
    cr_expect_eq(number(second, "count"), 0);
    json_decref(first);
    json_decref(second);
    close_tale();
}

/* ---- predictions ---- */

static void forecast_row(const char *hour, const char *made, int horizon, double predicted)
{
    char sql[1024], account[MR_UUID_TEXT + 1];
    snprintf(sql, sizeof sql,
             "INSERT INTO reporting.forecast VALUES ('%s', gen_random_uuid(), 0, 'orders', 'sum',"
             " '%s', '%s', %d, 'naive', %g, 0, %g)",
             mr_uuid_text(&t->account, account), hour, made, horizon, predicted, predicted * 2);
    tale_pg_sql(pg, sql);
}

Test(reports, given_predictions_then_the_last_one_before_the_hour_stands_beside_what_came)
{
    open_tale("predicted");
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "orders", "kind", "counter", "value", 90,
                "time", "2026-03-01T09:30:00Z");
    tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "orders", "kind", "counter", "value", 70,
                "time", "2026-02-28T09:30:00Z");
    tale_tick(t, "2026-03-01T10:00:40Z");
    forecast_row("2026-03-01T09:00:00Z", "2026-03-01T06:01:00Z", 4, 50);
    forecast_row("2026-03-01T09:00:00Z", "2026-03-01T08:01:00Z", 2, 120);
    json_t *hour = report(
        0, "'orders', '2026-03-01T09:00:00Z', '2026-03-01T10:00:00Z', '1h', NULL, NULL, NULL");
    json_t *predicted = json_array_get(json_object_get(hour, "predicted"), 0);
    cr_expect_eq(number(predicted, "value"), 120);
    cr_expect_eq(number(predicted, "actual"), 90);
    cr_expect_eq(number(predicted, "error"), 30);
    json_t *minute = report(
        0, "'orders', '2026-03-01T09:30:00Z', '2026-03-01T09:31:00Z', '60', NULL, NULL, NULL");
    cr_expect_eq(number(json_array_get(json_object_get(minute, "predicted"), 0), "value"), 2);
    json_t *half = report(
        0, "'orders', '2026-03-01T08:00:00Z', '2026-03-01T10:00:00Z', '2h', NULL, NULL, NULL");
    json_t *of_one = json_array_get(json_object_get(half, "predicted"), 0);
    cr_expect_eq(number(of_one, "value"), 120);
    cr_expect(json_is_null(json_object_get(of_one, "error")), "one of its two hours is predicted");
    json_decref(half);
    json_decref(hour);
    json_decref(minute);
    char account[MR_UUID_TEXT + 1], sql[512];
    mr_uuid_text(&t->account, account);
    snprintf(sql, sizeof sql,
             "SELECT body FROM reporting.accuracy('%s', 'orders', '2026-03-01T00:00:00Z',"
             " '2026-03-02T00:00:00Z') WHERE horizon = 2",
             account);
    json_t *accuracy = json_loads(tale_pg_sql(pg, sql), 0, NULL);
    cr_expect_eq(number(accuracy, "mae"), 30);
    cr_expect_eq(number(accuracy, "naive_mae"), 20);
    cr_expect_eq(number(accuracy, "mase"), 1.5);
    cr_expect_eq(number(accuracy, "covered"), 1);
    json_decref(accuracy);
    snprintf(sql, sizeof sql,
             "SELECT body FROM reporting.forecast_hours('%s', 'orders', '2026-03-01T00:00:00Z',"
             " '2026-03-02T00:00:00Z', 'sum', 3)",
             account);
    json_t *far = json_loads(tale_pg_sql(pg, sql), 0, NULL);
    cr_expect_eq(number(far, "predicted"), 50, "made at least three hours ahead");
    cr_expect_eq(number(far, "naive"), 70);
    json_decref(far);
    close_tale();
}

Test(reports, given_a_window_that_is_none_then_an_error_that_says_why)
{
    open_tale("windows");
#define ASK(arguments)                                                                             \
    "SELECT reporting.report('00000000-0000-0000-0000-000000000001', 'm', " arguments              \
    ", NULL, NULL, NULL)"
    tale_pg_refused(pg, ASK("'2026-03-01', '2026-03-02', 'soon'"), "60s, 5m, 1h, 1d");
    tale_pg_refused(pg, ASK("'2026-03-01', '2026-03-02', '40d'"), "at most 31 days");
    tale_pg_refused(pg, ASK("'2026-03-01', '2026-03-02', '90s'"), "whole minutes");
    tale_pg_refused(pg, ASK("'2026-03-01', '2026-03-02', '5400'"), "whole hours");
    tale_pg_refused(pg, ASK("'2026-03-01', '2026-03-02', '90000'"), "whole days");
    tale_pg_refused(pg, ASK("'2026-03-02', '2026-03-01', '60'"), "from must lie before to");
    tale_pg_refused(pg, ASK("'2026-03-01', '2026-03-05', '60'"), "more than 2000 steps");
    close_tale();
}
