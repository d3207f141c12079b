#include "load_world.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fakes ---- */

static void log_check(void *ctx, const struct engine_check *check)
{
    struct load_world *w = ctx;
    w->lanes[check->lane].checks++;
    w->lanes[check->lane].check = *check;
}

static void log_start(void *ctx, int32_t lane, int64_t position)
{
    struct load_world *w = ctx;
    w->lanes[lane].started_at = position;
    w->lanes[lane].paused = false;
}

static void log_stop(void *ctx, int32_t lane)
{
    ((struct load_world *)ctx)->lanes[lane].started_at = -1;
}

static void log_pause(void *ctx, int32_t lane)
{
    ((struct load_world *)ctx)->lanes[lane].paused = true;
}

static void log_resume(void *ctx, int32_t lane)
{
    ((struct load_world *)ctx)->lanes[lane].paused = false;
}

static void log_progress(void *ctx, int32_t lane, int64_t next_offset)
{
    struct load_world *w = ctx;
    w->lanes[lane].progress_count++;
    w->lanes[lane].progress = next_offset;
}

static void begin(struct load_world *w, char op)
{
    cr_assert_eq(w->op, 0, "%c begins while %c is at hand", op, w->op);
    w->op = op;
}

static void wh_take(void *ctx, int32_t lane, uint64_t fence_new)
{
    struct load_world *w = ctx;
    begin(w, 't');
    w->take_lane = lane;
    w->take_fence = fence_new;
}

static void asks(struct load_world *w, char op, const int32_t *lanes, size_t count)
{
    begin(w, op);
    memcpy(w->asked, lanes, count * sizeof *lanes);
    w->asked_count = count;
}

static void wh_settle(void *ctx, const int32_t *lanes, size_t count)
{
    asks(ctx, 's', lanes, count);
}

static void wh_look(void *ctx, const int32_t *lanes, size_t count)
{
    asks(ctx, 'l', lanes, count);
}

static void wh_flush(void *ctx, const struct engine_flush *flush)
{
    struct load_world *w = ctx;
    begin(w, 'f');
    w->flush = *flush;
    for (size_t i = 1; i < flush->lane_count; i++)
        cr_assert_lt(flush->claims[i - 1].lane, flush->claims[i].lane, "claims ascend");
    for (size_t i = 0; i < flush->lane_count; i++) {
        const struct engine_load_counts *n = &flush->counts[i];
        cr_assert_eq(flush->ledgers[i].lane, flush->claims[i].lane);
        cr_assert_eq(flush->ledgers[i].fence, flush->claims[i].fence_new);
        cr_assert_eq(n->consumed, n->loaded + n->repeated + n->ahead + n->skipped + n->bad);
    }
}

static int64_t clock_now(void *ctx)
{
    return ((struct load_world *)ctx)->now_ms;
}

static uint64_t draw(void *ctx)
{
    return ++((struct load_world *)ctx)->drawn;
}

static void tell(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text)
{
    struct load_world *w = ctx;
    (void)lane;
    w->told[kind]++;
    snprintf(w->said, sizeof w->said, "%s", text);
}

static void free_record(void *ctx, struct engine_load_record *record)
{
    ((struct load_world *)ctx)->freed++;
    free(record);
}

/* ---- life ---- */

static void open_world(struct load_world *w, bool by_offset)
{
    *w = (struct load_world){.now_ms = 1000, .drawn = 100};
    for (int32_t i = 0; i < LOAD_LANES; i++) {
        w->lanes[i].started_at = -1;
        w->lanes[i].ledger = (struct engine_ledger){
            .lane = i, .fence = 7, .next_offset = 0, .last_sequence = -1, .last_offset = -1};
    }
    struct engine_load_ports ports = {
        .log = {.ctx = w,
                .check = log_check,
                .start = log_start,
                .stop = log_stop,
                .pause = log_pause,
                .resume = log_resume,
                .progress = log_progress},
        .warehouse = {w, wh_take, wh_settle, wh_look, wh_flush},
        .clock = {w, clock_now},
        .random = {w, draw},
        .notice = {w, tell},
        .free_record = free_record,
    };
    struct engine_load_options options = {
        .lanes = LOAD_LANES,
        .flush_rows = LOAD_ROWS,
        .flush_bytes = LOAD_BYTES,
        .flush_ms = LOAD_MS,
        .queue_bytes_max = LOAD_QUEUE,
        .missing_ms = LOAD_MISSING,
        .by_offset = by_offset,
    };
    w->engine = engine_loader_new(&ports, &options);
    engine_loader_on_connection(w->engine, true);
}

void load_world_open(struct load_world *w)
{
    open_world(w, false);
}

void load_world_open_facts(struct load_world *w)
{
    open_world(w, true);
}

void load_world_close(struct load_world *w)
{
    engine_loader_free(w->engine);
    cr_expect_eq(w->freed, w->made, "each record is given back once");
}

void load_run(struct load_world *w, int32_t count)
{
    int32_t lanes[LOAD_LANES] = {0};
    for (int32_t i = 0; i < count; i++)
        lanes[i] = i;
    engine_loader_assign(w->engine, lanes, (size_t)count);
    while (w->op)
        load_answer(w);
    for (int32_t i = 0; i < count; i++)
        load_check(w, i);
    while (w->op)
        load_answer(w);
}

/* ---- answers ---- */

static void answer_take(struct load_world *w)
{
    struct engine_ledger *g = &w->lanes[w->take_lane].ledger;
    g->fence = w->take_fence;
    engine_loader_on_taken(w->engine, ENGINE_DONE, g);
}

void load_answer(struct load_world *w)
{
    struct engine_fence fences[LOAD_LANES];
    char op = w->op;
    for (size_t i = 0; i < w->asked_count; i++)
        fences[i] = (struct engine_fence){w->asked[i], w->lanes[w->asked[i]].ledger.fence};
    w->op = 0;
    if (op == 't')
        answer_take(w);
    else if (op == 'l')
        engine_loader_on_looked(w->engine, ENGINE_DONE, fences, w->asked_count);
    else if (op == 's')
        engine_loader_on_settled(w->engine, ENGINE_DONE, fences, w->asked_count);
    else
        cr_assert_fail("nothing that the ledgers could answer: '%c'", op ? op : '-');
}

void load_check(struct load_world *w, int32_t lane)
{
    const struct engine_check *c = &w->lanes[lane].check;
    load_check_as(w, &(struct engine_checked){
                         .lane = lane,
                         .event = c->event_offset < 0 ? ENGINE_FIND_GONE : ENGINE_FIND_HERE,
                         .event_sequence = c->published - 1,
                         .log_start = 0,
                         .log_end = INT64_MAX,
                     });
}

void load_check_as(struct load_world *w, const struct engine_checked *checked)
{
    engine_loader_on_checked(w->engine, checked);
}

void load_wait(struct load_world *w, int64_t ms)
{
    w->now_ms += ms;
    engine_loader_tick(w->engine);
}

/* ---- records ---- */

void load_record_of(struct load_world *w, const struct engine_load_record *like)
{
    struct engine_load_record *r = malloc(sizeof *r);
    cr_assert_not_null(r);
    *r = *like;
    w->made++;
    engine_loader_on_record(w->engine, r);
}

void load_record(struct load_world *w, int32_t lane, int64_t offset, int64_t sequence)
{
    load_record_of(w, &(struct engine_load_record){
                          .lane = lane,
                          .offset = offset,
                          .sequence = sequence,
                          .class = ENGINE_LOAD_ROWS,
                          .row_count = 1,
                          .bytes = 10,
                      });
}

/* ---- flushes ---- */

static void expect_flush(struct load_world *w)
{
    while (w->op == 'l')
        load_answer(w);
    cr_assert_eq(w->op, 'f', "no flush is at hand, but '%c'", w->op ? w->op : '-');
}

static void apply(struct load_world *w)
{
    for (size_t i = 0; i < w->flush.lane_count; i++) {
        struct engine_ledger *g = &w->lanes[w->flush.claims[i].lane].ledger;
        cr_assert_eq(g->fence, w->flush.claims[i].fence, "the claim would have missed");
        *g = w->flush.ledgers[i];
    }
}

void load_flush_done(struct load_world *w)
{
    expect_flush(w);
    apply(w);
    w->op = 0;
    engine_loader_on_flushed(w->engine, ENGINE_DONE, NULL, 0, NULL);
}

void load_flush_lost(struct load_world *w, bool happened)
{
    expect_flush(w);
    if (happened)
        apply(w);
    w->op = 0;
    engine_loader_on_flushed(w->engine, ENGINE_LOST, NULL, 0, "the connection broke");
}

void load_flush_fails(struct load_world *w, enum engine_answer answer, const char *detail)
{
    expect_flush(w);
    w->op = 0;
    engine_loader_on_flushed(w->engine, answer, NULL, 0, detail);
}

void load_flush_missed(struct load_world *w, int32_t lane)
{
    expect_flush(w);
    w->op = 0;
    engine_loader_on_flushed(w->engine, ENGINE_DONE, &lane, 1, NULL);
}

const struct engine_load_counts *load_counts(const struct load_world *w, int32_t lane)
{
    for (size_t i = 0; i < w->flush.lane_count; i++)
        if (w->flush.claims[i].lane == lane)
            return &w->flush.counts[i];
    cr_assert_fail("lane %d is not in the flush", (int)lane);
    return NULL;
}

const char *load_records(const struct load_world *w)
{
    static char text[1024];
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < w->flush.record_count; i++) {
        const struct engine_load_record *r = w->flush.records[i];
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s%d:%" PRId64 "=%c", i ? " " : "",
                             (int)r->lane, r->offset, r->verdict == ENGINE_LOAD_LOADED ? 'L' : 'R');
    }
    return text;
}

struct engine_load_view load_view(const struct load_world *w, int32_t lane)
{
    struct engine_load_view v;
    engine_loader_look(w->engine, lane, &v);
    return v;
}
