/* Tales over Postgres: the runtime's own store with reporting's tables, in a database of the test's
 * own. The test plays the engine; lane TALE_LANE is taken over. */
#ifndef TALE_PG_H
#define TALE_PG_H

#include "pg_server.h"
#include "runtime_store.h"
#include "tale.h"

struct tale_pg;

struct tale_pg *tale_pg_new(const char *database);
void tale_pg_free(struct tale_pg *pg);
/* Ends the store's connections; SQL can still be asked. */
void tale_pg_disconnect(struct tale_pg *pg);
struct tale_store tale_pg_store(struct tale_pg *pg);
/* The first value of a statement, as text, until the next call; what the tale has not saved is not
 * seen. */
const char *tale_pg_sql(struct tale_pg *pg, const char *sql);
/* The statement fails, and what the server says has this in it. */
void tale_pg_refused(struct tale_pg *pg, const char *sql, const char *text);
#define tale_pg_expect(pg, sql, text) cr_expect_str_eq(tale_pg_sql(pg, sql), text, "%s", sql)

#endif
