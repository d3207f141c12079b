/* Facts that are loaded already: before a flush copies, it asks each fact's first table for ids
 * that it has from the fact's append day, the two before or the one after (a new leader's clock may
 * be behind), as the worker does. The lane is ours, so that nobody can add one meanwhile. */
#include "loader_pg_impl.h"

#include "loader_rows.h"
#include "mr_map.h"
#include "mr_time.h"
#include <stdlib.h>

/* Id by id in the index, whatever the planner thinks of the table: a join may read it whole, which
 * takes longer from day to day. */
char *loader_pg_known_statement(const struct mr_catalog_table *table)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_printf(&sql,
                  "SELECT DISTINCT k.n FROM unnest($1::int8[], $2::text[]::bpchar[], "
                  "$3::text[]::bpchar[], "
                  "$4::timestamptz[], $5::timestamptz[]) k(n, account, id, first, last) "
                  "CROSS JOIN LATERAL (SELECT account_id, event_time FROM public.\"%s\" "
                  "WHERE command_id = k.id OFFSET 0) t "
                  "WHERE t.account_id = k.account AND t.event_time >= k.first "
                  "AND t.event_time < k.last",
                  table->name);
    mr_buf_char(&sql, 0);
    return sql.data; /* the caller's from here on */
}

static bool is_loaded_fact(const struct loader_record *r)
{
    return r->fact.is_fact && r->base.verdict == ENGINE_LOAD_LOADED && r->line_count > 0;
}

static void found_repeated(struct loader_pg *pg, struct engine_load_record *r)
{
    size_t i = 0;
    if (r->verdict != ENGINE_LOAD_LOADED)
        return;
    while (pg->flush.claims[i].lane != r->lane)
        i++;
    r->verdict = ENGINE_LOAD_REPEATED;
    pg->flush.counts[i].loaded--;
    pg->flush.counts[i].repeated++;
}

/* ---- within the flush ---- */

struct seen_fact {
    struct {
        struct mr_uuid account, id;
    } key;
    int32_t day;
    UT_hash_handle hh;
};

/* The first of each id stays; and, where a long backlog is loaded, one of three days later. */
static void drop_repeats_within(struct loader_pg *pg)
{
    struct seen_fact *seen = NULL, *was, *next;
    for (size_t i = 0; i < pg->flush.record_count; i++) {
        const struct loader_record *r = loader_record_of(pg->flush.records[i]);
        if (!is_loaded_fact(r))
            continue;
        struct seen_fact *fact = loader_op_alloc(&pg->op, 1, sizeof *fact);
        fact->key.account = r->fact.account;
        fact->key.id = r->fact.id;
        fact->day = mr_time_day(r->time_ms);
        HASH_FIND(hh, seen, &fact->key, sizeof fact->key, was);
        if (was && was->day >= fact->day - 2)
            found_repeated(pg, pg->flush.records[i]);
        else if (was)
            was->day = fact->day;
        else
            HASH_ADD(hh, seen, key, sizeof fact->key, fact);
    }
    HASH_ITER (hh, seen, was, next) /* frees the table; the facts are the arena's */
        HASH_DEL(seen, was);
}

/* ---- in the table ---- */

static void read_known(void *owner, struct mr_pg_result *r)
{
    struct loader_pg *pg = owner;
    for (int i = 0; i < mr_pg_result_rows(r); i++)
        found_repeated(pg, pg->flush.records[mr_pg_result_int8(r, i, 0)]);
}

static struct mr_slice id_text(struct loader_pg *pg, const struct mr_uuid *id)
{
    char *text = loader_op_alloc(&pg->op, 1, MR_UUID_TEXT + 1);
    return mr_slice_text(mr_uuid_text(id, text));
}

static bool ask_table(struct loader_pg *pg, size_t table)
{
    struct mr_arena *arena = &pg->op.arena;
    struct mr_pg_array n, accounts, ids, first, last;
    mr_pg_array_init(&n, arena, MR_PG_INT8, 0);
    mr_pg_array_init(&accounts, arena, MR_PG_TEXT, 0);
    mr_pg_array_init(&ids, arena, MR_PG_TEXT, 0);
    mr_pg_array_init(&first, arena, MR_PG_TIMESTAMPTZ, 0);
    mr_pg_array_init(&last, arena, MR_PG_TIMESTAMPTZ, 0);
    bool any = false;
    for (size_t i = 0; i < pg->flush.record_count; i++) {
        const struct loader_record *r = loader_record_of(pg->flush.records[i]);
        if (!is_loaded_fact(r) || r->lines[0].table != table)
            continue;
        int64_t day = mr_time_day(r->time_ms);
        mr_pg_array_int8(&n, (int64_t)i);
        mr_pg_array_text(&accounts, id_text(pg, &r->fact.account));
        mr_pg_array_text(&ids, id_text(pg, &r->fact.id));
        mr_pg_array_time(&first, (day - 2) * MR_DAY_MS);
        mr_pg_array_time(&last, (day + 2) * MR_DAY_MS);
        any = true;
    }
    if (!any)
        return false;
    struct mr_pg_params p;
    struct mr_pg_stmt known = {.sql = pg->tables[table].known, .nparams = 5};
    mr_pg_params_init(&p, arena);
    mr_pg_param_array(&p, &n);
    mr_pg_param_array(&p, &accounts);
    mr_pg_param_array(&p, &ids);
    mr_pg_param_array(&p, &first);
    mr_pg_param_array(&p, &last);
    loader_op_query(&pg->op, &known, &p, LOADER_OP_ANY, read_known);
    return true;
}

bool loader_pg_ask_facts(struct loader_pg *pg)
{
    bool any = false;
    loader_op_begin(&pg->op, pg->conn);
    drop_repeats_within(pg);
    for (size_t t = 0; t < pg->settings.catalog->table_count; t++)
        any = ask_table(pg, t) || any;
    if (any)
        loader_op_end(&pg->op);
    return any;
}
