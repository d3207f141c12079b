/* GELF datagrams: chunks put together, gzip and zlib unpacked. */
#ifndef COLLECT_GELF_H
#define COLLECT_GELF_H

#include "collect_pipe.h"

struct collect_gelf;

struct collect_gelf_settings {
    struct mr_loop *loop;
    struct mr_metrics *metrics;
    struct collect_pipe *pipe; /* borrowed until freed */
    int64_t chunks_ms;         /* a message's chunks have so long to arrive */
    size_t message_bytes_max;  /* as it was sent, and unpacked */
};

struct collect_gelf *collect_gelf_new(const struct collect_gelf_settings *settings);
/* Messages whose chunks are still awaited are counted as lost. Takes NULL. */
void collect_gelf_free(struct collect_gelf *gelf);

/* The pipe has room for a message (asked before). port tells senders of one source apart. */
void collect_gelf_take(struct collect_gelf *gelf, struct mr_slice datagram,
                       struct collect_source *source, uint16_t port);

#endif
