/* Reporting's tables, by the runtime's own store: what is saved is what is loaded, what is due is
 * found, and what must hold is refused otherwise. */
#include "tale_pg.h"

#include <criterion/criterion.h>

#define MINUTE "2026-03-01T10:00:00Z"

static void timings(struct tale *t, int count, double unit)
{
    for (int i = 1; i <= count; i++)
        tale_sample(t, "{s:s, s:s, s:f, s:s, s:{s:s}}", "metric", "wait", "kind", "timing", "value",
                    unit * i, "time", "2026-03-01T10:00:20.500Z", "labels", "route", "/caf\u00e9");
}

/* The same tale in memory and in Postgres ends with the same images. */
static void same(struct tale *a, struct tale *b, enum reporting_kind kind, const char *metric,
                 const char *labels, const char *start)
{
    const struct reporting_row *x = tale_row(a, kind, metric, labels, start);
    const struct reporting_row *y = tale_row(b, kind, metric, labels, start);
    cr_assert(x && y, "%d %s", kind, metric);
    cr_expect_eq(x->total.count, y->total.count);
    cr_expect_eq(x->total.sum, y->total.sum);
    cr_expect_eq(x->total.min, y->total.min);
    cr_expect_eq(x->total.max, y->total.max);
    cr_expect_eq(x->total.last, y->total.last);
    cr_expect_eq(x->total.last_ms, y->total.last_ms);
    cr_expect_eq(x->total.has_value, y->total.has_value);
    cr_expect_eq(x->total.sign_ins, y->total.sign_ins);
    cr_expect_eq(x->total.sign_outs, y->total.sign_outs);
    cr_expect_eq(x->total.expired, y->total.expired);
    cr_expect_eq(x->late.count, y->late.count);
    cr_expect_eq(x->late.sum, y->late.sum);
    cr_expect_eq(x->due_ms, y->due_ms);
    cr_expect_eq(x->closed, y->closed);
    cr_expect_eq(x->start_ms, y->start_ms);
    cr_expect_eq(x->lane, y->lane);
    cr_expect_eq(x->kind, y->kind);
    cr_expect_str_eq(reporting_row_metric(x), reporting_row_metric(y));
    cr_expect_str_eq(reporting_row_labels(x), reporting_row_labels(y));
    cr_assert_eq(x->bucket_count, y->bucket_count);
    cr_expect_eq(memcmp(x->tail, y->tail, (size_t)x->bucket_count * sizeof x->tail[0]), 0);
    cr_assert_eq(x->late_bucket_count, y->late_bucket_count);
    cr_expect_eq(memcmp(x->tail + x->bucket_room, y->tail + y->bucket_room,
                        (size_t)x->late_bucket_count * sizeof x->tail[0]),
                 0);
}

static void waits(struct tale *t)
{
    timings(t, 30, 0.01);
    tale_save(t);
    timings(t, 50, 0.5);
    tale_tick(t, "2026-03-01T10:01:10Z");
    timings(t, 20, 0.003);
    tale_save(t); /* late, and not merged onwards yet */
}

#define ROUTE "{\"route\":\"/caf\u00e9\"}"

Test(store, given_rows_then_postgres_keeps_every_figure)
{
    struct tale_pg *pg = tale_pg_new("rows");
    struct tale_store store = tale_pg_store(pg);
    struct tale *memory = tale_begin(NULL, "2026-03-01T10:00:30Z");
    struct tale *t = tale_begin(&store, "2026-03-01T10:00:30Z");
    waits(memory);
    waits(t);
    same(memory, t, REPORTING_MINUTE, "wait", ROUTE, MINUTE);
    same(memory, t, REPORTING_HOUR, "wait", ROUTE, MINUTE);
    same(memory, t, REPORTING_DAY, "wait", ROUTE, "2026-03-01T00:00:00Z");
    tale_pg_expect(pg, "SELECT late_count FROM reporting.minute", "20");
    tale_pg_expect(pg, "SELECT count(*) FROM reporting.verify WHERE NOT ok", "0");
    tale_tick(memory, "2026-03-01T10:01:20Z");
    tale_tick(t, "2026-03-01T10:01:20Z");
    tale_told_count(t, 1);
    same(memory, t, REPORTING_HOUR, "wait", ROUTE, MINUTE);
    tale_pg_expect(pg, "SELECT count FROM reporting.hour", "100");
    tale_pg_expect(pg, "SELECT count(*) FROM reporting.verify WHERE NOT ok", "0");
    tale_end(memory);
    tale_end(t);
    tale_pg_free(pg);
}

static void sessions(struct tale *t)
{
    static const char *const steps[][2] = {
        {"session_in", "a"}, {"session_in", "b"}, {"session_out", "a"}, {"session_in", "c"}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        tale_sample(t, "{s:s, s:s, s:s, s:i}", "metric", "users", "kind", steps[i][0], "value",
                    steps[i][1], "limit_seconds", 90 + (int)i * 600);
    tale_tick(t, "2026-03-01T10:01:00Z");
    tale_tick(t, "2026-03-01T10:02:10Z");
    tale_tick(t, "2026-03-01T10:13:10Z");
    tale_tick(t, "2026-03-01T10:20:10Z");
}

Test(store, given_sessions_then_they_end_and_are_counted_as_in_memory)
{
    struct tale_pg *pg = tale_pg_new("sessions");
    struct tale_store store = tale_pg_store(pg);
    struct tale *memory = tale_begin(NULL, "2026-03-01T10:00:30Z");
    struct tale *t = tale_begin(&store, "2026-03-01T10:00:30Z");
    sessions(memory);
    sessions(t);
    cr_expect_eq(json_array_size(memory->told), json_array_size(t->told));
    same(memory, t, REPORTING_MINUTE, "users", "{}", MINUTE);
    same(memory, t, REPORTING_MINUTE, "users", "{}", "2026-03-01T10:01:00Z");
    same(memory, t, REPORTING_HOUR, "users", "{}", MINUTE);
    tale_pg_expect(pg, "SELECT open FROM reporting.series", "1");
    tale_pg_expect(pg, "SELECT sum(expired) FROM reporting.hour", "1");
    tale_pg_expect(pg, "SELECT count(*) FROM reporting.verify WHERE NOT ok", "0");
    tale_end(memory);
    tale_end(t);
    tale_pg_free(pg);
}

Test(store, given_forecasts_then_they_are_rows_of_their_account_and_never_altered)
{
    struct tale_pg *pg = tale_pg_new("forecasts");
    struct tale_store store = tale_pg_store(pg);
    struct tale *t = tale_begin(&store, "2026-03-01T10:00:30Z");
    for (int h = 0; h < 60; h++) {
        char time[64];
        snprintf(time, sizeof time, "2026-02-%02dT%02d:10:00Z", 27 + h / 24, h % 24);
        if (27 + h / 24 > 28)
            snprintf(time, sizeof time, "2026-03-01T%02d:00:00Z", h % 24 % 10);
        tale_sample(t, "{s:s, s:s, s:i, s:s}", "metric", "orders", "kind", "counter", "value",
                    10 + h % 24, "time", time);
    }
    tale_tick(t, "2026-03-01T10:00:50Z");
    tale_tick(t, "2026-03-01T11:01:00Z");
    tale_pg_expect(pg, "SELECT count(*) FROM reporting.forecast", "24");
    tale_pg_expect(pg,
                   "SELECT count(*) FROM reporting.forecast f JOIN reporting.metric m"
                   " USING (account_id, metric)",
                   "24");
    tale_pg_expect(pg, "SELECT min(hour - made_at) FROM reporting.forecast", "00:59:00");
    tale_pg_refused(pg, "UPDATE reporting.forecast SET predicted = 0", "append-only");
    tale_pg_refused(pg, "DELETE FROM reporting.forecast", "append-only");
    tale_pg_refused(pg,
                    "INSERT INTO reporting.forecast SELECT account_id, command_id, index, metric,"
                    " measure, hour, hour, horizon, method, predicted, low, high"
                    " FROM reporting.forecast LIMIT 1",
                    "forecast_before_its_hour");
    tale_pg_expect(pg, "SELECT octet_length(totals) % 8 FROM reporting.history", "0");
    tale_end(t);
    tale_pg_free(pg);
}

#define UPDATES                                                                                    \
    "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relid = 'reporting.minute'::regclass"

Test(store, given_an_open_minute_changed_often_then_it_is_rewritten_within_its_page)
{
    struct tale_pg *pg = tale_pg_new("hot");
    struct tale_store store = tale_pg_store(pg);
    struct tale *t = tale_begin(&store, "2026-03-01T10:00:30Z");
    for (int i = 0; i < 20; i++) {
        timings(t, 3, 0.01 * (i + 1));
        tale_save(t);
    }
    tale_end(t);
    tale_pg_disconnect(pg); /* a backend that ends has told its counts */
    while (strcmp(tale_pg_sql(pg, UPDATES), "19") != 0)
        ;
    tale_pg_expect(pg,
                   "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relid ="
                   " 'reporting.minute'::regclass",
                   "19");
    tale_pg_free(pg);
}
