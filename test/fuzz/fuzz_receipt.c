/* A receipt has one text: what parses, is written as it was. */
#include "fuzz.h"
#include "mr_receipt.h"
#include "mr_slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_receipt receipt;
    char text[MR_RECEIPT_TEXT + 1];
    if (mr_receipt_parse((const char *)data, size, &receipt) == MR_OK)
        fuzz_must(mr_slice_is(mr_slice(data, size), mr_receipt_text(&receipt, text)));
    return 0;
}
