#include "shop_store.h"

#include <stdio.h>
#include <string.h>

const char shop_schema[] =
    "CREATE SCHEMA shop;"
    "CREATE TABLE shop.counter (account_id uuid, id uuid, version int8 NOT NULL, lane int4, "
    "due timestamptz, total int8 CHECK (total >= 0), exact timestamptz, ratio float8, flag bool, "
    "day date, ref uuid, note text, doc jsonb, raw bytea, PRIMARY KEY (account_id, id));"
    "CREATE TABLE shop.shelf (account_id uuid, id uuid, version int8 NOT NULL, label text NOT "
    "NULL, "
    "PRIMARY KEY (account_id, id));"
    "CREATE TABLE shop.entry (account_id uuid, command_id uuid, index int4, at timestamptz, "
    "amount int8 CHECK (amount >= 0), exact timestamptz, text text, "
    "PRIMARY KEY (account_id, command_id, index));"
    "CREATE TABLE shop.line (day date NOT NULL, received_at timestamptz NOT NULL, "
    "account_id uuid NOT NULL, id uuid NOT NULL, lane int4 NOT NULL, position int8 NOT NULL, "
    "amount int8 CHECK (amount >= 0), exact timestamptz, text text, doc jsonb, "
    "PRIMARY KEY (id, account_id, day)) PARTITION BY RANGE (day);"
    "INSERT INTO millrace.day_table VALUES ('shop', 'line');";

/* ---- counter ---- */

static const struct domain_store_column counter_columns[] = {
    {"lane", DOMAIN_STORE_INT4, true},     {"due", DOMAIN_STORE_TIME, false},
    {"total", DOMAIN_STORE_INT8, false},   {"exact", DOMAIN_STORE_TIME_US, false},
    {"ratio", DOMAIN_STORE_FLOAT8, false}, {"flag", DOMAIN_STORE_BOOL, false},
    {"day", DOMAIN_STORE_DATE, false},     {"ref", DOMAIN_STORE_UUID, false},
    {"note", DOMAIN_STORE_TEXT, false},    {"doc", DOMAIN_STORE_JSONB, false},
    {"raw", DOMAIN_STORE_BYTEA, false},
};

static void counter_write(const struct engine_entity *entity, struct domain_store_value *v)
{
    const struct shop_counter *c = entity->bytes;
    v[0].number = c->lane;
    v[1].number = c->due_ms;
    v[1].is_null = c->due_ms == 0;
    v[2].number = c->total;
    v[3].number = c->exact_us;
    v[4].real = c->ratio;
    v[5].number = c->flag;
    v[6].number = c->day;
    v[7].bytes = mr_slice(c->ref.bytes, sizeof c->ref.bytes);
    v[8].bytes = mr_slice_text(c->note);
    v[8].is_null = !c->note[0];
    v[9].bytes = mr_slice_text(c->doc);
    v[9].is_null = !c->doc[0];
    v[10].bytes = mr_slice(c->raw, c->raw_len);
}

static enum mr_status counter_read(const struct domain_store_value *v, struct mr_arena *arena,
                                   struct engine_entity *entity, struct mr_error *why)
{
    struct shop_counter *c = mr_arena_alloc(arena, sizeof *c);
    if (!c)
        return MR_LIMIT;
    if (v[2].number == 666)
        return mr_fail(why, MR_INVALID, "a total of a later release");
    c->lane = (int32_t)v[0].number;
    c->due_ms = v[1].is_null ? 0 : v[1].number;
    c->total = v[2].number;
    c->exact_us = v[3].number;
    c->ratio = v[4].real;
    c->flag = v[5].number != 0;
    c->day = (int32_t)v[6].number;
    memcpy(c->ref.bytes, v[7].bytes.data, sizeof c->ref.bytes);
    snprintf(c->note, sizeof c->note, "%.*s", MR_SLICE_FMT(v[8].bytes));
    snprintf(c->doc, sizeof c->doc, "%.*s", MR_SLICE_FMT(v[9].bytes));
    c->raw_len = v[10].bytes.len;
    memcpy(c->raw, v[10].bytes.data, c->raw_len);
    entity->bytes = c;
    entity->bytes_len = sizeof *c;
    return MR_OK;
}

#define COUNTER_COLUMNS                                                                            \
    "c.account_id, c.id, c.version, c.lane, c.due, c.total, c.exact, c.ratio, c.flag, c.day, "     \
    "c.ref, c.note, c.doc, c.raw "

static const struct domain_store_kind counter = {
    .load = "SELECT " COUNTER_COLUMNS "FROM unnest($1::uuid[], $2::uuid[]) k(account_id, id) "
            "JOIN shop.counter c USING (account_id, id)",
    .insert = "INSERT INTO shop.counter SELECT account_id, id, version, lane, due, total, exact, "
              "ratio, flag, day, ref, note, doc::jsonb, raw FROM unnest($1::uuid[], $2::uuid[], "
              "$3::int8[], $4::int4[], $5::timestamptz[], $6::int8[], $7::timestamptz[], "
              "$8::float8[], $9::bool[], $10::date[], $11::uuid[], $12::text[], $13::text[], "
              "$14::bytea[]) r(account_id, id, version, lane, due, total, exact, ratio, flag, day, "
              "ref, note, doc, raw)",
    .update =
        "UPDATE shop.counter c SET version = r.version, due = r.due, total = r.total, "
        "exact = r.exact, ratio = r.ratio, flag = r.flag, day = r.day, ref = r.ref, "
        "note = r.note, doc = r.doc::jsonb, raw = r.raw FROM unnest($1::uuid[], $2::uuid[], "
        "$3::int8[], $4::timestamptz[], $5::int8[], $6::timestamptz[], $7::float8[], "
        "$8::bool[], $9::date[], $10::uuid[], $11::text[], $12::text[], $13::bytea[]) "
        "r(account_id, id, version, due, total, exact, ratio, flag, day, ref, note, doc, raw) "
        "WHERE c.account_id = r.account_id AND c.id = r.id AND c.version < r.version",
    .due = "SELECT d.lane, " COUNTER_COLUMNS
           "FROM unnest($1::int4[], $2::timestamptz[]) WITH ORDINALITY d(lane, time, n) "
           "CROSS JOIN LATERAL (SELECT * FROM shop.counter WHERE lane = d.lane AND due <= d.time "
           "ORDER BY due, id LIMIT 3) c ORDER BY d.n, c.due, c.id",
    .columns = counter_columns,
    .column_count = sizeof counter_columns / sizeof *counter_columns,
    .write = counter_write,
    .read = counter_read,
};

/* ---- shelf: its image is empty, its label is made of its key ---- */

static const struct domain_store_column shelf_columns[] = {{"label", DOMAIN_STORE_TEXT, true}};

static void shelf_write_in(const struct engine_entity *entity, struct mr_arena *arena,
                           struct domain_store_value *v)
{
    const char *label = mr_arena_printf(arena, "shelf %d", entity->key.id.bytes[15]);
    v[0].bytes = mr_slice_text(label);
    v[0].is_null = !label;
}

static enum mr_status shelf_read(const struct domain_store_value *v, struct mr_arena *arena,
                                 struct engine_entity *entity, struct mr_error *why)
{
    (void)v;
    (void)arena;
    (void)why;
    entity->bytes = "";
    return MR_OK;
}

static const struct domain_store_kind shelf = {
    .load = "SELECT s.account_id, s.id, s.version, s.label FROM unnest($1::uuid[], $2::uuid[]) "
            "k(account_id, id) JOIN shop.shelf s USING (account_id, id)",
    .insert = "INSERT INTO shop.shelf SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[], "
              "$4::text[]) r",
    .columns = shelf_columns,
    .column_count = 1,
    .write_in = shelf_write_in,
    .read = shelf_read,
};

/* ---- rows ---- */

static const struct domain_store_column row_columns[] = {
    {"amount", DOMAIN_STORE_INT8, true},
    {"exact", DOMAIN_STORE_TIME_US, true},
    {"text", DOMAIN_STORE_TEXT, true},
    {"doc", DOMAIN_STORE_JSONB, true},
};

static void row_write(const struct engine_row_write *row, struct domain_store_value *v)
{
    const struct shop_row *r = row->bytes;
    v[0].number = r->amount;
    v[1].number = r->exact_us;
    v[2].bytes = mr_slice_text(r->text);
    v[2].is_null = !r->text;
    if (row->row_kind == SHOP_LINE)
        v[3].bytes = mr_slice_text("{\"a\": 1}");
}

static const struct domain_store_rows entry = {
    .insert = "INSERT INTO shop.entry SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int4[], "
              "$4::timestamptz[], $5::int8[], $6::timestamptz[], $7::text[]) r",
    .columns = row_columns,
    .column_count = 3,
    .write = row_write,
};

static const struct domain_store_rows line = {
    .copy =
        "shop.line (account_id, id, day, received_at, lane, position, amount, exact, text, doc)",
    .columns = row_columns,
    .column_count = 4,
    .write = row_write,
};

/* ---- the domain ---- */

static const struct engine_kind kind_names[] = {{"counter", false}, {"shelf", false}};
static const char *const row_names[] = {"entry", "line"};
static const struct engine_domain domain = {
    .name = "shop",
    .kinds = kind_names,
    .kind_count = 2,
    .row_kinds = row_names,
    .row_kind_count = 2,
};
static const struct domain_store_kind *const kinds[] = {&counter, &shelf};
static const struct domain_store_rows *const rows[] = {&entry, &line};
static const struct domain_store_pruned pruned = {"shop", "line", "LOG_RETENTION_DAYS"};

const struct domain_store shop_store = {
    .domain = &domain,
    .kinds = kinds,
    .rows = rows,
    .known_facts = "SELECT l.account_id, l.id, l.day FROM unnest($1::uuid[], $2::uuid[], "
                   "$3::date[], $4::date[]) k(account_id, id, first, last) CROSS JOIN LATERAL "
                   "(SELECT account_id, id, day FROM shop.line WHERE id = k.id AND day BETWEEN "
                   "k.first AND k.last AND day BETWEEN $5::date AND $6::date OFFSET 0) l "
                   "WHERE l.account_id = k.account_id",
    .pruned = &pruned,
};
