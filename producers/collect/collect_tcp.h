/* A TCP listener and its connections: streams cut into messages, each taken in order.
 *
 *     a connection: READING -no room in the pipe-> HELD (what is left of the input is kept, nothing
 *                   is read) -resume-> READING; end of input, or broken -> the last message, closed
 *
 * A sender whose connection is not read is slowed by TCP itself: nothing is dropped. */
#ifndef COLLECT_TCP_H
#define COLLECT_TCP_H

#include "collect_pipe.h"
#include "mr_error.h"
#include "mr_status.h"

#define COLLECT_CONNECTIONS_MAX 1024 /* of one listener; more wait to be accepted */

struct collect_tcp;

struct collect_tcp_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    struct mr_metrics *metrics;
    struct collect_pipe *pipe;
    enum collect_protocol protocol; /* COLLECT_SYSLOG_TCP or COLLECT_GELF_TCP */
    const char *address;            /* IPv4 or IPv6, no name */
    int port;                       /* 0: a free one */
    size_t message_bytes_max;
};

/* As collect_udp_new. */
MR_MUST_CHECK enum mr_status collect_tcp_new(const struct collect_tcp_settings *settings,
                                             struct collect_tcp **out, struct mr_error *why);
void collect_tcp_resume(struct collect_tcp *tcp);
/* No new connections; the present ones go on. */
void collect_tcp_stop(struct collect_tcp *tcp);
/* True while a connection is held, or has brought something since the last call. */
bool collect_tcp_is_busy(struct collect_tcp *tcp);
/* Closes every connection, counting what was read and not taken as given up, and frees; on_closed
 * when nothing of it is left on the loop. Takes NULL: at once. */
void collect_tcp_close(struct collect_tcp *tcp, void (*on_closed)(void *owner), void *owner);

#endif
