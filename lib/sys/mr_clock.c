#include "mr_clock.h"

#include <assert.h>
#include <time.h>

static uint64_t read_ns(clockid_t which)
{
    struct timespec t;
    int rc = clock_gettime(which, &t);
    assert(rc == 0);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int64_t mr_clock_wall_ms(void)
{
    return (int64_t)(read_ns(CLOCK_REALTIME) / 1000000);
}

int64_t mr_clock_mono_ms(void)
{
    return (int64_t)(read_ns(CLOCK_MONOTONIC) / 1000000);
}

uint64_t mr_clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t mr_clock_cpu_ns(void)
{
    return read_ns(CLOCK_PROCESS_CPUTIME_ID);
}
