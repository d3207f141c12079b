#include "log_row.h"
#include "engine_sheet.h"
#include "logging_store.h"
#include "mr_json.h"
#include "mr_schema.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX (8u << 20)
#define EVENT_BYTES_MAX 1000

static json_t *json_of(const char *body)
{
    struct mr_error why;
    json_t *json;
    char *copy = strdup(body);
    for (char *p = strchr(body, '"') ? NULL : copy; p && *p; p++)
        *p = *p == '\'' ? '"' : *p;
    cr_assert_eq(mr_json_parse(mr_slice_text(copy), &json, &why), MR_OK, "%s: %s", copy, why.text);
    free(copy);
    return json;
}

static void set_add(struct mr_schema_set *set, const char *uri, const char *name)
{
    char path[512];
    struct mr_error why;
    snprintf(path, sizeof path, "%s/logging/%s.json", getenv("MILLRACE_SCHEMAS"), name);
    json_t *json = json_load_file(path, 0, NULL);
    cr_assert_not_null(json, "%s", path);
    cr_assert_eq(mr_schema_set_add(set, uri, name, json, &why), MR_OK, "%s", why.text);
    json_decref(json);
}

static bool is_line(const json_t *json)
{
    static const char *const annotations[] = {"x-command", "x-ingest", "x-warehouse", "x-columns"};
    struct mr_schema_set *set = mr_schema_set_new(annotations, 4);
    struct mr_error why;
    set_add(set, "logging.defs", "defs");
    set_add(set, "logging.line", "line");
    cr_assert_eq(mr_schema_set_compile(set, &why), MR_OK, "%s", why.text);
    bool good = mr_schema_check(mr_schema_set_find(set, "logging.line"), json, NULL) == MR_OK;
    mr_schema_set_free(set);
    return good;
}

bool log_row_is_line(const char *body)
{
    json_t *json = json_of(body);
    bool good = is_line(json);
    json_decref(json);
    return good;
}

void log_row_init(struct log_row *row, const char *body)
{
    log_row_init_at(row, LOG_ROW_RECEIVED_MS, body);
}

void log_row_init_at(struct log_row *row, int64_t received_ms, const char *body)
{
    const void *line;
    size_t count;
    struct engine_refusal refusal;
    *row = (struct log_row){.json = json_of(body)};
    cr_assert(is_line(row->json), "%s is no line", body);
    mr_arena_init(&row->arena, ARENA_BYTES_MAX);
    row->command.record.lane = 3;
    row->command.record.in.position = 77;
    row->command.record.in.append_time_ms = received_ms;
    row->command.ce.type = mr_slice_text("logging.line");
    row->command.ce.tick_lane = -1;
    cr_assert(logging_domain.knows("logging.line"));
    cr_assert_eq(logging_domain.read(&row->command.ce, row->json, &row->arena, &line), MR_OK);

    row->sheet = engine_sheet_new(&logging_domain, ARENA_BYTES_MAX, EVENT_BYTES_MAX);
    struct engine_input input = {
        .ce = &row->command.ce, .body = line, .time_ms = received_ms, .lane = 3};
    cr_assert_eq(engine_sheet_want(row->sheet, &input), MR_OK);
    cr_assert_eq(
        engine_sheet_decide(row->sheet, &row->command, &input, mr_slice_text("key"), &refusal),
        ENGINE_DECIDED_APPLIED);
    const struct engine_row_write *writes = engine_sheet_rows(row->sheet, &count);
    cr_assert_eq(count, 1);
    cr_assert_eq(writes->row_kind, LOGGING_LINE);
    engine_sheet_events(row->sheet, &count);
    cr_assert_eq(count, 0); /* a fact is told by its record, not by an event */
    row->line = writes->bytes;
    logging_store.rows[LOGGING_LINE]->write(writes, row->values);
}

void log_row_free(struct log_row *row)
{
    engine_sheet_free(row->sheet);
    mr_arena_free(&row->arena);
    json_decref(row->json);
}

const struct domain_store_value *log_row_value(const struct log_row *row, const char *column)
{
    const struct domain_store_rows *rows = logging_store.rows[LOGGING_LINE];
    for (int32_t i = 0; i < rows->column_count; i++)
        if (strcmp(rows->columns[i].name, column) == 0)
            return &row->values[i];
    cr_assert_fail("no column %s", column);
    return NULL;
}
