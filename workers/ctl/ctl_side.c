#include "ctl_side.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static char *select_side(const struct mr_catalog *c, const struct mr_catalog_table *table)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_text(&sql, "SELECT lane, sequence, count(*), max(\"row\")::int8, "
                      "(min(event_time) AT TIME ZONE 'UTC')::date");
    for (size_t i = 0; i < c->total_count; i++)
        if (c->totals[i].table == table)
            mr_buf_printf(&sql, ", coalesce(sum(\"%s\"), 0)::int8",
                          table->columns[c->totals[i].column].name);
    mr_buf_printf(&sql,
                  " FROM public.\"%s\" WHERE domain = $1::text GROUP BY lane, sequence "
                  "ORDER BY lane, sequence",
                  table->name);
    mr_buf_char(&sql, '\0');
    return sql.data;
}

static enum mr_status has_table(struct ctl *ctl, const char *name, bool *has, struct mr_error *why)
{
    static const char sql[] = "SELECT to_regclass('public.\"' || $1::text || '\"') IS NOT NULL";
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(name));
    enum mr_status s = mr_pg_session_exec(ctl->warehouse, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    *has = mr_pg_result_bool(r, 0, 0);
    mr_pg_result_free(r);
    return MR_OK;
}

static enum mr_status open_side(struct ctl_side *side, const struct mr_catalog_table *table,
                                struct mr_error *why)
{
    bool has;
    struct ctl *ctl = side->verify->ctl;
    struct mr_pg_params p = ctl_params(ctl);
    if (side->table)
        return MR_OK; /* another event feeds it too */
    side->table = table;
    enum mr_status s = has_table(ctl, table->name, &has, why);
    if (s != MR_OK || !has)
        return s; /* the loader makes it; until then it holds nothing */
    char *sql = select_side(ctl->catalog, table);
    side->rows.session = ctl->warehouse;
    snprintf(side->rows.name, sizeof side->rows.name, "side_%zu", table->index);
    mr_pg_param_text(&p, mr_slice_text(side->domain->name));
    s = ctl_cursor_open(&side->rows, sql, &p, why);
    free(sql);
    return s;
}

/* Of one type: its feeds. */
struct fed {
    const struct mr_catalog_feed *feeds;
    size_t count;
    bool facts;
};

static enum mr_status open_fed(struct ctl_side *sides, struct ctl_verify *v,
                               const struct ctl_verify_domain *d, struct fed fed,
                               struct mr_error *why)
{
    enum mr_status s = MR_OK;
    for (size_t f = 0; f < fed.count && s == MR_OK; f++) {
        struct ctl_side *side = &sides[fed.feeds[f].table->index];
        side->verify = v;
        side->domain = d;
        side->of_facts = fed.facts;
        s = open_side(side, fed.feeds[f].table, why);
    }
    return s;
}

enum mr_status ctl_sides_open(struct ctl_side *sides, struct ctl_verify *v,
                              const struct ctl_verify_domain *d, struct mr_error *why)
{
    enum mr_status s = MR_OK;
    for (size_t e = 0; e < d->catalog->event_count && s == MR_OK; e++) {
        const struct mr_catalog_event *event = &d->catalog->events[e];
        s = open_fed(sides, v, d, (struct fed){event->feeds, event->feed_count, false}, why);
    }
    return s;
}

enum mr_status ctl_sides_open_facts(struct ctl_side *sides, struct ctl_verify *v,
                                    const struct ctl_verify_domain *d, struct mr_error *why)
{
    enum mr_status s = MR_OK;
    for (size_t e = 0; e < d->catalog->command_count && s == MR_OK; e++) {
        const struct mr_catalog_command *fact = &d->catalog->commands[e];
        if (fact->record == MR_RECORD_NONE)
            s = open_fed(sides, v, d, (struct fed){fact->feeds, fact->feed_count, true}, why);
    }
    return s;
}

int ctl_side_against(const struct ctl_side *side, int32_t lane, int64_t sequence)
{
    return ctl_cursor_against(&side->rows, lane, sequence);
}

/* The snapshot of the events is younger than the warehouse's, so it has the event of every row,
 * however young; unless the event's day was dropped. */
static void judge_alone(const struct ctl_side *side)
{
    const struct ctl_verify *v = side->verify;
    const struct ctl_verify_domain *d = side->domain;
    const struct ctl_cursor *c = &side->rows;
    int32_t lane = mr_pg_result_int4(c->rows, c->row, CTL_SIDE_LANE);
    int64_t sequence = mr_pg_result_int8(c->rows, c->row, CTL_SIDE_SEQUENCE);
    int64_t rows = mr_pg_result_int8(c->rows, c->row, CTL_SIDE_COUNT);
    int32_t day = mr_pg_result_day(c->rows, c->row, CTL_SIDE_DAY);
    bool is_lane = lane >= 0 && lane < d->lane_count;
    const struct ctl_days *days = side->of_facts ? &d->fact_days : &v->event_days;
    if (side->of_facts && is_lane && sequence >= d->lanes[lane].applied &&
        sequence < d->lanes[lane].facts_loaded)
        return; /* the loader is ahead of the worker */
    if (!side->of_facts && is_lane &&
        ctl_verify_is_skipped(v, &d->lanes[lane], CTL_SKIP_EVENTS, sequence))
        ctl_report_count(v->report, d->name, "rows of events that a set-position passed over",
                         rows);
    else if (side->of_facts && is_lane &&
             ctl_verify_is_skipped(v, &d->lanes[lane], CTL_SKIP_POSITIONS, sequence))
        ctl_report_count(v->report, d->name, "rows of facts that a set-position passed over", rows);
    else if (side->of_facts && is_lane &&
             ctl_verify_is_skipped(v, &d->lanes[lane], CTL_SKIP_DROPPED, sequence))
        ctl_report_count(v->report, d->name, "rows of facts that an operator dropped", rows);
    else if (days->dropped && !ctl_verify_has_day(days, day))
        ctl_report_count(v->report, d->name, "rows of days that were dropped (counted only)", rows);
    else
        ctl_report_differs(v->report,
                           side->of_facts ? "row in the warehouse without a fact"
                                          : "row in the warehouse without an event",
                           "%s: %s lane %" PRId32 " sequence %" PRId64, side->table->name, d->name,
                           lane, sequence);
}

enum mr_status ctl_side_pass(struct ctl_side *side, int32_t lane, int64_t sequence,
                             struct mr_error *why)
{
    enum mr_status s = MR_OK;
    while (s == MR_OK && ctl_side_against(side, lane, sequence) < 0) {
        judge_alone(side);
        s = ctl_cursor_next(&side->rows, why);
    }
    return s;
}
