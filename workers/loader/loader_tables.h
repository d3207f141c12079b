/* The warehouse's tables, made and extended from x-warehouse, and then the domains' views. BLOCKS:
 * for the thread pool and for millracectl. */
#ifndef LOADER_TABLES_H
#define LOADER_TABLES_H

#include "mr_catalog.h"
#include "mr_error.h"

struct loader_tables {
    /* One for each of catalog->tables: why the table is stopped (it contradicts its schemas, or
     * the warehouse refuses the change); NULL: it is as the schemas say. Owned. */
    char **stopped;
    size_t table_count, stopped_count;
    char **views_why; /* one for each of catalog->domains: why its views were refused; or NULL */
    size_t domain_count;
};

/* Under an advisory lock, each table in a transaction of its own. What one table or a domain's
 * views cannot have is said in out and holds nothing else up. out is written only on MR_OK.
 *   MR_BUSY   not reachable, or somebody holds a lock for long: try again
 *   MR_FATAL  the warehouse lets nobody in (no such database, password) */
MR_MUST_CHECK enum mr_status loader_tables_make(const char *conninfo,
                                                const struct mr_catalog *catalog,
                                                struct loader_tables *out, struct mr_error *why);
void loader_tables_free(struct loader_tables *tables); /* takes a zeroed one */

#endif
