/* A batch's items, one after the other: repeat, conflict, held back, parked, refused or decided. */
#include "engine_lane.h"

#include <assert.h>
#include <stdio.h>

/* ---- what is known of ids, from the look-ups and from this batch ---- */

struct engine_known_id {
    struct {
        struct mr_uuid account, id;
    } key;
    int32_t day;
    struct mr_digest hash;
    struct engine_known_id *older; /* the same id on another day */
    UT_hash_handle hh;
};

struct engine_fresh_key { /* a key may occur in several lanes: a tick's does */
    struct mr_slice key;
    int32_t lane;
    struct engine_fresh_key *other; /* the same key in another lane */
    UT_hash_handle hh;
};

static void *get_zeroed(size_t bytes)
{
    void *p = calloc(1, bytes);
    if (!p)
        abort();
    return p;
}

void engine_known_add(struct engine_batch *b, const struct mr_uuid *account,
                      const struct mr_uuid *id, int32_t day, const struct mr_digest *hash)
{
    struct engine_known_id *k = get_zeroed(sizeof *k), *old;
    k->key.account = *account;
    k->key.id = *id;
    k->day = day;
    k->hash = *hash;
    HASH_FIND(hh, b->known, &k->key, sizeof k->key, old);
    if (old) {
        k->older = old->older;
        old->older = k;
    } else {
        HASH_ADD(hh, b->known, key, sizeof k->key, k);
    }
}

/* The command's id, seen on its day or the two before; or on the next one, since a new leader of
 * the partition may have a clock that is behind. */
static const struct engine_known_id *known_find(const struct engine_batch *b,
                                                const struct engine_command *c)
{
    struct {
        struct mr_uuid account, id;
    } key = {c->ce.account, c->ce.id};
    struct engine_known_id *k;
    HASH_FIND(hh, b->known, &key, sizeof key, k);
    while (k && (k->day > c->day + 1 || k->day < c->day - 2))
        k = k->older;
    return k;
}

void engine_decide_clear(struct engine_batch *b)
{
    struct engine_known_id *k, *k_next, *first = b->known;
    HASH_ITER (hh, b->known, k, k_next) {
        while (k->older) {
            struct engine_known_id *older = k->older;
            k->older = older->older;
            free(older);
        }
    }
    HASH_ITER (hh, first, k, k_next) {
        HASH_DEL(b->known, k);
        free(k);
        first = b->known;
    }
    struct engine_fresh_key *f, *f_next;
    HASH_ITER (hh, b->fresh, f, f_next) {
        HASH_DEL(b->fresh, f);
        while (f) {
            struct engine_fresh_key *other = f->other;
            free(f);
            f = other;
        }
    }
}

static bool is_held(const struct engine_batch *b, const struct engine_item *item)
{
    struct mr_slice key = item->command->record.in.key;
    struct engine_fresh_key *f;
    if (ENGINE_BUG(KEY_NOT_HELD))
        return false;
    if (engine_held_find(item->lane, key))
        return true;
    HASH_FIND(hh, b->fresh, key.data, key.len, f);
    while (f && f->lane != item->lane->lane)
        f = f->other;
    return f != NULL;
}

/* ---- outcomes ---- */

static void park(struct engine_batch *b, const struct engine_item *item, const char *cause,
                 bool behind)
{
    struct mr_slice key = item->command->record.in.key;
    bool was_parked = item->action != ENGINE_NEW;
    *ENGINE_ADD(&b->parks) = (struct engine_park){
        .lane = item->lane->lane,
        .command = item->command,
        .cause = cause,
        .behind = behind,
        .was_parked = was_parked,
    };
    if (was_parked)
        return;
    *ENGINE_ADD(&b->outcomes) =
        (struct engine_outcome){.command = item->command, .status = ENGINE_OUTCOME_PARKED};
    if (behind)
        return;
    struct engine_fresh_key *f = get_zeroed(sizeof *f), *first;
    f->key = key;
    f->lane = item->lane->lane;
    HASH_FIND(hh, b->fresh, key.data, key.len, first);
    if (first) {
        f->other = first->other;
        first->other = f;
    } else {
        HASH_ADD_KEYPTR(hh, b->fresh, f->key.data, f->key.len, f);
    }
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
    *ENGINE_ADD(&b->outcomes) = (struct engine_outcome){
        .command = item->command,
        .status = refusal ? ENGINE_OUTCOME_REJECTED : ENGINE_OUTCOME_APPLIED,
        .refusal = refusal ? *refusal : (struct engine_refusal){0},
        .was_parked = item->action != ENGINE_NEW,
    };
    b->applied += !refusal;
    b->rejected += refusal != NULL;
    if (item->action == ENGINE_NEW)
        return;
    item->settled = true;
    *ENGINE_ADD(&b->unparks) =
        (struct engine_position){.lane = row->lane, .position = item->command->record.in.position};
}

enum done { DONE, DONE_FULL, DONE_UNDECLARED };

/* Decides by the domain, or refuses what needs no deciding. */
static enum done decide(struct engine *e, struct engine_item *item, struct engine_row *row)
{
    struct engine_batch *b = &e->batch;
    const struct engine_checker *checker = &e->ports.checker;
    const struct engine_command *c = item->command;
    struct engine_input input = {
        .ce = &c->ce, .body = c->body, .time_ms = c->record.in.append_time_ms};
    struct engine_refusal refusal = c->invalid;
    enum engine_decided d;
    size_t before;
    engine_sheet_events(b->sheet, &before);
    if (item->action == ENGINE_DROP)
        refusal = (struct engine_refusal){.problem = "dropped",
                                          .detail = "An operator dropped this parked command."};
    if (refusal.problem)
        d = engine_sheet_refuse(b->sheet, &input, c->record.in.key, &refusal);
    else
        d = engine_sheet_decide(b->sheet, c, &input, c->record.in.key, &refusal);
    if (d == ENGINE_DECIDED_FULL)
        return DONE_FULL;
    if (d == ENGINE_DECIDED_REJECTED && !checker->declares(checker->ctx, &c->ce, refusal.problem)) {
        engine_sheet_take_back(b->sheet, before);
        return DONE_UNDECLARED;
    }
    settle(b, item, row, before, d == ENGINE_DECIDED_REJECTED ? &refusal : NULL);
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

/* False: the sheet is full. */
static bool decide_or_park(struct engine *e, struct engine_item *item, struct engine_row *row)
{
    enum done d = decide(e, item, row);
    if (d == DONE_UNDECLARED)
        park(&e->batch, item, "refusal-not-declared", false);
    return d != DONE_FULL;
}

static bool decide_new(struct engine *e, struct engine_item *item, struct engine_row *row)
{
    struct engine_batch *b = &e->batch;
    const struct engine_command *c = item->command;
    const char *aside = c->quarantine;
    if (e->poison_aside && engine_poison_is(e, c))
        aside = e->poison_cause;
    if (aside) {
        *ENGINE_ADD(&b->quarantined) =
            (struct engine_aside){.lane = row->lane, .command = c, .cause = aside};
    } else {
        const struct engine_known_id *known = known_find(b, c);
        const char *cause = undecidable(e, item);
        if (known && memcmp(&known->hash, &c->hash, sizeof c->hash) != 0)
            *ENGINE_ADD(&b->conflicts) = (struct engine_aside){.lane = row->lane, .command = c};
        else if (known)
            b->repeats++;
        else if (is_held(b, item))
            park(b, item, "waiting", true);
        else if (cause)
            park(b, item, cause, false);
        else if (!decide_or_park(e, item, row))
            return false;
        if (!known)
            engine_known_add(b, &c->ce.account, &c->ce.id, c->day, &c->hash);
    }
    row->applied = c->record.in.position + 1;
    row->last_record = c->digest;
    row->has_last_record = true;
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
    if (cause) {
        park(b, item, cause, false);
    } else if (!decide_or_park(e, item, row)) {
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

enum engine_batch_decided engine_batch_decide(struct engine *e)
{
    struct engine_batch *b = &e->batch;
    struct engine_row *row = NULL;
    struct mr_slice key = {0};
    bool blocked = false;
    for (size_t i = 0; i < b->items.count; i++) {
        struct engine_item *item = &b->items.items[i];
        struct mr_slice item_key = item->command->record.in.key;
        if (!row || row->lane != item->lane->lane)
            row = row_of(b, item->lane->lane);
        if (!mr_slice_equal(key, item_key))
            blocked = false;
        key = item_key;
        bool room = b->of_parked ? decide_parked(e, item, row, &blocked) : decide_new(e, item, row);
        if (!room && i == 0)
            return ENGINE_BATCH_TOO_LARGE;
        if (!room)
            break; /* the batch is cut here; the rest waits */
    }
    bool any = b->of_parked ? b->outcomes.count + b->parks.count + b->unrequests.count > 0
                            : b->items.count > 0;
    return any ? ENGINE_BATCH_DECIDED : ENGINE_BATCH_NOTHING;
}
