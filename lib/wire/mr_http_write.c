#include "mr_http_write.h"
#include "mr_http_chars.h"
#include "mr_http_text.h"
#include "mr_time.h"

#include <stdio.h>

/* Ascending by status. Where RFC 9110 and the IANA registry differ, RFC 9110. */
static const struct {
    int32_t status;
    const char *text;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *mr_http_reason(int32_t status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Unknown";
}

static bool is_run_of(struct mr_slice s, unsigned class)
{
    for (size_t i = 0; i < s.len; i++)
        if (!mr_http_char_is(s.data[i], class))
            return false;
    return true;
}

static bool is_own_field(struct mr_slice name)
{
    static const char *const own[] = {"Date", "Content-Length", "Transfer-Encoding", "Connection"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (mr_http_equal_nocase(name, own[i]))
            return true;
    return false;
}

static enum mr_status check(const struct mr_http_answer *answer, struct mr_error *why)
{
    if (answer->status < 200 || answer->status > 599)
        return mr_fail(why, MR_INVALID, "%d is no status of an answer", answer->status);
    if (!answer->date || !is_run_of(mr_slice_text(answer->date), MR_HTTP_CHAR_VALUE))
        return mr_fail(why, MR_INVALID, "Date is missing or has control characters");
    for (size_t i = 0; i < answer->field_count; i++) {
        const struct mr_http_field *f = &answer->fields[i];
        if (f->name.len == 0 || !is_run_of(f->name, MR_HTTP_CHAR_TOKEN))
            return mr_fail(why, MR_INVALID, "the name of field %zu is no token", i);
        if (is_own_field(f->name))
            return mr_fail(why, MR_INVALID, "%.*s is not given as a field", MR_SLICE_FMT(f->name));
        if (!is_run_of(f->value, MR_HTTP_CHAR_VALUE))
            return mr_fail(why, MR_INVALID, "the value of %.*s has control characters",
                           MR_SLICE_FMT(f->name));
    }
    return MR_OK;
}

static void add_framing(struct mr_buf *out, const struct mr_http_answer *answer)
{
    switch (answer->framing) {
    case MR_HTTP_ANSWER_NO_BODY:
        break;
    case MR_HTTP_ANSWER_LENGTH:
        mr_buf_printf(out, "Content-Length: %llu\r\n", (unsigned long long)answer->content_length);
        break;
    case MR_HTTP_ANSWER_CHUNKED:
        mr_buf_text(out, "Transfer-Encoding: chunked\r\n");
        break;
    case MR_HTTP_ANSWER_TO_CLOSE:
        break;
    }
    if (answer->close || answer->framing == MR_HTTP_ANSWER_TO_CLOSE)
        mr_buf_text(out, "Connection: close\r\n");
}

enum mr_status mr_http_write_head(struct mr_buf *out, const struct mr_http_answer *answer,
                                  struct mr_error *why)
{
    enum mr_status s = check(answer, why);
    if (s != MR_OK)
        return s;
    mr_buf_printf(out, "HTTP/1.1 %d ", answer->status);
    mr_buf_text(out, mr_http_reason(answer->status));
    mr_buf_text(out, "\r\nDate: ");
    mr_buf_text(out, answer->date);
    mr_buf_text(out, "\r\n");
    add_framing(out, answer);
    for (size_t i = 0; i < answer->field_count; i++) {
        mr_buf_slice(out, answer->fields[i].name);
        mr_buf_add(out, ": ", 2);
        mr_buf_slice(out, answer->fields[i].value);
        mr_buf_add(out, "\r\n", 2);
    }
    mr_buf_add(out, "\r\n", 2);
    return mr_buf_ok(out) ? MR_OK : mr_fail(why, MR_LIMIT, "the head exceeds the output buffer");
}

size_t mr_http_chunk_line(size_t bytes, char out[MR_HTTP_CHUNK_LINE])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 1;
    for (size_t rest = bytes >> 4; rest; rest >>= 4)
        n++;
    for (size_t i = 0; i < n; i++)
        out[i] = digits[bytes >> (4 * (n - 1 - i)) & 15];
    out[n] = '\r';
    out[n + 1] = '\n';
    return n + 2;
}

void mr_http_write_chunk(struct mr_buf *out, struct mr_slice piece)
{
    char line[MR_HTTP_CHUNK_LINE];
    if (piece.len == 0)
        return;
    mr_buf_add(out, line, mr_http_chunk_line(piece.len, line));
    mr_buf_slice(out, piece);
    mr_buf_add(out, "\r\n", 2);
}

void mr_http_write_chunk_end(struct mr_buf *out)
{
    mr_buf_text(out, "0\r\n\r\n");
}

char *mr_http_date(int64_t unix_ms, char out[MR_HTTP_DATE_TEXT + 1])
{
    static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char t[MR_TIME_TEXT + 1];
    mr_time_text(unix_ms, t);
    int day = mr_time_day(unix_ms) % 7, month = (t[5] - '0') * 10 + t[6] - '0';
    snprintf(out, MR_HTTP_DATE_TEXT + 1, "%.3s, %.2s %.3s %.4s %.8s GMT",
             days + 3 * (day < 0 ? day + 7 : day), t + 8, months + 3 * (month - 1), t, t + 11);
    return out;
}
