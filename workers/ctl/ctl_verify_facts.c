/* The domain's facts against the warehouse: each that is stored has its rows in every table that
 * its type feeds, once, with its position as their sequence; and no row is there without its fact.
 * What a table could not take is in bad_rows. Both sides are read in order of lane and position. */
#include "ctl_side.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct walk {
    struct ctl_verify *v;
    const struct ctl_verify_domain *d;
    struct ctl_cursor facts, bad;
    struct ctl_side *sides; /* by catalog->tables */
};

/* A parked fact is not stored yet, and one that was refused or dropped is in quarantine; the loader
 * does not ask the worker's store, and may have loaded either. */
static const char select_facts[] =
    "SELECT lane, position, true AS is_stored FROM %s.facts "
    "UNION ALL SELECT lane, position, false FROM millrace.parked WHERE domain = $1::text "
    "UNION ALL SELECT lane, position, false FROM millrace.quarantine WHERE domain = $1::text "
    "ORDER BY lane, position, is_stored DESC";
static const char select_bad[] = "SELECT lane, position FROM public.bad_rows "
                                 "WHERE topic = $1::text ORDER BY lane, position";

static enum mr_status is_bad(struct walk *w, int32_t lane, int64_t position, bool *is,
                             struct mr_error *why)
{
    enum mr_status s = MR_OK;
    while (s == MR_OK && ctl_cursor_against(&w->bad, lane, position) < 0)
        s = ctl_cursor_next(&w->bad, why);
    *is = s == MR_OK && ctl_cursor_against(&w->bad, lane, position) == 0;
    return s;
}

/* The side's group is the fact's, or behind it. */
static enum mr_status judge_side(struct walk *w, struct ctl_side *side, int64_t position,
                                 bool is_judged, struct mr_error *why)
{
    int32_t lane = mr_pg_result_int4(w->facts.rows, w->facts.row, 0);
    bool has_rows = ctl_side_against(side, lane, position) == 0;
    char what[80];
    if (!has_rows) {
        if (is_judged)
            ctl_report_differs(w->v->report, "fact not loaded",
                               "%s: %s lane %" PRId32 " position %" PRId64, side->table->name,
                               w->d->name, lane, position);
        return MR_OK;
    }
    const struct ctl_cursor *c = &side->rows;
    int64_t rows = mr_pg_result_int8(c->rows, c->row, CTL_SIDE_COUNT);
    if (mr_pg_result_int8(c->rows, c->row, CTL_SIDE_HIGHEST) != rows - 1)
        ctl_report_differs(w->v->report, "rows of a fact",
                           "%s: %s lane %" PRId32 " position %" PRId64
                           ": they are not numbered 0 to %" PRId64,
                           side->table->name, w->d->name, lane, position, rows - 1);
    snprintf(what, sizeof what, "rows in %.56s", side->table->name);
    ctl_report_count(w->v->report, w->d->name, what, rows);
    return ctl_cursor_next(&side->rows, why);
}

static enum mr_status judge_fact(struct walk *w, struct mr_error *why)
{
    int32_t lane = mr_pg_result_int4(w->facts.rows, w->facts.row, 0);
    int64_t position = mr_pg_result_int8(w->facts.rows, w->facts.row, 1);
    const struct ctl_lane *l = lane < w->d->lane_count ? &w->d->lanes[lane] : NULL;
    bool is_stored = mr_pg_result_bool(w->facts.rows, w->facts.row, 2), bad;
    enum mr_status s = is_bad(w, lane, position, &bad, why);
    bool is_judged = l && is_stored && !bad && position < l->applied && position < l->facts_loaded;
    for (size_t i = 0; i < w->v->ctl->catalog->table_count && s == MR_OK; i++) {
        struct ctl_side *side = &w->sides[i];
        if (!side->table)
            continue;
        s = ctl_side_pass(side, lane, position, why);
        if (s == MR_OK)
            s = judge_side(w, side, position, is_judged, why);
    }
    return s;
}

/* What the ledger has not reached is one difference a lane. */
static void judge_ledger(const struct walk *w)
{
    for (int32_t i = 0; i < w->d->lane_count; i++) {
        const struct ctl_lane *l = &w->d->lanes[i];
        if (l->facts_loaded < l->applied)
            ctl_report_differ(w->v->report, "facts not loaded", l->applied - l->facts_loaded,
                              "%s lane %" PRId32 ": loaded up to position %" PRId64
                              ", applied is %" PRId64 "%s%s",
                              w->d->name, i, l->facts_loaded, l->applied,
                              l->facts_stopped ? ": the loader stopped: " : "",
                              l->facts_stopped ? l->facts_stopped : "");
    }
}

static enum mr_status walk_facts(struct walk *w, struct mr_error *why)
{
    char *sql = mr_arena_printf(&w->v->ctl->arena, select_facts, w->d->name);
    struct mr_pg_params p = ctl_params(w->v->ctl);
    struct mr_pg_params domain = ctl_params(w->v->ctl);
    mr_pg_param_text(&p, mr_slice_text(w->d->catalog->commands_topic));
    mr_pg_param_text(&domain, mr_slice_text(w->d->name));
    w->facts = (struct ctl_cursor){.session = w->v->ctl->pg, .name = "facts"};
    w->bad = (struct ctl_cursor){.session = w->v->ctl->warehouse, .name = "bad_facts"};
    enum mr_status s = ctl_cursor_open(&w->facts, sql, &domain, why);
    if (s == MR_OK)
        s = ctl_cursor_open(&w->bad, select_bad, &p, why);
    while (s == MR_OK && w->facts.has_row) {
        s = judge_fact(w, why);
        if (s == MR_OK)
            s = ctl_cursor_next(&w->facts, why);
    }
    for (size_t i = 0; i < w->v->ctl->catalog->table_count && s == MR_OK; i++)
        if (w->sides[i].table)
            s = ctl_side_pass(&w->sides[i], INT32_MAX, 0, why);
    if (s == MR_OK)
        judge_ledger(w);
    ctl_cursor_close(&w->facts);
    ctl_cursor_close(&w->bad);
    return s == MR_OK ? mr_pg_session_script(w->v->ctl->pg, "CLOSE facts", why) : s;
}

enum mr_status ctl_verify_facts(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                struct mr_error *why)
{
    struct walk w = {.v = v, .d = d};
    size_t tables = v->ctl->catalog->table_count + 1;
    if (d->has_facts && !d->shows_facts)
        ctl_report_differs(v->report, "facts that cannot be judged",
                           "%s: the database has no view %s.facts", d->name, d->name);
    if (!d->loads_facts || !d->shows_facts)
        return MR_OK;
    w.sides = calloc(tables, sizeof *w.sides);
    if (!w.sides)
        abort();
    enum mr_status s = ctl_sides_open_facts(w.sides, v, d, why);
    if (s == MR_OK)
        s = walk_facts(&w, why);
    for (size_t i = 0; i < tables; i++)
        ctl_cursor_close(&w.sides[i].rows);
    if (s == MR_OK)
        s = mr_pg_session_script(v->ctl->warehouse, "CLOSE ALL", why);
    free(w.sides);
    return s;
}
