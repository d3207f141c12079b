#include "mr_warehouse_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MIN 15 /* a double gives them always back */
#define DIGITS_MAX 17 /* and with these any double is given back */

char *mr_warehouse_double(double number, char out[MR_WAREHOUSE_DOUBLE_TEXT + 1])
{
    int digits = DIGITS_MIN;
    do
        snprintf(out, MR_WAREHOUSE_DOUBLE_TEXT + 1, "%.*g", digits, number);
    while (strtod(out, NULL) != number && digits++ < DIGITS_MAX);
    return out;
}

/* A number that was written with a fraction keeps one. */
static void add_real(double number, struct mr_buf *out)
{
    char text[MR_WAREHOUSE_DOUBLE_TEXT + 1];
    mr_buf_text(out, mr_warehouse_double(number, text));
    if (!strpbrk(text, ".e"))
        mr_buf_text(out, ".0");
}

static void add_array(const json_t *array, struct mr_buf *out)
{
    mr_buf_char(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            mr_buf_char(out, ',');
        mr_warehouse_json(json_array_get(array, i), out);
    }
    mr_buf_char(out, ']');
}

static void add_object(json_t *object, struct mr_buf *out)
{
    const char *comma = "";
    mr_buf_char(out, '{');
    for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        mr_buf_text(out, comma);
        mr_buf_json_string(out, mr_slice_text(json_object_iter_key(i)));
        mr_buf_char(out, ':');
        mr_warehouse_json(json_object_iter_value(i), out);
        comma = ",";
    }
    mr_buf_char(out, '}');
}

/* As deep as what was parsed, which is bounded. */
void mr_warehouse_json(const json_t *value, struct mr_buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object((json_t *)value, out); /* jansson's iterators write nothing */
        break;
    case JSON_ARRAY:
        add_array(value, out);
        break;
    case JSON_STRING:
        mr_buf_json_string(out, mr_slice(json_string_value(value), json_string_length(value)));
        break;
    case JSON_INTEGER:
        mr_buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        add_real(json_real_value(value), out);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        mr_buf_text(out, json_is_true(value) ? "true" : "false");
        break;
    case JSON_NULL:
        mr_buf_text(out, "null");
        break;
    }
}
