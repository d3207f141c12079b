/* millrace.event against the warehouse: every event below next_event is stored, and gives in each
 * table exactly the rows that its type's x-warehouse says, once; and the sums of the columns that
 * are marked `total` are the same on both sides, over the sequences that event still holds. The two
 * databases are read side by side, in order of lane and sequence. */
#include "ctl_side.h"
#include "mr_json.h"
#include "mr_warehouse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define EVENTS_PORTION    100 /* with their bodies, of at most EVENT_BYTES_MAX each */
#define EVENT_ARENA_BYTES ((size_t)64 << 20)

struct walk {
    struct ctl_verify *v;
    const struct ctl_verify_domain *d;
    struct ctl_cursor events;
    struct ctl_side
        *sides;    /* by catalog->tables; table NULL: this domain's events do not feed it */
    int64_t *sums; /* of the present event; by catalog->totals */
    int64_t *stored, *loaded; /* the sums over all */
    bool *too_large;          /* they have more than 64 bits */
    struct mr_arena arena;    /* of the present event */
    int32_t lane;
    int64_t next; /* the sequence that must come next in the lane */
};

static const char select_events[] =
    "SELECT lane, sequence, type, data FROM millrace.event WHERE domain = $1::text "
    "ORDER BY lane, sequence";

enum { EVENT_LANE, EVENT_SEQUENCE, EVENT_TYPE, EVENT_DATA };

static const struct mr_catalog *catalog_of(const struct walk *w)
{
    return w->v->ctl->catalog;
}

static const struct ctl_lane *lane_of(const struct walk *w, int32_t lane)
{
    return lane >= 0 && lane < w->d->lane_count ? &w->d->lanes[lane] : NULL;
}

/* ---- the event's side ---- */

/* What the event gives: rows a table into sides, sums a total into w->sums. False: it cannot be
 * loaded, which has been told. */
static bool expect(struct walk *w, int64_t sequence)
{
    const struct mr_pg_result *r = w->events.rows;
    struct mr_slice type = mr_pg_result_text(r, w->events.row, EVENT_TYPE);
    const struct mr_catalog_event *is = mr_catalog_event_of(catalog_of(w), type);
    struct mr_error why = {.text = "the schemas do not know its type"};
    struct mr_warehouse_rows rows = {0};
    json_t *body = NULL;
    enum mr_status s = is ? MR_OK : MR_INVALID;
    for (size_t i = 0; i < catalog_of(w)->table_count; i++)
        w->sides[i].expected = 0;
    memset(w->sums, 0, (catalog_of(w)->total_count + 1) * sizeof *w->sums);
    mr_arena_reset(&w->arena);
    if (s == MR_OK)
        s = mr_json_parse(mr_pg_result_text(r, w->events.row, EVENT_DATA), &body, &why);
    struct mr_warehouse_event event = {.body = body,
                                       .domain = mr_slice_text(w->d->name),
                                       .type = type,
                                       .sequence = sequence,
                                       .lane = w->lane};
    if (s == MR_OK) {
        event.feeds = is->feeds;
        event.feed_count = is->feed_count;
        s = mr_warehouse_rows_of(&event, &w->arena, &rows, &why);
    }
    if (s == MR_OK)
        s = mr_warehouse_add_totals(catalog_of(w), &event, w->sums, &why);
    json_decref(body);
    for (size_t i = 0; i < rows.count; i++)
        w->sides[rows.rows[i].table->index].expected++;
    if (s != MR_OK)
        ctl_report_differs(w->v->report, "event that cannot be loaded",
                           "%s lane %" PRId32 " sequence %" PRId64 " (%.*s): %s", w->d->name,
                           w->lane, sequence, MR_SLICE_FMT(type), why.text);
    return s == MR_OK;
}

/* Each event's sums are compared by themselves; only what is printed at the end may have no room.
 */
static void add_up(struct walk *w, size_t total, int64_t stored, int64_t loaded)
{
    if (__builtin_add_overflow(w->stored[total], stored, &w->stored[total]) ||
        __builtin_add_overflow(w->loaded[total], loaded, &w->loaded[total]))
        w->too_large[total] = true;
}

/* The totals of one table: the event's against the group's, where there is one. */
static void sum_totals(struct walk *w, const struct ctl_side *side, bool has_group,
                       int64_t sequence)
{
    const struct mr_catalog *c = catalog_of(w);
    int column = CTL_SIDE_TOTALS;
    for (size_t i = 0; i < c->total_count; i++) {
        if (c->totals[i].table != side->table)
            continue;
        int64_t sum = has_group ? mr_pg_result_int8(side->rows.rows, side->rows.row, column++) : 0;
        add_up(w, i, w->sums[i], sum);
        if (sum != w->sums[i])
            ctl_report_differs(w->v->report, "total of an event",
                               "%s.%s: %s lane %" PRId32 " sequence %" PRId64 " has %" PRId64
                               ", the warehouse has %" PRId64,
                               side->table->name, side->table->columns[c->totals[i].column].name,
                               w->d->name, w->lane, sequence, w->sums[i], sum);
    }
}

static enum mr_status judge_side(struct walk *w, struct ctl_side *side, int64_t sequence,
                                 struct mr_error *why)
{
    enum mr_status s = ctl_side_pass(side, w->lane, sequence, why);
    if (s != MR_OK)
        return s;
    bool has_group = ctl_side_against(side, w->lane, sequence) == 0;
    const struct ctl_cursor *c = &side->rows;
    int64_t rows = has_group ? mr_pg_result_int8(c->rows, c->row, CTL_SIDE_COUNT) : 0;
    if (rows != side->expected)
        ctl_report_differs(w->v->report, "rows of an event",
                           "%s: %s lane %" PRId32 " sequence %" PRId64 " gives %" PRId64
                           ", the warehouse has %" PRId64,
                           side->table->name, w->d->name, w->lane, sequence, side->expected, rows);
    else if (rows > 0 && mr_pg_result_int8(c->rows, c->row, CTL_SIDE_HIGHEST) != rows - 1)
        ctl_report_differs(w->v->report, "rows of an event",
                           "%s: %s lane %" PRId32 " sequence %" PRId64 ": they are not numbered 0 "
                           "to %" PRId64,
                           side->table->name, w->d->name, w->lane, sequence, rows - 1);
    char what[80];
    snprintf(what, sizeof what, "rows in %.56s", side->table->name);
    ctl_report_count(w->v->report, w->d->name, what, rows);
    sum_totals(w, side, has_group, sequence);
    return has_group ? ctl_cursor_next(&side->rows, why) : MR_OK;
}

/* An event that is not judged: above what was noted, or not loaded yet by the ledger. */
static enum mr_status pass_event(struct walk *w, const struct ctl_lane *l, struct ctl_side *side,
                                 int64_t sequence, struct mr_error *why)
{
    enum mr_status s = ctl_side_pass(side, w->lane, sequence, why);
    if (s != MR_OK || ctl_side_against(side, w->lane, sequence) != 0)
        return s;
    if (sequence >= l->loaded)
        ctl_report_differs(w->v->report, "row in the warehouse above the ledger",
                           "%s: %s lane %" PRId32 " sequence %" PRId64
                           ", the ledger is at %" PRId64,
                           side->table->name, w->d->name, w->lane, sequence, l->loaded);
    return ctl_cursor_next(&side->rows, why);
}

/* ---- gaps ---- */

/* Sequences [from, to) of the lane have no row. */
static void judge_gap(struct walk *w, const struct ctl_lane *l, int64_t from, int64_t to)
{
    int64_t missing = 0, first = from;
    for (int64_t at = from; at < to; at++) {
        if (ctl_verify_is_skipped(w->v, l, CTL_SKIP_EVENTS, at)) {
            ctl_report_count(w->v->report, w->d->name, "events that a set-position passed over", 1);
            continue;
        }
        first = missing == 0 ? at : first;
        missing++;
    }
    if (missing > 0 && w->v->event_days.dropped)
        ctl_report_count(w->v->report, w->d->name,
                         "events of days that were dropped (counted only)", missing);
    else if (missing > 0)
        ctl_report_differ(w->v->report, "event not stored", missing,
                          "%s lane %" PRId32 ": %" PRId64 " from sequence %" PRId64 " on",
                          w->d->name, l->lane, missing, first);
}

static void end_lane(struct walk *w)
{
    const struct ctl_lane *l = lane_of(w, w->lane);
    if (l && w->next < l->next_event)
        judge_gap(w, l, w->next, l->next_event);
    if (l && l->loaded < l->next_event)
        ctl_report_differ(w->v->report, "event not loaded", l->next_event - l->loaded,
                          "%s lane %" PRId32 ": loaded up to %" PRId64
                          ", the next event is %" PRId64 "%s%s",
                          w->d->name, w->lane, l->loaded, l->next_event,
                          l->load_stopped ? ": the loader stopped: " : "",
                          l->load_stopped ? l->load_stopped : "");
    w->lane++;
    w->next = 0;
}

/* Judges the event's place in its lane. */
static void judge_place(struct walk *w, const struct ctl_lane *l, int64_t sequence)
{
    if (sequence > w->next)
        judge_gap(w, l, w->next, sequence);
    else if (sequence < w->next)
        ctl_report_differs(w->v->report, "event stored twice",
                           "%s lane %" PRId32 " sequence %" PRId64, w->d->name, l->lane, sequence);
    w->next = sequence + 1;
    ctl_report_count(w->v->report, w->d->name, "events stored", 1);
}

static enum mr_status judge_event(struct walk *w, struct mr_error *why)
{
    enum mr_status s = MR_OK;
    int32_t lane = mr_pg_result_int4(w->events.rows, w->events.row, EVENT_LANE);
    int64_t sequence = mr_pg_result_int8(w->events.rows, w->events.row, EVENT_SEQUENCE);
    while (w->lane < lane)
        end_lane(w);
    const struct ctl_lane *l = lane_of(w, lane);
    if (!l) {
        ctl_report_differs(w->v->report, "event of a lane that is none",
                           "%s lane %" PRId32 " sequence %" PRId64, w->d->name, lane, sequence);
        return MR_OK;
    }
    bool is_noted = sequence < l->next_event;
    if (is_noted)
        judge_place(w, l, sequence);
    bool is_judged = is_noted && expect(w, sequence) && sequence < l->loaded;
    for (size_t i = 0; i < catalog_of(w)->table_count && s == MR_OK; i++)
        if (w->sides[i].table)
            s = is_judged ? judge_side(w, &w->sides[i], sequence, why)
                          : pass_event(w, l, &w->sides[i], sequence, why);
    return s;
}

static void report_totals(struct walk *w)
{
    const struct mr_catalog *c = catalog_of(w);
    for (size_t i = 0; i < c->total_count; i++) {
        const struct mr_catalog_table *table = c->totals[i].table;
        const char *column = table->columns[c->totals[i].column].name;
        char what[160];
        if (!w->sides[table->index].table)
            continue;
        if (w->too_large[i]) {
            ctl_report_note(w->v->report, "sum of more than 64 bits",
                            "%s.%s: it is not shown; each event's part was compared", table->name,
                            column);
            continue;
        }
        snprintf(what, sizeof what, "sum of %.56s.%.56s", table->name, column);
        ctl_report_count(w->v->report, w->d->name, what, w->loaded[i]);
        if (w->stored[i] != w->loaded[i])
            ctl_report_differs(w->v->report, "total",
                               "%s.%s: the events sum to %" PRId64 ", the warehouse to %" PRId64,
                               table->name, column, w->stored[i], w->loaded[i]);
    }
}

static enum mr_status walk_events(struct walk *w, struct mr_error *why)
{
    struct mr_pg_params p = ctl_params(w->v->ctl);
    mr_pg_param_text(&p, mr_slice_text(w->d->name));
    w->events =
        (struct ctl_cursor){.session = w->v->ctl->pg, .name = "stored", .portion = EVENTS_PORTION};
    enum mr_status s = ctl_cursor_open(&w->events, select_events, &p, why);
    while (s == MR_OK && w->events.has_row) {
        s = judge_event(w, why);
        if (s == MR_OK)
            s = ctl_cursor_next(&w->events, why);
    }
    while (s == MR_OK && w->lane < w->d->lane_count)
        end_lane(w);
    for (size_t i = 0; i < catalog_of(w)->table_count && s == MR_OK; i++)
        if (w->sides[i].table)
            s = ctl_side_pass(&w->sides[i], INT32_MAX, 0, why);
    if (s == MR_OK)
        report_totals(w);
    ctl_cursor_close(&w->events);
    return s == MR_OK ? mr_pg_session_script(w->v->ctl->pg, "CLOSE stored", why) : s;
}

enum mr_status ctl_verify_loaded(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                 struct mr_error *why)
{
    struct walk w = {.v = v, .d = d};
    size_t totals = v->ctl->catalog->total_count + 1, tables = v->ctl->catalog->table_count + 1;
    w.sums = calloc(totals, sizeof *w.sums);
    w.stored = calloc(totals, sizeof *w.stored);
    w.loaded = calloc(totals, sizeof *w.loaded);
    w.too_large = calloc(totals, sizeof *w.too_large);
    w.sides = calloc(tables, sizeof *w.sides);
    if (!w.sums || !w.stored || !w.loaded || !w.too_large || !w.sides)
        abort();
    mr_arena_init(&w.arena, EVENT_ARENA_BYTES);
    enum mr_status s = ctl_sides_open(w.sides, v, d, why);
    if (s == MR_OK)
        s = walk_events(&w, why);
    for (size_t i = 0; i < tables; i++)
        ctl_cursor_close(&w.sides[i].rows);
    if (s == MR_OK)
        s = mr_pg_session_script(v->ctl->warehouse, "CLOSE ALL", why);
    mr_arena_free(&w.arena);
    free(w.sides);
    free(w.too_large);
    free(w.loaded);
    free(w.stored);
    free(w.sums);
    return s;
}
