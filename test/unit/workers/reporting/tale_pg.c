#include "tale_pg.h"

#include "engine_command.h"
#include "millrace_migrations.h"
#include "mr_buf.h"
#include "reporting_migrations.h"
#include "reporting_store.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#define LIMIT_MS 20000
#define LANES    2

/* What the store answered last. Pointers live until the next operation. */
struct engine {
    int answers;
    enum engine_answer answer;
    char detail[256];
    struct engine_taken taken;
    struct engine_loaded loaded;
};

struct tale_pg {
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_loop loop;
    struct mr_log log;
    struct mr_timer alarm;
    struct engine engine;
    struct runtime_store *store;
    struct engine_store port;
    struct engine_row lane;
    struct engine_claim claim; /* of the open transaction */
    bool in_transaction;
    struct mr_buf value; /* what SQL answered last */
    int ups, closed;
};

/* ---- the engine's ears ---- */

static void heard(struct engine *e, enum engine_answer answer)
{
    e->answer = answer;
    e->answers++;
}

void engine_on_taken(struct engine *e, enum engine_answer answer, const struct engine_taken *taken)
{
    e->taken = *taken;
    heard(e, answer);
}

void engine_on_touched(struct engine *e, enum engine_answer answer, bool moved)
{
    (void)moved;
    heard(e, answer);
}

void engine_on_settled(struct engine *e, enum engine_answer answer,
                       const struct engine_fence *fences, size_t count)
{
    (void)fences;
    (void)count;
    heard(e, answer);
}

void engine_on_looked(struct engine *e, enum engine_answer answer,
                      const struct engine_fence *fences, size_t fence_count,
                      const struct engine_request *requests, size_t request_count)
{
    (void)fences;
    (void)fence_count;
    (void)requests;
    (void)request_count;
    heard(e, answer);
}

void engine_on_begun(struct engine *e, enum engine_answer answer, const int32_t *missed,
                     size_t missed_count, const struct engine_loaded *loaded)
{
    (void)missed;
    cr_assert_eq(missed_count, 0);
    e->loaded = *loaded;
    heard(e, answer);
}

void engine_on_loaded(struct engine *e, enum engine_answer answer,
                      const struct engine_loaded *loaded)
{
    e->loaded = *loaded;
    heard(e, answer);
}

void engine_on_saved(struct engine *e, enum engine_answer answer, const char *detail)
{
    snprintf(e->detail, sizeof e->detail, "%s", detail ? detail : "");
    heard(e, answer);
}

/* ---- life ---- */

static void on_alarm(void *data)
{
    (void)data;
    cr_assert_fail("it did not come about in 20 s");
}

static void until(struct tale_pg *p, const int *count, int at_least)
{
    mr_timer_start(&p->alarm, LIMIT_MS);
    while (*count < at_least)
        uv_run(&p->loop.uv, UV_RUN_ONCE);
    mr_timer_stop(&p->alarm);
}

static void done(struct tale_pg *p, int before)
{
    until(p, &p->engine.answers, before + 1);
    cr_assert_eq(p->engine.answer, ENGINE_DONE, "%s", p->engine.detail);
}

static void on_connection(void *owner, bool up)
{
    struct tale_pg *p = owner;
    p->ups += up;
}

static void migrate(struct tale_pg *p)
{
    const struct mr_pg_migrations *sets[] = {&millrace_migrations, &reporting_migrations};
    struct mr_pg_migrate_options options = {.conninfo = p->conninfo, .sets = sets, .count = 2};
    struct mr_error why;
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_OK, "%s", why.text);
    pg_run(p->conninfo, "INSERT INTO millrace.domain VALUES ('reporting', 2)");
}

struct tale_pg *tale_pg_new(const char *database)
{
    struct tale_pg *p = calloc(1, sizeof *p);
    struct mr_error why;
    cr_assert_not_null(p);
    pg_database(database, p->conninfo);
    migrate(p);
    mr_log_open(&p->log, "test", STDERR_FILENO, MR_LOG_JSON, MR_LOG_ERROR);
    mr_buf_init(&p->value, 0);
    mr_loop_init(&p->loop, NULL);
    mr_timer_init(&p->alarm, &p->loop, on_alarm, p);
    struct runtime_store_settings settings = {
        .loop = &p->loop,
        .log = &p->log,
        .domain = &reporting_store,
        .conninfo = p->conninfo,
        .lane_lock_wait_ms = 1000,
        .on_connection = on_connection,
        .owner = p,
    };
    cr_assert_eq(runtime_store_new(&settings, &p->store, &why), MR_OK, "%s", why.text);
    runtime_store_serve(p->store, &p->engine);
    p->port = runtime_store_port(p->store);
    until(p, &p->ups, 1);
    p->port.take(p->port.ctx, TALE_LANE, 1);
    done(p, 0);
    p->lane = p->engine.taken.row;
    return p;
}

static void on_closed(void *owner)
{
    struct tale_pg *p = owner;
    p->closed++;
}

void tale_pg_disconnect(struct tale_pg *p)
{
    if (p->in_transaction)
        p->port.roll_back(p->port.ctx);
    runtime_store_close(p->store, on_closed, p);
    until(p, &p->closed, 1);
}

void tale_pg_free(struct tale_pg *p)
{
    if (!p->closed)
        tale_pg_disconnect(p);
    mr_loop_close(&p->loop);
    mr_buf_free(&p->value);
    free(p);
}

/* ---- a tale's store ---- */

static void begin(struct tale_pg *p)
{
    static const struct engine_load nothing;
    int before = p->engine.answers;
    if (p->in_transaction)
        return;
    p->claim = (struct engine_claim){TALE_LANE, p->lane.fence, p->lane.fence + 1};
    p->port.begin(p->port.ctx, &p->claim, 1, &nothing);
    done(p, before);
    p->in_transaction = true;
}

static void load(void *ctx, const struct engine_load *load, struct engine_loaded *loaded)
{
    struct tale_pg *p = ctx;
    begin(p);
    int before = p->engine.answers;
    p->port.load(p->port.ctx, load);
    done(p, before);
    *loaded = p->engine.loaded;
}

static void save(void *ctx, const struct engine_save *save)
{
    struct tale_pg *p = ctx;
    struct engine_save all = *save;
    struct engine_row lane;
    begin(p);
    int before = p->engine.answers;
    lane = p->lane;
    lane.fence++;
    lane.applied++;
    all.lanes = &lane;
    all.lane_count = 1;
    p->port.save(p->port.ctx, &all);
    done(p, before);
    p->lane = lane;
    p->in_transaction = false;
}

struct tale_store tale_pg_store(struct tale_pg *p)
{
    return (struct tale_store){p, load, save};
}

const char *tale_pg_sql(struct tale_pg *p, const char *sql)
{
    struct mr_pg_session *session;
    struct mr_pg_result *result;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(p->conninfo, "test", &session, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_exec_text(session, sql, NULL, &result, &why), MR_OK, "%s: %s", sql,
                 why.text);
    mr_buf_reset(&p->value);
    if (mr_pg_result_rows(result) > 0 && mr_pg_result_columns(result) > 0)
        mr_buf_slice(&p->value, mr_pg_result_text(result, 0, 0));
    mr_buf_char(&p->value, 0);
    mr_pg_result_free(result);
    mr_pg_session_close(session);
    return p->value.data;
}

void tale_pg_refused(struct tale_pg *p, const char *sql, const char *text)
{
    struct mr_pg_session *session;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(p->conninfo, "test", &session, &why), MR_OK, "%s", why.text);
    cr_assert_neq(mr_pg_session_script(session, sql, &why), MR_OK, "%s", sql);
    cr_expect(strstr(why.text, text), "%s", why.text);
    mr_pg_session_close(session);
}
