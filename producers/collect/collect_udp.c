#include "collect_udp.h"

#include "collect_address.h"
#include "mr_syslog.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH          32
#define DATAGRAM_BYTES 65536 /* more than IP can carry */
#define LOOK_MS        10000 /* between two looks at what the kernel dropped */
#define CLOSE_READS    4096  /* batches at the end: senders may never stop */

struct collect_udp {
    struct collect_udp_settings set;
    int fd;
    uv_poll_t poll;
    bool stalled, closing;
    struct mr_timer look;
    struct mr_counter *dropped;
    uint64_t dropped_seen;

    /* what was read: next of count are taken */
    unsigned next, count;
    struct mmsghdr messages[BATCH];
    struct iovec pieces[BATCH];
    struct sockaddr_storage senders[BATCH];
    char *bytes; /* BATCH times DATAGRAM_BYTES */

    void (*on_closed)(void *owner);
    void *closed_owner;
};

/* ---- taking ---- */

static uint16_t port_of(const struct sockaddr *address)
{
    return address->sa_family == AF_INET6
               ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_port
               : ((const struct sockaddr_in *)(const void *)address)->sin_port;
}

static void take(struct collect_udp *udp, struct mr_slice datagram, const struct sockaddr *sender)
{
    struct in6_addr address = collect_address_of(sender);
    struct collect_source *source =
        collect_sources_of(collect_pipe_sources(udp->set.pipe), &address);
    collect_pipe_count(udp->set.pipe, udp->set.protocol, datagram.len, source);
    if (udp->set.protocol == COLLECT_GELF_UDP) {
        collect_gelf_take(udp->set.gelf, datagram, source, port_of(sender));
        return;
    }
    datagram = mr_syslog_datagram(datagram);
    bool is_cut = datagram.len > udp->set.message_bytes_max;
    if (is_cut)
        datagram.len = udp->set.message_bytes_max;
    if (datagram.len > 0)
        collect_pipe_syslog(udp->set.pipe, udp->set.protocol, datagram, is_cut, source);
}

/* False: the pipe has no room for the next one. */
static bool take_batch(struct collect_udp *udp)
{
    while (udp->next < udp->count) {
        if (!collect_pipe_has_room(udp->set.pipe))
            return false;
        unsigned i = udp->next++;
        take(udp, mr_slice(udp->pieces[i].iov_base, udp->messages[i].msg_len),
             (const struct sockaddr *)&udp->senders[i]);
    }
    return true;
}

/* How many were read; 0: there are none. */
static unsigned read_batch(struct collect_udp *udp)
{
    for (unsigned i = 0; i < BATCH; i++)
        udp->messages[i].msg_hdr.msg_namelen = sizeof udp->senders[i];
    int n = recvmmsg(udp->fd, udp->messages, BATCH, MSG_DONTWAIT, NULL);
    udp->next = 0;
    udp->count = n > 0 ? (unsigned)n : 0;
    return udp->count;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void set_stalled(struct collect_udp *udp, bool stalled)
{
    if (udp->stalled == stalled || udp->closing)
        return;
    udp->stalled = stalled;
    if (stalled)
        uv_poll_stop(&udp->poll);
    else
        uv_poll_start(&udp->poll, UV_READABLE, on_readable);
}

static void read_some(struct collect_udp *udp)
{
    struct mr_budget budget;
    mr_budget_start(&budget);
    collect_pipe_tick(udp->set.pipe);
    do {
        if (!take_batch(udp)) {
            set_stalled(udp, true);
            return;
        }
        if (mr_budget_is_spent(&budget))
            break; /* the socket is still readable, and others have their turn first */
    } while (udp->count == BATCH ? read_batch(udp) > 0 : false);
    set_stalled(udp, false);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct collect_udp *udp = poll->data;
    (void)events;
    /* An error of the socket is one of an answer that somebody did not want; it is read away. */
    (void)status;
    if (read_batch(udp) > 0)
        read_some(udp);
}

void collect_udp_resume(struct collect_udp *udp)
{
    if (udp->stalled)
        read_some(udp);
}

/* ---- what the kernel dropped ---- */

uint64_t collect_udp_dropped(const struct collect_udp *udp)
{
    uint32_t figures[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof figures;
    if (getsockopt(udp->fd, SOL_SOCKET, SO_MEMINFO, figures, &len) != 0)
        return 0;
    return figures[SK_MEMINFO_DROPS];
}

void collect_udp_refresh(struct collect_udp *udp)
{
    udp->dropped->value = (double)collect_udp_dropped(udp);
}

static void on_look(void *data)
{
    struct collect_udp *udp = data;
    uint64_t dropped = collect_udp_dropped(udp);
    collect_udp_refresh(udp);
    if (dropped > udp->dropped_seen)
        MR_LOG(udp->set.log, WARN, "the kernel dropped datagrams",
               mr_f_text("protocol", collect_protocol_text(udp->set.protocol)),
               mr_f_int("dropped", (int64_t)(dropped - udp->dropped_seen)),
               mr_f_int("dropped_in_all", (int64_t)dropped));
    udp->dropped_seen = dropped;
    mr_timer_start(&udp->look, LOOK_MS);
}

/* ---- life ---- */

static void ask_buffer(struct collect_udp *udp)
{
    int want = (int)udp->set.buffer_bytes, have = 0;
    socklen_t len = sizeof have;
    if (setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want) != 0 &&
        setsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want) != 0)
        return;
    /* the kernel tells twice of what it gave, its own bookkeeping being in it */
    if (getsockopt(udp->fd, SOL_SOCKET, SO_RCVBUF, &have, &len) == 0 && have / 2 < want)
        MR_LOG(udp->set.log, WARN, "the kernel gives a smaller receive buffer",
               mr_f_text("protocol", collect_protocol_text(udp->set.protocol)),
               mr_f_int("asked_bytes", want), mr_f_int("given_bytes", have / 2));
}

static void prepare_batch(struct collect_udp *udp)
{
    udp->bytes = malloc((size_t)BATCH * DATAGRAM_BYTES);
    if (!udp->bytes)
        abort();
    for (unsigned i = 0; i < BATCH; i++) {
        udp->pieces[i] = (struct iovec){.iov_base = udp->bytes + (size_t)i * DATAGRAM_BYTES,
                                        .iov_len = DATAGRAM_BYTES};
        udp->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &udp->senders[i], .msg_iov = &udp->pieces[i], .msg_iovlen = 1};
    }
}

static enum mr_status bind_socket(struct collect_udp *udp, struct mr_error *why)
{
    const struct collect_udp_settings *set = &udp->set;
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    enum mr_status s = collect_address_read(set->address, set->port, &address, why);
    if (s != MR_OK)
        return s;
    udp->fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (udp->fd < 0)
        return mr_fail(why, MR_FATAL, "%s: no socket: %s", collect_protocol_text(set->protocol),
                       strerror(errno));
    ask_buffer(udp);
    if (bind(udp->fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(udp->fd, (struct sockaddr *)&address, &len) != 0) {
        s = mr_fail(why, MR_INVALID, "%s: cannot listen on %s port %d (UDP): %s",
                    collect_protocol_text(set->protocol), set->address, set->port, strerror(errno));
        close(udp->fd);
        return s;
    }
    collect_address_log(set->log, collect_protocol_text(set->protocol), set->address, &address);
    return MR_OK;
}

enum mr_status collect_udp_new(const struct collect_udp_settings *settings,
                               struct collect_udp **out, struct mr_error *why)
{
    struct collect_udp *udp = calloc(1, sizeof *udp);
    if (!udp)
        abort();
    udp->set = *settings;
    enum mr_status s = bind_socket(udp, why);
    if (s != MR_OK) {
        free(udp);
        return s;
    }
    prepare_batch(udp);
    udp->dropped =
        mr_metrics_counter(settings->metrics, "millrace_collect_kernel_dropped_total",
                           "Datagrams that the kernel dropped at the socket",
                           MR_LABELS({"protocol", collect_protocol_text(settings->protocol)}));
    if (uv_poll_init(&settings->loop->uv, &udp->poll, udp->fd) != 0)
        abort();
    udp->poll.data = udp;
    uv_poll_start(&udp->poll, UV_READABLE, on_readable);
    mr_timer_init(&udp->look, settings->loop, on_look, udp);
    on_look(udp);
    *out = udp;
    return MR_OK;
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct collect_udp *udp = handle->data;
    void (*on_closed)(void *) = udp->on_closed;
    void *closed_owner = udp->closed_owner;
    free(udp->bytes);
    free(udp);
    if (on_closed)
        on_closed(closed_owner);
}

/* Senders get no answer: what is there is taken, or counted. */
static void empty(struct collect_udp *udp)
{
    collect_pipe_tick(udp->set.pipe);
    for (unsigned i = 0; i < CLOSE_READS; i++) {
        if (!take_batch(udp))
            collect_pipe_lose(udp->set.pipe, udp->set.protocol, COLLECT_GIVEN_UP,
                              udp->count - udp->next, NULL, "there is no room at the end");
        if (read_batch(udp) == 0)
            return;
    }
}

void collect_udp_close(struct collect_udp *udp, void (*on_closed)(void *owner), void *owner)
{
    if (!udp) {
        if (on_closed)
            on_closed(owner);
        return;
    }
    udp->on_closed = on_closed;
    udp->closed_owner = owner;
    udp->closing = true;
    empty(udp);
    on_look(udp);
    mr_timer_stop(&udp->look);
    uv_poll_stop(&udp->poll);
    close(udp->fd);
    uv_close((uv_handle_t *)&udp->poll, on_poll_closed);
}
