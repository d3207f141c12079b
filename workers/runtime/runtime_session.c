/* The store's session: opened, set up, watched, closed; and what is asked beside the operations. */
#include "runtime_store_impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)512 << 20)
#define SET_UP_AGAIN_MS 500

/* Set-wise joins of small arrays with large, indexed tables: while statistics are missing, a plan
 * that reads a whole partition is the one to fear; and planning over all partitions anew for each
 * batch, or compiling a plan, costs more than running it. */
static const struct mr_pg_stmt set_up = {
    .sql = "SELECT set_config('enable_hashjoin', 'off', false), "
           "set_config('enable_mergejoin', 'off', false), "
           "set_config('enable_material', 'off', false), "
           "set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false), "
           "set_config('plan_cache_mode', 'force_generic_plan', false)",
};

static const struct mr_pg_stmt lock_watch = {
    .name = "lock_watch",
    .sql = MR_PG_WATCH_SQL("millrace.lane", "domain"),
    .nparams = 3,
};

static const struct mr_pg_stmt make_days = {
    .sql = "SELECT millrace.make_days($1::date, $2::date)",
    .nparams = 2,
};

static const struct mr_pg_stmt drop_days = {
    .sql = "SELECT millrace.drop_days($1::text, $2::text, $3::date)",
    .nparams = 3,
};

static const struct mr_pg_stmt note_stop = {
    .sql = "INSERT INTO millrace.lane_stop AS s (domain, lane, fence, reason) "
           "VALUES ($1::text, $2::int4, $3::int8, $4::text) ON CONFLICT (domain, lane) DO UPDATE "
           "SET fence = excluded.fence, reason = excluded.reason, stopped_at = now()",
    .nparams = 4,
};

/* ---- beside the operations ---- */

static void on_side_result(struct mr_pg_result *result, void *data)
{
    struct runtime_store *s = data;
    struct mr_error why;
    if (mr_pg_result_status(result, &why) != MR_OK && !s->closing)
        MR_LOG(s->settings.log, WARN, "a statement beside the batches failed",
               mr_f_text("error", why.text));
}

bool runtime_store_is_idle(const struct runtime_store *s)
{
    return s->ready && s->op == STORE_NONE && !s->in_transaction;
}

void runtime_store_make_days(struct runtime_store *s, int32_t first_day, int32_t last_day)
{
    struct mr_arena arena;
    struct mr_pg_params p;
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&p, &arena);
    mr_pg_param_day(&p, first_day);
    mr_pg_param_day(&p, last_day);
    if (mr_pg_query(s->conn, &make_days, &p, on_side_result, s) == MR_OK)
        mr_pg_sync(s->conn); /* otherwise the batch's next try asks again */
    mr_arena_free(&arena);
}

static void on_dropped(struct mr_pg_result *result, void *data)
{
    struct runtime_store *s = data;
    bool done = mr_pg_result_outcome(result) == MR_PG_OK;
    int32_t dropped = done ? mr_pg_result_int4(result, 0, 0) : 0;
    on_side_result(result, data);
    s->counts.partitions_dropped += (uint64_t)dropped;
    if (dropped > 0)
        MR_LOG(s->settings.log, INFO, "days past retention dropped",
               mr_f_text("table", s->pruned->table), mr_f_int("days", dropped));
    if (!s->closing)
        s->on_pruned(s->pruned_owner, done);
}

void runtime_store_drop_days(struct runtime_store *s, const struct domain_store_pruned *pruned,
                             int32_t before_day, void (*on_done)(void *owner, bool done),
                             void *owner)
{
    struct mr_arena arena;
    struct mr_pg_params p;
    s->pruned = pruned;
    s->on_pruned = on_done;
    s->pruned_owner = owner;
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&p, &arena);
    mr_pg_param_text(&p, mr_slice_text(pruned->schema));
    mr_pg_param_text(&p, mr_slice_text(pruned->table));
    mr_pg_param_day(&p, before_day);
    if (mr_pg_query(s->conn, &drop_days, &p, on_dropped, s) == MR_OK)
        mr_pg_sync(s->conn);
    else
        on_done(owner, false); /* the connection has just gone */
    mr_arena_free(&arena);
}

void runtime_store_note_stop(struct runtime_store *s, int32_t lane, uint64_t fence,
                             const char *reason)
{
    struct mr_arena arena;
    struct mr_pg_params p;
    mr_arena_init(&arena, 4096);
    mr_pg_params_init(&p, &arena);
    mr_pg_param_text(&p, mr_slice_text(s->domain));
    mr_pg_param_int4(&p, lane);
    mr_pg_param_int8(&p, (int64_t)fence);
    mr_pg_param_text(&p, mr_slice_text(reason));
    if (mr_pg_query(s->conn, &note_stop, &p, on_side_result, s) == MR_OK)
        mr_pg_sync(s->conn); /* otherwise the log and the metric still say it */
    mr_arena_free(&arena);
}

/* ---- life ---- */

static void on_set_up(struct mr_pg_result *result, void *data)
{
    struct runtime_store *s = data;
    if (s->closing || mr_pg_result_outcome(result) == MR_PG_LOST)
        return; /* the next on_up tries anew */
    if (mr_pg_result_outcome(result) != MR_PG_OK) {
        MR_LOG(s->settings.log, WARN, "the session could not be set up",
               mr_f_text("error", mr_pg_result_error(result).message));
        mr_timer_start(&s->set_up_again, SET_UP_AGAIN_MS);
        return;
    }
    s->ready = true;
    s->settings.on_connection(s->settings.owner, true);
}

static void send_set_up(void *data)
{
    struct runtime_store *s = data;
    if (mr_pg_query(s->conn, &set_up, NULL, on_set_up, s) == MR_OK)
        mr_pg_sync(s->conn); /* otherwise it is down again already, and comes up later */
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    struct runtime_store *s = data;
    s->conn = conn;
    s->backend_pid = backend->pid;
    snprintf(s->backend_start, sizeof s->backend_start, "%s", backend->start_text);
    send_set_up(s);
}

static void on_down(struct mr_pg_conn *conn, const struct mr_pg_down *down, void *data)
{
    struct runtime_store *s = data;
    (void)conn;
    if (down->was_up || down->attempts == 1)
        MR_LOG(s->settings.log, WARN, "Postgres is away", mr_f_text("error", down->why.text));
    if (!s->ready)
        return;
    s->ready = false;
    s->settings.on_connection(s->settings.owner, false);
}

static void on_lock_holder_ended(void *owner, int32_t pid)
{
    struct runtime_store *s = owner;
    MR_LOG(s->settings.log, WARN, "ended the backend of a lane's frozen owner",
           mr_f_int("pid", pid));
}

static void on_lock_watch_failed(void *owner, const struct mr_error *why)
{
    struct runtime_store *s = owner;
    MR_LOG(s->settings.log, WARN, "who holds a lane's lock could not be looked at",
           mr_f_text("error", why->text));
}

static int column_params(const struct domain_store_column *columns, int32_t count, bool update)
{
    int n = 0;
    for (int32_t i = 0; i < count; i++)
        n += !update || !columns[i].fixed;
    return n;
}

static struct mr_pg_stmt statement(char name[49], const char *domain, const char *what,
                                   int32_t kind)
{
    snprintf(name, 49, "%s_%s_%d", domain, what, (int)kind);
    return (struct mr_pg_stmt){.name = name};
}

/* The domain's texts as statements that are prepared once a session. One that the domain has not is
 * never sent. */
static void make_statements(struct runtime_store *s)
{
    const struct engine_domain *d = s->settings.domain->domain;
    assert(d->kind_count <= STORE_KINDS_MAX && d->row_kind_count <= STORE_KINDS_MAX);
    for (int32_t i = 0; i < d->kind_count; i++) {
        const struct domain_store_kind *k = s->settings.domain->kinds[i];
        struct store_statements *to = &s->statements[i];
        to->load = statement(to->names[0], s->domain, "load", i);
        to->load.sql = k->load;
        to->load.nparams = 2;
        to->insert = statement(to->names[1], s->domain, "insert", i);
        to->insert.sql = k->insert;
        to->insert.nparams = 3 + column_params(k->columns, k->column_count, false);
        to->update = statement(to->names[2], s->domain, "update", i);
        to->update.sql = k->update;
        to->update.nparams = 3 + column_params(k->columns, k->column_count, true);
        to->due = statement(to->names[3], s->domain, "due", i);
        to->due.sql = k->due;
        to->due.nparams = 2;
    }
    for (int32_t i = 0; i < d->row_kind_count; i++) {
        const struct domain_store_rows *k = s->settings.domain->rows[i];
        if (k->copy && asprintf(&s->copy_sql[i], "COPY %s FROM STDIN (FORMAT binary)", k->copy) < 0)
            abort();
        s->row_statements[i] = statement(s->row_names[i], s->domain, "rows", i);
        s->row_statements[i].sql = k->insert;
        s->row_statements[i].nparams = 4 + column_params(k->columns, k->column_count, false);
    }
    s->known_facts = statement(s->known_facts_name, s->domain, "facts", 0);
    s->known_facts.sql = s->settings.domain->known_facts;
    s->known_facts.nparams = s->known_facts.sql && strstr(s->known_facts.sql, "$6") ? 6 : 4;
}

static void free_store(struct runtime_store *s)
{
    for (size_t i = 0; i < s->kept_count; i++)
        mr_pg_result_free(s->kept[i]);
    for (size_t i = 0; i < STORE_KINDS_MAX; i++)
        free(s->copy_sql[i]);
    mr_buf_free(&s->copy.buf);
    mr_arena_free(&s->arena);
    free(s);
}

enum mr_status runtime_store_new(const struct runtime_store_settings *settings,
                                 struct runtime_store **out, struct mr_error *why)
{
    struct runtime_store *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->settings = *settings;
    s->domain = settings->domain->domain->name;
    mr_arena_init(&s->arena, ARENA_BYTES_MAX);
    mr_buf_init(&s->copy.buf, 0);
    make_statements(s);
    mr_deferred_init(&s->finish, settings->loop, store_finish_deferred, s);
    mr_timer_init(&s->set_up_again, settings->loop, send_set_up, s);
    struct mr_pg_watch_settings watch = {
        .loop = settings->loop,
        .conninfo = settings->conninfo,
        .stmt = &lock_watch,
        .scope = s->domain,
        .wait_ms = settings->lane_lock_wait_ms,
        .on_ended = on_lock_holder_ended,
        .on_failed = on_lock_watch_failed,
        .owner = s,
    };
    struct mr_pg_options options = {
        .conninfo = settings->conninfo,
        .application_name = "millrace worker",
        .queue_bytes_max = ARENA_BYTES_MAX,
    };
    struct mr_pg_events events = {.on_up = on_up, .on_down = on_down, .data = s};
    enum mr_status status = mr_pg_watch_open(&watch, &s->watch, why);
    if (status == MR_OK)
        status = mr_pg_open(&settings->loop->uv, &options, &events, &s->conn, why);
    if (status == MR_OK) {
        *out = s;
        return MR_OK;
    }
    if (s->watch)
        mr_pg_watch_close(s->watch, NULL, NULL);
    free_store(s);
    return status;
}

void runtime_store_serve(struct runtime_store *s, struct engine *engine)
{
    s->engine = engine;
}

struct runtime_store_counts runtime_store_counts(const struct runtime_store *s)
{
    return s->counts;
}

struct mr_pg_conn *runtime_store_conn(struct runtime_store *s)
{
    return s->conn;
}

static void on_watch_closed(void *data)
{
    struct runtime_store *s = data;
    void (*on_closed)(void *) = s->on_closed;
    void *owner = s->closed_owner;
    free_store(s);
    if (on_closed)
        on_closed(owner);
}

static void on_conn_closed(void *data)
{
    struct runtime_store *s = data;
    mr_pg_watch_close(s->watch, on_watch_closed, s);
}

void runtime_store_close(struct runtime_store *s, void (*on_closed)(void *owner), void *owner)
{
    s->closing = true;
    s->on_closed = on_closed;
    s->closed_owner = owner;
    mr_deferred_stop(&s->finish);
    mr_timer_stop(&s->set_up_again);
    mr_pg_close(s->conn, on_conn_closed, s);
}
