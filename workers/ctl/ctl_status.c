/* millracectl status: the whole system on one screen. A server that is away is told as such, and
 * the rest is shown all the same. */
#include "ctl_survey.h"
#include "ctl_table.h"
#include "ctl_verbs.h"
#include "mr_clock.h"
#include "mr_time.h"

#include <inttypes.h>
#include <stdio.h>

#define KAFKA_MS           3000 /* a screen that one waits for */
#define CELL(r, i, column) MR_SLICE_FMT(mr_pg_result_text((r), (i), (column)))

/* Says a thing that is not as it should be. */
static void complain(bool *fine, const char *what, const char *why)
{
    *fine = false;
    printf("%-10s %s\n", what, why);
}

/* ---- Kafka ---- */

static void show_topic(struct ctl *ctl, const char *name, int64_t retention_ms, bool *fine)
{
    struct mr_error why;
    struct mr_kafka_topic_state state;
    struct mr_kafka_topic want = {.name = name,
                                  .replicas = 1,
                                  .in_sync_min = 1,
                                  .retention_ms = retention_ms,
                                  .message_bytes_max = MR_KAFKA_MESSAGE_BYTES_MAX};
    enum mr_status s = mr_kafka_admin_describe(ctl->admin, name, &state, &why);
    if (s == MR_OK || s == MR_LOST)
        s = mr_kafka_topic_check(&want, &state, &why);
    if (s == MR_OK)
        printf("%-10s %s: %" PRId32 " lanes, %" PRId32 " replica%s, %" PRId64 " days\n", "", name,
               state.lanes, state.replicas, state.replicas == 1 ? "" : "s",
               state.retention_ms / MR_DAY_MS);
    else
        complain(fine, "", why.text);
}

static void show_kafka(struct ctl *ctl, bool *fine)
{
    struct mr_error why;
    int32_t brokers;
    enum mr_status s = ctl_open_admin(ctl, &why);
    if (s == MR_OK) {
        mr_kafka_admin_timeout(ctl->admin, KAFKA_MS);
        s = mr_kafka_admin_brokers(ctl->admin, &brokers, &why);
    }
    if (s != MR_OK) {
        ctl->kafka_is_away = true;
        complain(fine, "Kafka", why.text);
        return;
    }
    printf("%-10s %s: %" PRId32 " broker%s\n", "Kafka", ctl_text(ctl, "KAFKA_BROKERS"), brokers,
           brokers == 1 ? "" : "s");
    s = ctl_open_catalog(ctl, &why);
    if (s != MR_OK) {
        complain(fine, "Schemas", why.text);
        return;
    }
    for (size_t i = 0; i < ctl->catalog->domain_count; i++) {
        show_topic(ctl, ctl->catalog->domains[i].commands_topic, MR_KAFKA_RETENTION_COMMANDS_MS,
                   fine);
        show_topic(ctl, ctl->catalog->domains[i].events_topic, MR_KAFKA_RETENTION_EVENTS_MS, fine);
    }
}

/* ---- the databases ---- */

static void show_database(struct mr_pg_session *session, const char *what, bool *fine)
{
    static const char sql[] =
        "SELECT current_database(), current_setting('server_version'), "
        "pg_size_pretty(pg_database_size(current_database())), "
        "(SELECT string_agg(domain || ' ' || number, ', ' ORDER BY domain) FROM (SELECT domain, "
        "max(number) AS number FROM millrace.migration GROUP BY domain) m)";
    struct mr_error why;
    struct mr_pg_result *r;
    if (mr_pg_session_exec_text(session, sql, NULL, &r, &why) != MR_OK) {
        complain(fine, what, why.text);
        return;
    }
    printf("%-10s database %.*s, PostgreSQL %.*s, %.*s, schema %.*s\n", what, CELL(r, 0, 0),
           CELL(r, 0, 1), CELL(r, 0, 2), CELL(r, 0, 3));
    mr_pg_result_free(r);
}

/* Counting may take long where an hour is millions: then it is left out. */
static void show_hour(struct ctl *ctl)
{
    static const char sql[] =
        "SELECT count(*) FILTER (WHERE status = 1)::text, count(*) FILTER (WHERE status = "
        "2)::text, "
        "count(*) FILTER (WHERE status = 3)::text, (SELECT count(*) FROM millrace.conflict "
        "WHERE found_at > now() - interval '1 hour')::text, (SELECT count(*) FROM "
        "millrace.quarantine WHERE found_at > now() - interval '1 hour')::text "
        "FROM millrace.command WHERE day >= (now() AT TIME ZONE 'UTC')::date - 1 "
        "AND decided_at > now() - interval '1 hour'";
    struct mr_error why;
    struct mr_pg_result *r = NULL;
    enum mr_status s = mr_pg_session_script(ctl->pg, "SET statement_timeout = '5s'", &why);
    if (s == MR_OK)
        s = mr_pg_session_exec_text(ctl->pg, sql, NULL, &r, &why);
    if (s != MR_OK) {
        printf("%-10s not known: %s\n", "Last hour", why.text);
        return;
    }
    printf("%-10s %.*s applied, %.*s rejected, %.*s parked, %.*s conflicts, %.*s quarantined\n",
           "Last hour", CELL(r, 0, 0), CELL(r, 0, 1), CELL(r, 0, 2), CELL(r, 0, 3), CELL(r, 0, 4));
    mr_pg_result_free(r);
}

static void show_keys(struct ctl *ctl)
{
    static const char sql[] =
        "SELECT (count(*) FILTER (WHERE revoked_at IS NULL))::text, "
        "(count(*) FILTER (WHERE revoked_at IS NULL AND operator))::text FROM millrace.api_key";
    struct mr_error why;
    struct mr_pg_result *r;
    if (mr_pg_session_exec_text(ctl->pg, sql, NULL, &r, &why) != MR_OK)
        return;
    printf("%-10s %.*s valid, %.*s of them operators'\n", "API keys", CELL(r, 0, 0), CELL(r, 0, 1));
    mr_pg_result_free(r);
}

static void show_bad_rows(struct ctl *ctl)
{
    static const char sql[] = "SELECT count(*)::text FROM public.bad_rows";
    struct mr_error why;
    struct mr_pg_result *r;
    if (mr_pg_session_exec_text(ctl->warehouse, sql, NULL, &r, &why) != MR_OK)
        return;
    if (!mr_slice_is(mr_pg_result_text(r, 0, 0), "0"))
        printf("%-10s %.*s record(s) in bad_rows\n", "", CELL(r, 0, 0));
    mr_pg_result_free(r);
}

/* ---- lanes ---- */

struct sum {
    int32_t lanes, owned, stopped;
    int64_t backlog, age_ms, unpublished, unloaded, parked;
};

/* -1 in any lane makes the sum unknown. */
static void plus(int64_t *sum, int64_t n)
{
    *sum = *sum < 0 || n < 0 ? -1 : *sum + n;
}

static void sum_lane(struct sum *sum, const struct ctl_lane *l)
{
    int64_t unloaded = l->next_event > l->loaded ? l->next_event - l->loaded : 0;
    sum->lanes++;
    sum->owned += l->owned;
    sum->stopped += l->stopped || l->load_stopped;
    sum->age_ms = l->age_ms > sum->age_ms ? l->age_ms : sum->age_ms;
    plus(&sum->backlog, l->backlog);
    plus(&sum->unpublished, l->next_event - l->published);
    plus(&sum->unloaded, l->loaded < 0 ? -1 : unloaded);
    plus(&sum->parked, l->parked);
}

static void print_sum(struct ctl_table *t, const char *domain, const struct sum *sum)
{
    ctl_table_cell(t, "%s", domain);
    ctl_table_count(t, sum->lanes);
    ctl_table_count(t, sum->owned);
    ctl_table_count(t, sum->backlog);
    if (sum->age_ms < 0)
        ctl_table_cell(t, "-");
    else
        ctl_table_cell(t, "%.1f", (double)sum->age_ms / 1000);
    ctl_table_count(t, sum->unpublished);
    ctl_table_count(t, sum->unloaded);
    ctl_table_count(t, sum->parked);
    ctl_table_count(t, sum->stopped);
}

static void show_lanes(struct ctl *ctl, bool *fine)
{
    struct ctl_survey survey;
    struct mr_error why;
    if (ctl_survey_read(ctl, NULL, true, &survey, &why) != MR_OK) {
        complain(fine, "Lanes", why.text);
        return;
    }
    putchar('\n');
    struct ctl_table *t = ctl_table_new(
        "DOMAIN|LANES>|OWNED>|BACKLOG>|SECONDS>|UNPUBLISHED>|UNLOADED>|PARKED>|STOPPED>");
    for (size_t i = 0; i < survey.count;) {
        const char *domain = survey.lanes[i].domain;
        struct sum sum = {.age_ms = -1};
        for (; i < survey.count && strcmp(survey.lanes[i].domain, domain) == 0; i++)
            sum_lane(&sum, &survey.lanes[i]);
        print_sum(t, domain, &sum);
    }
    ctl_table_end(t, "There is no domain yet: millracectl topics create makes them.");
    for (size_t i = 0; i < survey.count; i++) {
        const struct ctl_lane *l = &survey.lanes[i];
        const char *stopped = l->stopped ? l->stopped : l->load_stopped;
        if (!stopped)
            continue;
        *fine = false;
        printf("%s lane %" PRId32 " %s: %s\n", l->domain, l->lane,
               l->stopped ? "is stopped" : "is not loaded", stopped);
    }
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_error why;
    bool fine = true;
    char now[MR_TIME_TEXT + 1];
    printf("millrace at %s\n\n", mr_time_text(mr_clock_wall_ms(), now));
    show_kafka(ctl, &fine);
    bool has_pg = ctl_open_pg(ctl, &why) == MR_OK;
    if (has_pg)
        show_database(ctl->pg, "Postgres", &fine);
    else
        complain(&fine, "Postgres", why.text);
    if (ctl_open_warehouse(ctl, &why) == MR_OK) {
        show_database(ctl->warehouse, "Warehouse", &fine);
        show_bad_rows(ctl);
    } else {
        complain(&fine, "Warehouse", why.text);
    }
    if (has_pg) {
        show_keys(ctl);
        show_hour(ctl);
        show_lanes(ctl, &fine);
    }
    return fine ? CTL_DONE : CTL_NOT_SO;
}

const struct ctl_verb ctl_status = {
    .name = "status",
    .usage = "[flags]",
    .summary = "Shows the whole system on one screen; exits 1 where something is wrong",
    .details =
        "Wrong is: a server that is away, a topic that is not as it must be, a stopped lane.",
    .run = run,
};
