/* A body gives the same bytes however it is cut, and never more than its bound. */
#include "fuzz_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cut(data, size, log_dump_inflate);
    return 0;
}
