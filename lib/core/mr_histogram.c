#include "mr_histogram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define MANTISSA_BITS 6
#define SHIFT         (52 - MANTISSA_BITS)
#define SUBNORMALS    (INT32_C(1) << MANTISSA_BITS) /* buckets below the smallest normal double */

static_assert(sizeof(double) == sizeof(uint64_t), "a double is an IEEE 754 binary64");

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int32_t mr_histogram_bucket(double value)
{
    assert(isfinite(value));
    int32_t bucket = (int32_t)(bits_of(fabs(value)) >> SHIFT);
    if (bucket < SUBNORMALS)
        return 0;
    return value < 0 ? -bucket : bucket;
}

double mr_histogram_value(int32_t bucket)
{
    assert(bucket >= -MR_HISTOGRAM_BUCKET_MAX && bucket <= MR_HISTOGRAM_BUCKET_MAX);
    int32_t magnitude = bucket < 0 ? -bucket : bucket;
    if (magnitude < SUBNORMALS)
        return 0;
    double middle = double_of((uint64_t)magnitude << SHIFT | UINT64_C(1) << (SHIFT - 1));
    return bucket < 0 ? -middle : middle;
}
