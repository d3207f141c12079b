/* Requests in a wire format of log lines (OTLP, GELF): the body is collected, decompressed and
 * bounded; then each line that is read from it is redacted, sampled, written, checked and sent. */
#ifndef EDGE_LINES_H
#define EDGE_LINES_H

#include "edge_ingest.h"
#include "edge_source.h"
#include "edge_volley.h"
#include "mr_logline.h"

struct edge_lines {
    struct edge_request *r;
    const struct mr_catalog_command *command;
    struct edge_reader *reader; /* reader->bytes: the body, once it is collected */
    struct edge_volley *volley;
    struct mr_arena arena; /* for reading a line; the owner resets it */
    uint64_t rejected, sampled;
    struct mr_error cause; /* why the first one was rejected; empty: none was */
    bool is_too_large;     /* that was it */

    /* private */
    struct mr_ingest *rules;
    struct edge_source source;
    void (*collected)(struct edge_request *r, enum edge_source_event how,
                      const struct mr_error *why);
};

struct edge_lines_settings {
    enum mr_inflate_kind kind;
    /* The body is whole (EDGE_SOURCE_END), cannot be decompressed (INVALID), or is longer than
     * MILLRACE_DECODED_BYTES_MAX (LIMIT). */
    void (*collected)(struct edge_request *r, enum edge_source_event how,
                      const struct mr_error *why);
    /* The volley's: owner is the request. */
    void (*go_on)(void *owner);
};
/* Begins to collect the body of r, whose match.command is what the lines become. lines lives in
 * memory of the request. */
void edge_lines_start(struct edge_lines *lines, struct edge_request *r,
                      const struct edge_lines_settings *settings);
/* Before the request is answered, and when its client has gone (as r->cancel, which is set). */
void edge_lines_let_go(struct edge_lines *lines);

/* Sends a line, or counts it as sampled or rejected and notes the cause. After
 * edge_volley_has_room. number rises from line to line. */
void edge_lines_send(struct edge_lines *lines, struct mr_logline *line, const struct mr_uuid *id,
                     uint64_t number);
/* What a line's texts and JSON values come to before anything is redacted. */
uint64_t edge_lines_bytes(const struct mr_logline *line);
/* Counts one that was no line (MR_INVALID), or is too large (MR_LIMIT). */
void edge_lines_reject(struct edge_lines *lines, enum mr_status s, const char *why);
/* collected is called again, in a turn of its own: a long loop goes on there. */
void edge_lines_later(struct edge_lines *lines);

#endif
