/* Writing HTTP/1.1 answers: head, chunk framing, dates and reason phrases (RFC 9110, RFC 9112). */
#ifndef MR_HTTP_WRITE_H
#define MR_HTTP_WRITE_H

#include "mr_buf.h"
#include "mr_error.h"
#include "mr_http_parse.h"

#define MR_HTTP_DATE_TEXT 29 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define MR_HTTP_CONTINUE  "HTTP/1.1 100 Continue\r\n\r\n"

enum mr_http_answer_framing {
    MR_HTTP_ANSWER_NO_BODY, /* neither header: 204, 304 */
    MR_HTTP_ANSWER_LENGTH,  /* Content-Length (also for HEAD: the length that GET would have) */
    MR_HTTP_ANSWER_CHUNKED, /* not towards HTTP/1.0 */
    MR_HTTP_ANSWER_TO_CLOSE /* neither header, the end is the end of the connection; implies close
                             */
};

struct mr_http_answer {
    int32_t status;   /* 200 .. 599 */
    const char *date; /* as mr_http_date writes it, kept by the caller once a second */
    enum mr_http_answer_framing framing;
    uint64_t content_length;
    bool close;                         /* Connection: close */
    const struct mr_http_field *fields; /* names as they are to be sent */
    size_t field_count;
};

/* Appends status line, Date, framing, Connection, the fields, and the empty line.
 * MR_INVALID, and nothing is appended: a name that is no token, a value with CR, LF, NUL or another
 * control character but HTAB, a field that this function writes itself (Date, Content-Length,
 * Transfer-Encoding, Connection), or a status outside 200 .. 599; why names it.
 * MR_LIMIT: out is full (out then holds a part and is over). */
MR_MUST_CHECK enum mr_status
mr_http_write_head(struct mr_buf *out, const struct mr_http_answer *answer, struct mr_error *why);

/* One chunk; nothing for an empty piece, which would end the body. Ask mr_buf_ok afterwards. */
void mr_http_write_chunk(struct mr_buf *out, struct mr_slice piece);
/* The last chunk and an empty trailer section. */
void mr_http_write_chunk_end(struct mr_buf *out);
/* For writing a large piece from where it lies: this line, the bytes (bytes > 0), then "\r\n".
 * Returns the line's length; there is no NUL. */
#define MR_HTTP_CHUNK_LINE 18
size_t mr_http_chunk_line(size_t bytes, char out[MR_HTTP_CHUNK_LINE]);

/* IMF-fixdate and a NUL; unix_ms lies in years 0000 to 9999. Returns out. */
char *mr_http_date(int64_t unix_ms, char out[MR_HTTP_DATE_TEXT + 1]);

/* Never NULL: "Unknown" where the status has no registered phrase. */
const char *mr_http_reason(int32_t status);

#endif
