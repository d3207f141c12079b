/* Private to lib/pg: PostgreSQL's binary formats that parameters and COPY share. */
#ifndef MR_PG_BINARY_H
#define MR_PG_BINARY_H

#include "mr_time.h"
#include <stdbool.h>
#include <stdint.h>

#define MR_PG_EPOCH_MS  INT64_C(946684800000) /* PostgreSQL counts from 2000-01-01 */
#define MR_PG_EPOCH_DAY 10957

static inline void mr_pg_put32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (24 - 8 * i));
}

static inline void mr_pg_put64(char *p, uint64_t v)
{
    mr_pg_put32(p, (uint32_t)(v >> 32));
    mr_pg_put32(p + 4, (uint32_t)v);
}

static inline uint64_t mr_pg_float_bits(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

#define MR_PG_TIME_MS_MIN INT64_C(-210866803200000) /* the earliest timestamptz: 4713 BC */

/* Microseconds since PostgreSQL's epoch. False when it is no time that a timestamptz of ours may
 * hold. */
static inline bool mr_pg_from_unix_us(int64_t unix_us, int64_t *us)
{
    if (unix_us > MR_TIME_MS_MAX * 1000 + 999 || unix_us < MR_PG_TIME_MS_MIN * 1000)
        return false;
    *us = unix_us - MR_PG_EPOCH_MS * 1000;
    return true;
}

static inline bool mr_pg_from_unix_ms(int64_t unix_ms, int64_t *us)
{
    if (unix_ms > MR_TIME_MS_MAX || unix_ms < MR_PG_TIME_MS_MIN)
        return false;
    *us = (unix_ms - MR_PG_EPOCH_MS) * 1000;
    return true;
}

/* False for a day outside years -4712 to 9999, as above. */
static inline bool mr_pg_date_days(int32_t day, int32_t *days)
{
    if (day > 2932896 || day < -2440587)
        return false;
    *days = day - MR_PG_EPOCH_DAY;
    return true;
}

#endif
