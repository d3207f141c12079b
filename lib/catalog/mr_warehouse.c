/* From an event's JSON to its rows, and to the sums of its totals. */
#include "mr_warehouse.h"

#include "mr_time.h"
#include "mr_warehouse_cell.h"
#include <assert.h>

/* ---- rows --------------------------------------------------------------------------------------
 */

/* How many rows a feed gives; *list is the array that `each` names. MR_INVALID when it names
 * something else. */
static enum mr_status count_rows(const struct mr_warehouse_filling *f,
                                 const struct mr_catalog_feed *feed, const json_t **list,
                                 size_t *count)
{
    *list = NULL;
    *count = 1;
    if (!feed->has_each)
        return MR_OK;
    *list = mr_pointer_find(&feed->each, f->event->body);
    *count = 0;
    if (!*list || json_is_null(*list))
        return MR_OK;
    if (!json_is_array(*list))
        return mr_fail(f->why, MR_INVALID, "table %s of %.*s: what gives its rows is no list",
                       feed->table->name, MR_SLICE_FMT(f->event->type));
    *count = json_array_size(*list);
    return MR_OK;
}

static const json_t *value_of(const struct mr_warehouse_filling *f,
                              const struct mr_catalog_cell *cell, const json_t *element)
{
    return mr_pointer_find(&cell->pointer, cell->from_body ? f->event->body : element);
}

static enum mr_status fixed_cells(const struct mr_warehouse_filling *f, int64_t row,
                                  struct mr_slice *cells)
{
    const struct mr_warehouse_event *e = f->event;
    char id[MR_UUID_TEXT + 1], time[MR_TIME_TEXT + 1];
    cells[MR_FIXED_DOMAIN] = e->domain;
    cells[MR_FIXED_EVENT_TYPE] = e->type;
    enum mr_status s = mr_warehouse_keep(f, mr_uuid_text(&e->account, id), MR_UUID_TEXT,
                                         &cells[MR_FIXED_ACCOUNT_ID]);
    if (s == MR_OK)
        s = mr_warehouse_keep(f, mr_uuid_text(&e->command, id), MR_UUID_TEXT,
                              &cells[MR_FIXED_COMMAND_ID]);
    if (s == MR_OK)
        s = mr_warehouse_keep(f, mr_time_text(e->time_ms, time), MR_TIME_TEXT,
                              &cells[MR_FIXED_EVENT_TIME]);
    if (s == MR_OK)
        s = mr_warehouse_keep_integer(f, e->lane, &cells[MR_FIXED_LANE]);
    if (s == MR_OK)
        s = mr_warehouse_keep_integer(f, e->sequence, &cells[MR_FIXED_SEQUENCE]);
    return s == MR_OK ? mr_warehouse_keep_integer(f, row, &cells[MR_FIXED_ROW]) : s;
}

static enum mr_status fill_row(const struct mr_warehouse_filling *f,
                               const struct mr_catalog_feed *feed, const json_t *element,
                               int64_t number, struct mr_warehouse_row *row)
{
    const struct mr_catalog_table *table = feed->table;
    struct mr_slice *cells = mr_arena_array(f->arena, table->column_count, sizeof *cells);
    if (!cells)
        return mr_fail(f->why, MR_LIMIT, "no room for the rows of an event");
    row->table = table;
    row->cells = cells;
    enum mr_status s = fixed_cells(f, number, cells);
    for (size_t i = 0; i < feed->cell_count && s == MR_OK; i++) {
        const struct mr_catalog_cell *cell = &feed->cells[i];
        s = mr_warehouse_cell(f, &table->columns[cell->column], value_of(f, cell, element),
                              &cells[cell->column]);
    }
    return s;
}

/* The rows of one event in one table are numbered on, whichever feed they come from. */
static int64_t next_number(const struct mr_warehouse_rows *rows,
                           const struct mr_catalog_table *table)
{
    int64_t n = 0;
    for (size_t i = 0; i < rows->count; i++)
        n += rows->rows[i].table == table;
    return n;
}

enum mr_status mr_warehouse_rows_of(const struct mr_warehouse_event *event, struct mr_arena *arena,
                                    struct mr_warehouse_rows *out, struct mr_error *why)
{
    const struct mr_warehouse_filling f = {.event = event, .arena = arena, .why = why};
    struct mr_warehouse_rows rows = {0};
    const json_t *list;
    size_t total = 0, count;
    for (size_t i = 0; i < event->feed_count; i++) {
        enum mr_status s = count_rows(&f, &event->feeds[i], &list, &count);
        if (s != MR_OK)
            return s;
        total += count;
    }
    rows.rows = mr_arena_array(arena, total, sizeof *rows.rows);
    if (!rows.rows)
        return mr_fail(why, MR_LIMIT, "no room for the rows of an event");
    for (size_t i = 0; i < event->feed_count; i++) {
        const struct mr_catalog_feed *feed = &event->feeds[i];
        int64_t number = next_number(&rows, feed->table);
        enum mr_status s = count_rows(&f, feed, &list, &count);
        for (size_t k = 0; k < count && s == MR_OK; k++) {
            const json_t *element = list ? json_array_get(list, k) : event->body;
            s = fill_row(&f, feed, element, number++, &rows.rows[rows.count++]);
        }
        if (s != MR_OK)
            return s;
    }
    *out = rows;
    return MR_OK;
}

/* ---- totals ------------------------------------------------------------------------------------
 */

static int64_t *sum_of(const struct mr_catalog *c, const struct mr_catalog_table *table,
                       size_t column, int64_t *sums)
{
    for (size_t i = 0; i < c->total_count; i++) {
        if (c->totals[i].table == table && c->totals[i].column == column)
            return &sums[i];
    }
    assert(!"a column that is total is in the list of totals");
    return NULL;
}

static enum mr_status add_value(const struct mr_warehouse_filling *f,
                                const struct mr_catalog_column *column, const json_t *value,
                                int64_t *sum)
{
    int64_t v;
    if (!value || json_is_null(value))
        return MR_OK;
    enum mr_status s = mr_warehouse_integer(f, column, value, &v);
    if (s == MR_OK && __builtin_add_overflow(*sum, v, sum))
        s = mr_warehouse_misfit(f, column, "the sum has more than 64 bits");
    return s;
}

static enum mr_status add_feed(const struct mr_warehouse_filling *f, const struct mr_catalog *c,
                               const struct mr_catalog_feed *feed, int64_t *sums)
{
    const json_t *list;
    size_t count;
    enum mr_status s = count_rows(f, feed, &list, &count);
    for (size_t i = 0; i < feed->cell_count && s == MR_OK; i++) {
        const struct mr_catalog_cell *cell = &feed->cells[i];
        const struct mr_catalog_column *column = &feed->table->columns[cell->column];
        if (!column->total)
            continue;
        int64_t *sum = sum_of(c, feed->table, cell->column, sums);
        for (size_t k = 0; k < count && s == MR_OK; k++) {
            const json_t *element = list ? json_array_get(list, k) : f->event->body;
            s = add_value(f, column, value_of(f, cell, element), sum);
        }
    }
    return s;
}

enum mr_status mr_warehouse_add_totals(const struct mr_catalog *catalog,
                                       const struct mr_warehouse_event *event, int64_t *sums,
                                       struct mr_error *why)
{
    const struct mr_warehouse_filling f = {.event = event, .why = why};
    enum mr_status s = MR_OK;
    for (size_t i = 0; i < event->feed_count && s == MR_OK; i++)
        s = add_feed(&f, catalog, &event->feeds[i], sums);
    return s;
}
