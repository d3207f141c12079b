/* A log gives the same lines however it is cut. */
#include "fuzz_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cut(data, size, log_dump_combined);
    return 0;
}
