/* Rows of values in, columns of parameters out: the engine thinks in entities, unnest in arrays. */
#include "domain_store_sql.h"
#include "engine_command.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES   49 /* what mr_pg_stmt.name takes, with its NUL */
#define KEY_COLUMNS  3  /* account_id, id, version */
#define ROWS_COLUMNS 4  /* account_id, command_id, index, at */
#define COLUMNS_MAX  (DOMAIN_STORE_COLUMNS_MAX + ROWS_COLUMNS)

static_assert(COLUMNS_MAX <= MR_PG_PARAMS_MAX, "a statement takes all columns of a kind");

struct named {
    struct mr_pg_stmt stmt;
    char name[NAME_BYTES];
};
struct kind_stmts {
    struct named load, insert, update;
};
struct domain_store_sql {
    const struct domain_store *store;
    struct kind_stmts *kinds;
    struct named *rows;
};

/* ---- statements --------------------------------------------------------------------------------
 */

static void *zeroed(size_t count, size_t bytes)
{
    void *p = calloc(count ? count : 1, bytes);
    if (!p)
        abort();
    return p;
}

static void name(struct named *n, const char *domain, const char *kind, const char *verb)
{
    int len = snprintf(n->name, sizeof n->name, "%s.%s.%s", domain, kind, verb);
    assert(len > 0 && (size_t)len < sizeof n->name);
    n->stmt.name = n->name;
}

static int changing_columns(const struct domain_store_kind *kind)
{
    int count = 0;
    for (int32_t i = 0; i < kind->column_count; i++)
        count += !kind->columns[i].fixed;
    return count;
}

struct domain_store_sql *domain_store_sql_new(const struct domain_store *store)
{
    const struct engine_domain *domain = store->domain;
    struct domain_store_sql *sql = zeroed(1, sizeof *sql);
    sql->store = store;
    sql->kinds = zeroed((size_t)domain->kind_count, sizeof *sql->kinds);
    sql->rows = zeroed((size_t)domain->row_kind_count, sizeof *sql->rows);
    for (int32_t i = 0; i < domain->kind_count; i++) {
        const struct domain_store_kind *kind = store->kinds[i];
        struct kind_stmts *s = &sql->kinds[i];
        assert(kind->column_count <= DOMAIN_STORE_COLUMNS_MAX);
        s->load.stmt = (struct mr_pg_stmt){.sql = kind->load, .nparams = 2};
        s->insert.stmt =
            (struct mr_pg_stmt){.sql = kind->insert, .nparams = KEY_COLUMNS + kind->column_count};
        s->update.stmt = (struct mr_pg_stmt){.sql = kind->update,
                                             .nparams = KEY_COLUMNS + changing_columns(kind)};
        name(&s->load, domain->name, domain->kinds[i].name, "load");
        name(&s->insert, domain->name, domain->kinds[i].name, "insert");
        name(&s->update, domain->name, domain->kinds[i].name, "update");
    }
    for (int32_t i = 0; i < domain->row_kind_count; i++) {
        assert(store->rows[i]->column_count <= DOMAIN_STORE_COLUMNS_MAX);
        sql->rows[i].stmt = (struct mr_pg_stmt){
            .sql = store->rows[i]->insert, .nparams = ROWS_COLUMNS + store->rows[i]->column_count};
        name(&sql->rows[i], domain->name, domain->row_kinds[i], "rows");
    }
    return sql;
}

void domain_store_sql_free(struct domain_store_sql *sql)
{
    if (!sql)
        return;
    free(sql->kinds);
    free(sql->rows);
    free(sql);
}

/* ---- columns -----------------------------------------------------------------------------------
 */

/* A call's parameters while they are filled, row by row. */
struct columns {
    struct mr_pg_array arrays[COLUMNS_MAX];
    struct mr_arena *arena;
    uint32_t row_hint;
    int count;
};

static void column_add(struct columns *c, enum mr_pg_type type)
{
    mr_pg_array_init(&c->arrays[c->count++], c->arena, type, c->row_hint);
}

static enum mr_pg_type pg_type_of(enum domain_store_type type)
{
    static const enum mr_pg_type types[] = {
        [DOMAIN_STORE_UUID] = MR_PG_UUID, [DOMAIN_STORE_TEXT] = MR_PG_TEXT,
        [DOMAIN_STORE_INT4] = MR_PG_INT4, [DOMAIN_STORE_INT8] = MR_PG_INT8,
        [DOMAIN_STORE_DATE] = MR_PG_DATE, [DOMAIN_STORE_TIME] = MR_PG_TIMESTAMPTZ,
    };
    return types[type];
}

static void value_push(struct mr_pg_array *array, enum domain_store_type type,
                       const struct domain_store_value *value)
{
    struct mr_uuid id;
    if (value->is_null) {
        mr_pg_array_null(array);
        return;
    }
    switch (type) {
    case DOMAIN_STORE_UUID:
        assert(value->bytes.len == sizeof id.bytes);
        memcpy(id.bytes, value->bytes.data, sizeof id.bytes);
        mr_pg_array_uuid(array, &id);
        break;
    case DOMAIN_STORE_TEXT:
        mr_pg_array_text(array, value->bytes);
        break;
    case DOMAIN_STORE_INT4:
        mr_pg_array_int4(array, (int32_t)value->number);
        break;
    case DOMAIN_STORE_INT8:
        mr_pg_array_int8(array, value->number);
        break;
    case DOMAIN_STORE_DATE:
        mr_pg_array_day(array, (int32_t)value->number);
        break;
    case DOMAIN_STORE_TIME:
        mr_pg_array_time(array, value->number);
        break;
    }
}

static void columns_finish(struct columns *c, struct mr_arena *arena, struct mr_pg_params *params)
{
    mr_pg_params_init(params, arena);
    for (int i = 0; i < c->count; i++)
        mr_pg_param_array(params, &c->arrays[i]);
}

static struct domain_store_call *call_add(struct domain_store_calls *calls,
                                          const struct named *named, int32_t kind, size_t rows)
{
    struct domain_store_call *call = &calls->items[calls->count++];
    call->stmt = &named->stmt;
    call->kind = kind;
    call->rows = rows;
    return call;
}

/* ---- load --------------------------------------------------------------------------------------
 */

static size_t keys_of_kind(const struct engine_key *keys, size_t count, int32_t kind)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += keys[i].kind == kind;
    return found;
}

enum mr_status domain_store_sql_load(const struct domain_store_sql *sql,
                                     const struct engine_key *keys, size_t count,
                                     struct mr_arena *arena, struct domain_store_calls *calls)
{
    int32_t kind_count = sql->store->domain->kind_count;
    calls->count = 0;
    calls->items = mr_arena_array(arena, (size_t)kind_count, sizeof *calls->items);
    if (!calls->items)
        return MR_LIMIT;
    for (int32_t kind = 0; kind < kind_count; kind++) {
        size_t rows = keys_of_kind(keys, count, kind);
        if (rows == 0)
            continue;
        struct columns c = {.arena = arena, .row_hint = (uint32_t)rows};
        column_add(&c, MR_PG_UUID);
        column_add(&c, MR_PG_UUID);
        for (size_t i = 0; i < count; i++) {
            if (keys[i].kind != kind)
                continue;
            mr_pg_array_uuid(&c.arrays[0], &keys[i].account);
            mr_pg_array_uuid(&c.arrays[1], &keys[i].id);
        }
        struct domain_store_call *call = call_add(calls, &sql->kinds[kind].load, kind, rows);
        columns_finish(&c, arena, &call->params);
    }
    return MR_OK;
}

/* uuid is where the bytes of a UUID are put, as the result has them in no such form. */
static struct domain_store_value value_read(const struct mr_pg_result *result, int row, int column,
                                            enum domain_store_type type, struct mr_uuid *uuid)
{
    struct domain_store_value value = {.is_null = mr_pg_result_null(result, row, column)};
    if (value.is_null)
        return value;
    switch (type) {
    case DOMAIN_STORE_UUID:
        *uuid = mr_pg_result_uuid(result, row, column);
        value.bytes = mr_slice(uuid->bytes, sizeof uuid->bytes);
        break;
    case DOMAIN_STORE_TEXT:
        value.bytes = mr_pg_result_text(result, row, column);
        break;
    case DOMAIN_STORE_INT4:
    case DOMAIN_STORE_INT8:
        value.number = mr_pg_result_int8(result, row, column);
        break;
    case DOMAIN_STORE_DATE:
        value.number = mr_pg_result_day(result, row, column);
        break;
    case DOMAIN_STORE_TIME:
        value.number = mr_pg_result_time(result, row, column);
        break;
    }
    return value;
}

enum mr_status domain_store_sql_read(const struct domain_store_sql *sql,
                                     const struct mr_pg_result *result, int row, int32_t kind,
                                     struct mr_arena *arena, struct engine_entity *entity,
                                     struct mr_error *why)
{
    const struct domain_store_kind *k = sql->store->kinds[kind];
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX];
    struct mr_uuid uuids[DOMAIN_STORE_COLUMNS_MAX];
    assert(mr_pg_result_columns(result) == KEY_COLUMNS + k->column_count);
    *entity = (struct engine_entity){
        .key = {.kind = kind,
                .account = mr_pg_result_uuid(result, row, 0),
                .id = mr_pg_result_uuid(result, row, 1)},
        .version = mr_pg_result_int8(result, row, 2),
    };
    for (int32_t i = 0; i < k->column_count; i++)
        values[i] = value_read(result, row, KEY_COLUMNS + i, k->columns[i].type, &uuids[i]);
    return k->read(values, arena, entity, why);
}

/* ---- save --------------------------------------------------------------------------------------
 */

static bool is_of(const struct engine_entity_write *write, int32_t kind, bool is_new)
{
    return write->entity.key.kind == kind && write->is_new == is_new;
}

static void entity_push(struct columns *c, const struct domain_store_kind *kind,
                        const struct engine_entity_write *write)
{
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
    const struct engine_entity *entity = &write->entity;
    mr_pg_array_uuid(&c->arrays[0], &entity->key.account);
    mr_pg_array_uuid(&c->arrays[1], &entity->key.id);
    mr_pg_array_int8(&c->arrays[2], entity->version);
    kind->write(entity, values);
    int at = KEY_COLUMNS;
    for (int32_t i = 0; i < kind->column_count; i++)
        if (write->is_new || !kind->columns[i].fixed)
            value_push(&c->arrays[at++], kind->columns[i].type, &values[i]);
}

static void save_entities(const struct domain_store_sql *sql, const struct engine_save *save,
                          int32_t kind, bool is_new, struct mr_arena *arena,
                          struct domain_store_calls *calls)
{
    const struct domain_store_kind *k = sql->store->kinds[kind];
    const struct kind_stmts *stmts = &sql->kinds[kind];
    size_t rows = 0;
    for (size_t i = 0; i < save->entity_count; i++)
        rows += is_of(&save->entities[i], kind, is_new);
    if (rows == 0)
        return;
    assert(is_new || k->update); /* a kind without an update never changes */
    struct columns c = {.arena = arena, .row_hint = (uint32_t)rows};
    column_add(&c, MR_PG_UUID);
    column_add(&c, MR_PG_UUID);
    column_add(&c, MR_PG_INT8);
    for (int32_t i = 0; i < k->column_count; i++)
        if (is_new || !k->columns[i].fixed)
            column_add(&c, pg_type_of(k->columns[i].type));
    for (size_t i = 0; i < save->entity_count; i++)
        if (is_of(&save->entities[i], kind, is_new))
            entity_push(&c, k, &save->entities[i]);
    struct domain_store_call *call =
        call_add(calls, is_new ? &stmts->insert : &stmts->update, -1, rows);
    columns_finish(&c, arena, &call->params);
}

static void row_push(struct columns *c, const struct domain_store_rows *rows,
                     const struct engine_row_write *row)
{
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
    mr_pg_array_uuid(&c->arrays[0], &row->command->ce.account);
    mr_pg_array_uuid(&c->arrays[1], &row->command->ce.id);
    mr_pg_array_int4(&c->arrays[2], row->index);
    mr_pg_array_time(&c->arrays[3], row->command->record.in.append_time_ms);
    rows->write(row, values);
    for (int32_t i = 0; i < rows->column_count; i++)
        value_push(&c->arrays[ROWS_COLUMNS + i], rows->columns[i].type, &values[i]);
}

static void save_rows(const struct domain_store_sql *sql, const struct engine_save *save,
                      int32_t row_kind, struct mr_arena *arena, struct domain_store_calls *calls)
{
    const struct domain_store_rows *rows = sql->store->rows[row_kind];
    size_t count = 0;
    for (size_t i = 0; i < save->row_count; i++)
        count += save->rows[i].row_kind == row_kind;
    if (count == 0)
        return;
    struct columns c = {.arena = arena, .row_hint = (uint32_t)count};
    column_add(&c, MR_PG_UUID);
    column_add(&c, MR_PG_UUID);
    column_add(&c, MR_PG_INT4);
    column_add(&c, MR_PG_TIMESTAMPTZ);
    for (int32_t i = 0; i < rows->column_count; i++)
        column_add(&c, pg_type_of(rows->columns[i].type));
    for (size_t i = 0; i < save->row_count; i++)
        if (save->rows[i].row_kind == row_kind)
            row_push(&c, rows, &save->rows[i]);
    struct domain_store_call *call = call_add(calls, &sql->rows[row_kind], -1, count);
    columns_finish(&c, arena, &call->params);
}

enum mr_status domain_store_sql_save(const struct domain_store_sql *sql,
                                     const struct engine_save *save, struct mr_arena *arena,
                                     struct domain_store_calls *calls)
{
    const struct engine_domain *domain = sql->store->domain;
    size_t calls_max = (size_t)domain->kind_count * 2 + (size_t)domain->row_kind_count;
    calls->count = 0;
    calls->items = mr_arena_array(arena, calls_max, sizeof *calls->items);
    if (!calls->items)
        return MR_LIMIT;
    for (int32_t kind = 0; kind < domain->kind_count; kind++) {
        save_entities(sql, save, kind, true, arena, calls);
        save_entities(sql, save, kind, false, arena, calls);
    }
    for (int32_t row_kind = 0; row_kind < domain->row_kind_count; row_kind++)
        save_rows(sql, save, row_kind, arena, calls);
    return MR_OK;
}
