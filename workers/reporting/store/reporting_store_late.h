/* The bytes of what came late to a minute (column `late`), until the tick has merged it onwards. */
#ifndef REPORTING_STORE_LATE_H
#define REPORTING_STORE_LATE_H

#include "mr_arena.h"
#include "reporting_rollup.h"

/* In arena; absent: it is full. buckets as the column `buckets` has them. */
struct mr_slice reporting_late_write(const struct reporting_sum *sum, struct mr_slice buckets,
                                     struct mr_arena *arena);
/* MR_INVALID: these bytes are none. buckets borrows them. */
MR_MUST_CHECK enum mr_status reporting_late_read(struct mr_slice bytes, struct reporting_sum *sum,
                                                 struct mr_slice *buckets);

#endif
