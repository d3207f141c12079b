/* UUIDs (RFC 9562) as 16 bytes. Text is 8-4-4-4-12 hex; it is read in either case, written in lower. */
#ifndef MR_UUID_H
#define MR_UUID_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define MR_UUID_TEXT 36 /* characters, without a NUL */

struct mr_uuid {
    uint8_t bytes[16];
};

/* out is written only on MR_OK; MR_INVALID when text is not exactly one UUID. */
MR_MUST_CHECK enum mr_status mr_uuid_parse(struct mr_slice text, struct mr_uuid *out);
/* Writes 36 characters and a NUL. Returns out. */
char *mr_uuid_text(const struct mr_uuid *id, char out[MR_UUID_TEXT + 1]);
bool mr_uuid_equal(const struct mr_uuid *a, const struct mr_uuid *b);
bool mr_uuid_is_nil(const struct mr_uuid *id);
/* memcmp order. */
int mr_uuid_compare(const struct mr_uuid *a, const struct mr_uuid *b);

/* Version 7 from a time (Unix ms, 48 bits) and 10 random bytes given by the caller. */
struct mr_uuid mr_uuid_v7(int64_t unix_ms, const uint8_t random[10]);
/* True and the time when id is of version 7. */
bool mr_uuid_v7_time(const struct mr_uuid *id, int64_t *unix_ms);
/* Version 5 in millrace's namespace 1a87e19b-12b9-5492-8ce7-16a7330031bb. */
struct mr_uuid mr_uuid_v5(struct mr_slice name);

/* The id of a command with this Idempotency-Key (its characters, unquoted): the key itself where
 * it is a UUID, else UUIDv5 of account LF domain LF key. */
struct mr_uuid mr_uuid_of_key(const struct mr_uuid *account, const char *domain,
                              struct mr_slice key);

#endif
