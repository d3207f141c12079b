/* What is asked of Postgres and the warehouse alone: ids that were decided twice, parked commands,
 * the loader's own counts, and what a domain says of itself by its view <domain>.verify. */
#include "ctl_verify.h"

#include <inttypes.h>
#include <stdio.h>

/* One statement with $1 = the domain or topic, all columns as text. */
struct question {
    struct mr_pg_session *session;
    const char *sql, *about;
};

static enum mr_status ask(struct ctl_verify *v, struct question q, struct mr_pg_result **out,
                          struct mr_error *why)
{
    struct mr_pg_params p = ctl_params(v->ctl);
    mr_pg_param_text(&p, mr_slice_text(q.about));
    return mr_pg_session_exec_text(q.session, q.sql, &p, out, why);
}

#define CELL(r, row, column) MR_SLICE_FMT(mr_pg_result_text((r), (row), (column)))

/* The primary key holds within a day; a repeat is looked for on its day and the two before. */
static const char select_twice[] =
    "SELECT a.id::text, a.account_id::text, a.lane::text, a.position::text, b.position::text "
    "FROM millrace.command a JOIN millrace.command b USING (id, account_id, domain) "
    "WHERE domain = $1::text AND b.day > a.day AND b.day <= a.day + 2 "
    "UNION ALL SELECT a.id::text, a.account_id::text, a.lane::text, a.position::text, "
    "b.position::text FROM millrace.seen a JOIN millrace.seen b USING (id, account_id, domain) "
    "WHERE domain = $1::text AND b.day > a.day AND b.day <= a.day + 2 LIMIT 1000";

static const char select_facts_twice[] =
    "SELECT a.id::text, a.account_id::text, a.lane::text, a.position::text, b.position::text "
    "FROM %s.facts a JOIN %s.facts b USING (id, account_id) "
    "WHERE $1::text IS NOT NULL AND b.day > a.day AND b.day <= a.day + 2 LIMIT 1000";

static enum mr_status look_twice(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                 const char *sql, struct mr_error *why)
{
    struct mr_pg_result *r;
    enum mr_status s = ask(v, (struct question){v->ctl->pg, sql, d->name}, &r, why);
    if (s != MR_OK)
        return s;
    for (int i = 0; i < mr_pg_result_rows(r); i++)
        ctl_report_differs(v->report, "command with two outcomes",
                           "%s command %.*s of account %.*s: lane %.*s positions %.*s and %.*s",
                           d->name, CELL(r, i, 0), CELL(r, i, 1), CELL(r, i, 2), CELL(r, i, 3),
                           CELL(r, i, 4));
    mr_pg_result_free(r);
    return MR_OK;
}

static enum mr_status check_twice(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                  struct mr_error *why)
{
    enum mr_status s = look_twice(v, d, select_twice, why);
    if (s != MR_OK || !d->shows_facts)
        return s;
    /* The name is a domain's: lower-case letters. */
    return look_twice(v, d, mr_arena_printf(&v->ctl->arena, select_facts_twice, d->name, d->name),
                      why);
}

/* Parked on one side only; then NULL on the other. A repeat of what is kept by its id, parked by a
 * worker of an older release, ends with its row as it was. */
static const char select_parked[] =
    "SELECT p.command_id::text, coalesce(p.lane, c.lane)::text, "
    "coalesce(p.position, c.position)::text, p.cause, c.id::text, p.type "
    "FROM millrace.parked p FULL JOIN (SELECT * FROM millrace.command r WHERE status = 3 "
    "AND NOT EXISTS (SELECT FROM millrace.seen s WHERE s.id = r.id AND s.account_id = r.account_id "
    "AND s.domain = r.domain AND s.day BETWEEN r.day - 2 AND r.day + 1)) c "
    "USING (domain, lane, position) WHERE domain = $1::text ORDER BY 2, 3";

/* What is kept by its id, or as a fact, has none while it is parked. */
static bool has_outcome(const struct ctl_verify *v, struct mr_slice type)
{
    const struct mr_catalog_command *command = mr_catalog_command_of(v->ctl->catalog, type);
    return !command || command->record == MR_RECORD_FULL;
}

static enum mr_status check_parked(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                   struct mr_error *why)
{
    struct mr_pg_result *r;
    enum mr_status s = ask(v, (struct question){v->ctl->pg, select_parked, d->name}, &r, why);
    if (s != MR_OK)
        return s;
    for (int i = 0; i < mr_pg_result_rows(r); i++) {
        if (mr_pg_result_null(r, i, 0))
            ctl_report_differs(v->report, "parked command that waits nowhere",
                               "%s command %.*s: lane %.*s position %.*s", d->name, CELL(r, i, 4),
                               CELL(r, i, 1), CELL(r, i, 2));
        else if (mr_pg_result_null(r, i, 4) && !v->command_days.dropped &&
                 has_outcome(v, mr_pg_result_text(r, i, 5)))
            ctl_report_differs(v->report, "parked without an outcome",
                               "%s command %.*s: lane %.*s position %.*s", d->name, CELL(r, i, 0),
                               CELL(r, i, 1), CELL(r, i, 2));
        else
            ctl_report_note(v->report, "parked", "%s command %.*s: lane %.*s position %.*s, %.*s",
                            d->name, CELL(r, i, 0), CELL(r, i, 1), CELL(r, i, 2), CELL(r, i, 3));
    }
    mr_pg_result_free(r);
    return MR_OK;
}

/* ---- the loader ---- */

static const char select_counts[] =
    "SELECT coalesce(sum(consumed), 0)::text, coalesce(sum(loaded), 0)::text, "
    "coalesce(sum(repeated), 0)::text, coalesce(sum(ahead), 0)::text, "
    "coalesce(sum(skipped), 0)::text, coalesce(sum(bad), 0)::text, "
    "(coalesce(sum(consumed - loaded - repeated - ahead - skipped - bad), 0) = 0)::text "
    "FROM public.load_count WHERE topic = $1::text";
static const char select_bad[] =
    "SELECT lane::text, position::text, cause FROM public.bad_rows WHERE topic = $1::text "
    "ORDER BY lane, position";

static enum mr_status check_loads(struct ctl_verify *v, const char *topic, struct mr_error *why)
{
    static const char *const names[] = {"records consumed by the loader",
                                        "loaded",
                                        "repeats",
                                        "ahead of their predecessor",
                                        "skipped (no table)",
                                        "bad"};
    struct mr_pg_result *r;
    enum mr_status s = ask(v, (struct question){v->ctl->warehouse, select_counts, topic}, &r, why);
    if (s != MR_OK)
        return s;
    for (int i = 0; i < 6; i++)
        ctl_report_count(v->report, topic, names[i],
                         strtoll(mr_pg_result_text(r, 0, i).data, NULL, 10));
    if (!mr_slice_is(mr_pg_result_text(r, 0, 6), "true"))
        ctl_report_differs(v->report, "loads that do not reconcile",
                           "%s: consumed is not loaded + repeated + ahead + skipped + bad", topic);
    mr_pg_result_free(r);
    s = ask(v, (struct question){v->ctl->warehouse, select_bad, topic}, &r, why);
    if (s != MR_OK)
        return s;
    for (int i = 0; i < mr_pg_result_rows(r); i++)
        ctl_report_note(v->report, "record in bad_rows", "%s lane %.*s offset %.*s: %.*s", topic,
                        CELL(r, i, 0), CELL(r, i, 1), CELL(r, i, 2));
    mr_pg_result_free(r);
    return MR_OK;
}

/* ---- the domain's own ---- */

static enum mr_status check_domain(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                   struct mr_error *why)
{
    static const char find[] = "SELECT to_regclass($1::text || '.verify')::text";
    struct mr_pg_result *r;
    enum mr_status s = ask(v, (struct question){v->ctl->pg, find, d->name}, &r, why);
    if (s != MR_OK)
        return s;
    bool exists = !mr_pg_result_null(r, 0, 0);
    mr_pg_result_free(r);
    if (!exists)
        return MR_OK;
    /* The name is a domain's: lower-case letters. */
    char *sql =
        mr_arena_printf(&v->ctl->arena, "SELECT what, ok::text, detail FROM %s.verify", d->name);
    s = mr_pg_session_exec_text(v->ctl->pg, sql, NULL, &r, why);
    if (s != MR_OK)
        return s;
    for (int i = 0; i < mr_pg_result_rows(r); i++) {
        ctl_report_count(v->report, d->name, "checks of its own", 1);
        if (!mr_slice_is(mr_pg_result_text(r, i, 1), "true"))
            ctl_report_differs(v->report, "check of a domain", "%s: %.*s: %.*s", d->name,
                               CELL(r, i, 0), CELL(r, i, 2));
    }
    mr_pg_result_free(r);
    return MR_OK;
}

enum mr_status ctl_verify_checks(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                 struct mr_error *why)
{
    enum mr_status s = check_twice(v, d, why);
    if (s == MR_OK)
        s = check_parked(v, d, why);
    if (s == MR_OK)
        s = check_loads(v, d->catalog->events_topic, why);
    if (s == MR_OK && d->loads_facts)
        s = check_loads(v, d->catalog->commands_topic, why);
    if (s == MR_OK)
        s = check_domain(v, d, why);
    return s;
}
