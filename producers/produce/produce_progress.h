/* How an import comes on: a bar on a terminal, else a line in the log every few seconds. */
#ifndef PRODUCE_PROGRESS_H
#define PRODUCE_PROGRESS_H

#include "mr_buf.h"
#include "produce.h"
#include <stdbool.h>
#include <stdint.h>

struct produce_progress {
    struct produce_counts counts;
    int64_t elapsed_ms;
    int64_t wait_ms; /* how long the oldest item has waited for the log */
};

/* "[######----------]  37 %  3,700 stored  2 rejected  12,345/s  0:07 left"; without a size, no bar
 * and no time. At most width characters, ASCII; nothing at the end. */
void produce_progress_bar(const struct produce_progress *progress, unsigned width,
                          struct mr_buf *out);
/* One line of JSON, with the counts of an import that has ended. */
void produce_progress_summary(const struct produce_counts *counts, struct mr_buf *out);

#endif
