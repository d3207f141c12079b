#include "mr_pg_pipeline.h"
#include "mr_map.h"
#include "mr_pg_result_impl.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 48

enum flight_kind { FLIGHT_STATEMENT, FLIGHT_PREPARE, FLIGHT_SYNC };

struct mr_pg_flight {
    enum flight_kind kind;
    uint32_t version; /* of prepared, when it was sent */
    struct mr_pg_prepared *prepared;
    mr_pg_on_result on_result;
    void *data;
    PGresult *answer; /* until libpq says that it is complete */
};

/* UNKNOWN -prepare sent-> ASKED -answered-> READY; failed, aborted or gone stale -> UNKNOWN */
enum prepared_state { PREPARED_UNKNOWN, PREPARED_ASKED, PREPARED_READY };

struct mr_pg_prepared {
    enum prepared_state state;
    uint64_t asked_group; /* the group in which the name may be used while it is ASKED */
    uint32_t version;     /* makes a new server-side name when the old one has gone stale */
    char server_name[64]; /* PostgreSQL cuts at 63 */
    char name[NAME_MAX_LEN + 1];
    const char *sql;
    UT_hash_handle hh;
};

static void forget_prepared(struct mr_pg_pipeline *pipe)
{
    struct mr_pg_prepared *p, *next;
    HASH_ITER (hh, pipe->prepared, p, next) {
        HASH_DEL(pipe->prepared, p);
        free(p);
    }
}

void mr_pg_pipeline_free(struct mr_pg_pipeline *pipe)
{
    assert(pipe->count == 0);
    forget_prepared(pipe);
    free(pipe->ring);
}

/* Two kinds come here: notices, which nobody reads, and the server's goodbye while we are idle. */
static void on_notice(void *data, const PGresult *pg)
{
    struct mr_pg_pipeline *pipe = data;
    pipe->notices++;
    if (mr_pg_result_is_last_word(pg))
        mr_pg_pipeline_hear(pipe, pg);
}

void mr_pg_pipeline_hear(struct mr_pg_pipeline *pipe, const PGresult *pg)
{
    const char *sqlstate = mr_pg_field(pg, PG_DIAG_SQLSTATE);
    if (pipe->last_word.text[0])
        return; /* the first says most */
    const char *text = mr_pg_field(pg, PG_DIAG_MESSAGE_PRIMARY);
    if (!text[0])
        text = PQresultErrorMessage(pg);
    mr_fail(&pipe->last_word, MR_BUSY, "%.*s", (int)strcspn(text, "\n"), text);
    snprintf(pipe->last_sqlstate, sizeof pipe->last_sqlstate, "%s", sqlstate);
}

bool mr_pg_pipeline_attach(struct mr_pg_pipeline *pipe, PGconn *pg)
{
    assert(pipe->count == 0);
    assert(!pipe->prepared);
    pipe->pg = pg;
    pipe->last_word.text[0] = 0;
    pipe->last_sqlstate[0] = 0;
    PQsetNoticeReceiver(pg, on_notice, pipe);
    return PQsetnonblocking(pg, 1) == 0 && PQenterPipelineMode(pg) == 1;
}

void mr_pg_pipeline_detach(struct mr_pg_pipeline *pipe)
{
    pipe->pg = NULL;
    pipe->group_open = false;
    PQclear(pipe->prepare_error);
    pipe->prepare_error = NULL;
    for (uint32_t i = 0; i < pipe->count; i++)
        pipe->ring[(pipe->head + i) & (pipe->size - 1)].prepared = NULL;
    forget_prepared(pipe);
}

static struct mr_pg_flight *put(struct mr_pg_pipeline *pipe, struct mr_pg_flight flight)
{
    if (pipe->count == pipe->size) {
        uint32_t size = pipe->size ? pipe->size * 2 : 64;
        struct mr_pg_flight *ring = malloc(size * sizeof *ring);
        if (!ring)
            abort();
        for (uint32_t i = 0; i < pipe->count; i++)
            ring[i] = pipe->ring[(pipe->head + i) & (pipe->size - 1)];
        free(pipe->ring);
        pipe->ring = ring;
        pipe->head = 0;
        pipe->size = size;
    }
    struct mr_pg_flight *f = &pipe->ring[(pipe->head + pipe->count++) & (pipe->size - 1)];
    *f = flight;
    if (f->kind == FLIGHT_STATEMENT)
        pipe->statements++;
    return f;
}

static struct mr_pg_flight take(struct mr_pg_pipeline *pipe)
{
    assert(pipe->count > 0);
    struct mr_pg_flight f = pipe->ring[pipe->head];
    pipe->head = (pipe->head + 1) & (pipe->size - 1);
    pipe->count--;
    if (f.kind == FLIGHT_STATEMENT)
        pipe->statements--;
    return f;
}

void mr_pg_pipeline_lose(struct mr_pg_pipeline *pipe)
{
    assert(!pipe->pg);
    while (pipe->count > 0) {
        struct mr_pg_flight f = take(pipe);
        PQclear(f.answer);
        if (f.kind == FLIGHT_STATEMENT)
            mr_pg_result_deliver(mr_pg_result_bare(MR_PG_LOST), f.on_result, f.data);
    }
}

static void name_prepared(struct mr_pg_prepared *p)
{
    if (p->version == 0)
        snprintf(p->server_name, sizeof p->server_name, "%s", p->name);
    else
        snprintf(p->server_name, sizeof p->server_name, "%s.%u", p->name, p->version);
}

/* NULL when the name is too long or stands for another text already. */
static struct mr_pg_prepared *find_prepared(struct mr_pg_pipeline *pipe,
                                            const struct mr_pg_stmt *stmt)
{
    struct mr_pg_prepared *p;
    HASH_FIND_STR(pipe->prepared, stmt->name, p);
    if (p)
        return p->sql == stmt->sql || strcmp(p->sql, stmt->sql) == 0 ? p : NULL;
    if (strlen(stmt->name) > NAME_MAX_LEN)
        return NULL;
    p = calloc(1, sizeof *p);
    if (!p)
        abort();
    memcpy(p->name, stmt->name, strlen(stmt->name) + 1);
    p->sql = stmt->sql;
    name_prepared(p);
    HASH_ADD_STR(pipe->prepared, name, p);
    return p;
}

static bool may_use_name(const struct mr_pg_pipeline *pipe, const struct mr_pg_prepared *p)
{
    return p->state == PREPARED_READY ||
           (p->state == PREPARED_ASKED && p->asked_group == pipe->group);
}

static bool send_prepare(struct mr_pg_pipeline *pipe, const struct mr_pg_stmt *stmt,
                         struct mr_pg_prepared *p)
{
    if (!PQsendPrepare(pipe->pg, p->server_name, stmt->sql, stmt->nparams, stmt->types))
        return false;
    p->state = PREPARED_ASKED;
    p->asked_group = pipe->group;
    put(pipe, (struct mr_pg_flight){.kind = FLIGHT_PREPARE, .prepared = p, .version = p->version});
    return true;
}

enum mr_status mr_pg_pipeline_query(struct mr_pg_pipeline *pipe, const struct mr_pg_stmt *stmt,
                                    const struct mr_pg_params *params, mr_pg_on_result on_result,
                                    void *data)
{
    int count = params ? params->count : 0;
    if (count != stmt->nparams)
        return MR_INVALID;
    const char *const *values = count ? params->values : NULL;
    const int *lengths = count ? params->lengths : NULL;
    const int *formats = count ? params->formats : NULL;
    struct mr_pg_prepared *p = NULL;
    if (stmt->name && !(p = find_prepared(pipe, stmt)))
        return MR_INVALID;

    pipe->group_open = true;
    if (p && p->state == PREPARED_UNKNOWN && !send_prepare(pipe, stmt, p))
        return MR_BUSY;
    int sent;
    if (p && may_use_name(pipe, p)) {
        sent = PQsendQueryPrepared(pipe->pg, p->server_name, count, values, lengths, formats,
                                   !stmt->text);
    } else {
        sent = PQsendQueryParams(pipe->pg, stmt->sql, count, stmt->types, values, lengths, formats,
                                 !stmt->text);
        p = NULL;
    }
    if (!sent)
        return MR_BUSY;
    put(pipe, (struct mr_pg_flight){.kind = FLIGHT_STATEMENT,
                                    .prepared = p,
                                    .version = p ? p->version : 0,
                                    .on_result = on_result,
                                    .data = data});
    return MR_OK;
}

bool mr_pg_pipeline_sync(struct mr_pg_pipeline *pipe)
{
    if (!pipe->group_open)
        return true;
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC /* 17 and newer: does not write by itself */
    int sent = PQsendPipelineSync(pipe->pg);
#else
    int sent = PQpipelineSync(pipe->pg);
#endif
    if (!sent)
        return false;
    put(pipe, (struct mr_pg_flight){.kind = FLIGHT_SYNC});
    pipe->group_open = false;
    pipe->group++;
    return true;
}

static void on_prepared(struct mr_pg_pipeline *pipe, struct mr_pg_flight *f)
{
    struct mr_pg_prepared *p = f->prepared;
    ExecStatusType status = PQresultStatus(f->answer);
    if (p->version == f->version)
        p->state = status == PGRES_COMMAND_OK ? PREPARED_READY : PREPARED_UNKNOWN;
    if (status == PGRES_FATAL_ERROR)
        pipe->prepare_error = f->answer; /* tells more than "aborted" */
    else
        PQclear(f->answer);
}

/* The server has let go of the statement, or a table has changed under it: the name is of no use
 * any more, a new one is prepared at the next use. */
static void check_stale(struct mr_pg_flight *f)
{
    struct mr_pg_prepared *p = f->prepared;
    if (!p || p->version != f->version || PQresultStatus(f->answer) != PGRES_FATAL_ERROR)
        return;
    const char *sqlstate = mr_pg_field(f->answer, PG_DIAG_SQLSTATE);
    if (strcmp(sqlstate, "26000") != 0 && strcmp(sqlstate, "0A000") != 0)
        return;
    p->state = PREPARED_UNKNOWN;
    p->version++;
    name_prepared(p);
}

static void finish(struct mr_pg_pipeline *pipe, struct mr_pg_flight *f)
{
    if (f->kind == FLIGHT_PREPARE) {
        on_prepared(pipe, f);
        return;
    }
    if (pipe->prepare_error) {
        PQclear(f->answer);
        f->answer = pipe->prepare_error;
        pipe->prepare_error = NULL;
    }
    check_stale(f);
    mr_pg_result_deliver(mr_pg_result_of(f->answer), f->on_result, f->data);
}

static enum mr_pg_read broken(struct mr_pg_pipeline *pipe, const char *why)
{
    if (!pipe->last_word.text[0])
        mr_fail(&pipe->last_word, MR_BUSY, "%s", why);
    return MR_PG_READ_BROKEN;
}

/* Takes one of libpq's results in; *complete when the oldest in flight is answered with it. */
static enum mr_pg_read take_in(struct mr_pg_pipeline *pipe, PGresult *pg)
{
    struct mr_pg_flight *f = &pipe->ring[pipe->head];
    ExecStatusType status = PQresultStatus(pg);
    enum mr_pg_read r = MR_PG_READ_WAIT;
    if (status == PGRES_FATAL_ERROR &&
        (mr_pg_result_is_last_word(pg) || !mr_pg_field(pg, PG_DIAG_SQLSTATE)[0])) {
        /* The session ends, or libpq itself failed: what became of the statement is unknown. */
        mr_pg_pipeline_hear(pipe, pg);
        r = broken(pipe, "the connection is lost");
    } else if (status == PGRES_PIPELINE_SYNC && f->kind == FLIGHT_SYNC) {
        take(pipe);
        r = MR_PG_READ_ONE;
    } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
        r = broken(pipe, "COPY was sent as an ordinary statement");
    } else if (f->kind == FLIGHT_SYNC || f->answer) {
        r = broken(pipe, "an answer came that no statement waits for");
    } else {
        f->answer = pg;
        return r;
    }
    PQclear(pg);
    return r;
}

enum mr_pg_read mr_pg_pipeline_read(struct mr_pg_pipeline *pipe)
{
    enum mr_pg_read r = MR_PG_READ_WAIT;
    while (r == MR_PG_READ_WAIT) {
        if (PQisBusy(pipe->pg) || pipe->count == 0)
            return MR_PG_READ_WAIT; /* PQisBusy has read notices */
        PGresult *pg = PQgetResult(pipe->pg);
        if (pg) {
            r = take_in(pipe, pg);
            continue;
        }
        if (!pipe->ring[pipe->head].answer)
            return broken(pipe, "the connection is lost"); /* libpq is idle, we are not */
        struct mr_pg_flight f = take(pipe);
        finish(pipe, &f);
        r = MR_PG_READ_ONE;
    }
    return r;
}
