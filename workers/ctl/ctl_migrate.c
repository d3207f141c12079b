/* millracectl migrate: brings the tables of both databases up to this program, and makes the day
 * partitions. */
#include "ctl_sets.h"
#include "ctl_verbs.h"
#include "mr_time.h"

#include <stdio.h>

#define DAYS_AHEAD    7
#define DAYS_BACK_MIN (MR_KAFKA_RETENTION_COMMANDS_MS / MR_DAY_MS)

static void on_applied(const char *domain, const struct mr_pg_migration *m, void *data)
{
    int *applied = data;
    (*applied)++;
    printf("applied %s %04d_%s\n", domain, m->number, m->name);
}

static enum mr_status apply(const struct ctl *ctl, const char *setting, const struct ctl_sets *sets,
                            struct mr_error *why)
{
    struct mr_error said;
    int applied = 0;
    struct mr_pg_migrate_options options = {
        .conninfo = ctl_text(ctl, setting),
        .sets = sets->list,
        .count = sets->count,
        .on_applied = on_applied,
        .data = &applied,
    };
    if (sets->count == 0)
        return MR_OK;
    enum mr_status s = mr_pg_migrate(&options, &said);
    if (s == MR_OK && applied == 0)
        printf("MILLRACE_%s: nothing to apply\n", setting);
    if (s == MR_OK)
        return MR_OK;
    return mr_fail(why, s == MR_INVALID ? MR_FATAL : s, "MILLRACE_%s: %s%s", setting, said.text,
                   strstr(said.text, "does not exist") && strstr(said.text, "database")
                       ? " (millracectl makes no databases: CREATE DATABASE is yours to say)"
                       : "");
}

static enum mr_status make_days(struct ctl *ctl, struct mr_error *why)
{
    static const char sql[] =
        "SELECT millrace.make_days(d - $1::int4, d + $2::int4), (d - $1::int4)::text, "
        "(d + $2::int4)::text FROM (SELECT (now() AT TIME ZONE 'UTC')::date) AS today(d)";
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    int64_t days = mr_config_int(ctl->config, "RETENTION_DAYS");
    if (days < DAYS_BACK_MIN) /* the log may still hold records of these days */
        days = DAYS_BACK_MIN;
    mr_pg_param_int4(&p, (int32_t)days);
    mr_pg_param_int4(&p, DAYS_AHEAD);
    enum mr_status s = ctl_open_pg(ctl, why);
    if (s == MR_OK)
        s = mr_pg_session_exec(ctl->pg, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    printf("day partitions %.*s to %.*s: made %d\n", MR_SLICE_FMT(mr_pg_result_text(r, 0, 1)),
           MR_SLICE_FMT(mr_pg_result_text(r, 0, 2)), (int)mr_pg_result_int4(r, 0, 0));
    mr_pg_result_free(r);
    return MR_OK;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_error why;
    enum mr_status s = apply(ctl, "PG", &ctl_sets_pg, &why);
    if (s == MR_OK)
        s = make_days(ctl, &why);
    if (s == MR_OK)
        s = apply(ctl, "WAREHOUSE", &ctl_sets_warehouse, &why);
    return s == MR_OK ? CTL_DONE : ctl_fail(ctl, s, &why);
}

const struct ctl_verb ctl_migrate = {
    .name = "migrate",
    .usage = "[flags]",
    .summary = "Makes or upgrades the tables in Postgres and in the warehouse",
    .details = "Numbered files that were applied are left alone; run it as often as you like, and "
               "before the\nprograms of a new version. It also makes the day partitions from "
               "today - RETENTION_DAYS to\ntoday + 7. The two databases themselves must exist.",
    .run = run,
};
