#include "mr_pg_socket.h"

#include <stdlib.h>
#include <sys/ioctl.h>

struct mr_pg_socket {
    uv_poll_t poll;
    int fd, events;
    struct mr_pg_socket_owner *owner; /* NULL: dropped */
};

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct mr_pg_socket *s = poll->data;
    if (status < 0)
        s->events = 0; /* libuv has stopped it */
    if (s->owner)
        s->owner->on_ready(status, events, s->owner->data);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void mr_pg_socket_drop(struct mr_pg_socket_owner *owner)
{
    struct mr_pg_socket *s = owner->socket;
    owner->socket = NULL;
    if (!s)
        return;
    s->owner = NULL;
    uv_close((uv_handle_t *)&s->poll, on_closed); /* stops at once */
}

int mr_pg_socket_watch(struct mr_pg_socket_owner *owner, PGconn *pg, int events)
{
    int fd = PQsocket(pg);
    struct mr_pg_socket *s = owner->socket;
    if (s && s->fd == fd && s->events == events)
        return 0;
    if (s && s->fd != fd) {
        mr_pg_socket_drop(owner);
        s = NULL;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            abort();
        int e = uv_poll_init(owner->loop, &s->poll, fd);
        if (e != 0) {
            free(s);
            return e;
        }
        s->fd = fd;
        s->owner = owner;
        s->poll.data = s;
        owner->socket = s;
    }
    s->events = events;
    int e = uv_poll_start(&s->poll, events, on_poll);
    if (e != 0)
        mr_pg_socket_drop(owner);
    return e;
}

/* A TLS record may leave decrypted bytes inside the library, where no poll sees them: so there it
 * is read until the socket is empty, and once more. */
bool mr_pg_socket_read(PGconn *pg)
{
    int waiting = 0;
    if (!PQconsumeInput(pg))
        return false;
    if (!PQsslInUse(pg))
        return true;
    for (int i = 0; i < 64 && ioctl(PQsocket(pg), FIONREAD, &waiting) == 0 && waiting > 0; i++)
        if (!PQconsumeInput(pg))
            return false;
    return PQconsumeInput(pg);
}
