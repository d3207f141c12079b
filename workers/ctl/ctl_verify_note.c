/* The beginning of verify: which days have partitions, what an operator passed over, and how far
 * each lane is now. */
#include "ctl_verify.h"

#include <stdio.h>

bool ctl_verify_has_day(const struct ctl_days *days, int32_t day)
{
    size_t low = 0, high = days->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (days->list[middle] == day)
            return true;
        if (days->list[middle] < day)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool ctl_verify_is_skipped(const struct ctl_verify *v, const struct ctl_lane *lane,
                           enum ctl_skip_kind kind, int64_t at)
{
    char target[40];
    if (v->skip_count == 0)
        return false;
    snprintf(target, sizeof target, "%s %d", lane->domain, (int)lane->lane);
    for (size_t i = 0; i < v->skip_count; i++) {
        const struct ctl_skip *s = &v->skips[i];
        if (s->kind == kind && at >= s->from && at < s->to && strcmp(s->target, target) == 0)
            return true;
    }
    return false;
}

/* migrate makes the days that the log can hold before anything is decided, and each day ahead of
 * its need; so a first day later than that means that earlier ones were dropped. */
static const char select_days[] =
    "SELECT to_date(right(c.relname, 8), 'YYYYMMDD'), "
    "(SELECT (applied_at AT TIME ZONE 'UTC')::date - $2::int4 FROM millrace.migration "
    "WHERE domain = 'millrace' AND number = 1) FROM pg_inherits i "
    "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::text::regclass ORDER BY 1";

static enum mr_status read_days(struct ctl *ctl, const char *table, struct ctl_days *out,
                                struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(table));
    mr_pg_param_int4(&p, (int32_t)(MR_KAFKA_RETENTION_COMMANDS_MS / INT64_C(86400000)));
    enum mr_status s = mr_pg_session_exec(ctl->pg, select_days, &p, &r, why);
    if (s != MR_OK)
        return s;
    out->count = (size_t)mr_pg_result_rows(r);
    out->list = mr_arena_array(&ctl->arena, out->count, sizeof *out->list);
    for (size_t i = 0; out->list && i < out->count; i++)
        out->list[i] = mr_pg_result_day(r, (int)i, 0);
    out->dropped = out->count == 0 || mr_pg_result_day(r, 0, 0) > mr_pg_result_day(r, 0, 1);
    mr_pg_result_free(r);
    return out->list ? MR_OK : mr_fail(why, MR_LIMIT, "%s has too many days", table);
}

/* The audit's pairs are [from, to] of each value; without --next-event there is only applied. */
static const char select_skips[] =
    "SELECT target, k.kind, CASE k.kind WHEN 2 THEN 0 ELSE (detail->k.name->>0)::int8 END, "
    "(detail->k.name->>1)::int8 FROM millrace.audit "
    "JOIN (VALUES (0, 'applied'), (1, 'next_event'), (2, 'published')) k(kind, name) "
    "ON detail ? k.name WHERE action = 'set-position' "
    "UNION ALL SELECT concat_ws(' ', detail->>'domain', detail->>'lane'), 3, "
    "(detail->>'position')::int8, (detail->>'position')::int8 + 1 FROM millrace.audit "
    "WHERE action = 'parked drop'";

static enum mr_status read_skips(struct ctl_verify *v, struct mr_error *why)
{
    struct mr_pg_result *r;
    enum mr_status s = mr_pg_session_exec(v->ctl->pg, select_skips, NULL, &r, why);
    if (s != MR_OK)
        return s;
    size_t count = (size_t)mr_pg_result_rows(r);
    struct ctl_skip *skips = mr_arena_array(&v->ctl->arena, count, sizeof *skips);
    for (size_t i = 0; skips && i < count; i++) {
        struct mr_slice target = mr_pg_result_text(r, (int)i, 0);
        const char *copy = mr_arena_dup(&v->ctl->arena, target.data, target.len);
        skips[i] = (struct ctl_skip){.target = copy ? copy : "",
                                     .kind = (enum ctl_skip_kind)mr_pg_result_int4(r, (int)i, 1),
                                     .from = mr_pg_result_int8(r, (int)i, 2),
                                     .to = mr_pg_result_int8(r, (int)i, 3)};
    }
    mr_pg_result_free(r);
    v->skips = skips;
    v->skip_count = skips ? count : 0;
    return skips ? MR_OK : mr_fail(why, MR_LIMIT, "the audit table is too long");
}

static bool has_facts(const struct mr_catalog_domain *domain)
{
    for (size_t i = 0; domain && i < domain->command_count; i++)
        if (domain->commands[i].record == MR_RECORD_NONE)
            return true;
    return false;
}

bool ctl_verify_loads_facts(const struct mr_catalog_domain *domain)
{
    for (size_t i = 0; domain && i < domain->command_count; i++)
        if (domain->commands[i].record == MR_RECORD_NONE && domain->commands[i].feed_count > 0)
            return true;
    return false;
}

/* The facts' table is the one that the domain registered as partitioned by day. */
static const char select_facts[] =
    "SELECT to_regclass($1::text || '.facts') IS NOT NULL, (SELECT schema_name || '.' || "
    "table_name FROM millrace.day_table WHERE schema_name = $1::text ORDER BY 1 LIMIT 1)";

enum mr_status ctl_verify_note_facts(struct ctl_verify *v, struct ctl_verify_domain *d,
                                     struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(v->ctl);
    mr_pg_param_text(&p, mr_slice_text(d->name));
    d->has_facts = has_facts(d->catalog);
    d->loads_facts = ctl_verify_loads_facts(d->catalog);
    enum mr_status s = mr_pg_session_exec(v->ctl->pg, select_facts, &p, &r, why);
    if (s != MR_OK)
        return s;
    d->shows_facts = mr_pg_result_bool(r, 0, 0);
    struct mr_slice table = mr_pg_result_text(r, 0, 1);
    const char *name = mr_arena_dup(&v->ctl->arena, table.data ? table.data : "", table.len);
    if (d->shows_facts && name && *name)
        s = read_days(v->ctl, name, &d->fact_days, why);
    mr_pg_result_free(r);
    return s;
}

enum mr_status ctl_verify_note(struct ctl_verify *v, struct mr_error *why)
{
    enum mr_status s = read_days(v->ctl, "millrace.command", &v->command_days, why);
    if (s == MR_OK)
        s = read_days(v->ctl, "millrace.event", &v->event_days, why);
    if (s == MR_OK)
        s = read_skips(v, why);
    if (s == MR_OK) /* last: whatever is below it is in what was read before, or is read later */
        s = ctl_survey_lanes(v->ctl, NULL, &v->noted, why);
    return s;
}
