/* Private to lib/pg: one COPY ... FROM STDIN on a connection whose pipeline is empty.
 *
 *   NONE --ask--> WAITING --start--> STARTED --server is ready--> STREAMING <--> PAUSED
 *                                       |                              | end, fail, server spoke
 *                                       +--------- refused ----------> ENDING --> DONE */
#ifndef MR_PG_COPY_H
#define MR_PG_COPY_H

#include "mr_pg_pipeline.h"

enum mr_pg_copy_phase {
    MR_PG_COPY_NONE,
    MR_PG_COPY_WAITING, /* for the pipeline to run dry */
    MR_PG_COPY_STARTED, /* the statement is sent */
    MR_PG_COPY_STREAMING,
    MR_PG_COPY_PAUSED, /* the source has nothing now */
    MR_PG_COPY_ENDING, /* waiting for the count or the error */
    MR_PG_COPY_DONE    /* answer holds it; back in pipeline mode */
};

struct mr_pg_copy {
    enum mr_pg_copy_phase phase;
    char *sql; /* owned, from WAITING to STARTED */
    mr_pg_on_pull on_pull;
    mr_pg_on_result on_result;
    void *data;
    bool stopped; /* the connection is being closed: pull no more */
    PGresult *answer;
};

/* The pipeline is empty: leaves pipeline mode and sends the statement. False: libpq failed. */
bool mr_pg_copy_start(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe);
/* Goes on as far as it can now. has_input: bytes of the server have just been read. *more: stopped
 * by its budget, call again soon. False: the connection is of no use. */
bool mr_pg_copy_step(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe, bool has_input,
                     bool *more);
/* Delivers the answer, or LOST where there is none, and is NONE again. */
void mr_pg_copy_deliver(struct mr_pg_copy *copy);

#endif
