/* What a batch writes into the domain's tables, as its struct domain_store says. */
#include "runtime_store_impl.h"

#include "engine_command.h"
#include <assert.h>

static const enum mr_pg_type pg_type[] = {
    [DOMAIN_STORE_UUID] = MR_PG_UUID,           [DOMAIN_STORE_TEXT] = MR_PG_TEXT,
    [DOMAIN_STORE_INT4] = MR_PG_INT4,           [DOMAIN_STORE_INT8] = MR_PG_INT8,
    [DOMAIN_STORE_DATE] = MR_PG_DATE,           [DOMAIN_STORE_TIME] = MR_PG_TIMESTAMPTZ,
    [DOMAIN_STORE_BOOL] = MR_PG_BOOL,           [DOMAIN_STORE_FLOAT8] = MR_PG_FLOAT8,
    [DOMAIN_STORE_JSONB] = MR_PG_TEXT,          [DOMAIN_STORE_BYTEA] = MR_PG_BYTEA,
    [DOMAIN_STORE_TIME_US] = MR_PG_TIMESTAMPTZ,
};

static void push_value(struct runtime_store *s, struct mr_pg_array *a, enum domain_store_type type,
                       const struct domain_store_value *v)
{
    if (v->is_null) {
        mr_pg_array_null(a);
        return;
    }
    switch (type) {
    case DOMAIN_STORE_UUID:
        mr_pg_array_uuid(a, (const struct mr_uuid *)v->bytes.data);
        break;
    case DOMAIN_STORE_TEXT: /* borrowed until the statement is queued: images may be reused */
    case DOMAIN_STORE_JSONB:
        mr_pg_array_text(a, mr_arena_slice(&s->arena, v->bytes));
        break;
    case DOMAIN_STORE_BYTEA:
        mr_pg_array_bytea(a, mr_arena_slice(&s->arena, v->bytes));
        break;
    case DOMAIN_STORE_INT4:
        mr_pg_array_int4(a, (int32_t)v->number);
        break;
    case DOMAIN_STORE_INT8:
        mr_pg_array_int8(a, v->number);
        break;
    case DOMAIN_STORE_DATE:
        mr_pg_array_day(a, (int32_t)v->number);
        break;
    case DOMAIN_STORE_TIME:
        mr_pg_array_time(a, v->number);
        break;
    case DOMAIN_STORE_TIME_US:
        mr_pg_array_time_us(a, v->number);
        break;
    case DOMAIN_STORE_BOOL:
        mr_pg_array_bool(a, v->number != 0);
        break;
    case DOMAIN_STORE_FLOAT8:
        mr_pg_array_float8(a, v->real);
        break;
    }
}

/* A table's arrays: the leading ones, then the columns (of an update: those that may change). */
struct table {
    struct mr_pg_array lead[4];
    int lead_count;
    struct mr_pg_array column[DOMAIN_STORE_COLUMNS_MAX];
    bool used[DOMAIN_STORE_COLUMNS_MAX];
    const struct domain_store_column *columns;
    int32_t column_count;
};

static void table_init(struct runtime_store *s, struct table *t, uint32_t rows, bool update)
{
    for (int i = 0; i < t->lead_count; i++)
        mr_pg_array_init(&t->lead[i], &s->arena, t->lead[i].type, rows);
    for (int32_t i = 0; i < t->column_count; i++) {
        t->used[i] = !update || !t->columns[i].fixed;
        mr_pg_array_init(&t->column[i], &s->arena, pg_type[t->columns[i].type], rows);
    }
}

static void table_push(struct runtime_store *s, struct table *t,
                       const struct domain_store_value *values)
{
    for (int32_t i = 0; i < t->column_count; i++)
        if (t->used[i])
            push_value(s, &t->column[i], t->columns[i].type, &values[i]);
}

static void table_write(struct runtime_store *s, struct table *t, const struct mr_pg_stmt *stmt,
                        int64_t rows)
{
    struct mr_pg_params p;
    mr_pg_params_init(&p, &s->arena);
    for (int i = 0; i < t->lead_count; i++)
        mr_pg_param_array(&p, &t->lead[i]);
    for (int32_t i = 0; i < t->column_count; i++)
        if (t->used[i])
            mr_pg_param_array(&p, &t->column[i]);
    store_query(s, stmt, &p, (struct store_call){.want = rows});
}

static void save_entities(struct runtime_store *s, const struct engine_save *save, int32_t kind,
                          bool is_new)
{
    const struct domain_store_kind *k = s->settings.domain->kinds[kind];
    struct table t = {.lead_count = 3, .columns = k->columns, .column_count = k->column_count};
    uint32_t n = 0;
    for (size_t i = 0; i < save->entity_count; i++)
        n += save->entities[i].entity.key.kind == kind && save->entities[i].is_new == is_new;
    if (n == 0)
        return;
    assert(is_new || k->update);
    t.lead[0].type = t.lead[1].type = MR_PG_UUID;
    t.lead[2].type = MR_PG_INT8;
    table_init(s, &t, n, !is_new);
    for (size_t i = 0; i < save->entity_count; i++) {
        const struct engine_entity *e = &save->entities[i].entity;
        struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
        if (e->key.kind != kind || save->entities[i].is_new != is_new)
            continue;
        mr_pg_array_uuid(&t.lead[0], &e->key.account);
        mr_pg_array_uuid(&t.lead[1], &e->key.id);
        mr_pg_array_int8(&t.lead[2], e->version);
        if (k->write_in)
            k->write_in(e, &s->arena, values);
        else
            k->write(e, values);
        table_push(s, &t, values);
    }
    table_write(s, &t, is_new ? &s->statements[kind].insert : &s->statements[kind].update, n);
}

static void save_rows(struct runtime_store *s, const struct engine_save *save, int32_t kind)
{
    const struct domain_store_rows *k = s->settings.domain->rows[kind];
    if (k->copy)
        return; /* copied already */
    struct table t = {.lead_count = 4, .columns = k->columns, .column_count = k->column_count};
    uint32_t n = 0;
    for (size_t i = 0; i < save->row_count; i++)
        n += save->rows[i].row_kind == kind;
    if (n == 0)
        return;
    t.lead[0].type = t.lead[1].type = MR_PG_UUID;
    t.lead[2].type = MR_PG_INT4;
    t.lead[3].type = MR_PG_TIMESTAMPTZ;
    table_init(s, &t, n, false);
    for (size_t i = 0; i < save->row_count; i++) {
        const struct engine_row_write *r = &save->rows[i];
        struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
        if (r->row_kind != kind)
            continue;
        mr_pg_array_uuid(&t.lead[0], &r->command->ce.account);
        mr_pg_array_uuid(&t.lead[1], &r->command->ce.id);
        mr_pg_array_int4(&t.lead[2], r->index);
        mr_pg_array_time(&t.lead[3], r->command->record.in.append_time_ms);
        k->write(r, values);
        table_push(s, &t, values);
    }
    table_write(s, &t, &s->row_statements[kind], n);
}

void store_save_domain(struct runtime_store *s, const struct engine_save *save)
{
    const struct engine_domain *d = s->settings.domain->domain;
    for (int32_t kind = 0; kind < d->kind_count; kind++) {
        save_entities(s, save, kind, true);
        save_entities(s, save, kind, false);
    }
    for (int32_t kind = 0; kind < d->row_kind_count; kind++)
        save_rows(s, save, kind);
}
