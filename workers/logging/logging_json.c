#include "logging_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS_MIN 15 /* always given back by a double */
#define DIGITS_MAX 17 /* give every double back */

static void write_real(double number, struct mr_buf *out)
{
    char text[40];
    int digits = DIGITS_MIN;
    do
        snprintf(text, sizeof text, "%.*g", digits, number);
    while (strtod(text, NULL) != number && digits++ < DIGITS_MAX);
    mr_buf_text(out, text);
    if (!strpbrk(text, ".e")) /* it stays what it was: 1.0, not 1 */
        mr_buf_text(out, ".0");
}

static void write_array(const json_t *array, struct mr_buf *out)
{
    size_t index;
    json_t *value;
    mr_buf_char(out, '[');
    json_array_foreach (array, index, value) {
        if (index)
            mr_buf_char(out, ',');
        logging_json_write(value, out);
    }
    mr_buf_char(out, ']');
}

static void write_object(const json_t *object, struct mr_buf *out)
{
    const char *name;
    json_t *value;
    bool first = true;
    mr_buf_char(out, '{');
    json_object_foreach ((json_t *)object, name, value) {
        if (!first)
            mr_buf_char(out, ',');
        first = false;
        mr_buf_json_string(out, mr_slice_text(name));
        mr_buf_char(out, ':');
        logging_json_write(value, out);
    }
    mr_buf_char(out, '}');
}

/* Goes as deep as mr_json_parse lets a text be. */
void logging_json_write(const json_t *value, struct mr_buf *out)
{
    char text[24];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(value, out);
        break;
    case JSON_ARRAY:
        write_array(value, out);
        break;
    case JSON_STRING:
        mr_buf_json_string(out, mr_slice(json_string_value(value), json_string_length(value)));
        break;
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%" PRId64, (int64_t)json_integer_value(value));
        mr_buf_text(out, text);
        break;
    case JSON_REAL:
        write_real(json_real_value(value), out);
        break;
    case JSON_TRUE:
        mr_buf_text(out, "true");
        break;
    case JSON_FALSE:
        mr_buf_text(out, "false");
        break;
    case JSON_NULL:
        mr_buf_text(out, "null");
        break;
    }
}
