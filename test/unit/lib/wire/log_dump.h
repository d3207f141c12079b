/* What the readers of log formats say about some bytes, as text: for the suites and the fuzz
 * targets. Bytes are fed in pieces, each in memory of its own that ends where it ends, so that
 * reading past it is seen. */
#ifndef LOG_DUMP_H
#define LOG_DUMP_H

#include "mr_buf.h"
#include "mr_otlp.h"
#include "mr_slice.h"
#include <stdbool.h>
#include <stddef.h>

#define LOG_DUMP_MESSAGE_BYTES 300  /* the bound of a message on a stream */
#define LOG_DUMP_LINE_BYTES    2000 /* of a line of an access log */
#define LOG_DUMP_ITEM_BYTES    64   /* the bound of an item of a body */

/* The first piece has so many bytes, each further one `step` (> 0). */
struct log_cut {
    size_t first, step;
};

/* Pieces of bytes, each a copy that lives until the next call. */
struct log_pieces {
    struct mr_slice rest;
    size_t next, step;
    char *copy;
};

struct log_pieces log_pieces(struct mr_slice bytes, struct log_cut cut);
bool log_pieces_next(struct log_pieces *p, struct mr_slice *piece);

/* Each appends a line of text for each message, item or fate: the log line as JSON, or what was
 * wrong. "NOT STRICT" before a line: mr_json_parse refuses it, which it never may. */
void log_dump_datagram(struct mr_slice bytes, struct mr_buf *out);                   /* syslog */
void log_dump_stream(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out); /* syslog */
void log_dump_gelf(struct mr_slice bytes, struct mr_buf *out);
void log_dump_gelf_stream(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out);
/* bytes is a text: a line "MILLISECONDS SOURCE HEX" for each datagram. */
void log_dump_gelf_chunks(struct mr_slice bytes, struct mr_buf *out);
void log_dump_otlp(struct mr_slice bytes, enum mr_otlp_encoding encoding, struct mr_buf *out);
void log_dump_combined(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out);
void log_dump_ndjson(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out);
/* The bytes that come out, then "end" or what was wrong. */
void log_dump_inflate(struct mr_slice bytes, struct log_cut cut, struct mr_buf *out);

#endif
