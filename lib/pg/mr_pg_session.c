#include "mr_pg_session.h"
#include "mr_pg_dial.h"
#include "mr_pg_result_impl.h"
#include "mr_pg_session_impl.h"

#include <stdlib.h>

#define CONNECT_TIMEOUT_S 10

struct mr_pg_session {
    PGconn *pg;
};

static void ignore_notice(void *data, const PGresult *pg)
{
    (void)data;
    (void)pg;
}

/* The server answers others: then it refuses us, and will do so again. */
static bool server_is_there(const char *conninfo)
{
    const char *keys[] = {"dbname", "connect_timeout", NULL};
    const char *values[] = {conninfo, "3", NULL};
    return PQpingParams(keys, values, 1) == PQPING_OK;
}

enum mr_status mr_pg_session_open(const char *conninfo, const char *application_name,
                                  struct mr_pg_session **session, struct mr_error *why)
{
    enum mr_status s = mr_pg_target_check(conninfo, why);
    if (s != MR_OK)
        return s;
    struct mr_pg_target target = {.conninfo = conninfo,
                                  .application_name = application_name,
                                  .connect_timeout_s = CONNECT_TIMEOUT_S};
    PGconn *pg = mr_pg_target_connect(&target, true, why);
    if (!pg)
        return MR_BUSY;
    if (PQstatus(pg) != CONNECTION_OK) {
        const char *text = PQerrorMessage(pg);
        s = server_is_there(conninfo) ? MR_FATAL : MR_BUSY;
        mr_fail(why, s, "%.*s", (int)strcspn(text, "\n"), text);
        PQfinish(pg);
        return s;
    }
    PQsetNoticeReceiver(pg, ignore_notice, NULL);
    *session = malloc(sizeof **session);
    if (!*session)
        abort();
    (*session)->pg = pg;
    return MR_OK;
}

void mr_pg_session_close(struct mr_pg_session *session)
{
    if (!session)
        return;
    PQfinish(session->pg);
    free(session);
}

bool mr_pg_session_in_transaction(const struct mr_pg_session *session)
{
    return PQtransactionStatus(session->pg) == PQTRANS_INTRANS;
}

/* Takes pg in; on MR_OK it is *result's, where somebody wants it. */
static enum mr_status answer(struct mr_pg_session *session, PGresult *pg,
                             struct mr_pg_result **result, struct mr_error *why)
{
    if (PQstatus(session->pg) != CONNECTION_OK) {
        const char *text = PQerrorMessage(session->pg);
        PQclear(pg);
        return mr_fail(why, MR_LOST, "%.*s", (int)strcspn(text, "\n"), text);
    }
    struct mr_pg_result r = mr_pg_result_of(pg);
    enum mr_status s = mr_pg_result_status(&r, why);
    if (s == MR_OK && result)
        *result = mr_pg_result_take(&r);
    else
        PQclear(pg);
    return s;
}

static enum mr_status exec(struct mr_pg_session *session, const char *sql,
                           const struct mr_pg_params *params, bool text, PGresult **pg)
{
    if (params && params->status != MR_OK)
        return params->status;
    int count = params ? params->count : 0;
    *pg = PQexecParams(session->pg, sql, count, NULL, count ? params->values : NULL,
                       count ? params->lengths : NULL, count ? params->formats : NULL, !text);
    return MR_OK;
}

enum mr_status mr_pg_session_exec(struct mr_pg_session *session, const char *sql,
                                  const struct mr_pg_params *params, struct mr_pg_result **result,
                                  struct mr_error *why)
{
    PGresult *pg;
    enum mr_status s = exec(session, sql, params, false, &pg);
    if (s != MR_OK)
        return mr_fail(why, s, "the parameters are too large or too many");
    return answer(session, pg, result, why);
}

enum mr_status mr_pg_session_exec_text(struct mr_pg_session *session, const char *sql,
                                       const struct mr_pg_params *params,
                                       struct mr_pg_result **result, struct mr_error *why)
{
    PGresult *pg;
    enum mr_status s = exec(session, sql, params, true, &pg);
    if (s != MR_OK)
        return mr_fail(why, s, "the parameters are too large or too many");
    return answer(session, pg, result, why);
}

/* The line, from 1, of a position that counts UTF-8 characters from 1. */
static int line_of(const char *sql, int position)
{
    int line = 1;
    for (const char *p = sql; *p && position > 1; p++) {
        if (((unsigned char)*p & 0xC0) != 0x80)
            position--;
        if (*p == '\n')
            line++;
    }
    return line;
}

enum mr_status mr_pg_session_script(struct mr_pg_session *session, const char *sql,
                                    struct mr_error *why)
{
    struct mr_error said;
    PGresult *pg = PQexec(session->pg, sql);
    int position = (int)strtol(mr_pg_field(pg, PG_DIAG_STATEMENT_POSITION), NULL, 10);
    enum mr_status s = answer(session, pg, NULL, &said);
    if (s == MR_OK)
        return s;
    if (position > 0)
        return mr_fail(why, s, "line %d: %s", line_of(sql, position), said.text);
    return mr_fail(why, s, "%s", said.text);
}
