/* A stream of GELF gives the same lines however it is cut; any message gives a line or a cause. */
#include "fuzz_cut.h"

static void message(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_gelf(bytes, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cut(data, size, log_dump_gelf_stream);
    fuzz_cut(data, size, message);
    return 0;
}
