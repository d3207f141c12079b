/* The way of every operation: statements are queued, answers counted, and the last answer tells the
 * engine. And a batch's transaction: begin, load, save, commit. */
#include "runtime_store_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- statements ---- */

static const struct mr_pg_stmt begin = {.name = "begin", .sql = "BEGIN"};
static const struct mr_pg_stmt commit = {.name = "commit", .sql = "COMMIT"};
static const struct mr_pg_stmt rollback = {.name = "rollback", .sql = "ROLLBACK"};

/* Locks in ascending order; the UPDATE behind it finds the rows as they are then. */
static const struct mr_pg_stmt claim_lock = {
    .name = "claim_lock",
    .sql = "SELECT FROM millrace.lane WHERE domain = $1::text AND lane = ANY($2::int4[]) "
           "ORDER BY lane FOR UPDATE",
    .nparams = 2,
};

static const struct mr_pg_stmt claim = {
    .name = "claim",
    .sql = "UPDATE millrace.lane l SET fence = c.fence_new "
           "FROM unnest($2::int4[], $3::int8[], $4::int8[]) c(lane, fence, fence_new) "
           "WHERE l.domain = $1::text AND l.lane = c.lane AND l.fence = c.fence RETURNING l.lane",
    .nparams = 4,
};

const struct mr_pg_stmt store_nothing = {.name = "nothing", .sql = "SELECT"};

/* ---- the way of an operation ---- */

void *store_alloc(struct runtime_store *s, size_t count, size_t bytes)
{
    void *p = mr_arena_array(&s->arena, count, bytes);
    if (!p)
        abort(); /* a batch is bounded far below the arena */
    return p;
}

void store_begin_op(struct runtime_store *s, enum store_op op)
{
    assert(s->op == STORE_NONE && s->outstanding == 0);
    for (size_t i = 0; i < s->kept_count; i++)
        mr_pg_result_free(s->kept[i]);
    s->kept_count = 0;
    mr_arena_reset(&s->arena);
    s->op = op;
    s->answer = ENGINE_DONE;
    s->detail[0] = 0;
    s->partition_missing = false;
    s->moved = false;
    memset(&s->taken, 0, sizeof s->taken);
    memset(&s->loaded, 0, sizeof s->loaded);
    s->entities = NULL;
    s->claimed_count = s->fence_count = s->request_count = 0;
}

void store_keep(struct runtime_store *s, struct mr_pg_result *result)
{
    assert(s->kept_count < sizeof s->kept / sizeof *s->kept);
    s->kept[s->kept_count++] = mr_pg_result_take(result);
}

struct mr_pg_params store_params(struct runtime_store *s)
{
    struct mr_pg_params p;
    mr_pg_params_init(&p, &s->arena);
    mr_pg_param_text(&p, mr_slice_text(s->domain));
    return p;
}

void store_lanes_param(struct runtime_store *s, struct mr_pg_params *p, const int32_t *lanes,
                       size_t count)
{
    struct mr_pg_array a;
    mr_pg_array_init(&a, &s->arena, MR_PG_INT4, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        mr_pg_array_int4(&a, lanes[i]);
    mr_pg_param_array(p, &a);
}

/* Kept as a cause in the database: cut at a whole character. */
static void store_detail(struct runtime_store *s, const char *sqlstate, const char *message)
{
    snprintf(s->detail, sizeof s->detail, "%s: %s", sqlstate, message);
    size_t len = strlen(s->detail);
    if (len + 1 < sizeof s->detail)
        return;
    while (len > 0 && (s->detail[len - 1] & 0xC0) == 0x80)
        len--;
    s->detail[len > 0 ? len - 1 : 0] = 0;
}

static void note_failure(struct runtime_store *s, struct mr_pg_result *result)
{
    struct mr_pg_error error = mr_pg_result_error(result);
    enum mr_pg_outcome outcome = mr_pg_result_outcome(result);
    if (s->answer != ENGINE_DONE && outcome != MR_PG_LOST)
        return; /* the first failure says why; the rest was only aborted */
    if (outcome == MR_PG_LOST)
        s->answer = ENGINE_LOST;
    else
        s->answer = error.class == MR_PG_ROW ? ENGINE_REFUSED : ENGINE_TRANSIENT;
    s->partition_missing = error.class == MR_PG_PARTITION;
    store_detail(s, error.sqlstate, error.message);
    if (error.class == MR_PG_FATAL)
        MR_LOG(s->settings.log, ERROR, "the database refuses a statement",
               mr_f_text("error", s->detail));
}

static void fail(struct runtime_store *s, enum engine_answer answer, const char *detail)
{
    if (s->answer != ENGINE_DONE)
        return;
    s->answer = answer;
    snprintf(s->detail, sizeof s->detail, "%s", detail);
}

void store_fail(struct runtime_store *s, const char *detail)
{
    fail(s, ENGINE_TRANSIENT, detail);
}

void store_refuse(struct runtime_store *s, const char *detail)
{
    fail(s, ENGINE_REFUSED, detail);
}

bool store_is_as_wanted(struct runtime_store *s, struct mr_pg_result *result, int64_t want)
{
    if (mr_pg_result_outcome(result) != MR_PG_OK) {
        note_failure(s, result);
        return false;
    }
    if (want < 0 || mr_pg_result_affected(result) == want)
        return true;
    s->answer = ENGINE_TRANSIENT; /* another writer was here: all of it is read and tried anew */
    snprintf(s->detail, sizeof s->detail, "a statement changed %" PRId64 " rows, not %" PRId64,
             mr_pg_result_affected(result), want);
    MR_LOG(s->settings.log, ERROR, "rows are not as they were loaded",
           mr_f_text("error", s->detail));
    return false;
}

static void finish(struct runtime_store *s);

void store_finish_if_answered(struct runtime_store *s)
{
    if (s->outstanding == 0)
        finish(s);
}

static void on_result(struct mr_pg_result *result, void *data)
{
    struct store_call *call = data;
    struct runtime_store *s = call->store;
    s->outstanding--;
    if (store_is_as_wanted(s, result, call->want) && call->read)
        call->read(s, result, call->arg);
    store_finish_if_answered(s);
}

void store_query(struct runtime_store *s, const struct mr_pg_stmt *stmt,
                 const struct mr_pg_params *params, struct store_call call)
{
    struct store_call *kept = store_alloc(s, 1, sizeof *kept);
    *kept = call;
    kept->store = s;
    enum mr_status status = mr_pg_query(s->conn, stmt, params, on_result, kept);
    if (status == MR_OK) {
        s->outstanding++;
        return;
    }
    if (params && params->status == MR_INVALID)
        store_refuse(s, "a value of a row fits no column");
    else
        store_fail(s, "the statement could not be queued");
}

void store_end_op(struct runtime_store *s)
{
    mr_pg_sync(s->conn);
    if (s->outstanding == 0)
        mr_deferred_start(&s->finish); /* never from inside the port's function */
}

void store_lock_watch(struct runtime_store *s, const int32_t *lanes, size_t count)
{
    mr_pg_watch_arm(s->watch, s->backend_pid, lanes, count);
}

/* ---- answers ---- */

static void roll_back(struct runtime_store *s)
{
    s->in_transaction = false;
    if (mr_pg_query(s->conn, &rollback, NULL, NULL, NULL) == MR_OK)
        mr_pg_sync(s->conn); /* otherwise the connection is gone, and the transaction with it */
}

static void answer_begun(struct runtime_store *s)
{
    int32_t *missed = store_alloc(s, s->claim_count, sizeof *missed);
    size_t count = 0;
    for (size_t i = 0; i < s->claim_count; i++) {
        bool found = false;
        for (size_t k = 0; k < s->claimed_count && !found; k++)
            found = s->claimed[k] == s->claims[i].lane;
        if (!found)
            missed[count++] = s->claims[i].lane;
    }
    engine_on_begun(s->engine, s->answer, missed, count, &s->loaded);
}

static void send_commit(struct runtime_store *s);

static void answer_saved(struct runtime_store *s, enum store_op op)
{
    if (op == STORE_SAVE && s->answer == ENGINE_DONE) {
        send_commit(s);
        return;
    }
    if (op == STORE_SAVE && s->answer == ENGINE_LOST)
        s->answer = ENGINE_TRANSIENT; /* COMMIT was never sent */
    if (s->answer != ENGINE_DONE && s->answer != ENGINE_LOST)
        roll_back(s);
    s->in_transaction = false;
    if (s->answer == ENGINE_DONE) {
        s->counts.facts_stored += s->unsettled.facts_stored;
        s->counts.rows_copied += s->unsettled.rows_copied;
    }
    if (s->partition_missing)
        runtime_store_make_days(s, s->first_day, s->last_day);
    engine_on_saved(s->engine, s->answer, s->detail);
}

static void finish(struct runtime_store *s)
{
    enum store_op op = s->op;
    s->op = STORE_NONE;
    mr_pg_watch_disarm(s->watch);
    if (s->closing)
        return;
    switch (op) {
    case STORE_TAKE:
        engine_on_taken(s->engine, s->answer, &s->taken);
        break;
    case STORE_TOUCH:
        engine_on_touched(s->engine, s->answer, s->moved);
        break;
    case STORE_SETTLE:
        engine_on_settled(s->engine, s->answer, s->fences, s->fence_count);
        break;
    case STORE_LOOK:
        engine_on_looked(s->engine, s->answer, s->fences, s->fence_count, s->requests,
                         s->request_count);
        break;
    case STORE_BEGIN:
        answer_begun(s);
        break;
    case STORE_LOAD:
        engine_on_loaded(s->engine, s->answer, &s->loaded);
        break;
    case STORE_SAVE:
    case STORE_COMMIT:
        answer_saved(s, op);
        break;
    case STORE_NONE:
        assert(!"an answer without an operation");
    }
}

void store_finish_deferred(void *data)
{
    finish(data);
}

/* ---- a batch ---- */

static void read_claimed(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    (void)arg;
    s->claimed_count = (size_t)mr_pg_result_rows(r);
    s->claimed = store_alloc(s, s->claimed_count, sizeof *s->claimed);
    for (size_t i = 0; i < s->claimed_count; i++)
        s->claimed[i] = mr_pg_result_int4(r, (int)i, 0);
}

static void port_begin(void *ctx, const struct engine_claim *claims, size_t count,
                       const struct engine_load *load)
{
    struct runtime_store *s = ctx;
    const struct store_call any = {.want = -1};
    store_begin_op(s, STORE_BEGIN);
    s->in_transaction = true;
    s->claims = claims;
    s->claim_count = count;
    int32_t *lanes = store_alloc(s, count, sizeof *lanes);
    struct mr_pg_array old, new;
    mr_pg_array_init(&old, &s->arena, MR_PG_INT8, (uint32_t)count);
    mr_pg_array_init(&new, &s->arena, MR_PG_INT8, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        lanes[i] = claims[i].lane;
        mr_pg_array_int8(&old, (int64_t)claims[i].fence);
        mr_pg_array_int8(&new, (int64_t)claims[i].fence_new);
    }
    store_lock_watch(s, lanes, count);
    store_query(s, &begin, NULL, any);
    struct mr_pg_params p = store_params(s);
    store_lanes_param(s, &p, lanes, count);
    store_query(s, &claim_lock, &p, any);
    p = store_params(s);
    store_lanes_param(s, &p, lanes, count);
    mr_pg_param_array(&p, &old);
    mr_pg_param_array(&p, &new);
    store_query(s, &claim, &p, (struct store_call){.read = read_claimed, .want = -1});
    store_load(s, load);
    store_end_op(s);
}

static void port_load(void *ctx, const struct engine_load *load)
{
    struct runtime_store *s = ctx;
    store_begin_op(s, STORE_LOAD);
    store_load(s, load);
    store_end_op(s);
}

static void port_save(void *ctx, const struct engine_save *save)
{
    struct runtime_store *s = ctx;
    store_begin_op(s, STORE_SAVE);
    store_save(s, save);
    store_end_op(s);
}

static void read_commit(struct runtime_store *s, struct mr_pg_result *r, int32_t arg)
{
    (void)arg;
    if (mr_pg_result_is_commit(r))
        return;
    s->answer = ENGINE_TRANSIENT;
    snprintf(s->detail, sizeof s->detail, "the server rolled the transaction back");
}

/* Only when every row count was seen to be right. */
static void send_commit(struct runtime_store *s)
{
    store_begin_op(s, STORE_COMMIT);
    store_query(s, &commit, NULL, (struct store_call){.read = read_commit, .want = -1});
    store_end_op(s);
}

static void port_roll_back(void *ctx)
{
    roll_back(ctx);
}

struct engine_store runtime_store_port(struct runtime_store *s)
{
    return (struct engine_store){
        .ctx = s,
        .take = store_take,
        .touch = store_touch,
        .settle = store_settle,
        .look = store_look,
        .begin = port_begin,
        .load = port_load,
        .save = port_save,
        .roll_back = port_roll_back,
    };
}
