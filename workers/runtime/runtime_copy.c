/* Rows that are written by COPY: before the rest of a batch, in its open transaction, since a
 * pipeline has no COPY. Rows are made as they are sent, a chunk at a time. */
#include "runtime_store_impl.h"

#include "engine_command.h"
#include "mr_pg_copybin.h"
#include "mr_time.h"
#include <assert.h>
#include <stdio.h>

#define CHUNK_BYTES ((size_t)256 << 10)
#define LEAD        6 /* account_id, id, day, received_at, lane, position */

static void write_value(struct mr_buf *buf, enum domain_store_type type,
                        const struct domain_store_value *v)
{
    if (v->is_null) {
        mr_pg_copybin_null(buf);
        return;
    }
    switch (type) {
    case DOMAIN_STORE_UUID:
        mr_pg_copybin_uuid(buf, (const struct mr_uuid *)v->bytes.data);
        break;
    case DOMAIN_STORE_TEXT:
    case DOMAIN_STORE_BYTEA:
        mr_pg_copybin_bytes(buf, v->bytes);
        break;
    case DOMAIN_STORE_JSONB:
        mr_pg_copybin_jsonb(buf, v->bytes);
        break;
    case DOMAIN_STORE_INT4:
        mr_pg_copybin_int4(buf, (int32_t)v->number);
        break;
    case DOMAIN_STORE_INT8:
        mr_pg_copybin_int8(buf, v->number);
        break;
    case DOMAIN_STORE_DATE:
        mr_pg_copybin_day(buf, (int32_t)v->number);
        break;
    case DOMAIN_STORE_TIME:
        mr_pg_copybin_time(buf, v->number);
        break;
    case DOMAIN_STORE_TIME_US:
        mr_pg_copybin_time_us(buf, v->number);
        break;
    case DOMAIN_STORE_BOOL:
        mr_pg_copybin_bool(buf, v->number != 0);
        break;
    case DOMAIN_STORE_FLOAT8:
        mr_pg_copybin_float8(buf, v->real);
        break;
    }
}

static void write_row(struct mr_buf *buf, const struct domain_store_rows *k,
                      const struct engine_row_write *row)
{
    const struct engine_command *cmd = row->command;
    struct domain_store_value values[DOMAIN_STORE_COLUMNS_MAX] = {0};
    mr_pg_copybin_row(buf, (uint16_t)(LEAD + k->column_count));
    mr_pg_copybin_uuid(buf, &cmd->ce.account);
    mr_pg_copybin_uuid(buf, &cmd->ce.id);
    mr_pg_copybin_day(buf, cmd->day);
    mr_pg_copybin_time(buf, cmd->record.in.append_time_ms);
    mr_pg_copybin_int4(buf, cmd->record.lane);
    mr_pg_copybin_int8(buf, cmd->record.in.position);
    k->write(row, values);
    for (int32_t i = 0; i < k->column_count; i++)
        write_value(buf, k->columns[i].type, &values[i]);
}

/* Header, rows and trailer: buffer after buffer, then the end. */
static enum mr_pg_pull pull(struct mr_slice *chunk, void *data)
{
    struct runtime_store *s = data;
    struct store_copy *c = &s->copy;
    const struct domain_store_rows *k = s->settings.domain->rows[c->kind];
    if (c->ended)
        return MR_PG_PULL_END;
    mr_buf_reset(&c->buf);
    if (c->given == 0)
        mr_pg_copybin_header(&c->buf);
    for (; c->at < s->saving.row_count && c->buf.len < CHUNK_BYTES; c->at++) {
        if (s->saving.rows[c->at].row_kind != c->kind)
            continue;
        write_row(&c->buf, k, &s->saving.rows[c->at]);
        c->given++;
    }
    if (c->at == s->saving.row_count) {
        mr_pg_copybin_trailer(&c->buf);
        c->ended = true;
    }
    if (!mr_buf_ok(&c->buf)) {
        store_refuse(s, "a value of the row fits no column");
        return MR_PG_PULL_FAIL;
    }
    *chunk = mr_buf_all(&c->buf);
    return MR_PG_PULL_MORE;
}

static void on_copied(struct mr_pg_result *result, void *data)
{
    struct runtime_store *s = data;
    s->outstanding--;
    if (store_is_as_wanted(s, result, s->copy.want)) {
        s->unsettled.rows_copied += (uint64_t)s->copy.want;
        store_save_on(s);
        mr_pg_sync(s->conn);
    }
    store_finish_if_answered(s);
}

static void start(struct runtime_store *s)
{
    struct store_copy *c = &s->copy;
    c->at = 0;
    c->given = 0;
    c->ended = false;
    if (mr_pg_copy_in(s->conn, s->copy_sql[c->kind], pull, on_copied, s) == MR_OK) {
        s->outstanding++;
        return;
    }
    store_fail(s, "the COPY could not be started");
}

bool store_copy_next(struct runtime_store *s)
{
    const struct domain_store *d = s->settings.domain;
    for (s->copy.kind++; s->copy.kind < d->domain->row_kind_count; s->copy.kind++) {
        if (!d->rows[s->copy.kind]->copy)
            continue;
        s->copy.want = 0;
        for (size_t i = 0; i < s->saving.row_count; i++) {
            const struct engine_row_write *row = &s->saving.rows[i];
            if (row->row_kind != s->copy.kind)
                continue;
            s->copy.want++;
            store_note_day(s, row->command->day);
            s->unsettled.facts_stored += row->command->keep == ENGINE_KEEP_FACT && row->index == 0;
        }
        if (s->copy.want == 0)
            continue;
        start(s);
        return true;
    }
    return false;
}
