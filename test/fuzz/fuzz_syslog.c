/* A stream of syslog gives the same lines however it is cut; any datagram gives a line. */
#include "fuzz_cut.h"

static void datagram(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out)
{
    (void)cut;
    log_dump_datagram(bytes, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cut(data, size, log_dump_stream);
    fuzz_cut(data, size, datagram);
    return 0;
}
