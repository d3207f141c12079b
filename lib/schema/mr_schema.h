/* JSON Schema 2020-12: documents are registered under their URIs, compiled once, and then check
 * values without looking at a keyword again.
 *
 * Understood: type, enum, const, required, properties, additionalProperties, items, minimum,
 * maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength (code points), minItems,
 * maxItems, minProperties, maxProperties, pattern (PCRE2 with ECMA-262 manners, not anchored),
 * format (date-time, date, uuid: asserted), $ref, $defs, $id, boolean schemas; $schema, $comment,
 * title, description, default and examples are annotations. Any other keyword is an error, except
 * the annotations that the caller names: those may stand at the root of a document.
 *
 * A number with an integral value is an integer however it was written (1.0); see
 * mr_schema_integer. A set is built by one thread; checking only reads it. */
#ifndef MR_SCHEMA_H
#define MR_SCHEMA_H

#include "mr_arena.h"
#include "mr_error.h"
#include "mr_slice.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_SCHEMA_ERRORS_MAX 20  /* errors reported of one value */
#define MR_SCHEMA_DEPTH_MAX  256 /* nesting of a value and of $refs together */

struct mr_schema;     /* a compiled schema; lives as long as its set */
struct mr_schema_set; /* the registry of URIs and what was compiled from it */

/* annotations: names of further keywords ("x-command") that are let pass at a document's root;
 * copied. */
struct mr_schema_set *mr_schema_set_new(const char *const *annotations, size_t count);
void mr_schema_set_free(struct mr_schema_set *set); /* takes NULL */

/* Registers a document under uri (absolute, or a plain name such as "billing.defs"), and under its
 * $id where it has one. file is what errors call it. The document is shared (json_incref) and must
 * not be changed any more. MR_INVALID with file and pointer in why: a keyword that is not
 * understood, a subschema that is neither object nor boolean, a URI that is taken. Not after
 * compile. */
MR_MUST_CHECK enum mr_status mr_schema_set_add(struct mr_schema_set *set, const char *uri,
                                               const char *file, json_t *document,
                                               struct mr_error *why);
/* Compiles all that was added, resolving $refs between documents. MR_INVALID with file and pointer
 * in why: a keyword with a wrong value, a bad pattern, a format not known, a $ref to nothing or in
 * a loop without progress. */
MR_MUST_CHECK enum mr_status mr_schema_set_compile(struct mr_schema_set *set, struct mr_error *why);
/* The compiled schema at "uri" or "uri#/pointer"; NULL when there is none. After compile. */
const struct mr_schema *mr_schema_set_find(const struct mr_schema_set *set, const char *uri);

/* What is wrong with one place of a value. Texts lie in the arena of the list. */
struct mr_schema_error {
    const char
        *pointer;       /* RFC 6901, "/lines/0/quantity"; "" is the whole. As mr_problem takes it */
    const char *schema; /* "billing.defs#/$defs/currency/pattern": the keyword that says no */
    const char *detail; /* for people: "must be at least 1" */
};

struct mr_schema_errors {
    struct mr_arena *arena; /* the caller's; where it is full, texts are shorter */
    size_t count;           /* entries of items */
    bool more;              /* there were further ones */
    struct mr_schema_error items[MR_SCHEMA_ERRORS_MAX];
};

static inline void mr_schema_errors_init(struct mr_schema_errors *errors, struct mr_arena *arena)
{
    errors->arena = arena;
    errors->count = 0;
    errors->more = false;
}

/* MR_OK or MR_INVALID. errors, initialised, gets up to 20 of what is wrong; with NULL the check
 * ends at the first. */
MR_MUST_CHECK enum mr_status mr_schema_check(const struct mr_schema *schema, const json_t *value,
                                             struct mr_schema_errors *errors);
/* One sentence of a list for logs: "#/lines/0/quantity must be at least 1 (and 3 more)". */
void mr_schema_errors_text(const struct mr_schema_errors *errors, struct mr_error *out);

/* True and the integer when value is a number that schemas call an integer and that fits int64_t.
 * Use it in place of json_integer_value, which reads 1.0 as 0. */
bool mr_schema_integer(const json_t *value, int64_t *out);
/* Equality as schemas mean it: numbers by value (1 = 1.0), objects without regard to order. */
bool mr_schema_equal(const json_t *a, const json_t *b);

/* The part of a schema that an instance pointer (RFC 6901) leads to, following properties, items,
 * additionalProperties and $refs; any digits stand for an item. NULL where nothing is said of it.
 */
const struct mr_schema *mr_schema_at(const struct mr_schema *schema, struct mr_slice pointer);
/* Its description, or else its title; NULL where nobody wrote one. Lives as long as the set. */
const char *mr_schema_text(const struct mr_schema *schema);

#endif
