/* Private to lib/pg: what a result is made of. */
#ifndef MR_PG_RESULT_IMPL_H
#define MR_PG_RESULT_IMPL_H

#include "mr_pg_result.h"
#include <libpq-fe.h>

struct mr_pg_result {
    PGresult *pg; /* NULL where the server sent nothing: ABORTED, LOST, LATE */
    enum mr_pg_outcome outcome;
    bool taken; /* pg belongs to a copy now */
};

/* What the server answered becomes a result; pg is taken in. */
struct mr_pg_result mr_pg_result_of(PGresult *pg);
/* Calls on_result (may be NULL), then frees what it did not take. */
void mr_pg_result_deliver(struct mr_pg_result result,
                          void (*on_result)(struct mr_pg_result *result, void *data), void *data);
/* One of those without rows. */
static inline struct mr_pg_result mr_pg_result_bare(enum mr_pg_outcome outcome)
{
    return (struct mr_pg_result){.outcome = outcome};
}
/* An error field of the server's message, "" where it is missing. */
const char *mr_pg_field(const PGresult *pg, int code);
/* The server ends the session with this message: what was under way may or may not be done. */
bool mr_pg_result_is_last_word(const PGresult *pg);

#endif
