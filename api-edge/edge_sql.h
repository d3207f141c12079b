/* The SQL of a resource's reads, written once at start from the catalogue's identifiers; whatever a
 * client says comes in as a parameter. Pure. */
#ifndef EDGE_SQL_H
#define EDGE_SQL_H

#include "mr_catalog.h"
#include "mr_error.h"
#include "mr_pg_conn.h"
#include "mr_status.h"

#define EDGE_SQL_PARAMETERS_MAX 24 /* filters or arguments of a resource */

/* ($1 account, $2 id) */
enum edge_item_column { EDGE_ITEM_BODY };

/* Bodies come while those before them have fewer bytes than this in all: what a page, or a stream,
 * holds of the database at a time. The first row has its body always. */
#define EDGE_LIST_BYTES (1024 * 1024)

/* $1 account; $2 .. the resource's parameters in their order (NULL: not asked for), as text; then
 * the cursor's id (NULL: from the beginning), its order value as text, and how many rows. A
 * function that cuts its pages is handed all of them; of any other, and of a view, the statement
 * itself finds the page. */
enum edge_list_column {
    EDGE_LIST_BODY, /* NULL beyond EDGE_LIST_BYTES: to be asked for again */
    EDGE_LIST_ID,
    EDGE_LIST_VALUE /* of the order's column, as text */
};

struct edge_sql {
    struct mr_pg_stmt item;   /* sql NULL where there is no such route */
    struct mr_pg_stmt *lists; /* one for each of the resource's orders */
    struct mr_pg_stmt probe;  /* no rows, only whether all that is read exists */
    size_t list_count;
    char **texts; /* owned */
    size_t text_count;
};

/* MR_INVALID: more parameters than a statement has room for. */
MR_MUST_CHECK enum mr_status edge_sql_init(struct edge_sql *sql,
                                           const struct mr_catalog_resource *resource,
                                           struct mr_error *why);
void edge_sql_free(struct edge_sql *sql); /* takes a zeroed one */

#endif
