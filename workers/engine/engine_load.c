/* The loader's lanes and records: taken over, checked, judged, let go. */
#include "engine_load_impl.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

int64_t engine_load_now_ms(const struct engine_loader *e)
{
    return e->ports.clock.now_ms(e->ports.clock.ctx);
}

uint64_t engine_load_draw(const struct engine_loader *e)
{
    return e->ports.random.u64(e->ports.random.ctx);
}

void engine_load_tell(struct engine_loader *e, enum engine_notice_kind kind, int32_t lane,
                      const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    e->ports.notice.tell(e->ports.notice.ctx, kind, lane, text);
}

bool engine_load_is_owned(const struct engine_load_lane *l)
{
    return l->state >= ENGINE_LANE_CHECKING;
}

/* ---- the queue ---- */

void engine_load_queue_remove(struct engine_loader *e, struct engine_load_record *r)
{
    DL_DELETE(e->queue, r);
    e->queue_bytes -= r->bytes;
    e->queue_rows -= (int64_t)r->row_count;
    e->queue_count--;
    e->lanes[r->lane].waiting--;
    if (!e->queue)
        e->queued_since_ms = 0;
    e->ports.free_record(e->ports.log.ctx, r);
}

static void queue_drop_lane(struct engine_loader *e, const struct engine_load_lane *l)
{
    struct engine_load_record *r, *next;
    DL_FOREACH_SAFE (e->queue, r, next)
        if (r->lane == l->lane)
            engine_load_queue_remove(e, r);
}

void engine_load_balance(struct engine_loader *e)
{
    bool full = e->queue_bytes > e->options.queue_bytes_max,
         low = e->queue_bytes <= e->options.queue_bytes_max / 2;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_load_lane *l = &e->lanes[i];
        if (l->state != ENGINE_LANE_RUNNING || !(l->paused ? low : full))
            continue;
        l->paused = !l->paused;
        if (l->paused)
            e->ports.log.pause(e->ports.log.ctx, l->lane);
        else
            e->ports.log.resume(e->ports.log.ctx, l->lane);
    }
}

/* ---- lanes: let go, lost, taken, checked ---- */

void engine_load_release(struct engine_loader *e, struct engine_load_lane *l)
{
    if (l->busy) {
        l->let_go = true;
        return;
    }
    if (engine_load_is_owned(l))
        e->ports.log.stop(e->ports.log.ctx, l->lane);
    queue_drop_lane(e, l);
    *l = (struct engine_load_lane){
        .lane = l->lane,
        .assigned = l->assigned,
        .lost_in_row = l->lost_in_row,
        .retry_at_ms = engine_load_now_ms(e),
        .state = l->assigned && !e->stop_asked ? ENGINE_LANE_WAITING : ENGINE_LANE_FREE,
    };
    engine_load_balance(e);
}

static void check(struct engine_loader *e, struct engine_load_lane *l)
{
    l->state = ENGINE_LANE_CHECKING;
    e->ports.log.check(e->ports.log.ctx, &(struct engine_check){
                                             .lane = l->lane,
                                             .applied = l->ledger.next_offset,
                                             .published = l->ledger.last_sequence + 1,
                                             .event_offset = l->ledger.last_offset,
                                         });
}

/* What was read behind a position that the topic does not have is read again, if it can be. */
static void check_range(struct engine_loader *e, struct engine_load_lane *l)
{
    if (!l->out_of_range || l->busy || l->doubt)
        return;
    l->out_of_range = false;
    e->ports.log.stop(e->ports.log.ctx, l->lane);
    queue_drop_lane(e, l);
    l->seen = l->ledger;
    check(e, l);
}

void engine_load_unbusy(struct engine_loader *e, struct engine_load_lane *l)
{
    l->busy = false;
    if (l->let_go)
        engine_load_release(e, l);
    check_range(e, l);
}

void engine_load_lose(struct engine_loader *e, struct engine_load_lane *l)
{
    int64_t wait = ENGINE_LOAD_RETRY_MS << (l->lost_in_row < 4 ? l->lost_in_row : 4);
    e->stats.lanes_lost++;
    engine_load_tell(e, ENGINE_LANE_LOST, l->lane,
                     "another fence is in the ledger at offset %" PRId64, l->ledger.next_offset);
    l->busy = false;
    l->lost_in_row++;
    engine_load_release(e, l);
    l->retry_at_ms =
        engine_load_now_ms(e) + wait / 2 + (int64_t)(engine_load_draw(e) % (uint64_t)wait);
}

static bool take_next(struct engine_loader *e)
{
    int64_t now = engine_load_now_ms(e);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_load_lane *l = &e->lanes[i];
        if (l->state != ENGINE_LANE_WAITING || !l->assigned || l->retry_at_ms > now)
            continue;
        e->op = ENGINE_LOAD_OP_TAKE;
        e->op_lane = l;
        l->busy = true;
        e->ports.warehouse.take(e->ports.warehouse.ctx, l->lane, engine_load_draw(e));
        return true;
    }
    return false;
}

void engine_loader_on_taken(struct engine_loader *e, enum engine_answer answer,
                            const struct engine_ledger *ledger)
{
    struct engine_load_lane *l = e->op_lane;
    assert(e->op == ENGINE_LOAD_OP_TAKE);
    e->op = ENGINE_LOAD_OP_NONE;
    if (answer == ENGINE_DONE) {
        e->stats.takeovers++;
        l->ledger = l->seen = *ledger;
        engine_load_tell(e, ENGINE_LANE_TAKEN, l->lane,
                         "taken over at offset %" PRId64 ", last sequence %" PRId64,
                         ledger->next_offset, ledger->last_sequence);
        check(e, l);
    } else {
        l->retry_at_ms = engine_load_now_ms(e) + ENGINE_LOAD_RETRY_MS;
    }
    engine_load_unbusy(e, l);
    if (l->state == ENGINE_LANE_WAITING && (!l->assigned || e->stop_asked))
        l->state = ENGINE_LANE_FREE;
    engine_load_work(e);
}

static bool gone_back(const struct engine_load_lane *l, const struct engine_checked *c, char *why,
                      size_t size)
{
    const struct engine_ledger *g = &l->ledger;
    if (g->next_offset > c->log_end)
        snprintf(why, size,
                 "the topic ends at offset %" PRId64 ", before the ledger's %" PRId64
                 ": it was truncated or recreated",
                 c->log_end, g->next_offset);
    else if (c->log_start > g->next_offset)
        snprintf(why, size,
                 "the topic starts at offset %" PRId64 ": what lies from %" PRId64
                 " on was deleted before it was loaded",
                 c->log_start, g->next_offset);
    else if (g->last_offset >= 0 && c->event == ENGINE_FIND_HERE &&
             c->event_sequence != g->last_sequence)
        snprintf(why, size,
                 "the topic does not hold sequence %" PRId64 " at offset %" PRId64
                 ": it was recreated",
                 g->last_sequence, g->last_offset);
    else
        return false;
    return true;
}

void engine_loader_on_checked(struct engine_loader *e, const struct engine_checked *c)
{
    struct engine_load_lane *l = &e->lanes[c->lane];
    if (l->state != ENGINE_LANE_CHECKING || l->stopping)
        return;
    if (gone_back(l, c, l->stop_reason, sizeof l->stop_reason)) {
        l->stopping = true;
        e->looked_ms = 0;
    } else {
        l->state = ENGINE_LANE_RUNNING;
        l->paused = false;
        e->ports.log.start(e->ports.log.ctx, l->lane, l->ledger.next_offset);
        engine_load_balance(e);
    }
    engine_load_work(e);
}

void engine_loader_on_out_of_range(struct engine_loader *e, int32_t lane)
{
    struct engine_load_lane *l = &e->lanes[lane];
    if (l->state != ENGINE_LANE_RUNNING)
        return;
    l->out_of_range = true;
    check_range(e, l);
}

/* ---- records ---- */

enum engine_load_verdict engine_load_verdict_of(const struct engine_load_record *r)
{
    return r->class == ENGINE_LOAD_ROWS      ? ENGINE_LOAD_LOADED
           : r->class == ENGINE_LOAD_SKIPPED ? ENGINE_LOAD_PASSED
                                             : ENGINE_LOAD_REFUSED;
}

static enum engine_load_verdict judge(struct engine_loader *e, struct engine_load_lane *l,
                                      const struct engine_load_record *r)
{
    bool in_order = e->options.by_offset || r->sequence == l->seen.last_sequence + 1;
    if (r->sequence < 0) /* nobody's event */
        return ENGINE_LOAD_REFUSED;
    if (!in_order && r->sequence <= l->seen.last_sequence)
        return ENGINE_LOAD_REPEATED;
    if (!in_order && !ENGINE_BUG(TAKE_AHEAD)) {
        if (l->ahead_since_ms == 0)
            l->ahead_since_ms = engine_load_now_ms(e);
        return ENGINE_LOAD_AHEAD;
    }
    l->ahead_since_ms = 0;
    l->told_missing = false;
    l->seen.last_sequence = r->sequence;
    l->seen.last_offset = r->offset;
    return engine_load_verdict_of(r);
}

void engine_loader_on_record(struct engine_loader *e, struct engine_load_record *r)
{
    struct engine_load_lane *l = &e->lanes[r->lane];
    if (l->state != ENGINE_LANE_RUNNING || e->stop_asked || r->offset < l->seen.next_offset) {
        e->ports.free_record(e->ports.log.ctx, r);
        return;
    }
    if (e->options.by_offset)
        r->sequence = r->offset;
    r->verdict = judge(e, l, r);
    l->seen.next_offset = r->offset + 1;
    if (e->queued_since_ms == 0)
        e->queued_since_ms = engine_load_now_ms(e);
    DL_APPEND(e->queue, r);
    e->queue_bytes += r->bytes;
    e->queue_rows += (int64_t)r->row_count;
    e->queue_count++;
    l->waiting++;
    engine_load_balance(e);
    engine_load_work(e);
}

/* ---- the outside ---- */

static void stop_if_done(struct engine_loader *e)
{
    if (!e->stop_asked || e->stopped || e->op != ENGINE_LOAD_OP_NONE ||
        (e->connected && e->queue_count > 0))
        return;
    e->stopped = true;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        e->lanes[i].assigned = false;
        engine_load_release(e, &e->lanes[i]);
    }
}

void engine_load_work(struct engine_loader *e)
{
    if (e->op != ENGINE_LOAD_OP_NONE || e->stopped)
        return;
    if (e->connected && (engine_load_settle(e) || (!e->stop_asked && take_next(e)) ||
                         engine_load_look_due(e) || engine_load_flush_begin(e)))
        return;
    stop_if_done(e);
}

struct engine_loader *engine_loader_new(const struct engine_load_ports *ports,
                                        const struct engine_load_options *options)
{
    struct engine_loader *e = calloc(1, sizeof *e);
    if (!e)
        abort();
    e->ports = *ports;
    e->options = *options;
    e->lanes = calloc((size_t)options->lanes, sizeof *e->lanes);
    e->op_lanes = calloc((size_t)options->lanes, sizeof *e->op_lanes);
    if (!e->lanes || !e->op_lanes)
        abort();
    for (int32_t i = 0; i < options->lanes; i++)
        e->lanes[i].lane = i;
    return e;
}

void engine_loader_free(struct engine_loader *e)
{
    if (!e)
        return;
    while (e->queue)
        engine_load_queue_remove(e, e->queue);
    free(e->claims.items);
    free(e->ledgers.items);
    free(e->counts.items);
    free(e->records.items);
    free(e->lanes);
    free(e->op_lanes);
    free(e);
}

void engine_loader_assign(struct engine_loader *e, const int32_t *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        e->lanes[lanes[i]].assigned = true;
        engine_load_release(
            e, &e->lanes[lanes[i]]); /* FREE becomes WAITING; assigned again: from the beginning */
    }
    engine_load_work(e);
}

void engine_loader_revoke(struct engine_loader *e, const int32_t *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        e->lanes[lanes[i]].assigned = false;
        e->lanes[lanes[i]].lost_in_row = 0;
        engine_load_release(e, &e->lanes[lanes[i]]);
    }
    engine_load_work(e);
}

void engine_loader_tick(struct engine_loader *e)
{
    int64_t now = engine_load_now_ms(e);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_load_lane *l = &e->lanes[i];
        if (l->ahead_since_ms == 0 || l->told_missing ||
            now - l->ahead_since_ms < e->options.missing_ms)
            continue;
        l->told_missing = true;
        engine_load_tell(e, ENGINE_EVENT_MISSING, l->lane,
                         "event %" PRId64 " is missing, though later ones have come",
                         l->seen.last_sequence + 1);
    }
    engine_load_work(e);
}

void engine_loader_on_connection(struct engine_loader *e, bool up)
{
    e->connected = up;
    engine_load_work(e);
}

void engine_loader_stop(struct engine_loader *e)
{
    e->stop_asked = true;
    for (int32_t i = 0; i < e->options.lanes; i++)
        if (e->lanes[i].state == ENGINE_LANE_RUNNING)
            e->ports.log.stop(e->ports.log.ctx, i);
    engine_load_work(e);
}

bool engine_loader_is_stopped(const struct engine_loader *e)
{
    return e->stopped;
}

void engine_loader_look(const struct engine_loader *e, int32_t lane, struct engine_load_view *out)
{
    const struct engine_load_lane *l = &e->lanes[lane];
    *out = (struct engine_load_view){
        .state = l->state,
        .stop_reason = l->state == ENGINE_LANE_STOPPED_STATE ? l->stop_reason : NULL,
        .fence = l->ledger.fence,
        .next_offset = l->ledger.next_offset,
        .last_sequence = l->ledger.last_sequence,
        .waiting_records = l->waiting,
        .missing = l->told_missing,
    };
}

const struct engine_load_stats *engine_loader_stats(const struct engine_loader *e)
{
    return &e->stats;
}