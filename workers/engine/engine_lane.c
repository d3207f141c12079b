/* One lane's life: taken over, checked, let go, lost; and the small statements of its own (touch,
 * settle, look). The drawing is in engine.h. */
#include "engine_lane.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LOOK_EVERY_MS    1000 /* how soon another owner, a request or a stop's end is seen */
#define PUBLISHED_LAG_MS 500  /* how long `published` may differ from the row on an idle lane */
#define RETAKE_MS        100 /* back-off before a lost lane is taken over anew, doubled each time */
#define RETAKE_MS_MAX    2000
#define RETRY_MS         100 /* back-off of touch and settle, doubled each time */
#define RETRY_MS_MAX     5000

void engine_tell(struct engine *e, enum engine_notice_kind kind, int32_t lane, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    e->ports.notice.tell(e->ports.notice.ctx, kind, lane, text);
}

void engine_lane_begin(struct engine *e, struct engine_lane *l)
{
    assert(l->state == ENGINE_LANE_FREE && l->assigned);
    l->state = ENGINE_LANE_WAITING;
    l->retry_at_ms = engine_now_ms(e);
}

/* Forgets everything of the lane. What its transaction in doubt did is found by whoever takes over.
 */
void engine_lane_release(struct engine *e, struct engine_lane *l)
{
    if (l->busy) {
        l->let_go = true;
        return;
    }
    if (engine_lane_is_owned(l)) {
        e->ports.log.stop(e->ports.log.ctx, l->lane);
        engine_tell(e, ENGINE_LANE_RELEASED, l->lane, "let go at position %" PRId64,
                    l->row.applied);
    }
    engine_queue_drop(e, l);
    engine_publish_clear(l);
    engine_held_clear(l);
    l->state = ENGINE_LANE_FREE;
    l->named = l->doubt = l->stopping = l->let_go = l->out_of_range = false;
    l->unwritten_since_ms = l->touch_after_ms = l->ticked_ms = 0;
    l->touch_failures = 0;
    if (l->assigned && !e->stop_asked)
        engine_lane_begin(e, l);
}

void engine_lane_unbusy(struct engine *e, struct engine_lane *l)
{
    l->busy = false;
    if (l->let_go)
        engine_lane_release(e, l);
}

void engine_lane_lose(struct engine *e, struct engine_lane *l)
{
    int64_t wait = RETAKE_MS << (l->lost_in_row < 5 ? l->lost_in_row : 5);
    e->stats.lanes_lost++;
    engine_tell(e, ENGINE_LANE_LOST, l->lane, "another fence is in the row at position %" PRId64,
                l->row.applied);
    l->lost_in_row++;
    l->busy = false;
    engine_lane_release(e, l);
    if (wait > RETAKE_MS_MAX)
        wait = RETAKE_MS_MAX;
    /* Two takeovers may have crossed; unequal waits keep them from crossing for ever. */
    l->retry_at_ms = engine_now_ms(e) + wait / 2 + (int64_t)(engine_random(e) % (uint64_t)wait);
}

/* ---- takeover -----------------------------------------------------------------------------------
 */

bool engine_lane_take_next(struct engine *e)
{
    int64_t now = engine_now_ms(e);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[i];
        if (l->state != ENGINE_LANE_WAITING || !l->assigned || l->retry_at_ms > now)
            continue;
        e->op = OP_TAKE;
        e->op_lane = l;
        l->busy = true;
        e->ports.store.take(e->ports.store.ctx, l->lane, engine_random(e));
        return true;
    }
    return false;
}

static void check(struct engine *e, struct engine_lane *l)
{
    l->state = ENGINE_LANE_CHECKING;
    l->check = (struct engine_check){
        .lane = l->lane,
        .number = ++e->checks,
        .applied = l->row.applied,
        .published = l->publish.published,
        .event_offset = l->publish.event_offset,
    };
    e->ports.log.check(e->ports.log.ctx, &l->check);
}

static int64_t retry_wait(int32_t failures)
{
    int64_t wait = (int64_t)RETRY_MS << (failures < 6 ? failures : 6);
    return wait < RETRY_MS_MAX ? wait : RETRY_MS_MAX;
}

void engine_on_taken(struct engine *e, enum engine_answer answer, const struct engine_taken *taken)
{
    struct engine_lane *l = e->op_lane;
    assert(e->op == OP_TAKE && l->state == ENGINE_LANE_WAITING);
    e->op = OP_NONE;
    l->busy = false;
    if (answer != ENGINE_DONE) { /* whether it happened does not matter: the next one replaces it */
        l->let_go = false;
        if (l->assigned && !e->stop_asked)
            l->retry_at_ms = engine_now_ms(e) + RETAKE_MS;
        else
            l->state = ENGINE_LANE_FREE;
    } else {
        e->stats.takeovers++;
        l->row = taken->row;
        l->named = true;
        for (size_t i = 0; i < taken->held_count; i++)
            engine_held_put(l, &taken->held[i]);
        bool whole = engine_publish_begin(e, l, taken);
        engine_tell(e, ENGINE_LANE_TAKEN, l->lane,
                    "taken over at position %" PRId64 ", next event %" PRId64 ", published %" PRId64
                    ", %" PRId64 " parked",
                    l->row.applied, l->row.next_event, l->row.published, l->parked_count);
        check(e, l);
        if (!whole) { /* another owner came between, or the table lacks events: the fence tells */
            snprintf(l->stop_reason, sizeof l->stop_reason,
                     "the event table does not hold all of [%" PRId64 ", %" PRId64 ")",
                     l->row.published, l->row.next_event);
            engine_lane_stop_soon(e, l);
        }
        engine_lane_unbusy(e, l); /* revoked meanwhile: let go */
    }
    engine_work(e);
}

/* ---- has the world gone back in time? ---- */

static bool gone_back(const struct engine_lane *l, const struct engine_checked *c, char *why,
                      size_t size)
{
    int64_t applied = l->row.applied;
    bool fresh = applied == 0 && !l->row.has_last_record;
    if (applied > c->log_end || (applied > 0 && c->command == ENGINE_FIND_AHEAD))
        snprintf(why, size,
                 "the command log ends at %" PRId64 ", before position %" PRId64
                 ": it was truncated or recreated",
                 c->log_end, applied);
    else if (l->row.has_last_record && c->command == ENGINE_FIND_HERE &&
             memcmp(c->command_digest.bytes, l->row.last_record.bytes,
                    sizeof l->row.last_record.bytes) != 0)
        snprintf(why, size,
                 "the record at position %" PRId64
                 " is not the one that was passed: the command log was recreated",
                 applied - 1);
    else if (!fresh && c->log_start > applied)
        snprintf(why, size,
                 "the command log starts at %" PRId64 ": positions from %" PRId64
                 " on were deleted before they were applied",
                 c->log_start, applied);
    else if (c->event_highest >= l->row.next_event)
        snprintf(why, size,
                 "the event log holds sequence %" PRId64 ", but the next event is %" PRId64
                 ": the database was restored to an earlier state",
                 c->event_highest, l->row.next_event);
    else if (l->check.published > 0 && l->check.event_offset >= 0 &&
             (c->event == ENGINE_FIND_AHEAD ||
              (c->event == ENGINE_FIND_HERE && c->event_sequence != l->check.published - 1)))
        snprintf(why, size,
                 "the event log does not hold sequence %" PRId64 " at offset %" PRId64
                 ": it was truncated or recreated",
                 l->check.published - 1, l->check.event_offset);
    else
        return false;
    return true;
}

void engine_on_checked(struct engine *e, const struct engine_checked *c)
{
    struct engine_lane *l = &e->lanes[c->lane];
    if (l->state != ENGINE_LANE_CHECKING || l->stopping || c->number != l->check.number)
        return; /* of an earlier question */
    if (gone_back(l, c, l->stop_reason, sizeof l->stop_reason)) {
        engine_lane_stop_soon(e, l); /* a stale row looks the same */
    } else {
        bool fresh = l->row.applied == 0 && !l->row.has_last_record;
        l->state = ENGINE_LANE_RUNNING;
        l->expected = l->row.applied;
        l->paused = false;
        e->ports.log.start(e->ports.log.ctx, l->lane, fresh ? ENGINE_EARLIEST : l->row.applied);
        engine_publish_pump(e, l);
    }
    engine_work(e);
}

void engine_on_out_of_range(struct engine *e, int32_t lane)
{
    e->lanes[lane].out_of_range = e->lanes[lane].state == ENGINE_LANE_RUNNING;
    engine_work(e);
}

void engine_lane_check_due(struct engine *e)
{
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[i];
        if (!l->out_of_range || l->busy || l->doubt || l->stopping)
            continue;
        l->out_of_range = false;
        if (l->state != ENGINE_LANE_RUNNING)
            continue;
        e->ports.log.stop(e->ports.log.ctx, l->lane);
        engine_queue_drop(e, l);
        check(e, l);
    }
}

void engine_lane_stop_soon(struct engine *e, struct engine_lane *l)
{
    l->stopping = true;
    l->stop_look = e->looks + 1; /* one that is under way has read too early */
    e->looked_ms = 0;
}

/* ---- look: fences, requests ---- */

bool engine_lane_look_due(struct engine *e)
{
    int64_t now = engine_now_ms(e);
    if (e->looked_ms != 0 && now - e->looked_ms < LOOK_EVERY_MS)
        return false;
    e->op_lane_count = 0;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[i];
        if (!engine_lane_is_owned(l) || l->doubt)
            continue;
        l->busy = true;
        e->op_lanes[e->op_lane_count++] = l->lane;
    }
    if (e->op_lane_count == 0)
        return false;
    e->looked_ms = now;
    e->looks++;
    e->op = OP_LOOK;
    e->ports.store.look(e->ports.store.ctx, e->op_lanes, e->op_lane_count);
    return true;
}

static const struct engine_fence *fence_of(const struct engine_fence *fences, size_t count,
                                           int32_t lane)
{
    for (size_t i = 0; i < count; i++)
        if (fences[i].lane == lane)
            return &fences[i];
    return NULL;
}

static void stop(struct engine *e, struct engine_lane *l)
{
    l->stopping = false;
    if (l->state == ENGINE_LANE_RUNNING)
        e->ports.log.stop(e->ports.log.ctx, l->lane);
    engine_queue_drop(e, l);
    l->state = ENGINE_LANE_STOPPED_STATE;
    engine_tell(e, ENGINE_LANE_STOPPED, l->lane, "%s", l->stop_reason);
}

void engine_on_looked(struct engine *e, enum engine_answer answer,
                      const struct engine_fence *fences, size_t fence_count,
                      const struct engine_request *requests, size_t request_count)
{
    assert(e->op == OP_LOOK);
    e->op = OP_NONE;
    for (size_t i = 0; i < e->op_lane_count; i++) {
        struct engine_lane *l = &e->lanes[e->op_lanes[i]];
        const struct engine_fence *f = fence_of(fences, fence_count, l->lane);
        l->busy = false;
        if (answer == ENGINE_DONE && (!f || f->fence != l->row.fence)) {
            engine_lane_lose(e, l);
            continue;
        }
        if (answer == ENGINE_DONE && l->stopping && e->looks >= l->stop_look)
            stop(e, l);
        if (answer == ENGINE_DONE)
            engine_requests_set(l, requests, request_count);
        engine_lane_unbusy(e, l);
    }
    engine_work(e);
}

/* ---- touch: a fenced transaction of its own ---- */

void engine_lane_note_published(struct engine *e, struct engine_lane *l)
{
    if (l->publish.published == l->row.published)
        l->unwritten_since_ms = 0;
    else if (l->unwritten_since_ms == 0)
        l->unwritten_since_ms = engine_now_ms(e);
}

static bool needs_touch(const struct engine *e, const struct engine_lane *l, int64_t now)
{
    if (l->state != ENGINE_LANE_RUNNING || l->doubt || l->touch_after_ms > now)
        return false;
    if (!l->named)
        return true;
    if (l->unwritten_since_ms == 0)
        return false;
    return e->stop_asked ? l->publish.published == l->publish.next
                         : now - l->unwritten_since_ms >= PUBLISHED_LAG_MS;
}

bool engine_lane_touch_due(struct engine *e)
{
    int64_t now = engine_now_ms(e);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[(e->touch_turn + i) % e->options.lanes];
        if (!needs_touch(e, l, now))
            continue;
        e->touch_turn =
            (l->lane + 1) % e->options.lanes; /* one that waits does not starve others */
        e->op = OP_TOUCH;
        e->op_lane = l;
        l->busy = true;
        l->fence_tried = engine_random(e);
        l->published_tried = l->publish.published;
        l->event_offset_tried = l->publish.event_offset;
        e->ports.store.touch(e->ports.store.ctx, &(struct engine_touch){
                                                     .lane = l->lane,
                                                     .fence = l->row.fence,
                                                     .fence_new = l->fence_tried,
                                                     .published = l->published_tried,
                                                     .event_offset = l->event_offset_tried,
                                                 });
        return true;
    }
    return false;
}

static void touched(struct engine *e, struct engine_lane *l)
{
    l->row.fence = l->fence_tried;
    l->row.published = l->published_tried;
    l->row.event_offset = l->event_offset_tried;
    l->unwritten_since_ms = 0;
    engine_lane_note_published(e, l);
}

void engine_on_touched(struct engine *e, enum engine_answer answer, bool moved)
{
    struct engine_lane *l = e->op_lane;
    assert(e->op == OP_TOUCH);
    e->op = OP_NONE;
    l->busy = false;
    if (answer == ENGINE_DONE && !moved) {
        engine_lane_lose(e, l);
    } else {
        l->touch_after_ms = 0;
        if (answer == ENGINE_DONE) {
            l->named = true;
            l->touch_failures = 0;
            touched(e, l);
        } else {
            l->doubt = answer == ENGINE_LOST;
            l->touch_after_ms = engine_now_ms(e) + retry_wait(l->touch_failures++);
        }
        engine_lane_unbusy(e, l);
    }
    engine_work(e);
}

/* ---- settle: what became of a transaction without an answer ---- */

bool engine_lane_settle(struct engine *e)
{
    e->op_lane_count = 0;
    if (engine_now_ms(e) < e->settle_after_ms)
        return false;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        if (!e->lanes[i].doubt)
            continue;
        e->lanes[i].busy = true;
        e->op_lanes[e->op_lane_count++] = i;
    }
    if (e->op_lane_count == 0)
        return false;
    e->op = OP_SETTLE;
    e->ports.store.settle(e->ports.store.ctx, e->op_lanes, e->op_lane_count);
    return true;
}

void engine_on_settled(struct engine *e, enum engine_answer answer,
                       const struct engine_fence *fences, size_t count)
{
    assert(e->op == OP_SETTLE);
    e->op = OP_NONE;
    e->settle_failures = answer == ENGINE_DONE ? 0 : e->settle_failures + 1;
    e->settle_after_ms =
        answer == ENGINE_DONE ? 0 : engine_now_ms(e) + retry_wait(e->settle_failures - 1);
    for (size_t i = 0; i < e->op_lane_count; i++) {
        struct engine_lane *l = &e->lanes[e->op_lanes[i]];
        const struct engine_fence *f = fence_of(fences, count, l->lane);
        if (answer != ENGINE_DONE) {
            engine_lane_unbusy(e, l);
            continue;
        }
        bool happened = f && f->fence == l->fence_tried, did_not = f && f->fence == l->row.fence;
        l->doubt = false;
        if (ENGINE_BUG(BLIND_COMMIT) && f) {
            l->row.fence = f->fence;
            happened = !(did_not = true);
        }
        bool of_batch = e->doubtful_batch && engine_batch_settled(e, l, happened);
        if (happened && !of_batch)
            touched(e, l);
        if (happened || did_not)
            engine_lane_unbusy(e, l);
        else
            engine_lane_lose(e, l);
    }
    if (answer == ENGINE_DONE && e->doubtful_batch) {
        e->doubtful_batch = false;
        engine_batch_clear(&e->batch);
    }
    engine_work(e);
}
