/* From an event's JSON to warehouse rows. Pure: the loader sends the cells, verify sums them. */
#ifndef MR_WAREHOUSE_H
#define MR_WAREHOUSE_H

#include "mr_arena.h"
#include "mr_catalog.h"

/* One event, or fact, with what its type says about the warehouse. All borrowed. Of a fact sequence
 * is its offset, time its append time, type and command those of the command that it is. */
struct mr_warehouse_event {
    const struct mr_catalog_feed *feeds; /* of its event, or of a fact's command */
    size_t feed_count;
    const json_t *body;
    /* What its rows begin with; mr_warehouse_add_totals needs none of these. */
    struct mr_uuid account, command;
    struct mr_slice domain, type;
    int64_t sequence;
    int64_t time_ms;
    int32_t lane;
};

/* cells[i] is the text of table->columns[i] (COPY's text before escaping: "true", "1250", "0.1",
 * "2026-11-25", "2026-11-25T08:39:03.123Z"); data == NULL is null. A text in a VARCHAR column is
 * itself; any other JSON value there (a line's attributes) is its JSON without white space, members
 * in the order they came in. */
struct mr_warehouse_row {
    const struct mr_catalog_table *table;
    const struct mr_slice *cells;
};

struct mr_warehouse_rows {
    struct mr_warehouse_row *rows;
    size_t count;
};

/* All rows of one event, in order of its feeds; they lie in arena, and texts may point into body
 * and event, so keep all. A cell whose pointer leads nowhere, or to null, is null; where `each`
 * leads nowhere there are no rows. MR_INVALID with column and reason in why (the event goes to
 * bad_rows): a value that does not fit its column. MR_LIMIT: the arena is full. out is written only
 * on MR_OK. */
MR_MUST_CHECK enum mr_status mr_warehouse_rows_of(const struct mr_warehouse_event *event,
                                                  struct mr_arena *arena,
                                                  struct mr_warehouse_rows *out,
                                                  struct mr_error *why);

/* Adds what an event holds of the columns marked `total` to sums, one for each of catalog->totals.
 * MR_INVALID: a value that does not fit, or a sum beyond int64_t; sums is then partly added to. */
MR_MUST_CHECK enum mr_status mr_warehouse_add_totals(const struct mr_catalog *catalog,
                                                     const struct mr_warehouse_event *event,
                                                     int64_t *sums, struct mr_error *why);

#endif
