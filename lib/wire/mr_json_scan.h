/* Walking JSON text in place: values are slices of the text itself, so numbers keep all their
 * digits, nothing is copied, and memory does not grow with the text. For formats whose bodies are
 * large or whose numbers a double cannot hold; what is a command's body is read by mr_json_parse.
 *
 * mr_json_scan_check once, then walk: the walkers take only checked text. */
#ifndef MR_JSON_SCAN_H
#define MR_JSON_SCAN_H

#include "mr_arena.h"
#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>

#define MR_JSON_SCAN_DEPTH_MAX 1024

enum mr_json_kind {
    MR_JSON_OBJECT,
    MR_JSON_ARRAY,
    MR_JSON_STRING,
    MR_JSON_NUMBER,
    MR_JSON_TRUE,
    MR_JSON_FALSE,
    MR_JSON_NULL
};

/* Checks that text is exactly one JSON value (RFC 8259), with white space around it, nested at most
 * MR_JSON_SCAN_DEPTH_MAX deep; *value is it without that white space. Bytes in strings need not be
 * UTF-8, surrogates not paired, names not different: mr_json_scan_string repairs. MR_INVALID: why
 * has line and column, not the text. */
MR_MUST_CHECK enum mr_status mr_json_scan_check(struct mr_slice text, struct mr_slice *value,
                                                struct mr_error *why);

enum mr_json_kind mr_json_scan_kind(struct mr_slice value);

/* The next member of an object, the next element of an array; *rest begins as the object or array
 * and is moved on. name is a string with its quotes. False at the end. */
bool mr_json_scan_member(struct mr_slice *rest, struct mr_slice *name, struct mr_slice *value);
bool mr_json_scan_element(struct mr_slice *rest, struct mr_slice *value);

/* What a string (given with its quotes) says: UTF-8 without U+0000, what is neither is U+FFFD. In
 * place where nothing is escaped, else in arena. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status mr_json_scan_string(struct mr_slice string, struct mr_arena *arena,
                                                 struct mr_slice *out);
/* How deep value is nested: 0 for a scalar, 1 for [] and {}. */
unsigned mr_json_scan_depth(struct mr_slice value);

#endif
