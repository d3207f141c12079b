/* A PostgreSQL server of the tests' own: started once before all tests, gone after them, even when
 * the test program is killed. Each test gets a database of its own in it. */
#ifndef PG_SERVER_H
#define PG_SERVER_H

#include "mr_pg_session.h"

#define PG_CONNINFO_BYTES 256

/* Makes database name (lower-case letters and _) and writes how to reach it over the socket. */
void pg_database(const char *name, char conninfo[PG_CONNINFO_BYTES]);
/* The same server over TCP; the database must exist. host as libpq takes it. */
void pg_conninfo_tcp(const char *name, const char *host, char conninfo[PG_CONNINFO_BYTES]);
int pg_server_port(void);
/* Runs one statement in a blocking session of its own; fails the test where it fails. The first
 * value as text, "" where there is none; valid until the next call. */
const char *pg_run(const char *conninfo, const char *sql);

#endif
