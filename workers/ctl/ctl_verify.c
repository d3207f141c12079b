/* millracectl verify: notes how far each lane is, waits for what must still arrive, and judges what
 * lies below: log, outcomes, events, topic, warehouse, each step against the step before it. */
#include "ctl_verify.h"
#include "ctl_verbs.h"
#include "mr_clock.h"

#include <stdio.h>
#include <time.h>

#define POLL_MS 100

static const struct mr_setting own[] = {
    {"TIMEOUT", "60", "how long to wait for publication and loader", .kind = MR_CONFIG_INTEGER,
     .max = 86400, .unit = "s"},
    {"JSON", "false", "for programs", .kind = MR_CONFIG_BOOL},
};

static enum mr_status read_published(struct ctl_verify *v, struct mr_error *why)
{
    static const char sql[] = "SELECT domain, lane, published FROM millrace.lane";
    struct mr_pg_result *r;
    enum mr_status s = mr_pg_session_exec(v->ctl->pg, sql, NULL, &r, why);
    if (s != MR_OK)
        return s;
    for (int row = 0; row < mr_pg_result_rows(r); row++)
        for (size_t i = 0; i < v->noted.count; i++) {
            struct ctl_lane *l = &v->noted.lanes[i];
            if (l->lane == mr_pg_result_int4(r, row, 1) &&
                mr_slice_is(mr_pg_result_text(r, row, 0), l->domain))
                l->published = mr_pg_result_int8(r, row, 2);
        }
    mr_pg_result_free(r);
    return MR_OK;
}

/* Something is still under way, and nobody stopped it for good. */
static bool has_to_wait(const struct ctl_verify *v)
{
    for (size_t i = 0; i < v->noted.count; i++) {
        const struct ctl_lane *l = &v->noted.lanes[i];
        if (l->published < l->next_event && !l->stopped)
            return true;
        if (l->published >= l->next_event && l->loaded < l->next_event && !l->load_stopped)
            return true;
        if (l->facts_loaded < l->applied && !l->facts_stopped &&
            ctl_verify_loads_facts(mr_catalog_domain_of(v->ctl->catalog, l->domain)))
            return true;
    }
    return false;
}

static enum mr_status wait_for_rest(struct ctl_verify *v, struct mr_error *why)
{
    int64_t until = mr_clock_mono_ms() + mr_config_int(v->ctl->config, "TIMEOUT") * 1000;
    for (;;) {
        enum mr_status s = read_published(v, why);
        if (s == MR_OK)
            s = ctl_survey_ledger(v->ctl, &v->noted, why);
        if (s != MR_OK || !has_to_wait(v) || mr_clock_mono_ms() >= until)
            return s;
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000}, NULL);
    }
}

static enum mr_status judge_domain(struct ctl_verify *v, struct ctl_verify_domain *d,
                                   struct mr_error *why)
{
    ctl_report_count(v->report, d->name, "lanes", d->lane_count);
    if (!d->catalog) {
        ctl_report_differs(v->report, "domain without schemas",
                           "%s: %s has none, so nothing of it can be judged", d->name,
                           ctl_text(v->ctl, "SCHEMAS"));
        return MR_OK;
    }
    for (int32_t i = 0; i < d->lane_count; i++)
        if (d->lanes[i].stopped)
            ctl_report_note(v->report, "stopped lane", "%s lane %d: %s", d->name, (int)i,
                            d->lanes[i].stopped);
    enum mr_status s = ctl_verify_note_facts(v, d, why);
    if (s == MR_OK)
        s = ctl_verify_commands(v, d, why);
    if (s == MR_OK)
        s = ctl_verify_published(v, d, why);
    if (s == MR_OK)
        s = ctl_verify_loaded(v, d, why);
    if (s == MR_OK)
        s = ctl_verify_facts(v, d, why);
    if (s == MR_OK)
        s = ctl_verify_checks(v, d, why);
    return s;
}

/* One snapshot of each database; the ledger is read again in the warehouse's, so that it and the
 * rows are of one moment. */
static enum mr_status judge(struct ctl_verify *v, struct mr_error *why)
{
    static const char begin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    enum mr_status s = mr_pg_session_script(v->ctl->warehouse, begin, why);
    if (s == MR_OK)
        s = ctl_survey_ledger(v->ctl, &v->noted, why);
    if (s == MR_OK)
        s = mr_pg_session_script(v->ctl->pg, begin, why);
    for (size_t i = 0; i < v->noted.count && s == MR_OK;) {
        struct ctl_verify_domain d = {.name = v->noted.lanes[i].domain,
                                      .lanes = &v->noted.lanes[i]};
        for (; i < v->noted.count && strcmp(v->noted.lanes[i].domain, d.name) == 0; i++)
            d.lane_count++;
        d.catalog = mr_catalog_domain_of(v->ctl->catalog, d.name);
        s = judge_domain(v, &d, why);
    }
    return s;
}

static enum mr_status verify(struct ctl_verify *v, struct mr_error *why)
{
    enum mr_status s = ctl_open_catalog(v->ctl, why);
    if (s == MR_OK)
        s = ctl_open_pg(v->ctl, why);
    if (s == MR_OK)
        s = ctl_open_warehouse(v->ctl, why);
    if (s == MR_OK)
        s = ctl_open_reader(v->ctl, why);
    if (s == MR_OK)
        s = ctl_verify_note(v, why);
    if (s == MR_OK)
        s = wait_for_rest(v, why);
    if (s == MR_OK)
        s = judge(v, why);
    return s;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_error why;
    struct ctl_verify v = {.ctl = ctl, .report = ctl_report_new()};
    enum ctl_exit exit = CTL_DONE;
    enum mr_status s = verify(&v, &why);
    if (s != MR_OK)
        exit = ctl_end(ctl, CTL_ERROR, "%s", why.text);
    else if (mr_config_int(ctl->config, "JSON"))
        ctl_report_json(v.report);
    else
        ctl_report_text(v.report);
    if (s == MR_OK && ctl_report_differences(v.report) > 0)
        exit = CTL_NOT_SO;
    ctl_report_free(v.report);
    return exit;
}

const struct ctl_verb ctl_verify = {
    .name = "verify",
    .usage = "[--timeout=SECONDS] [--json]",
    .summary = "Proves that nothing was lost or done twice; exits 1 where something differs",
    .details =
        "It notes how far each lane is, waits for the loader, and judges what lies below: every\n"
        "position of the command log is a command, repeat, conflict, quarantined, tick or fact; "
        "every\ncommand has one outcome; every event is stored, published and loaded once; every "
        "fact "
        "is stored\nand loaded once; totals and each domain's own checks hold. The system may go "
        "on working meanwhile. Memory: "
        "portions of rows only,\nwhatever the topics hold; Postgres sorts the outcomes, on disk "
        "where they are many.",
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run,
};
