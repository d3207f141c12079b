/* What a batch must know, read set-wise: known ids, entities of each kind, parked records. */
#include "runtime_store_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* A repeat is looked for on its append day and the two before, and on the next one: a new leader of
 * the partition may have a clock that is behind. $5 and $6 leave out the partitions of all other
 * days. LATERAL with a LIMIT is looked up id by id in the index whatever the planner thinks of a
 * partition that has no statistics yet (else it was read whole, each batch). */
static const struct mr_pg_stmt known = {
    .name = "known",
    .sql = "SELECT c.account_id, c.id, c.day, c.hash "
           "FROM unnest($2::uuid[], $3::uuid[], $4::date[]) k(account_id, id, day) "
           "CROSS JOIN LATERAL (SELECT * FROM millrace.command WHERE id = k.id "
           "AND account_id = k.account_id AND domain = $1::text "
           "AND day BETWEEN k.day - 2 AND k.day + 1 AND day BETWEEN $5::date AND $6::date "
           "LIMIT 4) c",
    .nparams = 6,
};

static const struct mr_pg_stmt parked = {
    .name = "parked",
    .sql = "SELECT p.lane, p.behind, p.record, r.action = 'drop' "
           "FROM unnest($2::int4[], $3::bytea[], $4::int4[]) WITH ORDINALITY w(lane, key, n, i) "
           "CROSS JOIN LATERAL (SELECT * FROM millrace.parked WHERE domain = $1::text "
           "AND lane = w.lane AND key = w.key ORDER BY position LIMIT w.n) p "
           "LEFT JOIN millrace.request r ON r.domain = p.domain AND r.lane = p.lane "
           "AND r.position = p.position ORDER BY w.i, p.position",
    .nparams = 4,
};

static void read_known(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    size_t n = (size_t)mr_pg_result_rows(r);
    struct engine_known *list = store_alloc(s, n, sizeof *list);
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        struct mr_slice hash = mr_pg_result_bytea(r, (int)i, 3);
        assert(hash.len == sizeof list[i].hash.bytes); /* a CHECK of the table */
        list[i].account = mr_pg_result_uuid(r, (int)i, 0);
        list[i].id = mr_pg_result_uuid(r, (int)i, 1);
        list[i].day = mr_pg_result_day(r, (int)i, 2);
        memcpy(list[i].hash.bytes, hash.data, hash.len);
    }
    s->loaded.known = list;
    s->loaded.known_count = n;
}

static void load_known(struct runtime_store *s, const struct engine_load *load)
{
    uint32_t n = (uint32_t)load->lookup_count;
    int32_t first = INT32_MAX, last = INT32_MIN;
    struct mr_pg_array accounts, ids, days;
    if (n == 0)
        return;
    mr_pg_array_init(&accounts, &s->arena, MR_PG_UUID, n);
    mr_pg_array_init(&ids, &s->arena, MR_PG_UUID, n);
    mr_pg_array_init(&days, &s->arena, MR_PG_DATE, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct engine_lookup *l = &load->lookups[i];
        mr_pg_array_uuid(&accounts, &l->account);
        mr_pg_array_uuid(&ids, &l->id);
        mr_pg_array_day(&days, l->day);
        first = l->day < first ? l->day : first;
        last = l->day > last ? l->day : last;
    }
    struct mr_pg_params p = store_params(s);
    mr_pg_param_array(&p, &accounts);
    mr_pg_param_array(&p, &ids);
    mr_pg_param_array(&p, &days);
    mr_pg_param_day(&p, first - 2);
    mr_pg_param_day(&p, last + 1);
    store_query(s, &known, &p, (struct store_call){.read = read_known, .want = -1});
}

/* ---- entities ---- */

static struct domain_store_value value_of(struct runtime_store *s, const struct mr_pg_result *r,
                                          int row, int column, enum domain_store_type type)
{
    struct mr_uuid *id;
    struct domain_store_value v = {.is_null = mr_pg_result_null(r, row, column)};
    if (v.is_null)
        return v;
    switch (type) {
    case DOMAIN_STORE_UUID:
        id = store_alloc(s, 1, sizeof *id);
        *id = mr_pg_result_uuid(r, row, column);
        v.bytes = mr_slice(id->bytes, sizeof id->bytes);
        break;
    case DOMAIN_STORE_TEXT:
    case DOMAIN_STORE_JSONB: /* read as text: load casts it */
        v.bytes = mr_pg_result_text(r, row, column);
        break;
    case DOMAIN_STORE_BYTEA:
        v.bytes = mr_pg_result_bytea(r, row, column);
        break;
    case DOMAIN_STORE_BOOL:
        v.number = mr_pg_result_bool(r, row, column);
        break;
    case DOMAIN_STORE_FLOAT8:
        v.real = mr_pg_result_float8(r, row, column);
        break;
    case DOMAIN_STORE_INT4:
    case DOMAIN_STORE_INT8:
        v.number = mr_pg_result_int8(r, row, column);
        break;
    case DOMAIN_STORE_DATE:
        v.number = mr_pg_result_day(r, row, column);
        break;
    case DOMAIN_STORE_TIME:
        v.number = mr_pg_result_time(r, row, column);
        break;
    case DOMAIN_STORE_TIME_US:
        v.number = mr_pg_result_time(r, row, column) * 1000;
        break;
    }
    return v;
}

static void read_entities(struct runtime_store *s, struct mr_pg_result *r, int32_t kind)
{
    const struct domain_store_kind *k = s->settings.domain->kinds[kind];
    struct mr_error why;
    int n = mr_pg_result_rows(r);
    for (int i = 0; i < n; i++) {
        struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX];
        struct engine_entity *e = &s->entities[s->loaded.entity_count];
        *e = (struct engine_entity){
            .key = {.kind = kind,
                    .account = mr_pg_result_uuid(r, i, 0),
                    .id = mr_pg_result_uuid(r, i, 1)},
            .version = mr_pg_result_int8(r, i, 2),
        };
        for (int32_t c = 0; c < k->column_count; c++)
            values[c] = value_of(s, r, i, 3 + c, k->columns[c].type);
        enum mr_status status = k->read(values, &s->arena, e, &why);
        if (status != MR_OK) {
            s->answer = ENGINE_TRANSIENT;
            snprintf(s->detail, sizeof s->detail, "%.200s",
                     status == MR_LIMIT ? "the entities do not fit into memory" : why.text);
            MR_LOG(s->settings.log, ERROR, "an entity cannot be read",
                   mr_f_text("error", s->detail));
            return;
        }
        assert(s->loaded.entity_count < s->entity_size); /* a primary key: a row a key at most */
        s->loaded.entity_count++;
    }
}

static void load_kind(struct runtime_store *s, const struct engine_load *load, int32_t kind)
{
    struct mr_pg_array accounts, ids;
    uint32_t n = 0;
    for (size_t i = 0; i < load->key_count; i++)
        n += load->keys[i].kind == kind;
    if (n == 0)
        return;
    mr_pg_array_init(&accounts, &s->arena, MR_PG_UUID, n);
    mr_pg_array_init(&ids, &s->arena, MR_PG_UUID, n);
    for (size_t i = 0; i < load->key_count; i++) {
        if (load->keys[i].kind != kind)
            continue;
        mr_pg_array_uuid(&accounts, &load->keys[i].account);
        mr_pg_array_uuid(&ids, &load->keys[i].id);
    }
    struct mr_pg_params p;
    mr_pg_params_init(&p, &s->arena);
    mr_pg_param_array(&p, &accounts);
    mr_pg_param_array(&p, &ids);
    store_query(s, &s->statements[kind].load, &p,
                (struct store_call){.read = read_entities, .arg = kind, .want = -1});
}

/* ---- parked ---- */

static void read_parked(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    size_t n = (size_t)mr_pg_result_rows(r);
    struct engine_parked *list = store_alloc(s, n, sizeof *list);
    struct mr_error why;
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        struct engine_parked *p = &list[i];
        p->record.lane = mr_pg_result_int4(r, (int)i, 0);
        p->behind = mr_pg_result_bool(r, (int)i, 1);
        if (!mr_pg_result_null(r, (int)i, 3))
            p->action = mr_pg_result_bool(r, (int)i, 3) ? ENGINE_DROP : ENGINE_RETRY;
        if (mr_record_unpack(mr_pg_result_bytea(r, (int)i, 2), &s->arena, &p->record.in, &why) ==
            MR_OK)
            continue;
        s->answer = ENGINE_TRANSIENT;
        snprintf(s->detail, sizeof s->detail, "a parked record cannot be read: %.200s", why.text);
        MR_LOG(s->settings.log, ERROR, "a parked record cannot be read",
               mr_f_int("lane", p->record.lane), mr_f_text("error", why.text));
    }
    s->loaded.parked = list;
    s->loaded.parked_count = n;
    store_keep(s, r);
}

static void load_parked(struct runtime_store *s, const struct engine_load *load)
{
    uint32_t n = (uint32_t)load->parked_count;
    struct mr_pg_array lanes, keys, limits;
    if (n == 0)
        return;
    mr_pg_array_init(&lanes, &s->arena, MR_PG_INT4, n);
    mr_pg_array_init(&keys, &s->arena, MR_PG_BYTEA, n);
    mr_pg_array_init(&limits, &s->arena, MR_PG_INT4, n);
    for (uint32_t i = 0; i < n; i++) {
        mr_pg_array_int4(&lanes, load->parked[i].lane);
        mr_pg_array_bytea(&keys, load->parked[i].key);
        mr_pg_array_int4(&limits, load->parked[i].limit);
    }
    struct mr_pg_params p = store_params(s);
    mr_pg_param_array(&p, &lanes);
    mr_pg_param_array(&p, &keys);
    mr_pg_param_array(&p, &limits);
    store_query(s, &parked, &p, (struct store_call){.read = read_parked, .want = -1});
}

void store_load(struct runtime_store *s, const struct engine_load *load)
{
    s->entity_size = load->key_count;
    s->entities = store_alloc(s, load->key_count, sizeof *s->entities);
    s->loaded.entities = s->entities;
    load_known(s, load);
    for (int32_t kind = 0; kind < s->settings.domain->domain->kind_count; kind++)
        load_kind(s, load, kind);
    load_parked(s, load);
    if (s->op == STORE_LOAD && s->outstanding == 0)
        store_query(s, &store_nothing, NULL, (struct store_call){.want = -1});
}
