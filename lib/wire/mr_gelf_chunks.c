#include "mr_gelf_chunks.h"

#include "mr_buf.h"
#include "mr_map.h"
#include <assert.h>

#define HEADER_BYTES 12

struct key {
    uint64_t source;
    unsigned char id[8];
};

/* OPEN -all came-> DONE; OPEN -time over-> EXPIRED; OPEN -too large-> OVER. All but OPEN hold no
 * data: they are marks, so that what comes late is known. */
enum entry_state { OPEN, DONE, EXPIRED, DROPPED };

struct piece {
    char *data; /* NULL: it has not come */
    size_t len;
};

struct entry {
    struct key key;
    enum entry_state state;
    int64_t first_ms;
    uint32_t came, count;
    size_t bytes;
    struct piece *pieces;      /* count of them, while OPEN */
    UT_hash_handle hh;         /* in the order in which they began */
    struct entry *prev, *next; /* in marks or in open */
};

struct mr_gelf_chunks {
    struct mr_gelf_chunks_limits limits;
    struct mr_gelf_chunks_counts counts;
    struct entry *entries;      /* by key */
    struct entry *open, *marks; /* lists in the order in which they began, and ended */
    uint32_t open_count, mark_count;
    size_t bytes;
    struct mr_buf whole; /* what was given last */
};

struct mr_gelf_chunks *mr_gelf_chunks_new(const struct mr_gelf_chunks_limits *limits)
{
    struct mr_gelf_chunks *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    assert(limits->messages_max > 0);
    c->limits = *limits;
    mr_buf_init(&c->whole, 0);
    return c;
}

static void drop_pieces(struct mr_gelf_chunks *c, struct entry *e)
{
    for (uint32_t i = 0; e->pieces && i < e->count; i++)
        free(e->pieces[i].data);
    free(e->pieces);
    e->pieces = NULL;
    c->bytes -= e->bytes;
    e->bytes = 0;
}

static void drop(struct mr_gelf_chunks *c, struct entry *e)
{
    if (e->state == OPEN) {
        DL_DELETE(c->open, e);
        c->open_count--;
    } else {
        DL_DELETE(c->marks, e);
        c->mark_count--;
    }
    drop_pieces(c, e);
    HASH_DELETE(hh, c->entries, e);
    free(e);
}

void mr_gelf_chunks_free(struct mr_gelf_chunks *c)
{
    if (!c)
        return;
    while (c->open)
        drop(c, c->open);
    while (c->marks)
        drop(c, c->marks);
    mr_buf_free(&c->whole);
    free(c);
}

/* An open entry becomes a mark. */
static void settle(struct mr_gelf_chunks *c, struct entry *e, enum entry_state state)
{
    assert(e->state == OPEN);
    DL_DELETE(c->open, e);
    c->open_count--;
    drop_pieces(c, e);
    e->state = state;
    DL_APPEND(c->marks, e);
    c->mark_count++;
}

bool mr_gelf_is_chunk(struct mr_slice datagram)
{
    return datagram.len >= 2 && memcmp(datagram.data, "\x1e\x0f", 2) == 0;
}

/* -- one chunk -- */

struct chunk {
    struct key key;
    uint32_t index, count;
    struct mr_slice data;
};

static bool read_chunk(struct mr_slice datagram, uint64_t source, struct chunk *out)
{
    const unsigned char *p = (const unsigned char *)datagram.data;
    if (!mr_gelf_is_chunk(datagram) || datagram.len <= HEADER_BYTES)
        return false;
    *out = (struct chunk){.key.source = source,
                          .index = p[10],
                          .count = p[11],
                          .data = mr_slice(p + HEADER_BYTES, datagram.len - HEADER_BYTES)};
    memcpy(out->key.id, p + 2, sizeof out->key.id);
    return out->count > 0 && out->count <= MR_GELF_CHUNKS_MAX && out->index < out->count;
}

/* Room for one more entry: marks go first. */
static bool make_room(struct mr_gelf_chunks *c)
{
    if (c->open_count + c->mark_count < c->limits.messages_max)
        return true;
    if (!c->marks)
        return false;
    drop(c, c->marks);
    return true;
}

static struct entry *open_entry(struct mr_gelf_chunks *c, const struct chunk *chunk, int64_t now_ms)
{
    if (!make_room(c))
        return NULL;
    struct entry *e = calloc(1, sizeof *e);
    struct piece *pieces = calloc(chunk->count, sizeof *pieces);
    if (!e || !pieces)
        abort();
    e->key = chunk->key;
    e->first_ms = now_ms;
    e->count = chunk->count;
    e->pieces = pieces;
    HASH_ADD(hh, c->entries, key, sizeof e->key, e);
    DL_APPEND(c->open, e);
    c->open_count++;
    return e;
}

static enum mr_gelf_fate fate_of_mark(struct mr_gelf_chunks *c, const struct entry *e)
{
    if (e->state == DONE) {
        c->counts.doubled++;
        return MR_GELF_DOUBLED;
    }
    if (e->state == EXPIRED) {
        c->counts.late++;
        return MR_GELF_LATE;
    }
    c->counts.over++;
    return MR_GELF_OVER;
}

static void join(struct mr_gelf_chunks *c, struct entry *e, struct mr_slice *message)
{
    mr_buf_reset(&c->whole);
    for (uint32_t i = 0; i < e->count; i++)
        mr_buf_add(&c->whole, e->pieces[i].data, e->pieces[i].len);
    *message = mr_buf_all(&c->whole);
    c->counts.messages++;
    settle(c, e, DONE);
}

static enum mr_gelf_fate hold(struct mr_gelf_chunks *c, struct entry *e, const struct chunk *chunk,
                              struct mr_slice *message)
{
    size_t len = chunk->data.len;
    if (len > c->limits.message_bytes_max - e->bytes || len > c->limits.bytes_max - c->bytes) {
        c->counts.over++;
        settle(c, e, DROPPED);
        return MR_GELF_OVER;
    }
    char *copy = malloc(len);
    if (!copy)
        abort();
    e->pieces[chunk->index] = (struct piece){memcpy(copy, chunk->data.data, len), len};
    e->bytes += len;
    c->bytes += len;
    if (++e->came < e->count)
        return MR_GELF_HELD;
    join(c, e, message);
    return MR_GELF_WHOLE;
}

static void forget_marks(struct mr_gelf_chunks *c, int64_t now_ms)
{
    while (c->marks && now_ms - c->marks->first_ms >= 2 * c->limits.wait_ms)
        drop(c, c->marks);
}

enum mr_gelf_fate mr_gelf_chunks_add(struct mr_gelf_chunks *c, uint64_t source,
                                     struct mr_slice datagram, int64_t now_ms,
                                     struct mr_slice *message)
{
    struct chunk chunk;
    struct entry *e;
    c->counts.chunks++;
    forget_marks(c, now_ms);
    if (!read_chunk(datagram, source, &chunk)) {
        c->counts.bad++;
        return MR_GELF_BAD;
    }
    HASH_FIND(hh, c->entries, &chunk.key, sizeof chunk.key, e);
    if (e && e->count != chunk.count) {
        c->counts.bad++;
        return MR_GELF_BAD;
    }
    if (e && e->state != OPEN)
        return fate_of_mark(c, e);
    if (e && now_ms - e->first_ms >= c->limits.wait_ms) {
        c->counts.late++; /* mr_gelf_chunks_expire has yet to end it */
        return MR_GELF_LATE;
    }
    if (e && e->pieces[chunk.index].data) {
        c->counts.doubled++;
        return MR_GELF_DOUBLED;
    }
    if (!e)
        e = open_entry(c, &chunk, now_ms);
    if (!e) {
        c->counts.over++;
        return MR_GELF_OVER;
    }
    return hold(c, e, &chunk, message);
}

bool mr_gelf_chunks_expire(struct mr_gelf_chunks *c, int64_t now_ms, struct mr_gelf_lost *lost)
{
    struct entry *e = c->open;
    forget_marks(c, now_ms);
    if (!e || now_ms - e->first_ms < c->limits.wait_ms)
        return false;
    *lost = (struct mr_gelf_lost){e->key.source, e->came, e->count};
    c->counts.lost++;
    c->counts.lost_chunks += e->count - e->came;
    settle(c, e, EXPIRED);
    return true;
}

const struct mr_gelf_chunks_counts *mr_gelf_chunks_counts(const struct mr_gelf_chunks *c)
{
    return &c->counts;
}

uint32_t mr_gelf_chunks_waiting(const struct mr_gelf_chunks *c)
{
    return c->open_count;
}

size_t mr_gelf_chunks_bytes(const struct mr_gelf_chunks *c)
{
    return c->bytes;
}
