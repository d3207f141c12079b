/* Operations on the ledger's rows, and the life of the connections. */
#include "loader_pg_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* A flush is one transaction of some seconds at most; a COPY of a bound set high may take longer.
 */
#define STATEMENT_TIMEOUT_MS 600000

/* ---- statements ---- */

static const struct mr_pg_stmt lock_watch = {
    .name = "lock_watch",
    .sql = MR_PG_WATCH_SQL("public.load_ledger", "topic"),
    .nparams = 3,
};

static const struct mr_pg_stmt take = {
    .name = "take",
    .sql = "INSERT INTO public.load_ledger AS l (topic, lane, fence, backend_pid, backend_start) "
           "VALUES ($1::text, $2::int4, $3::int8, $4::int4, $5::text::timestamptz) "
           "ON CONFLICT (topic, lane) DO UPDATE SET fence = excluded.fence, "
           "backend_pid = excluded.backend_pid, backend_start = excluded.backend_start "
           "RETURNING l.next_offset, l.last_sequence, l.last_offset",
    .nparams = 5,
};

static const struct mr_pg_stmt settle = {
    .name = "settle",
    .sql = "SELECT lane, fence FROM public.load_ledger WHERE topic = $1::text "
           "AND lane = ANY($2::int4[]) ORDER BY lane FOR UPDATE",
    .nparams = 2,
};

static const struct mr_pg_stmt look = {
    .name = "look",
    .sql = "SELECT lane, fence FROM public.load_ledger WHERE topic = $1::text "
           "AND lane = ANY($2::int4[])",
    .nparams = 2,
};

static const struct mr_pg_stmt note_stop = {
    .name = "note_stop",
    .sql = "INSERT INTO public.load_stop AS s (topic, lane, fence, reason) "
           "VALUES ($1::text, $2::int4, $3::int8, $4::text) ON CONFLICT (topic, lane) DO UPDATE "
           "SET fence = excluded.fence, reason = excluded.reason, stopped_at = now()",
    .nparams = 4,
};

/* ---- parameters and answers ---- */

struct mr_pg_params loader_pg_params(struct loader_pg *pg)
{
    struct mr_pg_params p;
    mr_pg_params_init(&p, &pg->op.arena);
    mr_pg_param_text(&p, mr_slice_text(pg->settings.topic));
    return p;
}

void loader_pg_lanes_param(struct loader_pg *pg, struct mr_pg_params *params, const int32_t *lanes,
                           size_t count)
{
    struct mr_pg_array a;
    mr_pg_array_init(&a, &pg->op.arena, MR_PG_INT4, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        mr_pg_array_int4(&a, lanes[i]);
    mr_pg_param_array(params, &a);
}

enum engine_answer loader_pg_answer(const struct loader_pg *pg)
{
    switch (pg->op.status) {
    case MR_OK:
        return ENGINE_DONE;
    case MR_INVALID:
        return ENGINE_REFUSED;
    case MR_LOST:
        return ENGINE_LOST;
    default:
        return ENGINE_TRANSIENT;
    }
}

static void begin(struct loader_pg *pg, enum loader_pg_state state)
{
    assert(pg->state == LOADER_PG_FREE);
    pg->state = state;
    pg->fence_count = 0;
    loader_op_begin(&pg->op, pg->conn);
}

static void read_fences(void *owner, struct mr_pg_result *r)
{
    struct loader_pg *pg = owner;
    pg->fence_count = (size_t)mr_pg_result_rows(r);
    pg->fences = loader_op_alloc(&pg->op, pg->fence_count, sizeof *pg->fences);
    for (size_t i = 0; i < pg->fence_count; i++)
        pg->fences[i] = (struct engine_fence){
            .lane = mr_pg_result_int4(r, (int)i, 0),
            .fence = (uint64_t)mr_pg_result_int8(r, (int)i, 1),
        };
}

static void read_taken(void *owner, struct mr_pg_result *r)
{
    struct loader_pg *pg = owner;
    pg->taken = (struct engine_ledger){
        .lane = pg->lane,
        .fence = pg->fence_new,
        .next_offset = mr_pg_result_int8(r, 0, 0),
        .last_sequence = mr_pg_result_int8(r, 0, 1),
        .last_offset = mr_pg_result_int8(r, 0, 2),
    };
}

static void on_taken(struct loader_pg *pg)
{
    if (pg->op.status == MR_OK) {
        pg->named[pg->lane] = true;
        if (pg->settings.on_loaded)
            pg->settings.on_loaded(pg->settings.owner, &pg->taken);
    }
    engine_loader_on_taken(pg->engine, loader_pg_answer(pg), &pg->taken);
}

static void on_done(void *owner)
{
    struct loader_pg *pg = owner;
    enum loader_pg_state was = pg->state;
    if (pg->op.fatal)
        MR_LOG(pg->settings.log, ERROR, "the warehouse refuses a statement",
               mr_f_text("topic", pg->settings.topic), mr_f_text("error", pg->op.why.text));
    if (was != LOADER_PG_COPYING && was != LOADER_PG_WRITING)
        mr_pg_watch_disarm(pg->watch);
    if (pg->closing)
        return;
    if (was < LOADER_PG_NAMING)
        pg->state = LOADER_PG_FREE;
    switch (was) {
    case LOADER_PG_TAKING:
        on_taken(pg);
        break;
    case LOADER_PG_SETTLING:
        engine_loader_on_settled(pg->engine, loader_pg_answer(pg), pg->fences, pg->fence_count);
        break;
    case LOADER_PG_LOOKING:
        engine_loader_on_looked(pg->engine, loader_pg_answer(pg), pg->fences, pg->fence_count);
        break;
    case LOADER_PG_FREE:
        assert(!"an answer without an operation");
        break;
    default:
        loader_pg_flush_step(pg);
    }
}

/* ---- the port ---- */

static void port_take(void *ctx, int32_t lane, uint64_t fence_new)
{
    struct loader_pg *pg = ctx;
    begin(pg, LOADER_PG_TAKING);
    pg->lane = lane;
    pg->fence_new = fence_new;
    mr_pg_watch_arm(pg->watch, pg->backend_pid, &lane, 1);
    struct mr_pg_params p = loader_pg_params(pg);
    mr_pg_param_int4(&p, lane);
    mr_pg_param_int8(&p, (int64_t)fence_new);
    mr_pg_param_int4(&p, pg->backend_pid);
    mr_pg_param_text(&p, mr_slice_text(pg->backend_start));
    loader_op_query(&pg->op, &take, &p, 1, read_taken);
    loader_op_end(&pg->op);
}

static void read_lanes(struct loader_pg *pg, const struct mr_pg_stmt *stmt, const int32_t *lanes,
                       size_t count)
{
    struct mr_pg_params p = loader_pg_params(pg);
    loader_pg_lanes_param(pg, &p, lanes, count);
    loader_op_query(&pg->op, stmt, &p, LOADER_OP_ANY, read_fences);
    loader_op_end(&pg->op);
}

static void port_settle(void *ctx, const int32_t *lanes, size_t count)
{
    struct loader_pg *pg = ctx;
    begin(pg, LOADER_PG_SETTLING);
    mr_pg_watch_arm(pg->watch, pg->backend_pid, lanes, count);
    read_lanes(pg, &settle, lanes, count);
}

static void port_look(void *ctx, const int32_t *lanes, size_t count)
{
    struct loader_pg *pg = ctx;
    begin(pg, LOADER_PG_LOOKING);
    read_lanes(pg, &look, lanes, count);
}

struct engine_warehouse loader_pg_port(struct loader_pg *pg)
{
    return (struct engine_warehouse){
        .ctx = pg,
        .take = port_take,
        .settle = port_settle,
        .look = port_look,
        .flush = loader_pg_flush,
    };
}

/* ---- beside the operations ---- */

static void on_noted(struct mr_pg_result *result, void *data)
{
    struct loader_pg *pg = data;
    struct mr_error why;
    if (mr_pg_result_status(result, &why) != MR_OK && !pg->closing)
        MR_LOG(pg->settings.log, WARN, "why a lane was stopped could not be noted",
               mr_f_text("error", why.text));
}

void loader_pg_note_stop(struct loader_pg *pg, int32_t lane, uint64_t fence, const char *reason)
{
    struct mr_arena arena;
    struct mr_pg_params p;
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&p, &arena);
    mr_pg_param_text(&p, mr_slice_text(pg->settings.topic));
    mr_pg_param_int4(&p, lane);
    mr_pg_param_int8(&p, (int64_t)fence);
    mr_pg_param_text(&p, mr_slice_text(reason));
    if (mr_pg_query(pg->conn, &note_stop, &p, on_noted, pg) == MR_OK)
        mr_pg_sync(pg->conn); /* otherwise the log and the metric still say it */
    mr_arena_free(&arena);
}

int64_t loader_pg_loaded_through(const struct loader_pg *pg, size_t table)
{
    return pg->tables[table].loaded_through;
}

/* ---- life ---- */

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct loader_pg *pg = data;
    (void)conn;
    pg->backend_pid = backend->pid;
    snprintf(pg->backend_start, sizeof pg->backend_start, "%s", backend->start_text);
    memset(pg->named, 0, (size_t)pg->settings.lanes * sizeof *pg->named);
    pg->up = true;
    pg->settings.on_connection(pg->settings.owner, true);
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    struct loader_pg *pg = data;
    (void)conn;
    if (down->was_up || down->attempts == 1)
        MR_LOG(pg->settings.log, WARN, "the warehouse is away",
               mr_f_text("topic", pg->settings.topic), mr_f_text("error", down->why.text));
    if (!pg->up)
        return;
    pg->up = false;
    pg->settings.on_connection(pg->settings.owner, false);
}

static void on_lock_holder_ended(void *owner, int32_t pid)
{
    struct loader_pg *pg = owner;
    MR_LOG(pg->settings.log, WARN, "ended the backend of a lane's frozen owner",
           mr_f_text("topic", pg->settings.topic), mr_f_int("pid", pid));
}

static void on_lock_watch_failed(void *owner, const struct mr_error *why)
{
    struct loader_pg *pg = owner;
    MR_LOG(pg->settings.log, WARN, "who holds a lane's lock could not be looked at",
           mr_f_text("topic", pg->settings.topic), mr_f_text("error", why->text));
}

/* Names are small letters, digits and "_" (meta); quoted, as "row" is a word of SQL. */
static char *copy_statement(const struct mr_catalog_table *table)
{
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_printf(&sql, "COPY public.\"%s\" (", table->name);
    for (size_t i = 0; i < table->column_count; i++)
        mr_buf_printf(&sql, "%s\"%s\"", i ? ", " : "", table->columns[i].name);
    mr_buf_text(&sql, ") FROM STDIN");
    mr_buf_char(&sql, 0);
    return sql.data; /* the caller's from here on */
}

static struct loader_pg *make(const struct loader_pg_settings *settings)
{
    const struct mr_catalog *catalog = settings->catalog;
    struct loader_pg *pg = calloc(1, sizeof *pg);
    if (!pg)
        abort();
    pg->settings = *settings;
    pg->named = calloc((size_t)settings->lanes, sizeof *pg->named);
    pg->claimed = calloc((size_t)settings->lanes, sizeof *pg->claimed);
    pg->tables = calloc(catalog->table_count + 1, sizeof *pg->tables);
    if (!pg->named || !pg->claimed || !pg->tables)
        abort();
    for (size_t i = 0; i < catalog->table_count; i++) {
        pg->tables[i].copy = copy_statement(&catalog->tables[i]);
        pg->tables[i].known = loader_pg_known_statement(&catalog->tables[i]);
    }
    loader_op_init(&pg->op, settings->loop, on_done, pg);
    mr_buf_init(&pg->chunk, 0);
    return pg;
}

static void destroy(struct loader_pg *pg)
{
    for (size_t i = 0; i < pg->settings.catalog->table_count; i++) {
        free(pg->tables[i].copy);
        free(pg->tables[i].known);
    }
    free(pg->tables);
    free(pg->named);
    free(pg->claimed);
    loader_op_free(&pg->op);
    mr_buf_free(&pg->chunk);
    free(pg);
}

enum mr_status loader_pg_new(const struct loader_pg_settings *settings, struct loader_pg **out,
                             struct mr_error *why)
{
    struct loader_pg *pg = make(settings);
    struct mr_pg_watch_settings watch = {
        .loop = settings->loop,
        .conninfo = settings->conninfo,
        .stmt = &lock_watch,
        .scope = settings->topic,
        .wait_ms = settings->lock_wait_ms,
        .on_ended = on_lock_holder_ended,
        .on_failed = on_lock_watch_failed,
        .owner = pg,
    };
    struct mr_pg_options options = {
        .conninfo = settings->conninfo,
        .application_name = "millrace loader",
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .queue_bytes_max = (size_t)1 << 30,
    };
    struct mr_pg_events events = {.on_up = on_up, .on_down = on_down, .data = pg};
    enum mr_status s = mr_pg_watch_open(&watch, &pg->watch, why);
    if (s == MR_OK)
        s = mr_pg_open(&settings->loop->uv, &options, &events, &pg->conn, why);
    if (s == MR_OK) {
        *out = pg;
        return MR_OK;
    }
    if (pg->watch)
        mr_pg_watch_close(pg->watch, NULL, NULL);
    destroy(pg);
    return s;
}

void loader_pg_serve(struct loader_pg *pg, struct engine_loader *engine)
{
    pg->engine = engine;
}

static void on_watch_closed(void *data)
{
    struct loader_pg *pg = data;
    void (*on_closed)(void *) = pg->on_closed;
    void *owner = pg->closed_owner;
    destroy(pg);
    if (on_closed)
        on_closed(owner);
}

static void on_conn_closed(void *data)
{
    struct loader_pg *pg = data;
    mr_pg_watch_close(pg->watch, on_watch_closed, pg);
}

void loader_pg_close(struct loader_pg *pg, void (*on_closed)(void *owner), void *owner)
{
    pg->closing = true;
    pg->on_closed = on_closed;
    pg->closed_owner = owner;
    mr_pg_close(pg->conn, on_conn_closed, pg);
}
