#include "edge_source.h"

#include <assert.h>

#define SLACK_BYTES 65536 /* of the connection's bound over the source's */

static struct edge_source *source_of(struct mr_http_exchange *x)
{
    struct edge_request *r = x->data;
    return r->source;
}

static void on_body(struct mr_http_exchange *x, struct mr_slice piece)
{
    struct edge_source *source = source_of(x);
    assert(source->in.len == 0);
    source->in = piece;
    source->pull(source->r);
}

static void on_body_end(struct mr_http_exchange *x)
{
    struct edge_source *source = source_of(x);
    source->has_ended = true;
    source->pull(source->r);
}

static const struct mr_http_exchange_events events = {
    .gone = edge_request_gone, .body = on_body, .body_end = on_body_end};

static void on_later(void *data)
{
    struct edge_source *source = data;
    source->pull(source->r);
}

void edge_source_start(struct edge_source *source, struct edge_request *r,
                       struct mr_inflate *inflate, enum mr_inflate_kind kind, uint64_t bytes_max,
                       void (*pull)(struct edge_request *r))
{
    *source = (struct edge_source){.r = r, .inflate = inflate, .pull = pull};
    mr_deferred_init(&source->later, r->edge->loop, on_later, source);
    mr_inflate_begin(inflate, kind, bytes_max);
    r->source = source;
    mr_http_exchange_on(r->x, &events, r);
    mr_http_exchange_body_max(r->x, bytes_max + SLACK_BYTES);
    mr_http_exchange_read(r->x);
}

void edge_source_stop(struct edge_source *source)
{
    if (!source->r)
        return;
    mr_deferred_stop(&source->later);
    mr_buf_free(&source->kept[0]);
    mr_buf_free(&source->kept[1]);
    source->r = NULL;
}

static enum edge_source_event next_of(enum mr_status s, const struct mr_slice *piece)
{
    if (s != MR_OK)
        return s == MR_LIMIT ? EDGE_SOURCE_LIMIT : EDGE_SOURCE_INVALID;
    return piece->len > 0 ? EDGE_SOURCE_PIECE : EDGE_SOURCE_NONE;
}

enum edge_source_event edge_source_next(struct edge_source *source, struct mr_slice *piece,
                                        struct mr_error *why)
{
    enum edge_source_event event;
    if (source->left.len > 0) {
        *piece = source->left;
        source->left = (struct mr_slice){0};
        return EDGE_SOURCE_PIECE;
    }
    if (source->is_over)
        return EDGE_SOURCE_END;
    event = next_of(mr_inflate_next(source->inflate, &source->in, piece, why), piece);
    if (event != EDGE_SOURCE_NONE)
        return event;
    if (!source->has_ended) {
        mr_http_exchange_read(source->r->x);
        return EDGE_SOURCE_NONE;
    }
    event = next_of(mr_inflate_end(source->inflate, piece, why), piece);
    source->is_over = event == EDGE_SOURCE_PIECE || event == EDGE_SOURCE_NONE;
    return event == EDGE_SOURCE_NONE ? EDGE_SOURCE_END : event;
}

void edge_source_put_back(struct edge_source *source, struct mr_slice rest)
{
    assert(source->left.len == 0);
    source->left = rest;
}

/* Bytes of the connection's buffer, or of an earlier pause, move to memory of the source. */
static void keep(struct mr_buf *kept, struct mr_slice *bytes)
{
    struct mr_buf copy;
    if (bytes->len == 0)
        return;
    mr_buf_init(&copy, 0);
    mr_buf_slice(&copy, *bytes);
    mr_buf_free(kept);
    *kept = copy;
    *bytes = mr_buf_all(kept);
}

void edge_source_pause(struct edge_source *source)
{
    keep(&source->kept[0], &source->in);
    keep(&source->kept[1], &source->left);
    if (!source->has_ended)
        mr_http_exchange_pause(source->r->x);
}

void edge_source_resume(struct edge_source *source)
{
    mr_deferred_start(&source->later);
}
