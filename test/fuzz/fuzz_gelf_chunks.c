/* Whatever chunks come, the table keeps its bounds, and every chunk and message is accounted for.
 */
#include "fuzz.h"
#include "mr_gelf_chunks.h"

enum { MESSAGES_MAX = 4, BYTES_MAX = 300, MESSAGE_BYTES_MAX = 200, WAIT_MS = 100 };

static void check(const struct mr_gelf_chunks *c)
{
    const struct mr_gelf_chunks_counts *n = mr_gelf_chunks_counts(c);
    fuzz_must(mr_gelf_chunks_waiting(c) <= MESSAGES_MAX);
    fuzz_must(mr_gelf_chunks_bytes(c) <= BYTES_MAX);
    fuzz_must(n->late + n->doubled + n->bad + n->over <= n->chunks);
}

/* The input: length, source, milliseconds passed, and so many bytes of a datagram, over and over;
 * the mark of a chunk is written for it, since guessing it would take long. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_gelf_chunks_limits limits = {MESSAGES_MAX, BYTES_MAX, MESSAGE_BYTES_MAX, WAIT_MS};
    struct mr_gelf_chunks *c = mr_gelf_chunks_new(&limits);
    int64_t now_ms = 0;
    uint64_t lost = 0, whole = 0;
    struct mr_gelf_lost one;
    while (size >= 3) {
        size_t len = data[0] % 64u < size - 3 ? data[0] % 64u : size - 3;
        uint64_t source = data[1] % 3u;
        unsigned char datagram[64] = {0};
        struct mr_slice message;
        now_ms += data[2];
        memcpy(datagram, data + 3, len);
        if (len >= 2)
            datagram[0] = 0x1E, datagram[1] = 0x0F;
        while (mr_gelf_chunks_expire(c, now_ms, &one))
            lost++;
        if (mr_gelf_chunks_add(c, source, mr_slice(datagram, len), now_ms, &message) ==
            MR_GELF_WHOLE) {
            whole++;
            fuzz_must(message.len > 0 && message.len <= MESSAGE_BYTES_MAX);
        }
        check(c);
        data += 3 + len;
        size -= 3 + len;
    }
    while (mr_gelf_chunks_expire(c, now_ms + WAIT_MS, &one))
        lost++;
    check(c);
    fuzz_must(mr_gelf_chunks_waiting(c) == 0 && mr_gelf_chunks_bytes(c) == 0);
    fuzz_must(mr_gelf_chunks_counts(c)->lost == lost &&
              mr_gelf_chunks_counts(c)->messages == whole);
    mr_gelf_chunks_free(c);
    return 0;
}
