/* Reading a schema instead of checking with it. */
#include "mr_schema_node.h"

#include "mr_pointer.h"
#include <string.h>

/* The node that a token leads to; NULL when there is none. */
static const struct mr_schema *step(const struct mr_schema *schema, const char *token)
{
    for (const struct mr_schema *s = schema; s; s = s->ref) {
        const struct mr_schema_property *p =
            mr_schema_properties_find(&s->properties, token, strlen(token));
        if (p && p->schema)
            return p->schema;
        if (s->items && *token && strspn(token, "0123456789") == strlen(token))
            return s->items;
    }
    for (const struct mr_schema *s = schema; s; s = s->ref) {
        if (s->additional && !s->additional->never)
            return s->additional;
    }
    return NULL;
}

const struct mr_schema *mr_schema_at(const struct mr_schema *schema, struct mr_slice pointer)
{
    struct mr_pointer p;
    if (mr_pointer_parse(pointer, &p) != MR_OK)
        return NULL;
    for (size_t i = 0; schema && i < p.count; i++)
        schema = step(schema, p.tokens[i]);
    mr_pointer_free(&p);
    return schema;
}

const char *mr_schema_text(const struct mr_schema *schema)
{
    const char *text = NULL;
    for (; schema && !text; schema = schema->ref) {
        text = json_string_value(json_object_get(schema->json, "description"));
        if (!text)
            text = json_string_value(json_object_get(schema->json, "title"));
    }
    return text;
}
