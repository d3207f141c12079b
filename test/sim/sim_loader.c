/* A loader process: the loader's engine and its ports. */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>

static void log_check(void *ctx, const struct engine_check *check)
{
    struct sim_loader *l = ctx;
    sim_check_ask(&l->p, check);
}

static void log_start(void *ctx, int32_t lane, int64_t position)
{
    struct sim_loader *l = ctx;
    l->p.started[lane] = true;
    l->p.paused[lane] = false;
    l->p.next[lane] = position == ENGINE_EARLIEST ? 0 : position;
}

static void log_stop(void *ctx, int32_t lane)
{
    ((struct sim_loader *)ctx)->p.started[lane] = false;
}

static void log_pause(void *ctx, int32_t lane)
{
    ((struct sim_loader *)ctx)->p.paused[lane] = true;
}

static void log_resume(void *ctx, int32_t lane)
{
    ((struct sim_loader *)ctx)->p.paused[lane] = false;
}

static void log_progress(void *ctx, int32_t lane, int64_t applied)
{
    (void)ctx, (void)lane, (void)applied;
}

static void ask(struct sim_loader *l, enum sim_op op, const int32_t *lanes, size_t count)
{
    assert(l->p.op == SIM_OP_NONE);
    l->p.op = op;
    l->p.op_since_ms = l->p.sim->now_ms;
    if (count > 0)
        memcpy(l->p.op_lanes, lanes, count * sizeof *lanes);
    l->p.op_lane_count = count;
}

static void wh_take(void *ctx, int32_t lane, uint64_t fence_new)
{
    struct sim_loader *l = ctx;
    ask(l, SIM_OP_TAKE, &lane, 1);
    l->p.op_fence = fence_new;
}

static void wh_settle(void *ctx, const int32_t *lanes, size_t count)
{
    ask(ctx, SIM_OP_SETTLE, lanes, count);
}

static void wh_look(void *ctx, const int32_t *lanes, size_t count)
{
    ask(ctx, SIM_OP_LOOK, lanes, count);
}

static void wh_flush(void *ctx, const struct engine_flush *flush)
{
    struct sim_loader *l = ctx;
    ask(l, SIM_OP_FLUSH, NULL, 0);
    l->flush = *flush;
}

static int64_t clock_now(void *ctx)
{
    return ((struct sim_loader *)ctx)->p.sim->now_ms;
}

static uint64_t random_u64(void *ctx)
{
    return ++((struct sim_loader *)ctx)->p.sim->ids;
}

static void tell(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text)
{
    struct sim_loader *l = ctx;
    sim_say(l->p.sim, "loader%d lane %d: %s", l->p.index, lane, text);
    if (kind == ENGINE_LANE_STOPPED)
        sim_bad(l->p.sim, "a loader's lane stops, but nothing went back: %s", text);
}

static void free_record(void *ctx, struct engine_load_record *record)
{
    (void)ctx;
    free(record->rows); /* the whole struct sim_row */
}

void sim_loader_start(struct sim *s, int index)
{
    struct sim_loader *l = &s->loaders[index];
    uint32_t life = l->p.life + 1;
    *l = (struct sim_loader){
        .p = {.sim = s, .index = index, .alive = true, .life = life, .conn = ++s->ids},
        .facts = index >= SIM_LOADERS};
    for (int i = 0; i < SIM_LANES; i++)
        l->p.generation[i] = -1;
    struct engine_load_ports ports = {
        .log = {.ctx = l,
                .check = log_check,
                .start = log_start,
                .stop = log_stop,
                .pause = log_pause,
                .resume = log_resume,
                .progress = log_progress},
        .warehouse = {l, wh_take, wh_settle, wh_look, wh_flush},
        .clock = {l, clock_now},
        .random = {l, random_u64},
        .notice = {l, tell},
        .free_record = free_record,
    };
    struct engine_load_options options = {
        .lanes = SIM_LANES,
        .flush_rows = 1 + sim_below(s, 6),
        .flush_bytes = 1 << 20,
        .flush_ms = 500,
        .queue_bytes_max = 1 << 16,
        .missing_ms = 30000,
        .by_offset = l->facts,
    };
    l->engine = engine_loader_new(&ports, &options);
    engine_loader_on_connection(l->engine, true);
}

void sim_loader_crash(struct sim *s, struct sim_loader *l)
{
    sim_say(s, "loader%d crashes", l->p.index);
    engine_loader_free(l->engine);
    l->engine = NULL;
    l->p.alive = false;
}

/* ---- the warehouse's answers ---- */

static void answer_lost(struct sim *s, struct sim_loader *l, enum sim_op op)
{
    sim_say(s, "loader%d loses its connection", l->p.index);
    l->p.op = SIM_OP_NONE;
    l->p.conn = 0;
    if (op == SIM_OP_TAKE)
        engine_loader_on_taken(l->engine, ENGINE_LOST, NULL);
    else if (op == SIM_OP_SETTLE)
        engine_loader_on_settled(l->engine, ENGINE_LOST, NULL, 0);
    else if (op == SIM_OP_LOOK)
        engine_loader_on_looked(l->engine, ENGINE_LOST, NULL, 0);
    else
        engine_loader_on_flushed(l->engine, ENGINE_LOST, NULL, 0, NULL);
    engine_loader_on_connection(l->engine, false);
}

static void step_flush(struct sim *s, struct sim_loader *l)
{
    int32_t missed[SIM_LANES];
    size_t missed_count = 0;
    for (size_t i = 0; i < l->flush.lane_count; i++)
        if (sim_flush_waits(s, l, l->flush.claims[i].lane))
            return;
    for (size_t i = 0; i < l->flush.lane_count; i++)
        if (s->warehouse[l->facts][l->flush.claims[i].lane].ledger.fence !=
            l->flush.claims[i].fence)
            missed[missed_count++] = l->flush.claims[i].lane;
    if (missed_count > 0 || sim_fault(s, 50)) {
        enum engine_answer answer = missed_count > 0 ? ENGINE_DONE : ENGINE_TRANSIENT;
        l->p.op = SIM_OP_NONE;
        engine_loader_on_flushed(l->engine, answer, missed, missed_count, "40001");
        return;
    }
    struct sim_flush *f = sim_flush_copy(s, l);
    if (!sim_fault(s, 120)) {
        sim_flush_apply(s, f);
        l->p.op = SIM_OP_NONE;
        engine_loader_on_flushed(l->engine, ENGINE_DONE, NULL, 0, NULL);
        return;
    }
    uint32_t what = sim_below(s, 3);
    if (what == 0)
        sim_flush_apply(s, f);
    else if (what == 1 && s->flush_orphan_count < SIM_ORPHANS_MAX)
        s->flush_orphans[s->flush_orphan_count++] = f;
    answer_lost(s, l, SIM_OP_FLUSH);
}

static void step_lanes(struct sim *s, struct sim_loader *l, enum sim_op op)
{
    struct engine_fence fences[SIM_LANES];
    size_t n = l->p.op_lane_count;
    for (size_t i = 0; op != SIM_OP_LOOK && i < n; i++)
        if (sim_flush_waits(s, l, l->p.op_lanes[i]))
            return;
    bool lost = sim_fault(s, 60);
    if (op == SIM_OP_TAKE && (!lost || sim_maybe(s, 500))) {
        struct sim_wh_lane *w = &s->warehouse[l->facts][l->p.op_lanes[0]];
        w->ledger.fence = l->p.op_fence;
        w->backend = l->p.conn;
    }
    if (lost) {
        answer_lost(s, l, op);
        return;
    }
    l->p.op = SIM_OP_NONE;
    for (size_t i = 0; i < n; i++)
        fences[i] = (struct engine_fence){l->p.op_lanes[i],
                                          s->warehouse[l->facts][l->p.op_lanes[i]].ledger.fence};
    if (op == SIM_OP_TAKE)
        engine_loader_on_taken(l->engine, ENGINE_DONE,
                               &s->warehouse[l->facts][l->p.op_lanes[0]].ledger);
    else if (op == SIM_OP_SETTLE)
        engine_loader_on_settled(l->engine, ENGINE_DONE, fences, n);
    else
        engine_loader_on_looked(l->engine, ENGINE_DONE, fences, n);
}

static bool step_warehouse(struct sim *s, struct sim_loader *l)
{
    enum sim_op op = l->p.op;
    if (l->p.conn == 0) {
        l->p.conn = ++s->ids;
        engine_loader_on_connection(l->engine, true);
    } else if (op == SIM_OP_FLUSH) {
        step_flush(s, l);
    } else if (op != SIM_OP_NONE) {
        step_lanes(s, l, op);
    } else {
        return false;
    }
    return true;
}

/* ---- the topic ---- */

/* By the record alone: which of the facts a worker parks, refuses or drops is not known here. */
static enum engine_load_class class_of(const struct sim_record *r)
{
    bool fact = r->keep == ENGINE_KEEP_FACT && r->kind < SIM_STRANGE && r->kind != SIM_BROKEN;
    return fact ? ENGINE_LOAD_ROWS : ENGINE_LOAD_SKIPPED;
}

static void deliver(struct sim *s, struct sim_loader *l, int lane)
{
    int64_t offset = l->p.next[lane]++;
    struct sim_row *row = calloc(1, sizeof *row);
    if (!row)
        abort();
    row->record = (struct engine_load_record){
        .lane = lane,
        .offset = offset,
        .class = ENGINE_LOAD_ROWS,
        .rows = row,
        .row_count = 1,
        .bytes = 100,
    };
    if (l->facts) {
        row->record.class = class_of(&s->topics.records[lane][offset]);
        row->record.sequence = -1; /* the engine's business */
    } else {
        row->record.sequence = s->topics.events[lane][offset].sequence;
        row->content = s->topics.events[lane][offset].content;
    }
    engine_loader_on_record(l->engine, &row->record);
}

int64_t sim_topic_end(const struct sim *s, bool facts, int lane)
{
    return facts ? s->topics.record_count[lane] : s->topics.event_count[lane];
}

static void answer_check(struct sim *s, struct sim_loader *l, struct engine_check *check)
{
    struct engine_checked checked;
    check->applied = 0;
    sim_check_answer(s, check, &checked);
    checked.log_start = 0;
    checked.log_end = sim_topic_end(s, l->facts, check->lane);
    if (l->facts) { /* a record's sequence is its offset */
        checked.event = check->event_offset < 0 ? ENGINE_FIND_GONE : ENGINE_FIND_HERE;
        checked.event_sequence = check->event_offset;
    }
    engine_loader_on_checked(l->engine, &checked);
}

static bool step_log(struct sim *s, struct sim_loader *l)
{
    int lane = (int)sim_below(s, SIM_LANES);
    struct engine_check check;
    if (sim_check_next(s, &l->p, &check)) {
        answer_check(s, l, &check);
        return true;
    }
    if (l->p.started[lane] && sim_fault(s, 10)) {
        l->p.started[lane] = false;
        engine_loader_on_out_of_range(l->engine, lane);
        return true;
    }
    if (!l->p.started[lane] || l->p.paused[lane] ||
        l->p.next[lane] >= sim_topic_end(s, l->facts, lane))
        return false;
    deliver(s, l, lane);
    return true;
}

static bool step_group(struct sim *s, struct sim_loader *l)
{
    bool changed = false;
    for (int lane = 0; lane < SIM_LANES; lane++) {
        bool mine = s->loader_owner[lane] == l->p.index % SIM_LOADERS;
        int32_t id = lane;
        if (mine == l->p.view[lane] && s->loader_generation[lane] == l->p.generation[lane])
            continue;
        changed = true;
        if (l->p.view[lane])
            engine_loader_revoke(l->engine, &id, 1);
        l->p.view[lane] = mine;
        l->p.generation[lane] = s->loader_generation[lane];
        if (mine)
            engine_loader_assign(l->engine, &id, 1);
    }
    return changed;
}

bool sim_loader_step(struct sim *s, struct sim_loader *l)
{
    if (l->p.index >= SIM_LOADERS && !s->tally)
        return false; /* billing has no facts */
    if (!l->p.alive) {
        sim_loader_start(s, l->p.index);
        return true;
    }
    if (l->p.frozen) {
        l->p.frozen = !s->calm && !sim_maybe(s, 150);
        return true;
    }
    if (sim_fault(s, 20)) {
        sim_loader_crash(s, l);
        return true;
    }
    if (sim_fault(s, 20)) {
        l->p.frozen = true;
        return true;
    }
    switch (sim_below(s, 6)) {
    case 0:
        return step_group(s, l);
    case 1:
    case 2:
        return step_log(s, l);
    case 3:
        engine_loader_tick(l->engine);
        return false;
    default:
        return step_warehouse(s, l);
    }
}
