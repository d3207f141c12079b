/* Spreads reads over connections, one group a turn and connection.
 *
 *                        answer, late
 *  asked -> in flight ----------------> done       late: told once, the answer is dropped
 *              ^  | aborted by a neighbour, or lost once
 *              +--+ sent again, in a group of its own */
#include "mr_pg_pool.h"
#include "mr_map.h"
#include "mr_pg_result_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTIONS 4
#define QUERIES_MAX 4096
#define GROUP_MAX   32 /* an answer leaves the server when its whole group is done */
#define TICK_MS     10 /* how exact deadlines are */

struct member {
    struct mr_pg_pool *pool;
    struct mr_pg_conn *conn;
    uint32_t grouped; /* statements in the group that is open */
};

struct read {
    struct read *prev, *next; /* in pool->reads */
    struct mr_pg_pool *pool;
    const struct mr_pg_stmt *stmt;
    uint64_t due_ms;
    bool late; /* told; its answer is dropped */
    bool lost; /* sent again after a break */
    mr_pg_on_result on_result;
    void *data;
    struct mr_pg_params params; /* values lie behind this struct */
    char bytes[];
};

struct mr_pg_pool {
    uv_loop_t *loop;
    struct mr_pg_pool_events events;
    uint32_t queries_max;
    uv_timer_t deadline;
    uv_idle_t turn; /* active while a group is open */
    struct read *reads;
    uint32_t unanswered; /* of reads, without the late */
    uint32_t up;
    bool closing;
    int to_close; /* connections and handles */
    void (*on_closed)(void *data);
    void *closed_data;
    uint32_t member_count;
    struct member members[];
};

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    (void)conn;
    (void)backend;
    struct mr_pg_pool *pool = ((struct member *)data)->pool;
    pool->up++;
    if (pool->events.on_up)
        pool->events.on_up(pool->up, pool->events.data);
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    (void)conn;
    struct member *m = data;
    m->grouped = 0;
    if (down->was_up)
        m->pool->up--;
    if (m->pool->events.on_down)
        m->pool->events.on_down(m->pool->up, down, m->pool->events.data);
}

static void end_group(struct member *m)
{
    if (m->grouped > 0)
        mr_pg_sync(m->conn);
    m->grouped = 0;
}

static void on_turn(uv_idle_t *idle)
{
    struct mr_pg_pool *pool = idle->data;
    uv_idle_stop(idle);
    for (uint32_t i = 0; i < pool->member_count; i++)
        end_group(&pool->members[i]);
}

static struct member *pick(struct mr_pg_pool *pool)
{
    struct member *best = NULL;
    for (uint32_t i = 0; i < pool->member_count; i++) {
        struct member *m = &pool->members[i];
        if (mr_pg_room(m->conn) == 0)
            continue;
        if (!best || mr_pg_queued(m->conn) < mr_pg_queued(best->conn))
            best = m;
    }
    return best;
}

static void on_answer(struct mr_pg_result *result, void *data);

/* alone: a group of its own, so that no neighbour aborts it. */
static enum mr_status send_read(struct mr_pg_pool *pool, struct read *r, bool alone)
{
    struct member *m = pick(pool);
    if (!m)
        return pool->up > 0 ? MR_LIMIT : MR_BUSY;
    if (alone || m->grouped == GROUP_MAX)
        end_group(m);
    enum mr_status s = mr_pg_query(m->conn, r->stmt, &r->params, on_answer, r);
    if (s != MR_OK)
        return s;
    m->grouped++;
    if (alone)
        end_group(m);
    else
        uv_idle_start(&pool->turn, on_turn);
    return MR_OK;
}

static void forget(struct read *r)
{
    DL_DELETE(r->pool->reads, r);
    if (!r->late)
        r->pool->unanswered--;
    free(r);
}

static void on_answer(struct mr_pg_result *result, void *data)
{
    struct read *r = data;
    struct mr_pg_pool *pool = r->pool;
    enum mr_pg_outcome outcome = mr_pg_result_outcome(result);
    bool again = outcome == MR_PG_ABORTED || (outcome == MR_PG_LOST && !r->lost);
    if (again && !r->late && !pool->closing) {
        r->lost = outcome == MR_PG_LOST;
        if (send_read(pool, r, true) == MR_OK)
            return;
        outcome = MR_PG_LOST;
    }
    bool late = r->late;
    mr_pg_on_result on_result = r->on_result;
    void *to = r->data;
    forget(r);
    if (late)
        return;
    if (outcome == MR_PG_LOST) /* an ABORTED that could not be sent again is one, too */
        mr_pg_result_deliver(mr_pg_result_bare(MR_PG_LOST), on_result, to);
    else if (on_result)
        on_result(result, to);
}

/* Tells every read that is due; then waits for the next. */
static void on_deadline(uv_timer_t *timer)
{
    struct mr_pg_pool *pool = timer->data;
    uint64_t now = uv_now(pool->loop), next = UINT64_MAX;
    struct read *r, *following;
    DL_FOREACH_SAFE (pool->reads, r, following) {
        if (r->late)
            continue;
        if (r->due_ms > now) {
            next = r->due_ms < next ? r->due_ms : next;
            continue;
        }
        r->late = true;
        pool->unanswered--;
        mr_pg_result_deliver(mr_pg_result_bare(MR_PG_LATE), r->on_result, r->data);
        if (pool->closing)
            return;
    }
    if (next != UINT64_MAX)
        uv_timer_start(timer, on_deadline, next - now < TICK_MS ? TICK_MS : next - now, 0);
}

/* A copy that lives until the answer: it may be sent again. */
static struct read *read_new(struct mr_pg_pool *pool, const struct mr_pg_read *asked)
{
    size_t bytes = 0;
    int count = asked->params ? asked->params->count : 0;
    for (int i = 0; i < count; i++)
        bytes += (size_t)asked->params->lengths[i] + 1;
    struct read *r = malloc(sizeof *r + bytes);
    if (!r)
        abort();
    memset(r, 0, offsetof(struct read, params));
    r->pool = pool;
    r->stmt = asked->stmt;
    r->due_ms = uv_now(pool->loop) + asked->deadline_ms;
    r->on_result = asked->on_result;
    r->data = asked->data;
    r->params.arena = NULL;
    r->params.count = count;
    r->params.status = MR_OK;
    char *at = r->bytes;
    for (int i = 0; i < count; i++) {
        size_t len = (size_t)asked->params->lengths[i];
        r->params.lengths[i] = (int)len;
        r->params.formats[i] = asked->params->formats[i];
        r->params.values[i] = NULL;
        if (!asked->params->values[i])
            continue;
        r->params.values[i] = at;
        memcpy(at, asked->params->values[i], len);
        at[len] = 0; /* text parameters end with one */
        at += len + 1;
    }
    return r;
}

enum mr_status mr_pg_pool_query(struct mr_pg_pool *pool, const struct mr_pg_read *asked)
{
    assert(asked->deadline_ms > 0);
    if (asked->params && asked->params->status != MR_OK)
        return asked->params->status;
    if (pool->closing || pool->up == 0)
        return MR_BUSY;
    if (pool->unanswered >= pool->queries_max)
        return MR_LIMIT;
    struct read *r = read_new(pool, asked);
    enum mr_status s = send_read(pool, r, false);
    if (s != MR_OK) {
        free(r);
        return s;
    }
    DL_APPEND(pool->reads, r);
    pool->unanswered++;
    uint64_t wait_ms = asked->deadline_ms;
    if (!uv_is_active((uv_handle_t *)&pool->deadline) ||
        uv_timer_get_due_in(&pool->deadline) > wait_ms)
        uv_timer_start(&pool->deadline, on_deadline, wait_ms, 0);
    return MR_OK;
}

static void pool_part_closed(struct mr_pg_pool *pool)
{
    if (--pool->to_close > 0)
        return;
    assert(!pool->reads);
    void (*on_closed)(void *) = pool->on_closed;
    void *data = pool->closed_data;
    free(pool);
    if (on_closed)
        on_closed(data);
}

static void on_handle_closed(uv_handle_t *handle)
{
    pool_part_closed(handle->data);
}

static void on_conn_closed(void *data)
{
    pool_part_closed(data);
}

void mr_pg_pool_close(struct mr_pg_pool *pool, void (*on_closed)(void *data), void *data)
{
    assert(!pool->closing);
    pool->closing = true;
    pool->up = 0;
    pool->on_closed = on_closed;
    pool->closed_data = data;
    pool->to_close = (int)pool->member_count + 2;
    for (uint32_t i = 0; i < pool->member_count; i++)
        mr_pg_close(pool->members[i].conn, on_conn_closed, pool);
    uv_close((uv_handle_t *)&pool->deadline, on_handle_closed);
    uv_close((uv_handle_t *)&pool->turn, on_handle_closed);
}

enum mr_status mr_pg_pool_open(uv_loop_t *loop, const struct mr_pg_pool_options *options,
                               const struct mr_pg_pool_events *events, struct mr_pg_pool **out,
                               struct mr_error *why)
{
    uint32_t count = options->connections ? options->connections : CONNECTIONS;
    struct mr_pg_pool *pool = calloc(1, sizeof *pool + count * sizeof *pool->members);
    if (!pool)
        abort();
    pool->loop = loop;
    if (events)
        pool->events = *events;
    pool->queries_max = options->queries_max ? options->queries_max : QUERIES_MAX;
    for (; pool->member_count < count; pool->member_count++) {
        struct member *m = &pool->members[pool->member_count];
        struct mr_pg_events member_events = {.on_up = on_up, .on_down = on_down, .data = m};
        m->pool = pool;
        enum mr_status s = mr_pg_open(loop, &options->conn, &member_events, &m->conn, why);
        if (s != MR_OK) { /* the string is wrong, so the first one says so */
            assert(pool->member_count == 0);
            free(pool);
            return s;
        }
    }
    uv_timer_init(loop, &pool->deadline);
    uv_idle_init(loop, &pool->turn);
    pool->deadline.data = pool->turn.data = pool;
    *out = pool;
    return MR_OK;
}

uint32_t mr_pg_pool_up(const struct mr_pg_pool *pool)
{
    return pool->up;
}

uint32_t mr_pg_pool_queued(const struct mr_pg_pool *pool)
{
    return pool->unanswered;
}
