#include "collect_gelf.h"

#include "mr_gelf_chunks.h"
#include "mr_inflate.h"

#include <stdlib.h>

#define MESSAGES_MAX 8192
#define CHUNKS_BYTES ((size_t)64 << 20)

struct collect_gelf {
    struct collect_gelf_settings set;
    struct mr_gelf_chunks *chunks;
    struct mr_inflate *inflate;
    struct mr_buf unpacked;
    struct mr_timer expire;
    struct mr_gauge *waiting;
    struct mr_counter *doubled;
};

static void lose(struct collect_gelf *g, enum collect_cause cause, struct collect_source *source,
                 const char *why)
{
    collect_pipe_lose(g->set.pipe, COLLECT_GELF_UDP, cause, 1, source, why);
}

/* ---- one message ---- */

static void take_whole(struct collect_gelf *g, struct mr_slice message,
                       struct collect_source *source)
{
    struct mr_error why = {.text = ""};
    enum mr_status s = mr_inflate_all(g->inflate, message, &g->unpacked, &message, &why);
    if (s == MR_OK)
        collect_pipe_gelf(g->set.pipe, COLLECT_GELF_UDP, message, false, source);
    else
        lose(g, s == MR_LIMIT ? COLLECT_TOO_LARGE : COLLECT_COMPRESSION, source, why.text);
}

void collect_gelf_take(struct collect_gelf *gelf, struct mr_slice datagram,
                       struct collect_source *source, uint16_t port)
{
    struct mr_slice message;
    if (!mr_gelf_is_chunk(datagram)) {
        take_whole(gelf, datagram, source);
        return;
    }
    uint64_t sender = (uint64_t)source->serial << 16 | port;
    switch (mr_gelf_chunks_add(gelf->chunks, sender, datagram, mr_loop_now_ms(gelf->set.loop),
                               &message)) {
    case MR_GELF_WHOLE:
        take_whole(gelf, message, source);
        break;
    case MR_GELF_HELD:
        break;
    case MR_GELF_DOUBLED:
        mr_counter_add(gelf->doubled, 1);
        break;
    case MR_GELF_LATE:
        lose(gelf, COLLECT_CHUNK_LATE, source, NULL);
        break;
    case MR_GELF_BAD:
        lose(gelf, COLLECT_CHUNK_BAD, source, NULL);
        break;
    case MR_GELF_OVER:
        lose(gelf, COLLECT_CHUNK_OVER, source, NULL);
        break;
    }
}

/* ---- messages that will not come any more ---- */

static void expire(struct collect_gelf *g, int64_t now_ms)
{
    struct collect_sources *sources = collect_pipe_sources(g->set.pipe);
    struct mr_gelf_lost lost;
    while (mr_gelf_chunks_expire(g->chunks, now_ms, &lost))
        lose(g, COLLECT_CHUNKS_LOST, collect_sources_at(sources, (uint32_t)(lost.source >> 16)),
             NULL);
}

static void on_expire(void *data)
{
    struct collect_gelf *g = data;
    expire(g, mr_loop_now_ms(g->set.loop));
    mr_gauge_set(g->waiting, mr_gelf_chunks_waiting(g->chunks));
    mr_timer_start(&g->expire, g->set.chunks_ms / 4 + 1);
}

/* ---- life ---- */

struct collect_gelf *collect_gelf_new(const struct collect_gelf_settings *settings)
{
    const struct mr_gelf_chunks_limits limits = {.messages_max = MESSAGES_MAX,
                                                 .bytes_max = CHUNKS_BYTES,
                                                 .message_bytes_max = settings->message_bytes_max,
                                                 .wait_ms = settings->chunks_ms};
    struct collect_gelf *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    g->set = *settings;
    g->chunks = mr_gelf_chunks_new(&limits);
    g->inflate = mr_inflate_new();
    mr_buf_init(&g->unpacked, settings->message_bytes_max);
    g->waiting = mr_metrics_gauge(settings->metrics, "millrace_collect_chunked_messages",
                                  "GELF messages that await chunks", NULL);
    g->doubled =
        mr_metrics_counter(settings->metrics, "millrace_collect_chunks_doubled_total",
                           "GELF chunks that had come before; nothing is lost by them", NULL);
    mr_timer_init(&g->expire, settings->loop, on_expire, g);
    on_expire(g);
    return g;
}

void collect_gelf_free(struct collect_gelf *gelf)
{
    if (!gelf)
        return;
    mr_timer_stop(&gelf->expire);
    expire(gelf, INT64_MAX / 2);
    mr_gelf_chunks_free(gelf->chunks);
    mr_inflate_free(gelf->inflate);
    mr_buf_free(&gelf->unpacked);
    free(gelf);
}
