/* Checks a value against a compiled schema. Where it stands is kept as a chain of places on the
 * stack, and becomes a pointer's text only when something is wrong. */
#include "mr_schema_node.h"

#include "mr_buf.h"
#include "mr_pointer.h"
#include "mr_time.h"
#include "mr_uuid.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define POINTER_BYTES_MAX 512 /* of an error's pointer; a longer one ends in "..." */
#define NAMES_BYTES_MAX   200 /* of a list of names in a sentence */
#define VALUE_BYTES_MAX   60  /* of a value in a sentence, before "..." */

struct place {
    const struct place *up;
    struct mr_slice key; /* absent: index */
    size_t index;
};

struct checking {
    struct mr_schema_errors *errors;
    bool wrong;
    int depth;
};

static void check(struct checking *c, const struct mr_schema *s, const json_t *v,
                  const struct place *at);

/* Nothing more is to be learnt. */
static bool is_over(const struct checking *c)
{
    return c->wrong && (!c->errors || c->errors->more);
}

static void add_place(struct mr_buf *buf, const struct place *at)
{
    if (!at)
        return;
    add_place(buf, at->up);
    if (at->key.data)
        mr_pointer_append(buf, at->key);
    else
        mr_pointer_append_index(buf, at->index);
}

static const char *pointer_text(struct mr_arena *arena, const struct place *at)
{
    struct mr_buf buf;
    mr_buf_init(&buf, POINTER_BYTES_MAX);
    add_place(&buf, at);
    bool whole = mr_buf_ok(&buf);
    char *text =
        mr_arena_printf(arena, "%.*s%s", MR_SLICE_FMT(mr_buf_all(&buf)), whole ? "" : "...");
    mr_buf_free(&buf);
    return text ? text : "";
}

static void complain(struct checking *c, const struct mr_schema *s, const char *keyword,
                     const struct place *at, const char *fmt, ...) MR_PRINTF(5, 6);

static void complain(struct checking *c, const struct mr_schema *s, const char *keyword,
                     const struct place *at, const char *fmt, ...)
{
    struct mr_schema_errors *errors = c->errors;
    c->wrong = true;
    if (!errors)
        return;
    if (errors->count == MR_SCHEMA_ERRORS_MAX) {
        errors->more = true;
        return;
    }
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct mr_schema_error *e = &errors->items[errors->count++];
    e->pointer = pointer_text(errors->arena, at);
    char *schema = mr_arena_printf(errors->arena, "%s%s%s", s->where, *keyword ? "/" : "", keyword);
    char *detail = mr_arena_dup(errors->arena, text, strlen(text));
    e->schema = schema ? schema : s->where;
    e->detail = detail ? detail : "does not fit the schema";
}

/* ---- sentences --------------------------------------------------------------------------------
 */

static const char *type_names(unsigned types, char *out, size_t size)
{
    static const char *const names[] = {"null",     "true or false", "an integer", "a number",
                                        "a string", "an array",      "an object"};
    size_t len = 0;
    *out = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (types & (1u << i))
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? " or " : "", names[i]);
    }
    return out;
}

/* A value in a sentence, cut where it is long; the caller frees it. */
static char *value_text(const json_t *v)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
    size_t keep = VALUE_BYTES_MAX;
    if (text && strlen(text) > keep + 3) {
        while (keep && ((unsigned char)text[keep] & 0xc0) == 0x80)
            keep--; /* never a part of a character */
        memcpy(text + keep, "...", 4);
    }
    return text;
}

static void complain_value(struct checking *c, const struct mr_schema *s, const char *keyword,
                           const struct place *at, const char *verb)
{
    const json_t *limit = json_object_get(s->json, keyword);
    char *text = value_text(limit);
    complain(c, s, keyword, at, "must be %s%s", verb, text ? text : "the value in the schema");
    free(text);
}

static void complain_choices(struct checking *c, const struct mr_schema *s, const struct place *at)
{
    struct mr_buf buf;
    mr_buf_init(&buf, NAMES_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(s->choices) && mr_buf_ok(&buf); i++) {
        char *text = value_text(json_array_get(s->choices, i));
        mr_buf_printf(&buf, "%s%s", i ? ", " : "", text ? text : "?");
        free(text);
    }
    complain(c, s, "enum", at, "must be one of %.*s%s", MR_SLICE_FMT(mr_buf_all(&buf)),
             mr_buf_ok(&buf) ? "" : ", ...");
    mr_buf_free(&buf);
}

static void complain_unknown(struct checking *c, const struct mr_schema *s, const struct place *at)
{
    struct mr_buf buf;
    mr_buf_init(&buf, NAMES_BYTES_MAX);
    const char *name;
    json_t *schema;
    json_object_foreach (json_object_get(s->json, "properties"), name, schema) {
        if (mr_buf_ok(&buf))
            mr_buf_printf(&buf, "%s%s", buf.len ? ", " : "", name);
    }
    if (buf.len)
        complain(c, s, "additionalProperties", at, "is not known here; known are %.*s%s",
                 MR_SLICE_FMT(mr_buf_all(&buf)), mr_buf_ok(&buf) ? "" : ", ...");
    else
        complain(c, s, "additionalProperties", at,
                 "is not known here; there is no property at all");
    mr_buf_free(&buf);
}

/* keywords: "minLength" and "maxLength" with what they count, "character". */
static void check_size(struct checking *c, const struct mr_schema *s,
                       const struct mr_schema_sizes *sizes, int64_t n, const struct place *at)
{
    bool few = n < sizes->min;
    if (!few && n <= sizes->max)
        return;
    const char *what = "property", *many = "properties",
               *keyword = few ? "minProperties" : "maxProperties";
    if (sizes == &s->length)
        what = "character", many = "characters", keyword = few ? "minLength" : "maxLength";
    else if (sizes == &s->items_size)
        what = "item", many = "items", keyword = few ? "minItems" : "maxItems";
    int64_t limit = few ? sizes->min : sizes->max;
    complain(c, s, keyword, at, "must have at %s %" PRId64 " %s", few ? "least" : "most", limit,
             limit == 1 ? what : many);
}

/* ---- by type ----------------------------------------------------------------------------------
 */

static void check_number(struct checking *c, const struct mr_schema *s, const json_t *v,
                         const struct place *at)
{
    if (s->minimum && mr_schema_compare(v, s->minimum) < 0)
        complain_value(c, s, "minimum", at, "at least ");
    if (s->maximum && mr_schema_compare(v, s->maximum) > 0)
        complain_value(c, s, "maximum", at, "at most ");
    if (s->exclusive_minimum && mr_schema_compare(v, s->exclusive_minimum) <= 0)
        complain_value(c, s, "exclusiveMinimum", at, "more than ");
    if (s->exclusive_maximum && mr_schema_compare(v, s->exclusive_maximum) >= 0)
        complain_value(c, s, "exclusiveMaximum", at, "less than ");
}

static int64_t code_points(struct mr_slice text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return n;
}

static void check_pattern(struct checking *c, const struct mr_schema *s, struct mr_slice text,
                          const struct place *at)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!match)
        abort();
    /* jansson holds nothing but valid UTF-8. */
    int found = pcre2_match(s->pattern, (PCRE2_SPTR)text.data, text.len, 0, PCRE2_NO_UTF_CHECK,
                            match, s->set->match_context);
    pcre2_match_data_free(match);
    if (found == PCRE2_ERROR_NOMATCH)
        complain(c, s, "pattern", at, "must match the pattern %.200s", s->pattern_text);
    else if (found < 0)
        complain(c, s, "pattern", at, "takes too long to match the pattern %.200s",
                 s->pattern_text);
}

static void check_format(struct checking *c, const struct mr_schema *s, struct mr_slice text,
                         const struct place *at)
{
    int64_t ms;
    int32_t day;
    struct mr_uuid id;
    switch (s->format) {
    case MR_FORMAT_NONE:
        break;
    case MR_FORMAT_DATE_TIME:
        if (mr_time_parse(text, &ms) != MR_OK)
            complain(c, s, "format", at, "must be a time such as 2026-11-25T08:39:03Z (RFC 3339)");
        break;
    case MR_FORMAT_DATE:
        if (mr_day_parse(text, &day) != MR_OK)
            complain(c, s, "format", at, "must be a date such as 2026-11-25");
        break;
    case MR_FORMAT_UUID:
        if (mr_uuid_parse(text, &id) != MR_OK)
            complain(c, s, "format", at, "must be a UUID");
        break;
    }
}

static void check_text(struct checking *c, const struct mr_schema *s, const json_t *v,
                       const struct place *at)
{
    struct mr_slice text = mr_slice(json_string_value(v), json_string_length(v));
    if (s->length.min > 0 || s->length.max < INT64_MAX)
        check_size(c, s, &s->length, code_points(text), at);
    if (s->pattern && !is_over(c))
        check_pattern(c, s, text, at);
    if (s->format && !is_over(c))
        check_format(c, s, text, at);
}

static void check_list(struct checking *c, const struct mr_schema *s, const json_t *v,
                       const struct place *at)
{
    size_t count = json_array_size(v);
    check_size(c, s, &s->items_size, (int64_t)count, at);
    for (size_t i = 0; s->items && i < count && !is_over(c); i++) {
        struct place below = {.up = at, .index = i};
        check(c, s->items, json_array_get(v, i), &below);
    }
}

static void check_missing(struct checking *c, const struct mr_schema *s, const json_t *v,
                          const struct place *at)
{
    const json_t *required = json_object_get(s->json, "required");
    for (size_t i = 0; i < json_array_size(required) && !is_over(c); i++) {
        const json_t *name = json_array_get(required, i);
        struct place below = {.up = at,
                              .key = mr_slice(json_string_value(name), json_string_length(name))};
        if (!json_object_getn(v, below.key.data, below.key.len))
            complain(c, s, "required", &below, "is missing");
    }
}

static void check_object(struct checking *c, const struct mr_schema *s, const json_t *v,
                         const struct place *at)
{
    size_t required = 0;
    check_size(c, s, &s->properties_size, (int64_t)json_object_size(v), at);
    for (void *it = json_object_iter((json_t *)v); it && !is_over(c);
         it = json_object_iter_next((json_t *)v, it)) {
        struct place below = {
            .up = at, .key = mr_slice(json_object_iter_key(it), json_object_iter_key_len(it))};
        const struct mr_schema_property *p =
            mr_schema_properties_find(&s->properties, below.key.data, below.key.len);
        required += p && p->required;
        if (p && p->schema)
            check(c, p->schema, json_object_iter_value(it), &below);
        else if (s->additional && s->additional->never)
            complain_unknown(c, s, &below);
        else if (s->additional)
            check(c, s->additional, json_object_iter_value(it), &below);
    }
    if (required < s->properties.required_count && !is_over(c))
        check_missing(c, s, v, at);
}

/* False when the value is of the wrong type: then nothing else is said about it. */
static bool check_any(struct checking *c, const struct mr_schema *s, const json_t *v,
                      const struct place *at)
{
    char names[96];
    if (s->never) {
        complain(c, s, "", at, "is not allowed");
        return false;
    }
    if (s->types && !(s->types & mr_schema_types_of(v))) {
        complain(c, s, "type", at, "must be %s", type_names(s->types, names, sizeof names));
        return false;
    }
    if (s->constant && !mr_schema_equal(s->constant, v))
        complain_value(c, s, "const", at, "");
    if (s->choices) {
        size_t i = 0, count = json_array_size(s->choices);
        while (i < count && !mr_schema_equal(json_array_get(s->choices, i), v))
            i++;
        if (i == count)
            complain_choices(c, s, at);
    }
    return true;
}

static void check(struct checking *c, const struct mr_schema *s, const json_t *v,
                  const struct place *at)
{
    if (++c->depth > MR_SCHEMA_DEPTH_MAX)
        complain(c, s, "", at, "is nested too deep");
    else if (check_any(c, s, v, at) && !is_over(c)) {
        if (json_is_number(v))
            check_number(c, s, v, at);
        else if (json_is_string(v))
            check_text(c, s, v, at);
        else if (json_is_array(v))
            check_list(c, s, v, at);
        else if (json_is_object(v))
            check_object(c, s, v, at);
        if (s->ref && !is_over(c))
            check(c, s->ref, v, at);
    }
    c->depth--;
}

enum mr_status mr_schema_check(const struct mr_schema *schema, const json_t *value,
                               struct mr_schema_errors *errors)
{
    struct checking c = {.errors = errors};
    check(&c, schema, value, NULL);
    return c.wrong ? MR_INVALID : MR_OK;
}

void mr_schema_errors_text(const struct mr_schema_errors *errors, struct mr_error *out)
{
    const struct mr_schema_error *first = &errors->items[0];
    *out = (struct mr_error){0};
    if (errors->count == 0)
        return;
    if (errors->count == 1 && !errors->more)
        mr_fail(out, MR_INVALID, "#%s %s", first->pointer, first->detail);
    else
        mr_fail(out, MR_INVALID, "#%s %s (and %s%zu more)", first->pointer, first->detail,
                errors->more ? "over " : "", errors->count - 1);
}
