/* A worker process: the lane engine and its ports. A port notes what was asked; a step of the world
 * carries it out, and may lose the answer. */
#include "sim.h"

#include "billing_domain.h"
#include "sim_tally.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- log port ---- */

static void log_check(void *ctx, const struct engine_check *check)
{
    struct sim_worker *w = ctx;
    sim_check_ask(&w->p, check);
}

static void log_start(void *ctx, int32_t lane, int64_t position)
{
    struct sim_worker *w = ctx;
    w->p.started[lane] = true;
    w->p.paused[lane] = false;
    w->p.next[lane] = position == ENGINE_EARLIEST ? 0 : position;
}

static void log_stop(void *ctx, int32_t lane)
{
    struct sim_worker *w = ctx;
    w->p.started[lane] = false;
}

static void log_pause(void *ctx, int32_t lane)
{
    struct sim_worker *w = ctx;
    w->p.paused[lane] = true;
}

static void log_resume(void *ctx, int32_t lane)
{
    struct sim_worker *w = ctx;
    w->p.paused[lane] = false;
}

static enum mr_status log_publish(void *ctx, uint64_t round, const struct engine_event *event)
{
    struct sim_worker *w = ctx;
    if (!w->p.sim->calm && sim_maybe(w->p.sim, 50))
        return MR_LIMIT;
    sim_net_send(w->p.sim, w->p.index, round, event);
    return MR_OK;
}

static void log_purge(void *ctx)
{
    struct sim_worker *w = ctx;
    sim_say(w->p.sim, "w%d purges", w->p.index);
    sim_net_purge(w->p.sim, w);
}

static void log_tick(void *ctx, int32_t lane, int64_t due_ms)
{
    const struct sim_worker *w = ctx;
    struct sim *s = w->p.sim;
    sim_say(s, "w%d writes the tick of lane %d due at %lld", w->p.index, lane,
            (long long)(due_ms - SIM_DAY_MS));
    if (s->tick_count < SIM_TICKS_MAX && !s->calm)
        s->ticks[s->tick_count++] = (struct sim_tick){.lane = lane, .due_ms = due_ms};
}

static void log_progress(void *ctx, int32_t lane, int64_t applied)
{
    (void)ctx, (void)lane, (void)applied;
}

/* ---- store port ---- */

static void ask(struct sim_worker *w, enum sim_op op)
{
    assert(w->p.op == SIM_OP_NONE);
    w->p.op = op;
    w->p.op_since_ms = w->p.sim->now_ms;
}

static void store_take(void *ctx, int32_t lane, uint64_t fence_new)
{
    struct sim_worker *w = ctx;
    ask(w, SIM_OP_TAKE);
    w->p.op_lane = lane;
    w->p.op_fence = fence_new;
}

static void store_touch(void *ctx, const struct engine_touch *touch)
{
    struct sim_worker *w = ctx;
    ask(w, SIM_OP_TOUCH);
    w->touch = *touch;
}

static void ask_lanes(struct sim_worker *w, enum sim_op op, const int32_t *lanes, size_t count)
{
    ask(w, op);
    memcpy(w->p.op_lanes, lanes, count * sizeof *lanes);
    w->p.op_lane_count = count;
}

static void store_settle(void *ctx, const int32_t *lanes, size_t count)
{
    ask_lanes(ctx, SIM_OP_SETTLE, lanes, count);
}

static void store_look(void *ctx, const int32_t *lanes, size_t count)
{
    ask_lanes(ctx, SIM_OP_LOOK, lanes, count);
}

static void store_begin(void *ctx, const struct engine_claim *claims, size_t count,
                        const struct engine_load *load)
{
    struct sim_worker *w = ctx;
    ask(w, SIM_OP_BEGIN);
    memcpy(w->claims, claims, count * sizeof *claims);
    w->claim_count = count;
    w->load = *load;
    assert(!w->tx.conn);
    w->tx = (struct sim_tx){.conn = w->p.conn};
    for (size_t i = 1; i < count; i++)
        assert(claims[i - 1].lane < claims[i].lane); /* ascending */
}

static void store_load(void *ctx, const struct engine_load *load)
{
    struct sim_worker *w = ctx;
    ask(w, SIM_OP_LOAD);
    w->load = *load;
}

static void store_save(void *ctx, const struct engine_save *save)
{
    struct sim_worker *w = ctx;
    ask(w, SIM_OP_SAVE);
    w->save = sim_save_copy(w->p.sim, save);
}

static void store_roll_back(void *ctx)
{
    struct sim_worker *w = ctx;
    sim_db_rollback(&w->tx);
}

/* ---- clock, random, checker, notices ---- */

static int64_t clock_now(void *ctx)
{
    struct sim_worker *w = ctx;
    return w->p.sim->now_ms;
}

static int64_t clock_wall(void *ctx)
{
    const struct sim_worker *w = ctx;
    return SIM_DAY_MS + w->p.sim->now_ms + w->p.sim->skew_ms[w->p.index];
}

static uint64_t random_u64(void *ctx)
{
    struct sim_worker *w = ctx;
    return ++w->p.sim->ids;
}

static enum engine_body check_body(void *ctx, const struct mr_ce_command *ce, struct mr_slice key,
                                   struct mr_slice value, struct mr_arena *arena, json_t **json,
                                   struct engine_refusal *refusal)
{
    char account[MR_UUID_TEXT + 1];
    (void)ctx, (void)arena;
    if (ce->tick_lane < 0 && !mr_slice_is(key, mr_uuid_text(&ce->account, account)))
        return ENGINE_BODY_MISROUTED;
    *json = json_loadb(value.data, value.len, 0, NULL);
    if (*json)
        return ENGINE_BODY_GOOD;
    *refusal = (struct engine_refusal){.problem = "invalid-body", .detail = "It is no JSON."};
    return ENGINE_BODY_BREAKS;
}

static enum engine_keep keep(void *ctx, const struct mr_ce_command *ce)
{
    const struct sim_worker *w = ctx;
    return w->p.sim->tally ? tally_keep(ce) : ENGINE_KEEP_FULL;
}

static bool declares(void *ctx, const struct mr_ce_command *ce, const char *problem)
{
    const struct sim_worker *w = ctx;
    (void)ce;
    return !w->p.sim->strict || strcmp(problem, SIM_UNDECLARED) != 0;
}

static void tell(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text)
{
    struct sim_worker *w = ctx;
    struct sim *s = w->p.sim;
    sim_say(s, "w%d lane %d: %s", w->p.index, lane, text);
    if (kind == ENGINE_LANE_STOPPED && !s->gone_back)
        sim_bad(s, "lane %d stops, but nothing went back: %s", lane, text);
}

/* An older release does not know payments. */
static bool old_knows(const char *type)
{
    return strcmp(type, "billing.payment.record") != 0 && billing_domain.knows(type);
}

static struct engine_domain old_domain;

static const struct engine_domain *domain_of(const struct sim *s, bool new_release)
{
    if (s->tally)
        return new_release ? &tally_domain : &tally_domain_old;
    old_domain = billing_domain;
    old_domain.knows = old_knows;
    return new_release ? &billing_domain : &old_domain;
}

void sim_worker_start(struct sim *s, int index)
{
    struct sim_worker *w = &s->workers[index];
    bool new_release = w->new_release;
    uint32_t life = w->p.life + 1;
    *w = (struct sim_worker){
        .p = {.sim = s, .index = index, .alive = true, .life = life, .conn = ++s->ids},
        .new_release = new_release,
        .runs_new = new_release,
    };
    for (int i = 0; i < SIM_LANES; i++)
        w->p.generation[i] = -1;
    struct engine_ports ports = {
        .log = {.ctx = w,
                .check = log_check,
                .start = log_start,
                .stop = log_stop,
                .pause = log_pause,
                .resume = log_resume,
                .publish = log_publish,
                .purge = log_purge,
                .tick = log_tick,
                .progress = log_progress},
        .store = {w, store_take, store_touch, store_settle, store_look, store_begin, store_load,
                  store_save, store_roll_back},
        .clock = {w, clock_now, clock_wall},
        .random = {w, random_u64},
        .checker = {.ctx = w, .check = check_body, .keep = keep, .declares = declares},
        .notice = {w, tell},
    };
    struct engine_options options = {
        .lanes = SIM_LANES,
        .batch_commands_max = 1 + sim_below(s, 6),
        .batch_bytes_max = 1 << 20,
        .batch_arena_bytes_max = sim_maybe(s, 500) ? 1 << 22
                                 : s->tally        ? SIM_TICK_BYTES
                                                   : SIM_ARENA_BYTES,
        .queue_bytes_max = 1 << 20,
        .event_bytes_max = SIM_EVENT_BYTES,
        .publish_ahead_max = 4 + sim_below(s, 8),
        .commit_target_ms = 50,
        .flush_timeout_ms = 5000,
    };
    w->engine = engine_new(domain_of(s, new_release), &ports, &options);
    sim_say(s, "w%d starts%s", index, new_release ? " (new release)" : "");
    engine_on_connection(w->engine, true);
}

/* What the server has of the process comes to its end by itself. */
static void abandon(struct sim *s, struct sim_worker *w)
{
    if (!w->tx.conn)
        return;
    if (w->p.op == SIM_OP_SAVE && sim_maybe(s, 400)) {
        w->tx.save = w->save;
        sim_db_orphan(s, &w->tx);
    }
    sim_db_rollback(&w->tx);
}

void sim_worker_crash(struct sim *s, struct sim_worker *w)
{
    sim_say(s, "w%d crashes", w->p.index);
    abandon(s, w);
    engine_free(w->engine);
    w->engine = NULL;
    w->p.alive = false;
}

/* ---- the store's steps ---- */

static bool waits_for_lock(struct sim *s, struct sim_worker *w, int lane)
{
    if (!sim_db_locked(s, lane, w->p.conn, NULL))
        return false;
    if (s->now_ms - w->p.op_since_ms >= 1000)
        sim_db_end_holder(s, lane, w->p.conn);
    return sim_db_locked(s, lane, w->p.conn, NULL);
}

/* The connection breaks: the answer of the operation is lost, and the rows name a dead backend. */
static void answer_lost(struct sim *s, struct sim_worker *w, enum sim_op op)
{
    sim_say(s, "w%d loses its connection", w->p.index);
    w->p.op = SIM_OP_NONE;
    w->p.conn = 0;
    switch (op) {
    case SIM_OP_TAKE:
    case SIM_OP_TAKEN:
        engine_on_taken(w->engine, ENGINE_LOST, NULL);
        break;
    case SIM_OP_TOUCH:
        engine_on_touched(w->engine, ENGINE_LOST, false);
        break;
    case SIM_OP_SETTLE:
        engine_on_settled(w->engine, ENGINE_LOST, NULL, 0);
        break;
    case SIM_OP_LOOK:
        engine_on_looked(w->engine, ENGINE_LOST, NULL, 0, NULL, 0);
        break;
    case SIM_OP_BEGIN:
        sim_db_rollback(&w->tx);
        engine_on_begun(w->engine, ENGINE_LOST, NULL, 0, &(struct engine_loaded){0});
        break;
    case SIM_OP_LOAD:
        sim_db_rollback(&w->tx);
        engine_on_loaded(w->engine, ENGINE_LOST, &(struct engine_loaded){0});
        break;
    case SIM_OP_SAVE:
        engine_on_saved(w->engine, ENGINE_LOST, NULL);
        break;
    default:
        break;
    }
    engine_on_connection(w->engine, false);
}

static void add_late(struct sim *s, const struct sim_late *late)
{
    if (s->late_count < SIM_ORPHANS_MAX)
        s->late[s->late_count++] = *late;
}

/* What hangs on the row is read by statements of their own, which see another owner's doings; they
 * return nothing under another fence. */
static void step_taken(struct sim *s, struct sim_worker *w)
{
    int lane = w->p.op_lane;
    struct sim_db_lane *l = &s->db.lanes[lane];
    struct engine_held held[SIM_RECORDS_MAX];
    size_t held_count = 0;
    bool ours = l->row.fence == w->taken.fence;
    struct engine_taken taken = {.row = w->taken, .held = held};
    for (int i = 0; ours && i < l->parked_count; i++) {
        struct sim_parked *p = &l->parked[i];
        struct mr_slice key = s->topics.records[lane][p->position].record.in.key;
        struct engine_held *h = NULL;
        for (size_t k = 0; k < held_count; k++)
            if (mr_slice_equal(held[k].key, key))
                h = &held[k];
        if (!h) {
            h = &held[held_count++];
            *h = (struct engine_held){.key = key, .first = INT64_MAX};
        }
        h->count++;
        if (p->position < h->first) {
            h->first = p->position;
            h->first_behind = p->behind;
        }
    }
    taken.held_count = held_count;
    taken.events = &l->events[w->taken.published];
    taken.event_count = ours ? (size_t)(w->taken.next_event - w->taken.published) : 0;
    w->p.op = SIM_OP_NONE;
    engine_on_taken(w->engine, ENGINE_DONE, &taken);
}

static void step_take(struct sim *s, struct sim_worker *w)
{
    int lane = w->p.op_lane;
    if (waits_for_lock(s, w, lane))
        return;
    struct sim_db_lane *l = &s->db.lanes[lane];
    if (sim_fault(s, 40)) {
        w->p.op = SIM_OP_NONE;
        engine_on_taken(w->engine, ENGINE_TRANSIENT, NULL);
        return;
    }
    bool lost = sim_fault(s, 120);
    int what = lost ? (int)sim_below(s, 3) : 0; /* happened, did not, runs later */
    if (what == 0) {
        l->row.fence = w->p.op_fence;
        l->backend = w->p.conn;
    } else if (what == 2) {
        add_late(s, &(struct sim_late){.is_take = true,
                                       .lane = lane,
                                       .conn = w->p.conn,
                                       .touch = {.fence_new = w->p.op_fence}});
    }
    if (lost) {
        answer_lost(s, w, SIM_OP_TAKE);
        return;
    }
    w->taken = l->row;
    w->taken.lane = lane;
    w->p.op = SIM_OP_TAKEN;
}

static void step_touch(struct sim *s, struct sim_worker *w)
{
    struct sim_db_lane *l = &s->db.lanes[w->touch.lane];
    if (waits_for_lock(s, w, w->touch.lane))
        return;
    if (sim_fault(s, 40)) {
        w->p.op = SIM_OP_NONE;
        engine_on_touched(w->engine, ENGINE_TRANSIENT, false);
        return;
    }
    bool lost = sim_fault(s, 100), moved = l->row.fence == w->touch.fence;
    int what = lost ? (int)sim_below(s, 3) : 0;
    if (what == 0 && moved)
        sim_db_touch(s, w->p.conn, &w->touch);
    else if (what == 2)
        add_late(s,
                 &(struct sim_late){.lane = w->touch.lane, .conn = w->p.conn, .touch = w->touch});
    if (lost) {
        answer_lost(s, w, SIM_OP_TOUCH);
        return;
    }
    w->p.op = SIM_OP_NONE;
    engine_on_touched(w->engine, ENGINE_DONE, moved);
}

static void step_fences(struct sim *s, struct sim_worker *w, enum sim_op op)
{
    struct engine_fence fences[SIM_LANES];
    struct engine_request requests[SIM_LANES * SIM_RECORDS_MAX];
    size_t count = 0;
    for (size_t i = 0; op == SIM_OP_SETTLE && i < w->p.op_lane_count; i++)
        if (waits_for_lock(s, w, w->p.op_lanes[i]))
            return;
    if (sim_fault(s, 50)) {
        answer_lost(s, w, op);
        return;
    }
    if (sim_fault(s, 30)) {
        w->p.op = SIM_OP_NONE;
        if (op == SIM_OP_SETTLE)
            engine_on_settled(w->engine, ENGINE_TRANSIENT, NULL, 0);
        else
            engine_on_looked(w->engine, ENGINE_TRANSIENT, NULL, 0, NULL, 0);
        return;
    }
    for (size_t i = 0; i < w->p.op_lane_count; i++) {
        int lane = w->p.op_lanes[i];
        struct sim_db_lane *l = &s->db.lanes[lane];
        fences[i] = (struct engine_fence){.lane = lane, .fence = l->row.fence};
        for (int k = 0; k < l->parked_count; k++)
            if (l->parked[k].action != ENGINE_NEW)
                requests[count++] = (struct engine_request){
                    .lane = lane,
                    .position = l->parked[k].position,
                    .action = l->parked[k].action,
                    .key = s->topics.records[lane][l->parked[k].position].record.in.key,
                };
        if (l->stale_request >= 0)
            requests[count++] = (struct engine_request){.lane = lane, .position = l->stale_request};
    }
    w->p.op = SIM_OP_NONE;
    if (op == SIM_OP_SETTLE)
        engine_on_settled(w->engine, ENGINE_DONE, fences, w->p.op_lane_count);
    else
        engine_on_looked(w->engine, ENGINE_DONE, fences, w->p.op_lane_count, requests, count);
}

static void answer_loaded(struct sim *s, struct sim_worker *w, bool begun, const int32_t *missed,
                          size_t missed_count)
{
    struct engine_loaded loaded;
    sim_load(s, &w->load, &loaded);
    w->p.op = SIM_OP_NONE;
    if (begun)
        engine_on_begun(w->engine, ENGINE_DONE, missed, missed_count, &loaded);
    else
        engine_on_loaded(w->engine, ENGINE_DONE, &loaded);
}

static void step_begin(struct sim *s, struct sim_worker *w)
{
    int32_t missed[SIM_LANES];
    size_t missed_count = 0;
    for (size_t i = 0; i < w->claim_count; i++) {
        if (w->tx.holds[w->claims[i].lane])
            continue;
        if (waits_for_lock(s, w, w->claims[i].lane))
            return;
        w->tx.holds[w->claims[i].lane] = true;
        if (sim_maybe(s, 300))
            return; /* another process may come in between two locks */
    }
    for (size_t i = 0; i < w->claim_count; i++) {
        int lane = w->claims[i].lane;
        w->tx.claimed[lane] = s->db.lanes[lane].row.fence == w->claims[i].fence;
        w->tx.fence_new[lane] = w->claims[i].fence_new;
        if (!w->tx.claimed[lane])
            missed[missed_count++] = lane;
    }
    if (sim_fault(s, 60)) {
        answer_lost(s, w, SIM_OP_BEGIN);
    } else if (sim_fault(s, 40)) {
        w->p.op = SIM_OP_NONE;
        engine_on_begun(w->engine, ENGINE_TRANSIENT, NULL, 0, &(struct engine_loaded){0});
    } else {
        answer_loaded(s, w, true, missed, missed_count);
    }
}

static void save_done(struct sim *s, struct sim_worker *w)
{
    w->tx.save = w->save;
    if (!sim_fault(s, 120)) {
        sim_db_commit(s, &w->tx);
        w->p.op = SIM_OP_NONE;
        engine_on_saved(w->engine, ENGINE_DONE, NULL);
        return;
    }
    switch (sim_below(s, 3)) { /* COMMIT without an answer: happened, did not, is on its way */
    case 0:
        sim_db_commit(s, &w->tx);
        break;
    case 1:
        sim_db_rollback(&w->tx);
        break;
    default:
        sim_db_orphan(s, &w->tx);
    }
    answer_lost(s, w, SIM_OP_SAVE);
}

static void step_save(struct sim *s, struct sim_worker *w)
{
    if (sim_save_is_refused(s, w->save)) {
        sim_db_rollback(&w->tx);
        w->p.op = SIM_OP_NONE;
        engine_on_saved(w->engine, ENGINE_REFUSED, "23514: refused");
    } else if (sim_fault(s, 50)) {
        sim_db_rollback(&w->tx);
        w->p.op = SIM_OP_NONE;
        engine_on_saved(w->engine, ENGINE_TRANSIENT, "40P01: deadlock");
    } else {
        save_done(s, w);
    }
}

static bool step_store(struct sim *s, struct sim_worker *w)
{
    enum sim_op op = w->p.op;
    if (op == SIM_OP_NONE && w->p.conn && sim_fault(s, 10)) { /* lost while idle */
        sim_say(s, "w%d loses its idle connection", w->p.index);
        w->p.conn = 0;
        engine_on_connection(w->engine, false);
        return true;
    }
    if (w->p.conn == 0) {
        w->p.conn = ++s->ids;
        engine_on_connection(w->engine, true);
        return true;
    }
    /* A backend that was ended: the client finds out with its next statement. */
    if ((op == SIM_OP_LOAD || op == SIM_OP_SAVE || op == SIM_OP_BEGIN) && !w->tx.conn) {
        answer_lost(s, w, op);
        return true;
    }
    switch (op) {
    case SIM_OP_TAKE:
        step_take(s, w);
        break;
    case SIM_OP_TAKEN:
        if (sim_fault(s, 50))
            answer_lost(s, w, op);
        else
            step_taken(s, w);
        break;
    case SIM_OP_TOUCH:
        step_touch(s, w);
        break;
    case SIM_OP_SETTLE:
    case SIM_OP_LOOK:
        step_fences(s, w, op);
        break;
    case SIM_OP_BEGIN:
        step_begin(s, w);
        break;
    case SIM_OP_LOAD:
        if (sim_fault(s, 60))
            answer_lost(s, w, op);
        else
            answer_loaded(s, w, false, NULL, 0);
        break;
    case SIM_OP_SAVE:
        step_save(s, w);
        break;
    default:
        return false;
    }
    return true;
}

/* ---- the group, the log, the clock ---- */

static bool step_group(struct sim *s, struct sim_worker *w)
{
    bool changed = false;
    for (int lane = 0; lane < SIM_LANES; lane++) {
        bool mine = s->owner[lane] == w->p.index;
        int32_t id = lane;
        if (mine == w->p.view[lane] && s->generation[lane] == w->p.generation[lane])
            continue;
        changed = true;
        if (w->p.view[lane])
            engine_revoke(w->engine, &id, 1);
        w->p.view[lane] = mine;
        w->p.generation[lane] = s->generation[lane];
        if (mine)
            engine_assign(w->engine, &id, 1);
    }
    return changed;
}

static bool step_log(struct sim *s, struct sim_worker *w)
{
    int lane = (int)sim_below(s, SIM_LANES);
    struct engine_check check;
    if (sim_check_next(s, &w->p, &check)) {
        struct engine_checked checked;
        sim_check_answer(s, &check, &checked);
        engine_on_checked(w->engine, &checked);
        return true;
    }
    if (w->p.started[lane] && sim_fault(s, 10)) { /* a fetch is refused: the lane is stopped */
        w->p.started[lane] = false;
        engine_on_out_of_range(w->engine, lane);
        return true;
    }
    if (!w->p.started[lane] || w->p.paused[lane] || w->p.next[lane] >= s->topics.record_count[lane])
        return false;
    const struct engine_record *r = &s->topics.records[lane][w->p.next[lane]++].record;
    engine_on_record(w->engine, r);
    return true;
}

bool sim_worker_step(struct sim *s, struct sim_worker *w)
{
    if (!w->p.alive) {
        if (!sim_maybe(s, 300))
            return false;
        sim_worker_start(s, w->p.index);
        return true;
    }
    if (w->p.frozen) {
        if (w->p.stays_frozen || !sim_maybe(s, 150))
            return false;
        sim_say(s, "w%d wakes", w->p.index);
        w->p.frozen = false;
        return true;
    }
    if (sim_fault(s, 15)) {
        sim_worker_crash(s, w);
        return true;
    }
    if (sim_fault(s, 25)) {
        sim_say(s, "w%d freezes", w->p.index);
        w->p.frozen = true;
        return true;
    }
    switch (sim_below(s, 8)) {
    case 0:
        return step_group(s, w);
    case 1:
    case 2:
        return step_log(s, w);
    case 3:
    case 4:
        return sim_net_report(s, w);
    case 5:
        engine_tick(w->engine);
        return false;
    default:
        return step_store(s, w);
    }
}
