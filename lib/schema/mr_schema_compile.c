/* From keywords to the fields of a node. The table at the end is all that is understood. */
#include "mr_schema_node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATTERN_BYTES_MAX 4096

enum mr_status mr_schema_fail(const struct mr_schema *node, const char *keyword,
                              struct mr_error *why, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return mr_fail(why, MR_INVALID, "%s#%s%s%s: %s", node->document->file, node->pointer,
                   keyword ? "/" : "", keyword ? keyword : "", text);
}

static unsigned type_bit(const json_t *name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } types[] = {
        {"null", MR_TYPE_NULL},     {"boolean", MR_TYPE_BOOLEAN}, {"integer", MR_TYPE_INTEGER},
        {"number", MR_TYPE_NUMBER}, {"string", MR_TYPE_STRING},   {"array", MR_TYPE_ARRAY},
        {"object", MR_TYPE_OBJECT},
    };
    for (size_t i = 0; json_is_string(name) && i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].name, json_string_value(name)) == 0)
            return types[i].bit;
    }
    return 0;
}

static enum mr_status type(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                           const json_t *value, struct mr_error *why)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        unsigned bit = type_bit(json_is_array(value) ? json_array_get(value, i) : value);
        if (!bit || (node->types & bit))
            return mr_schema_fail(node, keyword->name, why,
                                  "must be one of null, boolean, integer, number, string, array "
                                  "and object, or a list of different ones");
        node->types |= bit;
    }
    return count ? MR_OK : mr_schema_fail(node, keyword->name, why, "the list is empty");
}

static enum mr_status choices(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                              const json_t *value, struct mr_error *why)
{
    if (!json_is_array(value) || json_array_size(value) == 0)
        return mr_schema_fail(node, keyword->name, why, "must be a list of values");
    node->choices = value;
    return MR_OK;
}

static enum mr_status constant(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                               const json_t *value, struct mr_error *why)
{
    (void)keyword;
    (void)why;
    node->constant = value;
    return MR_OK;
}

static enum mr_status bound(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                            const json_t *value, struct mr_error *why)
{
    if (!json_is_number(value))
        return mr_schema_fail(node, keyword->name, why, "must be a number");
    *(const json_t **)((char *)node + keyword->field) = value;
    return MR_OK;
}

static enum mr_status size(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                           const json_t *value, struct mr_error *why)
{
    int64_t n;
    if (!mr_schema_integer(value, &n) || n < 0)
        return mr_schema_fail(node, keyword->name, why, "must be an integer that is not negative");
    *(int64_t *)((char *)node + keyword->field) = n;
    return MR_OK;
}

/* Written for ECMA-262, as JSON Schema wants it: "$" is the very end, a back reference to a group
 * that took no part matches nothing, "[]" is empty, and no "(*VERB)" at the start. */
static enum mr_status pattern(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                              const json_t *value, struct mr_error *why)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                             PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK;
    if (!json_is_string(value) || json_string_length(value) > PATTERN_BYTES_MAX)
        return mr_schema_fail(node, keyword->name, why, "must be a text of at most %d bytes",
                              PATTERN_BYTES_MAX);
    const char *text = json_string_value(value);
    if (strncmp(text, "(*", 2) == 0)
        return mr_schema_fail(node, keyword->name, why, "there is nothing before \"*\" to repeat");
    int code;
    PCRE2_SIZE at;
    node->pattern_text = text;
    node->pattern = pcre2_compile((PCRE2_SPTR)text, json_string_length(value), options, &code, &at,
                                  node->set->compile_context);
    if (node->pattern) {
        (void)pcre2_jit_compile(node->pattern, PCRE2_JIT_COMPLETE); /* without it: interpreted */
        return MR_OK;
    }
    PCRE2_UCHAR reason[128];
    pcre2_get_error_message(code, reason, sizeof reason);
    return mr_schema_fail(node, keyword->name, why, "at byte %zu: %s", (size_t)at, (char *)reason);
}

static enum mr_status format(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                             const json_t *value, struct mr_error *why)
{
    static const struct {
        const char *name;
        enum mr_schema_format format;
    } formats[] = {
        {"date-time", MR_FORMAT_DATE_TIME}, {"date", MR_FORMAT_DATE}, {"uuid", MR_FORMAT_UUID}};
    for (size_t i = 0; json_is_string(value) && i < sizeof formats / sizeof *formats; i++) {
        if (strcmp(formats[i].name, json_string_value(value)) == 0) {
            node->format = formats[i].format;
            return MR_OK;
        }
    }
    return mr_schema_fail(node, keyword->name, why, "must be date-time, date or uuid");
}

static enum mr_status ref(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                          const json_t *value, struct mr_error *why)
{
    if (!json_is_string(value))
        return mr_schema_fail(node, keyword->name, why, "must be a URI as text");
    node->ref = mr_schema_refer(node, json_string_value(value));
    if (node->ref)
        return MR_OK;
    return mr_schema_fail(node, keyword->name, why, "there is no schema at %s",
                          json_string_value(value));
}

static enum mr_status below(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                            const json_t *value, struct mr_error *why)
{
    (void)value;
    (void)why;
    *(const struct mr_schema **)((char *)node + keyword->field) =
        mr_schema_below(node, keyword->name, NULL);
    return MR_OK;
}

static enum mr_status properties(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                                 const json_t *value, struct mr_error *why)
{
    (void)why; /* an object: that was seen while adding */
    const char *name;
    json_t *schema;
    json_object_foreach ((json_t *)value, name, schema) {
        mr_schema_properties_add(&node->properties, name)->schema =
            mr_schema_below(node, keyword->name, name);
    }
    return MR_OK;
}

static enum mr_status required(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                               const json_t *value, struct mr_error *why)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *name = json_array_get(value, i);
        if (!json_is_string(name))
            return mr_schema_fail(node, keyword->name, why, "must be a list of names");
        struct mr_schema_property *p =
            mr_schema_properties_add(&node->properties, json_string_value(name));
        if (p->required)
            return mr_schema_fail(node, keyword->name, why, "%s is named twice", p->name);
        p->required = true;
        node->properties.required_count++;
    }
    return json_is_array(value) ? MR_OK
                                : mr_schema_fail(node, keyword->name, why, "must be a list");
}

static enum mr_status text(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                           const json_t *value, struct mr_error *why)
{
    return json_is_string(value) ? MR_OK
                                 : mr_schema_fail(node, keyword->name, why, "must be a text");
}

static enum mr_status dialect(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                              const json_t *value, struct mr_error *why)
{
    const char *uri = json_string_value(value);
    if (uri && strcmp(uri, "https://json-schema.org/draft/2020-12/schema") == 0)
        return MR_OK;
    return mr_schema_fail(node, keyword->name, why,
                          "must be https://json-schema.org/draft/2020-12/schema");
}

#define AT(member) offsetof(struct mr_schema, member)

static const struct mr_schema_keyword keywords[] = {
    {"$schema", MR_SHAPE_PLAIN, dialect},
    {"$id", MR_SHAPE_PLAIN, NULL},
    {"$ref", MR_SHAPE_PLAIN, ref},
    {"$defs", MR_SHAPE_MAP, NULL},
    {"$comment", MR_SHAPE_PLAIN, text},
    {"title", MR_SHAPE_PLAIN, text},
    {"description", MR_SHAPE_PLAIN, text},
    {"default", MR_SHAPE_PLAIN, NULL},
    {"examples", MR_SHAPE_PLAIN, NULL},
    {"type", MR_SHAPE_PLAIN, type},
    {"enum", MR_SHAPE_PLAIN, choices},
    {"const", MR_SHAPE_PLAIN, constant},
    {"minimum", MR_SHAPE_PLAIN, bound, AT(minimum)},
    {"maximum", MR_SHAPE_PLAIN, bound, AT(maximum)},
    {"exclusiveMinimum", MR_SHAPE_PLAIN, bound, AT(exclusive_minimum)},
    {"exclusiveMaximum", MR_SHAPE_PLAIN, bound, AT(exclusive_maximum)},
    {"minLength", MR_SHAPE_PLAIN, size, AT(length.min)},
    {"maxLength", MR_SHAPE_PLAIN, size, AT(length.max)},
    {"pattern", MR_SHAPE_PLAIN, pattern},
    {"format", MR_SHAPE_PLAIN, format},
    {"items", MR_SHAPE_SCHEMA, below, AT(items)},
    {"minItems", MR_SHAPE_PLAIN, size, AT(items_size.min)},
    {"maxItems", MR_SHAPE_PLAIN, size, AT(items_size.max)},
    {"properties", MR_SHAPE_MAP, properties},
    {"additionalProperties", MR_SHAPE_SCHEMA, below, AT(additional)},
    {"required", MR_SHAPE_PLAIN, required},
    {"minProperties", MR_SHAPE_PLAIN, size, AT(properties_size.min)},
    {"maxProperties", MR_SHAPE_PLAIN, size, AT(properties_size.max)},
};

const struct mr_schema_keyword *mr_schema_keyword_of(const char *name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (strcmp(keywords[i].name, name) == 0)
            return &keywords[i];
    }
    return NULL;
}

static enum mr_status compile_node(struct mr_schema_set *set, struct mr_schema *node,
                                   struct mr_error *why)
{
    node->length.max = node->items_size.max = node->properties_size.max = INT64_MAX;
    if (json_is_boolean(node->json)) {
        node->never = json_is_false(node->json);
        return MR_OK;
    }
    mr_schema_properties_init(&node->properties, &set->arena,
                              json_object_size(json_object_get(node->json, "properties")) +
                                  json_array_size(json_object_get(node->json, "required")));
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)node->json, name, value) {
        const struct mr_schema_keyword *keyword = mr_schema_keyword_of(name);
        enum mr_status s =
            keyword && keyword->compile ? keyword->compile(node, keyword, value, why) : MR_OK;
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

/* A chain of $refs that comes back to where it began would be followed for ever, as none of them
 * goes down into the value. Each node has one $ref at most, so walking the chain is enough. */
static enum mr_status refuse_loop(struct mr_schema *node, size_t node_count, struct mr_error *why)
{
    size_t steps = 0;
    for (const struct mr_schema *s = node; s; s = s->ref) {
        if (steps++ > node_count)
            return mr_schema_fail(node, "$ref", why, "it leads in a loop, back to itself");
    }
    return MR_OK;
}

enum mr_status mr_schema_set_compile(struct mr_schema_set *set, struct mr_error *why)
{
    enum mr_status s = MR_OK;
    size_t node_count = HASH_COUNT(set->nodes);
    for (struct mr_schema *node = set->first; node && s == MR_OK; node = node->next)
        s = compile_node(set, node, why);
    for (struct mr_schema *node = set->first; node && s == MR_OK; node = node->next)
        s = refuse_loop(node, node_count, why);
    set->compiled = s == MR_OK;
    return s;
}
