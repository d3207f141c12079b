/* What every fuzz target is: libFuzzer calls this with bytes of its own making, and a property that
 * does not hold ends the run. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_must(int holds)
{
    if (!holds)
        abort();
}

#endif
