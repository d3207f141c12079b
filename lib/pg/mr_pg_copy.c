#include "mr_pg_copy.h"
#include "mr_pg_result_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define CHUNK_BYTES_MAX ((size_t)16 << 20)
#define BUDGET_BYTES_MAX                                                                           \
    ((size_t)1 << 20) /* in one turn of the loop, as long as the kernel takes it */

bool mr_pg_copy_start(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe)
{
    assert(copy->phase == MR_PG_COPY_WAITING);
    assert(pipe->count == 0);
    copy->phase = MR_PG_COPY_STARTED;
    bool ok = PQexitPipelineMode(pipe->pg) == 1 && PQsendQuery(pipe->pg, copy->sql) == 1;
    free(copy->sql);
    copy->sql = NULL;
    return ok;
}

static bool end(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe, const char *failure)
{
    copy->phase = MR_PG_COPY_ENDING;
    return PQputCopyEnd(pipe->pg, failure) == 1;
}

/* The server has sent something in the middle. libpq hands over notices, but keeps an error until
 * the end; so what was no notice is an error, and the rest of the rows need not be sent. Should it
 * be something else after all, the COPY fails and is tried again: it is never cut short. (libpq
 * reads by itself when a write is cut short, and an error that is read so is not noticed here: then
 * all rows are sent in vain. That is rare, as stream() looks before each write.) */
static bool heed_input(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe)
{
    uint64_t notices = pipe->notices;
    if (PQputCopyData(pipe->pg, "", 0) != 1) /* sends nothing, reads notices */
        return false;
    if (pipe->notices != notices)
        return true;
    return end(copy, pipe, "the server answered before the end");
}

static bool stream(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe, bool *more)
{
    size_t budget = BUDGET_BYTES_MAX;
    while (copy->phase == MR_PG_COPY_STREAMING) {
        int arrived = 0;
        if (ioctl(PQsocket(pipe->pg), FIONREAD, &arrived) == 0 && arrived > 0) {
            if (!PQconsumeInput(pipe->pg) || !heed_input(copy, pipe))
                return false;
            continue; /* a notice, or ENDING now */
        }
        int unsent = PQflush(pipe->pg);
        if (unsent != 0)
            return unsent > 0; /* writable comes: this is the back-pressure */
        if (budget == 0) {
            *more = true;
            return true;
        }
        struct mr_slice chunk = {0};
        enum mr_pg_pull pulled = copy->on_pull(&chunk, copy->data);
        if (copy->stopped)
            return true;
        switch (pulled) {
        case MR_PG_PULL_WAIT:
            copy->phase = MR_PG_COPY_PAUSED;
            return true;
        case MR_PG_PULL_END:
            return end(copy, pipe, NULL);
        case MR_PG_PULL_FAIL:
            return end(copy, pipe, "given up by the client");
        case MR_PG_PULL_MORE:
            assert(chunk.len > 0);
            assert(chunk.len <= CHUNK_BYTES_MAX);
            if (PQputCopyData(pipe->pg, chunk.data, (int)chunk.len) != 1)
                return false;
            budget -= chunk.len < budget ? chunk.len : budget;
        }
    }
    return true;
}

/* Takes one result of the simple protocol in. False when the session is over. */
static bool take_in(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe, PGresult *pg)
{
    ExecStatusType status = PQresultStatus(pg);
    if (status == PGRES_COPY_IN && copy->phase == MR_PG_COPY_STARTED) {
        copy->phase = MR_PG_COPY_STREAMING;
        PQclear(pg);
        return true;
    }
    bool failed = status == PGRES_FATAL_ERROR;
    if (failed && (mr_pg_result_is_last_word(pg) || !mr_pg_field(pg, PG_DIAG_SQLSTATE)[0])) {
        mr_pg_pipeline_hear(pipe, pg);
        PQclear(pg);
        return false;
    }
    if (!failed && !(status == PGRES_COMMAND_OK && copy->phase == MR_PG_COPY_ENDING)) {
        mr_fail(&pipe->last_word, MR_BUSY, "the statement is not one COPY ... FROM STDIN");
        PQclear(pg);
        return false;
    }
    PQclear(copy->answer);
    copy->answer = pg;
    copy->phase = MR_PG_COPY_ENDING;
    return true;
}

/* STARTED and ENDING: results until libpq has no more. */
static bool read_results(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe)
{
    while (copy->phase == MR_PG_COPY_STARTED || copy->phase == MR_PG_COPY_ENDING) {
        if (PQisBusy(pipe->pg))
            return true;
        PGresult *pg = PQgetResult(pipe->pg);
        if (pg) {
            if (!take_in(copy, pipe, pg))
                return false;
            continue;
        }
        if (!copy->answer)
            return false; /* the connection is lost */
        copy->phase = MR_PG_COPY_DONE;
        return PQenterPipelineMode(pipe->pg) == 1;
    }
    return true;
}

bool mr_pg_copy_step(struct mr_pg_copy *copy, struct mr_pg_pipeline *pipe, bool has_input,
                     bool *more)
{
    bool streaming = copy->phase == MR_PG_COPY_STREAMING || copy->phase == MR_PG_COPY_PAUSED;
    if (streaming && has_input && !heed_input(copy, pipe))
        return false;
    if (!read_results(copy, pipe))
        return false;
    if (!stream(copy, pipe, more))
        return false;
    return read_results(copy, pipe); /* an end may be answered already */
}

void mr_pg_copy_deliver(struct mr_pg_copy *copy)
{
    struct mr_pg_copy c = *copy;
    *copy = (struct mr_pg_copy){.phase = MR_PG_COPY_NONE};
    free(c.sql);
    struct mr_pg_result r =
        c.phase == MR_PG_COPY_DONE ? mr_pg_result_of(c.answer) : mr_pg_result_bare(MR_PG_LOST);
    if (c.phase != MR_PG_COPY_DONE)
        PQclear(c.answer);
    mr_pg_result_deliver(r, c.on_result, c.data);
}
