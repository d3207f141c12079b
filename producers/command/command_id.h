/* Ids of commands that come many at a time under one key, so that sending them again repeats them
 * (design section 3). */
#ifndef COMMAND_ID_H
#define COMMAND_ID_H

#include "mr_slice.h"
#include "mr_uuid.h"
#include <stdint.h>

#define COMMAND_KEY_BYTES_MAX 255

/* UUIDv5 of account LF domain LF key LF n, whatever the key looks like (at most
 * COMMAND_KEY_BYTES_MAX bytes, asserted). n is the item's number from 1 in a batch request, its
 * byte offset in an import. */
struct mr_uuid command_id_of_item(const struct mr_uuid *account, const char *domain,
                                  struct mr_slice key, uint64_t n);

#endif
