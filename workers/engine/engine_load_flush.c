/* The loader's transactions: what is flushed, how an unknown COMMIT is settled, and the look at the
 * fences of lanes. */
#include "engine_load_impl.h"

#include <assert.h>
#include <stdio.h>

#define LOOK_EVERY_MS 1000
#define RETRY_MS_MAX  5000

/* ---- flush ---- */

static bool flush_is_due(const struct engine_loader *e)
{
    int64_t now = engine_load_now_ms(e);
    if (e->queue_count == 0 || now < e->flush_after_ms)
        return false;
    return e->stop_asked || e->cut || e->queue_rows >= e->options.flush_rows ||
           (int64_t)e->queue_bytes >= e->options.flush_bytes ||
           now - e->queued_since_ms >= e->options.flush_ms;
}

static void flush_lane(struct engine_loader *e, struct engine_load_lane *l)
{
    l->fence_tried = engine_load_draw(e);
    *ENGINE_ADD(&e->claims) = (struct engine_claim){
        .lane = l->lane, .fence = l->ledger.fence, .fence_new = l->fence_tried};
    struct engine_ledger *g = ENGINE_ADD(&e->ledgers);
    *g = l->ledger;
    g->fence = l->fence_tried;
    (void)ENGINE_ADD(&e->counts);
    l->in_flush = e->claims.count;
}

static void flush_record(struct engine_loader *e, struct engine_load_record *r)
{
    size_t i = e->lanes[r->lane].in_flush - 1;
    struct engine_ledger *g = &e->ledgers.items[i];
    struct engine_load_counts *n = &e->counts.items[i];
    if (e->options.by_offset) /* an earlier try may have found it loaded by what it then dropped */
        r->verdict = engine_load_verdict_of(r);
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

/* How many of the queue's head this flush takes, and their lanes in ascending order, as every claim
 * takes them. */
static void choose_records(struct engine_loader *e)
{
    struct engine_load_record *r;
    int64_t n = 0, most = e->cut ? e->cut : e->queue_count;
    e->claims.count = e->ledgers.count = e->counts.count = e->records.count = 0;
    for (int32_t i = 0; i < e->options.lanes; i++)
        e->lanes[i].in_flush = 0;
    DL_FOREACH (e->queue, r) {
        if (n == most)
            break;
        e->lanes[r->lane].in_flush = 1;
        n++;
    }
    e->flush_count = n;
    for (int32_t i = 0; i < e->options.lanes; i++)
        if (e->lanes[i].in_flush)
            flush_lane(e, &e->lanes[i]);
}

bool engine_load_flush_begin(struct engine_loader *e)
{
    struct engine_load_record *r;
    int64_t n = 0;
    if (!flush_is_due(e))
        return false;
    choose_records(e);
    DL_FOREACH (e->queue, r) {
        if (n++ == e->flush_count)
            break;
        flush_record(e, r);
    }
    for (size_t i = 0; i < e->claims.count; i++)
        e->lanes[e->claims.items[i].lane].busy = true;
    e->op = ENGINE_LOAD_OP_FLUSH;
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
    int64_t wait = ENGINE_LOAD_RETRY_MS << (e->failures < 6 ? e->failures : 6);
    if (wait > RETRY_MS_MAX)
        wait = RETRY_MS_MAX;
    e->failures++;
    e->stats.flushes_retried++;
    e->flush_after_ms =
        engine_load_now_ms(e) + wait / 2 + (int64_t)(engine_load_draw(e) % (uint64_t)wait);
}

/* The load of this lane is in the warehouse: memory follows; forget_loaded is to be called. */
static void learn(struct engine_loader *e, struct engine_load_lane *l)
{
    const struct engine_load_counts *n = &e->counts.items[l->in_flush - 1];
    struct engine_load_counts *sum = &e->stats.records;
    l->ledger = e->ledgers.items[l->in_flush - 1];
    sum->consumed += n->consumed;
    sum->loaded += n->loaded;
    sum->repeated += n->repeated;
    sum->ahead += n->ahead;
    sum->skipped += n->skipped;
    sum->bad += n->bad;
    l->lost_in_row = 0;
    e->ports.log.progress(e->ports.log.ctx, l->lane, l->ledger.next_offset);
}

/* Drops from the queue what the ledgers have passed. */
static void forget_loaded(struct engine_loader *e)
{
    struct engine_load_record *r, *next;
    int64_t count = e->queue_count;
    DL_FOREACH_SAFE (e->queue, r, next)
        if (r->offset < e->lanes[r->lane].ledger.next_offset)
            engine_load_queue_remove(e, r);
    if (e->queue && e->queue_count < count)
        e->queued_since_ms = engine_load_now_ms(e);
}

/* The largest good beginning is loaded, then the one record that is refused is bad. A refusal of
 * anything else is no record's fault: it is tried again later. */
static void flush_refused(struct engine_loader *e, const char *detail)
{
    struct engine_load_record *r = e->queue;
    if (e->flush_count > 1) {
        e->stats.flushes_retried++;
        e->cut = e->flush_count / 2;
        return;
    }
    if (r->verdict != ENGINE_LOAD_LOADED) {
        flush_back_off(e);
        return;
    }
    e->stats.flushes_retried++;
    r->class = ENGINE_LOAD_BAD;
    r->verdict = ENGINE_LOAD_REFUSED;
    snprintf(r->cause, sizeof r->cause, "%s", detail ? detail : "refused");
}

void engine_loader_on_flushed(struct engine_loader *e, enum engine_answer answer,
                              const int32_t *missed, size_t missed_count, const char *detail)
{
    assert(e->op == ENGINE_LOAD_OP_FLUSH);
    e->op = ENGINE_LOAD_OP_NONE;
    if (answer == ENGINE_DONE && missed_count == 0) {
        e->stats.flushes++;
        e->failures = 0;
        e->cut = e->cut * 2 > e->queue_count ? 0 : e->cut * 2;
        for (size_t i = 0; i < e->claims.count; i++)
            learn(e, &e->lanes[e->claims.items[i].lane]);
        forget_loaded(e);
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
        engine_load_unbusy(e, &e->lanes[e->claims.items[i].lane]);
    for (size_t i = 0; answer == ENGINE_DONE && i < missed_count; i++)
        if (engine_load_is_owned(&e->lanes[missed[i]]))
            engine_load_lose(e, &e->lanes[missed[i]]);
    engine_load_balance(e);
    engine_load_work(e);
}

/* ---- settle and look ---- */

static bool list_lanes(struct engine_loader *e, bool doubtful)
{
    e->op_lane_count = 0;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_load_lane *l = &e->lanes[i];
        if (!engine_load_is_owned(l) || l->doubt != doubtful)
            continue;
        l->busy = true;
        e->op_lanes[e->op_lane_count++] = i;
    }
    return e->op_lane_count > 0;
}

bool engine_load_settle(struct engine_loader *e)
{
    if (!e->flush_in_doubt || engine_load_now_ms(e) < e->flush_after_ms)
        return false;
    if (!list_lanes(e, true)) { /* all of them were let go */
        e->flush_in_doubt = false;
        return false;
    }
    e->op = ENGINE_LOAD_OP_SETTLE;
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
    assert(e->op == ENGINE_LOAD_OP_SETTLE);
    e->op = ENGINE_LOAD_OP_NONE;
    e->flush_in_doubt = answer != ENGINE_DONE;
    if (answer != ENGINE_DONE)
        flush_back_off(e);
    for (size_t i = 0; i < e->op_lane_count; i++) {
        struct engine_load_lane *l = &e->lanes[e->op_lanes[i]];
        const struct engine_fence *f = fence_of(fences, count, l->lane);
        bool happened = f && f->fence == l->fence_tried, did_not = f && f->fence == l->ledger.fence;
        if (answer == ENGINE_DONE) {
            l->doubt = false;
            if (happened)
                learn(e, l);
            else if (!did_not) {
                engine_load_lose(e, l);
                continue;
            }
        }
        engine_load_unbusy(e, l);
    }
    forget_loaded(e);
    engine_load_work(e);
}

bool engine_load_look_due(struct engine_loader *e)
{
    int64_t now = engine_load_now_ms(e);
    if ((e->looked_ms != 0 && now - e->looked_ms < LOOK_EVERY_MS) || !list_lanes(e, false))
        return false;
    e->looked_ms = now;
    e->op = ENGINE_LOAD_OP_LOOK;
    e->ports.warehouse.look(e->ports.warehouse.ctx, e->op_lanes, e->op_lane_count);
    return true;
}

void engine_loader_on_looked(struct engine_loader *e, enum engine_answer answer,
                             const struct engine_fence *fences, size_t count)
{
    assert(e->op == ENGINE_LOAD_OP_LOOK);
    e->op = ENGINE_LOAD_OP_NONE;
    for (size_t i = 0; i < e->op_lane_count; i++) {
        struct engine_load_lane *l = &e->lanes[e->op_lanes[i]];
        const struct engine_fence *f = fence_of(fences, count, l->lane);
        if (answer == ENGINE_DONE && (!f || f->fence != l->ledger.fence)) {
            engine_load_lose(e, l);
            continue;
        }
        if (answer == ENGINE_DONE && l->stopping) {
            l->stopping = false;
            l->state = ENGINE_LANE_STOPPED_STATE;
            engine_load_tell(e, ENGINE_LANE_STOPPED, l->lane, "%s", l->stop_reason);
        }
        engine_load_unbusy(e, l);
    }
    engine_load_work(e);
}
