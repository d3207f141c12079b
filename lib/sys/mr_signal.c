#include "mr_signal.h"

#include <signal.h>
#include <unistd.h>

#define EXIT_STATUS 3

static void on_signal(uv_signal_t *handle, int number)
{
    struct mr_signal *s = handle->data;
    (void)number;
    if (s->seen)
        _exit(EXIT_STATUS); /* asked twice: no farewells */
    s->seen = true;
    s->asked(s->data);
}

static void watch(uv_signal_t *handle, struct mr_loop *loop, int number, struct mr_signal *owner)
{
    uv_signal_init(&loop->uv, handle);
    handle->data = owner;
    uv_signal_start(handle, on_signal, number);
    uv_unref((uv_handle_t *)handle);
}

void mr_signal_start(struct mr_signal *signals, struct mr_loop *loop, void (*asked)(void *data),
                     void *data)
{
    *signals = (struct mr_signal){.asked = asked, .data = data};
    watch(&signals->term, loop, SIGTERM, signals);
    watch(&signals->interrupt, loop, SIGINT, signals);
}

void mr_signal_close(struct mr_signal *signals)
{
    if (signals->closing)
        return;
    signals->closing = true;
    uv_close((uv_handle_t *)&signals->term, NULL);
    uv_close((uv_handle_t *)&signals->interrupt, NULL);
}
