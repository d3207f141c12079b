/* A seeded generator for simulation and back-off jitter (xoshiro256**, Blackman and Vigna).
 * Not for secrets: those come from mr_random in lib/sys. */
#ifndef MR_PRNG_H
#define MR_PRNG_H

#include <stdbool.h>
#include <stdint.h>

struct mr_prng {
    uint64_t state[4];
};

void mr_prng_seed(struct mr_prng *prng, uint64_t seed);
uint64_t mr_prng_next(struct mr_prng *prng);
/* 0 .. n - 1, n > 0. */
uint32_t mr_prng_below(struct mr_prng *prng, uint32_t n);
/* True in permille of 1,000 cases. */
bool mr_prng_chance(struct mr_prng *prng, uint32_t permille);

#endif
