/* Rows of a large SELECT one after the other, a portion of them in memory at a time. */
#ifndef CTL_CURSOR_H
#define CTL_CURSOR_H

#include "mr_pg_session.h"

struct ctl_cursor {
    /* Set by the caller. */
    struct mr_pg_session *session; /* in a transaction, until the cursor is closed */
    char name[32];                 /* letters; the session's only cursor of it */
    int portion;                   /* rows of one FETCH; 0: 2,000 */
    /* To be read. */
    struct mr_pg_result *rows;
    int row; /* the present one in rows */
    bool has_row;
};

/* Declares the cursor and reads the first row. */
MR_MUST_CHECK enum mr_status ctl_cursor_open(struct ctl_cursor *cursor, const char *sql,
                                             const struct mr_pg_params *params,
                                             struct mr_error *why);
/* cursor->has_row tells whether there is one; it is rows' row until the next call. */
MR_MUST_CHECK enum mr_status ctl_cursor_next(struct ctl_cursor *cursor, struct mr_error *why);
/* Where the present row lies, whose first two columns are lane (int4) and position or sequence
 * (int8), the order of the rows: < 0 before (lane, at), 0 there, > 0 behind it or no row left. */
int ctl_cursor_against(const struct ctl_cursor *cursor, int32_t lane, int64_t at);
/* Frees what is in memory; the transaction's end closes the rest. Takes a zeroed one. */
void ctl_cursor_close(struct ctl_cursor *cursor);

#endif
