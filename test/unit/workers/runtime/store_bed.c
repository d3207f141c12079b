#include "store_bed.h"

#include "millrace_migrations.h"
#include "mr_time.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LIMIT_MS 20000

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
    e->missed = missed_count;
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
    snprintf(e->detail, sizeof e->detail, "%s", detail);
    heard(e, answer);
}

/* ---- life ---- */

static void on_alarm(void *data)
{
    (void)data;
    cr_assert_fail("it did not come about in 20 s");
}

void store_bed_until(struct store_bed *b, const int *count, int at_least)
{
    mr_timer_start(&b->alarm, LIMIT_MS);
    while (*count < at_least)
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    mr_timer_stop(&b->alarm);
}

static void on_connection(void *owner, bool up)
{
    struct store_bed *b = owner;
    b->ups += up;
    b->downs += !up;
}

static void migrate(struct store_bed *b)
{
    const struct mr_pg_migrations *sets[] = {&millrace_migrations};
    struct mr_pg_migrate_options options = {.conninfo = b->conninfo, .sets = sets, .count = 1};
    struct mr_pg_session *session;
    struct mr_error why;
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_open(b->conninfo, "test", &session, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_session_script(session, shop_schema, &why), MR_OK, "%s", why.text);
    mr_pg_session_close(session);
    pg_run(b->conninfo, "INSERT INTO millrace.domain VALUES ('shop', 2)");
    pg_run(b->conninfo, "SELECT millrace.make_days('2026-11-23', '2026-11-26')");
}

static void take(struct store_bed *b, int32_t lane)
{
    int before = b->engine.answers;
    b->port.take(b->port.ctx, lane, (uint64_t)lane + 1);
    store_bed_until(b, &b->engine.answers, before + 1);
    cr_assert_eq(b->engine.answer, ENGINE_DONE);
    b->lanes[lane] = b->engine.taken.row;
}

struct store_bed *store_bed_new(const char *database)
{
    struct store_bed *b = calloc(1, sizeof *b);
    struct mr_error why;
    cr_assert_not_null(b);
    pg_database(database, b->conninfo);
    migrate(b);
    mr_arena_init(&b->arena, 64 << 20);
    mr_log_open(&b->log, "test", STDERR_FILENO, MR_LOG_JSON, MR_LOG_ERROR);
    mr_loop_init(&b->loop, NULL);
    mr_timer_init(&b->alarm, &b->loop, on_alarm, b);
    struct runtime_store_settings settings = {
        .loop = &b->loop,
        .log = &b->log,
        .domain = &shop_store,
        .conninfo = b->conninfo,
        .lane_lock_wait_ms = 1000,
        .on_connection = on_connection,
        .owner = b,
    };
    cr_assert_eq(runtime_store_new(&settings, &b->store, &why), MR_OK, "%s", why.text);
    runtime_store_serve(b->store, &b->engine);
    b->port = runtime_store_port(b->store);
    store_bed_until(b, &b->ups, 1);
    for (int32_t i = 0; i < BED_LANES; i++)
        take(b, i);
    return b;
}

static void on_closed(void *owner)
{
    struct store_bed *b = owner;
    b->closed = true;
}

void store_bed_free(struct store_bed *b)
{
    runtime_store_close(b->store, on_closed, b);
    mr_timer_start(&b->alarm, LIMIT_MS);
    while (!b->closed)
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    mr_timer_stop(&b->alarm);
    mr_loop_close(&b->loop);
    mr_arena_free(&b->arena);
    free(b);
}

/* ---- operations ---- */

static enum engine_answer answer_of(struct store_bed *b, int before)
{
    store_bed_until(b, &b->engine.answers, before + 1);
    cr_assert_eq(b->engine.answers, before + 1);
    return b->engine.answer;
}

enum engine_answer store_bed_begin(struct store_bed *b, const struct engine_load *load)
{
    static const struct engine_load nothing;
    struct engine_claim *claims = mr_arena_array(&b->arena, BED_LANES, sizeof *claims);
    int before = b->engine.answers;
    for (int32_t i = 0; i < BED_LANES; i++)
        claims[i] = (struct engine_claim){i, b->lanes[i].fence, b->lanes[i].fence + 16};
    b->port.begin(b->port.ctx, claims, BED_LANES, load ? load : &nothing);
    answer_of(b, before);
    if (b->engine.answer == ENGINE_DONE)
        cr_assert_eq(b->engine.missed, 0);
    return b->engine.answer;
}

enum engine_answer store_bed_load(struct store_bed *b, const struct engine_load *load)
{
    int before = b->engine.answers;
    b->port.load(b->port.ctx, load);
    return answer_of(b, before);
}

enum engine_answer store_bed_save(struct store_bed *b, const struct engine_save *save)
{
    struct engine_row rows[BED_LANES];
    struct engine_save all = *save;
    int before = b->engine.answers;
    for (int32_t i = 0; i < BED_LANES; i++) {
        rows[i] = b->lanes[i];
        rows[i].fence += 16;
        rows[i].applied++;
    }
    all.lanes = rows;
    all.lane_count = BED_LANES;
    b->port.save(b->port.ctx, &all);
    memset(&all, 0xff, sizeof all); /* the struct itself is theirs during the call only */
    if (answer_of(b, before) == ENGINE_DONE)
        memcpy(b->lanes, rows, sizeof rows);
    return b->engine.answer;
}

enum engine_answer store_bed_write(struct store_bed *b, const struct engine_save *save)
{
    cr_assert_eq(store_bed_begin(b, NULL), ENGINE_DONE);
    return store_bed_save(b, save);
}

static void on_settled(struct mr_pg_result *result, void *data)
{
    (void)result;
    ++*(int *)data;
}

void store_bed_settle(struct store_bed *b)
{
    static const struct mr_pg_stmt stmt = {.sql = "SELECT"};
    int settled = 0;
    cr_assert(runtime_store_is_idle(b->store));
    cr_assert_eq(mr_pg_query(runtime_store_conn(b->store), &stmt, NULL, on_settled, &settled),
                 MR_OK);
    mr_pg_sync(runtime_store_conn(b->store));
    store_bed_until(b, &settled, 1);
}

/* ---- values ---- */

struct mr_uuid store_bed_uuid(int n)
{
    struct mr_uuid id = {{0}};
    for (int i = 0; i < 4; i++)
        id.bytes[15 - i] = (uint8_t)(n >> (8 * i));
    return id;
}

struct engine_command *store_bed_command(struct store_bed *b, enum engine_keep keep, int id,
                                         int64_t position)
{
    struct engine_command *c = mr_arena_alloc(&b->arena, sizeof *c);
    cr_assert_not_null(c);
    c->keep = keep;
    c->day = BED_DAY;
    c->record.lane = id % BED_LANES;
    c->record.in.position = position;
    c->record.in.append_time_ms = BED_DAY * MR_DAY_MS + 3723456;
    c->record.in.key = mr_slice_text("key");
    c->record.in.value = mr_slice_text("{}");
    c->ce.account = store_bed_uuid(1);
    c->ce.id = store_bed_uuid(id);
    c->ce.type = mr_slice_text("shop.sell");
    memset(c->hash.bytes, id, sizeof c->hash.bytes);
    return c;
}

struct engine_lookup store_bed_lookup(enum engine_keep keep, int id, int32_t day)
{
    return (struct engine_lookup){
        .account = store_bed_uuid(1),
        .id = store_bed_uuid(id),
        .day = day,
        .lane = id % BED_LANES,
        .keep = keep,
    };
}

const char *store_bed_sql(struct store_bed *b, const char *sql)
{
    return pg_run(b->conninfo, sql);
}
