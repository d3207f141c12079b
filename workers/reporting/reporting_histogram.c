#include "reporting_histogram.h"

#include "mr_histogram.h"
#include <assert.h>
#include <string.h>

#define COUNT_BITS 46
#define COUNT_MAX  ((INT64_C(1) << COUNT_BITS) - 1)
#define BIAS       (INT32_C(1) << 17)

static_assert(MR_HISTOGRAM_BUCKET_MAX < BIAS, "a biased bucket is positive and has 18 bits");

uint64_t reporting_bucket_pack(int32_t bucket, int64_t count)
{
    assert(bucket >= -MR_HISTOGRAM_BUCKET_MAX && bucket <= MR_HISTOGRAM_BUCKET_MAX);
    assert(count > 0);
    uint64_t kept = (uint64_t)(count > COUNT_MAX ? COUNT_MAX : count);
    return (uint64_t)(bucket + BIAS) << COUNT_BITS | kept;
}

int32_t reporting_bucket_of(uint64_t packed)
{
    return (int32_t)(packed >> COUNT_BITS) - BIAS;
}

int64_t reporting_bucket_count(uint64_t packed)
{
    return (int64_t)(packed & (uint64_t)COUNT_MAX);
}

static uint64_t sum_of(uint64_t a, uint64_t b)
{
    return reporting_bucket_pack(reporting_bucket_of(a),
                                 reporting_bucket_count(a) + reporting_bucket_count(b));
}

static bool same_bucket(uint64_t a, uint64_t b)
{
    return a >> COUNT_BITS == b >> COUNT_BITS;
}

/* The first place whose bucket is not below that of `packed`. */
static int32_t place_of(const uint64_t *buckets, int32_t count, uint64_t packed)
{
    int32_t low = 0, high = count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (buckets[middle] >> COUNT_BITS < packed >> COUNT_BITS)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int32_t add_one(uint64_t *into, int32_t count, uint64_t packed)
{
    int32_t at = place_of(into, count, packed);
    if (at < count && same_bucket(into[at], packed)) {
        into[at] = sum_of(into[at], packed);
        return count;
    }
    memmove(into + at + 1, into + at, (size_t)(count - at) * sizeof *into);
    into[at] = packed;
    return count + 1;
}

/* From the back, so that nothing of into is overwritten before it was read. */
static int32_t merge_many(uint64_t *into, int32_t a, const uint64_t *from, int32_t b)
{
    int32_t end = a + b, at = end, i = a - 1, j = b - 1;
    while (j >= 0) {
        if (i >= 0 && same_bucket(into[i], from[j])) {
            into[--at] = sum_of(into[i], from[j]);
            i--;
            j--;
        } else if (i >= 0 && into[i] > from[j]) {
            into[--at] = into[i--];
        } else {
            into[--at] = from[j--];
        }
    }
    int32_t kept = i + 1; /* these lie where they were; the merged ones follow them */
    memmove(into + kept, into + at, (size_t)(end - at) * sizeof *into);
    return kept + end - at;
}

static int32_t lowest_become_one(uint64_t *buckets, int32_t count)
{
    int32_t over = count - REPORTING_BUCKETS_MAX;
    if (over <= 0)
        return count;
    int64_t low = 0;
    for (int32_t i = 0; i <= over; i++)
        low += reporting_bucket_count(buckets[i]);
    buckets[over] = reporting_bucket_pack(reporting_bucket_of(buckets[over]), low);
    memmove(buckets, buckets + over, REPORTING_BUCKETS_MAX * sizeof *buckets);
    return REPORTING_BUCKETS_MAX;
}

int32_t reporting_histogram_merge(uint64_t *into, int32_t into_count, const uint64_t *from,
                                  int32_t from_count)
{
    int32_t count = from_count == 1 ? add_one(into, into_count, from[0])
                                    : merge_many(into, into_count, from, from_count);
    return lowest_become_one(into, count);
}

double reporting_histogram_quantile(const uint64_t *buckets, int32_t count, double q)
{
    assert(q >= 0 && q <= 1);
    int64_t n = 0, below = 0;
    for (int32_t i = 0; i < count; i++)
        n += reporting_bucket_count(buckets[i]);
    double wanted = q * (double)n;
    for (int32_t i = 0; i < count; i++) {
        below += reporting_bucket_count(buckets[i]);
        if ((double)below >= wanted)
            return mr_histogram_value(reporting_bucket_of(buckets[i]));
    }
    return 0;
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

static uint8_t *put(uint8_t *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *out++ = (uint8_t)(v | 0x80);
    *out++ = (uint8_t)v;
    return out;
}

size_t reporting_histogram_encode(const uint64_t *buckets, int32_t count, uint8_t *out)
{
    uint8_t *end = out;
    int32_t before = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t bucket = reporting_bucket_of(buckets[i]);
        uint32_t zigzag = bucket < 0 ? (uint32_t)-bucket * 2 - 1 : (uint32_t)bucket * 2;
        end = put(end, i == 0 ? zigzag : (uint64_t)(bucket - before));
        end = put(end, (uint64_t)reporting_bucket_count(buckets[i]));
        before = bucket;
    }
    return (size_t)(end - out);
}

/* False: the bytes end within a number, or it has more than 63 bits. */
static bool take(const uint8_t **at, const uint8_t *end, int64_t *out)
{
    uint64_t v = 0;
    for (int shift = 0; *at < end && shift < 63; shift += 7) {
        uint8_t byte = *(*at)++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = (int64_t)v;
            return true;
        }
    }
    return false;
}

enum mr_status reporting_histogram_decode(struct mr_slice bytes, uint64_t *out, int32_t *count)
{
    const uint8_t *at = (const uint8_t *)bytes.data, *end = at + bytes.len;
    int32_t n = 0;
    int64_t bucket = 0;
    while (at < end) {
        int64_t step, counted;
        if (!take(&at, end, &step) || !take(&at, end, &counted) || counted < 1 ||
            counted > COUNT_MAX || step > 4 * (int64_t)BIAS || (n > 0 && step < 1))
            return MR_INVALID;
        if (n == 0)
            bucket = step % 2 ? -(step + 1) / 2 : step / 2;
        else
            bucket += step;
        if (bucket < -MR_HISTOGRAM_BUCKET_MAX || bucket > MR_HISTOGRAM_BUCKET_MAX)
            return MR_INVALID;
        out[n++] = reporting_bucket_pack((int32_t)bucket, counted);
    }
    *count = n;
    return MR_OK;
}
