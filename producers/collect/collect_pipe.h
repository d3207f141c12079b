/* The way of every message into the log, whatever brought it: read, redacted, sampled, given an id,
 * written as JSON, and kept until the log has it. One buffer and one arena serve all, so that a
 * message costs no allocation of ours. */
#ifndef COLLECT_PIPE_H
#define COLLECT_PIPE_H

#include "collect_sources.h"
#include "command_flow.h"
#include "mr_catalog.h"
#include "mr_ingest.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include <stdbool.h>
#include <stdint.h>

enum collect_protocol {
    COLLECT_SYSLOG_UDP,
    COLLECT_SYSLOG_TCP,
    COLLECT_GELF_UDP,
    COLLECT_GELF_TCP,
    COLLECT_PROTOCOLS
};
const char *collect_protocol_text(enum collect_protocol protocol); /* "syslog-udp" */

struct collect_pipe;

struct collect_pipe_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    struct mr_metrics *metrics;
    const struct mr_catalog_command *command; /* logging.line */
    struct mr_uuid account;
    struct mr_ingest *ingest; /* borrowed; may be NULL */
    uint32_t in_flight_max;
    size_t body_bytes_max;
    /* Half of the window is free again: whoever stopped reading goes on. */
    void (*on_room)(void *owner);
    void *owner;
};

MR_MUST_CHECK enum mr_status collect_pipe_new(const struct collect_pipe_settings *settings,
                                              struct collect_pipe **out, struct mr_error *why);
/* The flow of the pipe, to be opened with a log before the first message. */
struct command_flow *collect_pipe_flow(struct collect_pipe *pipe);
struct collect_sources *collect_pipe_sources(struct collect_pipe *pipe);

/* The wall clock for what is taken from now on; once for each piece of input that is read. */
void collect_pipe_tick(struct collect_pipe *pipe);
/* Asked before each message is taken; false: stop reading, on_room follows. */
bool collect_pipe_has_room(struct collect_pipe *pipe);

/* Takes one message; there is room for it (asserted). What cannot be read is counted as lost.
 * source may be NULL. text is not kept. */
void collect_pipe_syslog(struct collect_pipe *pipe, enum collect_protocol protocol,
                         struct mr_slice text, bool is_cut, struct collect_source *source);
void collect_pipe_gelf(struct collect_pipe *pipe, enum collect_protocol protocol,
                       struct mr_slice text, bool is_cut, struct collect_source *source);

/* A datagram came, or a message of a stream. */
void collect_pipe_count(struct collect_pipe *pipe, enum collect_protocol protocol, size_t bytes,
                        struct collect_source *source);
/* n messages or chunks are lost: counted, and told in the log, but not more than once in 10 s. why
 * may be NULL. */
void collect_pipe_lose(struct collect_pipe *pipe, enum collect_protocol protocol,
                       enum collect_cause cause, uint64_t n, struct collect_source *source,
                       const char *why);

/* Waits up to deadline_ms until the log has all, then frees. Once. */
void collect_pipe_close(struct collect_pipe *pipe, uint64_t deadline_ms,
                        void (*on_closed)(void *owner), void *owner);

#endif
