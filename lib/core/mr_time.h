/* Times are Unix milliseconds (int64_t, UTC); text is RFC 3339. No clock is read here. */
#ifndef MR_TIME_H
#define MR_TIME_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stdint.h>

#define MR_TIME_TEXT   24 /* 2026-11-25T08:39:03.123Z */
#define MR_DAY_TEXT    10 /* 2026-11-25 */
#define MR_DAY_MS      INT64_C(86400000)
#define MR_TIME_MS_MAX INT64_C(253402300799999) /* the end of year 9999 */

/* Writes 24 characters and a NUL; unix_ms lies in years 0000 to 9999. Returns out. */
char *mr_time_text(int64_t unix_ms, char out[MR_TIME_TEXT + 1]);
/* RFC 3339 date-time with any offset and fraction (cut to ms; a leap second 60 is read as 59.999). */
MR_MUST_CHECK enum mr_status mr_time_parse(struct mr_slice text, int64_t *unix_ms);

/* Days since 1970-01-01 of a time, rounded down: the "day" of partitions. */
int32_t mr_time_day(int64_t unix_ms);
/* Writes YYYY-MM-DD and a NUL. Returns out. */
char *mr_day_text(int32_t day, char out[MR_DAY_TEXT + 1]);
/* RFC 3339 full-date, checked against the calendar. */
MR_MUST_CHECK enum mr_status mr_day_parse(struct mr_slice text, int32_t *day);

#endif
