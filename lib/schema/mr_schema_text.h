/* Checking JSON text against a schema in one pass, without a parsed form: for floods of small,
 * ordinary values, of which parsing costs more than all the rest.
 *
 * It says yes, or that it does not know: whoever hears the latter parses the text and checks that.
 * What it does not know are unusual forms (names with escapes, "\u", exponents, numbers of more
 * than 18 digits, objects of more than 32 members, depth over 16), keywords that take more than one
 * look, and whatever is wrong. */
#ifndef MR_SCHEMA_TEXT_H
#define MR_SCHEMA_TEXT_H

#include "mr_buf.h"
#include "mr_schema.h"
#include "mr_slice.h"
#include <stdbool.h>
#include <stdint.h>

/* What is seen on the way, each object and array before what is in it. */
struct mr_schema_seen {
    json_type type;       /* JSON_TRUE or JSON_FALSE for a boolean */
    int depth;            /* of the value: 0 for the text's own */
    struct mr_slice name; /* of a member; absent of an array's element and the text's own value */
    struct mr_slice text; /* JSON_STRING: what it says, until the next call */
    int64_t integer;      /* JSON_INTEGER */
};

struct mr_schema_glance; /* memory that is used again and again; for one thread */
struct mr_schema_glance *mr_schema_glance_new(void);
void mr_schema_glance_free(struct mr_schema_glance *glance); /* takes NULL */

/* True: text, which must be UTF-8, is one JSON value as mr_json_parse reads it, mr_schema_check
 * says MR_OK of it, and see (may be NULL) was told of every value in it and said true each time. */
bool mr_schema_glance_at(struct mr_schema_glance *glance, const struct mr_schema *schema,
                         struct mr_slice text,
                         bool (*see)(void *data, const struct mr_schema_seen *seen), void *data);

#endif
