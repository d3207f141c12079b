#include "mr_random.h"

#include "mr_clock.h"
#include <sodium.h>

void mr_random_bytes(void *out, size_t bytes)
{
    randombytes_buf(out, bytes);
}

uint64_t mr_random_u64(void)
{
    uint64_t v;
    randombytes_buf(&v, sizeof v);
    return v;
}

struct mr_uuid mr_random_uuid_v7(void)
{
    uint8_t bits[10];
    randombytes_buf(bits, sizeof bits);
    return mr_uuid_v7(mr_clock_wall_ms(), bits);
}
