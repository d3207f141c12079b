/* What a client asks of a list, read from its query; and the answer in pages or as a stream. */
#ifndef EDGE_LIST_H
#define EDGE_LIST_H

#include "edge_cursor.h"
#include "edge_read.h"

struct edge_list_map;

struct edge_list {
    struct edge_request *r;
    const struct mr_catalog_resource *resource;
    size_t order;                /* of the resource's orders */
    struct mr_slice *parameters; /* texts in the resource's order; absent: not asked for */
    struct edge_list_map **maps; /* beside them: the members of a map, while they are read */
    int64_t limit;
    bool limit_given, order_given;
    bool has_cursor;
    struct edge_cursor cursor; /* where it goes on; its value may lie in `value` */
    char value[EDGE_CURSOR_VALUE_MAX];
    uint32_t list; /* what cursors are bound to */
};

/* Reads path and query: the resource's parameters, limit, order and cursor. False when the request
 * was refused: a parameter that is not declared, given twice, or of a wrong value is 400 and named.
 */
bool edge_list_read(struct edge_list *list, struct edge_request *r);
/* Refuses the value of a parameter: "limit must be ...". Returns false. */
bool edge_list_refuse(struct edge_list *list, const char *name, const char *detail);

/* Asks for the next rows after list->cursor. */
MR_MUST_CHECK enum mr_status edge_list_ask(struct edge_list *list, int64_t rows,
                                           mr_pg_on_result answered, void *asker);
/* True when the rows can be read; else the request was refused: a forged cursor and what a function
 * cannot take are 400, and SQLSTATE 22023 that it raises tells the client why in its own words. */
bool edge_list_is_good(struct edge_list *list, const struct mr_pg_result *result);
/* How many rows have their bodies; fewer than there are: the rest is to be asked for again. -1: the
 * first has none, and no list can go on (logged). */
int edge_list_bodies(struct edge_list *list, const struct mr_pg_result *result);
/* Moves the cursor on to this row. False: the row has no order value, or one that is too long, and
 * no list can go on after it (logged). */
bool edge_list_move(struct edge_list *list, const struct mr_pg_result *result, int row);

/* Answers as a page; or as NDJSON, whole, in pieces. */
void edge_list_page(struct edge_list *list);
void edge_list_stream(struct edge_list *list);

#endif
