#include "edge_outcome.h"

#include "mr_time.h"
#include <assert.h>
#include <stdio.h>

#define WAITER_DAYS                                                                                \
    3                    /* a repeat is known by a command of its day or the two before; and one   \
                            more, as clocks differ */
#define LAST_DAY 2932896 /* the end of 9999 */

/* Of two commands with one id (the first is older than the idempotency window) the receipt's is the
 * newest that is not behind its position. A conflict counts for the command that was refused alone,
 * which had this very position, as do a parked record that has no row elsewhere, and a quarantined
 * one if it says this id and account.
 *
 * A command is looked for where its kind is kept, one place after the other: its type is not known
 * here. The first that has it ends the search (an Append under a LIMIT). */
static const uint32_t receipt_types[] = {0, 0, 0, 0, 0, 0, MR_PG_BOOL, MR_PG_DATE, MR_PG_DATE};
const struct mr_pg_stmt edge_outcome_by_receipt = {
    .name = "edge_outcome_by_receipt",
    .sql =
        "SELECT w.n, coalesce(l.applied, 0) AS applied, d.lanes, k.id IS NOT NULL AS conflict,"
        " q.position IS NOT NULL AS quarantined, c.domain, c.lane, c.position, c.type, c.subject,"
        " c.hash, c.status, c.problem, c.detail, c.errors, c.decided_at"
        " FROM unnest($1::int4[], $2::text[], $3::int4[], $4::int8[], $5::uuid[], $6::uuid[])"
        " AS w (n, domain, lane, position, account_id, id)"
        " LEFT JOIN millrace.domain d ON d.name = w.domain"
        " LEFT JOIN millrace.lane l ON l.domain = w.domain AND l.lane = w.lane"
        " LEFT JOIN millrace.conflict k ON k.domain = w.domain AND k.lane = w.lane"
        " AND k.position = w.position AND k.account_id = w.account_id AND k.id = w.id"
        " AND l.applied > w.position"
        " LEFT JOIN millrace.quarantine q ON q.domain = w.domain AND q.lane = w.lane"
        " AND q.position = w.position AND l.applied > w.position"
        " AND position(convert_to(w.id::text, 'UTF8') IN q.record) > 0"
        " AND position(convert_to(w.account_id::text, 'UTF8') IN q.record) > 0"
        " LEFT JOIN LATERAL ((SELECT c.domain, c.lane, c.position, c.type, c.subject, c.hash,"
        " c.status::int4, c.problem, c.detail, c.errors, c.decided_at FROM millrace.command c"
        " WHERE c.day BETWEEN $8 AND $9 AND c.domain = w.domain AND c.account_id = w.account_id"
        " AND c.id = w.id AND l.applied > w.position"
        " ORDER BY c.position <= w.position DESC, c.day DESC LIMIT 1)"
        " UNION ALL (SELECT s.domain, s.lane, s.position, NULL, NULL, s.hash, 1, NULL, NULL, NULL,"
        " NULL FROM millrace.seen s"
        " WHERE s.day BETWEEN $8 AND $9 AND s.domain = w.domain AND s.account_id = w.account_id"
        " AND s.id = w.id AND l.applied > w.position"
        " ORDER BY s.position <= w.position DESC, s.day DESC LIMIT 1)"
        " UNION ALL (SELECT p.domain, p.lane, p.position, p.type, NULL, NULL, 3, NULL, NULL, NULL,"
        " NULL FROM millrace.parked p WHERE p.domain = w.domain AND p.lane = w.lane"
        " AND p.position = w.position AND p.account_id = w.account_id AND p.command_id = w.id"
        " AND l.applied > w.position) LIMIT 1) c ON true"
        " WHERE NOT $7 OR l.applied > w.position",
    .nparams = 9,
    .types = receipt_types,
};

static const uint32_t id_types[] = {MR_PG_UUID, MR_PG_UUID, 0, MR_PG_DATE};
const struct mr_pg_stmt edge_outcome_by_id = {
    .name = "edge_outcome_by_id",
    .sql = "SELECT 0 AS n, 0::int8 AS applied, 0 AS lanes, false AS conflict, false AS quarantined,"
           " c.domain, c.lane, c.position, c.type, c.subject, c.hash, c.status, c.problem,"
           " c.detail, c.errors, c.decided_at FROM (SELECT c.day, c.domain, c.lane, c.position,"
           " c.type, c.subject, c.hash, c.status::int4, c.problem, c.detail, c.errors, c.decided_at"
           " FROM millrace.command c WHERE c.day >= $4 AND c.account_id = $1 AND c.id = $2"
           " AND c.domain = ANY ($3::text[])"
           " UNION ALL SELECT s.day, s.domain, s.lane, s.position, NULL, NULL, s.hash, 1, NULL,"
           " NULL, NULL, NULL"
           " FROM millrace.seen s WHERE s.day >= $4 AND s.account_id = $1 AND s.id = $2"
           " AND s.domain = ANY ($3::text[])) c"
           " ORDER BY c.domain, c.day DESC, c.decided_at DESC NULLS LAST LIMIT 64",
    .nparams = 4,
    .types = id_types,
};

enum {
    COL_INDEX,
    COL_APPLIED,
    COL_LANES,
    COL_CONFLICT,
    COL_QUARANTINED,
    COL_DOMAIN,
    COL_LANE,
    COL_POSITION,
    COL_TYPE,
    COL_SUBJECT,
    COL_HASH,
    COL_STATUS,
    COL_PROBLEM,
    COL_DETAIL,
    COL_ERRORS,
    COL_DECIDED
};
enum { STATUS_APPLIED = 1, STATUS_REJECTED = 2, STATUS_PARKED = 3 }; /* of millrace.command */

void edge_outcome_params(const struct edge_outcome_key *keys, size_t count, bool settled_only,
                         int64_t now_ms, struct mr_pg_params *params)
{
    struct mr_arena *arena = params->arena;
    struct mr_pg_array n, domain, lane, position, account, id;
    uint32_t hint = (uint32_t)count;
    mr_pg_array_init(&n, arena, MR_PG_INT4, hint);
    mr_pg_array_init(&domain, arena, MR_PG_TEXT, hint);
    mr_pg_array_init(&lane, arena, MR_PG_INT4, hint);
    mr_pg_array_init(&position, arena, MR_PG_INT8, hint);
    mr_pg_array_init(&account, arena, MR_PG_UUID, hint);
    mr_pg_array_init(&id, arena, MR_PG_UUID, hint);
    for (size_t i = 0; i < count; i++) {
        mr_pg_array_int4(&n, (int32_t)i);
        mr_pg_array_text(&domain, mr_slice_text(keys[i].receipt.domain));
        mr_pg_array_int4(&lane, keys[i].receipt.lane);
        mr_pg_array_int8(&position, keys[i].receipt.position);
        mr_pg_array_uuid(&account, &keys[i].account);
        mr_pg_array_uuid(&id, &keys[i].id);
    }
    mr_pg_param_array(params, &n);
    mr_pg_param_array(params, &domain);
    mr_pg_param_array(params, &lane);
    mr_pg_param_array(params, &position);
    mr_pg_param_array(params, &account);
    mr_pg_param_array(params, &id);
    int32_t today = mr_time_day(now_ms);
    mr_pg_param_bool(params, settled_only);
    mr_pg_param_day(params, settled_only ? today - WAITER_DAYS : EDGE_FIRST_DAY);
    mr_pg_param_day(params, settled_only ? today + 1 : LAST_DAY);
}

int32_t edge_outcome_index(const struct mr_pg_result *result, int row)
{
    return mr_pg_result_int4(result, row, COL_INDEX);
}

static void read_row(const struct mr_pg_result *result, int row, struct edge_outcome *out)
{
    struct mr_slice domain = mr_pg_result_text(result, row, COL_DOMAIN);
    struct mr_slice hash = mr_pg_result_bytea(result, row, COL_HASH);
    int32_t status = mr_pg_result_int4(result, row, COL_STATUS);
    assert(status >= STATUS_APPLIED && status <= STATUS_PARKED);
    out->has_hash = hash.data != NULL;
    assert(!out->has_hash || hash.len == sizeof out->hash.bytes); /* a constraint of the tables */
    out->kind = status == STATUS_APPLIED    ? EDGE_APPLIED
                : status == STATUS_REJECTED ? EDGE_REJECTED
                                            : EDGE_PARKED;
    snprintf(out->receipt.domain, sizeof out->receipt.domain, "%.*s", MR_SLICE_FMT(domain));
    out->receipt.lane = mr_pg_result_int4(result, row, COL_LANE);
    out->receipt.position = mr_pg_result_int8(result, row, COL_POSITION);
    out->type = mr_pg_result_text(result, row, COL_TYPE);
    out->has_subject = !mr_pg_result_null(result, row, COL_SUBJECT);
    out->subject = mr_pg_result_uuid(result, row, COL_SUBJECT);
    if (out->has_hash)
        memcpy(out->hash.bytes, hash.data, hash.len);
    out->decided_ms = mr_pg_result_time(result, row, COL_DECIDED);
    out->problem = mr_pg_result_text(result, row, COL_PROBLEM);
    out->detail = mr_pg_result_text(result, row, COL_DETAIL);
    out->errors = mr_pg_result_text(result, row, COL_ERRORS);
}

void edge_outcome_read(const struct mr_pg_result *result, int row,
                       const struct edge_outcome_key *key, struct edge_outcome *out)
{
    *out = (struct edge_outcome){
        .lane_applied = mr_pg_result_int8(result, row, COL_APPLIED),
        .lanes = mr_pg_result_int4(result, row, COL_LANES),
        .receipt = key->receipt,
    };
    if (key->receipt.position >= out->lane_applied)
        out->kind = EDGE_AHEAD;
    else if (mr_pg_result_bool(result, row, COL_CONFLICT))
        out->kind = EDGE_CONFLICT;
    else if (!mr_pg_result_null(result, row, COL_STATUS))
        read_row(result, row, out);
    else if (mr_pg_result_bool(result, row, COL_QUARANTINED))
        out->kind = EDGE_QUARANTINED;
    else
        out->kind = EDGE_NO_ROW;
}

void edge_outcome_id_params(const struct mr_uuid *account, const struct mr_uuid *id,
                            struct mr_pg_array *domains, int32_t first_day,
                            struct mr_pg_params *params)
{
    mr_pg_param_uuid(params, account);
    mr_pg_param_uuid(params, id);
    mr_pg_param_array(params, domains);
    mr_pg_param_day(params, first_day);
}

void edge_outcome_id_read(const struct mr_pg_result *result, int row, struct edge_outcome *out)
{
    *out = (struct edge_outcome){0};
    read_row(result, row, out);
}
