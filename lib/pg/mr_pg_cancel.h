/* Private to lib/pg: a cancel request under way. libpq sends it blocking, over a connection of its
 * own, so it runs on the thread pool and outlives the connection that asked. */
#ifndef MR_PG_CANCEL_H
#define MR_PG_CANCEL_H

#include "mr_status.h"
#include <libpq-fe.h>
#include <uv.h>

struct mr_pg_cancel_job;

/* *slot is set to the job, and to NULL when it has ended. MR_BUSY: the job could not be started. */
MR_MUST_CHECK enum mr_status mr_pg_cancel_start(uv_loop_t *loop, PGconn *pg,
                                                struct mr_pg_cancel_job **slot);
/* The slot is about to go. job may be NULL. */
void mr_pg_cancel_forget(struct mr_pg_cancel_job *job);

#endif
