/* SIGTERM and SIGINT ask the program to end: the first calls back on the loop, a second one exits
 * at once with status 3. */
#ifndef MR_SIGNAL_H
#define MR_SIGNAL_H

#include "mr_loop.h"

struct mr_signal {
    /* private */
    uv_signal_t term, interrupt;
    void (*asked)(void *data);
    void *data;
    bool seen;
    bool closing;
};

/* Does not keep the loop alive by itself. */
void mr_signal_start(struct mr_signal *signals, struct mr_loop *loop, void (*asked)(void *data),
                     void *data);
/* Closes its handles; the memory must live until the loop has run again (mr_loop_close does). */
void mr_signal_close(struct mr_signal *signals);

#endif
