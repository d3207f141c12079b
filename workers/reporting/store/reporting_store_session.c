/* reporting.session. */
#include "reporting_store_kinds.h"
#include <assert.h>
#include <string.h>

enum column { LANE, SERIES_ID, STARTED_AT, HEARD_AT, DUE_AT, COLUMN_COUNT };

static const struct domain_store_column columns[COLUMN_COUNT] = {
    [LANE] = {"lane", DOMAIN_STORE_INT4, .fixed = true},
    [SERIES_ID] = {"series_id", DOMAIN_STORE_UUID, .fixed = true},
    [STARTED_AT] = {"started_at", DOMAIN_STORE_TIME},
    [HEARD_AT] = {"heard_at", DOMAIN_STORE_TIME},
    [DUE_AT] = {"due_at", DOMAIN_STORE_TIME},
};

#define READ                                                                                       \
    "s.account_id, s.id, s.version, s.lane, s.series_id, s.started_at, s.heard_at, s.due_at"

static const char load[] =
    "SELECT " READ " FROM unnest($1::uuid[], $2::uuid[]) AS k (account_id, id)"
    " JOIN reporting.session AS s ON s.account_id = k.account_id AND s.id = k.id";

static const char insert[] =
    "INSERT INTO reporting.session (account_id, id, version, lane, series_id, started_at,"
    " heard_at, due_at)"
    " SELECT n.account_id, n.id, n.version, n.lane, n.series_id, n.started_at, n.heard_at, n.due_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int4[], $5::uuid[], $6::timestamptz[],"
    " $7::timestamptz[], $8::timestamptz[]) AS n (account_id, id, version, lane, series_id,"
    " started_at, heard_at, due_at)";

static const char update[] =
    "UPDATE reporting.session AS s SET version = n.version, started_at = n.started_at,"
    " heard_at = n.heard_at, due_at = n.due_at"
    " FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::timestamptz[], $5::timestamptz[],"
    " $6::timestamptz[]) AS n (account_id, id, version, started_at, heard_at, due_at)"
    " WHERE s.account_id = n.account_id AND s.id = n.id AND s.version < n.version";

static const char due[] =
    "SELECT d.lane, s.* FROM unnest($1::int4[], $2::timestamptz[]) AS d (lane, time)"
    " CROSS JOIN LATERAL (SELECT " READ " FROM reporting.session AS s"
    " WHERE s.lane = d.lane AND s.due_at <= d.time"
    " ORDER BY s.due_at, s.account_id, s.id LIMIT 1000) AS s";

static void session_write(const struct engine_entity *entity, struct domain_store_value *values)
{
    const struct reporting_session *session = entity->bytes;
    assert(entity->bytes_len == sizeof *session);
    values[LANE] = put_number(session->lane);
    values[SERIES_ID] = put_uuid(&session->series);
    values[STARTED_AT] = put_number(session->started_ms);
    values[HEARD_AT] = put_number(session->heard_ms);
    values[DUE_AT] = put_time_if(session->due_ms > 0, session->due_ms);
}

static enum mr_status session_read(const struct domain_store_value *values, struct mr_arena *arena,
                                   struct engine_entity *entity, struct mr_error *why)
{
    struct reporting_session *session = mr_arena_alloc(arena, sizeof *session);
    if (!session)
        return mr_fail(why, MR_LIMIT, "no memory is left for a session");
    memcpy(session->series.bytes, values[SERIES_ID].bytes.data, sizeof session->series.bytes);
    session->lane = (int32_t)values[LANE].number;
    session->started_ms = values[STARTED_AT].number;
    session->heard_ms = values[HEARD_AT].number;
    session->due_ms = get_time(&values[DUE_AT]);
    entity->bytes = session;
    entity->bytes_len = sizeof *session;
    return MR_OK;
}

const struct domain_store_kind reporting_store_session = {
    .load = load,
    .insert = insert,
    .update = update,
    .due = due,
    .columns = columns,
    .column_count = COLUMN_COUNT,
    .write = session_write,
    .read = session_read,
};
