/* The buckets of the mergeable histogram that samples are kept in: a value belongs to the bucket
 * named by the exponent and the top 6 bits of the mantissa of its IEEE 754 double. So every power
 * of two has 64 buckets of equal width, two histograms merge by adding the counts of equal buckets,
 * and the middle of a bucket is within 1/129 (0.78 %) of every value in it.
 *
 * Zero, and what is smaller than a normal double (below 2.3e-308), is bucket 0, whose value is 0. A
 * negative value has the bucket of its magnitude negated; all negatives that small are in 0, too.
 */
#ifndef MR_HISTOGRAM_H
#define MR_HISTOGRAM_H

#include <stdint.h>

#define MR_HISTOGRAM_BUCKET_MAX INT32_C(131007) /* of the largest finite double */

/* value is finite (asserted); the result lies in -MR_HISTOGRAM_BUCKET_MAX ..
 * MR_HISTOGRAM_BUCKET_MAX, and is ordered as the values are. */
int32_t mr_histogram_bucket(double value);
/* What a value of this bucket is taken to be: the middle of the bucket. */
double mr_histogram_value(int32_t bucket);

#endif
