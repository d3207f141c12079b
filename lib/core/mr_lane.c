#include "mr_lane.h"

#include <assert.h>

/* A. Appleby's MurmurHash2, 32 bits, with Kafka's seed; bytes are read little-endian. */
static uint32_t murmur2(const uint8_t *p, size_t len)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)len;
    for (; len >= 4; p += 4, len -= 4) {
        uint32_t k =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        k *= m;
        k ^= k >> 24;
        h = (h * m) ^ (k * m);
    }
    if (len == 3)
        h ^= (uint32_t)p[2] << 16;
    if (len >= 2)
        h ^= (uint32_t)p[1] << 8;
    if (len >= 1)
        h = (h ^ p[0]) * m;
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

int32_t mr_lane_of(struct mr_slice key, int32_t lanes)
{
    assert(lanes > 0);
    return (int32_t)((murmur2((const uint8_t *)key.data, key.len) & 0x7fffffff) % (uint32_t)lanes);
}
