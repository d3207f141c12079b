/* Nine numbers of eight bytes, little-endian, a byte that says whether there is a value, and the
 * buckets. */
#include "reporting_store_late.h"

#include <string.h>

#define NUMBERS 9
#define HEAD    (NUMBERS * 8 + 1)

static void put(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t take(const uint8_t *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v |= (uint64_t)in[i] << (8 * i);
    return v;
}

static uint64_t bits_of(double real)
{
    uint64_t bits;
    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static double real_of(uint64_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof real);
    return real;
}

struct mr_slice reporting_late_write(const struct reporting_sum *sum, struct mr_slice buckets,
                                     struct mr_arena *arena)
{
    const uint64_t numbers[NUMBERS] = {
        (uint64_t)sum->count,    bits_of(sum->sum),        bits_of(sum->min),
        bits_of(sum->max),       bits_of(sum->last),       (uint64_t)sum->last_ms,
        (uint64_t)sum->sign_ins, (uint64_t)sum->sign_outs, (uint64_t)sum->expired,
    };
    uint8_t *out = mr_arena_alloc(arena, HEAD + buckets.len);
    if (!out)
        return mr_slice(NULL, 0);
    for (int i = 0; i < NUMBERS; i++)
        put(out + i * 8, numbers[i]);
    out[HEAD - 1] = sum->has_value;
    memcpy(out + HEAD, buckets.data, buckets.len);
    return mr_slice(out, HEAD + buckets.len);
}

enum mr_status reporting_late_read(struct mr_slice bytes, struct reporting_sum *sum,
                                   struct mr_slice *buckets)
{
    const uint8_t *in = (const uint8_t *)bytes.data;
    if (bytes.len < HEAD || in[HEAD - 1] > 1)
        return MR_INVALID;
    *sum = (struct reporting_sum){
        .count = (int64_t)take(in),
        .sum = real_of(take(in + 8)),
        .min = real_of(take(in + 16)),
        .max = real_of(take(in + 24)),
        .last = real_of(take(in + 32)),
        .last_ms = (int64_t)take(in + 40),
        .sign_ins = (int64_t)take(in + 48),
        .sign_outs = (int64_t)take(in + 56),
        .expired = (int64_t)take(in + 64),
        .has_value = in[HEAD - 1] == 1,
    };
    *buckets = mr_slice(bytes.data + HEAD, bytes.len - HEAD);
    return MR_OK;
}
