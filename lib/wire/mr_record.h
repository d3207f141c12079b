/* A whole record of a topic as bytes, to keep it in a database column (parked.record,
 * quarantine.record, bad_rows.record) and take it up again later, by another version too.
 *
 *   byte 1         version, 1
 *   position       8 bytes
 *   append time    8 bytes, Unix ms
 *   key, value     each 4 bytes length (0xffffffff: absent), then the bytes
 *   header count   4 bytes
 *   each header    name as 4 bytes length + bytes, value like key
 *
 * Integers are big-endian. Nothing follows. Another version gets another first byte; readers keep
 * reading version 1 for as long as a database may hold it. */
#ifndef MR_RECORD_H
#define MR_RECORD_H

#include "mr_arena.h"
#include "mr_buf.h"
#include "mr_cloudevent.h"
#include "mr_error.h"

struct mr_record {
    int64_t position;       /* Kafka offset, >= 0 */
    int64_t append_time_ms; /* Unix ms */
    struct mr_slice key;    /* may be absent */
    struct mr_slice value;  /* may be absent */
    struct mr_ce_headers headers;
};

/* Appends the bytes. MR_LIMIT: out is full (and over), or a part exceeds 4 GiB - 2. */
MR_MUST_CHECK enum mr_status mr_record_pack(const struct mr_record *record, struct mr_buf *out);

/* The headers' array lies in arena, all slices borrow bytes. out is written only on MR_OK.
 * MR_INVALID: not exactly one packed record (why says where). MR_LIMIT: arena full. */
MR_MUST_CHECK enum mr_status mr_record_unpack(struct mr_slice bytes, struct mr_arena *arena,
                                              struct mr_record *out, struct mr_error *why);

#endif
