/* A batch's items, one after the other: repeat, conflict, held back, parked, refused or decided. */
#include "engine_lane.h"

#include <assert.h>
#include <stdio.h>

/* ---- what is known of ids ---- */

struct engine_fresh_key {
    struct mr_slice key;
    UT_hash_handle hh;
};

/* Ids are chosen by clients: the fence, which nobody can foresee, keeps them from one place. */
static size_t known_place(const struct engine_batch *b, const struct mr_uuid *account,
                          const struct mr_uuid *id)
{
    uint64_t words[4], h = b->claims.count > 0 ? b->claims.items[0].fence_new : 0;
    memcpy(words, account->bytes, sizeof account->bytes);
    memcpy(words + 2, id->bytes, sizeof id->bytes);
    for (int i = 0; i < 4; i++) {
        h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return (size_t)h & (b->known_places - 1);
}

static void known_link(struct engine_batch *b, size_t i)
{
    struct engine_known_id *k = &b->known.items[i];
    uint32_t *first = &b->known_first[known_place(b, &k->account, &k->id)];
    k->next = *first;
    *first = (uint32_t)i + 1;
}

static void known_grow(struct engine_batch *b)
{
    free(b->known_first);
    b->known_places = b->known_places ? b->known_places * 2 : 1024;
    b->known_first = calloc(b->known_places, sizeof *b->known_first);
    if (!b->known_first)
        abort();
    for (size_t i = 0; i < b->known.count; i++)
        known_link(b, i);
}

void engine_known_add(struct engine_batch *b, const struct mr_uuid *account,
                      const struct mr_uuid *id, int32_t day, const struct mr_digest *hash)
{
    struct engine_known_id *k = ENGINE_ADD(&b->known);
    k->account = *account;
    k->id = *id;
    k->day = day;
    k->has_hash = hash != NULL;
    if (hash)
        k->hash = *hash;
    if (b->known.count > b->known_places)
        known_grow(b);
    else
        known_link(b, b->known.count - 1);
}

static bool known_bug(const struct engine_command *c)
{
    return (ENGINE_BUG(TICK_TWICE) && c->is_tick) ||
           (ENGINE_BUG(SEEN_SKIPPED) && c->keep == ENGINE_KEEP_ID && !c->is_tick) ||
           (ENGINE_BUG(FACT_TWICE) && c->keep == ENGINE_KEEP_FACT);
}

/* The command's id, seen on its day or the two before; or on the next one, since a new leader of
 * the partition may have a clock that is behind. */
const struct engine_known_id *engine_known_find(const struct engine_batch *b,
                                                const struct engine_command *c)
{
    if (b->known.count == 0 || known_bug(c))
        return NULL;
    uint32_t at = b->known_first[known_place(b, &c->ce.account, &c->ce.id)];
    while (at) {
        const struct engine_known_id *k = &b->known.items[at - 1];
        if (mr_uuid_equal(&k->id, &c->ce.id) && mr_uuid_equal(&k->account, &c->ce.account) &&
            k->day <= c->day + 1 && k->day >= c->day - 2)
            return k;
        at = k->next;
    }
    return NULL;
}

void engine_decide_clear(struct engine_batch *b)
{
    struct engine_fresh_key *f, *next;
    if (b->known.count > 0)
        memset(b->known_first, 0, b->known_places * sizeof *b->known_first);
    b->known.count = 0;
    HASH_ITER (hh, b->fresh, f, next) {
        HASH_DEL(b->fresh, f);
        free(f);
    }
}

void engine_decide_free(struct engine_batch *b)
{
    engine_decide_clear(b);
    free(b->known.items);
    free(b->known_first);
}

static bool is_held(const struct engine_batch *b, const struct engine_item *item)
{
    struct mr_slice key = item->command->record.in.key;
    struct engine_fresh_key *f;
    if (ENGINE_BUG(KEY_NOT_HELD))
        return false;
    if (engine_held_find(item->lane, key))
        return true;
    HASH_FIND(hh, b->fresh, key.data, key.len, f); /* a key belongs to one lane */
    return f != NULL;
}

/* ---- outcomes ---- */

static void park(struct engine_batch *b, const struct engine_item *item, const char *cause,
                 bool behind)
{
    const struct engine_command *c = item->command;
    bool was_parked = item->action != ENGINE_NEW;
    assert(!c->is_tick); /* the next one does its work */
    *ENGINE_ADD(&b->parks) = (struct engine_park){
        .lane = item->lane->lane,
        .command = c,
        .cause = cause,
        .behind = behind,
        .was_parked = was_parked,
    };
    if (was_parked)
        return;
    if (c->keep == ENGINE_KEEP_FULL)
        *ENGINE_ADD(&b->outcomes) =
            (struct engine_outcome){.command = c, .status = ENGINE_OUTCOME_PARKED};
    if (behind)
        return;
    struct engine_fresh_key *f = calloc(1, sizeof *f);
    if (!f)
        abort();
    f->key = c->record.in.key;
    HASH_ADD_KEYPTR(hh, b->fresh, f->key.data, f->key.len, f);
}

static void unpark(struct engine_batch *b, struct engine_item *item)
{
    if (item->action == ENGINE_NEW)
        return;
    item->settled = true;
    *ENGINE_ADD(&b->unparks) = (struct engine_position){
        .lane = item->lane->lane, .position = item->command->record.in.position};
}

/* refusal NULL: it is applied. */
static void note_outcome(struct engine_batch *b, const struct engine_item *item,
                         const struct engine_refusal *refusal)
{
    bool was_parked = item->action != ENGINE_NEW;
    if (item->command->keep == ENGINE_KEEP_FACT && !was_parked)
        return;
    *ENGINE_ADD(&b->outcomes) = (struct engine_outcome){
        .command = item->command,
        .status = refusal ? ENGINE_OUTCOME_REJECTED : ENGINE_OUTCOME_APPLIED,
        .refusal = refusal ? *refusal : (struct engine_refusal){0},
        .was_parked = was_parked,
    };
}

static const struct engine_refusal dropped = {.problem = "dropped",
                                              .detail = "An operator dropped this parked command."};

static void set_aside(struct engine_batch *b, struct engine_item *item, const char *cause)
{
    *ENGINE_ADD(&b->quarantined) =
        (struct engine_aside){.lane = item->lane->lane, .command = item->command, .cause = cause};
    unpark(b, item);
}

/* Numbers the events that the command gave and notes its outcome. */
static void settle(struct engine_batch *b, struct engine_item *item, struct engine_row *row,
                   size_t events_before, const struct engine_refusal *refusal)
{
    size_t count;
    struct engine_event *events = engine_sheet_events(b->sheet, &count);
    for (size_t i = events_before; i < count; i++) {
        events[i].lane = row->lane;
        events[i].sequence = row->next_event++;
    }
    note_outcome(b, item, refusal);
    b->applied += !refusal;
    b->rejected += refusal != NULL;
    unpark(b, item);
}

enum done { DONE, DONE_FULL, DONE_UNDECLARED, DONE_REFUSED };

/* Decides by the domain, or refuses what needs no deciding. */
static enum done decide(struct engine *e, struct engine_item *item, struct engine_row *row,
                        struct engine_refusal *refusal)
{
    struct engine_batch *b = &e->batch;
    const struct engine_checker *checker = &e->ports.checker;
    const struct engine_command *c = item->command;
    struct engine_input input = engine_command_input(c);
    enum engine_decided d;
    size_t before;
    engine_sheet_events(b->sheet, &before);
    *refusal = c->invalid;
    if (item->action == ENGINE_DROP)
        *refusal = dropped;
    if (refusal->problem)
        d = engine_sheet_refuse(b->sheet, &input, c->record.in.key, refusal);
    else
        d = engine_sheet_decide(b->sheet, c, &input, c->record.in.key, refusal);
    if (d == ENGINE_DECIDED_FULL)
        return DONE_FULL;
    bool fact = c->keep == ENGINE_KEEP_FACT;
    if (d == ENGINE_DECIDED_REJECTED &&
        (fact || !checker->declares(checker->ctx, &c->ce, refusal->problem))) {
        engine_sheet_take_back(b->sheet, before);
        return fact ? DONE_REFUSED : DONE_UNDECLARED;
    }
    settle(b, item, row, before, d == ENGINE_DECIDED_REJECTED ? refusal : NULL);
    return DONE;
}

void engine_poison_set(struct engine *e, const struct engine_command *c, const char *cause)
{
    e->poison_lane = c->record.lane;
    e->poison_position = c->record.in.position;
    e->poison_aside = false;
    snprintf(e->poison_cause, sizeof e->poison_cause, "%s", cause);
}

bool engine_poison_is(const struct engine *e, const struct engine_command *c)
{
    return e->poison_position == c->record.in.position && e->poison_lane == c->record.lane;
}

/* Why the command cannot be decided now, though it may be later. NULL: it can. */
static const char *undecidable(const struct engine *e, const struct engine_item *item)
{
    const struct engine_command *c = item->command;
    if (item->action == ENGINE_DROP)
        return NULL;
    if (engine_poison_is(e, c))
        return e->poison_cause;
    if (c->quarantine)
        return c->quarantine; /* a parked one whose key is not what its schema says */
    return c->known ? NULL : "unknown-type";
}

/* ---- items ---- */

/* Decides the command, or does with it what is done with one that cannot be decided. False: the
 * sheet is full. */
static bool decide_or_park(struct engine *e, struct engine_item *item, struct engine_row *row)
{
    struct engine_batch *b = &e->batch;
    struct engine_refusal refusal;
    const char *cause;
    switch (decide(e, item, row, &refusal)) {
    case DONE_FULL:
        return false;
    case DONE_UNDECLARED:
        if (item->command->is_tick)
            set_aside(b, item, "refusal-not-declared");
        else
            park(b, item, "refusal-not-declared", false);
        return true;
    case DONE_REFUSED: /* a fact: nobody is told */
        cause = mr_arena_printf(engine_sheet_arena(b->sheet), "refused: %s", refusal.problem);
        set_aside(b, item, cause ? cause : "refused");
        if (item->action != ENGINE_NEW)
            note_outcome(b, item, &refusal);
        return true;
    case DONE:
        break;
    }
    return true;
}

/* What is kept of the command tells repeats of it; what is only parked is told by its id. */
static void know(struct engine_batch *b, const struct engine_command *c, bool parked)
{
    bool hash = c->keep == ENGINE_KEEP_FULL || (c->keep == ENGINE_KEEP_ID && !parked);
    engine_known_add(b, &c->ce.account, &c->ce.id, c->day, hash ? &c->hash : NULL);
}

/* One whose id is new. False: the sheet is full. */
static bool decide_unknown(struct engine *e, struct engine_item *item, struct engine_row *row)
{
    struct engine_batch *b = &e->batch;
    const struct engine_command *c = item->command;
    const char *cause = undecidable(e, item);
    size_t parks = b->parks.count, asides = b->quarantined.count;
    if (c->is_tick && cause)
        set_aside(b, item, cause);
    else if (!c->is_tick && is_held(b, item))
        park(b, item, "waiting", true);
    else if (cause)
        park(b, item, cause, false);
    else if (!decide_or_park(e, item, row))
        return false;
    if (b->quarantined.count == asides)
        know(b, c, b->parks.count > parks);
    return true;
}

static bool conflicts(const struct engine_known_id *known, const struct engine_command *c)
{
    return known->has_hash && memcmp(&known->hash, &c->hash, sizeof c->hash) != 0;
}

static bool decide_new(struct engine *e, struct engine_item *item, struct engine_row *row)
{
    struct engine_batch *b = &e->batch;
    const struct engine_command *c = item->command;
    const char *aside = c->quarantine;
    if (e->poison_aside && engine_poison_is(e, c))
        aside = e->poison_cause;
    const struct engine_known_id *known = aside ? NULL : engine_known_find(b, c);
    if (aside)
        set_aside(b, item, aside);
    else if (known && conflicts(known, c))
        *ENGINE_ADD(&b->conflicts) = (struct engine_aside){.lane = row->lane, .command = c};
    else if (known)
        b->repeats++;
    else if (!decide_unknown(e, item, row))
        return false;
    row->applied = c->record.in.position + 1;
    return true;
}

/* A parked command of which no row of millrace.command is kept may have come again by a worker that
 * did not know its type, and parked it. True: there is nothing to decide. */
static bool is_no_new_one(struct engine *e, struct engine_item *item)
{
    struct engine_batch *b = &e->batch;
    const struct engine_command *c = item->command;
    if (c->keep == ENGINE_KEEP_FULL || c->quarantine || item->action == ENGINE_DROP)
        return false;
    const struct engine_known_id *known = engine_known_find(b, c);
    if (!known)
        return false;
    if (conflicts(known, c))
        *ENGINE_ADD(&b->conflicts) = (struct engine_aside){.lane = item->lane->lane, .command = c};
    else
        b->repeats++;
    if (c->keep == ENGINE_KEEP_FACT)
        note_outcome(b, item, NULL);
    unpark(b, item);
    return true;
}

/* Of a parked fact nobody is told that it is dropped, or that it is none after all. */
static bool fact_goes(struct engine *e, struct engine_item *item)
{
    struct engine_batch *b = &e->batch;
    const struct engine_command *c = item->command;
    if (c->keep != ENGINE_KEEP_FACT)
        return false;
    if (item->action == ENGINE_DROP) {
        note_outcome(b, item, &dropped);
        unpark(b, item);
    } else if (c->quarantine && c->invalid.problem) {
        note_outcome(b, item, &c->invalid);
        set_aside(b, item, c->quarantine);
    } else {
        return false;
    }
    return true;
}

/* The rows of a key come in order. *blocked: one of it could not be decided, the rest waits on. */
static bool decide_parked(struct engine *e, struct engine_item *item, struct engine_row *row,
                          bool *blocked)
{
    struct engine_batch *b = &e->batch;
    const char *cause = undecidable(e, item);
    size_t parks = b->parks.count;
    if (*blocked)
        return true;
    if (!item->behind && !item->filed) {
        *blocked = true; /* has a cause of its own, and nobody asked */
        return true;
    }
    if (!fact_goes(e, item) && !is_no_new_one(e, item)) {
        if (cause)
            park(b, item, cause, false);
        else if (!decide_or_park(e, item, row))
            return false;
    }
    *blocked = b->parks.count > parks;
    if (item->filed)
        *ENGINE_ADD(&b->unrequests) = (struct engine_position){
            .lane = row->lane, .position = item->command->record.in.position};
    return true;
}

static struct engine_row *row_of(struct engine_batch *b, int32_t lane)
{
    for (size_t i = 0; i < b->rows.count; i++)
        if (b->rows.items[i].lane == lane)
            return &b->rows.items[i];
    assert(!"every item's lane is claimed");
    return NULL;
}

/* The last command of a lane that was passed is what the lane's row tells. */
static void note_last(struct engine_row *row, const struct engine_item *item)
{
    if (!row || !item)
        return;
    row->last_record = engine_command_digest(item->command);
    row->has_last_record = true;
}

enum engine_batch_decided engine_batch_decide(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    const struct engine_item *passed = NULL; /* of the row's lane */
    struct engine_row *row = NULL;
    struct mr_slice key = {0};
    bool blocked = false;
    for (size_t i = 0; i < b->items.count; i++) {
        struct engine_item *item = &b->items.items[i];
        struct mr_slice item_key = item->command->record.in.key;
        if (!row || row->lane != item->lane->lane) {
            note_last(row, passed);
            passed = NULL;
            row = row_of(b, item->lane->lane);
        }
        if (!mr_slice_equal(key, item_key))
            blocked = false;
        key = item_key;
        bool room = b->of_parked ? decide_parked(e, item, row, &blocked) : decide_new(e, item, row);
        if (!room && i == 0)
            return ENGINE_BATCH_TOO_LARGE;
        if (!room)
            break; /* the batch is cut here; the rest waits */
        passed = b->of_parked ? NULL : item;
    }
    note_last(row, passed);
    bool any = b->of_parked ? b->unparks.count + b->parks.count + b->unrequests.count > 0
                            : b->items.count > 0;
    return any ? ENGINE_BATCH_DECIDED : ENGINE_BATCH_NOTHING;
}
