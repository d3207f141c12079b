/* Private to lib/pg. */
#ifndef MR_PG_SESSION_IMPL_H
#define MR_PG_SESSION_IMPL_H

#include "mr_pg_session.h"
#include <stdbool.h>

/* A transaction is open and has not failed. */
bool mr_pg_session_in_transaction(const struct mr_pg_session *session);

#endif
