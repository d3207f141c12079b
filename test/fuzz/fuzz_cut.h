/* However some bytes are cut, a reader says the same; and it writes no line that a strict reader of
 * JSON refuses. */
#ifndef FUZZ_CUT_H
#define FUZZ_CUT_H

#include "fuzz.h"
#include "log_dump.h"

typedef void (*fuzz_dump)(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out);

static inline void fuzz_cut(const uint8_t *data, size_t size, fuzz_dump dump)
{
    struct mr_slice bytes = mr_slice(data, size);
    struct mr_buf whole, cut;
    if (size == 0)
        return;
    mr_buf_init(&whole, 0);
    mr_buf_init(&cut, 0);
    dump(bytes, (struct log_cut){size, 1}, &whole);
    dump(bytes,
         (struct log_cut){(size_t)(data[size / 2] << 8 | data[size - 1]) % (size + 1),
                          1 + data[size / 3] % 16u},
         &cut);
    fuzz_must(mr_slice_equal(mr_buf_all(&whole), mr_buf_all(&cut)));
    if (whole.len > 0)
        fuzz_must(!memmem(whole.data, whole.len, "NOT STRICT", 10) ||
                  memmem(data, size, "NOT STRICT", 10));
    mr_buf_free(&whole);
    mr_buf_free(&cut);
}

#endif
