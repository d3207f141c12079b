/* What a batch must know, read set-wise: entities of each kind by key, those that are due, parked
 * records. (Known ids: runtime_known.c.) */
#include "runtime_store_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

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
        v.number = mr_pg_result_time_us(r, row, column);
        break;
    }
    return v;
}

/* Room for n more entities: the list grows with each statement's answer. */
static void entities_room(struct runtime_store *s, size_t n)
{
    struct engine_entity *more = store_alloc(s, s->loaded.entity_count + n, sizeof *more);
    if (s->loaded.entity_count > 0)
        memcpy(more, s->entities, s->loaded.entity_count * sizeof *more);
    s->entities = more;
    s->loaded.entities = more;
}

/* The entity of a row whose columns of `load` begin at column `at`. */
static bool read_entity(struct runtime_store *s, struct mr_pg_result *r, int row, int at,
                        struct engine_entity *e)
{
    const struct domain_store_kind *k = s->settings.domain->kinds[e->key.kind];
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX];
    struct mr_error why;
    e->key.account = mr_pg_result_uuid(r, row, at);
    e->key.id = mr_pg_result_uuid(r, row, at + 1);
    e->version = mr_pg_result_int8(r, row, at + 2);
    for (int32_t c = 0; c < k->column_count; c++)
        values[c] = value_of(s, r, row, at + 3 + c, k->columns[c].type);
    enum mr_status status = k->read(values, &s->arena, e, &why);
    if (status == MR_OK)
        return true;
    s->answer = ENGINE_TRANSIENT;
    snprintf(s->detail, sizeof s->detail, "%.200s",
             status == MR_LIMIT ? "the entities do not fit into memory" : why.text);
    MR_LOG(s->settings.log, ERROR, "an entity cannot be read", mr_f_text("error", s->detail));
    return false;
}

static void read_entities(struct runtime_store *s, struct mr_pg_result *r, int32_t kind)
{
    int n = mr_pg_result_rows(r);
    entities_room(s, (size_t)n);
    for (int i = 0; i < n; i++) {
        struct engine_entity *e = &s->entities[s->loaded.entity_count];
        *e = (struct engine_entity){.key.kind = kind};
        if (!read_entity(s, r, i, 0, e))
            return;
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

/* ---- due ---- */

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct engine_key));
}

/* What was loaded by key so far: one that is due as well is an entity once. */
static struct engine_key *keys_loaded(struct runtime_store *s, size_t *count)
{
    static_assert(sizeof(struct engine_key) == sizeof(int32_t) + 2 * sizeof(struct mr_uuid),
                  "no padding, so that keys compare as bytes");
    *count = s->loaded.entity_count;
    struct engine_key *keys = store_alloc(s, *count, sizeof *keys);
    for (size_t i = 0; i < *count; i++)
        keys[i] = s->entities[i].key;
    qsort(keys, *count, sizeof *keys, compare_keys);
    return keys;
}

static void read_due(struct runtime_store *s, struct mr_pg_result *r, int32_t kind)
{
    size_t n = (size_t)mr_pg_result_rows(r), known, before = s->loaded.due_count;
    struct engine_key *keys = keys_loaded(s, &known);
    struct engine_due_entity *due = store_alloc(s, before + n, sizeof *due);
    if (before > 0)
        memcpy(due, s->loaded.due, before * sizeof *due);
    s->loaded.due = due;
    entities_room(s, n);
    for (size_t i = 0; i < n; i++) {
        struct engine_entity *e = &s->entities[s->loaded.entity_count];
        *e = (struct engine_entity){.key.kind = kind};
        if (!read_entity(s, r, (int)i, 1, e))
            return;
        due[s->loaded.due_count++] = (struct engine_due_entity){
            .lane = mr_pg_result_int4(r, (int)i, 0),
            .key = e->key,
        };
        if (!bsearch(&e->key, keys, known, sizeof *keys, compare_keys))
            s->loaded.entity_count++;
    }
}

static void load_due(struct runtime_store *s, const struct engine_load *load, int32_t kind)
{
    struct mr_pg_array lanes, times;
    uint32_t n = 0;
    for (size_t i = 0; i < load->due_count; i++)
        n += load->due[i].kind == kind;
    if (n == 0)
        return;
    assert(s->statements[kind].due.sql); /* only a kind with `due` is asked for what is due */
    mr_pg_array_init(&lanes, &s->arena, MR_PG_INT4, n);
    mr_pg_array_init(&times, &s->arena, MR_PG_TIMESTAMPTZ, n);
    for (size_t i = 0; i < load->due_count; i++) {
        if (load->due[i].kind != kind)
            continue;
        mr_pg_array_int4(&lanes, load->due[i].lane);
        mr_pg_array_time(&times, load->due[i].time_ms);
    }
    struct mr_pg_params p;
    mr_pg_params_init(&p, &s->arena);
    mr_pg_param_array(&p, &lanes);
    mr_pg_param_array(&p, &times);
    store_query(s, &s->statements[kind].due, &p,
                (struct store_call){.read = read_due, .arg = kind, .want = -1});
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
    int32_t kinds = s->settings.domain->domain->kind_count;
    store_load_known(s, load);
    for (int32_t kind = 0; kind < kinds; kind++)
        load_kind(s, load, kind);
    for (int32_t kind = 0; kind < kinds; kind++) /* behind them: see keys_loaded */
        load_due(s, load, kind);
    load_parked(s, load);
    if (s->op == STORE_LOAD && s->outstanding == 0)
        store_query(s, &store_nothing, NULL, (struct store_call){.want = -1});
}
