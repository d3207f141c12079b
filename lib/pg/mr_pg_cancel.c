#include "mr_pg_cancel.h"

#include <stdlib.h>

struct mr_pg_cancel_job {
    uv_work_t work;
    PGcancel *cancel;
    struct mr_pg_cancel_job **slot; /* NULL: nobody waits */
};

static void cancel_work(uv_work_t *work)
{
    struct mr_pg_cancel_job *job = work->data;
    char message[256];
    /* The statement's own answer tells whether it helped; a failure here means that it did not. */
    (void)PQcancel(job->cancel, message, sizeof message);
}

static void cancel_done(uv_work_t *work, int status)
{
    (void)status;
    struct mr_pg_cancel_job *job = work->data;
    if (job->slot)
        *job->slot = NULL;
    PQfreeCancel(job->cancel);
    free(job);
}

enum mr_status mr_pg_cancel_start(uv_loop_t *loop, PGconn *pg, struct mr_pg_cancel_job **slot)
{
    struct mr_pg_cancel_job *job = calloc(1, sizeof *job);
    if (!job)
        abort();
    job->work.data = job;
    job->slot = slot;
    job->cancel = PQgetCancel(pg);
    if (!job->cancel || uv_queue_work(loop, &job->work, cancel_work, cancel_done) != 0) {
        PQfreeCancel(job->cancel);
        free(job);
        return MR_BUSY;
    }
    *slot = job;
    return MR_OK;
}

void mr_pg_cancel_forget(struct mr_pg_cancel_job *job)
{
    if (job)
        job->slot = NULL;
}
