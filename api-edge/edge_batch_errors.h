/* What was wrong with the items of a batch: the first hundred are told, the others counted. */
#ifndef EDGE_BATCH_ERRORS_H
#define EDGE_BATCH_ERRORS_H

#include "mr_buf.h"
#include "mr_schema.h"
#include "mr_slice.h"
#include <stdint.h>

#define EDGE_BATCH_ERRORS_MAX 100

struct edge_batch_errors {
    struct mr_buf text;   /* members of a JSON array, with commas between */
    uint64_t told, count; /* in text; and all */
};

void edge_batch_errors_init(struct edge_batch_errors *errors);
void edge_batch_errors_free(struct edge_batch_errors *errors);
/* line: of the item, from 1. pointer: RFC 6901, "" is the item as a whole. */
void edge_batch_error(struct edge_batch_errors *errors, uint64_t line, struct mr_slice pointer,
                      struct mr_slice detail);
void edge_batch_error_schema(struct edge_batch_errors *errors, uint64_t line,
                             const struct mr_schema_errors *found);
/* "errors":[...], and "errors_more":N where there are more than are told. */
void edge_batch_errors_write(const struct edge_batch_errors *errors, struct mr_buf *out);

#endif
