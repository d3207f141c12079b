/* However a request is cut, the parser says the same. */
#include "fuzz.h"
#include "http_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_slice bytes = mr_slice(data, size);
    struct mr_buf whole, cut;
    if (size == 0)
        return 0;
    mr_buf_init(&whole, 0);
    mr_buf_init(&cut, 0);
    http_dump(bytes, size, 1, &whole);
    http_dump(bytes, (size_t)(data[size / 2] << 8 | data[size - 1]) % (size + 1),
              1 + data[size / 3] % 16, &cut);
    fuzz_must(mr_slice_equal(mr_buf_all(&whole), mr_buf_all(&cut)));
    mr_buf_free(&whole);
    mr_buf_free(&cut);
    return 0;
}
