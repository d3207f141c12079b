/* JSON as the text of a cell. Only this folder includes it. */
#ifndef MR_WAREHOUSE_JSON_H
#define MR_WAREHOUSE_JSON_H

#include "mr_buf.h"
#include <jansson.h>

/* Appends the value without white space, members in the order they came in, texts as UTF-8, and
 * numbers that have a fraction with the fewest digits that give them again. */
void mr_warehouse_json(const json_t *value, struct mr_buf *out);

#define MR_WAREHOUSE_DOUBLE_TEXT 31
/* The fewest digits that give this (finite) double again: "0.1", "1e+300", "-4". Returns out. */
char *mr_warehouse_double(double number, char out[MR_WAREHOUSE_DOUBLE_TEXT + 1]);

#endif
