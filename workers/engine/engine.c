/* The engine's outside, and the one place that says what the store does next. */
#include "engine.h"

#include "engine_lane.h"
#include <assert.h>

#ifdef MR_BUGS
enum engine_bug_kind engine_bug;
#endif

#define BATCH_LIMIT_FIRST 256

struct engine *engine_new(const struct engine_domain *domain, const struct engine_ports *ports,
                          const struct engine_options *options)
{
    struct engine *e = calloc(1, sizeof *e);
    assert(options->lanes > 0 && options->batch_commands_max > 0);
    if (!e)
        abort();
    e->domain = domain;
    e->ports = *ports;
    e->options = *options;
    e->lanes = calloc((size_t)options->lanes, sizeof *e->lanes);
    e->op_lanes = calloc((size_t)options->lanes, sizeof *e->op_lanes);
    if (!e->lanes || !e->op_lanes)
        abort();
    for (int32_t i = 0; i < options->lanes; i++)
        e->lanes[i].lane = i;
    e->batch.sheet =
        engine_sheet_new(domain, options->batch_arena_bytes_max, options->event_bytes_max);
    e->batch_limit = BATCH_LIMIT_FIRST < options->batch_commands_max ? BATCH_LIMIT_FIRST
                                                                     : options->batch_commands_max;
    e->stats.batch_limit = e->batch_limit;
    e->poison_position = -1;
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    engine_batch_free(&e->batch);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        engine_queue_drop(e, &e->lanes[i]);
        engine_publish_clear(&e->lanes[i]);
        engine_held_clear(&e->lanes[i]);
    }
    free(e->lanes);
    free(e->op_lanes);
    free(e);
}

static bool lanes_in_doubt(const struct engine *e)
{
    for (int32_t i = 0; i < e->options.lanes; i++)
        if (e->lanes[i].doubt)
            return true;
    return false;
}

static bool flushed(const struct engine *e)
{
    for (int32_t i = 0; i < e->options.lanes; i++) {
        const struct engine_lane *l = &e->lanes[i];
        if (l->doubt) /* a batch that may have events */
            return false;
        if (l->state == ENGINE_LANE_RUNNING &&
            (l->publish.published < l->publish.next || l->row.published < l->publish.published))
            return false;
    }
    return true;
}

static void stop_if_done(struct engine *e)
{
    if (!e->stop_asked || e->stopped || e->op != OP_NONE)
        return;
    if (!flushed(e) && engine_now_ms(e) < e->stop_deadline_ms)
        return;
    e->stopped = true;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        e->lanes[i].assigned = false;
        engine_lane_release(e, &e->lanes[i]);
    }
}

/* In order: what is in doubt, what is ours to take, what tells us that a lane is not ours any more,
 * the rows that name a dead backend or an old `published`, and only then work. */
void engine_work(struct engine *e)
{
    if (e->op != OP_NONE || e->stopped)
        return;
    engine_lane_check_due(e);
    if (e->doubtful_batch && !lanes_in_doubt(e)) { /* all of them were let go */
        e->doubtful_batch = false;
        engine_batch_clear(&e->batch);
    }
    if (!e->connected) {
        stop_if_done(e);
        return;
    }
    if (engine_lane_settle(e) || (!e->stop_asked && engine_lane_take_next(e)) ||
        engine_lane_look_due(e) || engine_lane_touch_due(e) || engine_batch_begin(e))
        return;
    stop_if_done(e);
}

/* What was ticked may be ahead of our clock by so many intervals: another owner's clock differs.
 * Ours was set back, or that one's was wrong, if it is more; then ours counts, or there would be no
 * tick until it comes there. */
#define TICKS_AHEAD_MAX 3

/* Ticks that were missed are not made up for: each does what is due. */
static void write_ticks(struct engine *e)
{
    int64_t interval = e->domain->tick_interval_ms;
    if (interval <= 0 || e->stop_asked)
        return;
    int64_t due_ms = e->ports.clock.wall_ms(e->ports.clock.ctx) / interval * interval;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[i];
        if (l->state != ENGINE_LANE_RUNNING || l->stopping || !l->assigned ||
            (due_ms <= l->ticked_ms && l->ticked_ms - due_ms <= TICKS_AHEAD_MAX * interval))
            continue;
        l->ticked_ms = due_ms;
        e->ports.log.tick(e->ports.log.ctx, l->lane, due_ms);
    }
}

void engine_tick(struct engine *e)
{
    if (e->publish_blocked) {
        e->publish_blocked = false;
        for (int32_t i = 0; i < e->options.lanes && !e->publish_blocked; i++)
            engine_publish_pump(e, &e->lanes[i]);
    }
    write_ticks(e);
    engine_work(e);
}

void engine_assign(struct engine *e, const int32_t *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert(lanes[i] >= 0 && lanes[i] < e->options.lanes);
        struct engine_lane *l = &e->lanes[lanes[i]];
        l->assigned = true;
        if (l->state == ENGINE_LANE_FREE)
            engine_lane_begin(e, l);
        else
            engine_lane_release(e, l); /* revoked and assigned again: from the beginning */
    }
    engine_work(e);
}

void engine_revoke(struct engine *e, const int32_t *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct engine_lane *l = &e->lanes[lanes[i]];
        l->assigned = false;
        l->lost_in_row = 0;
        engine_lane_release(e, l);
    }
    engine_work(e);
}

void engine_on_connection(struct engine *e, bool up)
{
    e->connected = up;
    for (int32_t i = 0; i < e->options.lanes; i++)
        e->lanes[i].named = false; /* the rows name a backend that is gone */
    engine_work(e);
}

void engine_stop(struct engine *e)
{
    if (e->stop_asked)
        return;
    e->stop_asked = true;
    e->stop_deadline_ms = engine_now_ms(e) + e->options.flush_timeout_ms;
    engine_work(e);
}

bool engine_is_stopped(const struct engine *e)
{
    return e->stopped;
}

void engine_lane_look(const struct engine *e, int32_t lane, struct engine_lane_view *out)
{
    const struct engine_lane *l = &e->lanes[lane];
    bool stopped = l->state == ENGINE_LANE_STOPPED_STATE;
    *out = (struct engine_lane_view){
        .state = l->state,
        .stop_reason = stopped ? l->stop_reason : NULL,
        .fence = l->row.fence,
        .applied = l->row.applied,
        .next_event = l->row.next_event,
        .published = l->publish.published,
        .queued_commands = (int64_t)l->queue_count,
        .oldest_time_ms = l->queue ? l->queue->record.in.append_time_ms : 0,
        .held_keys = HASH_COUNT(l->held),
        .parked_commands = l->parked_count,
    };
}

const struct engine_stats *engine_stats(const struct engine *e)
{
    return &e->stats;
}
