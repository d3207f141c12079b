/* JSON values as schemas see them: their types, and equality and order of numbers by value. */
#include "mr_schema_node.h"

#include <math.h>

#define INT64_END 9223372036854775808.0 /* 2^63, exact as a double */

bool mr_schema_integer(const json_t *value, int64_t *out)
{
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (!json_is_real(value))
        return false;
    double d = json_real_value(value);
    if (d != trunc(d) || d < -INT64_END || d >= INT64_END)
        return false;
    *out = (int64_t)d;
    return true;
}

unsigned mr_schema_types_of(const json_t *value)
{
    double d;
    switch (json_typeof(value)) {
    case JSON_NULL:
        return MR_TYPE_NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        return MR_TYPE_BOOLEAN;
    case JSON_INTEGER:
        return MR_TYPE_INTEGER | MR_TYPE_NUMBER;
    case JSON_REAL: /* beyond int64_t, too: integers have no bound in JSON */
        d = json_real_value(value);
        return MR_TYPE_NUMBER | (d == trunc(d) ? MR_TYPE_INTEGER : 0);
    case JSON_STRING:
        return MR_TYPE_STRING;
    case JSON_ARRAY:
        return MR_TYPE_ARRAY;
    case JSON_OBJECT:
        return MR_TYPE_OBJECT;
    }
    return 0;
}

/* A double has fewer digits than an int64_t, so neither may be converted before comparing. */
static int compare_mixed(int64_t i, double d)
{
    if (d >= INT64_END)
        return -1;
    if (d < -INT64_END)
        return 1;
    int64_t whole = (int64_t)d;
    if (i != whole)
        return i < whole ? -1 : 1;
    double rest = d - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

int mr_schema_compare(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return x < y ? -1 : x > y;
    }
    if (json_is_integer(a))
        return compare_mixed(json_integer_value(a), json_real_value(b));
    if (json_is_integer(b))
        return -compare_mixed(json_integer_value(b), json_real_value(a));
    double x = json_real_value(a), y = json_real_value(b);
    return x < y ? -1 : x > y;
}

static bool equal_objects(const json_t *a, const json_t *b)
{
    if (json_object_size(a) != json_object_size(b))
        return false;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)a, key, value) {
        const json_t *other = json_object_get(b, key);
        if (!other || !mr_schema_equal(value, other))
            return false;
    }
    return true;
}

static bool equal_arrays(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b))
        return false;
    for (size_t i = 0; i < json_array_size(a); i++) {
        if (!mr_schema_equal(json_array_get(a, i), json_array_get(b, i)))
            return false;
    }
    return true;
}

bool mr_schema_equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return mr_schema_compare(a, b) == 0;
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_object(a))
        return equal_objects(a, b);
    if (json_is_array(a))
        return equal_arrays(a, b);
    return json_equal(a, b);
}
