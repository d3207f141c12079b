/* One value of an event's JSON as a cell, by the kind of its column. */
#include "mr_warehouse_cell.h"

#include "mr_schema.h"
#include "mr_time.h"
#include "mr_warehouse_json.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define FRACTION_DIGITS    6 /* what both warehouses keep of a second */
#define DATE_TIME_TEXT_MAX 64
#define FIRST_DAY          (-719162) /* 0001-01-01: SQL has no year 0 */
#define FIRST_MS           (FIRST_DAY * MR_DAY_MS)

enum mr_status mr_warehouse_misfit(const struct mr_warehouse_filling *f,
                                   const struct mr_catalog_column *column, const char *reason)
{
    return mr_fail(f->why, MR_INVALID, "column %s (%s) of %.*s: %s", column->name, column->type,
                   MR_SLICE_FMT(f->event->type), reason);
}

enum mr_status mr_warehouse_keep(const struct mr_warehouse_filling *f, const char *text, size_t len,
                                 struct mr_slice *cell)
{
    *cell = mr_slice(mr_arena_dup(f->arena, text, len), len);
    return cell->data ? MR_OK : mr_fail(f->why, MR_LIMIT, "no room for the rows of an event");
}

enum mr_status mr_warehouse_keep_integer(const struct mr_warehouse_filling *f, int64_t value,
                                         struct mr_slice *cell)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, value);
    return mr_warehouse_keep(f, text, (size_t)len, cell);
}

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

/* The text itself; any other value of a VARCHAR as JSON. */
static enum mr_status text_of(const struct mr_warehouse_filling *f,
                              const struct mr_catalog_column *column, const json_t *value,
                              struct mr_slice *out)
{
    *out = mr_slice(json_string_value(value), json_string_length(value));
    if (json_is_string(value))
        return MR_OK;
    if (column->kind == MR_COLUMN_CHAR)
        return mr_warehouse_misfit(f, column, "the value is no text");
    struct mr_buf json;
    mr_buf_init(&json, 0); /* bounded by the event */
    mr_warehouse_json(value, &json);
    enum mr_status s = mr_warehouse_keep(f, json.data, json.len, out);
    mr_buf_free(&json);
    return s;
}

/* cells: of the column, and where it is cut, of the length beside it. */
static enum mr_status text_cell(const struct mr_warehouse_filling *f,
                                const struct mr_catalog_column *column, const json_t *value,
                                struct mr_slice *cells)
{
    struct mr_slice text;
    size_t most = (size_t)column->length;
    enum mr_status s = text_of(f, column, value, &text);
    if (s != MR_OK)
        return s;
    if (text.len && memchr(text.data, 0, text.len))
        return mr_warehouse_misfit(f, column, "the text holds a NUL");
    if (column->kind == MR_COLUMN_CHAR && !is_ascii(text))
        return mr_warehouse_misfit(f, column, "the text is not ASCII");
    if (column->cut) {
        cells[0] = mr_slice(text.data, whole_characters(text, most));
        return mr_warehouse_keep_integer(f, (int64_t)text.len, &cells[1]);
    }
    if (text.len > most)
        return mr_warehouse_misfit(f, column, "the text is too long");
    cells[0] = text;
    return MR_OK;
}

enum mr_status mr_warehouse_integer(const struct mr_warehouse_filling *f,
                                    const struct mr_catalog_column *column, const json_t *value,
                                    int64_t *out)
{
    if (!mr_schema_integer(value, out))
        return mr_warehouse_misfit(f, column, "the value is no integer of 64 bits");
    if (column->kind == MR_COLUMN_INTEGER && (*out < INT32_MIN || *out > INT32_MAX))
        return mr_warehouse_misfit(f, column, "the integer has more than 32 bits");
    return MR_OK;
}

static enum mr_status integer_cell(const struct mr_warehouse_filling *f,
                                   const struct mr_catalog_column *column, const json_t *value,
                                   struct mr_slice *cell)
{
    int64_t v;
    enum mr_status s = mr_warehouse_integer(f, column, value, &v);
    return s == MR_OK ? mr_warehouse_keep_integer(f, v, cell) : s;
}

/* A JSON number with a fraction is a double; it is taken when its decimal text with the column's
 * scale is that double again, so that no digit that was sent is lost. */
static enum mr_status decimal_cell(const struct mr_warehouse_filling *f,
                                   const struct mr_catalog_column *column, const json_t *value,
                                   struct mr_slice *cell)
{
    char text[400];
    int64_t whole;
    int len;
    if (!json_is_number(value))
        return mr_warehouse_misfit(f, column, "the value is no number");
    if (mr_schema_integer(value, &whole))
        len = snprintf(text, sizeof text, "%" PRId64, whole);
    else
        len = snprintf(text, sizeof text, "%.*f", column->scale, json_real_value(value));
    if (!json_is_integer(value) && strtod(text, NULL) != json_real_value(value))
        return mr_warehouse_misfit(f, column, "the number has more decimals");
    const char *digits = text + (*text == '-'), *point = strchr(digits, '.');
    size_t before = point ? (size_t)(point - digits) : strlen(digits);
    if (before > (size_t)(column->length - column->scale) && !(before == 1 && *digits == '0'))
        return mr_warehouse_misfit(f, column, "the number has more digits");
    return mr_warehouse_keep(f, text, (size_t)len, cell);
}

static bool holds(double number, json_int_t integer)
{
    return number >= -0x1p63 && number < 0x1p63 && (json_int_t)number == integer;
}

/* An integer is taken when a double holds it. */
static enum mr_status double_cell(const struct mr_warehouse_filling *f,
                                  const struct mr_catalog_column *column, const json_t *value,
                                  struct mr_slice *cell)
{
    char text[MR_WAREHOUSE_DOUBLE_TEXT + 1];
    if (!json_is_number(value))
        return mr_warehouse_misfit(f, column, "the value is no number");
    double number = json_number_value(value);
    if (json_is_integer(value) && !holds(number, json_integer_value(value)))
        return mr_warehouse_misfit(f, column, "the integer has more than 53 bits");
    mr_warehouse_double(number, text);
    return mr_warehouse_keep(f, text, strlen(text), cell);
}

static enum mr_status boolean_cell(const struct mr_warehouse_filling *f,
                                   const struct mr_catalog_column *column, const json_t *value,
                                   struct mr_slice *cell)
{
    if (!json_is_boolean(value))
        return mr_warehouse_misfit(f, column, "the value is neither true nor false");
    *cell = mr_slice_text(json_is_true(value) ? "true" : "false");
    return MR_OK;
}

static enum mr_status date_cell(const struct mr_warehouse_filling *f,
                                const struct mr_catalog_column *column, const json_t *value,
                                struct mr_slice *cell)
{
    int32_t day;
    struct mr_slice text = mr_slice(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || mr_day_parse(text, &day) != MR_OK || day < FIRST_DAY)
        return mr_warehouse_misfit(f, column, "the value is no date");
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
static enum mr_status time_cell(const struct mr_warehouse_filling *f,
                                const struct mr_catalog_column *column, const json_t *value,
                                struct mr_slice *cell)
{
    int64_t ms;
    char text[MR_TIME_TEXT + 1], micro[DATE_TIME_TEXT_MAX];
    struct mr_slice sent = mr_slice(json_string_value(value), json_string_length(value));
    if (!json_is_string(value) || mr_time_parse(sent, &ms) != MR_OK || ms < FIRST_MS ||
        ms > MR_TIME_MS_MAX)
        return mr_warehouse_misfit(f, column, "the value is no time");
    mr_time_text(ms, text);
    struct mr_slice fraction = fraction_of(sent);
    if (fraction.len > FRACTION_DIGITS && !column->cut)
        return mr_warehouse_misfit(f, column, "the time has more than microseconds");
    if (fraction.len > FRACTION_DIGITS)
        fraction.len = FRACTION_DIGITS;
    bool leap = memcmp(sent.data + 17, "60", 2) == 0; /* read as the end of the second before */
    if (fraction.len <= 3 || leap)
        return mr_warehouse_keep(f, text, MR_TIME_TEXT, cell);
    int len = snprintf(micro, sizeof micro, "%.20s%.*sZ", text, MR_SLICE_FMT(fraction));
    return mr_warehouse_keep(f, micro, (size_t)len, cell);
}

enum mr_status mr_warehouse_cell(const struct mr_warehouse_filling *f,
                                 const struct mr_catalog_column *column, const json_t *value,
                                 struct mr_slice *cells)
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
    return mr_warehouse_misfit(f, column, "the column's type is not known");
}
