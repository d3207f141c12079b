/* Which commands are known already: looked for where their kind is kept, and among what is parked.
 */
#include "runtime_store_impl.h"

#include <assert.h>

/* A repeat is looked for on its append day and the two before, and on the next one: a new leader of
 * the partition may have a clock that is behind. $6 and $7 leave out the partitions of all other
 * days. LATERAL with a LIMIT is looked up id by id in the index whatever the planner thinks of a
 * partition that has no statistics yet (else it was read whole, each batch). */
#define KNOWN_SQL(table)                                                                           \
    "SELECT c.account_id, c.id, c.day, c.hash "                                                    \
    "FROM unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[]) k(account_id, id, first, last) "  \
    "CROSS JOIN LATERAL (SELECT account_id, id, day, hash FROM " table " WHERE id = k.id "         \
    "AND account_id = k.account_id AND domain = $1::text "                                         \
    "AND day BETWEEN k.first AND k.last AND day BETWEEN $6::date AND $7::date LIMIT 4) c"

static const struct mr_pg_stmt known_full = {
    .name = "known_full",
    .sql = KNOWN_SQL("millrace.command"),
    .nparams = 7,
};

static const struct mr_pg_stmt known_id = {
    .name = "known_id",
    .sql = KNOWN_SQL("millrace.seen"),
    .nparams = 7,
};

/* Nothing is looked for id by id while nothing is parked in these lanes. */
static const struct mr_pg_stmt known_parked = {
    .name = "known_parked",
    .sql = "SELECT k.account_id, k.id, k.day "
           "FROM unnest($2::uuid[], $3::uuid[], $4::date[], $5::int4[]) k(account_id, id, day, "
           "lane) CROSS JOIN LATERAL (SELECT FROM millrace.parked p WHERE p.domain = $1::text "
           "AND p.lane = k.lane AND p.command_id = k.id AND p.account_id = k.account_id LIMIT 1) p "
           "WHERE EXISTS (SELECT FROM millrace.parked WHERE domain = $1::text "
           "AND lane = ANY($6::int4[]))",
    .nparams = 6,
};

/* The look-ups of a load that go into one statement. */
typedef bool lookup_filter(const struct engine_lookup *lookup);

static bool is_full(const struct engine_lookup *l)
{
    return l->keep == ENGINE_KEEP_FULL;
}

static bool is_id(const struct engine_lookup *l)
{
    return l->keep == ENGINE_KEEP_ID;
}

static bool is_fact(const struct engine_lookup *l)
{
    return l->keep == ENGINE_KEEP_FACT;
}

/* A FULL one has its row in millrace.command while it is parked. */
static bool may_be_parked(const struct engine_lookup *l)
{
    return l->keep != ENGINE_KEEP_FULL && !l->is_parked;
}

static uint32_t count_of(const struct engine_load *load, lookup_filter *filter)
{
    uint32_t n = 0;
    for (size_t i = 0; i < load->lookup_count; i++)
        n += filter(&load->lookups[i]);
    return n;
}

/* arg: whether the rows have a hash. */
static void read_known(struct runtime_store *s, struct mr_pg_result *r, int32_t has_hash)
{
    size_t n = (size_t)mr_pg_result_rows(r), before = s->loaded.known_count;
    if (n == 0)
        return;
    struct engine_known *list = store_alloc(s, before + n, sizeof *list);
    if (before > 0)
        memcpy(list, s->loaded.known, before * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        struct engine_known *k = &list[before + i];
        k->account = mr_pg_result_uuid(r, (int)i, 0);
        k->id = mr_pg_result_uuid(r, (int)i, 1);
        k->day = mr_pg_result_day(r, (int)i, 2);
        k->has_hash = has_hash;
        if (!has_hash)
            continue;
        struct mr_slice hash = mr_pg_result_bytea(r, (int)i, 3);
        assert(hash.len == sizeof k->hash.bytes); /* a CHECK of the table */
        memcpy(k->hash.bytes, hash.data, hash.len);
    }
    s->loaded.known = list;
    s->loaded.known_count = before + n;
}

/* The arrays that look-ups are made of, and the first and last day of them all. */
struct lookups {
    struct mr_pg_array accounts, ids, first, last;
    int32_t first_day, last_day;
};

static void lookups_of(struct runtime_store *s, const struct engine_load *load,
                       lookup_filter *filter, uint32_t n, struct lookups *to)
{
    to->first_day = INT32_MAX;
    to->last_day = INT32_MIN;
    mr_pg_array_init(&to->accounts, &s->arena, MR_PG_UUID, n);
    mr_pg_array_init(&to->ids, &s->arena, MR_PG_UUID, n);
    mr_pg_array_init(&to->first, &s->arena, MR_PG_DATE, n);
    mr_pg_array_init(&to->last, &s->arena, MR_PG_DATE, n);
    for (size_t i = 0; i < load->lookup_count; i++) {
        const struct engine_lookup *l = &load->lookups[i];
        if (!filter(l))
            continue;
        int32_t first = l->only_its_day ? l->day : l->day - 2;
        int32_t last = l->only_its_day ? l->day : l->day + 1;
        mr_pg_array_uuid(&to->accounts, &l->account);
        mr_pg_array_uuid(&to->ids, &l->id);
        mr_pg_array_day(&to->first, first);
        mr_pg_array_day(&to->last, last);
        to->first_day = first < to->first_day ? first : to->first_day;
        to->last_day = last > to->last_day ? last : to->last_day;
    }
}

static void load_kept(struct runtime_store *s, const struct engine_load *load,
                      lookup_filter *filter, const struct mr_pg_stmt *stmt)
{
    uint32_t n = count_of(load, filter);
    struct lookups l;
    if (n == 0)
        return;
    lookups_of(s, load, filter, n, &l);
    struct mr_pg_params p = store_params(s);
    mr_pg_param_array(&p, &l.accounts);
    mr_pg_param_array(&p, &l.ids);
    mr_pg_param_array(&p, &l.first);
    mr_pg_param_array(&p, &l.last);
    mr_pg_param_day(&p, l.first_day);
    mr_pg_param_day(&p, l.last_day);
    store_query(s, stmt, &p, (struct store_call){.read = read_known, .arg = true, .want = -1});
}

static void load_facts(struct runtime_store *s, const struct engine_load *load)
{
    uint32_t n = count_of(load, is_fact);
    struct lookups l;
    struct mr_pg_params p;
    if (n == 0)
        return;
    assert(s->known_facts.sql); /* runtime_new refuses schemas of facts that the store has not */
    lookups_of(s, load, is_fact, n, &l);
    mr_pg_params_init(&p, &s->arena);
    mr_pg_param_array(&p, &l.accounts);
    mr_pg_param_array(&p, &l.ids);
    mr_pg_param_array(&p, &l.first);
    mr_pg_param_array(&p, &l.last);
    if (s->known_facts.nparams == 6) {
        mr_pg_param_day(&p, l.first_day);
        mr_pg_param_day(&p, l.last_day);
    }
    store_query(s, &s->known_facts, &p,
                (struct store_call){.read = read_known, .arg = false, .want = -1});
}

static void load_parked_ids(struct runtime_store *s, const struct engine_load *load)
{
    uint32_t n = count_of(load, may_be_parked);
    struct mr_pg_array accounts, ids, days, lanes, distinct;
    int32_t last_lane = -1;
    if (n == 0)
        return;
    mr_pg_array_init(&accounts, &s->arena, MR_PG_UUID, n);
    mr_pg_array_init(&ids, &s->arena, MR_PG_UUID, n);
    mr_pg_array_init(&days, &s->arena, MR_PG_DATE, n);
    mr_pg_array_init(&lanes, &s->arena, MR_PG_INT4, n);
    mr_pg_array_init(&distinct, &s->arena, MR_PG_INT4, 0);
    for (size_t i = 0; i < load->lookup_count; i++) {
        const struct engine_lookup *l = &load->lookups[i];
        if (!may_be_parked(l))
            continue;
        mr_pg_array_uuid(&accounts, &l->account);
        mr_pg_array_uuid(&ids, &l->id);
        mr_pg_array_day(&days, l->day);
        mr_pg_array_int4(&lanes, l->lane);
        if (l->lane != last_lane) /* they mostly come lane by lane; one named twice does no harm */
            mr_pg_array_int4(&distinct, l->lane);
        last_lane = l->lane;
    }
    struct mr_pg_params p = store_params(s);
    mr_pg_param_array(&p, &accounts);
    mr_pg_param_array(&p, &ids);
    mr_pg_param_array(&p, &days);
    mr_pg_param_array(&p, &lanes);
    mr_pg_param_array(&p, &distinct);
    store_query(s, &known_parked, &p,
                (struct store_call){.read = read_known, .arg = false, .want = -1});
}

void store_load_known(struct runtime_store *s, const struct engine_load *load)
{
    load_kept(s, load, is_full, &known_full);
    load_kept(s, load, is_id, &known_id);
    load_facts(s, load);
    load_parked_ids(s, load);
}
