/* Rows for COPY ... FROM STDIN (FORMAT binary), written into a buffer:
 *     header, then for each row: row(fields) and that many fields, then trailer.
 * The fields' types must be exactly the table's columns'. Errors stay in the buffer (mr_buf_ok). */
#ifndef MR_PG_COPYBIN_H
#define MR_PG_COPYBIN_H

#include "mr_buf.h"
#include "mr_uuid.h"
#include <stdbool.h>
#include <stdint.h>

void mr_pg_copybin_header(struct mr_buf *buf);
void mr_pg_copybin_row(struct mr_buf *buf, uint16_t fields);
void mr_pg_copybin_trailer(struct mr_buf *buf);

void mr_pg_copybin_null(struct mr_buf *buf);
void mr_pg_copybin_int2(struct mr_buf *buf, int16_t value);
void mr_pg_copybin_int4(struct mr_buf *buf, int32_t value);
void mr_pg_copybin_int8(struct mr_buf *buf, int64_t value);
void mr_pg_copybin_bool(struct mr_buf *buf, bool value);
void mr_pg_copybin_float8(struct mr_buf *buf, double value);
void mr_pg_copybin_uuid(struct mr_buf *buf, const struct mr_uuid *value); /* NULL: NULL */
/* text, varchar, json, bytea: the bytes as they are. An absent slice is NULL; one above 1 GB marks
 * the buffer as over. */
void mr_pg_copybin_bytes(struct mr_buf *buf, struct mr_slice value);
void mr_pg_copybin_jsonb(struct mr_buf *buf, struct mr_slice text);
/* timestamptz, and timestamp read as UTC: from 4713 BC to MR_TIME_MS_MAX, else the buffer is over.
 */
void mr_pg_copybin_time(struct mr_buf *buf, int64_t unix_ms);
void mr_pg_copybin_time_us(struct mr_buf *buf, int64_t unix_us);
void mr_pg_copybin_day(struct mr_buf *buf, int32_t day);

#endif
