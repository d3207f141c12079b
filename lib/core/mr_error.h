/* Text for people that travels with a status, in a fixed buffer that the caller owns. */
#ifndef MR_ERROR_H
#define MR_ERROR_H

#include "mr_status.h"

struct mr_error {
    char text[512]; /* one sentence that names what and where; NUL-terminated, cut if longer */
};

/* Writes the text and returns status, so that a failure is one line:
 *     return mr_fail(why, MR_INVALID, "%s: is not a number", name);
 * why may be NULL. */
enum mr_status mr_fail(struct mr_error *why, enum mr_status status, const char *fmt, ...)
    MR_PRINTF(3, 4);

#endif
