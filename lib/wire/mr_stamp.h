/* Points in time with nanoseconds: int64_t Unix ns, UTC, years 1678 to 2261. */
#ifndef MR_STAMP_H
#define MR_STAMP_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stdint.h>

#define MR_STAMP_TEXT   30 /* 2026-11-25T08:39:03.123456789Z */
#define MR_STAMP_MS_MAX (INT64_MAX / 1000000 - 1)
#define MR_STAMP_MS_MIN (-MR_STAMP_MS_MAX)

/* Writes 20 to 30 characters and a NUL: RFC 3339 with as many digits of the second's fraction as
 * are not zero. Returns out. */
char *mr_stamp_text(int64_t unix_ns, char out[MR_STAMP_TEXT + 1]);
/* RFC 3339 as mr_time_parse takes it, the fraction cut to ns. MR_INVALID: not one, or not in range.
 */
MR_MUST_CHECK enum mr_status mr_stamp_parse(struct mr_slice text, int64_t *unix_ns);
/* Seconds since 1970 as a JSON number ("1385053862.3072", with exponent too), exact to the ns,
 * further digits cut. MR_INVALID: not one, or not in range. */
MR_MUST_CHECK enum mr_status mr_stamp_of_seconds(struct mr_slice number, int64_t *unix_ns);

#endif
