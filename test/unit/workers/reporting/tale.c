#include "tale.h"

#include "engine_command.h"
#include "mr_time.h"
#include "tale_schema.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)512 << 20)
#define EVENT_BYTES_MAX (512u << 10)

/* ---- a store in memory -------------------------------------------------------------------------
 */

struct tale_kept {
    struct engine_entity entity;
    struct tale_kept *next;
};

static struct tale_kept *kept_of(struct tale *t, const struct engine_key *key)
{
    struct tale_kept *k = t->kept;
    while (k && memcmp(&k->entity.key, key, sizeof *key) != 0)
        k = k->next;
    return k;
}

static int64_t due_of(const struct engine_entity *e)
{
    switch (e->key.kind) {
    case REPORTING_MINUTE:
        return ((const struct reporting_row *)e->bytes)->due_ms;
    case REPORTING_SERIES:
        return ((const struct reporting_series *)e->bytes)->due_ms;
    case REPORTING_SESSION:
        return ((const struct reporting_session *)e->bytes)->due_ms;
    case REPORTING_HISTORY:
        return ((const struct reporting_history *)e->bytes)->due_ms;
    default:
        return 0;
    }
}

static void memory_due(struct tale *t, const struct engine_due *due, struct engine_loaded *loaded)
{
    struct engine_entity *entities = (struct engine_entity *)loaded->entities;
    struct engine_due_entity *dues = (struct engine_due_entity *)loaded->due;
    for (struct tale_kept *k = t->kept; k; k = k->next) {
        int64_t due_ms = due_of(&k->entity);
        if (k->entity.key.kind != due->kind || due_ms == 0 || due_ms > due->time_ms)
            continue;
        entities[loaded->entity_count++] = k->entity;
        dues[loaded->due_count++] = (struct engine_due_entity){due->lane, k->entity.key};
    }
}

static void memory_load(void *ctx, const struct engine_load *load, struct engine_loaded *loaded)
{
    struct tale *t = ctx;
    size_t count = load->key_count;
    for (struct tale_kept *k = t->kept; k; k = k->next)
        count++;
    *loaded = (struct engine_loaded){
        .entities = mr_arena_array(&t->arena, count, sizeof(struct engine_entity)),
        .due = mr_arena_array(&t->arena, count, sizeof(struct engine_due_entity)),
    };
    for (size_t i = 0; i < load->key_count; i++) {
        struct tale_kept *k = kept_of(t, &load->keys[i]);
        if (k)
            ((struct engine_entity *)loaded->entities)[loaded->entity_count++] = k->entity;
    }
    for (size_t i = 0; i < load->due_count; i++)
        memory_due(t, &load->due[i], loaded);
}

static void memory_save(void *ctx, const struct engine_save *save)
{
    struct tale *t = ctx;
    for (size_t i = 0; i < save->entity_count; i++) {
        const struct engine_entity_write *write = &save->entities[i];
        struct tale_kept *k = kept_of(t, &write->entity.key);
        cr_assert_eq(write->is_new, !k, "an entity is new exactly when none was kept");
        if (!k) {
            k = mr_arena_alloc(&t->arena, sizeof *k);
            k->next = t->kept;
            t->kept = k;
        }
        k->entity = write->entity;
        k->entity.bytes = mr_arena_dup(&t->arena, write->entity.bytes, write->entity.bytes_len);
    }
}

/* ---- telling -----------------------------------------------------------------------------------
 */

int64_t tale_ms(const char *time)
{
    int64_t ms;
    cr_assert_eq(mr_time_parse(mr_slice_text(time), &ms), MR_OK, "%s", time);
    return ms;
}

void tale_at(struct tale *t, const char *time)
{
    t->time_ms = tale_ms(time);
}

struct tale *tale_begin(const struct tale_store *store, const char *time)
{
    struct tale *t = calloc(1, sizeof *t);
    cr_assert_not_null(t);
    t->account = (struct mr_uuid){.bytes = {[0] = 0xac, [6] = 0x70, [8] = 0x80, [15] = 1}};
    t->sheet = engine_sheet_new(&reporting_domain, ARENA_BYTES_MAX, EVENT_BYTES_MAX);
    t->told = json_array();
    t->bodies = json_array();
    mr_arena_init(&t->arena, ARENA_BYTES_MAX);
    t->store = store ? *store : (struct tale_store){t, memory_load, memory_save};
    tale_at(t, time);
    return t;
}

void tale_end(struct tale *t)
{
    engine_sheet_free(t->sheet);
    mr_arena_free(&t->arena);
    json_decref(t->told);
    json_decref(t->bodies);
    free(t);
}

static struct engine_command *command_of(struct tale *t, bool is_tick)
{
    struct engine_command *command = mr_arena_alloc(&t->arena, sizeof *command);
    command->ce = (struct mr_ce_command){
        .id = {.bytes = {[0] = 1,
                         [6] = 0x70,
                         [8] = 0x80,
                         [14] = (uint8_t)(t->commands >> 8),
                         [15] = (uint8_t)t->commands}},
        .tick_lane = is_tick ? TALE_LANE : -1,
        .time_ms = t->time_ms,
        .domain = mr_slice_text("reporting"),
        .principal = mr_slice_text("tale"),
        .type = mr_slice_text(is_tick ? "reporting.tick" : "reporting.sample"),
    };
    if (!is_tick)
        command->ce.account = t->account;
    command->record.lane = TALE_LANE;
    command->record.in.append_time_ms = t->time_ms;
    t->commands++;
    return command;
}

static void put(struct tale *t, const struct engine_loaded *loaded)
{
    for (size_t i = 0; i < loaded->entity_count; i++) {
        const struct engine_entity *e = &loaded->entities[i];
        bool is_due = false;
        for (size_t j = 0; j < loaded->due_count; j++)
            is_due = is_due || memcmp(&loaded->due[j].key, &e->key, sizeof e->key) == 0;
        if (!is_due)
            cr_assert_eq(engine_sheet_put(t->sheet, e), MR_OK);
    }
    for (size_t i = 0; i < loaded->due_count; i++)
        for (size_t j = 0; j < loaded->entity_count; j++)
            if (memcmp(&loaded->due[i].key, &loaded->entities[j].key, sizeof(struct engine_key)) ==
                0)
                cr_assert_eq(engine_sheet_put_due(t->sheet, TALE_LANE, &loaded->entities[j]),
                             MR_OK);
}

/* What lies behind `before` of the sheet's keys, and what is due. */
static void load_from(struct tale *t, size_t before, bool with_due)
{
    size_t count, due_count = 0;
    const struct engine_key *keys = engine_sheet_keys(t->sheet, &count);
    struct engine_loaded loaded = {0};
    struct engine_load load = {.keys = keys + before, .key_count = count - before};
    if (with_due)
        load.due = engine_sheet_due(t->sheet, &due_count);
    load.due_count = due_count;
    t->store.load(t->store.ctx, &load, &loaded);
    put(t, &loaded);
}

static void note_events(struct tale *t, size_t before)
{
    size_t count;
    const struct engine_event *events = engine_sheet_events(t->sheet, &count);
    json_array_clear(t->told);
    for (size_t i = before; i < count; i++) {
        char subject[MR_UUID_TEXT + 1], account[MR_UUID_TEXT + 1];
        json_t *data = json_loadb(events[i].data.data, events[i].data.len, 0, NULL);
        cr_assert(data);
        json_array_append_new(t->told,
                              json_pack("{s:s%, s:s, s:I, s:s, s:o}", "type", events[i].type.data,
                                        events[i].type.len, "subject",
                                        mr_uuid_text(&events[i].subject, subject), "version",
                                        (json_int_t)events[i].subject_version, "account",
                                        mr_uuid_text(&events[i].account, account), "data", data));
    }
}

static void decide(struct tale *t, json_t *body)
{
    const struct engine_command *command = command_of(t, !body);
    struct engine_input input = {.ce = &command->ce, .time_ms = t->time_ms, .lane = TALE_LANE};
    size_t known, events;
    engine_sheet_keys(t->sheet, &known);
    cr_assert(reporting_domain.knows(body ? "reporting.sample" : "reporting.tick"));
    cr_assert_eq(reporting_domain.read(&command->ce, body, &t->arena, &input.body), MR_OK);
    cr_assert_eq(engine_sheet_want(t->sheet, &input), MR_OK);
    load_from(t, known, !body);
    if (!body) {
        engine_sheet_keys(t->sheet, &known);
        cr_assert_eq(engine_sheet_want_after(t->sheet, &input), MR_OK);
        load_from(t, known, false);
    }
    engine_sheet_events(t->sheet, &events);
    engine_sheet_rows(t->sheet, &t->rows_before);
    t->verdict = engine_sheet_decide(t->sheet, command, &input, mr_slice_text("key"), &t->refusal);
    cr_assert_neq(t->verdict, ENGINE_DECIDED_FULL);
    note_events(t, events);
}

static json_t *body_of(struct tale *t, const char *format, va_list ap)
{
    json_error_t error;
    json_t *body = json_vpack_ex(&error, 0, format, ap);
    cr_assert(body, "%s", error.text);
    json_array_append_new(t->bodies, body);
    tale_schema_check("reporting.sample", body);
    return body;
}

void tale_sample(struct tale *t, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    json_t *body = body_of(t, format, ap);
    va_end(ap);
    decide(t, body);
    cr_assert_eq(t->verdict, ENGINE_DECIDED_APPLIED, "it was refused: %s", t->refusal.detail);
    tale_told_count(t, 0);
}

void tale_refused(struct tale *t, const char *problem, const char *format, ...)
{
    size_t before, after;
    va_list ap;
    va_start(ap, format);
    json_t *body = body_of(t, format, ap);
    va_end(ap);
    engine_sheet_writes(t->sheet, &before);
    decide(t, body);
    engine_sheet_writes(t->sheet, &after);
    cr_assert_eq(t->verdict, ENGINE_DECIDED_REJECTED, "it was not refused");
    cr_assert_str_eq(t->refusal.problem, problem, "%s", t->refusal.detail);
    cr_assert_eq(before, after);
    tale_schema_refusal(problem);
    tale_told_count(t, 1);
    tale_told(t, 0, "reporting.command.rejected");
}

void tale_save(struct tale *t)
{
    struct engine_save save = {0};
    save.entities = engine_sheet_writes(t->sheet, &save.entity_count);
    save.rows = engine_sheet_rows(t->sheet, &save.row_count);
    t->store.save(t->store.ctx, &save);
    struct engine_row_write *rows = mr_arena_array(&t->arena, save.row_count, sizeof *rows);
    for (size_t i = 0; i < save.row_count; i++) {
        rows[i] = save.rows[i];
        rows[i].bytes = mr_arena_dup(&t->arena, rows[i].bytes, rows[i].bytes_len);
    }
    t->last = (struct engine_save){.rows = rows, .row_count = save.row_count};
    engine_sheet_reset(t->sheet);
}

void tale_tick(struct tale *t, const char *time)
{
    tale_save(t);
    tale_at(t, time);
    decide(t, NULL);
    cr_assert_eq(t->verdict, ENGINE_DECIDED_APPLIED);
    tale_save(t);
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

void tale_told_count(struct tale *t, size_t count)
{
    cr_assert_eq(json_array_size(t->told), count, "%zu events were told, not %zu",
                 json_array_size(t->told), count);
}

json_t *tale_told(struct tale *t, size_t i, const char *type)
{
    json_t *event = json_array_get(t->told, i), *data = json_object_get(event, "data");
    cr_assert(event, "%zu events were told", json_array_size(t->told));
    cr_assert_str_eq(json_string_value(json_object_get(event, "type")), type);
    tale_schema_check(type, data);
    return data;
}

double tale_number(struct tale *t, size_t i, const char *name)
{
    const json_t *value =
        json_object_get(json_object_get(json_array_get(t->told, i), "data"), name);
    cr_assert(value, "it says no %s", name);
    return json_is_null(value) ? (double)NAN : json_number_value(value);
}

const struct engine_entity *tale_entity(struct tale *t, enum reporting_kind kind,
                                        const struct mr_uuid *id)
{
    struct engine_key *key = mr_arena_alloc(&t->arena, sizeof *key);
    *key = (struct engine_key){.kind = (int32_t)kind, .account = t->account, .id = *id};
    struct engine_load load = {.keys = key, .key_count = 1};
    struct engine_loaded loaded = {0};
    tale_save(t);
    t->store.load(t->store.ctx, &load, &loaded);
    return loaded.entity_count == 1 ? &loaded.entities[0] : NULL;
}

const struct reporting_row *tale_row(struct tale *t, enum reporting_kind kind, const char *metric,
                                     const char *labels, const char *start)
{
    struct mr_uuid series =
        reporting_series_id(&t->account, mr_slice_text(metric), mr_slice_text(labels));
    struct mr_uuid id = reporting_row_id(&series, tale_ms(start));
    const struct engine_entity *entity = tale_entity(t, kind, &id);
    if (!entity)
        return NULL;
    cr_assert(reporting_row_sane(entity->bytes, entity->bytes_len));
    return entity->bytes;
}
