/* Any body is a request of so many records, or none. */
#include "fuzz_cut.h"

static void request(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_otlp(bytes, MR_OTLP_JSON, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cut(data, size, request);
    return 0;
}
