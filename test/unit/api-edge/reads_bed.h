/* The bed with a Postgres behind it: a database of its own, with the runtime's tables and a domain
 * "lines" whose lists are functions (reads_schemas.c). */
#ifndef READS_BED_H
#define READS_BED_H

#include "edge_bed.h"
#include "pg_server.h"

#define READS_ROOT     "/v1/accounts/" BED_ACCOUNT
#define READS_SEARCHES 2 /* that may be under way at a time */

struct reads {
    struct bed bed;
    char conninfo[PG_CONNINFO_BYTES];
    int pools_closed;
};

/* name: of the database, lower-case letters and _. */
void reads_open(struct reads *reads, const char *name);
void reads_close(struct reads *reads);

/* Runs statements, one transaction. */
void reads_run(struct reads *reads, const char *sql);
/* GET of READS_ROOT and path; the reply. */
const char *reads_get(struct reads *reads, const char *path);
bool reads_has(const char *reply, const char *text);
/* The value of next_cursor in a reply, in memory of its own; NULL where it is null. */
char *reads_cursor(const char *reply);

/* The schemas: billing as it is, an id command in it, and the domain "lines". */
struct mr_catalog *reads_catalog(void);
/* What makes its tables and functions. */
extern const char reads_sql[];

#endif
