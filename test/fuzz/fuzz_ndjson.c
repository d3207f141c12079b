/* A body gives the same items however it is cut. */
#include "fuzz_cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cut(data, size, log_dump_ndjson);
    return 0;
}
