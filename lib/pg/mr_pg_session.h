/* A BLOCKING session, for millracectl and its like. Never on a loop. */
#ifndef MR_PG_SESSION_H
#define MR_PG_SESSION_H

#include "mr_pg_param.h"
#include "mr_pg_result.h"

struct mr_pg_session;

/* MR_INVALID: conninfo cannot be parsed. MR_BUSY: not reachable now. MR_FATAL: refused (password,
 * no such database). why never holds the connection string. */
MR_MUST_CHECK enum mr_status mr_pg_session_open(const char *conninfo, const char *application_name,
                                                struct mr_pg_session **session,
                                                struct mr_error *why);
void mr_pg_session_close(struct mr_pg_session *session);

/* One statement. On MR_OK *result is the caller's (mr_pg_result_free), in binary format; result
 * may be NULL when it is of no interest. Otherwise as mr_pg_result_status. params: NULL for none.
 */
MR_MUST_CHECK enum mr_status mr_pg_session_exec(struct mr_pg_session *session, const char *sql,
                                                const struct mr_pg_params *params,
                                                struct mr_pg_result **result, struct mr_error *why);
/* The same with every column as text, for printing. */
MR_MUST_CHECK enum mr_status mr_pg_session_exec_text(struct mr_pg_session *session, const char *sql,
                                                     const struct mr_pg_params *params,
                                                     struct mr_pg_result **result,
                                                     struct mr_error *why);
/* Several statements in one text, without parameters or rows: one transaction unless the text says
 * otherwise. */
MR_MUST_CHECK enum mr_status mr_pg_session_script(struct mr_pg_session *session, const char *sql,
                                                  struct mr_error *why);

#endif
