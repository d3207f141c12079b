/* BLAKE2b (RFC 7693) over length-prefixed parts, so that ("ab", "c") and ("a", "bc") differ.
 * Each part is preceded by its length as 8 bytes, big-endian; an absent part counts as empty. */
#ifndef MR_DIGEST_H
#define MR_DIGEST_H

#include "mr_slice.h"
#include <stdint.h>

struct mr_digest {
    uint8_t bytes[32];
};
struct mr_digest128 {
    uint8_t bytes[16];
};

struct mr_digest mr_digest_of(const struct mr_slice *parts, size_t count);
struct mr_digest128 mr_digest128_of(const struct mr_slice *parts, size_t count);

/* The hash of a command: type, subject (empty where there is none) and value. */
struct mr_digest mr_digest_command(struct mr_slice type, struct mr_slice subject,
                                   struct mr_slice value);
/* A lane's last_record: key, value and ce_id of a log record, whatever became of it. */
struct mr_digest128 mr_digest_record(struct mr_slice key, struct mr_slice value,
                                     struct mr_slice ce_id);

#endif
