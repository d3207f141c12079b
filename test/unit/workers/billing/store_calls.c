#include "store_calls.h"
#include "engine_command.h"
#include <criterion/criterion.h>

#define KEY_COLUMNS  3 /* account_id, id, version */
#define ROWS_COLUMNS 4 /* account_id, command_id, index, at */

/* A call's parameters while they are filled, row by row. */
struct columns {
    struct mr_pg_array arrays[DOMAIN_STORE_COLUMNS_MAX + ROWS_COLUMNS];
    struct mr_arena *arena;
    int count;
    size_t rows;
};

static void column_add(struct columns *c, enum mr_pg_type type)
{
    mr_pg_array_init(&c->arrays[c->count++], c->arena, type, 16);
}

static void columns_add(struct columns *c, const struct domain_store_column *columns, int32_t count,
                        bool update)
{
    static const enum mr_pg_type types[] = {
        [DOMAIN_STORE_UUID] = MR_PG_UUID, [DOMAIN_STORE_TEXT] = MR_PG_TEXT,
        [DOMAIN_STORE_INT4] = MR_PG_INT4, [DOMAIN_STORE_INT8] = MR_PG_INT8,
        [DOMAIN_STORE_DATE] = MR_PG_DATE, [DOMAIN_STORE_TIME] = MR_PG_TIMESTAMPTZ,
    };
    for (int32_t i = 0; i < count; i++)
        if (!update || !columns[i].fixed)
            column_add(c, types[columns[i].type]);
}

static void value_push(struct mr_pg_array *array, const struct domain_store_value *value)
{
    struct mr_uuid id;
    if (value->is_null) {
        mr_pg_array_null(array);
        return;
    }
    switch (array->type) {
    case MR_PG_UUID:
        memcpy(id.bytes, value->bytes.data, sizeof id.bytes);
        mr_pg_array_uuid(array, &id);
        break;
    case MR_PG_TEXT:
        mr_pg_array_text(array, value->bytes);
        break;
    case MR_PG_INT4:
        mr_pg_array_int4(array, (int32_t)value->number);
        break;
    case MR_PG_INT8:
        mr_pg_array_int8(array, value->number);
        break;
    case MR_PG_DATE:
        mr_pg_array_day(array, (int32_t)value->number);
        break;
    default:
        mr_pg_array_time(array, value->number);
    }
}

static void columns_finish(struct columns *c, const char *sql, struct store_call *call)
{
    call->stmt = (struct mr_pg_stmt){.sql = sql, .nparams = c->count};
    call->rows = c->rows;
    mr_pg_params_init(&call->params, c->arena);
    for (int i = 0; i < c->count; i++)
        mr_pg_param_array(&call->params, &c->arrays[i]);
}

void store_call_load(const struct domain_store *store, const struct engine_key *key,
                     struct mr_arena *arena, struct store_call *call)
{
    struct columns c = {.arena = arena, .rows = 1};
    column_add(&c, MR_PG_UUID);
    column_add(&c, MR_PG_UUID);
    mr_pg_array_uuid(&c.arrays[0], &key->account);
    mr_pg_array_uuid(&c.arrays[1], &key->id);
    columns_finish(&c, store->kinds[key->kind]->load, call);
}

static void entity_push(struct columns *c, const struct domain_store_kind *kind,
                        const struct engine_entity_write *write)
{
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
    const struct engine_entity *entity = &write->entity;
    int at = KEY_COLUMNS;
    mr_pg_array_uuid(&c->arrays[0], &entity->key.account);
    mr_pg_array_uuid(&c->arrays[1], &entity->key.id);
    mr_pg_array_int8(&c->arrays[2], entity->version);
    kind->write(entity, values);
    for (int32_t i = 0; i < kind->column_count; i++)
        if (write->is_new || !kind->columns[i].fixed)
            value_push(&c->arrays[at++], &values[i]);
    c->rows++;
}

/* False: there is nothing to save. */
static bool save_entities(const struct domain_store_kind *kind, int32_t index, bool is_new,
                          const struct engine_save *save, struct columns *c)
{
    column_add(c, MR_PG_UUID);
    column_add(c, MR_PG_UUID);
    column_add(c, MR_PG_INT8);
    columns_add(c, kind->columns, kind->column_count, !is_new);
    for (size_t i = 0; i < save->entity_count; i++)
        if (save->entities[i].entity.key.kind == index && save->entities[i].is_new == is_new)
            entity_push(c, kind, &save->entities[i]);
    return c->rows > 0;
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
        value_push(&c->arrays[ROWS_COLUMNS + i], &values[i]);
    c->rows++;
}

static bool save_rows(const struct domain_store_rows *rows, int32_t index,
                      const struct engine_save *save, struct columns *c)
{
    column_add(c, MR_PG_UUID);
    column_add(c, MR_PG_UUID);
    column_add(c, MR_PG_INT4);
    column_add(c, MR_PG_TIMESTAMPTZ);
    columns_add(c, rows->columns, rows->column_count, false);
    for (size_t i = 0; i < save->row_count; i++)
        if (save->rows[i].row_kind == index)
            row_push(c, rows, &save->rows[i]);
    return c->rows > 0;
}

size_t store_calls_save(const struct domain_store *store, const struct engine_save *save,
                        struct mr_arena *arena, struct store_call *calls)
{
    size_t count = 0;
    for (int32_t i = 0; i < store->domain->kind_count * 2; i++) {
        const struct domain_store_kind *kind = store->kinds[i / 2];
        struct columns c = {.arena = arena};
        bool is_new = i % 2 == 0;
        if (save_entities(kind, i / 2, is_new, save, &c))
            columns_finish(&c, is_new ? kind->insert : kind->update, &calls[count++]);
    }
    for (int32_t i = 0; i < store->domain->row_kind_count; i++) {
        struct columns c = {.arena = arena};
        if (save_rows(store->rows[i], i, save, &c))
            columns_finish(&c, store->rows[i]->insert, &calls[count++]);
    }
    return count;
}

/* uuid is where the bytes of a UUID are put. */
static struct domain_store_value value_read(const struct mr_pg_result *result, int column,
                                            enum domain_store_type type, struct mr_uuid *uuid)
{
    struct domain_store_value value = {.is_null = mr_pg_result_null(result, 0, column)};
    if (value.is_null)
        return value;
    switch (type) {
    case DOMAIN_STORE_UUID:
        *uuid = mr_pg_result_uuid(result, 0, column);
        value.bytes = mr_slice(uuid->bytes, sizeof uuid->bytes);
        break;
    case DOMAIN_STORE_TEXT:
        value.bytes = mr_pg_result_text(result, 0, column);
        break;
    case DOMAIN_STORE_INT4:
    case DOMAIN_STORE_INT8:
        value.number = mr_pg_result_int8(result, 0, column);
        break;
    case DOMAIN_STORE_DATE:
        value.number = mr_pg_result_day(result, 0, column);
        break;
    case DOMAIN_STORE_TIME:
        value.number = mr_pg_result_time(result, 0, column);
        break;
    default:
        cr_assert_fail("billing keeps no such type");
    }
    return value;
}

struct engine_entity store_call_read(const struct domain_store *store,
                                     const struct mr_pg_result *result, int32_t kind,
                                     struct mr_arena *arena)
{
    const struct domain_store_kind *k = store->kinds[kind];
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX];
    struct mr_uuid uuids[DOMAIN_STORE_COLUMNS_MAX];
    struct mr_error why;
    cr_assert_eq(mr_pg_result_columns(result), KEY_COLUMNS + k->column_count);
    struct engine_entity entity = {
        .key = {.kind = kind,
                .account = mr_pg_result_uuid(result, 0, 0),
                .id = mr_pg_result_uuid(result, 0, 1)},
        .version = mr_pg_result_int8(result, 0, 2),
    };
    for (int32_t i = 0; i < k->column_count; i++) {
        cr_assert_str_eq(mr_pg_result_column_name(result, KEY_COLUMNS + i), k->columns[i].name);
        values[i] = value_read(result, KEY_COLUMNS + i, k->columns[i].type, &uuids[i]);
    }
    cr_assert_eq(k->read(values, arena, &entity, &why), MR_OK, "%s", why.text);
    return entity;
}
