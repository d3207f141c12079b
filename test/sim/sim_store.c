#include "sim.h"

#include "billing_domain.h"
#include "engine_command.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

int sim_account_of(const struct sim *s, const struct mr_uuid *account)
{
    for (int i = 0; i < SIM_ACCOUNTS; i++)
        if (mr_uuid_equal(&s->accounts[i], account))
            return i;
    return -1;
}

/* ---- locks ---- */

/* Is the row locked by another transaction? */
bool sim_db_locked(struct sim *s, int lane, uint64_t conn, struct sim_tx **holder)
{
    struct sim_tx *found = NULL;
    for (int i = 0; i < SIM_WORKERS && !found; i++)
        if (s->workers[i].p.alive && s->workers[i].tx.conn && s->workers[i].tx.holds[lane] &&
            s->workers[i].tx.conn != conn)
            found = &s->workers[i].tx;
    for (int i = 0; i < s->orphan_count && !found; i++)
        if (s->orphans[i].holds[lane])
            found = &s->orphans[i];
    if (holder)
        *holder = found;
    return found != NULL;
}

/* The watch: the holder is ended if the row names its backend. A COMMIT on the way may win. */
bool sim_db_end_holder(struct sim *s, int lane, uint64_t conn)
{
    struct sim_tx *tx;
    if (!sim_db_locked(s, lane, conn, &tx) || s->db.lanes[lane].backend != tx->conn)
        return false;
    sim_say(s, "connection %llu is ended: it holds lane %d", (unsigned long long)tx->conn, lane);
    if (tx->save && sim_maybe(s, 500))
        sim_db_commit(s, tx);
    else
        sim_db_rollback(tx);
    if (tx >= s->orphans && tx < s->orphans + SIM_ORPHANS_MAX)
        *tx = s->orphans[--s->orphan_count];
    return true;
}

void sim_db_rollback(struct sim_tx *tx)
{
    *tx = (struct sim_tx){0};
}

void sim_db_orphan(struct sim *s, struct sim_tx *tx)
{
    if (s->orphan_count == SIM_ORPHANS_MAX)
        sim_bad(s, "transactions hang without end");
    else
        s->orphans[s->orphan_count++] = *tx;
    *tx = (struct sim_tx){0};
}

/* A backend whose client is gone comes to its end. */
bool sim_db_orphan_step(struct sim *s)
{
    if (s->orphan_count == 0)
        return false;
    struct sim_tx *tx = &s->orphans[sim_below(s, (uint32_t)s->orphan_count)];
    bool commits = tx->save && sim_maybe(s, 600);
    sim_say(s, "the backend of connection %llu %s", (unsigned long long)tx->conn,
            commits ? "commits" : "rolls back");
    if (commits)
        sim_db_commit(s, tx);
    *tx = s->orphans[--s->orphan_count];
    return true;
}

/* How far a last + 1 reader of the topic comes. */
int64_t sim_reach(const struct sim *s, int lane)
{
    int64_t reach = s->resumed[lane];
    for (int i = 0; i < s->topics.event_count[lane]; i++)
        reach += s->topics.events[lane][i].sequence == reach;
    return reach;
}

void sim_db_touch(struct sim *s, uint64_t conn, const struct engine_touch *t)
{
    struct sim_db_lane *l = &s->db.lanes[t->lane];
    l->row.fence = t->fence_new;
    l->row.published = t->published;
    l->row.event_offset = t->event_offset;
    l->backend = conn;
    if (t->published > sim_reach(s, t->lane))
        sim_bad(s, "published of lane %d is %lld, a reader of the topic comes to %lld", t->lane,
                (long long)t->published, (long long)sim_reach(s, t->lane));
}

bool sim_db_late_step(struct sim *s)
{
    if (s->late_count == 0)
        return false;
    struct sim_late *late = &s->late[sim_below(s, (uint32_t)s->late_count)];
    struct sim_db_lane *l = &s->db.lanes[late->lane];
    if (sim_db_locked(s, late->lane, late->conn, NULL))
        return false;
    if (late->is_take || l->row.fence == late->touch.fence) {
        sim_say(s, "a late %s of connection %llu runs on lane %d", late->is_take ? "take" : "touch",
                (unsigned long long)late->conn, late->lane);
        if (late->is_take) {
            l->row.fence = late->touch.fence_new;
            l->backend = late->conn;
        } else {
            sim_db_touch(s, late->conn, &late->touch);
        }
    }
    *late = s->late[--s->late_count];
    return true;
}

/* ---- a copy of a save, as the bytes on the wire are ---- */

static void *keep_list(struct sim *s, const void *list, size_t count, size_t bytes)
{
    return sim_keep(s, list, count * bytes);
}

/* The position stands for the command: its record lies in the log. */
static const struct engine_command *keep_command(struct sim *s, const struct engine_command *c)
{
    struct engine_command *copy = sim_keep(s, c, sizeof *c);
    return copy;
}

const struct engine_save *sim_save_copy(struct sim *s, const struct engine_save *save)
{
    struct engine_save *c = sim_keep(s, save, sizeof *save);
    struct engine_outcome *outcomes =
        keep_list(s, save->outcomes, save->outcome_count, sizeof *outcomes);
    struct engine_aside *quarantined =
        keep_list(s, save->quarantined, save->quarantined_count, sizeof *quarantined);
    struct engine_aside *conflicts =
        keep_list(s, save->conflicts, save->conflict_count, sizeof *conflicts);
    struct engine_park *parks = keep_list(s, save->parks, save->park_count, sizeof *parks);
    struct engine_event *events = keep_list(s, save->events, save->event_count, sizeof *events);
    struct engine_entity_write *entities =
        keep_list(s, save->entities, save->entity_count, sizeof *entities);
    struct engine_row_write *rows = keep_list(s, save->rows, save->row_count, sizeof *rows);
    for (size_t i = 0; i < save->outcome_count; i++)
        outcomes[i].command = keep_command(s, outcomes[i].command);
    for (size_t i = 0; i < save->quarantined_count; i++)
        quarantined[i].command = keep_command(s, quarantined[i].command);
    for (size_t i = 0; i < save->conflict_count; i++)
        conflicts[i].command = keep_command(s, conflicts[i].command);
    for (size_t i = 0; i < save->park_count; i++) {
        parks[i].command = keep_command(s, parks[i].command);
        parks[i].cause = sim_keep(s, parks[i].cause, strlen(parks[i].cause) + 1);
    }
    for (size_t i = 0; i < save->event_count; i++) {
        events[i].type = mr_arena_slice(&s->arena, events[i].type);
        events[i].key = mr_arena_slice(&s->arena, events[i].key);
        events[i].data = mr_arena_slice(&s->arena, events[i].data);
        events[i].traceparent = mr_arena_slice(&s->arena, events[i].traceparent);
    }
    for (size_t i = 0; i < save->entity_count; i++)
        entities[i].entity.bytes =
            sim_keep(s, entities[i].entity.bytes, entities[i].entity.bytes_len);
    for (size_t i = 0; i < save->row_count; i++)
        rows[i].bytes = sim_keep(s, rows[i].bytes, rows[i].bytes_len);
    c->lanes = keep_list(s, save->lanes, save->lane_count, sizeof *save->lanes);
    c->unparks = keep_list(s, save->unparks, save->unpark_count, sizeof *save->unparks);
    c->unrequests = keep_list(s, save->unrequests, save->unrequest_count, sizeof *save->unrequests);
    c->outcomes = outcomes;
    c->quarantined = quarantined;
    c->conflicts = conflicts;
    c->parks = parks;
    c->events = events;
    c->entities = entities;
    c->rows = rows;
    return c;
}

static const struct sim_record *record_at(const struct sim *s, int lane, int64_t position)
{
    return &s->topics.records[lane][position];
}

static const struct sim_record *record_of(const struct sim *s, const struct engine_command *c)
{
    return record_at(s, c->record.lane, c->record.in.position);
}

/* The database refuses the rows of a poisoned command, but not that it is set aside. */
bool sim_save_is_refused(const struct sim *s, const struct engine_save *save)
{
    for (size_t i = 0; i < save->outcome_count; i++)
        if (save->outcomes[i].status == ENGINE_OUTCOME_APPLIED &&
            record_of(s, save->outcomes[i].command)->kind == SIM_POISON)
            return true;
    return false;
}

/* ---- commit: what must hold of every transaction ---- */

static enum sim_outcome outcome_of(const struct engine_outcome *o)
{
    if (o->status == ENGINE_OUTCOME_APPLIED)
        return SIM_APPLIED;
    if (o->status == ENGINE_OUTCOME_PARKED)
        return SIM_PARKED;
    return strcmp(o->refusal.problem, "dropped") == 0 ? SIM_DROPPED : SIM_REJECTED;
}

/* The first position whose command row this id has; -1: none. */
static int64_t row_of_id(const struct sim *s, int lane, const struct sim_record *r, int64_t below)
{
    for (int64_t p = 0; p < below; p++) {
        enum sim_outcome o = s->db.lanes[lane].outcome[p];
        const struct sim_record *q = record_at(s, lane, p);
        if (o >= SIM_APPLIED && o <= SIM_PARKED && q->account == r->account &&
            mr_uuid_equal(&q->id, &r->id))
            return p;
    }
    return -1;
}

static void commit_outcome(struct sim *s, const struct engine_outcome *o)
{
    const struct sim_record *r = record_of(s, o->command);
    int lane = o->command->record.lane;
    int64_t position = o->command->record.in.position;
    struct sim_db_lane *l = &s->db.lanes[lane];
    enum sim_outcome was = l->outcome[position], now = outcome_of(o);
    if (r->kind >= SIM_STRANGE)
        sim_bad(s, "position %lld of lane %d is no command of the lane and got an outcome",
                (long long)position, lane);
    if ((r->kind == SIM_BROKEN || r->kind == SIM_LARGE) && now == SIM_APPLIED)
        sim_bad(s, "position %lld of lane %d must be refused and was applied", (long long)position,
                lane);
    if (s->strict && now == SIM_REJECTED && strcmp(o->refusal.problem, SIM_UNDECLARED) == 0)
        sim_bad(s, "position %lld of lane %d is answered by what its schema does not list",
                (long long)position, lane);
    if (was != (o->was_parked ? SIM_PARKED : SIM_NONE))
        sim_bad(s, "position %lld of lane %d has two outcomes", (long long)position, lane);
    if (!o->was_parked && row_of_id(s, lane, r, SIM_RECORDS_MAX) >= 0)
        sim_bad(s, "the command at position %lld of lane %d has a row already", (long long)position,
                lane);
    if (now == SIM_APPLIED || now == SIM_REJECTED) {
        if (position < l->decided[r->account])
            sim_bad(s, "order of a key broken: position %lld of lane %d after %lld",
                    (long long)position, lane, (long long)l->decided[r->account]);
        l->decided[r->account] = position;
    }
    if (now == SIM_APPLIED)
        s->db.cash_minor += r->amount_minor;
    l->outcome[position] = now;
}

static void commit_aside(struct sim *s, const struct engine_aside *a, enum sim_outcome outcome)
{
    int lane = a->command->record.lane;
    int64_t position = a->command->record.in.position;
    struct sim_db_lane *l = &s->db.lanes[lane];
    const struct sim_record *r = record_of(s, a->command);
    bool foreign = r->kind >= SIM_STRANGE;
    if (l->outcome[position] != SIM_NONE)
        sim_bad(s, "position %lld of lane %d has two outcomes", (long long)position, lane);
    if (foreign != (outcome == SIM_QUARANTINED))
        sim_bad(s, "position %lld of lane %d is set aside for the wrong reason",
                (long long)position, lane);
    if (outcome == SIM_CONFLICT) {
        int64_t first = row_of_id(s, lane, r, position);
        if (first < 0 || memcmp(&record_at(s, lane, first)->hash, &r->hash, sizeof r->hash) == 0)
            sim_bad(s, "position %lld of lane %d is no conflict", (long long)position, lane);
    }
    l->outcome[position] = outcome;
}

/* Positions that were passed without a row must be repeats. */
static void commit_repeats(struct sim *s, int lane, int64_t from, int64_t to)
{
    struct sim_db_lane *l = &s->db.lanes[lane];
    for (int64_t p = from; p < to; p++) {
        if (l->outcome[p] != SIM_NONE)
            continue;
        const struct sim_record *r = record_at(s, lane, p);
        int64_t first = row_of_id(s, lane, r, p);
        if (first < 0 || memcmp(&record_at(s, lane, first)->hash, &r->hash, sizeof r->hash) != 0)
            sim_bad(s, "position %lld of lane %d was passed without an outcome", (long long)p,
                    lane);
        l->outcome[p] = SIM_REPEAT;
    }
}

static struct sim_parked *parked_at(struct sim_db_lane *l, int64_t position)
{
    for (int i = 0; i < l->parked_count; i++)
        if (l->parked[i].position == position)
            return &l->parked[i];
    return NULL;
}

static void commit_parks(struct sim *s, const struct engine_save *save)
{
    for (size_t i = 0; i < save->unpark_count; i++) {
        struct sim_db_lane *l = &s->db.lanes[save->unparks[i].lane];
        struct sim_parked *p = parked_at(l, save->unparks[i].position);
        if (!p) {
            sim_bad(s, "unparked twice");
            continue;
        }
        if (p->action != ENGINE_NEW) /* its request must go with it */
            l->stale_request = p->position;
        *p = l->parked[--l->parked_count];
    }
    for (size_t i = 0; i < save->park_count; i++) {
        const struct engine_park *park = &save->parks[i];
        struct sim_db_lane *l = &s->db.lanes[park->command->record.lane];
        int64_t position = park->command->record.in.position;
        struct sim_parked *p = parked_at(l, position);
        if ((p != NULL) != park->was_parked)
            sim_bad(s, "position %lld is parked twice, or was not", (long long)position);
        if (!p) {
            p = &l->parked[l->parked_count++];
            *p = (struct sim_parked){.position = position};
        }
        p->behind = park->behind;
        if (strcmp(park->cause, "too-large-for-a-batch") == 0)
            sim_bad(s, "position %lld is parked, but alone it fits", (long long)position);
        p->hopeless = strcmp(park->cause, "refusal-not-declared") == 0;
    }
    for (size_t i = 0; i < save->unrequest_count; i++) {
        struct sim_db_lane *l = &s->db.lanes[save->unrequests[i].lane];
        struct sim_parked *p = parked_at(l, save->unrequests[i].position);
        if (p)
            p->action = ENGINE_NEW;
        if (l->stale_request == save->unrequests[i].position)
            l->stale_request = -1;
    }
}

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
    for (size_t i = 0; i < save->row_count; i++) {
        const struct billing_posting *p = save->rows[i].bytes;
        db->sum_minor += p->amount_minor;
        if (p->ledger_account == LEDGER_CASH)
            db->cash_minor -= p->amount_minor; /* against the commands' own amounts */
    }
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
    assert(save);
    s->commits++;
    for (int i = 0; i < SIM_LANES; i++)
        if (tx->claimed[i] && s->db.lanes[i].backend != tx->conn)
            sim_bad(s, "lane %d is written by a connection that its row does not name", i);
    for (size_t i = 0; i < save->outcome_count; i++)
        commit_outcome(s, &save->outcomes[i]);
    for (size_t i = 0; i < save->quarantined_count; i++)
        commit_aside(s, &save->quarantined[i], SIM_QUARANTINED);
    for (size_t i = 0; i < save->conflict_count; i++)
        commit_aside(s, &save->conflicts[i], SIM_CONFLICT);
    commit_events(s, save);
    commit_parks(s, save);
    commit_entities(s, save);
    for (size_t i = 0; i < save->lane_count; i++)
        commit_lane(s, &save->lanes[i], save);
    if (s->db.sum_minor != 0)
        sim_bad(s, "the journal sums to %lld", (long long)s->db.sum_minor);
    if (s->db.cash_minor != 0)
        sim_bad(s, "cash differs from the payments applied by %lld", (long long)s->db.cash_minor);
    *tx = (struct sim_tx){0};
}

/* ---- back in time ---- */

/* As the runbook says: everything is stopped, the copy is put back, every fence is replaced. What
 * was committed and never published is gone for the world, too. */
void sim_db_restore(struct sim *s)
{
    s->db = s->snapshot;
    s->gone_back = true;
    s->orphan_count = s->late_count = 0;
    for (int lane = 0; lane < SIM_LANES; lane++) {
        struct sim_db_lane *l = &s->db.lanes[lane];
        l->row.fence = ++s->ids;
        l->backend = 0;
        for (int64_t q = 0; q < SIM_EVENTS_MAX; q++) {
            bool published = false;
            for (int i = 0; i < s->topics.event_count[lane]; i++)
                published = published || s->topics.events[lane][i].sequence == q;
            if (q >= l->row.next_event && published)
                s->left_behind[lane][q] = true;
            else if (q >= l->row.next_event)
                s->has_committed[lane][q] = false;
        }
    }
}

void sim_db_final(struct sim *s)
{
    for (int lane = 0; lane < SIM_LANES; lane++) {
        const struct sim_db_lane *l = &s->db.lanes[lane];
        for (int p = 0; p < s->topics.record_count[lane]; p++) {
            const struct sim_record *r = record_at(s, lane, p);
            bool settled = l->outcome[p] != SIM_NONE && l->outcome[p] != SIM_PARKED;
            if (!settled)
                sim_bad(s, "position %d of lane %d was never settled", p, lane);
            if ((r->kind >= SIM_STRANGE) != (l->outcome[p] == SIM_QUARANTINED))
                sim_bad(s, "position %d of lane %d: quarantine is for what is no command", p, lane);
        }
    }
}
