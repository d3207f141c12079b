/* Writes the tuples of COPY (FORMAT binary). */
#include "mr_pg_copybin.h"
#include "mr_pg_binary.h"
#include "mr_pg_param.h"

void mr_pg_copybin_header(struct mr_buf *buf)
{
    static const char signature[11] = "PGCOPY\n\377\r\n"; /* the NUL belongs to it */
    mr_buf_add(buf, signature, sizeof signature);
    mr_buf_u32(buf, 0); /* flags */
    mr_buf_u32(buf, 0); /* bytes of extension */
}

void mr_pg_copybin_row(struct mr_buf *buf, uint16_t fields)
{
    mr_buf_u16(buf, fields);
}

void mr_pg_copybin_trailer(struct mr_buf *buf)
{
    mr_buf_u16(buf, UINT16_MAX);
}

void mr_pg_copybin_null(struct mr_buf *buf)
{
    mr_buf_u32(buf, UINT32_MAX);
}

void mr_pg_copybin_int2(struct mr_buf *buf, int16_t value)
{
    mr_buf_u32(buf, 2);
    mr_buf_u16(buf, (uint16_t)value);
}

void mr_pg_copybin_int4(struct mr_buf *buf, int32_t value)
{
    mr_buf_u32(buf, 4);
    mr_buf_u32(buf, (uint32_t)value);
}

void mr_pg_copybin_int8(struct mr_buf *buf, int64_t value)
{
    mr_buf_u32(buf, 8);
    mr_buf_u64(buf, (uint64_t)value);
}

void mr_pg_copybin_bool(struct mr_buf *buf, bool value)
{
    mr_buf_u32(buf, 1);
    mr_buf_char(buf, value);
}

void mr_pg_copybin_float8(struct mr_buf *buf, double value)
{
    mr_buf_u32(buf, 8);
    mr_buf_u64(buf, mr_pg_float_bits(value));
}

void mr_pg_copybin_uuid(struct mr_buf *buf, const struct mr_uuid *value)
{
    if (!value) {
        mr_pg_copybin_null(buf);
        return;
    }
    mr_buf_u32(buf, sizeof value->bytes);
    mr_buf_add(buf, value->bytes, sizeof value->bytes);
}

void mr_pg_copybin_bytes(struct mr_buf *buf, struct mr_slice value)
{
    if (!value.data) {
        mr_pg_copybin_null(buf);
        return;
    }
    if (value.len > MR_PG_VALUE_BYTES_MAX) {
        buf->over = true;
        return;
    }
    mr_buf_u32(buf, (uint32_t)value.len);
    mr_buf_slice(buf, value);
}

void mr_pg_copybin_jsonb(struct mr_buf *buf, struct mr_slice text)
{
    if (!text.data) {
        mr_pg_copybin_null(buf);
        return;
    }
    if (text.len >= MR_PG_VALUE_BYTES_MAX) {
        buf->over = true;
        return;
    }
    mr_buf_u32(buf, (uint32_t)text.len + 1);
    mr_buf_char(buf, 1); /* the format's version */
    mr_buf_slice(buf, text);
}

void mr_pg_copybin_time(struct mr_buf *buf, int64_t unix_ms)
{
    int64_t us;
    if (mr_pg_from_unix_ms(unix_ms, &us))
        mr_pg_copybin_int8(buf, us);
    else
        buf->over = true;
}

void mr_pg_copybin_time_us(struct mr_buf *buf, int64_t unix_us)
{
    int64_t us;
    if (mr_pg_from_unix_us(unix_us, &us))
        mr_pg_copybin_int8(buf, us);
    else
        buf->over = true;
}

void mr_pg_copybin_day(struct mr_buf *buf, int32_t day)
{
    int32_t days;
    if (mr_pg_date_days(day, &days))
        mr_pg_copybin_int4(buf, days);
    else
        buf->over = true;
}
