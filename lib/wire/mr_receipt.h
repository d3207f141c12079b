/* Where an accepted command lies in the log. Text form: "billing-7-90210". */
#ifndef MR_RECEIPT_H
#define MR_RECEIPT_H

#include "mr_status.h"
#include <stddef.h>
#include <stdint.h>

#define MR_RECEIPT_TEXT 46 /* at most: 15 letters, 10 and 19 digits, two hyphens */

struct mr_receipt {
    char domain[16];  /* lower-case letters, NUL-terminated, not empty */
    int64_t position; /* Kafka offset, >= 0 */
    int32_t lane;     /* 0 .. lanes-1 */
};

/* Reads a receipt from text (len bytes, no NUL needed, not kept).
 * out is written only on MR_OK; MR_INVALID when text is not exactly one receipt: leading zeros,
 * signs and numbers too large included, so that a receipt has one text. */
MR_MUST_CHECK enum mr_status mr_receipt_parse(const char *text, size_t len, struct mr_receipt *out);

/* Writes the text and a NUL. Returns out. */
char *mr_receipt_text(const struct mr_receipt *receipt, char out[MR_RECEIPT_TEXT + 1]);

#endif
