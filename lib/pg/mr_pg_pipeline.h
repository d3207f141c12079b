/* Private to lib/pg: the statements in flight on one PGconn in pipeline mode, without a loop.
 *
 * A statement is written into libpq's buffer at once. A named one is prepared in line before its
 * first use. Until that is known to have worked, later *groups* send it unprepared: the preparing
 * group may fail before it, and then the name does not exist. */
#ifndef MR_PG_PIPELINE_H
#define MR_PG_PIPELINE_H

#include "mr_pg_conn.h"
#include <libpq-fe.h>

struct mr_pg_flight;
struct mr_pg_prepared;

struct mr_pg_pipeline {
    PGconn *pg; /* NULL while there is none; not owned */

    struct mr_pg_flight *ring;  /* in flight, oldest at head: statements, prepares, syncs */
    uint32_t head, count, size; /* size is a power of two, or 0 */
    uint32_t statements;        /* of count */

    struct mr_pg_prepared *prepared; /* by name */
    uint64_t group;                  /* number of the group that is open or comes next */
    bool group_open;
    PGresult *prepare_error; /* belongs to the next statement's answer */

    struct mr_error last_word; /* why the server ended the session, as far as it said */
    char last_sqlstate[6];
    uint64_t notices; /* messages that were no answers */
};

enum mr_pg_read {
    MR_PG_READ_WAIT,  /* nothing more has arrived */
    MR_PG_READ_ONE,   /* one answer was taken, its callback called */
    MR_PG_READ_BROKEN /* the connection is of no use any more; last_word says why */
};

void mr_pg_pipeline_free(struct mr_pg_pipeline *pipe);
/* pg has just connected; enters pipeline mode. False when libpq refuses. */
bool mr_pg_pipeline_attach(struct mr_pg_pipeline *pipe, PGconn *pg);
/* pg is about to be finished; everything in flight stays until mr_pg_pipeline_lose. */
void mr_pg_pipeline_detach(struct mr_pg_pipeline *pipe);
/* Answers everything in flight with LOST. */
void mr_pg_pipeline_lose(struct mr_pg_pipeline *pipe);

/* As mr_pg_query, without its bounds; MR_BUSY: libpq failed, the connection is of no use. */
MR_MUST_CHECK enum mr_status mr_pg_pipeline_query(struct mr_pg_pipeline *pipe,
                                                  const struct mr_pg_stmt *stmt,
                                                  const struct mr_pg_params *params,
                                                  mr_pg_on_result on_result, void *data);
/* False: libpq failed. */
bool mr_pg_pipeline_sync(struct mr_pg_pipeline *pipe);
enum mr_pg_read mr_pg_pipeline_read(struct mr_pg_pipeline *pipe);
/* pg ends the session: keeps what it says, unless something was said before. */
void mr_pg_pipeline_hear(struct mr_pg_pipeline *pipe, const PGresult *pg);

#endif
