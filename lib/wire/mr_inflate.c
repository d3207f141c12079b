#include "mr_inflate.h"

#include <assert.h>
#include <stdlib.h>
#define ZLIB_CONST /* its input is not written */
#include <zlib.h>

#define PIECE_BYTES (32 * 1024)

/* waiting (ANY, fewer than two bytes came) -> running -> ended; broken from anywhere. */
enum state { WAITING, RUNNING, MEMBER_END, BROKEN };

struct mr_inflate {
    z_stream stream;
    bool is_ready; /* stream was initialised */
    enum state state;
    enum mr_inflate_kind kind;
    uint64_t bytes, bytes_max; /* out so far */
    enum mr_status broken;     /* BROKEN: what is said from then on, and why */
    struct mr_error why;
    unsigned char held; /* WAITING: the first byte, if has_held */
    bool has_held;      /* RUNNING too: it has yet to be given to what reads */
    unsigned char piece[PIECE_BYTES];
};

static bool is_zlib(unsigned char a, unsigned char b)
{
    return (a & 0x0F) == 8 && a >> 4 <= 7 && (a << 8 | b) % 31 == 0 && !(b & 0x20);
}

enum mr_inflate_kind mr_inflate_kind(struct mr_slice first)
{
    const unsigned char *p = (const unsigned char *)first.data;
    if (first.len < 2)
        return MR_INFLATE_PLAIN;
    if (p[0] == 0x1F && p[1] == 0x8B)
        return MR_INFLATE_GZIP;
    return is_zlib(p[0], p[1]) ? MR_INFLATE_ZLIB : MR_INFLATE_PLAIN;
}

struct mr_inflate *mr_inflate_new(void)
{
    struct mr_inflate *z = calloc(1, sizeof *z);
    if (!z)
        abort();
    return z;
}

void mr_inflate_free(struct mr_inflate *z)
{
    if (z && z->is_ready)
        inflateEnd(&z->stream);
    free(z);
}

static void run(struct mr_inflate *z, enum mr_inflate_kind kind)
{
    z->kind = kind;
    z->state = RUNNING;
    if (kind == MR_INFLATE_PLAIN)
        return;
    int bits = kind == MR_INFLATE_GZIP ? 16 + MAX_WBITS : MAX_WBITS;
    int r = z->is_ready ? inflateReset2(&z->stream, bits) : inflateInit2(&z->stream, bits);
    if (r != Z_OK)
        abort(); /* no memory: nothing else can be wrong here */
    z->is_ready = true;
}

void mr_inflate_begin(struct mr_inflate *z, enum mr_inflate_kind kind, uint64_t bytes_max)
{
    z->bytes = 0;
    z->bytes_max = bytes_max;
    z->has_held = false;
    z->state = WAITING;
    z->kind = kind;
    if (kind != MR_INFLATE_ANY)
        run(z, kind);
}

static enum mr_status say(const struct mr_inflate *z, struct mr_error *why)
{
    return mr_fail(why, z->broken, "%s", z->why.text);
}

static enum mr_status stop(struct mr_inflate *z, enum mr_status status, const char *what)
{
    z->state = BROKEN;
    z->broken = status;
    const char *kind = z->kind == MR_INFLATE_GZIP ? "gzip" : "zlib";
    if (status == MR_LIMIT)
        mr_fail(&z->why, status, "The body is longer than %llu bytes%s.",
                (unsigned long long)z->bytes_max,
                z->kind == MR_INFLATE_PLAIN ? "" : " when decompressed");
    else
        mr_fail(&z->why, status, "The body cannot be decompressed as %s: %s.", kind, what);
    return status;
}

/* Decides the kind; the first byte is kept back until the second has come. True: decided. */
static bool decide(struct mr_inflate *z, struct mr_slice *in)
{
    while (in->len > 0) {
        unsigned char c = (unsigned char)in->data[0];
        if (z->has_held) {
            char two[2] = {(char)z->held, (char)c};
            run(z, mr_inflate_kind(mr_slice(two, 2)));
            return true;
        }
        if (in->len >= 2 || (c != 0x1F && (c & 0x0F) != 8)) { /* most bodies: no copy */
            run(z, mr_inflate_kind(*in));
            return true;
        }
        z->held = c;
        z->has_held = true;
        *in = mr_slice(in->data + 1, in->len - 1);
    }
    return false;
}

static enum mr_status count(struct mr_inflate *z, struct mr_slice *piece, struct mr_error *why)
{
    if (piece->len > z->bytes_max - z->bytes) {
        piece->len = (size_t)(z->bytes_max - z->bytes);
        stop(z, MR_LIMIT, NULL);
        z->bytes = z->bytes_max;
        return piece->len > 0 ? MR_OK : say(z, why);
    }
    z->bytes += piece->len;
    return MR_OK;
}

/* One call of zlib over input; the member's end is noted, not passed. */
static enum mr_status step(struct mr_inflate *z, const void *data, size_t len, size_t *taken,
                           struct mr_slice *piece)
{
    size_t most = len < UINT32_MAX ? len : UINT32_MAX;
    z->stream.next_in = data;
    z->stream.avail_in = (uInt)most;
    z->stream.next_out = z->piece;
    z->stream.avail_out = sizeof z->piece;
    int r = inflate(&z->stream, Z_NO_FLUSH);
    *taken = most - z->stream.avail_in;
    *piece = mr_slice(z->piece, sizeof z->piece - z->stream.avail_out);
    if (r == Z_STREAM_END)
        z->state = MEMBER_END;
    else if (r == Z_MEM_ERROR)
        abort();
    else if (r == Z_NEED_DICT)
        return stop(z, MR_INVALID, "it needs a dictionary");
    else if (r != Z_OK && r != Z_BUF_ERROR)
        return stop(z, MR_INVALID, z->stream.msg ? z->stream.msg : "broken data");
    return MR_OK;
}

/* More bytes after the end of a member: another member of gzip, else an error. */
static enum mr_status after_member(struct mr_inflate *z, unsigned char first)
{
    if (z->kind != MR_INFLATE_GZIP || first != 0x1F)
        return stop(z, MR_INVALID, "bytes follow its end");
    run(z, MR_INFLATE_GZIP);
    return MR_OK;
}

static enum mr_status plain(struct mr_inflate *z, struct mr_slice *in, struct mr_slice *piece)
{
    if (z->has_held) {
        z->has_held = false;
        z->piece[0] = z->held;
        *piece = mr_slice(z->piece, 1);
    } else {
        *piece = *in;
        *in = mr_slice(in->data + in->len, 0);
    }
    return MR_OK;
}

static enum mr_status packed(struct mr_inflate *z, struct mr_slice *in, struct mr_slice *piece)
{
    size_t taken;
    if (z->has_held) { /* two bytes of header: nothing comes out yet */
        z->has_held = false;
        return step(z, &z->held, 1, &taken, piece);
    }
    if (z->state == MEMBER_END && in->len > 0 &&
        after_member(z, (unsigned char)in->data[0]) != MR_OK)
        return MR_INVALID;
    enum mr_status s = step(z, in->data, in->len, &taken, piece);
    if (taken > 0)
        *in = mr_slice(in->data + taken, in->len - taken);
    return s;
}

enum mr_status mr_inflate_next(struct mr_inflate *z, struct mr_slice *in, struct mr_slice *piece,
                               struct mr_error *why)
{
    *piece = mr_slice("", 0);
    if (z->state == WAITING && !decide(z, in))
        return MR_OK;
    while (z->state != BROKEN && piece->len == 0) {
        bool is_idle = in->len == 0 && !z->has_held;
        if (is_idle && (z->kind == MR_INFLATE_PLAIN || z->state == MEMBER_END))
            return MR_OK;
        enum mr_status s = z->kind == MR_INFLATE_PLAIN ? plain(z, in, piece) : packed(z, in, piece);
        if (s != MR_OK && piece->len == 0)
            return say(z, why);
        if (is_idle && piece->len == 0)
            return MR_OK; /* zlib had nothing left to give */
    }
    return piece->len > 0 ? count(z, piece, why) : say(z, why);
}

enum mr_status mr_inflate_end(struct mr_inflate *z, struct mr_slice *piece, struct mr_error *why)
{
    *piece = mr_slice("", 0);
    if (z->state == BROKEN)
        return say(z, why);
    if (z->state == WAITING) {
        run(z, MR_INFLATE_PLAIN);
        if (!z->has_held)
            return MR_OK;
        struct mr_slice none = mr_slice("", 0);
        plain(z, &none, piece);
        return count(z, piece, why);
    }
    if (z->kind == MR_INFLATE_PLAIN || z->state == MEMBER_END)
        return MR_OK;
    stop(z, MR_INVALID, "it ends too early");
    return say(z, why);
}

enum mr_status mr_inflate_all(struct mr_inflate *z, struct mr_slice in, struct mr_buf *out,
                              struct mr_slice *bytes, struct mr_error *why)
{
    enum mr_inflate_kind kind = mr_inflate_kind(in);
    struct mr_slice piece, left = in;
    enum mr_status s;
    assert(out->bytes_max > 0);
    mr_inflate_begin(z, kind, out->bytes_max);
    mr_buf_reset(out);
    while ((s = mr_inflate_next(z, &left, &piece, why)) == MR_OK && piece.len > 0)
        if (kind != MR_INFLATE_PLAIN)
            mr_buf_slice(out, piece);
    if (s == MR_OK)
        s = mr_inflate_end(z, &piece, why);
    if (s == MR_OK)
        *bytes = kind == MR_INFLATE_PLAIN ? in : mr_buf_all(out);
    return s;
}
