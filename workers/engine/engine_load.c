#include "engine_load.h"

#include "engine_bug.h"
#include "engine_list.h"
#include "mr_map.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define LOOK_EVERY_MS 1000
#define RETRY_MS      100
#define RETRY_MS_MAX  5000

enum op { OP_NONE, OP_TAKE, OP_SETTLE, OP_LOOK, OP_FLUSH };

struct lane {
    int32_t lane;
    enum engine_lane_state state;
    bool assigned, busy, let_go, doubt, stopping, paused, told_missing;
    uint64_t fence_tried;
    struct engine_ledger ledger; /* as committed */
    struct engine_ledger seen;   /* after the records that wait */
    int64_t retry_at_ms;
    int32_t lost_in_row;
    int64_t ahead_since_ms; /* since when last + 1 is missing; 0: it is not */
    char stop_reason[256];
};

struct engine_loader {
    struct engine_load_ports ports;
    struct engine_load_options options;
    struct lane *lanes;
    struct engine_load_record *queue; /* of all lanes, in order of arrival; consumed, not flushed */
    size_t queue_bytes;
    int64_t queue_rows, queue_count, queued_since_ms;
    bool connected;
    enum op op;
    struct lane *op_lane;
    int32_t *op_lanes;
    size_t op_lane_count;
    bool flush_in_doubt;
    int64_t flush_count; /* records of the queue's head that the flush at hand takes */
    int64_t cut;         /* 0, or: a refused flush is searched with this many records */
    int64_t looked_ms, flush_after_ms;
    int32_t failures;
    ENGINE_LIST(struct engine_claim) claims;
    ENGINE_LIST(struct engine_ledger) ledgers;
    ENGINE_LIST(struct engine_load_counts) counts;
    ENGINE_LIST(struct engine_load_record *) records;
    bool stop_asked, stopped;
    struct engine_load_stats stats;
};

static int64_t now_ms(const struct engine_loader *e)
{
    return e->ports.clock.now_ms(e->ports.clock.ctx);
}

static uint64_t draw(const struct engine_loader *e)
{
    return e->ports.random.u64(e->ports.random.ctx);
}

MR_PRINTF(4, 5)
static void tell(struct engine_loader *e, enum engine_notice_kind kind, int32_t lane,
                 const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    e->ports.notice.tell(e->ports.notice.ctx, kind, lane, text);
}

static bool owned(const struct lane *l)
{
    return l->state >= ENGINE_LANE_CHECKING;
}

/* ---- the queue
 * --------------------------------------------------------------------------------------- */

static void queue_remove(struct engine_loader *e, struct engine_load_record *r)
{
    DL_DELETE(e->queue, r);
    e->queue_bytes -= r->bytes;
    e->queue_rows -= (int64_t)r->row_count;
    e->queue_count--;
    e->ports.free_record(e->ports.log.ctx, r);
}

static void queue_drop_lane(struct engine_loader *e, const struct lane *l)
{
    struct engine_load_record *r, *next;
    DL_FOREACH_SAFE (e->queue, r, next)
        if (r->lane == l->lane)
            queue_remove(e, r);
}

static void balance(struct engine_loader *e)
{
    bool full = e->queue_bytes > e->options.queue_bytes_max,
         low = e->queue_bytes <= e->options.queue_bytes_max / 2;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct lane *l = &e->lanes[i];
        if (l->state != ENGINE_LANE_RUNNING || !(l->paused ? low : full))
            continue;
        l->paused = !l->paused;
        if (l->paused)
            e->ports.log.pause(e->ports.log.ctx, l->lane);
        else
            e->ports.log.resume(e->ports.log.ctx, l->lane);
    }
}

/* ---- lanes: let go, lost, taken, checked
 * -------------------------------------------------------------- */

static void release(struct engine_loader *e, struct lane *l)
{
    if (l->busy) {
        l->let_go = true;
        return;
    }
    if (owned(l))
        e->ports.log.stop(e->ports.log.ctx, l->lane);
    queue_drop_lane(e, l);
    *l = (struct lane){
        .lane = l->lane,
        .assigned = l->assigned,
        .lost_in_row = l->lost_in_row,
        .retry_at_ms = now_ms(e),
        .state = l->assigned && !e->stop_asked ? ENGINE_LANE_WAITING : ENGINE_LANE_FREE,
    };
    balance(e);
}

static void unbusy(struct engine_loader *e, struct lane *l)
{
    l->busy = false;
    if (l->let_go)
        release(e, l);
}

static void lose(struct engine_loader *e, struct lane *l)
{
    int64_t wait = RETRY_MS << (l->lost_in_row < 4 ? l->lost_in_row : 4);
    e->stats.lanes_lost++;
    tell(e, ENGINE_LANE_LOST, l->lane, "another fence is in the ledger at offset %" PRId64,
         l->ledger.next_offset);
    l->busy = false;
    l->lost_in_row++;
    release(e, l);
    l->retry_at_ms = now_ms(e) + wait / 2 + (int64_t)(draw(e) % (uint64_t)wait);
}

static bool take_next(struct engine_loader *e)
{
    int64_t now = now_ms(e);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct lane *l = &e->lanes[i];
        if (l->state != ENGINE_LANE_WAITING || !l->assigned || l->retry_at_ms > now)
            continue;
        e->op = OP_TAKE;
        e->op_lane = l;
        l->busy = true;
        e->ports.warehouse.take(e->ports.warehouse.ctx, l->lane, draw(e));
        return true;
    }
    return false;
}

static void check(struct engine_loader *e, struct lane *l)
{
    l->state = ENGINE_LANE_CHECKING;
    e->ports.log.check(e->ports.log.ctx, &(struct engine_check){
                                             .lane = l->lane,
                                             .applied = l->ledger.next_offset,
                                             .published = l->ledger.last_sequence + 1,
                                             .event_offset = l->ledger.last_offset,
                                         });
}

static void work(struct engine_loader *e);

void engine_loader_on_taken(struct engine_loader *e, enum engine_answer answer,
                            const struct engine_ledger *ledger)
{
    struct lane *l = e->op_lane;
    assert(e->op == OP_TAKE);
    e->op = OP_NONE;
    if (answer == ENGINE_DONE) {
        e->stats.takeovers++;
        l->ledger = l->seen = *ledger;
        tell(e, ENGINE_LANE_TAKEN, l->lane,
             "taken over at offset %" PRId64 ", last sequence %" PRId64, ledger->next_offset,
             ledger->last_sequence);
        check(e, l);
    } else {
        l->retry_at_ms = now_ms(e) + RETRY_MS;
    }
    unbusy(e, l);
    if (l->state == ENGINE_LANE_WAITING && (!l->assigned || e->stop_asked))
        l->state = ENGINE_LANE_FREE;
    work(e);
}

static bool gone_back(const struct lane *l, const struct engine_checked *c, char *why, size_t size)
{
    const struct engine_ledger *g = &l->ledger;
    bool fresh = g->next_offset == 0 && g->last_sequence < 0;
    if (g->next_offset > c->log_end)
        snprintf(why, size,
                 "the topic ends at offset %" PRId64 ", before the ledger's %" PRId64
                 ": it was truncated or recreated",
                 c->log_end, g->next_offset);
    else if (!fresh && c->log_start > g->next_offset)
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
    struct lane *l = &e->lanes[c->lane];
    if (l->state != ENGINE_LANE_CHECKING || l->stopping)
        return;
    if (gone_back(l, c, l->stop_reason, sizeof l->stop_reason)) {
        l->stopping = true;
        e->looked_ms = 0;
    } else {
        bool fresh = l->ledger.next_offset == 0 && l->ledger.last_sequence < 0;
        l->state = ENGINE_LANE_RUNNING;
        l->paused = false;
        e->ports.log.start(e->ports.log.ctx, l->lane,
                           fresh ? ENGINE_EARLIEST : l->ledger.next_offset);
        balance(e);
    }
    work(e);
}

void engine_loader_on_out_of_range(struct engine_loader *e, int32_t lane)
{
    struct lane *l = &e->lanes[lane];
    if (l->state != ENGINE_LANE_RUNNING || l->busy || l->doubt)
        return;
    e->ports.log.stop(e->ports.log.ctx, lane);
    queue_drop_lane(e, l);
    l->seen = l->ledger;
    check(e, l);
}

/* ---- records
 * -------------------------------------------------------------------------------------------- */

static enum engine_load_verdict judge(struct engine_loader *e, struct lane *l,
                                      const struct engine_load_record *r)
{
    if (r->sequence < 0) /* nobody's event */
        return ENGINE_LOAD_REFUSED;
    if (r->sequence <= l->seen.last_sequence)
        return ENGINE_LOAD_REPEATED;
    if (r->sequence > l->seen.last_sequence + 1 && !ENGINE_BUG(TAKE_AHEAD)) {
        if (l->ahead_since_ms == 0)
            l->ahead_since_ms = now_ms(e);
        return ENGINE_LOAD_AHEAD;
    }
    l->ahead_since_ms = 0;
    l->told_missing = false;
    l->seen.last_sequence = r->sequence;
    l->seen.last_offset = r->offset;
    return r->class == ENGINE_LOAD_ROWS      ? ENGINE_LOAD_LOADED
           : r->class == ENGINE_LOAD_SKIPPED ? ENGINE_LOAD_PASSED
                                             : ENGINE_LOAD_REFUSED;
}

void engine_loader_on_record(struct engine_loader *e, struct engine_load_record *r)
{
    struct lane *l = &e->lanes[r->lane];
    if (l->state != ENGINE_LANE_RUNNING || r->offset < l->seen.next_offset) {
        e->ports.free_record(e->ports.log.ctx, r);
        return;
    }
    r->verdict = judge(e, l, r);
    l->seen.next_offset = r->offset + 1;
    if (e->queued_since_ms == 0)
        e->queued_since_ms = now_ms(e);
    DL_APPEND(e->queue, r);
    e->queue_bytes += r->bytes;
    e->queue_rows += (int64_t)r->row_count;
    e->queue_count++;
    balance(e);
    work(e);
}

/* ---- flush
 * ------------------------------------------------------------------------------------------------
 */

static bool flush_is_due(const struct engine_loader *e)
{
    int64_t now = now_ms(e);
    if (e->queue_count == 0 || now < e->flush_after_ms)
        return false;
    return e->stop_asked || e->cut || e->queue_rows >= e->options.flush_rows ||
           (int64_t)e->queue_bytes >= e->options.flush_bytes ||
           now - e->queued_since_ms >= e->options.flush_ms;
}

/* The lane's place in claims, ledgers and counts, made on first sight. */
static size_t flush_lane(struct engine_loader *e, struct lane *l)
{
    for (size_t i = 0; i < e->claims.count; i++)
        if (e->claims.items[i].lane == l->lane)
            return i;
    l->fence_tried = draw(e);
    *ENGINE_ADD(&e->claims) = (struct engine_claim){
        .lane = l->lane, .fence = l->ledger.fence, .fence_new = l->fence_tried};
    struct engine_ledger *g = ENGINE_ADD(&e->ledgers);
    *g = l->ledger;
    g->fence = l->fence_tried;
    (void)ENGINE_ADD(&e->counts);
    return e->claims.count - 1;
}

static void flush_record(struct engine_loader *e, struct engine_load_record *r)
{
    size_t i = flush_lane(e, &e->lanes[r->lane]);
    struct engine_ledger *g = &e->ledgers.items[i];
    struct engine_load_counts *n = &e->counts.items[i];
    bool moves = r->verdict != ENGINE_LOAD_REPEATED && r->verdict != ENGINE_LOAD_AHEAD;
    g->next_offset = r->offset + 1;
    if (moves && r->sequence >= 0) {
        g->last_sequence = r->sequence;
        g->last_offset = r->offset;
    }
    n->consumed++;
    n->loaded += r->verdict == ENGINE_LOAD_LOADED;
    n->repeated += r->verdict == ENGINE_LOAD_REPEATED;
    n->ahead += r->verdict == ENGINE_LOAD_AHEAD;
    n->skipped += r->verdict == ENGINE_LOAD_PASSED;
    n->bad += r->verdict == ENGINE_LOAD_REFUSED;
    if (r->verdict == ENGINE_LOAD_LOADED || r->verdict == ENGINE_LOAD_REFUSED)
        *ENGINE_ADD(&e->records) = r;
}

static bool flush_begin(struct engine_loader *e)
{
    struct engine_load_record *r;
    if (!flush_is_due(e))
        return false;
    e->claims.count = e->ledgers.count = e->counts.count = e->records.count = 0;
    e->flush_count = 0;
    /* Lanes in ascending order, as every claim takes them. */
    for (int32_t i = 0; i < e->options.lanes; i++) {
        bool has = false;
        int64_t n = 0;
        DL_FOREACH (e->queue, r) {
            if (e->cut && n++ == e->cut)
                break;
            has = has || r->lane == i;
        }
        if (has)
            flush_lane(e, &e->lanes[i]);
    }
    DL_FOREACH (e->queue, r) {
        if (e->cut && e->flush_count == e->cut)
            break;
        flush_record(e, r);
        e->flush_count++;
    }
    for (size_t i = 0; i < e->claims.count; i++)
        e->lanes[e->claims.items[i].lane].busy = true;
    e->op = OP_FLUSH;
    e->ports.warehouse.flush(e->ports.warehouse.ctx, &(struct engine_flush){
                                                         .claims = e->claims.items,
                                                         .ledgers = e->ledgers.items,
                                                         .counts = e->counts.items,
                                                         .lane_count = e->claims.count,
                                                         .records = e->records.items,
                                                         .record_count = e->records.count,
                                                     });
    return true;
}

static void flush_back_off(struct engine_loader *e)
{
    int64_t wait = RETRY_MS << (e->failures < 6 ? e->failures : 6);
    if (wait > RETRY_MS_MAX)
        wait = RETRY_MS_MAX;
    e->failures++;
    e->stats.flushes_retried++;
    e->flush_after_ms = now_ms(e) + wait / 2 + (int64_t)(draw(e) % (uint64_t)wait);
}

/* The load of this lane is in the warehouse: memory follows. */
static void learn(struct engine_loader *e, struct lane *l)
{
    struct engine_load_counts *sum = &e->stats.records;
    for (size_t i = 0; i < e->claims.count; i++) {
        const struct engine_load_counts *n = &e->counts.items[i];
        if (e->claims.items[i].lane != l->lane)
            continue;
        l->ledger = e->ledgers.items[i];
        sum->consumed += n->consumed;
        sum->loaded += n->loaded;
        sum->repeated += n->repeated;
        sum->ahead += n->ahead;
        sum->skipped += n->skipped;
        sum->bad += n->bad;
    }
    struct engine_load_record *r, *next;
    DL_FOREACH_SAFE (e->queue, r, next)
        if (r->lane == l->lane && r->offset < l->ledger.next_offset)
            queue_remove(e, r);
    l->lost_in_row = 0;
    e->queued_since_ms = e->queue ? now_ms(e) : 0;
    e->ports.log.progress(e->ports.log.ctx, l->lane, l->ledger.next_offset);
}

static void flush_refused(struct engine_loader *e, const char *detail)
{
    e->stats.flushes_retried++;
    if (e->flush_count > 1) {
        e->cut = e->flush_count / 2;
        return;
    }
    struct engine_load_record *r = e->queue;
    r->class = ENGINE_LOAD_BAD;
    r->verdict = ENGINE_LOAD_REFUSED;
    snprintf(r->cause, sizeof r->cause, "%s", detail ? detail : "refused");
}

void engine_loader_on_flushed(struct engine_loader *e, enum engine_answer answer,
                              const int32_t *missed, size_t missed_count, const char *detail)
{
    assert(e->op == OP_FLUSH);
    e->op = OP_NONE;
    if (answer == ENGINE_DONE && missed_count == 0) {
        e->stats.flushes++;
        e->failures = 0;
        e->cut = e->cut * 2 > e->queue_count ? 0 : e->cut * 2;
        for (size_t i = 0; i < e->claims.count; i++)
            learn(e, &e->lanes[e->claims.items[i].lane]);
    } else if (answer == ENGINE_LOST) {
        e->flush_in_doubt = true;
        for (size_t i = 0; i < e->claims.count; i++)
            e->lanes[e->claims.items[i].lane].doubt = true;
    } else if (answer == ENGINE_REFUSED) {
        flush_refused(e, detail);
    } else if (answer == ENGINE_TRANSIENT) {
        flush_back_off(e);
    }
    for (size_t i = 0; i < e->claims.count; i++)
        unbusy(e, &e->lanes[e->claims.items[i].lane]);
    for (size_t i = 0; answer == ENGINE_DONE && i < missed_count; i++)
        if (owned(&e->lanes[missed[i]]))
            lose(e, &e->lanes[missed[i]]);
    balance(e);
    work(e);
}

/* ---- settle and look
 * ----------------------------------------------------------------------------------------- */

static bool list_lanes(struct engine_loader *e, bool doubtful)
{
    e->op_lane_count = 0;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct lane *l = &e->lanes[i];
        if (!owned(l) || l->doubt != doubtful)
            continue;
        l->busy = true;
        e->op_lanes[e->op_lane_count++] = i;
    }
    return e->op_lane_count > 0;
}

static bool settle(struct engine_loader *e)
{
    if (!e->flush_in_doubt)
        return false;
    if (!list_lanes(e, true)) { /* all of them were let go */
        e->flush_in_doubt = false;
        return false;
    }
    e->op = OP_SETTLE;
    e->ports.warehouse.settle(e->ports.warehouse.ctx, e->op_lanes, e->op_lane_count);
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

void engine_loader_on_settled(struct engine_loader *e, enum engine_answer answer,
                              const struct engine_fence *fences, size_t count)
{
    assert(e->op == OP_SETTLE);
    e->op = OP_NONE;
    e->flush_in_doubt = answer != ENGINE_DONE;
    for (size_t i = 0; i < e->op_lane_count; i++) {
        struct lane *l = &e->lanes[e->op_lanes[i]];
        const struct engine_fence *f = fence_of(fences, count, l->lane);
        bool happened = f && f->fence == l->fence_tried, did_not = f && f->fence == l->ledger.fence;
        if (answer == ENGINE_DONE) {
            l->doubt = false;
            if (happened)
                learn(e, l);
            else if (!did_not) {
                lose(e, l);
                continue;
            }
        }
        unbusy(e, l);
    }
    work(e);
}

static bool look_due(struct engine_loader *e)
{
    int64_t now = now_ms(e);
    if ((e->looked_ms != 0 && now - e->looked_ms < LOOK_EVERY_MS) || !list_lanes(e, false))
        return false;
    e->looked_ms = now;
    e->op = OP_LOOK;
    e->ports.warehouse.look(e->ports.warehouse.ctx, e->op_lanes, e->op_lane_count);
    return true;
}

void engine_loader_on_looked(struct engine_loader *e, enum engine_answer answer,
                             const struct engine_fence *fences, size_t count)
{
    assert(e->op == OP_LOOK);
    e->op = OP_NONE;
    for (size_t i = 0; i < e->op_lane_count; i++) {
        struct lane *l = &e->lanes[e->op_lanes[i]];
        const struct engine_fence *f = fence_of(fences, count, l->lane);
        if (answer == ENGINE_DONE && (!f || f->fence != l->ledger.fence)) {
            lose(e, l);
            continue;
        }
        if (answer == ENGINE_DONE && l->stopping) {
            l->stopping = false;
            l->state = ENGINE_LANE_STOPPED_STATE;
            tell(e, ENGINE_LANE_STOPPED, l->lane, "%s", l->stop_reason);
        }
        unbusy(e, l);
    }
    work(e);
}

/* ---- the outside
 * ------------------------------------------------------------------------------------------------
 */

static void stop_if_done(struct engine_loader *e)
{
    if (!e->stop_asked || e->stopped || e->op != OP_NONE || (e->connected && e->queue_count > 0))
        return;
    e->stopped = true;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        e->lanes[i].assigned = false;
        release(e, &e->lanes[i]);
    }
}

static void work(struct engine_loader *e)
{
    if (e->op != OP_NONE || e->stopped)
        return;
    if (e->connected &&
        (settle(e) || (!e->stop_asked && take_next(e)) || look_due(e) || flush_begin(e)))
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
        queue_remove(e, e->queue);
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
        release(e,
                &e->lanes[lanes[i]]); /* FREE becomes WAITING; assigned again: from the beginning */
    }
    work(e);
}

void engine_loader_revoke(struct engine_loader *e, const int32_t *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        e->lanes[lanes[i]].assigned = false;
        e->lanes[lanes[i]].lost_in_row = 0;
        release(e, &e->lanes[lanes[i]]);
    }
    work(e);
}

void engine_loader_tick(struct engine_loader *e)
{
    int64_t now = now_ms(e);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct lane *l = &e->lanes[i];
        if (l->ahead_since_ms == 0 || l->told_missing ||
            now - l->ahead_since_ms < e->options.missing_ms)
            continue;
        l->told_missing = true;
        tell(e, ENGINE_EVENT_MISSING, l->lane,
             "event %" PRId64 " is missing, though later ones have come",
             l->seen.last_sequence + 1);
    }
    work(e);
}

void engine_loader_on_connection(struct engine_loader *e, bool up)
{
    e->connected = up;
    work(e);
}

void engine_loader_stop(struct engine_loader *e)
{
    e->stop_asked = true;
    work(e);
}

bool engine_loader_is_stopped(const struct engine_loader *e)
{
    return e->stopped;
}

void engine_loader_look(const struct engine_loader *e, int32_t lane, struct engine_load_view *out)
{
    const struct lane *l = &e->lanes[lane];
    const struct engine_load_record *r;
    *out = (struct engine_load_view){
        .state = l->state,
        .stop_reason = l->state == ENGINE_LANE_STOPPED_STATE ? l->stop_reason : NULL,
        .next_offset = l->ledger.next_offset,
        .last_sequence = l->ledger.last_sequence,
        .missing = l->told_missing,
    };
    DL_FOREACH (e->queue, r)
        out->waiting_records += r->lane == lane;
}

const struct engine_load_stats *engine_loader_stats(const struct engine_loader *e)
{
    return &e->stats;
}
