/* A loader process, the warehouse, and what must hold of it: each event once, in order, as it was
 * committed. */
#include "sim.h"

#include <assert.h>
#include <stdlib.h>

struct row { /* what the owner made of a record */
    struct engine_load_record record;
    struct mr_digest content;
};

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
    free(record->rows); /* the whole struct row */
}

void sim_loader_start(struct sim *s, int index)
{
    struct sim_loader *l = &s->loaders[index];
    uint32_t life = l->p.life + 1;
    *l = (struct sim_loader){
        .p = {.sim = s, .index = index, .alive = true, .life = life, .conn = ++s->ids}};
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

/* ---- the warehouse ---- */

static void apply(struct sim *s, const struct sim_flush *f)
{
    for (int lane = 0; lane < SIM_LANES; lane++) {
        struct sim_wh_lane *w = &s->warehouse[lane];
        if (!f->moves[lane])
            continue;
        w->ledger = f->ledgers[lane];
        for (int i = 0; i < f->row_count[lane]; i++) {
            const struct sim_event *e = &f->rows[lane][i];
            if (e->sequence != w->row_count)
                sim_bad(s, "warehouse of lane %d: event %lld comes after %d", lane,
                        (long long)e->sequence, w->row_count - 1);
            if (memcmp(&s->committed[lane][e->sequence], &e->content, sizeof e->content) != 0)
                sim_bad(s, "warehouse of lane %d: event %lld is not what was committed", lane,
                        (long long)e->sequence);
            if (w->row_count < SIM_TOPIC_MAX)
                w->rows[w->row_count++] = *e;
        }
    }
}

static int locked_by(const struct sim *s, int lane)
{
    for (int i = 0; i < s->flush_orphan_count; i++)
        if (s->flush_orphans[i]->holds[lane])
            return i;
    return -1;
}

static void end_orphan(struct sim *s, int i, uint32_t commit_permille)
{
    bool commits = sim_maybe(s, commit_permille);
    sim_say(s, "the warehouse backend of connection %llu %s",
            (unsigned long long)s->flush_orphans[i]->conn, commits ? "commits" : "rolls back");
    if (commits)
        apply(s, s->flush_orphans[i]);
    s->flush_orphans[i] = s->flush_orphans[--s->flush_orphan_count];
}

bool sim_flush_orphan_step(struct sim *s)
{
    if (s->flush_orphan_count == 0)
        return false;
    end_orphan(s, (int)sim_below(s, (uint32_t)s->flush_orphan_count), 600);
    return true;
}

static bool waits_for_lock(struct sim *s, struct sim_loader *l, int lane)
{
    int i = locked_by(s, lane);
    if (i < 0)
        return false;
    if (s->now_ms - l->p.op_since_ms >= 1000 &&
        s->warehouse[lane].backend == s->flush_orphans[i]->conn)
        end_orphan(s, i, 500);
    return locked_by(s, lane) >= 0;
}

static struct sim_flush *flush_copy(struct sim *s, struct sim_loader *l)
{
    struct sim_flush *f = mr_arena_alloc(&s->arena, sizeof *f);
    const struct engine_flush *flush = &l->flush;
    if (!f)
        abort();
    f->conn = l->p.conn;
    for (size_t i = 0; i < flush->lane_count; i++) {
        int lane = flush->claims[i].lane;
        f->holds[lane] = f->moves[lane] = true;
        f->ledgers[lane] = flush->ledgers[i];
        const struct engine_load_counts *c = &flush->counts[i];
        if (c->consumed != c->loaded + c->repeated + c->ahead + c->skipped + c->bad)
            sim_bad(s, "a load's counts do not add up");
    }
    for (size_t i = 0; i < flush->record_count; i++) {
        const struct engine_load_record *r = flush->records[i];
        const struct row *row = r->rows;
        f->rows[r->lane][f->row_count[r->lane]++] =
            (struct sim_event){.sequence = r->sequence, .content = row->content};
    }
    return f;
}

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
        if (waits_for_lock(s, l, l->flush.claims[i].lane))
            return;
    for (size_t i = 0; i < l->flush.lane_count; i++)
        if (s->warehouse[l->flush.claims[i].lane].ledger.fence != l->flush.claims[i].fence)
            missed[missed_count++] = l->flush.claims[i].lane;
    if (missed_count > 0 || sim_fault(s, 50)) {
        enum engine_answer answer = missed_count > 0 ? ENGINE_DONE : ENGINE_TRANSIENT;
        l->p.op = SIM_OP_NONE;
        engine_loader_on_flushed(l->engine, answer, missed, missed_count, "40001");
        return;
    }
    struct sim_flush *f = flush_copy(s, l);
    if (!sim_fault(s, 120)) {
        apply(s, f);
        l->p.op = SIM_OP_NONE;
        engine_loader_on_flushed(l->engine, ENGINE_DONE, NULL, 0, NULL);
        return;
    }
    uint32_t what = sim_below(s, 3);
    if (what == 0)
        apply(s, f);
    else if (what == 1 && s->flush_orphan_count < SIM_ORPHANS_MAX)
        s->flush_orphans[s->flush_orphan_count++] = f;
    answer_lost(s, l, SIM_OP_FLUSH);
}

static void step_lanes(struct sim *s, struct sim_loader *l, enum sim_op op)
{
    struct engine_fence fences[SIM_LANES];
    size_t n = l->p.op_lane_count;
    for (size_t i = 0; op != SIM_OP_LOOK && i < n; i++)
        if (waits_for_lock(s, l, l->p.op_lanes[i]))
            return;
    bool lost = sim_fault(s, 60);
    if (op == SIM_OP_TAKE && (!lost || sim_maybe(s, 500))) {
        struct sim_wh_lane *w = &s->warehouse[l->p.op_lanes[0]];
        w->ledger.fence = l->p.op_fence;
        w->backend = l->p.conn;
    }
    if (lost) {
        answer_lost(s, l, op);
        return;
    }
    l->p.op = SIM_OP_NONE;
    for (size_t i = 0; i < n; i++)
        fences[i] =
            (struct engine_fence){l->p.op_lanes[i], s->warehouse[l->p.op_lanes[i]].ledger.fence};
    if (op == SIM_OP_TAKE)
        engine_loader_on_taken(l->engine, ENGINE_DONE, &s->warehouse[l->p.op_lanes[0]].ledger);
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

static void deliver(struct sim *s, struct sim_loader *l, int lane)
{
    int64_t offset = l->p.next[lane]++;
    const struct sim_event *e = &s->topics.events[lane][offset];
    struct row *row = calloc(1, sizeof *row);
    if (!row)
        abort();
    row->content = e->content;
    row->record = (struct engine_load_record){
        .lane = lane,
        .offset = offset,
        .sequence = e->sequence,
        .class = ENGINE_LOAD_ROWS,
        .rows = row,
        .row_count = 1,
        .bytes = 100,
    };
    engine_loader_on_record(l->engine, &row->record);
}

static bool step_log(struct sim *s, struct sim_loader *l)
{
    int lane = (int)sim_below(s, SIM_LANES);
    struct engine_check check;
    if (sim_check_next(s, &l->p, &check)) {
        struct engine_checked checked;
        check.applied = 0;
        sim_check_answer(s, &check, &checked);
        checked.log_start = 0;
        checked.log_end = s->topics.event_count[check.lane];
        engine_loader_on_checked(l->engine, &checked);
        return true;
    }
    if (l->p.started[lane] && sim_fault(s, 10)) {
        l->p.started[lane] = false;
        engine_loader_on_out_of_range(l->engine, lane);
        return true;
    }
    if (!l->p.started[lane] || l->p.paused[lane] || l->p.next[lane] >= s->topics.event_count[lane])
        return false;
    deliver(s, l, lane);
    return true;
}

static bool step_group(struct sim *s, struct sim_loader *l)
{
    bool changed = false;
    for (int lane = 0; lane < SIM_LANES; lane++) {
        bool mine = s->loader_owner[lane] == l->p.index;
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

void sim_warehouse_final(struct sim *s)
{
    for (int lane = 0; lane < SIM_LANES; lane++)
        if (s->warehouse[lane].row_count != s->db.lanes[lane].row.next_event)
            sim_bad(s, "warehouse of lane %d has %d events, the database %lld", lane,
                    s->warehouse[lane].row_count, (long long)s->db.lanes[lane].row.next_event);
}
