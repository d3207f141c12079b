/* JSON values as text, for what is stored as such. */
#ifndef LOGGING_JSON_H
#define LOGGING_JSON_H

#include "mr_buf.h"
#include <jansson.h>

/* Appends value without spaces, members in their order, and numbers with the fewest digits that
 * read as the same number again (json_dumps makes 0.10000000000000001 of 0.1). */
void logging_json_write(const json_t *value, struct mr_buf *out);

#endif
