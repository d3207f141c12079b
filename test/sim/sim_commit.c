/* A commit, and what must hold of every one. Nothing here asks the engine. */
#include "sim.h"

#include "billing_domain.h"
#include "engine_command.h"
#include "sim_tally.h"
#include <assert.h>
#include <stdlib.h>

bool sim_is_foreign(const struct sim_record *r)
{
    bool no_fact = r->kind == SIM_BROKEN || r->kind == SIM_EMPTY;
    return r->kind >= SIM_STRANGE || (r->keep == ENGINE_KEEP_FACT && no_fact);
}

bool sim_is_same(const struct sim_record *a, const struct sim_record *b)
{
    return a->account == b->account && mr_uuid_equal(&a->id, &b->id);
}

static const struct sim_record *record_at(const struct sim *s, int lane, int64_t position)
{
    return &s->topics.records[lane][position];
}

/* Another position of the same command that has a row in one of the tables; -1: none. */
static int64_t row_in(const struct sim *s, int lane, int64_t position, unsigned tables)
{
    const struct sim_record *r = record_at(s, lane, position);
    for (int64_t p = 0; p < s->topics.record_count[lane]; p++)
        if (p != position && (s->db.lanes[lane].tables[p] & tables) &&
            sim_is_same(record_at(s, lane, p), r))
            return p;
    return -1;
}

/* ---- outcomes ---- */

static enum sim_outcome outcome_of(const struct engine_outcome *o)
{
    if (o->status == ENGINE_OUTCOME_APPLIED)
        return SIM_APPLIED;
    if (o->status == ENGINE_OUTCOME_PARKED)
        return SIM_PARKED;
    return strcmp(o->refusal.problem, "dropped") == 0 ? SIM_DROPPED : SIM_REJECTED;
}

/* What the database's unique indexes refuse. */
static void commit_row(struct sim *s, int lane, int64_t position, unsigned table)
{
    if (row_in(s, lane, position, table) >= 0 || (s->db.lanes[lane].tables[position] & table))
        sim_bad(s, "the command at position %lld of lane %d has a row already", (long long)position,
                lane);
    s->db.lanes[lane].tables[position] |= table;
}

/* The command takes effect: once, and in the order of its key. */
static void commit_effect(struct sim *s, int lane, int64_t position)
{
    const struct sim_record *r = record_at(s, lane, position);
    struct sim_db_lane *l = &s->db.lanes[lane];
    for (int64_t p = 0; p < s->topics.record_count[lane]; p++)
        if (p != position && (l->outcome[p] == SIM_APPLIED || l->outcome[p] == SIM_KEPT) &&
            sim_is_same(record_at(s, lane, p), r))
            sim_bad(s, "position %lld of lane %d takes effect again, after %lld",
                    (long long)position, lane, (long long)p);
    if (sim_is_foreign(r) || r->kind == SIM_BROKEN || r->kind == SIM_LARGE || r->kind == SIM_EMPTY)
        sim_bad(s, "position %lld of lane %d must be refused and takes effect", (long long)position,
                lane);
}

/* In a save, outcomes come in the order in which they were decided, and facts too; both lie behind
 * what was decided before. */
static void commit_order(struct sim *s, int lane, int64_t position,
                         int64_t (*last)[SIM_ACCOUNTS + 1])
{
    int account = record_at(s, lane, position)->account;
    int64_t before = s->db.lanes[lane].decided[account];
    if (last[lane][account] > before)
        before = last[lane][account];
    if (position < before)
        sim_bad(s, "order of a key broken: position %lld of lane %d after %lld",
                (long long)position, lane, (long long)before);
    last[lane][account] = position;
}

static void commit_decided(struct sim *s, int64_t (*last)[SIM_ACCOUNTS + 1])
{
    for (int lane = 0; lane < SIM_LANES; lane++)
        for (int i = 0; i <= SIM_ACCOUNTS; i++)
            if (last[lane][i] > s->db.lanes[lane].decided[i])
                s->db.lanes[lane].decided[i] = last[lane][i];
}

static void commit_outcome_row(struct sim *s, const struct engine_outcome *o)
{
    int lane = o->command->record.lane;
    int64_t position = o->command->record.in.position;
    bool has_row = s->db.lanes[lane].tables[position] & SIM_IN_COMMAND;
    if (o->command->keep == ENGINE_KEEP_ID)
        commit_row(s, lane, position, SIM_IN_SEEN);
    else if (!o->was_parked)
        commit_row(s, lane, position, SIM_IN_COMMAND);
    else if (!has_row)
        sim_bad(s, "position %lld of lane %d has no row that could change", (long long)position,
                lane);
}

static void commit_outcome(struct sim *s, const struct engine_outcome *o,
                           int64_t (*last)[SIM_ACCOUNTS + 1])
{
    const struct sim_record *r = sim_record_of(s, o->command);
    int lane = o->command->record.lane;
    int64_t position = o->command->record.in.position;
    struct sim_db_lane *l = &s->db.lanes[lane];
    enum sim_outcome was = l->outcome[position], now = outcome_of(o);
    if (o->command->keep == ENGINE_KEEP_FACT) { /* may change a row of millrace.command */
        if (!o->was_parked)
            sim_bad(s, "the fact at position %lld has an outcome", (long long)position);
        return;
    }
    if (r->kind >= SIM_STRANGE)
        sim_bad(s, "position %lld of lane %d is no command of the lane and got an outcome",
                (long long)position, lane);
    if (s->strict && now == SIM_REJECTED && strcmp(o->refusal.problem, SIM_UNDECLARED) == 0)
        sim_bad(s, "position %lld of lane %d is answered by what its schema does not list",
                (long long)position, lane);
    if (was != (o->was_parked ? SIM_PARKED : SIM_NONE))
        sim_bad(s, "position %lld of lane %d has two outcomes", (long long)position, lane);
    if (now == SIM_PARKED && o->command->keep != ENGINE_KEEP_FULL)
        sim_bad(s, "of position %lld only the parked row is to tell", (long long)position);
    commit_outcome_row(s, o);
    if (now == SIM_APPLIED || now == SIM_REJECTED)
        commit_order(s, lane, position, last);
    if (now == SIM_APPLIED) {
        bool tick = r->account == SIM_NOBODY;
        commit_effect(s, lane, position);
        s->ticks_applied += tick;
        if (s->tally && !tick)
            s->db.counted += r->amount_minor;
        else
            s->db.cash_minor += r->amount_minor;
    }
    l->outcome[position] = now;
}

static void commit_fact(struct sim *s, const struct engine_row_write *row,
                        int64_t (*last)[SIM_ACCOUNTS + 1])
{
    const struct sim_record *r = sim_record_of(s, row->command);
    int lane = row->command->record.lane;
    int64_t position = row->command->record.in.position;
    struct sim_db_lane *l = &s->db.lanes[lane];
    if (r->keep != ENGINE_KEEP_FACT || memcmp(row->bytes, &r->amount_minor, sizeof(int64_t)) != 0)
        sim_bad(s, "position %lld of lane %d is not the fact that is stored", (long long)position,
                lane);
    if (l->outcome[position] != SIM_NONE && l->outcome[position] != SIM_PARKED)
        sim_bad(s, "position %lld of lane %d has two outcomes", (long long)position, lane);
    commit_row(s, lane, position, SIM_IN_FACTS);
    commit_effect(s, lane, position);
    commit_order(s, lane, position, last);
    s->facts_stored++;
    l->outcome[position] = SIM_KEPT;
}

/* ---- what is set aside, and what was passed without a word ---- */

/* Another command is kept under its id. A fact is none but for who does not know its type. */
static bool is_conflict(const struct sim *s, int lane, int64_t position)
{
    const struct sim_record *r = record_at(s, lane, position);
    for (int64_t p = 0; p < s->topics.record_count[lane]; p++)
        if (p != position && (s->db.lanes[lane].tables[p] & (SIM_IN_COMMAND | SIM_IN_SEEN)) &&
            sim_is_same(record_at(s, lane, p), r) &&
            memcmp(&record_at(s, lane, p)->hash, &r->hash, sizeof r->hash) != 0)
            return r->keep != ENGINE_KEEP_FACT || r->kind == SIM_UNKNOWN;
    return false;
}

static void commit_aside(struct sim *s, const struct engine_aside *a, enum sim_outcome outcome)
{
    int lane = a->command->record.lane;
    int64_t position = a->command->record.in.position;
    struct sim_db_lane *l = &s->db.lanes[lane];
    const struct sim_record *r = sim_record_of(s, a->command);
    bool was_parked = l->outcome[position] == SIM_PARKED && r->keep != ENGINE_KEEP_FULL;
    if (l->outcome[position] != SIM_NONE && !was_parked)
        sim_bad(s, "position %lld of lane %d has two outcomes", (long long)position, lane);
    if (sim_is_foreign(r) != (outcome == SIM_QUARANTINED))
        sim_bad(s, "position %lld of lane %d is set aside for the wrong reason: %s",
                (long long)position, lane, a->cause ? a->cause : "conflict");
    if (outcome == SIM_CONFLICT && !is_conflict(s, lane, position))
        sim_bad(s, "position %lld of lane %d is no conflict", (long long)position, lane);
    l->outcome[position] = outcome;
}

/* Does what is kept of another position tell that this one is a repeat? */
static bool is_repeat(struct sim *s, int lane, int64_t position)
{
    const struct sim_record *r = record_at(s, lane, position);
    struct sim_db_lane *l = &s->db.lanes[lane];
    for (int64_t p = 0; p < s->topics.record_count[lane]; p++) {
        const struct sim_record *q = record_at(s, lane, p);
        if (p == position || !sim_is_same(q, r))
            continue;
        if ((l->tables[p] & (SIM_IN_COMMAND | SIM_IN_SEEN)) &&
            memcmp(&q->hash, &r->hash, sizeof r->hash) == 0)
            return true;
        if (r->keep != ENGINE_KEEP_FULL && ((l->tables[p] & SIM_IN_FACTS) || sim_parked_at(l, p)))
            return true;
    }
    return false;
}

/* Positions that were passed without a row must be repeats. */
static void commit_repeats(struct sim *s, int lane, int64_t from, int64_t to)
{
    struct sim_db_lane *l = &s->db.lanes[lane];
    for (int64_t p = from; p < to; p++) {
        if (l->outcome[p] != SIM_NONE)
            continue;
        if (!is_repeat(s, lane, p))
            sim_bad(s, "position %lld of lane %d was passed without an outcome", (long long)p,
                    lane);
        l->outcome[p] = SIM_REPEAT;
    }
}

/* ---- parked ---- */

static void commit_unpark(struct sim *s, const struct engine_position *at)
{
    struct sim_db_lane *l = &s->db.lanes[at->lane];
    struct sim_parked *p = sim_parked_at(l, at->position);
    const struct sim_record *r = record_at(s, at->lane, at->position);
    if (!p) {
        sim_bad(s, "unparked twice");
        return;
    }
    bool drop = p->action == ENGINE_DROP;
    if (p->action != ENGINE_NEW) /* its request must go with it */
        l->stale_request = p->position;
    *p = l->parked[--l->parked_count];
    if (l->outcome[at->position] != SIM_PARKED)
        return;
    if (r->keep == ENGINE_KEEP_FACT && drop)
        l->outcome[at->position] = SIM_DROPPED;
    else if (r->keep != ENGINE_KEEP_FULL &&
             row_in(s, at->lane, at->position, SIM_IN_SEEN | SIM_IN_FACTS) >= 0)
        l->outcome[at->position] = SIM_REPEAT;
    else
        sim_bad(s, "position %lld of lane %d is not parked any more, and nothing came of it",
                (long long)at->position, at->lane);
}

static void commit_park(struct sim *s, const struct engine_park *park)
{
    struct sim_db_lane *l = &s->db.lanes[park->command->record.lane];
    int64_t position = park->command->record.in.position;
    struct sim_parked *p = sim_parked_at(l, position);
    if ((p != NULL) != park->was_parked)
        sim_bad(s, "position %lld is parked twice, or was not", (long long)position);
    if (!p) {
        p = &l->parked[l->parked_count++];
        *p = (struct sim_parked){.position = position};
        if (park->command->keep != ENGINE_KEEP_FULL) {
            if (l->outcome[position] != SIM_NONE)
                sim_bad(s, "position %lld has two outcomes", (long long)position);
            l->outcome[position] = SIM_PARKED;
        }
    }
    if (sim_record_of(s, park->command)->account == SIM_NOBODY)
        sim_bad(s, "the tick at position %lld is parked", (long long)position);
    p->behind = park->behind;
    if (strcmp(park->cause, "too-large-for-a-batch") == 0)
        sim_bad(s, "position %lld is parked, but alone it fits", (long long)position);
    p->hopeless = strcmp(park->cause, "refusal-not-declared") == 0;
}

static void commit_parks(struct sim *s, const struct engine_save *save)
{
    for (size_t i = 0; i < save->unpark_count; i++)
        commit_unpark(s, &save->unparks[i]);
    for (size_t i = 0; i < save->park_count; i++)
        commit_park(s, &save->parks[i]);
    for (size_t i = 0; i < save->unrequest_count; i++) {
        struct sim_db_lane *l = &s->db.lanes[save->unrequests[i].lane];
        struct sim_parked *p = sim_parked_at(l, save->unrequests[i].position);
        if (p)
            p->action = ENGINE_NEW;
        if (l->stale_request == save->unrequests[i].position)
            l->stale_request = -1;
    }
}

/* ---- the rest ---- */

static void commit_events(struct sim *s, const struct engine_save *save)
{
    for (size_t i = 0; i < save->event_count; i++) {
        const struct engine_event *e = &save->events[i];
        if (e->sequence >= SIM_EVENTS_MAX) {
            sim_bad(s, "events without end");
            return;
        }
        struct sim_db_lane *l = &s->db.lanes[e->lane];
        if (e->data.len > SIM_EVENT_BYTES)
            sim_bad(s, "event %lld of lane %d is too large", (long long)e->sequence, e->lane);
        if (l->events[e->sequence].data.data)
            sim_bad(s, "event %lld of lane %d is written twice", (long long)e->sequence, e->lane);
        l->events[e->sequence] = *e;
        s->committed[e->lane][e->sequence] = sim_content(e);
        s->has_committed[e->lane][e->sequence] = true;
    }
}

static void commit_entities(struct sim *s, const struct engine_save *save)
{
    struct sim_db *db = &s->db;
    for (size_t i = 0; i < save->entity_count; i++) {
        const struct engine_entity *e = &save->entities[i].entity;
        struct engine_entity *to = NULL;
        for (int k = 0; k < db->entity_count && !to; k++)
            if (memcmp(&db->entities[k].entity.key, &e->key, sizeof e->key) == 0)
                to = &db->entities[k].entity;
        if ((to != NULL) == save->entities[i].is_new || (to && to->version >= e->version))
            sim_bad(s, "an entity is written on a version that it no longer has");
        if (!to && db->entity_count < SIM_ENTITIES_MAX)
            to = &db->entities[db->entity_count++].entity;
        if (to)
            *to = *e;
    }
}

static void commit_rows(struct sim *s, const struct engine_save *save,
                        int64_t (*last)[SIM_ACCOUNTS + 1])
{
    struct sim_db *db = &s->db;
    for (size_t i = 0; i < save->row_count; i++) {
        const struct billing_posting *p = save->rows[i].bytes;
        if (s->tally) {
            commit_fact(s, &save->rows[i], last);
            continue;
        }
        db->sum_minor += p->amount_minor;
        if (p->ledger_account == LEDGER_CASH)
            db->cash_minor -= p->amount_minor; /* against the commands' own amounts */
    }
}

/* What was applied is in the sums, each command once. */
static void check_sums(struct sim *s)
{
    int64_t sum = 0;
    for (int i = 0; s->tally && i < s->db.entity_count; i++)
        sum += ((const struct tally_sum *)s->db.entities[i].entity.bytes)->amount;
    if (sum != s->db.counted)
        sim_bad(s, "sums differ from what was applied by %lld", (long long)(sum - s->db.counted));
    if (s->db.sum_minor != 0)
        sim_bad(s, "the journal sums to %lld", (long long)s->db.sum_minor);
    if (s->db.cash_minor != 0)
        sim_bad(s, "cash differs from the payments applied by %lld", (long long)s->db.cash_minor);
}

static void commit_lane(struct sim *s, const struct engine_row *row, const struct engine_save *save)
{
    struct sim_db_lane *l = &s->db.lanes[row->lane];
    int64_t events = 0;
    for (size_t i = 0; i < save->event_count; i++)
        events += save->events[i].lane == row->lane;
    if (row->applied < l->row.applied)
        sim_bad(s, "applied of lane %d moves back", row->lane);
    if (row->next_event != l->row.next_event + events)
        sim_bad(s, "sequences of lane %d have a gap, or two owners: next %lld after %lld and %lld",
                row->lane, (long long)row->next_event, (long long)l->row.next_event,
                (long long)events);
    if (row->published < l->row.published)
        sim_bad(s, "published of lane %d moves back", row->lane);
    commit_repeats(s, row->lane, l->row.applied, row->applied);
    for (int64_t p = 0; p < row->applied; p++)
        if (l->outcome[p] == SIM_NONE)
            sim_bad(s, "position %lld of lane %d has no outcome", (long long)p, row->lane);
    struct engine_touch touch = {.lane = row->lane,
                                 .fence_new = row->fence,
                                 .published = row->published,
                                 .event_offset = row->event_offset};
    sim_db_touch(s, l->backend, &touch);
    l->row = *row;
}

void sim_db_commit(struct sim *s, struct sim_tx *tx)
{
    const struct engine_save *save = tx->save;
    int64_t outcomes[SIM_LANES][SIM_ACCOUNTS + 1], rows[SIM_LANES][SIM_ACCOUNTS + 1];
    assert(save);
    memset(outcomes, 0xff, sizeof outcomes); /* -1: none */
    memset(rows, 0xff, sizeof rows);
    s->commits++;
    for (int i = 0; i < SIM_LANES; i++)
        if (tx->claimed[i] && s->db.lanes[i].backend != tx->conn)
            sim_bad(s, "lane %d is written by a connection that its row does not name", i);
    for (size_t i = 0; i < save->outcome_count; i++)
        commit_outcome(s, &save->outcomes[i], outcomes);
    for (size_t i = 0; i < save->quarantined_count; i++)
        commit_aside(s, &save->quarantined[i], SIM_QUARANTINED);
    for (size_t i = 0; i < save->conflict_count; i++)
        commit_aside(s, &save->conflicts[i], SIM_CONFLICT);
    commit_rows(s, save, rows);
    commit_decided(s, outcomes);
    commit_decided(s, rows);
    commit_events(s, save);
    commit_parks(s, save);
    commit_entities(s, save);
    for (size_t i = 0; i < save->lane_count; i++)
        commit_lane(s, &save->lanes[i], save);
    check_sums(s);
    *tx = (struct sim_tx){0};
}

/* ---- the last look ---- */

/* What ticks told is what they moved. */
static void check_closed(struct sim *s)
{
    int64_t told = 0, moved = 0;
    for (int i = 0; i < s->db.entity_count; i++)
        if (s->db.entities[i].entity.key.kind == TALLY_TOTAL)
            moved += ((const struct tally_sum *)s->db.entities[i].entity.bytes)->amount;
    for (int lane = 0; lane < SIM_LANES; lane++)
        for (int64_t q = 0; q < s->db.lanes[lane].row.next_event; q++) {
            const struct engine_event *e = &s->db.lanes[lane].events[q];
            if (!mr_slice_is(e->type, "tally.closed"))
                continue;
            json_t *data = json_loadb(e->data.data, e->data.len, 0, NULL);
            told += json_integer_value(json_object_get(data, "closed"));
            json_decref(data);
        }
    if (told != moved)
        sim_bad(s, "ticks told of %lld and moved %lld", (long long)told, (long long)moved);
}

/* One that the domain would refuse may have been dropped, or repeated, while it was parked. */
static bool is_settled_so(const struct sim_record *r, enum sim_outcome outcome)
{
    if (!sim_is_foreign(r))
        return outcome != SIM_QUARANTINED;
    return outcome == SIM_QUARANTINED ||
           (r->kind == SIM_EMPTY && (outcome == SIM_DROPPED || outcome == SIM_REPEAT));
}

void sim_db_final(struct sim *s)
{
    for (int lane = 0; lane < SIM_LANES; lane++) {
        const struct sim_db_lane *l = &s->db.lanes[lane];
        for (int p = 0; p < s->topics.record_count[lane]; p++) {
            bool settled = l->outcome[p] != SIM_NONE && l->outcome[p] != SIM_PARKED;
            if (!settled)
                sim_bad(s, "position %d of lane %d was never settled", p, lane);
            if (!is_settled_so(record_at(s, lane, p), l->outcome[p]))
                sim_bad(s, "position %d of lane %d: quarantine is for what is no command", p, lane);
        }
    }
    if (s->tally && !s->gone_back) /* set-position passes what was told and restored away */
        check_closed(s);
}
