/* The built-in classes of secrets in a text, found in one pass in linear time. Pure bytes in,
 * places out; mr_ingest.h says what each class is. */
#ifndef MR_SCAN_H
#define MR_SCAN_H

#include "mr_slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mr_scan_class { /* bits, so that a set of them is wanted */
                     MR_SCAN_CARD = 1,
                     MR_SCAN_TOKEN = 2,
                     MR_SCAN_URL_PASSWORD = 4
};
#define MR_SCAN_CLASSES 3

struct mr_scan_span {
    size_t begin, end; /* bytes of the text; begin < end */
    enum mr_scan_class found;
};

/* The first secret at or behind byte `from` of one of the classes; false: none. What was replaced
 * already is none. Spans come in order and do not overlap when from is the end of the last. */
bool mr_scan_next(struct mr_slice text, size_t from, unsigned classes, struct mr_scan_span *out);

/* Whether the number, written in digits, is a card's. */
bool mr_scan_is_card(int64_t number);

/* ---- for mr_scan*.c alone ---- */

/* A card that begins with the digits at `at`; otherwise false, and *skip says where the search goes
 * on: behind these digits. */
bool mr_scan_card_at(struct mr_slice text, size_t at, size_t *end, size_t *skip);
/* The value of name=value or name: value, whose sign is at `at`. */
bool mr_scan_pair_at(struct mr_slice text, size_t at, struct mr_scan_span *out);
/* A key known by how it begins, whose prefix ends with the character at `at`. */
bool mr_scan_key_at(struct mr_slice text, size_t at, struct mr_scan_span *out);

#endif
