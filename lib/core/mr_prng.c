#include "mr_prng.h"

#include <assert.h>

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

/* splitmix64 spreads a small seed over the state. */
void mr_prng_seed(struct mr_prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        prng->state[i] = z ^ z >> 31;
    }
}

uint64_t mr_prng_next(struct mr_prng *prng)
{
    uint64_t *s = prng->state, out = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

uint32_t mr_prng_below(struct mr_prng *prng, uint32_t n)
{
    assert(n > 0);
    return (uint32_t)(((mr_prng_next(prng) >> 32) * n) >> 32);
}

bool mr_prng_chance(struct mr_prng *prng, uint32_t permille)
{
    return mr_prng_below(prng, 1000) < permille;
}
