#include "mr_ndjson.h"

#include "mr_buf.h"
#include <assert.h>
#include <stdlib.h>

/* FIRST -> BLANK (lines) or AWAIT_FIRST (array), by the first byte.
 * BLANK -{-> OBJECT -balanced-> AFTER -line end-> BLANK; BLANK -other-> PLAIN -line end-> BLANK.
 * OBJECT -fault-> RESYNC, AFTER -fault-> SKIP, which pass bytes over up to BLANK.
 * AWAIT_FIRST, AWAIT -> NEST, STRING or SCALAR -end-> BEHIND -,-> AWAIT; BEHIND -]-> CLOSED.
 * Any fault of an array, and the end of the body, lead to OVER. */
enum state {
    FIRST,
    BLANK,
    OBJECT,
    AFTER,
    PLAIN,
    SKIP,
    RESYNC,
    AWAIT_FIRST,
    AWAIT,
    NEST,
    STRING,
    SCALAR,
    BEHIND,
    CLOSED,
    OVER
};

struct mr_ndjson {
    /* Of the body. */
    size_t bytes_max;
    enum state state;
    uint64_t at, line, index; /* of the next byte, its line, the next item */
    unsigned bom;             /* bytes of it seen */
    bool is_column_0;         /* the next byte is a line's first */
    /* Of the item. */
    uint64_t begin_at, begin_line;
    size_t depth;
    bool is_quoted, is_escaped;
    bool is_reported; /* it is too large, which was said: go to its end */
    struct mr_buf kept;
    struct mr_slice done; /* AFTER: all of it, in kept or in the input */
};

struct mr_ndjson *mr_ndjson_new(size_t item_bytes_max)
{
    assert(item_bytes_max > 0);
    struct mr_ndjson *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    n->bytes_max = item_bytes_max;
    mr_buf_init(&n->kept, 0);
    mr_ndjson_reset(n);
    return n;
}

void mr_ndjson_free(struct mr_ndjson *n)
{
    if (n)
        mr_buf_free(&n->kept);
    free(n);
}

void mr_ndjson_reset(struct mr_ndjson *n)
{
    struct mr_buf kept = n->kept;
    *n = (struct mr_ndjson){.bytes_max = n->bytes_max, .line = 1, .is_column_0 = true};
    mr_buf_reset(&kept);
    n->kept = kept;
}

uint64_t mr_ndjson_offset(const struct mr_ndjson *n)
{
    return n->at;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Passes one byte over, with its line end counted. */
static char pass(struct mr_ndjson *n, struct mr_slice *in)
{
    char c = in->data[0];
    *in = mr_slice(in->data + 1, in->len - 1);
    n->at++;
    n->is_column_0 = c == '\n';
    n->line += c == '\n';
    return c;
}

static void begin(struct mr_ndjson *n, enum state state)
{
    n->state = state;
    n->begin_at = n->at;
    n->begin_line = n->line;
    n->depth = 0;
    n->is_quoted = n->is_escaped = n->is_reported = false;
    n->done = (struct mr_slice){0};
    mr_buf_reset(&n->kept);
}

/* -- what is said -- */

static enum mr_ndjson_event item_event(struct mr_ndjson *n, struct mr_ndjson_item *item,
                                       enum mr_status cause)
{
    item->text = (struct mr_slice){0};
    item->index = n->index++;
    item->line = n->begin_line;
    item->offset = n->begin_at;
    item->cause = cause;
    item->is_last = false;
    item->why.text[0] = 0;
    return cause == MR_OK ? MR_NDJSON_ITEM : MR_NDJSON_BAD;
}

static enum mr_ndjson_event say_too_large(struct mr_ndjson *n, struct mr_ndjson_item *item)
{
    n->is_reported = true;
    mr_buf_reset(&n->kept);
    enum mr_ndjson_event e = item_event(n, item, MR_LIMIT);
    mr_fail(&item->why, MR_LIMIT, "The item that begins on line %llu is longer than %zu bytes.",
            (unsigned long long)n->begin_line, n->bytes_max);
    return e;
}

/* A fault of the item whose bytes so far are those kept and piece. A reported one says no more. */
static enum mr_ndjson_event say_bad(struct mr_ndjson *n, struct mr_slice piece,
                                    struct mr_ndjson_item *item, const char *what)
{
    if (n->is_reported)
        return MR_NDJSON_MORE;
    if (n->kept.len + piece.len > n->bytes_max)
        return say_too_large(n, item);
    enum mr_ndjson_event e = item_event(n, item, MR_INVALID);
    mr_fail(&item->why, MR_INVALID, "The object that begins on line %llu %s.",
            (unsigned long long)n->begin_line, what);
    return e;
}

/* The array's structure is wrong here; nothing more is read. */
static enum mr_ndjson_event say_over(struct mr_ndjson *n, struct mr_ndjson_item *item,
                                     const char *what)
{
    n->state = OVER;
    n->begin_at = n->at;
    n->begin_line = n->line;
    enum mr_ndjson_event e = item_event(n, item, MR_INVALID);
    mr_fail(&item->why, MR_INVALID, "The array is broken on line %llu: %s.",
            (unsigned long long)n->line, what);
    item->is_last = true;
    return e;
}

/* The item is whole: what was kept, and piece, which lies in the input. */
static enum mr_ndjson_event say_item(struct mr_ndjson *n, struct mr_slice piece,
                                     struct mr_ndjson_item *item)
{
    if (n->is_reported)
        return MR_NDJSON_MORE;
    if (n->kept.len + piece.len > n->bytes_max)
        return say_too_large(n, item);
    if (n->kept.len > 0) {
        mr_buf_slice(&n->kept, piece);
        piece = mr_buf_all(&n->kept);
    }
    while (piece.len > 0 && is_blank(piece.data[piece.len - 1]))
        piece.len--;
    enum mr_ndjson_event e = item_event(n, item, MR_OK);
    item->text = piece;
    return e;
}

/* The input ends inside the item: piece is kept, unless that is too much. */
static enum mr_ndjson_event keep(struct mr_ndjson *n, struct mr_slice piece,
                                 struct mr_ndjson_item *item)
{
    if (n->is_reported || piece.len == 0)
        return MR_NDJSON_MORE;
    if (n->kept.len + piece.len > n->bytes_max)
        return say_too_large(n, item);
    mr_buf_slice(&n->kept, piece);
    return MR_NDJSON_MORE;
}

/* -- lines -- */

enum stop { STOP_INPUT, STOP_BALANCED, STOP_QUOTED_LINE, STOP_COLUMN_0 };

/* Inside a string: up to its end, a line end, or the input's. */
static void scan_quoted(struct mr_ndjson *n, struct mr_slice *in)
{
    const char *p = in->data, *end = p + in->len;
    if (n->is_escaped && *p != '\n')
        p++;
    n->is_escaped = false;
    while (p < end && *p != '"' && *p != '\n') {
        if (*p == '\\' && p + 1 == end)
            n->is_escaped = true;
        p += *p == '\\' && p + 1 < end && p[1] != '\n' ? 2 : 1;
    }
    if (p < end && *p == '"') {
        n->is_quoted = false;
        p++;
    }
    n->at += (uint64_t)(p - in->data);
    n->is_column_0 = false;
    *in = mr_slice(p, (size_t)(end - p));
}

/* Outside of strings: up to the next byte that matters. */
static void scan_open(struct mr_ndjson *n, struct mr_slice *in)
{
    const char *p = in->data, *end = p + in->len;
    while (p < end && *p != '"' && *p != '\n' && (*p | 0x20) != '{' && (*p | 0x20) != '}')
        p++;
    if (p == in->data)
        return;
    n->at += (uint64_t)(p - in->data);
    n->is_column_0 = false;
    *in = mr_slice(p, (size_t)(end - p));
}

/* Brackets and quotes; a line end inside a string, and '{' in column 0, matter to lines only. */
static enum stop scan_nest(struct mr_ndjson *n, struct mr_slice *in, bool is_lines)
{
    while (in->len > 0) {
        char c = in->data[0];
        if (n->is_quoted) {
            if (c == '\n' && is_lines)
                return STOP_QUOTED_LINE;
            if (c == '\n')
                n->is_escaped = false, pass(n, in);
            else
                scan_quoted(n, in);
            continue;
        }
        if (c == '{' && is_lines && n->is_column_0 && n->depth > 0)
            return STOP_COLUMN_0;
        if (c == '"')
            n->is_quoted = true, pass(n, in);
        else if (c == '{' || c == '[')
            n->depth++, pass(n, in);
        else if (c == '}' || c == ']') {
            n->depth--, pass(n, in);
            if (n->depth == 0)
                return STOP_BALANCED;
        } else if (c == '\n')
            pass(n, in);
        else
            scan_open(n, in);
    }
    return STOP_INPUT;
}

static enum mr_ndjson_event read_object(struct mr_ndjson *n, struct mr_slice *in,
                                        struct mr_ndjson_item *item)
{
    const char *from = in->data;
    enum stop stop = scan_nest(n, in, true);
    struct mr_slice piece = mr_slice(from, (size_t)(in->data - from));
    switch (stop) {
    case STOP_INPUT:
        return keep(n, piece, item);
    case STOP_BALANCED:
        n->state = AFTER;
        if (!n->is_reported && n->kept.len + piece.len > n->bytes_max)
            return say_too_large(n, item);
        n->done = piece;
        if (n->kept.len > 0) {
            mr_buf_slice(&n->kept, piece);
            n->done = mr_buf_all(&n->kept);
        }
        return MR_NDJSON_MORE;
    case STOP_QUOTED_LINE:
        n->state = n->begin_line == n->line ? BLANK : RESYNC;
        return n->state == BLANK ? say_item(n, piece, item)
                                 : say_bad(n, piece, item, "has a line end inside a string");
    case STOP_COLUMN_0:
        n->state = BLANK;
        return say_bad(n, piece, item, "is not closed before a line that begins another");
    }
    return MR_NDJSON_MORE;
}

/* The input goes away while an object is whole but its line is not. */
static void keep_done(struct mr_ndjson *n)
{
    if (n->state != AFTER || n->is_reported || n->done.data == n->kept.data)
        return;
    mr_buf_slice(&n->kept, n->done);
    n->done = mr_buf_all(&n->kept);
}

/* Behind an object: the line's end gives it. */
static enum mr_ndjson_event read_after(struct mr_ndjson *n, struct mr_slice *in,
                                       struct mr_ndjson_item *item)
{
    while (in->len > 0) {
        if (!is_blank(in->data[0])) {
            n->state = SKIP;
            mr_buf_reset(&n->kept);
            return say_bad(n, mr_slice("", 0), item, "has something behind it on its last line");
        }
        if (pass(n, in) == '\n') {
            n->state = BLANK;
            if (n->is_reported)
                return MR_NDJSON_MORE;
            enum mr_ndjson_event e = item_event(n, item, MR_OK);
            item->text = n->done;
            return e;
        }
    }
    return MR_NDJSON_MORE;
}

static enum mr_ndjson_event read_plain(struct mr_ndjson *n, struct mr_slice *in,
                                       struct mr_ndjson_item *item)
{
    const char *end = memchr(in->data, '\n', in->len);
    struct mr_slice piece = mr_slice(in->data, end ? (size_t)(end - in->data) : in->len);
    *in = mr_slice(in->data + piece.len, in->len - piece.len);
    n->at += piece.len;
    n->is_column_0 = n->is_column_0 && piece.len == 0;
    if (!end)
        return keep(n, piece, item);
    n->state = BLANK;
    return say_item(n, piece, item);
}

static void read_blank(struct mr_ndjson *n, struct mr_slice *in)
{
    while (in->len > 0 && is_blank(in->data[0]))
        pass(n, in);
    if (in->len > 0)
        begin(n, in->data[0] == '{' ? OBJECT : PLAIN);
}

static void read_skipped(struct mr_ndjson *n, struct mr_slice *in)
{
    while (in->len > 0) {
        if (n->state == RESYNC && n->is_column_0 && in->data[0] == '{') {
            n->state = BLANK;
            return;
        }
        if (pass(n, in) == '\n' && n->state == SKIP) {
            n->state = BLANK;
            return;
        }
    }
}

/* -- an array -- */

static enum mr_ndjson_event read_await(struct mr_ndjson *n, struct mr_slice *in,
                                       struct mr_ndjson_item *item)
{
    while (in->len > 0 && is_blank(in->data[0]))
        pass(n, in);
    if (in->len == 0)
        return MR_NDJSON_MORE;
    char c = in->data[0];
    if (c == ']' && n->state == AWAIT_FIRST) {
        pass(n, in);
        n->state = CLOSED;
        return MR_NDJSON_MORE;
    }
    if (strchr(",]}:", c))
        return say_over(n, item, c ? "a value was expected" : "there is a NUL");
    begin(n, c == '{' || c == '[' ? NEST : c == '"' ? STRING : SCALAR);
    return MR_NDJSON_MORE;
}

static enum mr_ndjson_event read_value(struct mr_ndjson *n, struct mr_slice *in,
                                       struct mr_ndjson_item *item)
{
    const char *from = in->data;
    bool is_whole = false;
    if (n->state == NEST) {
        is_whole = scan_nest(n, in, false) == STOP_BALANCED;
    } else if (n->state == SCALAR) {
        while (in->len > 0 && !is_blank(in->data[0]) && !strchr(",]\"{}[:", in->data[0]))
            pass(n, in);
        is_whole = in->len > 0;
    } else {
        if (n->at == n->begin_at)
            n->is_quoted = true, pass(n, in);
        while (in->len > 0 && n->is_quoted) {
            if (in->data[0] == '\n')
                n->is_escaped = false, pass(n, in);
            else
                scan_quoted(n, in);
        }
        is_whole = !n->is_quoted;
    }
    struct mr_slice piece = mr_slice(from, (size_t)(in->data - from));
    if (!is_whole)
        return keep(n, piece, item);
    n->state = BEHIND;
    return say_item(n, piece, item);
}

static enum mr_ndjson_event read_behind(struct mr_ndjson *n, struct mr_slice *in,
                                        struct mr_ndjson_item *item)
{
    while (in->len > 0 && is_blank(in->data[0]))
        pass(n, in);
    if (in->len == 0)
        return MR_NDJSON_MORE;
    if (n->state == CLOSED)
        return say_over(n, item, "something follows its end");
    char c = in->data[0];
    if (c != ',' && c != ']')
        return say_over(n, item, "a comma or its end was expected");
    pass(n, in);
    n->state = c == ',' ? AWAIT : CLOSED;
    return MR_NDJSON_MORE;
}

/* -- the body -- */

static const char mark[] = "\xEF\xBB\xBF";

/* The byte order mark is passed over; one that breaks off is a line's beginning. */
static void read_first(struct mr_ndjson *n, struct mr_slice *in)
{
    char c = in->data[0];
    if (n->bom < 3 && n->at == n->bom && c == mark[n->bom]) {
        n->bom++;
        pass(n, in);
        n->is_column_0 = n->bom == 3;
    } else if (n->bom == 1 || n->bom == 2) {
        begin(n, PLAIN);
        n->begin_at = 0;
        mr_buf_add(&n->kept, mark, n->bom);
        n->bom = 3;
    } else if (is_blank(c)) {
        n->bom = 3;
        pass(n, in);
    } else if (c == '[') {
        pass(n, in);
        n->state = AWAIT_FIRST;
    } else {
        n->state = BLANK;
    }
}

static enum mr_ndjson_event step(struct mr_ndjson *n, struct mr_slice *in,
                                 struct mr_ndjson_item *item)
{
    switch (n->state) {
    case FIRST:
        read_first(n, in);
        return MR_NDJSON_MORE;
    case BLANK:
        read_blank(n, in);
        return MR_NDJSON_MORE;
    case SKIP:
    case RESYNC:
        read_skipped(n, in);
        return MR_NDJSON_MORE;
    case OBJECT:
        return read_object(n, in, item);
    case AFTER:
        return read_after(n, in, item);
    case PLAIN:
        return read_plain(n, in, item);
    case AWAIT_FIRST:
    case AWAIT:
        return read_await(n, in, item);
    case NEST:
    case STRING:
    case SCALAR:
        return read_value(n, in, item);
    case BEHIND:
    case CLOSED:
        return read_behind(n, in, item);
    case OVER:
        n->at += in->len;
        *in = mr_slice(in->data + in->len, 0);
        return MR_NDJSON_MORE;
    }
    return MR_NDJSON_MORE;
}

enum mr_ndjson_event mr_ndjson_next(struct mr_ndjson *n, struct mr_slice *in,
                                    struct mr_ndjson_item *item)
{
    enum mr_ndjson_event e = MR_NDJSON_MORE;
    while (in->len > 0 && e == MR_NDJSON_MORE)
        e = step(n, in, item);
    if (e == MR_NDJSON_MORE)
        keep_done(n);
    return e;
}

enum mr_ndjson_event mr_ndjson_end(struct mr_ndjson *n, struct mr_ndjson_item *item)
{
    struct mr_slice none = mr_slice("", 0);
    enum state state = n->state;
    n->state = OVER;
    switch (state) {
    case FIRST:
        if (n->bom == 0 || n->bom == 3)
            return MR_NDJSON_MORE;
        begin(n, OVER);
        n->begin_at = 0;
        return say_item(n, mr_slice(mark, n->bom), item);
    case OBJECT:
        return n->begin_line == n->line
                   ? say_item(n, none, item)
                   : say_bad(n, none, item, "is not closed at the end of the body");
    case AFTER:
        none = n->done;
        mr_buf_reset(&n->kept);
        return say_item(n, none, item);
    case PLAIN:
        return say_item(n, none, item);
    case BLANK:
    case SKIP:
    case RESYNC:
    case CLOSED:
    case OVER:
        return MR_NDJSON_MORE;
    default:
        return say_over(n, item, "it is not closed at the end of the body");
    }
}
