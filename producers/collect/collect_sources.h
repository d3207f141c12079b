/* Who sends: how much came from each source, and what of it was lost, for a bounded number of
 * sources. The busiest are told one by one, the rest together as `other`. A source is an address
 * without port. */
#ifndef COLLECT_SOURCES_H
#define COLLECT_SOURCES_H

#include "mr_buf.h"
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define COLLECT_SOURCES_MAX  1024 /* known at a time; the least busy half then joins `other` */
#define COLLECT_SOURCES_TOLD 100

/* Why a message, or a piece of one, is lost. */
enum collect_cause {
    COLLECT_INVALID,     /* not a GELF message */
    COLLECT_COMPRESSION, /* neither gzip nor zlib as it should be, or too large when unpacked */
    COLLECT_TOO_LARGE,   /* as a command it passes BODY_BYTES_MAX */
    COLLECT_CHUNKS_LOST, /* a message of which chunks did not come in time */
    COLLECT_CHUNK_LATE,  /* a chunk of such a message */
    COLLECT_CHUNK_BAD,   /* a chunk that makes no sense */
    COLLECT_CHUNK_OVER,  /* a chunk, or a message of chunks, beyond a bound */
    COLLECT_REFUSED,     /* by the log, for good */
    COLLECT_GIVEN_UP,    /* at the end, with the log away */
    COLLECT_CAUSES
};
const char *collect_cause_text(enum collect_cause cause);

struct collect_source {
    uint32_t serial; /* names it for ever; 0 is `other` */
    struct in6_addr address;
    uint64_t received; /* datagrams, or messages of a stream */
    uint64_t lost[COLLECT_CAUSES];
};

struct collect_sources;

struct collect_sources *collect_sources_new(void);
void collect_sources_free(struct collect_sources *sources); /* takes NULL */

/* IPv4 as ::ffff:a.b.c.d. */
struct in6_addr collect_address_of(const struct sockaddr *address);
/* The source of that address, made where it is new; its pointer is good until the next call. */
struct collect_source *collect_sources_of(struct collect_sources *sources,
                                          const struct in6_addr *address);
/* The source of this serial, or `other` where it is not known any more. */
struct collect_source *collect_sources_at(struct collect_sources *sources, uint32_t serial);

/* Appends two metric families, as Prometheus' text. */
void collect_sources_write(struct collect_sources *sources, struct mr_buf *out);

#endif
