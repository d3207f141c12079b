/* Statements on one connection that are queued together and answered as one: every operation of a
 * driver goes this way. Answers are counted, the first failure says why, and `done` is called once,
 * never from inside loader_op_end. Knows no SQL. */
#ifndef LOADER_OP_H
#define LOADER_OP_H

#include "mr_arena.h"
#include "mr_loop.h"
#include "mr_pg_conn.h"

typedef void loader_op_reader(void *owner, struct mr_pg_result *result);

struct loader_op {
    /* for the owner to read in done */
    enum mr_status status; /* MR_OK: all of it happened, and every count of rows was right */
    bool fatal;            /* a statement cannot work here: syntax, missing table, permission */
    struct mr_error why;   /* unless MR_OK */
    struct mr_arena arena; /* parameters, and whatever must live until the next begin */

    /* private */
    struct mr_pg_conn *conn;
    struct mr_deferred finish;
    int32_t outstanding;
    void (*done)(void *owner);
    void *owner;
};

#define LOADER_OP_ANY INT64_C(-1)

void loader_op_init(struct loader_op *op, struct mr_loop *loop, void (*done)(void *owner),
                    void *owner);
void loader_op_free(struct loader_op *op);

/* Forgets the last operation's memory. */
void loader_op_begin(struct loader_op *op, struct mr_pg_conn *conn);
/* want: how many rows it must affect, or LOADER_OP_ANY; another count makes the whole operation
 * MR_BUSY. read (may be NULL) gets the result when it is as wanted. */
void loader_op_query(struct loader_op *op, const struct mr_pg_stmt *stmt,
                     const struct mr_pg_params *params, int64_t want, loader_op_reader *read);
/* One COPY ... FROM STDIN, alone in its operation. pull is called with the op's owner. */
void loader_op_copy(struct loader_op *op, const char *sql, mr_pg_on_pull pull, int64_t want);
/* Everything is queued: done follows. status is then
 *   MR_BUSY     it did not happen and may later
 *   MR_INVALID  a value or a constraint refuses a row
 *   MR_LOST     the connection broke: whether it happened is not known */
void loader_op_end(struct loader_op *op);
/* Bytes of the arena, zeroed; aborts when it is full: a flush is bounded far below it. */
void *loader_op_alloc(struct loader_op *op, size_t count, size_t bytes);

#endif
