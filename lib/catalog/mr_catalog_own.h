/* The inside of a catalogue and of its building. Only the files of this folder include it.
 *
 * Building goes once over the sources in order of domain and name: files are read
 * (mr_catalog_build), blocks become commands, events and resources (mr_catalog_blocks), their rows
 * are merged into tables (mr_catalog_tables), their routes into a tree (mr_catalog_route). */
#ifndef MR_CATALOG_OWN_H
#define MR_CATALOG_OWN_H

#include "mr_arena.h"
#include "mr_catalog.h"
#include "mr_map.h"

enum mr_source_kind {
    MR_SOURCE_DEFS,
    MR_SOURCE_COMMAND,
    MR_SOURCE_EVENT,
    MR_SOURCE_RESOURCE,
    MR_SOURCE_META,
    MR_SOURCE_VIEWS
};

struct mr_catalog_source {
    const char *file;   /* "billing/invoice.create.json" */
    const char *domain; /* "billing" */
    const char *name;   /* "invoice.create" */
    const char *uri;    /* "billing.invoice.create" */
    enum mr_source_kind kind;
    json_t *json;     /* owned; NULL for views */
    const char *text; /* of views */
};

enum mr_catalog_map {
    MR_MAP_DOMAIN,
    MR_MAP_COMMAND,
    MR_MAP_EVENT,
    MR_MAP_RESOURCE,
    MR_MAP_PROBLEM,
    MR_MAP_TABLE,
    MR_MAP_FORMAT, /* the command that can come in it */
    MR_MAP_COUNT
};

struct mr_catalog_entry {
    const char *name;
    const void *thing;
    UT_hash_handle hh;
};

struct mr_route_node;

struct mr_catalog_own {
    struct mr_arena arena;
    struct mr_schema_set *set;
    struct mr_catalog_source *sources; /* by domain, then name */
    size_t source_count;
    struct mr_pointer *pointers; /* all that were parsed, to be freed */
    size_t pointer_count, pointer_size;
    struct mr_catalog_entry *maps[MR_MAP_COUNT];
    struct mr_route_node *routes;
};

struct mr_catalog_builder {
    struct mr_catalog *catalog;
    struct mr_catalog_own *own;
    struct mr_error *why;
    /* The lists of the catalogue, while they may be written. */
    struct mr_catalog_domain *domains;
    struct mr_catalog_command *commands;
    struct mr_catalog_event *events;
    struct mr_catalog_resource *resources;
    struct mr_catalog_problem *problems;
    struct mr_catalog_table *tables;
};

/* mr_catalog_build.c: help for all. The arena has no bound, so nothing here fails. */
void *mr_catalog_alloc(struct mr_catalog_builder *b, size_t count, size_t bytes);
const char *mr_catalog_text(struct mr_catalog_builder *b, const char *fmt, ...) MR_PRINTF(2, 3);
void mr_catalog_map_add(struct mr_catalog_own *own, enum mr_catalog_map map, const char *name,
                        const void *thing);
const void *mr_catalog_map_get(const struct mr_catalog_own *own, enum mr_catalog_map map,
                               struct mr_slice name);
/* MR_INVALID with "file#pointer: text" in why. */
enum mr_status mr_catalog_fail(struct mr_catalog_builder *b, const struct mr_catalog_source *source,
                               const char *pointer, const char *fmt, ...) MR_PRINTF(4, 5);
/* Parses a pointer that the meta schema found good; the catalogue owns it. */
struct mr_pointer mr_catalog_pointer(struct mr_catalog_builder *b, const char *text);
/* "text" of an object's member, or NULL. */
const char *mr_catalog_member(const json_t *object, const char *name);
/* Its integer, or otherwise. */
int64_t mr_catalog_integer(const json_t *object, const char *name, int64_t otherwise);

/* mr_catalog_blocks.c */
enum mr_status mr_catalog_add_problems(struct mr_catalog_builder *b);
enum mr_status mr_catalog_add_resources(struct mr_catalog_builder *b);
enum mr_status mr_catalog_add_commands(struct mr_catalog_builder *b);
enum mr_status mr_catalog_add_events(struct mr_catalog_builder *b);

/* mr_catalog_tables.c: after commands and events. */
enum mr_status mr_catalog_add_tables(struct mr_catalog_builder *b);

/* mr_catalog_route.c */
struct mr_route_target { /* exactly one is set */
    const struct mr_catalog_command *command;
    const struct mr_catalog_resource *item, *list;
};
/* Reads "POST /v1/..." (its form was checked); MR_INVALID for a parameter that comes twice, two
 * that are neither {account}, {subject} nor {id}, or more segments than 16. */
enum mr_status mr_catalog_route_parse(struct mr_catalog_builder *b,
                                      const struct mr_catalog_source *source, const char *pointer,
                                      const char *text, struct mr_catalog_route *out);
bool mr_catalog_route_has(const struct mr_catalog_route *route, enum mr_segment_kind kind);
/* The name of its parameter; NULL where it has none. */
const char *mr_catalog_route_parameter(const struct mr_catalog_route *route);
/* Puts all routes into the tree; MR_INVALID with both files where one is there twice. */
enum mr_status mr_catalog_add_routes(struct mr_catalog_builder *b);

/* mr_catalog_parameter.c */
enum mr_status mr_catalog_add_parameters(struct mr_catalog_builder *b,
                                         const struct mr_catalog_source *source,
                                         const json_t *block, struct mr_catalog_resource *resource);
enum mr_value_kind mr_catalog_value_kind(const char *name, const char **sql_type);

#endif
