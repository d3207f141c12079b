/* The warehouse's tables as SQL, generated from the catalogue. One dialect today; what differs
 * between dialects is asked of it in one place (mr_ddl.c). */
#ifndef MR_DDL_H
#define MR_DDL_H

#include "mr_catalog.h"

enum mr_ddl_dialect { MR_DDL_POSTGRES };

/* Statements without a closing semicolon, to be run in order. */
struct mr_ddl {
    enum mr_ddl_dialect dialect; /* set by the caller; the rest begins as zero */
    char **statements;           /* owned */
    size_t count;
};

void mr_ddl_free(struct mr_ddl *ddl); /* takes a zeroed one */

/* Adds CREATE TABLE IF NOT EXISTS public.<table> with all columns and the unique key, its comments,
 * and for a table of facts an index <table>_by_id, by which the loader finds repeats. */
void mr_ddl_create(struct mr_ddl *ddl, const struct mr_catalog_table *table);

/* A column as the warehouse has it. */
struct mr_ddl_found {
    const char *name;
    const char *type; /* Postgres: format_type(atttypid, atttypmod), "character varying(16)" */
};

/* Adds what brings a table that exists (its columns in any order) to the catalogue's state: ALTER
 * TABLE ADD COLUMN for each new one, and its comment; columns that the catalogue does not know are
 * left alone. found_count 0: as create. MR_INVALID with the explanation in why, and nothing added
 * (the table is to be stopped): a column of another type, or a fixed column that is missing. */
MR_MUST_CHECK enum mr_status mr_ddl_upgrade(struct mr_ddl *ddl,
                                            const struct mr_catalog_table *table,
                                            const struct mr_ddl_found *found, size_t found_count,
                                            struct mr_error *why);

/* The type as mr_ddl_found.type names it. */
void mr_ddl_type(enum mr_ddl_dialect dialect, const struct mr_catalog_column *column,
                 struct mr_buf *out);

#endif
