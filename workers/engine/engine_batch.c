/* A batch's way from its claim on: loaded, decided, saved; and what is known to have happened taken
 * over into memory. */
#include "engine_lane.h"

#include <assert.h>
#include <stdio.h>

#define BATCH_LIMIT_MIN 16
#define RETRY_MS        20 /* back-off after a transient failure, doubled each time */
#define RETRY_MS_MAX    2000

/* ---- memory ---- */

void engine_batch_clear(struct engine_batch *b)
{
    if (b->of_parked)
        for (size_t i = 0; i < b->items.count; i++)
            engine_command_free(b->items.items[i].command);
    engine_decide_clear(b);
    engine_sheet_reset(b->sheet);
    b->items.count = b->rows.count = b->claims.count = b->lookups.count = b->wants.count = 0;
    b->ticks.count = 0;
    b->outcomes.count = b->quarantined.count = b->conflicts.count = b->parks.count = 0;
    b->unparks.count = b->unrequests.count = 0;
    b->of_parked = b->saving = b->counted = false;
    b->repeats = b->applied = b->rejected = 0;
}

void engine_batch_free(struct engine_batch *b)
{
    engine_batch_clear(b);
    engine_decide_free(b);
    engine_sheet_free(b->sheet);
    free(b->items.items);
    free(b->rows.items);
    free(b->claims.items);
    free(b->lookups.items);
    free(b->wants.items);
    free(b->ticks.items);
    free(b->outcomes.items);
    free(b->quarantined.items);
    free(b->conflicts.items);
    free(b->parks.items);
    free(b->unparks.items);
    free(b->unrequests.items);
}

/* ---- the end of a batch that did not happen ---- */

static void unbusy_all(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    for (size_t i = 0; i < b->claims.count; i++)
        engine_lane_unbusy(e, &e->lanes[b->claims.items[i].lane]);
}

static void give_up(struct engine *e, bool roll_back)
{
    e->op = OP_NONE;
    if (roll_back)
        e->ports.store.roll_back(e->ports.store.ctx);
    unbusy_all(e);
    engine_batch_clear(&e->batch);
}

static void back_off(struct engine *e)
{
    int64_t wait = RETRY_MS << (e->failures < 7 ? e->failures : 7);
    if (wait > RETRY_MS_MAX)
        wait = RETRY_MS_MAX;
    if (e->failures >= 3 && e->batch_limit > 1)
        e->batch_limit /= 2; /* what fails again and again may be too much at once */
    e->stats.batch_limit = e->batch_limit;
    e->failures++;
    e->stats.batches_retried++;
    e->batch_after_ms = engine_now_ms(e) + wait / 2 + (int64_t)(engine_random(e) % (uint64_t)wait);
}

/* ---- claimed and loaded ---- */

static bool put_loaded(struct engine_batch *b, const struct engine_loaded *loaded)
{
    for (size_t i = 0; i < loaded->known_count; i++) {
        const struct engine_known *k = &loaded->known[i];
        engine_known_add(b, &k->account, &k->id, k->day, k->has_hash ? &k->hash : NULL);
    }
    for (size_t i = 0; i < loaded->due_count; i++)
        if (engine_sheet_note_due(b->sheet, loaded->due[i].lane, &loaded->due[i].key) != MR_OK)
            return false;
    for (size_t i = 0; i < loaded->entity_count; i++)
        if (engine_sheet_put(b->sheet, &loaded->entities[i]) != MR_OK)
            return false;
    return true;
}

/* The same again with fewer commands, down to one: that is parked. */
static void too_large(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    size_t *cut = b->of_parked ? &e->parked_cut : &e->cut;
    const struct engine_command *first = b->items.items[0].command;
    bool again = engine_poison_is(e, first); /* not even its refusal fits */
    if (*cut == 1)                           /* and no neighbour's keys were in its way */
        engine_poison_set(e, first, ENGINE_TOO_LARGE);
    *cut = b->items.count > 1 ? b->items.count / 2 : 1;
    e->parked_turn = b->of_parked;
    e->refused = true;
    e->stats.batches_retried++;
    give_up(e, true);
    if (again)
        back_off(e);
    engine_work(e);
}

static void save(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    enum engine_batch_decided decided = engine_batch_decide(e);
    if (decided == ENGINE_BATCH_TOO_LARGE) {
        too_large(e);
        return;
    }
    if (decided == ENGINE_BATCH_NOTHING) {
        for (size_t i = 0; i < b->claims.count; i++) /* nothing to do: what was read was old */
            engine_requests_set(&e->lanes[b->claims.items[i].lane], NULL, 0);
        give_up(e, true);
        engine_work(e);
        return;
    }
    struct engine_save save = {
        .outcomes = b->outcomes.items,
        .outcome_count = b->outcomes.count,
        .quarantined = b->quarantined.items,
        .quarantined_count = b->quarantined.count,
        .conflicts = b->conflicts.items,
        .conflict_count = b->conflicts.count,
        .parks = b->parks.items,
        .park_count = b->parks.count,
        .unparks = b->unparks.items,
        .unpark_count = b->unparks.count,
        .unrequests = b->unrequests.items,
        .unrequest_count = b->unrequests.count,
    };
    save.events = engine_sheet_events(b->sheet, &save.event_count);
    save.entities = engine_sheet_writes(b->sheet, &save.entity_count);
    save.rows = engine_sheet_rows(b->sheet, &save.row_count);
    for (size_t i = 0; i < b->rows.count; i++) {
        struct engine_lane *l = &e->lanes[b->rows.items[i].lane];
        b->rows.items[i].published = l->publish.published;
        b->rows.items[i].event_offset = l->publish.event_offset;
    }
    save.lanes = b->rows.items;
    save.lane_count = b->rows.count;
    if (ENGINE_BUG(EARLY_PUBLISH))
        for (size_t i = 0; i < save.event_count; i++)
            engine_publish_unsaved(e, &e->lanes[save.events[i].lane], &save.events[i]);
    b->saving = true;
    e->op = OP_SAVE;
    e->ports.store.save(e->ports.store.ctx, &save);
}

static void lane_of_key_gone(struct engine *e, const struct engine_loaded *loaded)
{
    struct engine_batch *b = &e->batch;
    for (size_t i = 0; i < b->wants.count; i++) {
        bool found = false;
        for (size_t k = 0; k < loaded->parked_count && !found; k++)
            found = mr_slice_equal(loaded->parked[k].record.in.key, b->wants.items[i].key);
        if (!found)
            engine_held_gone(&e->lanes[b->wants.items[i].lane], b->wants.items[i].key);
    }
}

/* The parked records become items; then their entities are loaded. */
static void take_parked(struct engine *e, const struct engine_loaded *loaded)
{
    struct engine_batch *b = &e->batch;
    lane_of_key_gone(e, loaded);
    b->wants.count = 0; /* their keys may have gone with it */
    size_t count = loaded->parked_count;
    if (e->parked_cut && count > e->parked_cut)
        count = e->parked_cut;
    for (size_t i = 0; i < count; i++) {
        const struct engine_parked *p = &loaded->parked[i];
        struct engine_command *c =
            engine_command_new(&p->record, e->domain, e->options.lanes, &e->ports.checker);
        if (p->action != ENGINE_DROP && !engine_batch_prepare(e, c, true)) {
            engine_command_free(c);
            break; /* the sheet is full: the rest is for the next batch */
        }
        *ENGINE_ADD(&b->items) = (struct engine_item){
            .command = c,
            .lane = &e->lanes[p->record.lane],
            .action = p->action == ENGINE_NEW ? ENGINE_RETRY : p->action,
            .behind = p->behind,
            .filed = p->action != ENGINE_NEW,
        };
    }
    struct engine_load load = engine_batch_load(b);
    e->op = OP_LOAD;
    e->ports.store.load(e->ports.store.ctx, &load);
}

/* Ticks name what is touched because of what is due. False: the sheet is full. */
static bool want_after(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    for (size_t i = 0; i < b->ticks.count; i++) {
        const struct engine_command *c = b->items.items[b->ticks.items[i]].command;
        struct engine_input input = engine_command_input(c);
        if (!c->body || engine_poison_is(e, c) || engine_known_find(b, c))
            continue;
        if (engine_sheet_want_after(b->sheet, &input) != MR_OK)
            return false;
    }
    return true;
}

/* What they named is loaded as well. False: there is nothing to load. */
static bool load_after(struct engine *e)
{
    size_t count;
    const struct engine_key *keys = engine_sheet_keys(e->batch.sheet, &count);
    size_t asked = e->batch.keys_asked;
    if (count == asked)
        return false;
    e->op = OP_LOAD;
    e->ports.store.load(e->ports.store.ctx,
                        &(struct engine_load){.keys = keys + asked, .key_count = count - asked});
    return true;
}

static bool failed(struct engine *e, enum engine_answer answer)
{
    if (answer == ENGINE_DONE)
        return false;
    give_up(e, answer != ENGINE_LOST); /* nothing was committed: no doubt */
    back_off(e);
    engine_work(e);
    return true;
}

void engine_on_begun(struct engine *e, enum engine_answer answer, const int32_t *missed,
                     size_t missed_count, const struct engine_loaded *loaded)
{
    struct engine_batch *b = &e->batch;
    assert(e->op == OP_BEGIN);
    if (failed(e, answer))
        return;
    if (missed_count > 0 && !ENGINE_BUG(NO_FENCE)) {
        give_up(e, true);
        for (size_t i = 0; i < missed_count; i++)
            if (engine_lane_is_owned(&e->lanes[missed[i]]))
                engine_lane_lose(e, &e->lanes[missed[i]]);
        engine_work(e);
    } else if (b->of_parked) {
        take_parked(e, loaded);
    } else if (!put_loaded(b, loaded) || !want_after(e)) {
        too_large(e);
    } else if (!load_after(e)) {
        save(e);
    }
}

void engine_on_loaded(struct engine *e, enum engine_answer answer,
                      const struct engine_loaded *loaded)
{
    assert(e->op == OP_LOAD);
    if (failed(e, answer))
        return;
    if (put_loaded(&e->batch, loaded))
        save(e);
    else
        too_large(e);
}

/* ---- saved
 * ----------------------------------------------------------------------------------------------------
 */

static void learn_parked(struct engine *e, struct engine_lane *l)
{
    struct engine_batch *b = &e->batch;
    for (size_t i = 0; b->of_parked && i < b->items.count; i++)
        if (b->items.items[i].lane == l && b->items.items[i].settled)
            engine_held_settled(l, b->items.items[i].command->record.in.key);
    for (size_t i = 0; i < b->parks.count; i++) {
        const struct engine_park *p = &b->parks.items[i];
        if (p->lane != l->lane)
            continue; /* another lane's commands may be gone already */
        const struct mr_record *in = &p->command->record.in;
        if (p->was_parked)
            engine_held_kept(l, in->key, in->position);
        else
            engine_held_parked(l, in->key, in->position, p->behind);
        if (!p->behind)
            engine_tell(e, ENGINE_COMMAND_PARKED, l->lane, "position %lld is parked: %s",
                        (long long)in->position, p->cause);
    }
    if (b->of_parked)
        engine_requests_set(l, NULL, 0); /* what is left is read again by the next look */
}

/* Another owner may have written ticks that this one has not. */
static void learn_ticks(const struct engine_batch *b, struct engine_lane *l)
{
    for (size_t i = 0; i < b->ticks.count; i++) {
        const struct engine_item *item = &b->items.items[b->ticks.items[i]];
        if (item->lane != l || item->command->record.in.position >= l->row.applied)
            continue;
        if (item->command->due_ms > l->ticked_ms)
            l->ticked_ms = item->command->due_ms;
    }
}

/* The transaction happened: memory follows the row. */
static void learn(struct engine *e, struct engine_lane *l)
{
    struct engine_batch *b = &e->batch;
    size_t count;
    const struct engine_event *events = engine_sheet_events(b->sheet, &count);
    for (size_t i = 0; i < b->rows.count; i++)
        if (b->rows.items[i].lane == l->lane)
            l->row = b->rows.items[i];
    for (size_t i = 0; i < count; i++)
        if (events[i].lane == l->lane)
            engine_publish_add(l, &events[i]);
    learn_parked(e, l);
    learn_ticks(b, l);
    for (size_t i = 0; i < b->quarantined.count; i++)
        if (b->quarantined.items[i].lane == l->lane)
            engine_tell(e, ENGINE_COMMAND_QUARANTINED, l->lane, "position %lld is quarantined: %s",
                        (long long)b->quarantined.items[i].command->record.in.position,
                        b->quarantined.items[i].cause);
    if (!b->of_parked)
        while (l->queue && l->queue->record.in.position < l->row.applied)
            engine_queue_pop(e, l);
    l->lost_in_row = 0;
    engine_lane_note_published(e, l);
    engine_publish_pump(e, l);
    e->ports.log.progress(e->ports.log.ctx, l->lane, l->row.applied);
}

static void count(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    size_t events;
    b->counted = true;
    engine_sheet_events(b->sheet, &events);
    e->stats.batches++;
    e->stats.commands_applied += b->applied;
    e->stats.commands_rejected += b->rejected;
    e->stats.commands_repeated += b->repeats;
    e->stats.commands_conflicting += b->conflicts.count;
    e->stats.commands_parked += b->parks.count;
    e->stats.commands_quarantined += b->quarantined.count;
    e->stats.events_committed += events;
}

static void adapt(struct engine *e)
{
    const struct engine_batch *b = &e->batch;
    int64_t took = engine_now_ms(e) - b->begun_ms, target = e->options.commit_target_ms;
    if (b->of_parked) {
        e->parked_cut = b->items.count < e->parked_cut ? 0 : e->parked_cut * 2;
        return;
    }
    if (e->cut) {
        e->cut *= 2; /* the search for a refused row goes on behind it */
        if (e->cut >= e->batch_limit)
            e->cut = 0;
    } else if (took > target) {
        e->batch_limit = e->batch_limit * (size_t)target / (size_t)took;
    } else if (b->items.count >= e->batch_limit && took * 2 < target) {
        e->batch_limit *= 2;
    }
    if (e->batch_limit < BATCH_LIMIT_MIN)
        e->batch_limit = BATCH_LIMIT_MIN;
    if (e->batch_limit > e->options.batch_commands_max)
        e->batch_limit = e->options.batch_commands_max;
    e->stats.batch_limit = e->batch_limit;
}

/* The database refuses a row: the largest good prefix is searched by halves, and the one command
 * that is refused alone is parked. */
static void refused(struct engine *e, const char *detail)
{
    struct engine_batch *b = &e->batch;
    const struct engine_item *first = b->items.items;
    bool alone = b->items.count == 1, none = b->items.count == 0;
    bool again = alone && engine_poison_is(e, first->command);
    if (b->items.count > 1) {
        *(b->of_parked ? &e->parked_cut : &e->cut) = b->items.count / 2;
    } else if (alone) {
        engine_poison_set(e, first->command, detail ? detail : "refused");
        e->poison_aside = again && !b->of_parked;
    }
    e->parked_turn = b->of_parked;
    e->refused = true;
    e->stats.batches_retried++;
    give_up(e, false); /* the failed transaction is over */
    if (again || none)
        back_off(e);
}

bool engine_batch_settled(struct engine *e, struct engine_lane *l, bool committed)
{
    const struct engine_batch *b = &e->batch;
    bool claimed = false;
    for (size_t i = 0; i < b->claims.count && !claimed; i++)
        claimed = b->claims.items[i].lane == l->lane;
    if (!claimed || !committed)
        return claimed;
    learn(e, l);
    if (!b->counted)
        count(e);
    return true;
}

void engine_on_saved(struct engine *e, enum engine_answer answer, const char *detail)
{
    struct engine_batch *b = &e->batch;
    assert(e->op == OP_SAVE);
    if (answer == ENGINE_DONE) {
        e->op = OP_NONE;
        e->failures = 0;
        e->batch_after_ms = 0;
        e->poison_position = -1;
        e->poison_aside = false;
        e->refused = false;
        e->turn = e->cut ? e->turn : (e->turn + 1) % e->options.lanes;
        for (size_t i = 0; i < b->claims.count; i++)
            learn(e, &e->lanes[b->claims.items[i].lane]);
        count(e);
        adapt(e);
        unbusy_all(e);
        engine_batch_clear(b);
    } else if (answer == ENGINE_LOST) {
        e->op = OP_NONE;
        e->doubtful_batch = true;
        for (size_t i = 0; i < b->claims.count; i++) {
            struct engine_lane *l = &e->lanes[b->claims.items[i].lane];
            l->doubt = true;
            engine_lane_unbusy(e, l); /* revoked meanwhile: the next owner finds what happened */
        }
    } else if (answer == ENGINE_REFUSED) {
        refused(e, detail);
    } else {
        give_up(e, false);
        back_off(e);
    }
    engine_work(e);
}
