/* The registry: finds every schema in a document that is added, and the schema that a URI names. */
#include "mr_schema_node.h"

#include "mr_buf.h"
#include "mr_pointer.h"
#include "mr_schema_uri.h"
#include <assert.h>
#include <limits.h>

#define PATTERN_MATCH_LIMIT  100000 /* steps of one match: about a millisecond */
#define PATTERN_DEPTH_LIMIT  10000
#define PATTERN_HEAP_MAX_KIB 4096

/* Below an $id, pointers and references begin anew. */
struct adding {
    struct mr_schema_set *set;
    const struct mr_schema_document *document;
    const struct mr_schema_resource *resource;
    struct mr_error *why;
    int depth;
};

struct mr_schema_set *mr_schema_set_new(const char *const *annotations, size_t count)
{
    struct mr_schema_set *set = calloc(1, sizeof *set);
    if (!set)
        abort();
    /* Schemas come with the program, so their memory has no bound but theirs. */
    mr_arena_init(&set->arena, SIZE_MAX / 2);
    set->annotations = mr_arena_array(&set->arena, count, sizeof *set->annotations);
    for (size_t i = 0; i < count; i++)
        set->annotations[i] = mr_arena_dup(&set->arena, annotations[i], strlen(annotations[i]));
    set->annotation_count = count;
    set->compile_context = pcre2_compile_context_create(NULL);
    set->match_context = pcre2_match_context_create(NULL);
    if (!set->compile_context || !set->match_context)
        abort();
    pcre2_set_newline(set->compile_context, PCRE2_NEWLINE_ANYCRLF);
    pcre2_set_compile_extra_options(set->compile_context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_match_limit(set->match_context, PATTERN_MATCH_LIMIT);
    pcre2_set_depth_limit(set->match_context, PATTERN_DEPTH_LIMIT);
    pcre2_set_heap_limit(set->match_context, PATTERN_HEAP_MAX_KIB);
    return set;
}

void mr_schema_set_free(struct mr_schema_set *set)
{
    if (!set)
        return;
    for (struct mr_schema *s = set->first; s; s = s->next)
        pcre2_code_free(s->pattern);
    for (struct mr_schema_document *d = set->documents; d; d = d->next)
        json_decref(d->json);
    HASH_CLEAR(hh, set->resources);
    HASH_CLEAR(hh, set->nodes);
    pcre2_compile_context_free(set->compile_context);
    pcre2_match_context_free(set->match_context);
    mr_arena_free(&set->arena);
    free(set);
}

static bool is_annotation(const struct mr_schema_set *set, const char *name)
{
    for (size_t i = 0; i < set->annotation_count; i++) {
        if (strcmp(set->annotations[i], name) == 0)
            return true;
    }
    return false;
}

static struct mr_schema_resource *resource_of(const struct mr_schema_set *set, struct mr_slice uri)
{
    struct mr_schema_resource *r;
    HASH_FIND(hh, set->resources, uri.data, uri.len, r);
    return r;
}

static enum mr_status add_resource(struct adding *a, const char *uri, const char *pointer)
{
    const struct mr_schema_resource *was = resource_of(a->set, mr_slice_text(uri));
    if (was)
        return mr_fail(a->why, MR_INVALID, "%s#%s: its URI %s is that of %s#%s already",
                       a->document->file, pointer, uri, was->document->file, was->pointer);
    struct mr_schema_resource *r = mr_arena_alloc(&a->set->arena, sizeof *r);
    r->uri = uri;
    r->document = a->document;
    r->pointer = pointer;
    HASH_ADD_KEYPTR(hh, a->set->resources, r->uri, strlen(r->uri), r);
    a->resource = r;
    return MR_OK;
}

/* Begins a resource where the schema has an $id. One that repeats its document's URI is no news. */
static enum mr_status take_id(struct adding *a, const struct mr_schema *node)
{
    const json_t *id = json_object_get(node->json, "$id");
    if (!id)
        return MR_OK;
    if (!json_is_string(id))
        return mr_schema_fail(node, "$id", a->why, "must be a URI as text");
    struct mr_slice fragment, uri = mr_schema_uri_split(json_string_value(id), &fragment);
    if (fragment.len)
        return mr_schema_fail(node, "$id", a->why, "a URI with a fragment cannot name a schema");
    char *whole = mr_schema_uri_resolve(&a->set->arena, mr_slice_text(a->resource->uri), uri);
    if (strcmp(whole, a->resource->uri) == 0)
        return MR_OK;
    return add_resource(a, whole, node->pointer);
}

static char *join(struct adding *a, const char *pointer, const char *keyword, const char *member)
{
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    mr_buf_text(&buf, pointer);
    mr_pointer_append(&buf, mr_slice_text(keyword));
    if (member)
        mr_pointer_append(&buf, mr_slice_text(member));
    char *text = mr_arena_dup(&a->set->arena, mr_buf_all(&buf).data, buf.len);
    mr_buf_free(&buf);
    return text;
}

static enum mr_status add_schema(struct adding *a, const json_t *json, const char *pointer);

static enum mr_status add_below(struct adding *a, const struct mr_schema *node,
                                const struct mr_schema_keyword *keyword, const json_t *value)
{
    if (keyword->shape == MR_SHAPE_PLAIN)
        return MR_OK;
    if (keyword->shape == MR_SHAPE_SCHEMA)
        return add_schema(a, value, join(a, node->pointer, keyword->name, NULL));
    if (!json_is_object(value))
        return mr_schema_fail(node, keyword->name, a->why, "must be an object of schemas");
    const char *name;
    json_t *schema;
    json_object_foreach ((json_t *)value, name, schema) {
        enum mr_status s = add_schema(a, schema, join(a, node->pointer, keyword->name, name));
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

static enum mr_status add_keywords(struct adding *a, const struct mr_schema *node)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)node->json, name, value) {
        const struct mr_schema_keyword *keyword = mr_schema_keyword_of(name);
        if (!keyword && !*node->pointer && is_annotation(a->set, name))
            continue;
        if (!keyword)
            return mr_schema_fail(node, name, a->why, "this keyword is not supported%s",
                                  is_annotation(a->set, name) ? " below the root of a document"
                                                              : "");
        enum mr_status s = add_below(a, node, keyword, value);
        if (s != MR_OK)
            return s;
    }
    return MR_OK;
}

static struct mr_schema *add_node(struct adding *a, const json_t *json, const char *pointer)
{
    struct mr_schema *node = mr_arena_alloc(&a->set->arena, sizeof *node);
    char *where = mr_arena_printf(&a->set->arena, "%s#%s", a->document->uri, pointer);
    node->where = where;
    node->pointer = where + strlen(a->document->uri) + 1;
    node->document = a->document;
    node->set = a->set;
    node->json = json;
    node->resource = a->resource;
    HASH_ADD_KEYPTR(hh, a->set->nodes, node->where, strlen(node->where), node);
    if (a->set->last)
        a->set->last->next = node;
    else
        a->set->first = node;
    a->set->last = node;
    return node;
}

static enum mr_status add_schema(struct adding *a, const json_t *json, const char *pointer)
{
    const struct mr_schema_resource *outer = a->resource;
    struct mr_schema *node = add_node(a, json, pointer);
    if (!json_is_object(json) && !json_is_boolean(json))
        return mr_schema_fail(node, NULL, a->why, "a schema must be an object, true or false");
    if (++a->depth > MR_SCHEMA_DEPTH_MAX)
        return mr_schema_fail(node, NULL, a->why, "schemas are nested too deep");
    enum mr_status s = take_id(a, node);
    node->resource = a->resource;
    if (s == MR_OK)
        s = add_keywords(a, node);
    a->resource = outer;
    a->depth--;
    return s;
}

enum mr_status mr_schema_set_add(struct mr_schema_set *set, const char *uri, const char *file,
                                 json_t *document, struct mr_error *why)
{
    assert(!set->compiled);
    struct mr_schema_document *d = mr_arena_alloc(&set->arena, sizeof *d);
    d->uri = mr_arena_dup(&set->arena, uri, strlen(uri));
    d->file = mr_arena_dup(&set->arena, file, strlen(file));
    d->json = json_incref(document);
    d->next = set->documents;
    set->documents = d;
    struct adding a = {.set = set, .document = d, .why = why};
    enum mr_status s = add_resource(&a, d->uri, "");
    return s == MR_OK ? add_schema(&a, document, "") : s;
}

/* The node at a pointer of a resource. */
static const struct mr_schema *node_at(const struct mr_schema_set *set,
                                       const struct mr_schema_resource *resource,
                                       struct mr_slice pointer)
{
    struct mr_buf key;
    struct mr_schema *node;
    mr_buf_init(&key, 0);
    mr_buf_printf(&key, "%s#%s", resource->document->uri, resource->pointer);
    mr_buf_slice(&key, pointer);
    HASH_FIND(hh, set->nodes, key.data, key.len, node);
    mr_buf_free(&key);
    return node;
}

const struct mr_schema *mr_schema_set_find(const struct mr_schema_set *set, const char *uri)
{
    assert(set->compiled);
    struct mr_slice fragment, name = mr_schema_uri_split(uri, &fragment);
    const struct mr_schema_resource *r = resource_of(set, name);
    return r ? node_at(set, r, fragment) : NULL;
}

const struct mr_schema *mr_schema_below(const struct mr_schema *node, const char *keyword,
                                        const char *member)
{
    struct mr_buf key;
    struct mr_schema *below;
    mr_buf_init(&key, 0);
    mr_buf_text(&key, node->where);
    mr_pointer_append(&key, mr_slice_text(keyword));
    if (member)
        mr_pointer_append(&key, mr_slice_text(member));
    HASH_FIND(hh, node->set->nodes, key.data, key.len, below);
    mr_buf_free(&key);
    assert(below); /* added with its parent */
    return below;
}

const struct mr_schema *mr_schema_refer(const struct mr_schema *node, const char *ref)
{
    struct mr_arena scratch;
    mr_arena_init(&scratch, SIZE_MAX / 2);
    struct mr_slice fragment, uri = mr_schema_uri_split(ref, &fragment);
    char *pointer = mr_schema_uri_decode(&scratch, fragment);
    char *whole = mr_schema_uri_resolve(&scratch, mr_slice_text(node->resource->uri), uri);
    const struct mr_schema_resource *r = resource_of(node->set, mr_slice_text(whole));
    const struct mr_schema *target = NULL;
    if (pointer && r)
        target = node_at(node->set, r, mr_slice_text(pointer));
    mr_arena_free(&scratch);
    return target;
}
