#include "loader_rows.h"

#include "mr_arena.h"
#include "mr_cloudevent.h"
#include "mr_json.h"
#include "mr_lane.h"
#include "mr_record.h"
#include "mr_warehouse.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)256 << 20) /* of one event's rows: far above a topic's record */

struct loader_rows {
    struct loader_rows_settings settings;
    struct mr_arena arena;       /* of the record at hand */
    struct mr_buf texts, packed; /* the same */
    struct mr_warehouse_rows made;
    size_t *lens; /* of the made rows' texts */
};

struct loader_rows *loader_rows_new(const struct loader_rows_settings *settings)
{
    struct loader_rows *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->settings = *settings;
    mr_arena_init(&l->arena, ARENA_BYTES_MAX);
    mr_buf_init(&l->texts, 0);
    mr_buf_init(&l->packed, 0);
    return l;
}

void loader_rows_free(struct loader_rows *l)
{
    if (!l)
        return;
    mr_arena_free(&l->arena);
    mr_buf_free(&l->texts);
    mr_buf_free(&l->packed);
    free(l);
}

/* ---- COPY's text format ---- */

static const char *escape_of(char c)
{
    switch (c) {
    case '\\':
        return "\\\\";
    case '\t':
        return "\\t";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    default:
        return NULL;
    }
}

static void add_cell(struct mr_buf *out, struct mr_slice cell)
{
    size_t from = 0;
    if (!cell.data) {
        mr_buf_text(out, "\\N");
        return;
    }
    for (size_t i = 0; i < cell.len; i++) {
        const char *escape = escape_of(cell.data[i]);
        if (!escape)
            continue;
        mr_buf_add(out, cell.data + from, i - from);
        mr_buf_text(out, escape);
        from = i + 1;
    }
    mr_buf_add(out, cell.data + from, cell.len - from);
}

static void add_lines(struct loader_rows *l)
{
    for (size_t i = 0; i < l->made.count; i++) {
        const struct mr_warehouse_row *row = &l->made.rows[i];
        size_t begin = l->texts.len;
        for (size_t k = 0; k < row->table->column_count; k++) {
            if (k > 0)
                mr_buf_char(&l->texts, '\t');
            add_cell(&l->texts, row->cells[k]);
        }
        mr_buf_char(&l->texts, '\n');
        l->lens[i] = l->texts.len - begin;
    }
}

/* ---- what a record is ---- */

/* Of the record at hand: what the engine is to be told. */
struct verdict {
    enum engine_load_class class;
    int64_t sequence, time_ms;
    struct loader_fact fact;
    struct mr_error cause;
};

static void bad(struct verdict *v, const char *cause)
{
    v->class = ENGINE_LOAD_BAD;
    mr_fail(&v->cause, MR_INVALID, "%s", cause);
}

static const char *stopped_because(const struct loader_rows *l, const struct mr_catalog_feed *feeds,
                                   size_t feed_count)
{
    for (size_t i = 0; l->settings.stopped && i < feed_count; i++) {
        const char *why = l->settings.stopped[feeds[i].table->index];
        if (why)
            return why;
    }
    return NULL;
}

static void make_rows(struct loader_rows *l, const struct mr_warehouse_event *what,
                      struct verdict *v)
{
    if (mr_warehouse_rows_of(what, &l->arena, &l->made, &v->cause) != MR_OK) {
        v->class = ENGINE_LOAD_BAD;
        return;
    }
    l->lens = mr_arena_array(&l->arena, l->made.count, sizeof *l->lens);
    if (!l->lens) {
        l->made.count = 0;
        bad(v, "no room for the rows of an event");
        return;
    }
    v->class = ENGINE_LOAD_ROWS;
    add_lines(l);
}

static void judge_event(struct loader_rows *l, const struct mr_kafka_record *r, struct verdict *v)
{
    struct mr_ce_event ce;
    const char *cause;
    json_t *body;
    *v = (struct verdict){.class = ENGINE_LOAD_BAD, .sequence = -1};
    if (mr_ce_event_read(&r->headers, mr_slice_text(l->settings.domain), r->lane, &ce, &cause) !=
        MR_OK) {
        bad(v, cause);
        return;
    }
    v->sequence = ce.sequence;
    v->time_ms = ce.time_ms;
    const struct mr_catalog_event *event = mr_catalog_event_of(l->settings.catalog, ce.type);
    const char *stopped = event ? stopped_because(l, event->feeds, event->feed_count) : NULL;
    if (!event)
        mr_fail(&v->cause, MR_INVALID, "the type %.*s is not known", MR_SLICE_FMT(ce.type));
    else if (event->feed_count == 0)
        v->class = ENGINE_LOAD_SKIPPED;
    else if (stopped)
        bad(v, stopped);
    else if (!r->value.data)
        bad(v, "there is no value");
    else if (mr_json_parse(r->value, &body, &v->cause) == MR_OK) {
        make_rows(l,
                  &(struct mr_warehouse_event){
                      .feeds = event->feeds,
                      .feed_count = event->feed_count,
                      .body = body,
                      .account = ce.account,
                      .command = ce.causation,
                      .domain = ce.domain,
                      .type = ce.type,
                      .sequence = ce.sequence,
                      .time_ms = ce.time_ms,
                      .lane = ce.lane,
                  },
                  v);
        json_decref(body); /* the rows' texts are copied */
    }
}

/* ---- facts ---- */

static bool is_of_its_lane(const struct loader_rows *l, const struct mr_kafka_record *r,
                           const struct mr_catalog_command *command, const struct mr_ce_command *ce,
                           const json_t *body)
{
    return r->key.data && mr_lane_of(r->key, l->settings.lanes) == r->lane &&
           mr_catalog_key_fits(command, &ce->account, &ce->id, body, r->key);
}

static void judge_fact(struct loader_rows *l, const struct mr_kafka_record *r,
                       const struct mr_catalog_command *command, const struct mr_ce_command *ce,
                       struct verdict *v)
{
    const char *stopped = stopped_because(l, command->feeds, command->feed_count);
    struct mr_schema_errors errors;
    struct mr_error why;
    json_t *body;
    if (!r->value.data || mr_json_parse(r->value, &body, &why) != MR_OK)
        return; /* the worker has it in quarantine */
    mr_schema_errors_init(&errors, &l->arena);
    if (mr_schema_check(command->schema, body, &errors) == MR_OK &&
        is_of_its_lane(l, r, command, ce, body)) {
        v->fact = (struct loader_fact){.is_fact = true, .account = ce->account, .id = ce->id};
        if (stopped)
            bad(v, stopped);
        else
            make_rows(l,
                      &(struct mr_warehouse_event){
                          .feeds = command->feeds,
                          .feed_count = command->feed_count,
                          .body = body,
                          .account = ce->account,
                          .command = ce->id,
                          .domain = ce->domain,
                          .type = ce->type,
                          .sequence = r->position,
                          .time_ms = r->append_ms,
                          .lane = r->lane,
                      },
                      v);
    }
    json_decref(body);
}

static void judge_command(struct loader_rows *l, const struct mr_kafka_record *r, struct verdict *v)
{
    struct mr_ce_command ce;
    const char *cause;
    *v = (struct verdict){
        .class = ENGINE_LOAD_SKIPPED, .sequence = r->position, .time_ms = r->append_ms};
    if (mr_ce_command_read(&r->headers, mr_slice_text(l->settings.domain), &ce, &cause) != MR_OK ||
        ce.tick_lane >= 0)
        return;
    const struct mr_catalog_command *command = mr_catalog_command_of(l->settings.catalog, ce.type);
    if (!command) { /* perhaps a fact of a later release */
        v->class = ENGINE_LOAD_BAD;
        mr_fail(&v->cause, MR_INVALID, "the type %.*s is not known", MR_SLICE_FMT(ce.type));
    } else if (command->record == MR_RECORD_NONE && command->feed_count > 0) {
        judge_fact(l, r, command, &ce, v);
    }
}

/* ---- the engine's record ---- */

static void pack(struct loader_rows *l, const struct mr_kafka_record *r)
{
    struct mr_record record = {
        .position = r->position,
        .append_time_ms = r->append_ms,
        .key = r->key,
        .value = r->value,
        .headers = r->headers,
    };
    enum mr_status s = mr_record_pack(&record, &l->packed);
    assert(s == MR_OK); /* a part of 4 GiB: no topic holds one */
}

static char *put(char *at, struct mr_slice from)
{
    memcpy(at, from.data, from.len);
    return at + from.len;
}

static struct loader_record *keep(const struct loader_rows *l)
{
    size_t count = l->made.count;
    size_t bytes = sizeof(struct loader_record) + count * sizeof(struct loader_line) +
                   l->texts.len + l->packed.len;
    struct loader_record *r = malloc(bytes);
    if (!r)
        abort();
    struct loader_line *lines = (struct loader_line *)(r + 1);
    char *at = (char *)(lines + count);
    *r = (struct loader_record){.line_count = count, .lines = lines};
    struct mr_slice texts = mr_buf_all(&l->texts);
    for (size_t i = 0, from = 0; i < count; from += l->lens[i++])
        lines[i] = (struct loader_line){.table = l->made.rows[i].table->index,
                                        .text = mr_slice(at + from, l->lens[i])};
    at = put(at, texts);
    if (l->packed.len > 0)
        r->packed = mr_slice(at, l->packed.len);
    put(at, mr_buf_all(&l->packed));
    r->base = (struct engine_load_record){.rows = r, .row_count = count, .bytes = bytes};
    return r;
}

struct engine_load_record *loader_rows_take(struct loader_rows *l,
                                            const struct mr_kafka_record *record)
{
    struct verdict v;
    mr_arena_reset(&l->arena);
    mr_buf_reset(&l->texts);
    mr_buf_reset(&l->packed);
    l->made = (struct mr_warehouse_rows){0};
    if (l->settings.facts)
        judge_command(l, record, &v);
    else
        judge_event(l, record, &v);
    if (v.class != ENGINE_LOAD_SKIPPED)
        pack(l, record);
    struct loader_record *r = keep(l);
    r->time_ms = v.time_ms;
    r->fact = v.fact;
    r->base.lane = record->lane;
    r->base.offset = record->position;
    r->base.sequence = v.sequence;
    r->base.class = v.class;
    if (v.class == ENGINE_LOAD_BAD)
        snprintf(r->base.cause, sizeof r->base.cause, "%.*s", (int)sizeof r->base.cause - 1,
                 v.cause.text);
    return &r->base;
}

void loader_record_free(struct engine_load_record *record)
{
    free(record->rows);
}
