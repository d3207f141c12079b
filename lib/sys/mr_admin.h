/* The admin listener of any program: /livez (the loop turns), /readyz, /metrics.
 *
 * It is for operators and load balancers on a private address; it has no keys. It keeps answering
 * while the program drains, and ends with mr_admin_close. */
#ifndef MR_ADMIN_H
#define MR_ADMIN_H

#include "mr_buf.h"
#include "mr_error.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_metrics.h"
#include "mr_status.h"

struct mr_admin;

struct mr_admin_options {
    const char *address;
    int port;                   /* 0: a free one */
    struct mr_log *log;         /* {"msg":"admin listener","port":N} goes here */
    struct mr_metrics *metrics; /* borrowed until closed */
    /* True: /readyz answers 200, else 503; either way with {"ready":...,"detail":<detail>}, where
     * detail is one JSON value that the callback appends (nothing appended: null). */
    bool (*ready)(struct mr_buf *detail, void *data);
    void *data;
};

/* On MR_OK the caller owns *out; otherwise why says what the system refused. */
MR_MUST_CHECK enum mr_status mr_admin_start(struct mr_loop *loop,
                                            const struct mr_admin_options *options,
                                            struct mr_admin **out, struct mr_error *why);
/* Frees it; closed (may be NULL) is called once nothing of it is left on the loop. Takes NULL:
 * closed is then called at once. */
void mr_admin_close(struct mr_admin *admin, void (*closed)(void *data), void *data);

#endif
