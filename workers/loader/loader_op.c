#include "loader_op.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)1 << 30)

/* One statement under way. */
struct call {
    struct loader_op *op;
    loader_op_reader *read;
    int64_t want;
};

static void finish(void *data)
{
    struct loader_op *op = data;
    op->done(op->owner);
}

void loader_op_init(struct loader_op *op, struct mr_loop *loop, void (*done)(void *owner),
                    void *owner)
{
    *op = (struct loader_op){.done = done, .owner = owner};
    mr_arena_init(&op->arena, ARENA_BYTES_MAX);
    mr_deferred_init(&op->finish, loop, finish, op);
}

void loader_op_free(struct loader_op *op)
{
    mr_deferred_stop(&op->finish);
    mr_arena_free(&op->arena);
}

void *loader_op_alloc(struct loader_op *op, size_t count, size_t bytes)
{
    void *p = mr_arena_array(&op->arena, count, bytes);
    if (!p)
        abort();
    return p;
}

void loader_op_begin(struct loader_op *op, struct mr_pg_conn *conn)
{
    assert(op->outstanding == 0);
    mr_arena_reset(&op->arena);
    op->conn = conn;
    op->status = MR_OK;
    op->fatal = false;
    op->why.text[0] = 0;
}

static void note_failure(struct loader_op *op, const struct mr_pg_result *result)
{
    struct mr_error why;
    enum mr_status s = mr_pg_result_status(result, &why);
    if (op->status != MR_OK && s != MR_LOST)
        return; /* the first failure says why; the rest was only aborted */
    op->fatal = s == MR_FATAL;
    op->status = s == MR_FATAL ? MR_BUSY : s;
    op->why = why;
}

static void note_count(struct loader_op *op, int64_t affected, int64_t want)
{
    if (op->status == MR_OK)
        op->status = mr_fail(&op->why, MR_BUSY,
                             "a statement changed %" PRId64 " rows, not %" PRId64, affected, want);
}

static void on_result(struct mr_pg_result *result, void *data)
{
    struct call *call = data;
    struct loader_op *op = call->op;
    op->outstanding--;
    if (mr_pg_result_outcome(result) != MR_PG_OK)
        note_failure(op, result);
    else if (call->want >= 0 && mr_pg_result_affected(result) != call->want)
        note_count(op, mr_pg_result_affected(result), call->want);
    else if (call->read)
        call->read(op->owner, result);
    if (op->outstanding == 0)
        op->done(op->owner);
}

static struct call *call_of(struct loader_op *op, int64_t want, loader_op_reader *read)
{
    struct call *call = loader_op_alloc(op, 1, sizeof *call);
    *call = (struct call){.op = op, .read = read, .want = want};
    return call;
}

static void note_queued(struct loader_op *op, enum mr_status status)
{
    if (status == MR_OK)
        op->outstanding++;
    else if (op->status == MR_OK)
        op->status = mr_fail(&op->why, MR_BUSY, "the statement could not be queued");
}

void loader_op_query(struct loader_op *op, const struct mr_pg_stmt *stmt,
                     const struct mr_pg_params *params, int64_t want, loader_op_reader *read)
{
    note_queued(op, mr_pg_query(op->conn, stmt, params, on_result, call_of(op, want, read)));
}

/* A COPY under way; call is first, as on_result takes it for one. */
struct copy {
    struct call call;
    mr_pg_on_pull pull;
};

static enum mr_pg_pull on_pull(struct mr_slice *chunk, void *data)
{
    struct copy *copy = data;
    return copy->pull(chunk, copy->call.op->owner);
}

void loader_op_copy(struct loader_op *op, const char *sql, mr_pg_on_pull pull, int64_t want)
{
    struct copy *copy = loader_op_alloc(op, 1, sizeof *copy);
    *copy = (struct copy){.call = {.op = op, .want = want}, .pull = pull};
    note_queued(op, mr_pg_copy_in(op->conn, sql, on_pull, on_result, copy));
}

void loader_op_end(struct loader_op *op)
{
    mr_pg_sync(op->conn);
    if (op->outstanding == 0)
        mr_deferred_start(&op->finish);
}
