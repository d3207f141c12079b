/* Operations of the engine on a lane's row: take, touch, settle, look. */
#include "runtime_store_impl.h"

static const struct mr_pg_stmt take = {
    .name = "take",
    .sql = "INSERT INTO millrace.lane AS l (domain, lane, fence, backend_pid, backend_start) "
           "VALUES ($1::text, $2::int4, $3::int8, $4::int4, $5::text::timestamptz) "
           "ON CONFLICT (domain, lane) DO UPDATE SET fence = excluded.fence, "
           "backend_pid = excluded.backend_pid, backend_start = excluded.backend_start "
           "RETURNING l.applied, l.last_record, l.next_event, l.published, l.event_offset",
    .nparams = 5,
};

/* What hangs on the row is read after the takeover's own transaction: only under our fence, or
 * another owner's doings would come with it. */
static const struct mr_pg_stmt held = {
    .name = "held",
    .sql =
        "SELECT DISTINCT ON (key) key, position, behind, count(*) OVER (PARTITION BY key) "
        "FROM millrace.parked WHERE domain = $1::text AND lane = $2::int4 "
        "AND EXISTS (SELECT FROM millrace.lane l WHERE l.domain = $1::text AND l.lane = $2::int4 "
        "AND l.fence = $3::int8) ORDER BY key, position",
    .nparams = 3,
};

static const struct mr_pg_stmt unpublished = {
    .name = "unpublished",
    .sql = "SELECT e.sequence, e.type, e.time, e.account_id, e.subject, e.subject_version, "
           "e.command_id, e.key, e.traceparent, e.data "
           "FROM millrace.lane l JOIN millrace.event e ON e.domain = l.domain AND e.lane = l.lane "
           "AND e.sequence >= l.published AND e.sequence < l.next_event "
           "WHERE l.domain = $1::text AND l.lane = $2::int4 AND l.fence = $3::int8 "
           "ORDER BY e.sequence",
    .nparams = 3,
};

static const struct mr_pg_stmt touch = {
    .name = "touch",
    .sql = "UPDATE millrace.lane SET fence = $4::int8, published = $5::int8, "
           "event_offset = $6::int8, backend_pid = $7::int4, "
           "backend_start = $8::text::timestamptz "
           "WHERE domain = $1::text AND lane = $2::int4 AND fence = $3::int8",
    .nparams = 8,
};

static const struct mr_pg_stmt settle = {
    .name = "settle",
    .sql = "SELECT lane, fence FROM millrace.lane WHERE domain = $1::text "
           "AND lane = ANY($2::int4[]) ORDER BY lane FOR UPDATE",
    .nparams = 2,
};

static const struct mr_pg_stmt look_fences = {
    .name = "look_fences",
    .sql = "SELECT lane, fence FROM millrace.lane WHERE domain = $1::text "
           "AND lane = ANY($2::int4[])",
    .nparams = 2,
};

/* A request for one that waits is met when those before it are settled. */
static const struct mr_pg_stmt look_requests = {
    .name = "look_requests",
    .sql =
        "SELECT r.lane, r.position, r.action = 'drop', p.key FROM millrace.request r "
        "LEFT JOIN millrace.parked p USING (domain, lane, position) "
        "WHERE r.domain = $1::text AND r.lane = ANY($2::int4[]) AND (p.key IS NULL OR NOT EXISTS "
        "(SELECT FROM millrace.parked q WHERE q.domain = r.domain AND q.lane = r.lane "
        "AND q.key = p.key AND q.position < r.position)) ORDER BY r.filed_at LIMIT 1000",
    .nparams = 2,
};

/* ---- take ---- */

static void read_taken(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    struct engine_row *row = &s->taken.row;
    (void)arg;
    struct mr_slice last = mr_pg_result_bytea(r, 0, 1);
    *row = (struct engine_row){
        .lane = s->lane,
        .fence = s->fence_new,
        .applied = mr_pg_result_int8(r, 0, 0),
        .has_last_record = last.len == sizeof row->last_record.bytes,
        .next_event = mr_pg_result_int8(r, 0, 2),
        .published = mr_pg_result_int8(r, 0, 3),
        .event_offset = mr_pg_result_int8(r, 0, 4),
    };
    if (row->has_last_record)
        memcpy(row->last_record.bytes, last.data, last.len);
}

static void read_held(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    size_t n = (size_t)mr_pg_result_rows(r);
    struct engine_held *list = store_alloc(s, n, sizeof *list);
    (void)arg;
    for (size_t i = 0; i < n; i++)
        list[i] = (struct engine_held){
            .key = mr_pg_result_bytea(r, (int)i, 0),
            .first = mr_pg_result_int8(r, (int)i, 1),
            .first_behind = mr_pg_result_bool(r, (int)i, 2),
            .count = mr_pg_result_int8(r, (int)i, 3),
        };
    s->taken.held = list;
    s->taken.held_count = n;
    store_keep(s, r);
}

static void read_unpublished(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    size_t n = (size_t)mr_pg_result_rows(r);
    struct engine_event *list = store_alloc(s, n, sizeof *list);
    (void)arg;
    for (size_t i = 0; i < n; i++)
        list[i] = (struct engine_event){
            .lane = s->lane,
            .sequence = mr_pg_result_int8(r, (int)i, 0),
            .type = mr_pg_result_text(r, (int)i, 1),
            .time_ms = mr_pg_result_time(r, (int)i, 2),
            .account = mr_pg_result_uuid(r, (int)i, 3),
            .subject = mr_pg_result_uuid(r, (int)i, 4),
            .subject_version = mr_pg_result_int8(r, (int)i, 5),
            .causation = mr_pg_result_uuid(r, (int)i, 6),
            .key = mr_pg_result_bytea(r, (int)i, 7),
            .traceparent = mr_pg_result_text(r, (int)i, 8),
            .data = mr_pg_result_text(r, (int)i, 9),
        };
    s->taken.events = list;
    s->taken.event_count = n;
    store_keep(s, r);
}

void store_take(void *ctx, int32_t lane, uint64_t fence_new)
{
    struct runtime_store *s = ctx;
    store_begin_op(s, STORE_TAKE);
    s->lane = lane;
    s->fence_new = fence_new;
    store_lock_watch(s, &lane, 1);
    struct mr_pg_params p = store_params(s);
    mr_pg_param_int4(&p, lane);
    mr_pg_param_int8(&p, (int64_t)fence_new);
    mr_pg_param_int4(&p, s->backend_pid);
    mr_pg_param_text(&p, mr_slice_text(s->backend_start));
    store_query(s, &take, &p, (struct store_call){.read = read_taken, .want = 1});
    mr_pg_sync(s->conn); /* a group of its own: autocommitted, so it cannot freeze with the lock */
    p = store_params(s);
    mr_pg_param_int4(&p, lane);
    mr_pg_param_int8(&p, (int64_t)fence_new);
    store_query(s, &held, &p, (struct store_call){.read = read_held, .want = -1});
    store_query(s, &unpublished, &p, (struct store_call){.read = read_unpublished, .want = -1});
    store_end_op(s);
}

/* ---- touch, settle, look ---- */

static void read_moved(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    (void)arg;
    s->moved = mr_pg_result_affected(r) == 1;
}

void store_touch(void *ctx, const struct engine_touch *t)
{
    struct runtime_store *s = ctx;
    store_begin_op(s, STORE_TOUCH);
    store_lock_watch(s, &t->lane, 1);
    struct mr_pg_params p = store_params(s);
    mr_pg_param_int4(&p, t->lane);
    mr_pg_param_int8(&p, (int64_t)t->fence);
    mr_pg_param_int8(&p, (int64_t)t->fence_new);
    mr_pg_param_int8(&p, t->published);
    mr_pg_param_int8(&p, t->event_offset);
    mr_pg_param_int4(&p, s->backend_pid);
    mr_pg_param_text(&p, mr_slice_text(s->backend_start));
    store_query(s, &touch, &p, (struct store_call){.read = read_moved, .want = -1});
    store_end_op(s);
}

static void read_fences(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    (void)arg;
    s->fence_count = (size_t)mr_pg_result_rows(r);
    s->fences = store_alloc(s, s->fence_count, sizeof *s->fences);
    for (size_t i = 0; i < s->fence_count; i++)
        s->fences[i] = (struct engine_fence){
            .lane = mr_pg_result_int4(r, (int)i, 0),
            .fence = (uint64_t)mr_pg_result_int8(r, (int)i, 1),
        };
}

static void read_requests(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    (void)arg;
    s->request_count = (size_t)mr_pg_result_rows(r);
    s->requests = store_alloc(s, s->request_count, sizeof *s->requests);
    for (size_t i = 0; i < s->request_count; i++)
        s->requests[i] = (struct engine_request){
            .lane = mr_pg_result_int4(r, (int)i, 0),
            .position = mr_pg_result_int8(r, (int)i, 1),
            .action = mr_pg_result_bool(r, (int)i, 2) ? ENGINE_DROP : ENGINE_RETRY,
            .key = mr_pg_result_bytea(r, (int)i, 3),
        };
    store_keep(s, r);
}

void store_settle(void *ctx, const int32_t *lanes, size_t count)
{
    struct runtime_store *s = ctx;
    store_begin_op(s, STORE_SETTLE);
    store_lock_watch(s, lanes, count);
    struct mr_pg_params p = store_params(s);
    store_lanes_param(s, &p, lanes, count);
    store_query(s, &settle, &p, (struct store_call){.read = read_fences, .want = -1});
    store_end_op(s);
}

void store_look(void *ctx, const int32_t *lanes, size_t count)
{
    struct runtime_store *s = ctx;
    store_begin_op(s, STORE_LOOK);
    struct mr_pg_params p = store_params(s);
    store_lanes_param(s, &p, lanes, count);
    store_query(s, &look_fences, &p, (struct store_call){.read = read_fences, .want = -1});
    store_query(s, &look_requests, &p, (struct store_call){.read = read_requests, .want = -1});
    store_end_op(s);
}
