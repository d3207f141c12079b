/* Reading JSON from outside (RFC 8259) with jansson, strictly: one value of any type and nothing
 * after it, UTF-8, no duplicate names, no "\u0000", at most MR_JSON_DEPTH_MAX nested arrays and
 * objects.
 *
 * Numbers: without fraction and exponent they are json_integer (64 bits; beyond that they are
 * refused, never rounded), with either they are json_real (double; overflow is refused, digits
 * beyond a double's are lost, so money is never one). 1.0 is a real: schemas that ask for an
 * integer decide whether they take it. */
#ifndef MR_JSON_H
#define MR_JSON_H

#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <jansson.h>

#define MR_JSON_DEPTH_MAX 64

/* On MR_OK the caller owns *out (json_decref), else it is not written. MR_INVALID: why is one
 * sentence with line and column, and without the text itself, which may hold what no log should.
 * The parsed form takes some 80 times the size of the text at worst: bound the text. */
MR_MUST_CHECK enum mr_status mr_json_parse(struct mr_slice text, json_t **out,
                                           struct mr_error *why);

#endif
