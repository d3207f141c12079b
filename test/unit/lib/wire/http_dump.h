/* What the request parser says about some bytes, as lines of text: the form of the suite's expect
 * files (test/suites/http/README.md). */
#ifndef HTTP_DUMP_H
#define HTTP_DUMP_H

#include "mr_buf.h"
#include "mr_http_parse.h"

/* Feeds the bytes as one piece of first bytes and then pieces of step (> 0), each in memory of its
 * own with nothing behind it, and appends the lines to out. The limits are the suite's. */
void http_dump(struct mr_slice bytes, size_t first, size_t step, struct mr_buf *out);

#endif
