/* Query parameters: what a resource declares of them, and the check of one that a client sends. */
#include "mr_catalog_own.h"

#include "mr_time.h"
#include "mr_utf8.h"
#include <inttypes.h>
#include <stdio.h>

#define TEXT_LENGTH_MAX 200 /* code points, where nothing is declared */
#define TIME_BYTES_MAX  40  /* SQL takes no fraction without end */

static const struct {
    const char *name, *sql_type;
} kinds[] = {
    [MR_VALUE_TEXT] = {"text", "text"},         [MR_VALUE_UUID] = {"uuid", "uuid"},
    [MR_VALUE_INTEGER] = {"integer", "bigint"}, [MR_VALUE_BOOLEAN] = {"boolean", "boolean"},
    [MR_VALUE_TIME] = {"time", "timestamptz"},  [MR_VALUE_DATE] = {"date", "date"},
    [MR_VALUE_MAP] = {"map", "jsonb"},
};

enum mr_value_kind mr_catalog_value_kind(const char *name, const char **sql_type)
{
    size_t i = 0;
    while (strcmp(kinds[i].name, name) != 0) /* the meta schema lets no other pass */
        i++;
    *sql_type = kinds[i].sql_type;
    return (enum mr_value_kind)i;
}

/* ---- declared ----------------------------------------------------------------------------------
 */

static void read_values(struct mr_catalog_builder *b, const json_t *list,
                        struct mr_catalog_parameter *p)
{
    const char **values = mr_catalog_alloc(b, json_array_size(list), sizeof *values);
    for (size_t i = 0; i < json_array_size(list); i++)
        values[i] = json_string_value(json_array_get(list, i));
    p->values = values;
    p->value_count = json_array_size(list);
}

/* A view is filtered by columns, and a map that is not given is just empty. */
static enum mr_status check_map(struct mr_catalog_builder *b,
                                const struct mr_catalog_source *source, const char *at,
                                const json_t *json, const json_t *block)
{
    if (json_object_get(block, "view"))
        return mr_catalog_fail(b, source, at, "type map is for functions");
    if (json_object_get(json, "required") || json_object_get(json, "default") ||
        json_object_get(json, "values"))
        return mr_catalog_fail(b, source, at,
                               "a map is neither required, nor has it a default or values");
    return MR_OK;
}

static enum mr_status read_parameter(struct mr_catalog_builder *b,
                                     const struct mr_catalog_source *source, const char *at,
                                     const json_t *json, struct mr_catalog_parameter *p)
{
    p->name = mr_catalog_member(json, "name");
    p->kind = mr_catalog_value_kind(mr_catalog_member(json, "type"), &p->sql_type);
    p->description = mr_catalog_member(json, "description");
    p->required = json_is_true(json_object_get(json, "required"));
    p->fallback = mr_catalog_member(json, "default");
    p->minimum = mr_catalog_integer(json, "minimum", INT64_MIN);
    p->maximum = mr_catalog_integer(json, "maximum", INT64_MAX);
    p->length_max = (size_t)mr_catalog_integer(json, "max_length", TEXT_LENGTH_MAX);
    read_values(b, json_object_get(json, "values"), p);
    bool text = p->kind == MR_VALUE_TEXT, integer = p->kind == MR_VALUE_INTEGER;
    bool map = p->kind == MR_VALUE_MAP;
    if (!text && (p->value_count || (json_object_get(json, "max_length") && !map)))
        return mr_catalog_fail(b, source, at, "values and max_length are for type text");
    if (!integer && (json_object_get(json, "minimum") || json_object_get(json, "maximum")))
        return mr_catalog_fail(b, source, at, "minimum and maximum are for type integer");
    struct mr_error why = {0};
    if (p->fallback && mr_catalog_parameter_check(p, mr_slice_text(p->fallback), &why) != MR_OK)
        return mr_catalog_fail(b, source, at, "the default does not fit: %s", why.text);
    /* These are the list's own. */
    if (strcmp(p->name, "limit") == 0 || strcmp(p->name, "cursor") == 0 ||
        strcmp(p->name, "order") == 0 || strcmp(p->name, "at") == 0)
        return mr_catalog_fail(b, source, at, "the name %s is taken by lists themselves", p->name);
    return MR_OK;
}

enum mr_status mr_catalog_add_parameters(struct mr_catalog_builder *b,
                                         const struct mr_catalog_source *source,
                                         const json_t *block, struct mr_catalog_resource *resource)
{
    const char *name = resource->view ? "filters" : "parameters";
    const char *other = resource->view ? "parameters" : "filters";
    char at[64];
    snprintf(at, sizeof at, "/x-resource/%s", other);
    if (json_object_get(block, other))
        return mr_catalog_fail(b, source, at, "a view has filters, a function has parameters");
    const json_t *list = json_object_get(block, name);
    struct mr_catalog_parameter *all = mr_catalog_alloc(b, json_array_size(list), sizeof *all);
    resource->parameters = all;
    for (size_t i = 0; i < json_array_size(list); i++) {
        snprintf(at, sizeof at, "/x-resource/%s/%zu", name, i);
        const json_t *item = json_array_get(list, i);
        enum mr_status s = MR_OK;
        if (strcmp(mr_catalog_member(item, "type"), kinds[MR_VALUE_MAP].name) == 0)
            s = check_map(b, source, at, item, block);
        if (s == MR_OK)
            s = read_parameter(b, source, at, item, &all[i]);
        if (s != MR_OK)
            return s;
        if (mr_catalog_parameter_of(resource, mr_slice_text(all[i].name)))
            return mr_catalog_fail(b, source, at, "%s comes twice", all[i].name);
        resource->parameter_count = i + 1;
    }
    return MR_OK;
}

const struct mr_catalog_parameter *mr_catalog_parameter_of(const struct mr_catalog_resource *r,
                                                           struct mr_slice name)
{
    for (size_t i = 0; i < r->parameter_count; i++) {
        if (mr_slice_is(name, r->parameters[i].name))
            return &r->parameters[i];
    }
    return NULL;
}

const struct mr_catalog_parameter *mr_catalog_map_of(const struct mr_catalog_resource *r,
                                                     struct mr_slice name, struct mr_slice *member)
{
    const char *dot = name.len ? memchr(name.data, '.', name.len) : NULL;
    if (!dot)
        return NULL;
    size_t len = (size_t)(dot - name.data);
    const struct mr_catalog_parameter *p = mr_catalog_parameter_of(r, mr_slice(name.data, len));
    if (!p || p->kind != MR_VALUE_MAP)
        return NULL;
    *member = mr_slice(dot + 1, name.len - len - 1);
    return p;
}

/* ---- sent --------------------------------------------------------------------------------------
 */

static size_t characters_of(struct mr_slice text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.len; i++)
        length += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return length;
}

static bool is_plain(struct mr_slice text)
{
    return mr_utf8_is_valid(text) && !(text.len && memchr(text.data, 0, text.len));
}

static enum mr_status check_text(const struct mr_catalog_parameter *p, struct mr_slice text,
                                 struct mr_error *why)
{
    size_t used = 0;
    char list[300] = "";
    if (characters_of(text) > p->length_max)
        return mr_fail(why, MR_INVALID, "%s must have at most %zu characters", p->name,
                       p->length_max);
    if (!is_plain(text))
        return mr_fail(why, MR_INVALID, "%s must be UTF-8 without NUL", p->name);
    for (size_t i = 0; i < p->value_count; i++) {
        if (mr_slice_is(text, p->values[i]))
            return MR_OK;
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                                     p->values[i]);
    }
    return p->value_count ? mr_fail(why, MR_INVALID, "%s must be one of %s", p->name, list) : MR_OK;
}

/* An optional "-" and digits, within int64_t. */
static bool read_integer(struct mr_slice text, int64_t *out)
{
    bool minus = text.len && text.data[0] == '-';
    int64_t v = 0;
    if (text.len == minus)
        return false;
    for (size_t i = minus; i < text.len; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, digit, &v)) /* negative, as -2^63 has no positive */
            return false;
    }
    if (!minus && v == INT64_MIN)
        return false;
    *out = minus ? v : -v;
    return true;
}

static enum mr_status check_integer(const struct mr_catalog_parameter *p, struct mr_slice text,
                                    struct mr_error *why)
{
    int64_t v;
    if (!read_integer(text, &v))
        return mr_fail(why, MR_INVALID, "%s must be an integer", p->name);
    if (v < p->minimum)
        return mr_fail(why, MR_INVALID, "%s must be at least %" PRId64, p->name, p->minimum);
    if (v > p->maximum)
        return mr_fail(why, MR_INVALID, "%s must be at most %" PRId64, p->name, p->maximum);
    return MR_OK;
}

/* SQL has no year 0. */
static bool is_day(struct mr_slice text)
{
    int32_t day;
    return mr_day_parse(text, &day) == MR_OK && memcmp(text.data, "0000", 4) != 0;
}

static bool is_time(struct mr_slice text)
{
    int64_t ms;
    return text.len <= TIME_BYTES_MAX && mr_time_parse(text, &ms) == MR_OK &&
           memcmp(text.data, "0000", 4) != 0;
}

enum mr_status mr_catalog_parameter_check(const struct mr_catalog_parameter *parameter,
                                          struct mr_slice text, struct mr_error *why)
{
    struct mr_uuid id;
    const char *want = NULL;
    switch (parameter->kind) {
    case MR_VALUE_TEXT:
        return check_text(parameter, text, why);
    case MR_VALUE_INTEGER:
        return check_integer(parameter, text, why);
    case MR_VALUE_UUID:
        want = mr_uuid_parse(text, &id) == MR_OK ? NULL : "a UUID";
        break;
    case MR_VALUE_BOOLEAN:
        want = mr_slice_is(text, "true") || mr_slice_is(text, "false") ? NULL : "true or false";
        break;
    case MR_VALUE_TIME:
        want = is_time(text) ? NULL : "a time such as 2026-11-25T08:39:03Z";
        break;
    case MR_VALUE_DATE:
        want = is_day(text) ? NULL : "a date such as 2026-11-25";
        break;
    case MR_VALUE_MAP:
        return mr_fail(why, MR_INVALID, "%s is given by its members, as %s.name=value",
                       parameter->name, parameter->name);
    }
    return want ? mr_fail(why, MR_INVALID, "%s must be %s", parameter->name, want) : MR_OK;
}

enum mr_status mr_catalog_map_check(const struct mr_catalog_parameter *map, struct mr_slice member,
                                    struct mr_slice text, struct mr_error *why)
{
    size_t length = characters_of(member);
    if (length == 0 || length > MR_CATALOG_MAP_NAME_MAX)
        return mr_fail(why, MR_INVALID, "%s.name=value must have a name of 1 to %d characters",
                       map->name, MR_CATALOG_MAP_NAME_MAX);
    if (!is_plain(member) || !is_plain(text))
        return mr_fail(why, MR_INVALID, "%s must have names and values of UTF-8 without NUL",
                       map->name);
    if (characters_of(text) > map->length_max)
        return mr_fail(why, MR_INVALID, "%s must have values of at most %zu characters", map->name,
                       map->length_max);
    return MR_OK;
}
