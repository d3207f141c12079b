#include "mr_frames.h"

#include "mr_buf.h"
#include <assert.h>
#include <stdlib.h>

#define DIGITS_MAX 9

/* START -> LINE, or in syslog from a digit COUNT -> COUNTED or LINE; all end in START. */
enum state {
    START,
    COUNT,   /* inside of what may be "123 <" */
    COUNTED, /* `left` bytes of the message are to come */
    LINE
};

struct mr_frames {
    enum mr_frames_kind kind;
    enum state state;
    size_t bytes_max;
    uint64_t at;    /* of the next byte in the stream */
    uint64_t begin; /* of the message's first byte */
    uint64_t line;  /* trailers and counted messages so far */
    uint64_t left;
    uint64_t len;       /* of the message so far */
    struct mr_buf kept; /* its first bytes, one more than the bound, since that may be a CR */
    char head[DIGITS_MAX + 1];
    size_t head_len;
};

struct mr_frames *mr_frames_new(enum mr_frames_kind kind, size_t message_bytes_max)
{
    assert(message_bytes_max > 0 && message_bytes_max < SIZE_MAX);
    struct mr_frames *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->kind = kind;
    f->bytes_max = message_bytes_max;
    mr_buf_init(&f->kept, 0);
    return f;
}

void mr_frames_free(struct mr_frames *f)
{
    if (f)
        mr_buf_free(&f->kept);
    free(f);
}

static void start(struct mr_frames *f)
{
    f->state = START;
    f->len = 0;
    f->head_len = 0;
    mr_buf_reset(&f->kept);
}

void mr_frames_reset(struct mr_frames *f, uint64_t offset)
{
    start(f);
    f->at = offset;
    f->line = 0;
}

static void pass(struct mr_frames *f, struct mr_slice *in, size_t n)
{
    *in = mr_slice(in->data + n, in->len - n);
    f->at += n;
}

static void keep(struct mr_frames *f, const char *data, size_t n)
{
    size_t room = f->bytes_max + 1 - f->kept.len;
    mr_buf_add(&f->kept, data, n < room ? n : room);
    f->len += n;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Between messages. */
static void begin(struct mr_frames *f, struct mr_slice *in)
{
    char c = in->data[0];
    if (f->kind == MR_FRAMES_SYSLOG && (c == '\n' || c == '\r' || c == 0)) {
        f->line += c == '\n';
        pass(f, in, 1);
        return;
    }
    f->begin = f->at;
    f->state = f->kind == MR_FRAMES_SYSLOG && is_digit(c) && c != '0' ? COUNT : LINE;
}

static bool head_ends_in_space(const struct mr_frames *f)
{
    return f->head_len > 0 && f->head[f->head_len - 1] == ' ';
}

/* One byte of what may be a count; when it is none, its bytes are the line's first. */
static void read_count(struct mr_frames *f, struct mr_slice *in)
{
    char c = in->data[0];
    bool space = head_ends_in_space(f);
    if (!space && ((is_digit(c) && f->head_len < DIGITS_MAX) || (c == ' ' && f->head_len > 0))) {
        f->head[f->head_len++] = c;
        pass(f, in, 1);
        return;
    }
    if (!space || c != '<') {
        f->state = LINE;
        keep(f, f->head, f->head_len);
        return;
    }
    f->left = 0;
    for (size_t i = 0; i + 1 < f->head_len; i++)
        f->left = f->left * 10 + (uint64_t)(f->head[i] - '0');
    f->begin = f->at;
    f->state = COUNTED;
}

/* Where the line's trailer stands, or NULL. */
static const char *trailer(const struct mr_frames *f, struct mr_slice in)
{
    if (f->kind == MR_FRAMES_NUL)
        return memchr(in.data, 0, in.len);
    const char *lf = memchr(in.data, '\n', in.len);
    if (f->kind == MR_FRAMES_LINE)
        return lf;
    const char *nul = memchr(in.data, 0, lf ? (size_t)(lf - in.data) : in.len);
    return nul ? nul : lf;
}

/* The message is complete: what was kept, and last, which lies in the input. False: it is empty. */
static bool finish(struct mr_frames *f, struct mr_slice last, struct mr_frame *frame)
{
    bool is_line = f->state != COUNTED && f->kind != MR_FRAMES_NUL;
    uint64_t len = f->len + last.len;
    struct mr_slice text = last;
    if (f->len > 0) {
        keep(f, last.data, last.len);
        text = mr_buf_all(&f->kept);
    }
    if (is_line && text.len == len && len > 0 && text.data[len - 1] == '\r')
        len--, text.len--;
    *frame = (struct mr_frame){
        .text = mr_slice(text.data, text.len < f->bytes_max ? text.len : f->bytes_max),
        .is_cut = len > f->bytes_max,
        .line = ++f->line,
        .offset = f->begin,
        .end = f->at,
    };
    f->state = START;
    f->len = 0;
    f->head_len = 0;
    return text.len > 0;
}

static bool read_counted(struct mr_frames *f, struct mr_slice *in, struct mr_frame *frame)
{
    struct mr_slice piece = *in;
    if (piece.len < f->left) {
        keep(f, piece.data, piece.len);
        f->left -= piece.len;
        pass(f, in, piece.len);
        return false;
    }
    piece.len = (size_t)f->left;
    pass(f, in, piece.len);
    return finish(f, piece, frame);
}

static bool read_line(struct mr_frames *f, struct mr_slice *in, struct mr_frame *frame)
{
    struct mr_slice piece = *in;
    const char *end = trailer(f, piece);
    if (!end) {
        keep(f, piece.data, piece.len);
        pass(f, in, piece.len);
        return false;
    }
    piece.len = (size_t)(end - piece.data);
    pass(f, in, piece.len + 1);
    return finish(f, piece, frame);
}

bool mr_frames_next(struct mr_frames *f, struct mr_slice *in, struct mr_frame *frame)
{
    while (in->len > 0) {
        switch (f->state) {
        case START:
            mr_buf_reset(&f->kept); /* the last message's text lived until this call */
            begin(f, in);
            break;
        case COUNT:
            read_count(f, in);
            break;
        case COUNTED:
            if (read_counted(f, in, frame))
                return true;
            break;
        case LINE:
            if (read_line(f, in, frame))
                return true;
            break;
        }
    }
    return false;
}

bool mr_frames_end(struct mr_frames *f, struct mr_frame *frame)
{
    bool given = false;
    if (f->state == COUNT) {
        f->state = LINE;
        keep(f, f->head, f->head_len);
    }
    if (f->state != START)
        given = finish(f, mr_slice("", 0), frame);
    frame->is_unended = true;
    start(f);
    return given;
}
