/* One walk: random steps with faults; then faults off, and everything must come to its end. */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define DRAIN_STEPS_MAX 60000

void sim_say(struct sim *s, const char *fmt, ...)
{
    va_list ap;
    if (!s->trace)
        return;
    printf("%6llu %6lld ms  ", (unsigned long long)s->steps, (long long)s->now_ms);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
}

void sim_bad(struct sim *s, const char *fmt, ...)
{
    va_list ap;
    if (s->bad[0])
        return;
    va_start(ap, fmt);
    vsnprintf(s->bad, sizeof s->bad, fmt, ap);
    va_end(ap);
    sim_say(s, "VIOLATION: %s", s->bad);
}

void *sim_keep(struct sim *s, const void *data, size_t bytes)
{
    void *p = mr_arena_alloc(&s->arena, bytes);
    if (!p)
        abort();
    if (bytes)
        memcpy(p, data, bytes);
    return p;
}

/* ---- the world's own steps ---- */

static void file_request(struct sim *s, struct sim_parked *p, int lane)
{
    enum sim_kind kind = s->topics.records[lane][p->position].kind;
    bool hopeless = p->hopeless || kind == SIM_POISON || kind == SIM_GOOD; /* x is never known */
    p->action = (s->calm ? hopeless : sim_maybe(s, 300)) ? ENGINE_DROP : ENGINE_RETRY;
    sim_say(s, "operator: %s of position %lld of lane %d",
            p->action == ENGINE_DROP ? "drop" : "retry", (long long)p->position, lane);
}

static bool operator_step(struct sim *s)
{
    int lane = (int)sim_below(s, SIM_LANES);
    struct sim_db_lane *l = &s->db.lanes[lane];
    if (l->parked_count == 0)
        return false;
    struct sim_parked *p = &l->parked[sim_below(s, (uint32_t)l->parked_count)];
    if (p->action != ENGINE_NEW || (s->calm && p->behind))
        return false;
    file_request(s, p, lane);
    return true;
}

static bool rebalance_step(struct sim *s)
{
    if (!sim_fault(s, 100))
        return false;
    int lane = (int)sim_below(s, SIM_LANES);
    s->owner[lane] = (int)sim_below(s, SIM_WORKERS);
    s->generation[lane]++;
    s->loader_owner[lane] = (int)sim_below(s, SIM_LOADERS);
    s->loader_generation[lane]++;
    sim_say(s, "group: lane %d to w%d, loader%d", lane, s->owner[lane], s->loader_owner[lane]);
    return true;
}

static bool deploy_step(struct sim *s)
{
    struct sim_worker *w = &s->workers[sim_below(s, SIM_WORKERS)];
    if (w->new_release || !sim_maybe(s, 60))
        return false;
    w->new_release = true;
    if (w->p.alive && !w->p.frozen)
        sim_worker_crash(s, w);
    return true;
}

/* The runbook: all workers stopped, what is on its way lands or not, the copy put back. */
static bool restore_step(struct sim *s)
{
    if (!s->restores || s->calm)
        return false;
    if (!s->has_snapshot) {
        if (sim_maybe(s, 100)) {
            s->snapshot = s->db;
            s->has_snapshot = true;
            sim_say(s, "a copy of the database is taken");
        }
        return true;
    }
    if (s->gone_back || !sim_maybe(s, 60))
        return false;
    for (int i = 0; i < SIM_WORKERS; i++)
        if (s->workers[i].p.alive)
            sim_worker_crash(s, &s->workers[i]);
    while (sim_net_step(s))
        ;
    while (sim_db_orphan_step(s))
        ;
    sim_say(s, "the database is restored to its copy");
    sim_db_restore(s);
    return true;
}

/* A sequence between what readers reached and the highest one was lost on its way when the database
 * went back: nobody has it any more. millracectl warehouse set-position passes it. */
static void warehouse_set_position(struct sim *s, int lane, int64_t last_sequence)
{
    struct sim_wh_lane *w = &s->warehouse[0][lane];
    sim_say(s, "operator: warehouse set-position of lane %d, last sequence %lld", lane,
            (long long)last_sequence);
    w->ledger.fence = ++s->ids;
    w->ledger.next_offset = s->topics.event_count[lane];
    w->ledger.last_sequence = last_sequence;
    w->ledger.last_offset = -1;
    w->row_count = (int)last_sequence + 1;
    s->resumed[lane] = last_sequence + 1;
}

/* millracectl lanes set-position for a lane that its owner stopped. */
static bool set_position_step(struct sim *s)
{
    int lane = (int)sim_below(s, SIM_LANES);
    struct sim_db_lane *l = &s->db.lanes[lane];
    struct sim_worker *w = &s->workers[s->owner[lane]];
    struct engine_lane_view view;
    int64_t highest = -1, offset = -1;
    if (!s->gone_back || !w->p.alive || sim_db_locked(s, lane, 0, NULL) ||
        s->flush_orphan_count > 0)
        return false;
    engine_lane_look(w->engine, lane, &view);
    if (view.state != ENGINE_LANE_STOPPED_STATE || view.fence != l->row.fence)
        return false;
    for (int i = 0; i < s->topics.event_count[lane]; i++)
        if (s->topics.events[lane][i].sequence > highest) {
            highest = s->topics.events[lane][i].sequence;
            offset = i;
        }
    sim_say(s, "operator: set-position of lane %d, next event %lld", lane, (long long)highest + 1);
    if (highest + 1 > sim_reach(s, lane))
        warehouse_set_position(s, lane, highest);
    l->row.fence = ++s->ids;
    l->row.next_event = l->row.published = highest + 1;
    l->row.event_offset = offset;
    return true;
}

static bool env_step(struct sim *s)
{
    switch (sim_below(s, 11)) {
    case 0:
    case 1:
        return sim_db_orphan_step(s);
    case 2:
        return sim_db_late_step(s);
    case 3:
        return sim_flush_orphan_step(s);
    case 4:
        return operator_step(s);
    case 5:
        return rebalance_step(s);
    case 6:
        return deploy_step(s);
    case 7:
        return set_position_step(s);
    case 8:
        return sim_topics_step(s);
    case 9:
        return sim_tick_step(s);
    default:
        return restore_step(s);
    }
}

static void step(struct sim *s)
{
    s->steps++;
    s->now_ms += sim_below(s, 30) + (sim_maybe(s, 10) ? 1500 : 0);
    switch (sim_below(s, 10)) {
    case 0:
    case 1:
    case 2:
        sim_worker_step(s, &s->workers[0]);
        break;
    case 3:
    case 4:
    case 5:
        sim_worker_step(s, &s->workers[1]);
        break;
    case 6:
        sim_net_step(s);
        break;
    case 7:
    case 8:
        sim_loader_step(s, &s->loaders[sim_below(s, s->tally ? 2 * SIM_LOADERS : SIM_LOADERS)]);
        break;
    default:
        env_step(s);
    }
}

/* ---- faults off ---- */

static const char *undone(struct sim *s)
{
    for (int lane = 0; lane < SIM_LANES; lane++) {
        const struct sim_db_lane *l = &s->db.lanes[lane];
        if (l->row.applied < s->topics.record_count[lane])
            return "commands are left";
        if (l->parked_count > 0)
            return "commands are parked";
        if (l->row.published < l->row.next_event)
            return "published is not written";
        if (s->warehouse[0][lane].row_count < l->row.next_event)
            return "events are not loaded";
        if (s->tally && s->warehouse[1][lane].ledger.next_offset < s->topics.record_count[lane])
            return "facts are not loaded";
    }
    return NULL;
}

/* One worker may stay frozen for ever: then the other one has the lanes. */
static void calm_down(struct sim *s)
{
    int frozen = -1;
    bool was_new[SIM_WORKERS];
    s->calm = true;
    for (int i = 0; i < SIM_WORKERS; i++) {
        was_new[i] = s->workers[i].runs_new;
        s->workers[i].new_release = true;
        if (s->workers[i].p.alive && s->workers[i].p.frozen && frozen < 0 && sim_maybe(s, 500)) {
            s->workers[i].p.stays_frozen = true;
            frozen = i;
        }
    }
    for (int i = 0; i < SIM_WORKERS; i++) { /* the new release comes with a restart */
        if (i == frozen || !s->workers[i].p.alive || was_new[i])
            continue; /* what hangs in memory must not be cured by a restart */
        sim_worker_crash(s, &s->workers[i]);
    }
    for (int lane = 0; lane < SIM_LANES; lane++) {
        s->owner[lane] = frozen >= 0 ? 1 - frozen : (int)sim_below(s, SIM_WORKERS);
        s->generation[lane]++;
    }
    sim_say(s, "-- faults off, lanes are with w%d and w%d", s->owner[0], s->owner[1]);
}

/* For the trace: where everything stands. */
static void say_state(struct sim *s)
{
    for (int lane = 0; lane < SIM_LANES; lane++) {
        struct sim_worker *w = &s->workers[s->owner[lane]];
        struct engine_lane_view v = {0};
        if (w->p.alive)
            engine_lane_look(w->engine, lane, &v);
        sim_say(s,
                "lane %d: log %d, row applied %lld next %lld published %lld, %d parked; w%d state "
                "%d op %d, %lld queued, held %lld, started %d paused %d",
                lane, s->topics.record_count[lane], (long long)s->db.lanes[lane].row.applied,
                (long long)s->db.lanes[lane].row.next_event,
                (long long)s->db.lanes[lane].row.published, s->db.lanes[lane].parked_count,
                w->p.index, (int)v.state, (int)w->p.op, (long long)v.queued_commands,
                (long long)v.held_keys, w->p.started[lane], w->p.paused[lane]);
    }
}

static void drain(struct sim *s)
{
    calm_down(s);
    for (int i = 0; i < DRAIN_STEPS_MAX && !s->bad[0]; i++) {
        step(s);
        if (i % 32 == 0 && !undone(s))
            break;
    }
    const char *why = undone(s);
    if (why) {
        say_state(s);
        sim_bad(s, "no progress: %s", why);
    }
    if (s->bad[0])
        return;
    sim_db_final(s);
    sim_warehouse_final(s);
}

static void tear_down(struct sim *s)
{
    for (int i = 0; i < SIM_WORKERS; i++)
        if (s->workers[i].engine)
            engine_free(s->workers[i].engine);
    for (int i = 0; i < 2 * SIM_LOADERS; i++)
        if (s->loaders[i].engine)
            engine_loader_free(s->loaders[i].engine);
    mr_arena_free(&s->arena);
}

void sim_run(uint64_t seed, bool trace, struct sim_result *out)
{
    static const int budgets[] = {0, 2, 5, 20, 99};
    struct sim *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->seed = seed;
    s->trace = trace;
    s->now_ms = 1000;
    mr_prng_seed(&s->prng, seed);
    mr_arena_init(&s->arena, ARENA_BYTES_MAX);
    s->faults = budgets[sim_below(s, 5)];
    s->fifo = sim_maybe(s, 300);
    s->restores = sim_maybe(s, 150);
    s->strict = sim_maybe(s, 500);
    s->tally = sim_maybe(s, 500);
    for (int i = 0; i < SIM_WORKERS; i++)
        s->skew_ms[i] = (int64_t)sim_below(s, 3000);
    for (int lane = 0; lane < SIM_LANES; lane++) {
        s->db.lanes[lane].row = (struct engine_row){.lane = lane, .event_offset = -1};
        s->db.lanes[lane].stale_request = -1;
        memset(s->db.lanes[lane].decided, 0xff, sizeof s->db.lanes[lane].decided);
        s->warehouse[0][lane].ledger = s->warehouse[1][lane].ledger =
            (struct engine_ledger){.lane = lane, .last_sequence = -1, .last_offset = -1};
        s->owner[lane] = (int)sim_below(s, SIM_WORKERS);
        s->loader_owner[lane] = (int)sim_below(s, SIM_LOADERS);
    }
    sim_topics_fill(s);
    for (int i = 0; i < SIM_WORKERS; i++) {
        s->workers[i].new_release = sim_maybe(s, 400);
        sim_worker_start(s, i);
    }
    for (int i = 0; i < (s->tally ? 2 * SIM_LOADERS : SIM_LOADERS); i++)
        sim_loader_start(s, i);
    uint32_t n = 300 + sim_below(s, 1200);
    for (uint32_t i = 0; i < n && !s->bad[0]; i++)
        step(s);
    if (!s->bad[0])
        drain(s);
    snprintf(out->bad, sizeof out->bad, "%s", s->bad);
    out->steps = s->steps;
    out->commits = s->commits;
    out->faults = s->faults_done;
    out->ticks = s->ticks_applied;
    out->facts = s->facts_stored;
    tear_down(s);
    free(s);
}
