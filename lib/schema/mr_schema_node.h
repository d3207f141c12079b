/* The inside of a schema set: documents, resources, and the compiled form of each schema in them.
 * Only the files of this folder include it.
 *
 * add: each place of a document where a schema stands becomes a node, found by "uri#/pointer".
 * compile: each node's keywords become fields, and its $ref the node that it names. */
#ifndef MR_SCHEMA_NODE_H
#define MR_SCHEMA_NODE_H

#define PCRE2_CODE_UNIT_WIDTH 8

#include "mr_map.h"
#include "mr_schema.h"
#include <pcre2.h>

enum { /* what a value can be, as bits; an integral number is INTEGER and NUMBER */
       MR_TYPE_NULL = 1,
       MR_TYPE_BOOLEAN = 2,
       MR_TYPE_INTEGER = 4,
       MR_TYPE_NUMBER = 8,
       MR_TYPE_STRING = 16,
       MR_TYPE_ARRAY = 32,
       MR_TYPE_OBJECT = 64
};

enum mr_schema_format { MR_FORMAT_NONE, MR_FORMAT_DATE_TIME, MR_FORMAT_DATE, MR_FORMAT_UUID };

struct mr_schema_document {
    const char *uri; /* under which it was added */
    const char *file;
    json_t *json; /* shared */
    struct mr_schema_document *next;
};

/* What a URI names: a document, or a part of one that has an $id of its own. */
struct mr_schema_resource {
    const char *uri;
    const struct mr_schema_document *document;
    const char *pointer; /* in the document; "" is its root */
    UT_hash_handle hh;   /* by uri */
};

struct mr_schema_property {
    const char *name; /* NULL: a free slot */
    size_t len;
    uint32_t hash;
    bool required;
    const struct mr_schema *schema; /* NULL: only required, any value */
};

struct mr_schema_properties { /* open addressing; a power of two slots, at most half of them used */
    struct mr_schema_property *slots;
    size_t slot_count;
    size_t count;
    size_t required_count;
};

struct mr_schema_sizes { /* an absent maximum is INT64_MAX */
    int64_t min, max;
};

struct mr_schema {
    const char *where; /* "billing.defs#/$defs/currency" */
    const struct mr_schema_document *document;
    const struct mr_schema_resource *resource; /* whose URI is the base of its $ref */
    const struct mr_schema_set *set;
    const json_t *json;
    const char *pointer; /* in the document: the tail of where */

    bool never;     /* the schema false */
    unsigned types; /* MR_TYPE bits; 0: any */
    enum mr_schema_format format;
    const struct mr_schema *ref;
    const json_t *constant, *choices; /* NULL: absent */
    const json_t *minimum, *maximum, *exclusive_minimum, *exclusive_maximum;
    struct mr_schema_sizes length, items_size, properties_size;
    pcre2_code *pattern;
    const char *pattern_text;
    const struct mr_schema *items, *additional;
    struct mr_schema_properties properties;

    struct mr_schema *next; /* in the set, in order of appearance */
    UT_hash_handle hh;      /* by where */
};

struct mr_schema_set {
    struct mr_arena arena;
    const char **annotations;
    size_t annotation_count;
    struct mr_schema_document *documents;
    struct mr_schema_resource *resources;
    struct mr_schema *nodes, *first, *last;
    pcre2_compile_context *compile_context;
    pcre2_match_context *match_context;
    bool compiled;
};

/* Whether, and where, a keyword's value holds schemas. */
enum mr_schema_shape {
    MR_SHAPE_PLAIN,
    MR_SHAPE_SCHEMA, /* a schema */
    MR_SHAPE_MAP     /* an object of schemas */
};

struct mr_schema_keyword {
    const char *name;
    enum mr_schema_shape shape;
    /* NULL for annotations and what was done while adding. */
    enum mr_status (*compile)(struct mr_schema *node, const struct mr_schema_keyword *keyword,
                              const json_t *value, struct mr_error *why);
    size_t field; /* offset of the field that compile sets, where several keywords share it */
};

/* mr_schema_compile.c: NULL when it is none that is understood. */
const struct mr_schema_keyword *mr_schema_keyword_of(const char *name);
/* MR_INVALID with "file#/pointer/keyword: text" in why; keyword may be NULL. */
enum mr_status mr_schema_fail(const struct mr_schema *node, const char *keyword,
                              struct mr_error *why, const char *fmt, ...) MR_PRINTF(4, 5);
/* mr_schema_set.c: the node below, "pointer/keyword" or "pointer/keyword/member". */
const struct mr_schema *mr_schema_below(const struct mr_schema *node, const char *keyword,
                                        const char *member);
/* The node that a reference names, seen from a node; NULL when there is none. */
const struct mr_schema *mr_schema_refer(const struct mr_schema *node, const char *ref);

/* mr_schema_value.c */
unsigned mr_schema_types_of(const json_t *value);
/* Numbers by value, exactly: <0, 0, >0. */
int mr_schema_compare(const json_t *a, const json_t *b);

/* mr_schema_properties.c */
void mr_schema_properties_init(struct mr_schema_properties *p, struct mr_arena *arena,
                               size_t count_max);
/* The entry of a name, made where it is new (name is kept). */
struct mr_schema_property *mr_schema_properties_add(struct mr_schema_properties *p,
                                                    const char *name);
const struct mr_schema_property *mr_schema_properties_find(const struct mr_schema_properties *p,
                                                           const char *name, size_t len);

#endif
