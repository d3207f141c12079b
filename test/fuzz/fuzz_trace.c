/* What parses as a traceparent, is written as one that parses, with the same ids. */
#include "fuzz.h"
#include "mr_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_trace trace, again;
    char text[MR_TRACE_TEXT + 1];
    if (mr_trace_parse(mr_slice(data, size), &trace) == MR_OK) {
        mr_trace_text(&trace, text);
        fuzz_must(mr_trace_parse(mr_slice_text(text), &again) == MR_OK);
        fuzz_must(memcmp(&trace, &again, sizeof trace) == 0);
        fuzz_must(memcmp(text + 3, data + 3, 50) == 0);
    }
    (void)mr_trace_state_is_valid(mr_slice(data, size));
    return 0;
}
