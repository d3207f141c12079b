/* Random bits fit for keys and ids (libsodium). Callable from any thread; aborts where the system
 * has no randomness to give. Seeded, repeatable randomness is mr_prng in lib/core. */
#ifndef MR_RANDOM_H
#define MR_RANDOM_H

#include "mr_uuid.h"
#include <stddef.h>
#include <stdint.h>

void mr_random_bytes(void *out, size_t bytes);
uint64_t mr_random_u64(void);
/* A new UUIDv7 of the wall clock's now. */
struct mr_uuid mr_random_uuid_v7(void);

#endif
