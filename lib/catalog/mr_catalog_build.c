/* Reads the files into sources, checks their x- blocks by the schemas of schemas/meta, and calls
 * what makes a catalogue of them. */
#include "mr_catalog_own.h"

#include "mr_json.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Without these blocks' schemas nothing would be checked. */
static const char *const blocks[] = {"x-command",  "x-event",   "x-warehouse",
                                     "x-resource", "x-columns", "x-ingest"};
#define BLOCK_COUNT (sizeof blocks / sizeof *blocks)

/* ---- help for all ------------------------------------------------------------------------------
 */

void *mr_catalog_alloc(struct mr_catalog_builder *b, size_t count, size_t bytes)
{
    void *p = mr_arena_array(&b->own->arena, count, bytes);
    assert(p);
    return p;
}

const char *mr_catalog_text(struct mr_catalog_builder *b, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert(len >= 0 && (size_t)len < sizeof text); /* the parts are names, which are bounded */
    return mr_arena_dup(&b->own->arena, text, (size_t)len);
}

void mr_catalog_map_add(struct mr_catalog_own *own, enum mr_catalog_map map, const char *name,
                        const void *thing)
{
    struct mr_catalog_entry *e = mr_arena_alloc(&own->arena, sizeof *e);
    e->name = name;
    e->thing = thing;
    HASH_ADD_KEYPTR(hh, own->maps[map], e->name, strlen(e->name), e);
}

const void *mr_catalog_map_get(const struct mr_catalog_own *own, enum mr_catalog_map map,
                               struct mr_slice name)
{
    struct mr_catalog_entry *e;
    HASH_FIND(hh, own->maps[map], name.data, name.len, e);
    return e ? e->thing : NULL;
}

enum mr_status mr_catalog_fail(struct mr_catalog_builder *b, const struct mr_catalog_source *source,
                               const char *pointer, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return mr_fail(b->why, MR_INVALID, "%s#%s: %s", source->file, pointer, text);
}

struct mr_pointer mr_catalog_pointer(struct mr_catalog_builder *b, const char *text)
{
    struct mr_catalog_own *own = b->own;
    if (own->pointer_count == own->pointer_size) {
        own->pointer_size = own->pointer_size ? own->pointer_size * 2 : 64;
        own->pointers = realloc(own->pointers, own->pointer_size * sizeof *own->pointers);
        if (!own->pointers)
            abort();
    }
    struct mr_pointer *p = &own->pointers[own->pointer_count++];
    *p = (struct mr_pointer){0};
    if (mr_pointer_parse(mr_slice_text(text), p) != MR_OK)
        assert(!"the meta schemas let pass what is no pointer");
    return *p;
}

const char *mr_catalog_member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

int64_t mr_catalog_integer(const json_t *object, const char *name, int64_t otherwise)
{
    int64_t v;
    const json_t *member = json_object_get(object, name);
    return member && mr_schema_integer(member, &v) ? v : otherwise;
}

/* ---- files to sources --------------------------------------------------------------------------
 */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_name(const char *text, size_t len, const char *also)
{
    if (!len || text[0] < 'a' || text[0] > 'z')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !strchr(also, c))
            return false;
    }
    return true;
}

/* Takes the path apart; the domain becomes part of topics, receipts and SQL. */
static enum mr_status name_source(struct mr_catalog_builder *b, const char *path,
                                  struct mr_catalog_source *s)
{
    const char *slash = strchr(path, '/');
    s->file = mr_arena_dup(&b->own->arena, path, strlen(path));
    if (!slash || strchr(slash + 1, '/'))
        return mr_fail(b->why, MR_INVALID, "%s: a schema must lie in the folder of its domain",
                       path);
    size_t len = (size_t)(slash - path);
    if (len > MR_CATALOG_DOMAIN_MAX || !is_name(path, len, ""))
        return mr_fail(b->why, MR_INVALID,
                       "%s: a domain's name is 1 to %d small letters and digits, a letter first",
                       path, MR_CATALOG_DOMAIN_MAX);
    const char *name = slash + 1;
    size_t name_len = (size_t)(strrchr(name, '.') - name);
    if (len + name_len + 1 > MR_CATALOG_TYPE_MAX || !is_name(name, name_len, "._-"))
        return mr_fail(b->why, MR_INVALID,
                       "%s: a name is small letters, digits, \".\", \"_\" and \"-\", %d in all",
                       path, MR_CATALOG_TYPE_MAX);
    s->domain = mr_arena_dup(&b->own->arena, path, len);
    s->name = mr_arena_dup(&b->own->arena, name, name_len);
    s->uri = mr_catalog_text(b, "%s.%s", s->domain, s->name);
    return MR_OK;
}

/* What a document is, by the one block that says it. */
static enum mr_status classify(struct mr_catalog_builder *b, struct mr_catalog_source *s)
{
    static const struct {
        const char *block;
        enum mr_source_kind kind;
    } kinds[] = {{"x-command", MR_SOURCE_COMMAND},
                 {"x-event", MR_SOURCE_EVENT},
                 {"x-resource", MR_SOURCE_RESOURCE}};
    const char *found = NULL;
    if (strcmp(s->domain, "meta") == 0) {
        s->kind = MR_SOURCE_META;
        return MR_OK;
    }
    s->kind = MR_SOURCE_DEFS;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!json_object_get(s->json, kinds[i].block))
            continue;
        if (found)
            return mr_catalog_fail(b, s, "", "has both %s and %s", found, kinds[i].block);
        found = kinds[i].block;
        s->kind = kinds[i].kind;
    }
    bool defs = strcmp(s->name, "defs") == 0;
    if (!found && !defs)
        return mr_catalog_fail(b, s, "",
                               "has no x-command, x-event or x-resource; what is shared belongs "
                               "in defs.json");
    if (found && defs)
        return mr_catalog_fail(b, s, "", "defs.json is for what is shared and has no %s", found);
    return MR_OK;
}

static enum mr_status read_source(struct mr_catalog_builder *b, const struct mr_catalog_file *file,
                                  struct mr_catalog_source *s)
{
    struct mr_error why = {0};
    enum mr_status status = name_source(b, file->path, s);
    if (status != MR_OK)
        return status;
    if (!ends_with(file->path, ".json")) {
        s->kind = MR_SOURCE_VIEWS;
        s->text = mr_arena_dup(&b->own->arena, file->text.data, file->text.len);
        return MR_OK;
    }
    if (mr_json_parse(file->text, &s->json, &why) != MR_OK)
        return mr_fail(b->why, MR_INVALID, "%s: %s", file->path, why.text);
    return classify(b, s);
}

static int by_domain_and_name(const void *a, const void *b)
{
    const struct mr_catalog_source *x = a, *y = b;
    int order = strcmp(x->domain, y->domain);
    if (order == 0)
        order = strcmp(x->name, y->name);
    return order ? order : (x->kind > y->kind) - (x->kind < y->kind);
}

static enum mr_status read_sources(struct mr_catalog_builder *b,
                                   const struct mr_catalog_file *files, size_t count)
{
    struct mr_catalog_own *own = b->own;
    own->sources = mr_catalog_alloc(b, count, sizeof *own->sources);
    for (size_t i = 0; i < count; i++) {
        if (!ends_with(files[i].path, ".json") && !ends_with(files[i].path, "/views.sql"))
            continue;
        enum mr_status s = read_source(b, &files[i], &own->sources[own->source_count++]);
        if (s != MR_OK)
            return s;
    }
    qsort(own->sources, own->source_count, sizeof *own->sources, by_domain_and_name);
    return MR_OK;
}

/* ---- sources to schemas ------------------------------------------------------------------------
 */

static enum mr_status compile_schemas(struct mr_catalog_builder *b)
{
    struct mr_catalog_own *own = b->own;
    own->set = mr_schema_set_new(blocks, BLOCK_COUNT);
    for (size_t i = 0; i < own->source_count; i++) {
        struct mr_catalog_source *s = &own->sources[i];
        if (s->kind == MR_SOURCE_VIEWS)
            continue;
        enum mr_status status = mr_schema_set_add(own->set, s->uri, s->file, s->json, b->why);
        if (status != MR_OK)
            return status;
    }
    return mr_schema_set_compile(own->set, b->why);
}

static enum mr_status check_block(struct mr_catalog_builder *b, const struct mr_catalog_source *s,
                                  const char *block, const json_t *value)
{
    char uri[64];
    struct mr_schema_errors errors;
    snprintf(uri, sizeof uri, "meta.%s", block);
    const struct mr_schema *schema = mr_schema_set_find(b->own->set, uri);
    mr_schema_errors_init(&errors, &b->own->arena);
    if (!schema)
        return mr_fail(b->why, MR_INVALID, "meta/%s.json: the schema of this block is missing",
                       block);
    if (!value || mr_schema_check(schema, value, &errors) == MR_OK)
        return MR_OK;
    char at[400];
    snprintf(at, sizeof at, "/%s%s", block, errors.items[0].pointer);
    return mr_catalog_fail(b, s, at, "%s", errors.items[0].detail);
}

/* Which blocks go together. */
static enum mr_status check_company(struct mr_catalog_builder *b, const struct mr_catalog_source *s)
{
    const char *record = mr_catalog_member(json_object_get(s->json, "x-command"), "record");
    bool fact = record && strcmp(record, "none") == 0;
    if (json_object_get(s->json, "x-columns") && s->kind != MR_SOURCE_DEFS)
        return mr_catalog_fail(b, s, "/x-columns", "belongs in the domain's defs.json");
    if (json_object_get(s->json, "x-ingest") && s->kind != MR_SOURCE_COMMAND)
        return mr_catalog_fail(b, s, "/x-ingest", "belongs beside an x-command");
    if (json_object_get(s->json, "x-warehouse") && s->kind != MR_SOURCE_EVENT && !fact)
        return mr_catalog_fail(b, s, "/x-warehouse",
                               "belongs beside an x-event, or an x-command with record none");
    return MR_OK;
}

/* The type is said twice, in the file's name and in its block, so that a copied file is noticed. */
static enum mr_status check_type(struct mr_catalog_builder *b, const struct mr_catalog_source *s)
{
    static const char *const block_of[] = {[MR_SOURCE_COMMAND] = "x-command",
                                           [MR_SOURCE_EVENT] = "x-event",
                                           [MR_SOURCE_RESOURCE] = "x-resource"};
    if (s->kind != MR_SOURCE_COMMAND && s->kind != MR_SOURCE_EVENT && s->kind != MR_SOURCE_RESOURCE)
        return MR_OK;
    const char *block = block_of[s->kind];
    const char *type = mr_catalog_member(json_object_get(s->json, block), "type");
    char at[32];
    snprintf(at, sizeof at, "/%s/type", block);
    if (strcmp(type, s->uri) != 0)
        return mr_catalog_fail(b, s, at, "is %s, but the file's name says %s", type, s->uri);
    if (!mr_catalog_member(s->json, "title"))
        return mr_catalog_fail(b, s, "/title", "is missing");
    return MR_OK;
}

static enum mr_status check_sources(struct mr_catalog_builder *b)
{
    struct mr_catalog_own *own = b->own;
    enum mr_status status = MR_OK;
    for (size_t i = 0; i < own->source_count && status == MR_OK; i++) {
        const struct mr_catalog_source *s = &own->sources[i];
        if (s->kind == MR_SOURCE_VIEWS || s->kind == MR_SOURCE_META)
            continue;
        for (size_t k = 0; k < BLOCK_COUNT && status == MR_OK; k++)
            status = check_block(b, s, blocks[k], json_object_get(s->json, blocks[k]));
        if (status == MR_OK)
            status = check_company(b, s);
        if (status == MR_OK)
            status = check_type(b, s);
    }
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

static void add_domain(struct mr_catalog_builder *b, const char *name)
{
    struct mr_catalog_domain *d = &b->domains[b->catalog->domain_count];
    d->name = name;
    d->index = b->catalog->domain_count++;
    d->commands_topic = mr_catalog_text(b, "%s.commands", name);
    d->events_topic = mr_catalog_text(b, "%s.events", name);
    mr_catalog_map_add(b->own, MR_MAP_DOMAIN, d->name, d);
}

/* A folder with nothing but definitions is no domain: it has no topics. */
static void add_domains(struct mr_catalog_builder *b)
{
    struct mr_catalog *c = b->catalog;
    b->domains = mr_catalog_alloc(b, b->own->source_count, sizeof *b->domains);
    c->domains = b->domains;
    for (size_t i = 0; i < b->own->source_count; i++) {
        const struct mr_catalog_source *s = &b->own->sources[i];
        if (s->kind == MR_SOURCE_META || s->kind == MR_SOURCE_DEFS)
            continue;
        if (!mr_catalog_domain_of(c, s->domain))
            add_domain(b, s->domain);
        if (s->kind == MR_SOURCE_VIEWS) {
            b->domains[c->domain_count - 1].views_file = s->file;
            b->domains[c->domain_count - 1].views_sql = s->text;
        }
    }
}

static enum mr_status build(struct mr_catalog_builder *b, const struct mr_catalog_file *files,
                            size_t count)
{
    enum mr_status s = read_sources(b, files, count);
    if (s == MR_OK)
        s = compile_schemas(b);
    if (s == MR_OK)
        s = check_sources(b);
    if (s != MR_OK)
        return s;
    add_domains(b);
    s = mr_catalog_add_problems(b);
    if (s == MR_OK)
        s = mr_catalog_add_resources(b);
    if (s == MR_OK)
        s = mr_catalog_add_commands(b);
    if (s == MR_OK)
        s = mr_catalog_add_events(b);
    if (s == MR_OK)
        s = mr_catalog_add_tables(b);
    if (s == MR_OK)
        s = mr_catalog_add_routes(b);
    return s;
}

enum mr_status mr_catalog_build(const struct mr_catalog_file *files, size_t count,
                                struct mr_catalog **out, struct mr_error *why)
{
    struct mr_catalog *c = calloc(1, sizeof *c);
    struct mr_catalog_own *own = calloc(1, sizeof *own);
    if (!c || !own)
        abort();
    /* Schemas come with the program, so their memory has no bound but theirs. */
    mr_arena_init(&own->arena, SIZE_MAX / 2);
    c->own = own;
    struct mr_catalog_builder b = {.catalog = c, .own = own, .why = why};
    enum mr_status s = build(&b, files, count);
    if (s == MR_OK)
        *out = c;
    else
        mr_catalog_free(c);
    return s;
}

void mr_catalog_free(struct mr_catalog *catalog)
{
    if (!catalog)
        return;
    struct mr_catalog_own *own = catalog->own;
    for (size_t i = 0; i < MR_MAP_COUNT; i++)
        HASH_CLEAR(hh, own->maps[i]);
    for (size_t i = 0; i < own->pointer_count; i++)
        mr_pointer_free(&own->pointers[i]);
    free(own->pointers);
    mr_schema_set_free(own->set);
    for (size_t i = 0; i < own->source_count; i++)
        json_decref(own->sources[i].json);
    mr_arena_free(&own->arena);
    free(own);
    free(catalog);
}
