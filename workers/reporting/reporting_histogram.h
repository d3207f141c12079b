/* Counts by bucket (mr_histogram.h names the buckets): sparse, sorted, mergeable, exact. Quantiles
 * are within 1 % of the value at that rank.
 *
 * A histogram is an array of packed pairs, (bucket + bias) << 46 | count, ascending: one word a
 * bucket, so that images copy it and comparing words compares buckets. A count stops at 2^46 - 1.
 * At most REPORTING_BUCKETS_MAX buckets are kept: beyond that the lowest become one, so that high
 * quantiles stay exact. */
#ifndef REPORTING_HISTOGRAM_H
#define REPORTING_HISTOGRAM_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define REPORTING_BUCKETS_MAX 2048 /* 32 powers of two in a row */

uint64_t reporting_bucket_pack(int32_t bucket, int64_t count);
int32_t reporting_bucket_of(uint64_t packed);
int64_t reporting_bucket_count(uint64_t packed);

/* Adds the counts of from (sorted, other memory) to into, which has room for into_count +
 * from_count. Returns how many buckets there are now: at most REPORTING_BUCKETS_MAX. */
int32_t reporting_histogram_merge(uint64_t *into, int32_t into_count, const uint64_t *from,
                                  int32_t from_count);

/* The value at rank ceil(q * n) of the n counted ones (q in 0 .. 1; rank 1 at least), as its bucket
 * has it; 0 where nothing was counted. */
double reporting_histogram_quantile(const uint64_t *buckets, int32_t count, double q);

/* As bytes for the store: for each bucket its distance from the one before (the first: itself,
 * zigzag) and its count, both LEB128. out has room for REPORTING_BUCKET_BYTES_MAX a bucket. */
#define REPORTING_BUCKET_BYTES_MAX 11
size_t reporting_histogram_encode(const uint64_t *buckets, int32_t count, uint8_t *out);
/* out has room for a bucket each two bytes. MR_INVALID: these bytes are no histogram. */
MR_MUST_CHECK enum mr_status reporting_histogram_decode(struct mr_slice bytes, uint64_t *out,
                                                        int32_t *count);

#endif
