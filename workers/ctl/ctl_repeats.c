#include "ctl_repeats.h"

#include <inttypes.h>
#include <stdlib.h>

#define REPEATS_MAX 1000

struct repeat {
    struct ctl_identity is; /* its type is a copy, owned */
    int64_t position;
};

struct ctl_repeats {
    struct ctl_verify *v;
    const struct ctl_verify_domain *domain;
    const struct ctl_lane *lane;
    size_t count;
    struct repeat list[REPEATS_MAX];
};

struct ctl_repeats *ctl_repeats_new(struct ctl_verify *verify,
                                    const struct ctl_verify_domain *domain)
{
    struct ctl_repeats *all = calloc(1, sizeof *all);
    if (!all)
        abort();
    all->v = verify;
    all->domain = domain;
    return all;
}

static void forget(struct ctl_repeats *all)
{
    for (size_t i = 0; i < all->count; i++)
        free((void *)all->list[i].is.type.data);
    all->count = 0;
}

void ctl_repeats_free(struct ctl_repeats *all)
{
    forget(all);
    free(all);
}

void ctl_repeats_begin(struct ctl_repeats *all, const struct ctl_lane *lane)
{
    all->lane = lane;
}

static void count(struct ctl_repeats *all, const char *what)
{
    ctl_report_count(all->v->report, all->domain->name, what, 1);
}

/* As the worker looks: on its day, the two before, and the one after. What it repeats was judged,
 * too. */
#define SAME(row, id)                                                                              \
    row "." id " = r.id AND " row ".account_id = r.account_id AND " row                            \
        ".lane = $6::int4 AND " row ".position < $7::int8"
#define NEAR(row) " AND " row ".day BETWEEN r.day - 2 AND r.day + 1"

static const char select_unknown[] =
    "SELECT r.i FROM unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::date[]) "
    "WITH ORDINALITY r(account_id, id, hash, day, i) WHERE NOT EXISTS (SELECT FROM "
    "millrace.command c WHERE c.domain = $1::text AND c.hash = r.hash AND " SAME("c", "id")
        NEAR("c") ") AND NOT EXISTS (SELECT FROM millrace.seen s WHERE s.domain = $1::text AND "
                  "s.hash = r.hash AND " SAME("s", "id")
                      NEAR("s") ") AND NOT EXISTS (SELECT FROM "
                                "millrace.parked p WHERE p.domain = $1::text AND " SAME(
                                    "p", "command_id") ")";
static const char select_no_fact[] =
    " AND NOT EXISTS (SELECT FROM %s.facts f WHERE " SAME("f", "id") NEAR("f") ")";

static char *unknown_statement(const struct ctl_verify_domain *d)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_text(&sql, select_unknown);
    if (d->shows_facts)
        mr_buf_printf(&sql, select_no_fact, d->name);
    mr_buf_text(&sql, " ORDER BY r.i");
    mr_buf_char(&sql, '\0');
    return sql.data; /* the caller's */
}

static struct mr_pg_params repeat_params(struct ctl_repeats *all, struct mr_arena *arena)
{
    struct mr_pg_params p;
    struct mr_pg_array accounts, ids, hashes, days;
    uint32_t n = (uint32_t)all->count;
    mr_pg_params_init(&p, arena);
    mr_pg_array_init(&accounts, arena, MR_PG_UUID, n);
    mr_pg_array_init(&ids, arena, MR_PG_UUID, n);
    mr_pg_array_init(&hashes, arena, MR_PG_BYTEA, n);
    mr_pg_array_init(&days, arena, MR_PG_DATE, n);
    for (size_t i = 0; i < all->count; i++) {
        const struct ctl_identity *is = &all->list[i].is;
        mr_pg_array_uuid(&accounts, &is->account);
        mr_pg_array_uuid(&ids, &is->id);
        mr_pg_array_bytea(&hashes, mr_slice(is->hash.bytes, sizeof is->hash.bytes));
        mr_pg_array_day(&days, is->day);
    }
    mr_pg_param_text(&p, mr_slice_text(all->domain->name));
    mr_pg_param_array(&p, &accounts);
    mr_pg_param_array(&p, &ids);
    mr_pg_param_array(&p, &hashes);
    mr_pg_param_array(&p, &days);
    mr_pg_param_int4(&p, all->lane->lane);
    mr_pg_param_int8(&p, all->lane->applied);
    return p;
}

/* It has no row, and nothing known has its id. */
static void judge_unknown(struct ctl_repeats *all, const struct repeat *r)
{
    char id[MR_UUID_TEXT + 1];
    const struct mr_catalog_command *type = mr_catalog_command_of(all->v->ctl->catalog, r->is.type);
    bool is_fact = type && type->record == MR_RECORD_NONE;
    const struct ctl_days *days = is_fact ? &all->domain->fact_days : &all->v->command_days;
    if (ctl_verify_is_skipped(all->v, all->lane, CTL_SKIP_POSITIONS, r->position))
        count(all, "positions that a set-position passed over");
    else if (is_fact && ctl_verify_is_skipped(all->v, all->lane, CTL_SKIP_DROPPED, r->position))
        count(all, "facts that an operator dropped");
    else if (!ctl_verify_has_day(days, r->is.day) ||
             (days->dropped && !ctl_verify_has_day(days, r->is.day - 2)))
        count(all, "positions of days that were dropped (counted only)");
    else
        ctl_report_differs(all->v->report, "command without an outcome",
                           "%s lane %" PRId32 " position %" PRId64 ": command %s (%.*s)",
                           all->domain->name, all->lane->lane, r->position,
                           mr_uuid_text(&r->is.id, id), MR_SLICE_FMT(r->is.type));
}

enum mr_status ctl_repeats_end(struct ctl_repeats *all, struct mr_error *why)
{
    struct mr_arena arena;
    struct mr_pg_result *r;
    if (all->count == 0)
        return MR_OK;
    mr_arena_init(&arena, (size_t)4 << 20);
    struct mr_pg_params p = repeat_params(all, &arena);
    char *sql = unknown_statement(all->domain);
    enum mr_status s = mr_pg_session_exec(all->v->ctl->pg, sql, &p, &r, why);
    free(sql);
    mr_arena_free(&arena);
    if (s != MR_OK)
        return s;
    int unknown = mr_pg_result_rows(r);
    for (int i = 0; i < unknown; i++)
        judge_unknown(all, &all->list[mr_pg_result_int8(r, i, 0) - 1]);
    mr_pg_result_free(r);
    ctl_report_count(all->v->report, all->domain->name, "repeats", (int64_t)all->count - unknown);
    forget(all);
    return MR_OK;
}

enum mr_status ctl_repeats_note(struct ctl_repeats *all, const struct ctl_identity *is,
                                int64_t position, struct mr_error *why)
{
    struct repeat *r = &all->list[all->count++];
    *r = (struct repeat){.is = *is, .position = position};
    char *type = strndup(is->type.data, is->type.len);
    if (!type)
        abort();
    r->is.type.data = type;
    return all->count < REPEATS_MAX ? MR_OK : ctl_repeats_end(all, why);
}
