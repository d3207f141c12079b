/* A record has one packed form: what unpacks, packs to the same bytes. */
#include "fuzz.h"
#include "mr_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_slice bytes = mr_slice(data, size);
    struct mr_record record;
    struct mr_error why;
    struct mr_arena arena;
    mr_arena_init(&arena, 65536);
    enum mr_status s = mr_record_unpack(bytes, &arena, &record, &why);
    if (s == MR_OK) {
        struct mr_buf packed;
        mr_buf_init(&packed, 0);
        fuzz_must(mr_record_pack(&record, &packed) == MR_OK);
        fuzz_must(mr_slice_equal(mr_buf_all(&packed), bytes));
        mr_buf_free(&packed);
    } else {
        fuzz_must(why.text[0] != 0);
    }
    mr_arena_free(&arena);
    return 0;
}
