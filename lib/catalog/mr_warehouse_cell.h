/* From a JSON value to the text of a cell. Nothing is altered on the way: what does not fit its
 * column is refused, and a cut text says its full length beside it. Only mr_warehouse.c includes
 * this. */
#ifndef MR_WAREHOUSE_CELL_H
#define MR_WAREHOUSE_CELL_H

#include "mr_warehouse.h"

struct mr_warehouse_filling {
    const struct mr_warehouse_event *event;
    struct mr_arena *arena;
    struct mr_error *why;
};

/* Fills the column's cell, and where a text is cut, that of the length beside it. Absent and null
 * leave them as they are. MR_INVALID: the value does not fit. MR_LIMIT: the arena is full. */
enum mr_status mr_warehouse_cell(const struct mr_warehouse_filling *f,
                                 const struct mr_catalog_column *column, const json_t *value,
                                 struct mr_slice *cells);
/* The value of a BIGINT or INTEGER column. MR_INVALID as above. */
enum mr_status mr_warehouse_integer(const struct mr_warehouse_filling *f,
                                    const struct mr_catalog_column *column, const json_t *value,
                                    int64_t *out);
/* MR_INVALID, and why names column, event type and reason. */
enum mr_status mr_warehouse_misfit(const struct mr_warehouse_filling *f,
                                   const struct mr_catalog_column *column, const char *reason);
/* A copy of the text, or an integer's text, in the arena. MR_LIMIT: it is full. */
enum mr_status mr_warehouse_keep(const struct mr_warehouse_filling *f, const char *text, size_t len,
                                 struct mr_slice *cell);
enum mr_status mr_warehouse_keep_integer(const struct mr_warehouse_filling *f, int64_t value,
                                         struct mr_slice *cell);

#endif
