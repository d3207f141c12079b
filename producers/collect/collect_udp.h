/* A UDP socket: many datagrams a system call, and a count of what the kernel dropped.
 *
 *     READING -no room in the pipe-> STALLED -resume-> READING; what was read and not taken is kept
 *
 * While it is stalled the kernel's buffer holds what comes, and what it has no room for it drops
 * and counts for the socket; the next datagram is not looked at before there is room for it. */
#ifndef COLLECT_UDP_H
#define COLLECT_UDP_H

#include "collect_gelf.h"
#include "collect_pipe.h"
#include "mr_error.h"
#include "mr_status.h"

struct collect_udp;

struct collect_udp_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    struct mr_metrics *metrics;
    struct collect_pipe *pipe;
    enum collect_protocol protocol; /* COLLECT_SYSLOG_UDP or COLLECT_GELF_UDP */
    struct collect_gelf *gelf;      /* of COLLECT_GELF_UDP */
    const char *address;            /* IPv4 or IPv6, no name */
    int port;                       /* 0: a free one */
    int64_t buffer_bytes;           /* asked for; the kernel may give less, which is logged */
    size_t message_bytes_max;       /* a longer syslog datagram is cut */
};

/* Binds, logs {"msg":"listening","protocol":...,"port":N} and reads. MR_INVALID: the address is
 * none, or is taken; why says so. */
MR_MUST_CHECK enum mr_status collect_udp_new(const struct collect_udp_settings *settings,
                                             struct collect_udp **out, struct mr_error *why);
void collect_udp_resume(struct collect_udp *udp);
/* What the kernel has dropped since the socket was opened. */
uint64_t collect_udp_dropped(const struct collect_udp *udp);
/* Sets the metric of it, before metrics are told. */
void collect_udp_refresh(struct collect_udp *udp);
/* Reads what lies in the kernel's buffer by now (what the pipe has no room for is counted as given
 * up), then closes and frees; on_closed when nothing of it is left on the loop. Takes NULL: at
 * once. */
void collect_udp_close(struct collect_udp *udp, void (*on_closed)(void *owner), void *owner);

#endif
