/* How far the warehouse has come, told to millrace's own database. */
#include "loader_report.h"
#include "millrace_migrations.h"
#include "mr_clock.h"
#include "pg_server.h"
#include <criterion/criterion.h>
#include <unistd.h>

static const char topic[] = "billing.events";

struct desk {
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_loop loop;
    struct mr_log log;
    struct loader_report *report;
    int ups;
    bool closed;
};

static void on_connection(void *owner, bool up)
{
    ((struct desk *)owner)->ups += up;
}

static void on_closed(void *owner)
{
    ((struct desk *)owner)->closed = true;
}

static void turn(struct desk *d)
{
    uv_run(&d->loop.uv, UV_RUN_NOWAIT);
}

static struct desk *desk_new(const char *database)
{
    const struct mr_pg_migrations *sets[] = {&millrace_migrations};
    struct desk *d = calloc(1, sizeof *d);
    struct mr_error why;
    pg_database(database, d->conninfo);
    struct mr_pg_migrate_options options = {.conninfo = d->conninfo, .sets = sets, .count = 1};
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_OK, "%s", why.text);
    mr_log_open(&d->log, "test", STDERR_FILENO, MR_LOG_JSON, MR_LOG_ERROR);
    mr_loop_init(&d->loop, NULL);
    struct loader_report_settings settings = {.loop = &d->loop,
                                              .log = &d->log,
                                              .conninfo = d->conninfo,
                                              .on_connection = on_connection,
                                              .owner = d};
    cr_assert_eq(loader_report_new(&settings, &d->report, &why), MR_OK, "%s", why.text);
    while (d->ups == 0)
        turn(d);
    return d;
}

static void desk_close(struct desk *d)
{
    loader_report_close(d->report, on_closed, d);
    while (!d->closed)
        turn(d);
    mr_loop_close(&d->loop);
    free(d);
}

static void until(struct desk *d, const char *sql, const char *text)
{
    int64_t limit_ms = mr_clock_mono_ms() + 20000;
    while (strcmp(pg_run(d->conninfo, sql), text) != 0) {
        cr_assert_lt(mr_clock_mono_ms(), limit_ms, "%s", sql);
        turn(d);
    }
}

static const char told[] =
    "SELECT string_agg(concat_ws(':', topic, lane, next_offset, last_sequence), ' ' ORDER BY lane) "
    "FROM millrace.lane_loaded";

Test(report, given_lanes_then_the_newest_of_each_is_told)
{
    struct desk *d = desk_new("report_newest");
    loader_report_lane(d->report, topic, 0, 5, 4);
    loader_report_lane(d->report, topic, 1, 7, 6);
    loader_report_lane(d->report, topic, 0, 9, 8);
    until(d, told, "billing.events:0:9:8 billing.events:1:7:6");
    desk_close(d);
}

Test(report, given_a_failure_then_it_is_told_again)
{
    struct desk *d = desk_new("report_again");
    pg_run(d->conninfo, "ALTER TABLE millrace.lane_loaded RENAME TO away");
    loader_report_lane(d->report, topic, 0, 5, 4);
    until(d,
          "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO millrace.lane%' "
          "AND state = 'idle'",
          "1");
    pg_run(d->conninfo, "ALTER TABLE millrace.away RENAME TO lane_loaded");
    until(d, told, "billing.events:0:5:4");
    desk_close(d);
}

Test(report, given_the_end_then_what_waits_is_told_first)
{
    struct desk *d = desk_new("report_end");
    char conninfo[PG_CONNINFO_BYTES];
    snprintf(conninfo, sizeof conninfo, "%s", d->conninfo);
    loader_report_lane(d->report, topic, 0, 5, 4);
    desk_close(d);
    cr_expect_str_eq(pg_run(conninfo, told), "billing.events:0:5:4");
}
