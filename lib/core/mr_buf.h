/* A growing run of bytes with a bound, for texts and wire formats that are built piece by piece.
 *
 * Appending past bytes_max drops the piece and marks the buffer as over; callers append freely and
 * ask once at the end with mr_buf_ok(). A failing malloc aborts. */
#ifndef MR_BUF_H
#define MR_BUF_H

#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

struct mr_buf {
    char *data; /* not NUL-terminated; NULL while nothing was appended */
    size_t len;
    size_t size;      /* allocated */
    size_t bytes_max; /* 0: no bound but memory */
    bool over;
};

void mr_buf_init(struct mr_buf *buf, size_t bytes_max);
void mr_buf_free(struct mr_buf *buf);
/* Empties it, keeps the memory, clears the mark. */
void mr_buf_reset(struct mr_buf *buf);
/* Drops the first n (<= len) bytes. */
void mr_buf_consume(struct mr_buf *buf, size_t n);
/* Room for n bytes at data + len, to be claimed by adding to len; NULL when over. */
char *mr_buf_reserve(struct mr_buf *buf, size_t n);

void mr_buf_add(struct mr_buf *buf, const void *data, size_t len);
void mr_buf_text(struct mr_buf *buf, const char *text);
void mr_buf_slice(struct mr_buf *buf, struct mr_slice s);
void mr_buf_char(struct mr_buf *buf, char c);
void mr_buf_printf(struct mr_buf *buf, const char *fmt, ...) MR_PRINTF(2, 3);
/* A JSON string with its quotes, escaped (RFC 8259); text is UTF-8, what is not is replaced. */
void mr_buf_json_string(struct mr_buf *buf, struct mr_slice text);
/* Big-endian integers, for binary formats. */
void mr_buf_u16(struct mr_buf *buf, uint16_t v);
void mr_buf_u32(struct mr_buf *buf, uint32_t v);
void mr_buf_u64(struct mr_buf *buf, uint64_t v);

static inline bool mr_buf_ok(const struct mr_buf *buf)
{
    return !buf->over;
}

static inline struct mr_slice mr_buf_all(const struct mr_buf *buf)
{
    return mr_slice(buf->data ? buf->data : "", buf->len);
}

#endif
