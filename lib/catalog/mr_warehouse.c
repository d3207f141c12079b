/* From an event's JSON to the cells of its rows. Nothing is altered on the way: what does not fit
 * its column is refused, and a cut text says its full length beside it. */
#include "mr_warehouse.h"

#include "mr_schema.h"
#include "mr_time.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NOTHING            ((struct mr_slice){NULL, 0})
#define DOUBLE_DIGITS_MIN  15 /* always given back by a double; 17 give every double back */
#define DOUBLE_DIGITS_MAX  17
#define FRACTION_DIGITS    6 /* what both warehouses keep of a second */
#define DATE_TIME_TEXT_MAX 64
#define FIRST_DAY          (-719162) /* 0001-01-01: SQL has no year 0 */
#define FIRST_MS           (FIRST_DAY * MR_DAY_MS)

struct filling {
    const struct mr_warehouse_event *event;
    struct mr_arena *arena;
    struct mr_error *why;
};

static enum mr_status misfit(const struct filling *f, const struct mr_catalog_column *column,
                             const char *reason)
{
    return mr_fail(f->why, MR_INVALID, "column %s (%s) of %.*s: %s", column->name, column->type,
                   MR_SLICE_FMT(f->event->type), reason);
}

static enum mr_status keep(const struct filling *f, const char *text, size_t len,
                           struct mr_slice *cell)
{
    *cell = mr_slice(mr_arena_dup(f->arena, text, len), len);
    return cell->data ? MR_OK : mr_fail(f->why, MR_LIMIT, "no room for the rows of an event");
}

static enum mr_status keep_integer(const struct filling *f, int64_t value, struct mr_slice *cell)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, value);
    return keep(f, text, (size_t)len, cell);
}

/* ---- one value, by the kind of its column -------------------------------------------------------
 */

/* The length of text's longest beginning of whole characters within bytes_max. */
static size_t whole_characters(struct mr_slice text, size_t bytes_max)
{
    size_t len = text.len < bytes_max ? text.len : bytes_max;
    while (len < text.len && len && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--;
    return len;
}

static bool is_ascii(struct mr_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.data[i] > 127)
            return false;
    }
    return true;
}

/* cells: of the column, and where it is cut, of the length beside it. */
static enum mr_status text_cell(const struct filling *f, const struct mr_catalog_column *column,
                                const json_t *value, struct mr_slice *cells)
{
    if (!json_is_string(value))
        return misfit(f, column, "the value is no text");
    struct mr_slice text = mr_slice(json_string_value(value), json_string_length(value));
    size_t most = (size_t)column->length;
    if (text.len && memchr(text.data, 0, text.len))
        return misfit(f, column, "the text holds a NUL");
    if (column->kind == MR_COLUMN_CHAR && !is_ascii(text))
        return misfit(f, column, "the text is not ASCII");
    if (column->cut) {
        cells[0] = mr_slice(text.data, whole_characters(text, most));
        return keep_integer(f, (int64_t)text.len, &cells[1]);
    }
    if (text.len > most)
        return misfit(f, column, "the text is too long");
    cells[0] = text;
    return MR_OK;
}

static enum mr_status integer_of(const struct filling *f, const struct mr_catalog_column *column,
                                 const json_t *value, int64_t *out)
{
    if (!mr_schema_integer(value, out))
        return misfit(f, column, "the value is no integer of 64 bits");
    if (column->kind == MR_COLUMN_INTEGER && (*out < INT32_MIN || *out > INT32_MAX))
        return misfit(f, column, "the integer has more than 32 bits");
    return MR_OK;
}

static enum mr_status integer_cell(const struct filling *f, const struct mr_catalog_column *column,
                                   const json_t *value, struct mr_slice *cell)
{
    int64_t v;
    enum mr_status s = integer_of(f, column, value, &v);
    return s == MR_OK ? keep_integer(f, v, cell) : s;
}

/* A JSON number with a fraction is a double; it is taken when its decimal text with the column's
 * scale is that double again, so that no digit that was sent is lost. */
static enum mr_status decimal_cell(const struct filling *f, const struct mr_catalog_column *column,
                                   const json_t *value, struct mr_slice *cell)
{
    char text[400];
    int64_t whole;
    int len;
    if (!json_is_number(value))
        return misfit(f, column, "the value is no number");
    if (mr_schema_integer(value, &whole))
        len = snprintf(text, sizeof text, "%" PRId64, whole);
    else
        len = snprintf(text, sizeof text, "%.*f", column->scale, json_real_value(value));
    if (!json_is_integer(value) && strtod(text, NULL) != json_real_value(value))
        return misfit(f, column, "the number has more decimals");
    const char *digits = text + (*text == '-'), *point = strchr(digits, '.');
    size_t before = point ? (size_t)(point - digits) : strlen(digits);
    if (before > (size_t)(column->length - column->scale) && !(before == 1 && *digits == '0'))
        return misfit(f, column, "the number has more digits");
    return keep(f, text, (size_t)len, cell);
}

static bool holds(double number, json_int_t integer)
{
    return number >= -0x1p63 && number < 0x1p63 && (json_int_t)number == integer;
}

/* The fewest digits that give this double again. An integer is taken when a double holds it. */
static enum mr_status double_cell(const struct filling *f, const struct mr_catalog_column *column,
                                  const json_t *value, struct mr_slice *cell)
{
    char text[40];
    int len, digits = DOUBLE_DIGITS_MIN;
    if (!json_is_number(value))
        return misfit(f, column, "the value is no number");
    double number = json_number_value(value);
    if (json_is_integer(value) && !holds(number, json_integer_value(value)))
        return misfit(f, column, "the integer has more than 53 bits");
    do
        len = snprintf(text, sizeof text, "%.*g", digits, number);
    while (strtod(text, NULL) != number && digits++ < DOUBLE_DIGITS_MAX);
    return keep(f, text, (size_t)len, cell);
}

static enum mr_status boolean_cell(const struct filling *f, const struct mr_catalog_column *column,
                                   const json_t *value, struct mr_slice *cell)
{
    if (!json_is_boolean(value))
        return misfit(f, column, "the value is neither true nor false");
    *cell = mr_slice_text(json_is_true(value) ? "true" : "false");
    return MR_OK;
}

static enum mr_status date_cell(const struct filling *f, const struct mr_catalog_column *column,
                                const json_t *value, struct mr_slice *cell)
{
    int32_t day;
    struct mr_slice text = mr_slice(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || mr_day_parse(text, &day) != MR_OK || day < FIRST_DAY)
        return misfit(f, column, "the value is no date");
    *cell = text;
    return MR_OK;
}

/* The digits after the point of a date-time that was read; len 0 where there are none. */
static struct mr_slice fraction_of(struct mr_slice text)
{
    const char *point = memchr(text.data, '.', text.len);
    if (!point)
        return mr_slice(text.data, 0);
    size_t rest = text.len - (size_t)(point + 1 - text.data), len = 0;
    while (len < rest && point[1 + len] >= '0' && point[1 + len] <= '9')
        len++;
    while (len && point[len] == '0') /* trailing zeros say nothing */
        len--;
    return mr_slice(point + 1, len);
}

/* In UTC, as not every warehouse reads offsets, and with the microseconds that were sent. */
static enum mr_status time_cell(const struct filling *f, const struct mr_catalog_column *column,
                                const json_t *value, struct mr_slice *cell)
{
    int64_t ms;
    char text[MR_TIME_TEXT + 1], micro[DATE_TIME_TEXT_MAX];
    struct mr_slice sent = mr_slice(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || mr_time_parse(sent, &ms) != MR_OK || ms < FIRST_MS ||
        ms > MR_TIME_MS_MAX)
        return misfit(f, column, "the value is no time");
    mr_time_text(ms, text);
    struct mr_slice fraction = fraction_of(sent);
    if (fraction.len > FRACTION_DIGITS)
        return misfit(f, column, "the time has more than microseconds");
    bool leap = memcmp(sent.data + 17, "60", 2) == 0; /* read as the end of the second before */
    if (fraction.len <= 3 || leap)
        return keep(f, text, MR_TIME_TEXT, cell);
    int len = snprintf(micro, sizeof micro, "%.20s%.*sZ", text, MR_SLICE_FMT(fraction));
    return keep(f, micro, (size_t)len, cell);
}

static enum mr_status fill_cell(const struct filling *f, const struct mr_catalog_column *column,
                                const json_t *value, struct mr_slice *cells)
{
    if (!value || json_is_null(value))
        return MR_OK; /* the cells are null already */
    switch (column->kind) {
    case MR_COLUMN_CHAR:
    case MR_COLUMN_VARCHAR:
        return text_cell(f, column, value, cells);
    case MR_COLUMN_BIGINT:
    case MR_COLUMN_INTEGER:
        return integer_cell(f, column, value, cells);
    case MR_COLUMN_BOOLEAN:
        return boolean_cell(f, column, value, cells);
    case MR_COLUMN_TIMESTAMPTZ:
    case MR_COLUMN_TIMESTAMP:
        return time_cell(f, column, value, cells);
    case MR_COLUMN_DATE:
        return date_cell(f, column, value, cells);
    case MR_COLUMN_DECIMAL:
        return decimal_cell(f, column, value, cells);
    case MR_COLUMN_DOUBLE:
        return double_cell(f, column, value, cells);
    }
    return misfit(f, column, "the column's type is not known");
}

/* ---- rows --------------------------------------------------------------------------------------
 */

/* How many rows a feed gives; *list is the array that `each` names. MR_INVALID when it names
 * something else. */
static enum mr_status count_rows(const struct filling *f, const struct mr_catalog_feed *feed,
                                 const json_t **list, size_t *count)
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

static const json_t *value_of(const struct filling *f, const struct mr_catalog_cell *cell,
                              const json_t *element)
{
    return mr_pointer_find(&cell->pointer, cell->from_body ? f->event->body : element);
}

static enum mr_status fixed_cells(const struct filling *f, int64_t row, struct mr_slice *cells)
{
    const struct mr_warehouse_event *e = f->event;
    char id[MR_UUID_TEXT + 1], time[MR_TIME_TEXT + 1];
    cells[MR_FIXED_DOMAIN] = e->domain;
    cells[MR_FIXED_EVENT_TYPE] = e->type;
    enum mr_status s =
        keep(f, mr_uuid_text(&e->account, id), MR_UUID_TEXT, &cells[MR_FIXED_ACCOUNT_ID]);
    if (s == MR_OK)
        s = keep(f, mr_uuid_text(&e->command, id), MR_UUID_TEXT, &cells[MR_FIXED_COMMAND_ID]);
    if (s == MR_OK)
        s = keep(f, mr_time_text(e->time_ms, time), MR_TIME_TEXT, &cells[MR_FIXED_EVENT_TIME]);
    if (s == MR_OK)
        s = keep_integer(f, e->lane, &cells[MR_FIXED_LANE]);
    if (s == MR_OK)
        s = keep_integer(f, e->sequence, &cells[MR_FIXED_SEQUENCE]);
    return s == MR_OK ? keep_integer(f, row, &cells[MR_FIXED_ROW]) : s;
}

static enum mr_status fill_row(const struct filling *f, const struct mr_catalog_feed *feed,
                               const json_t *element, int64_t number, struct mr_warehouse_row *row)
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
        s = fill_cell(f, &table->columns[cell->column], value_of(f, cell, element),
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
    const struct filling f = {.event = event, .arena = arena, .why = why};
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

static enum mr_status add_value(const struct filling *f, const struct mr_catalog_column *column,
                                const json_t *value, int64_t *sum)
{
    int64_t v;
    if (!value || json_is_null(value))
        return MR_OK;
    enum mr_status s = integer_of(f, column, value, &v);
    if (s == MR_OK && __builtin_add_overflow(*sum, v, sum))
        s = misfit(f, column, "the sum has more than 64 bits");
    return s;
}

static enum mr_status add_feed(const struct filling *f, const struct mr_catalog *c,
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
    const struct filling f = {.event = event, .why = why};
    enum mr_status s = MR_OK;
    for (size_t i = 0; i < event->feed_count && s == MR_OK; i++)
        s = add_feed(&f, catalog, &event->feeds[i], sums);
    return s;
}
