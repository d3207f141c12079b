#include "sim.h"

#include "engine_command.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

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
    for (size_t i = 0; i < save->row_count; i++) {
        rows[i].command = keep_command(s, rows[i].command);
        rows[i].bytes = sim_keep(s, rows[i].bytes, rows[i].bytes_len);
    }
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

const struct sim_record *sim_record_of(const struct sim *s, const struct engine_command *c)
{
    return &s->topics.records[c->record.lane][c->record.in.position];
}

struct sim_parked *sim_parked_at(struct sim_db_lane *l, int64_t position)
{
    for (int i = 0; i < l->parked_count; i++)
        if (l->parked[i].position == position)
            return &l->parked[i];
    return NULL;
}

/* The database refuses the rows of a poisoned command, but not that it is set aside. */
bool sim_save_is_refused(const struct sim *s, const struct engine_save *save)
{
    for (size_t i = 0; i < save->outcome_count; i++)
        if (save->outcomes[i].status == ENGINE_OUTCOME_APPLIED &&
            sim_record_of(s, save->outcomes[i].command)->kind == SIM_POISON)
            return true;
    for (size_t i = 0; i < save->row_count; i++)
        if (sim_record_of(s, save->rows[i].command)->kind == SIM_POISON)
            return true;
    return false;
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
