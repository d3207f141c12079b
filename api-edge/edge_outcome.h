/* What became of a command, as Postgres tells it: position and outcome in one statement, so that
 * they belong together. Shared by receipts, waits and the replay of an Idempotency-Key. */
#ifndef EDGE_OUTCOME_H
#define EDGE_OUTCOME_H

#include "edge_request.h"
#include "mr_digest.h"
#include "mr_pg_param.h"
#include "mr_pg_pool.h"
#include "mr_receipt.h"

enum edge_outcome_kind {
    EDGE_AHEAD,       /* its lane has not come to its position yet */
    EDGE_APPLIED,     /* settled from here on; of a record: id command, that it was decided */
    EDGE_REJECTED,    /* with a problem */
    EDGE_PARKED,      /* may yet succeed */
    EDGE_CONFLICT,    /* the id belongs to a command with another content */
    EDGE_QUARANTINED, /* its position holds no command of the lane */
    EDGE_NO_ROW       /* its lane has passed it, and no row tells of it */
};

/* Slices borrow the result. */
struct edge_outcome {
    enum edge_outcome_kind kind;
    int64_t lane_applied;      /* the next position of the lane asked about; 0 where unknown */
    int32_t lanes;             /* of the domain; 0: Postgres does not know it yet */
    struct mr_receipt receipt; /* of the row; what was asked for where there is none */

    /* of EDGE_APPLIED, EDGE_REJECTED and EDGE_PARKED; of a command of which only the id is kept
     * there are receipt and hash alone, and parked, receipt and type alone */
    struct mr_slice type;
    struct mr_uuid subject;
    bool has_subject;
    bool has_hash;
    struct mr_digest hash;
    int64_t decided_ms; /* 0: not known */

    /* of EDGE_REJECTED */
    struct mr_slice problem; /* its name */
    struct mr_slice detail;  /* may be absent */
    struct mr_slice errors;  /* JSON array of {pointer, detail}; may be absent */
};

/* Which command, and where its receipt says it lies. */
struct edge_outcome_key {
    struct mr_receipt receipt;
    struct mr_uuid account, id;
};

/* Asks about many at once; a result's column 0 is the index in keys. settled_only: rows only of
 * those whose lane has passed them, and of commands of the last days (for waiters, which are
 * young); otherwise one for each. */
extern const struct mr_pg_stmt edge_outcome_by_receipt;
void edge_outcome_params(const struct edge_outcome_key *keys, size_t count, bool settled_only,
                         int64_t now_ms, struct mr_pg_params *params);
int32_t edge_outcome_index(const struct mr_pg_result *result, int row);
void edge_outcome_read(const struct mr_pg_result *result, int row,
                       const struct edge_outcome_key *key, struct edge_outcome *out);

/* Asks about an id without a receipt, in these domains (an array of names, used up): a row for each
 * command of that id since first_day, by domain and the newest first; none where it is not known
 * (yet). */
#define EDGE_FIRST_DAY (-25567) /* 1900: every row */
extern const struct mr_pg_stmt edge_outcome_by_id;
void edge_outcome_id_params(const struct mr_uuid *account, const struct mr_uuid *id,
                            struct mr_pg_array *domains, int32_t first_day,
                            struct mr_pg_params *params);
void edge_outcome_id_read(const struct mr_pg_result *result, int row, struct edge_outcome *out);

#endif
