/* What waits in the lanes' queues, and what of it, or of what is parked, the next batch takes. */
#include "engine_lane.h"

/* ---- the queues ---- */

static void queue_balance(struct engine *e, struct engine_lane *l)
{
    /* Each lane may hold its share of the bound, and always one batch's worth of commands at most.
     */
    size_t share = e->options.queue_bytes_max / (size_t)e->options.lanes;
    bool full = l->queue_bytes > share || l->queue_count >= 2 * e->options.batch_commands_max;
    bool low = l->queue_bytes <= share / 2 && l->queue_count <= e->options.batch_commands_max;
    if (full && !l->paused) {
        l->paused = true;
        e->ports.log.pause(e->ports.log.ctx, l->lane);
    } else if (low && l->paused) {
        l->paused = false;
        if (l->state == ENGINE_LANE_RUNNING)
            e->ports.log.resume(e->ports.log.ctx, l->lane);
    }
}

void engine_queue_pop(struct engine *e, struct engine_lane *l)
{
    struct engine_command *c = l->queue;
    DL_DELETE(l->queue, c);
    l->queue_count--;
    l->queue_bytes -= c->memory_bytes;
    engine_command_free(c);
    queue_balance(e, l);
}

void engine_queue_drop(struct engine *e, struct engine_lane *l)
{
    l->paused = false;
    while (l->queue)
        engine_queue_pop(e, l);
    l->paused = false;
}

void engine_on_record(struct engine *e, const struct engine_record *record)
{
    struct engine_lane *l = &e->lanes[record->lane];
    if (l->state != ENGINE_LANE_RUNNING || record->in.position < l->expected)
        return;
    struct engine_command *c =
        engine_command_new(record, e->domain, e->options.lanes, &e->ports.checker);
    l->expected = record->in.position + 1;
    DL_APPEND(l->queue, c);
    l->queue_count++;
    l->queue_bytes += c->memory_bytes;
    queue_balance(e, l);
    engine_work(e);
}

/* ---- choosing ---- */

static bool lane_may_batch(const struct engine *e, const struct engine_lane *l)
{
    return l->state == ENGINE_LANE_RUNNING && l->named && !l->doubt && !l->stopping &&
           l->assigned && l->publish.bytes < ENGINE_PUBLISH_BYTES_MAX &&
           l->row.next_event - l->publish.published < e->options.publish_ahead_max;
}

static void claim(struct engine *e, struct engine_lane *l)
{
    struct engine_batch *b = &e->batch;
    l->fence_tried = engine_random(e);
    *ENGINE_ADD(&b->claims) =
        (struct engine_claim){.lane = l->lane, .fence = l->row.fence, .fence_new = l->fence_tried};
    struct engine_row *row = ENGINE_ADD(&b->rows);
    *row = l->row;
    row->fence = l->fence_tried;
}

static int claim_order(const void *a, const void *b)
{
    const struct engine_claim *x = a, *y = b;
    return (x->lane > y->lane) - (x->lane < y->lane);
}

static int row_order(const void *a, const void *b)
{
    const struct engine_row *x = a, *y = b;
    return (x->lane > y->lane) - (x->lane < y->lane);
}

bool engine_batch_prepare(struct engine *e, const struct engine_command *c, bool parked)
{
    struct engine_batch *b = &e->batch;
    if (c->quarantine)
        return true;
    if (!parked || c->keep != ENGINE_KEEP_FULL)
        *ENGINE_ADD(&b->lookups) = (struct engine_lookup){
            .account = c->ce.account,
            .id = c->ce.id,
            .day = c->day,
            .lane = c->record.lane,
            .keep = c->keep,
            .only_its_day = c->only_its_day,
            .is_parked = parked,
        };
    if (!c->known || !c->body || c->invalid.problem || engine_poison_is(e, c))
        return true; /* is not decided */
    struct engine_input input = engine_command_input(c);
    if (engine_sheet_want(b->sheet, &input) == MR_OK)
        return true;
    if (b->items.count > 0)
        return false;
    engine_poison_set(e, c, ENGINE_TOO_LARGE); /* its keys alone fill the sheet */
    return true;
}

/* Takes from one lane's queue until the batch is full; true when it is. A tick is the only command
 * of its lane: what it finds due is what lies in the database. */
static bool take_from(struct engine *e, struct engine_lane *l, size_t limit, size_t *bytes)
{
    struct engine_batch *b = &e->batch;
    struct engine_command *c;
    bool claimed = false;
    DL_FOREACH (l->queue, c) {
        if (b->items.count >= limit ||
            (b->items.count > 0 && *bytes + c->bytes > e->options.batch_bytes_max))
            return true;
        if (c->is_tick && claimed)
            return false;
        if (!engine_batch_prepare(e, c, false))
            return true;
        if (!claimed)
            claim(e, l);
        claimed = true;
        *bytes += c->bytes;
        *ENGINE_ADD(&b->items) =
            (struct engine_item){.command = c, .lane = l, .action = ENGINE_NEW};
        if (!c->is_tick)
            continue;
        *ENGINE_ADD(&b->ticks) = b->items.count - 1;
        return false;
    }
    return false;
}

static bool choose_new(struct engine *e)
{
    size_t limit = e->cut ? e->cut : e->batch_limit, bytes = 0;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[(e->turn + i) % e->options.lanes];
        if (lane_may_batch(e, l) && l->queue && take_from(e, l, limit, &bytes))
            break;
    }
    return e->batch.items.count > 0;
}

static bool choose_parked(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[(e->turn + i) % e->options.lanes];
        size_t before = b->wants.count + b->unrequests.count;
        if (!lane_may_batch(e, l) || (l->requests.count == 0 && l->waiting_keys == 0))
            continue;
        engine_parked_work(b, l);
        if (b->wants.count + b->unrequests.count == before)
            continue;
        claim(e, l);
        break; /* one lane at a time is enough for what is rare */
    }
    b->of_parked = b->claims.count > 0;
    return b->of_parked;
}

struct engine_load engine_batch_load(const struct engine_batch *b)
{
    struct engine_load load = {
        .lookups = b->lookups.items,
        .lookup_count = b->lookups.count,
    };
    load.keys = engine_sheet_keys(b->sheet, &load.key_count);
    load.due = engine_sheet_due(b->sheet, &load.due_count);
    return load;
}

bool engine_batch_begin(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    if (e->stop_asked || e->doubtful_batch || engine_now_ms(e) < e->batch_after_ms)
        return false;
    if (!e->refused)
        e->parked_turn = !e->parked_turn;
    bool chosen =
        e->parked_turn ? choose_parked(e) || choose_new(e) : choose_new(e) || choose_parked(e);
    if (!chosen)
        return false;
    qsort(b->claims.items, b->claims.count, sizeof *b->claims.items, claim_order);
    qsort(b->rows.items, b->rows.count, sizeof *b->rows.items, row_order);
    for (size_t i = 0; i < b->claims.count; i++)
        e->lanes[b->claims.items[i].lane].busy = true;
    struct engine_load load = engine_batch_load(b);
    if (b->of_parked) {
        load = (struct engine_load){0};
        load.parked = b->wants.items;
        load.parked_count = b->wants.count;
    }
    b->keys_asked = load.key_count;
    b->begun_ms = engine_now_ms(e);
    e->op = OP_BEGIN;
    e->ports.store.begin(e->ports.store.ctx, b->claims.items, b->claims.count, &load);
    return true;
}
