/* Errors of the server: which class of action each calls for. */
#include "mr_pg_result_impl.h"

static const struct {
    const char *prefix; /* of the SQLSTATE; the longest match counts, so exact codes come first */
    enum mr_pg_class class;
} classes[] = {
    {"08P01", MR_PG_FATAL},     /* protocol violation: a binary value of another type */
    {"22P03", MR_PG_FATAL},     /* the same: invalid binary representation */
    {"25006", MR_PG_TRANSIENT}, /* read only: a standby answers after a failover */
    {"25P03", MR_PG_TRANSIENT}, /* idle in transaction for too long */
    {"26000", MR_PG_TRANSIENT}, /* the prepared statement is gone: it is prepared anew */
    {"40002", MR_PG_ROW},       /* transaction integrity constraint violation */
    {"55006", MR_PG_TRANSIENT}, /* object in use */
    {"55P03", MR_PG_TRANSIENT}, /* lock not available */
    {"57014", MR_PG_TRANSIENT}, /* cancelled: statement timeout, mr_pg_cancel */
    {"57P04", MR_PG_FATAL},     /* the database was dropped */
    {"P0001", MR_PG_ROW},       /* raised by a function of the schema */
    {"P0004", MR_PG_ROW},       /* its ASSERT */
    {"08", MR_PG_TRANSIENT},    /* connection */
    {"21", MR_PG_ROW},          /* ON CONFLICT met one row twice */
    {"22", MR_PG_ROW},          /* data exception */
    {"23", MR_PG_ROW},          /* constraint */
    {"40", MR_PG_TRANSIENT},    /* serialization, deadlock */
    {"44", MR_PG_ROW},          /* WITH CHECK OPTION */
    {"53", MR_PG_TRANSIENT},    /* disk, memory, connections */
    {"54", MR_PG_ROW},          /* a row too large for an index, or its like */
    {"57P", MR_PG_TRANSIENT},   /* shutdown, crash, not up yet */
    {"58", MR_PG_TRANSIENT},    /* I/O error */
};

enum mr_pg_class mr_pg_class_of(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (strncmp(sqlstate, classes[i].prefix, strlen(classes[i].prefix)) == 0)
            return classes[i].class;
    return MR_PG_FATAL;
}

const char *mr_pg_field(const PGresult *pg, int code)
{
    const char *text = PQresultErrorField(pg, code);
    return text ? text : "";
}

bool mr_pg_result_is_last_word(const PGresult *pg)
{
    const char *severity = mr_pg_field(pg, PG_DIAG_SEVERITY_NONLOCALIZED);
    return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

struct mr_pg_result mr_pg_result_of(PGresult *pg)
{
    struct mr_pg_result r = {.pg = pg, .outcome = MR_PG_ERROR};
    switch (PQresultStatus(pg)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        r.outcome = MR_PG_OK;
        break;
    case PGRES_PIPELINE_ABORTED:
        r.outcome = MR_PG_ABORTED;
        break;
    default:
        if (strcmp(mr_pg_field(pg, PG_DIAG_SQLSTATE), "25P02") == 0)
            r.outcome = MR_PG_ABORTED; /* in a transaction that has failed */
    }
    return r;
}

enum mr_pg_outcome mr_pg_result_outcome(const struct mr_pg_result *r)
{
    return r->outcome;
}

/* The two kinds of error that a SQLSTATE alone does not tell, by the server's function (its
 * messages may be translated). */
static enum mr_pg_class class_of(const PGresult *pg)
{
    const char *sqlstate = mr_pg_field(pg, PG_DIAG_SQLSTATE);
    const char *function = mr_pg_field(pg, PG_DIAG_SOURCE_FUNCTION);
    if (strcmp(sqlstate, "23514") == 0 && strcmp(function, "ExecFindPartition") == 0)
        return MR_PG_PARTITION;
    if (strcmp(sqlstate, "0A000") == 0 && strcmp(function, "RevalidateCachedQuery") == 0)
        return MR_PG_TRANSIENT; /* a table changed under a prepared statement */
    return mr_pg_class_of(sqlstate);
}

static struct mr_pg_error bare_error(enum mr_pg_outcome outcome)
{
    struct mr_pg_error e = {MR_PG_NONE, "", "", "", "", "", "", ""};
    if (outcome == MR_PG_OK)
        return e;
    e.class = MR_PG_TRANSIENT;
    if (outcome == MR_PG_ABORTED) {
        e.sqlstate = "25P02";
        e.message = "not executed: an earlier statement of the group or transaction failed";
    } else if (outcome == MR_PG_LOST) {
        e.sqlstate = "08006";
        e.message = "the connection broke before the answer";
    } else {
        e.message = "no answer within the deadline";
    }
    return e;
}

struct mr_pg_error mr_pg_result_error(const struct mr_pg_result *r)
{
    if (r->outcome != MR_PG_ERROR)
        return bare_error(r->outcome);
    const PGresult *pg = r->pg;
    return (struct mr_pg_error){
        .class = class_of(pg),
        .sqlstate = mr_pg_field(pg, PG_DIAG_SQLSTATE),
        .message = mr_pg_field(pg, PG_DIAG_MESSAGE_PRIMARY),
        .detail = mr_pg_field(pg, PG_DIAG_MESSAGE_DETAIL),
        .schema = mr_pg_field(pg, PG_DIAG_SCHEMA_NAME),
        .table = mr_pg_field(pg, PG_DIAG_TABLE_NAME),
        .column = mr_pg_field(pg, PG_DIAG_COLUMN_NAME),
        .constraint = mr_pg_field(pg, PG_DIAG_CONSTRAINT_NAME),
    };
}

enum mr_status mr_pg_result_status(const struct mr_pg_result *r, struct mr_error *why)
{
    if (r->outcome == MR_PG_OK)
        return MR_OK;
    struct mr_pg_error e = mr_pg_result_error(r);
    enum mr_status s = MR_BUSY;
    if (r->outcome == MR_PG_LOST)
        s = MR_LOST;
    else if (e.class == MR_PG_ROW)
        s = MR_INVALID;
    else if (e.class == MR_PG_FATAL)
        s = MR_FATAL;
    const char *at = e.constraint[0] ? e.constraint : e.column[0] ? e.column : e.table;
    if (at[0])
        return mr_fail(why, s, "%s: %s (%s)", e.sqlstate, e.message, at);
    return mr_fail(why, s, "%s%s%s", e.sqlstate, e.sqlstate[0] ? ": " : "", e.message);
}
