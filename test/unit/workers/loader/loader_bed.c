#include "loader_bed.h"

#include "catalog_fixture.h"
#include "loader_migrations.h"
#include "mr_clock.h"
#include "mr_random.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS   5
#define LIMIT_MS  20000
#define FLUSH_MS  20
#define LOCK_WAIT 100

/* ---- fakes ---- */

static void log_check(void *ctx, const struct engine_check *check)
{
    struct bed_owner *o = ctx;
    o->checking[check->lane] = true;
    o->checks[check->lane] = *check;
}

static void log_start(void *ctx, int32_t lane, int64_t position)
{
    struct bed_owner *o = ctx;
    (void)position;
    o->reading[lane] = true;
}

static void log_stop(void *ctx, int32_t lane)
{
    ((struct bed_owner *)ctx)->reading[lane] = false;
}

static void log_nothing(void *ctx, int32_t lane)
{
    (void)ctx;
    (void)lane;
}

static void log_progress(void *ctx, int32_t lane, int64_t next_offset)
{
    (void)ctx;
    (void)lane;
    (void)next_offset;
}

static int64_t now_ms(void *ctx)
{
    return mr_loop_now_ms(&((struct bed_owner *)ctx)->bed->loop);
}

static uint64_t draw(void *ctx)
{
    (void)ctx;
    return mr_random_u64();
}

static void tell(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text)
{
    struct bed_owner *o = ctx;
    (void)lane;
    (void)text;
    o->lost += kind == ENGINE_LANE_LOST;
}

static void free_record(void *ctx, struct engine_load_record *record)
{
    (void)ctx;
    loader_record_free(record);
}

static void on_connection(void *owner, bool up)
{
    struct bed_owner *o = owner;
    o->up = up;
    if (o->engine)
        engine_loader_on_connection(o->engine, up);
}

static void on_loaded(void *owner, const struct engine_ledger *ledger)
{
    ((struct bed_owner *)owner)->loaded = ledger->next_offset;
}

static void on_flushed(void *owner, int64_t took_ms)
{
    cr_assert_geq(took_ms, 0);
    ((struct bed_owner *)owner)->flushes++;
}

static void answer_checks(struct bed_owner *o)
{
    for (int32_t i = 0; i < BED_LANES; i++) {
        const struct engine_check *c = &o->checks[i];
        if (!o->checking[i])
            continue;
        o->checking[i] = false;
        engine_loader_on_checked(
            o->engine, &(struct engine_checked){
                           .lane = i,
                           .event = c->event_offset < 0 ? ENGINE_FIND_GONE : ENGINE_FIND_HERE,
                           .event_sequence = c->published - 1,
                           .log_end = INT64_MAX,
                       });
    }
}

static void on_tick(void *data)
{
    struct bed *b = data;
    for (int i = 0; i < b->owner_count; i++) {
        if (!b->owners[i].engine)
            continue;
        answer_checks(&b->owners[i]);
        engine_loader_tick(b->owners[i].engine);
    }
    mr_timer_start(&b->tick, TICK_MS);
}

/* ---- life ---- */

static void migrate(struct bed *b)
{
    const struct mr_pg_migrations *sets[] = {&loader_migrations};
    struct mr_pg_migrate_options options = {.conninfo = b->conninfo, .sets = sets, .count = 1};
    struct loader_tables tables;
    struct mr_error why;
    cr_assert_eq(mr_pg_migrate(&options, &why), MR_OK, "%s", why.text);
    cr_assert_eq(loader_tables_make(b->conninfo, b->catalog, &tables, &why), MR_OK, "%s", why.text);
    cr_assert_eq(tables.stopped_count, 0);
    loader_tables_free(&tables);
}

static struct mr_catalog *catalog_with_facts(void)
{
    struct folder folder = folder_read();
    struct mr_error why;
    folder_add(&folder, "logging");
    struct mr_catalog *catalog = folder_build(folder, &why);
    cr_assert_not_null(catalog, "%s", why.text);
    return catalog;
}

struct bed *bed_new(const char *database)
{
    struct bed *b = calloc(1, sizeof *b);
    cr_assert_not_null(b);
    pg_database(database, b->conninfo);
    b->catalog = catalog_with_facts();
    mr_arena_init(&b->arena, 64 << 20);
    mr_log_open(&b->log, "test", STDERR_FILENO, MR_LOG_JSON, MR_LOG_ERROR);
    mr_loop_init(&b->loop, NULL);
    mr_timer_init(&b->tick, &b->loop, on_tick, b);
    mr_timer_start(&b->tick, TICK_MS);
    migrate(b);
    return b;
}

static void on_closed(void *owner)
{
    ((struct bed_owner *)owner)->closed = true;
}

static bool is_closed(void *data)
{
    return ((struct bed_owner *)data)->closed;
}

void bed_free(struct bed *b)
{
    for (int i = 0; i < b->owner_count; i++) {
        struct bed_owner *o = &b->owners[i];
        struct engine_loader *engine = o->engine;
        o->engine = NULL;
        loader_pg_close(o->pg, on_closed, o);
        bed_until(b, is_closed, o);
        engine_loader_free(engine);
        loader_rows_free(o->rows);
    }
    mr_timer_stop(&b->tick);
    mr_loop_close(&b->loop);
    mr_catalog_free(b->catalog);
    mr_arena_free(&b->arena);
    free(b);
}

static bool is_up(void *data)
{
    return ((struct bed_owner *)data)->up;
}

static struct engine_loader *make_engine(struct bed_owner *o, bool facts)
{
    struct engine_load_ports ports = {
        .log = {.ctx = o,
                .check = log_check,
                .start = log_start,
                .stop = log_stop,
                .pause = log_nothing,
                .resume = log_nothing,
                .progress = log_progress},
        .warehouse = loader_pg_port(o->pg),
        .clock = {o, now_ms},
        .random = {o, draw},
        .notice = {o, tell},
        .free_record = free_record,
    };
    struct engine_load_options options = {
        .lanes = BED_LANES,
        .flush_rows = 1000,
        .flush_bytes = 64 << 20,
        .flush_ms = FLUSH_MS,
        .queue_bytes_max = 128 << 20,
        .missing_ms = LIMIT_MS,
        .by_offset = facts,
    };
    return engine_loader_new(&ports, &options);
}

static struct bed_owner *make_owner(struct bed *b, bool facts)
{
    struct bed_owner *o = &b->owners[b->owner_count++];
    struct mr_error why;
    cr_assert_leq(b->owner_count, BED_OWNERS);
    o->bed = b;
    struct loader_pg_settings pg = {
        .loop = &b->loop,
        .log = &b->log,
        .catalog = b->catalog,
        .topic = facts ? "logging.commands" : "billing.events",
        .lanes = BED_LANES,
        .conninfo = b->conninfo,
        .lock_wait_ms = LOCK_WAIT,
        .on_connection = on_connection,
        .on_loaded = on_loaded,
        .on_flushed = on_flushed,
        .owner = o,
    };
    cr_assert_eq(loader_pg_new(&pg, &o->pg, &why), MR_OK, "%s", why.text);
    o->rows =
        loader_rows_new(&(struct loader_rows_settings){.catalog = b->catalog,
                                                       .domain = facts ? "logging" : "billing",
                                                       .facts = facts,
                                                       .lanes = BED_LANES});
    o->engine = make_engine(o, facts);
    loader_pg_serve(o->pg, o->engine);
    bed_until(b, is_up, o);
    return o;
}

struct bed_owner *bed_owner(struct bed *b)
{
    return make_owner(b, false);
}

struct bed_owner *bed_fact_owner(struct bed *b)
{
    return make_owner(b, true);
}

/* ---- what the test does ---- */

void bed_assign(struct bed_owner *o, int32_t lane)
{
    engine_loader_assign(o->engine, &lane, 1);
}

void bed_revoke(struct bed_owner *o, int32_t lane)
{
    engine_loader_revoke(o->engine, &lane, 1);
}

struct lane_of {
    struct bed_owner *owner;
    int32_t lane;
    int64_t next_offset;
};

static bool is_reading(void *data)
{
    const struct lane_of *l = data;
    return l->owner->reading[l->lane];
}

void bed_give(struct bed_owner *o, int32_t lane)
{
    struct lane_of l = {o, lane, 0};
    bed_assign(o, lane);
    bed_until(o->bed, is_reading, &l);
}

void bed_put(struct bed_owner *o, const struct loader_event *event)
{
    struct mr_kafka_record r = loader_event_record(event, &o->bed->arena);
    engine_loader_on_record(o->engine, loader_rows_take(o->rows, &r));
}

void bed_put_fact(struct bed_owner *o, const struct loader_fact_record *fact)
{
    struct mr_kafka_record r = loader_fact_record(fact, &o->bed->arena);
    engine_loader_on_record(o->engine, loader_rows_take(o->rows, &r));
}

void bed_until(struct bed *b, bool (*so)(void *data), void *data)
{
    int64_t until = mr_clock_mono_ms() + LIMIT_MS;
    while (!so(data)) {
        cr_assert_lt(mr_clock_mono_ms(), until, "it did not come about in 20 s");
        uv_run(&b->loop.uv, UV_RUN_ONCE); /* the tick ends it at the latest */
    }
}

struct sql_is {
    struct bed *bed;
    const char *sql, *text;
};

static bool sql_is(void *data)
{
    const struct sql_is *s = data;
    return strcmp(bed_sql(s->bed, s->sql), s->text) == 0;
}

void bed_until_sql(struct bed *b, const char *sql, const char *text)
{
    struct sql_is s = {b, sql, text};
    bed_until(b, sql_is, &s);
}

static bool is_loaded(void *data)
{
    const struct lane_of *l = data;
    struct engine_load_view v;
    engine_loader_look(l->owner->engine, l->lane, &v);
    return v.next_offset >= l->next_offset;
}

void bed_until_loaded(struct bed_owner *o, int32_t lane, int64_t next_offset)
{
    struct lane_of l = {o, lane, next_offset};
    bed_until(o->bed, is_loaded, &l);
}

struct lost_of {
    struct bed_owner *owner;
    int count;
};

static bool is_lost(void *data)
{
    const struct lost_of *l = data;
    return l->owner->lost >= l->count;
}

void bed_until_lost(struct bed_owner *o, int count)
{
    struct lost_of l = {o, count};
    bed_until(o->bed, is_lost, &l);
}

const char *bed_sql(struct bed *b, const char *sql)
{
    return pg_run(b->conninfo, sql);
}
