/* The database of the lane engine's world: rows, one transaction, and what each operation answers.
 */
#include "lane_world.h"

#include "engine_command.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is asked ---- */

static void begin(struct lane_world *w, char op)
{
    cr_assert_eq(w->op, 0, "%c begins while %c is at hand", op, w->op);
    cr_assert(!w->open || op == 'm' || op == 'c', "%c begins inside a transaction", op);
    w->op = op;
}

static void asks(struct lane_world *w, char op, const int32_t *lanes, size_t count)
{
    begin(w, op);
    memcpy(w->asked, lanes, count * sizeof *lanes);
    w->asked_count = count;
}

static void take(void *ctx, int32_t lane, uint64_t fence_new)
{
    asks(ctx, 't', &lane, 1);
    ((struct lane_world *)ctx)->take_fence = fence_new;
}

static void touch(void *ctx, const struct engine_touch *what)
{
    struct lane_world *w = ctx;
    begin(w, 'u');
    w->touch = *what;
}

static void settle(void *ctx, const int32_t *lanes, size_t count)
{
    asks(ctx, 's', lanes, count);
}

static void look(void *ctx, const int32_t *lanes, size_t count)
{
    asks(ctx, 'l', lanes, count);
}

static void begin_batch(void *ctx, const struct engine_claim *claims, size_t count,
                        const struct engine_load *load)
{
    struct lane_world *w = ctx;
    begin(w, 'b');
    w->open = true;
    w->begins++;
    memcpy(w->claims, claims, count * sizeof *claims);
    w->claim_count = count;
    w->load = *load;
    for (size_t i = 1; i < count; i++)
        cr_assert_lt(claims[i - 1].lane, claims[i].lane, "claims ascend");
}

static void load_more(void *ctx, const struct engine_load *load)
{
    struct lane_world *w = ctx;
    begin(w, 'm');
    cr_assert(w->open);
    w->load = *load;
}

static void save(void *ctx, const struct engine_save *what)
{
    struct lane_world *w = ctx;
    begin(w, 'c');
    cr_assert(w->open);
    w->save = *what;
}

static void roll_back(void *ctx)
{
    struct lane_world *w = ctx;
    cr_assert(w->open, "nothing is open to be rolled back");
    w->open = false;
    w->roll_backs++;
}

struct engine_store lane_store(struct lane_world *w)
{
    return (struct engine_store){w,           take,      touch, settle,   look,
                                 begin_batch, load_more, save,  roll_back};
}

/* ---- reading ---- */

static struct lane_parked *parked_at(struct lane_rows *r, int64_t position)
{
    for (int i = 0; i < r->parked_count; i++)
        if (r->parked[i].position == position)
            return &r->parked[i];
    return NULL;
}

static enum engine_action filed_for(const struct lane_rows *r, int64_t position)
{
    for (int i = 0; i < r->filed_count; i++)
        if (r->filed[i].position == position)
            return r->filed[i].action;
    return ENGINE_NEW;
}

static size_t load_parked(struct lane_world *w, struct engine_parked *out)
{
    size_t count = 0;
    for (size_t i = 0; i < w->load.parked_count; i++) {
        const struct engine_parked_want *want = &w->load.parked[i];
        struct lane_rows *r = &w->rows[want->lane];
        int32_t of_key = 0;
        for (int64_t p = 0; p < r->row.applied && of_key < want->limit; p++) {
            const struct engine_record *record = &w->log[want->lane].records[p];
            const struct lane_parked *row = parked_at(r, p);
            if (!row || !mr_slice_equal(record->in.key, want->key))
                continue;
            of_key++;
            out[count++] = (struct engine_parked){
                .record = *record, .behind = row->behind, .action = filed_for(r, p)};
        }
    }
    return count;
}

static bool is_looked_for(const struct engine_lookup *up, const struct engine_known *row)
{
    int32_t first = up->only_its_day ? up->day : up->day - 2,
            last = up->only_its_day ? up->day : up->day + 1;
    return mr_uuid_equal(&up->id, &row->id) && mr_uuid_equal(&up->account, &row->account) &&
           row->day >= first && row->day <= last;
}

static size_t look_up(const struct lane_world *w, const struct engine_lookup *up,
                      struct engine_known *out)
{
    size_t count = 0;
    const struct lane_rows *r = &w->rows[up->lane];
    for (int i = 0; i < w->known_count; i++)
        if (w->known_keep[i] == up->keep && is_looked_for(up, &w->known[i]))
            out[count++] = w->known[i];
    for (int i = 0; up->keep == ENGINE_KEEP_FACT && i < w->fact_count; i++) {
        const struct lane_fact *f = &w->facts[i];
        struct engine_known row = {.account = f->account, .id = f->id, .day = f->day};
        if (is_looked_for(up, &row))
            out[count++] = row;
    }
    for (int i = 0; up->keep != ENGINE_KEEP_FULL && !up->is_parked && i < r->parked_count; i++) {
        const struct lane_parked *p = &r->parked[i];
        struct engine_known row = {.account = p->account, .id = p->id, .day = p->day};
        if (is_looked_for(up, &row))
            out[count++] = row;
    }
    return count;
}

static size_t load_known(const struct lane_world *w, struct engine_known *out)
{
    size_t count = 0;
    for (size_t k = 0; k < w->load.lookup_count; k++) {
        const struct engine_lookup *up = &w->load.lookups[k];
        cr_assert(!up->is_parked || up->keep != ENGINE_KEEP_FULL);
        count += look_up(w, up, out + count);
    }
    return count;
}

static bool is_of_lane(const struct lane_world *w, const struct mr_uuid *account, int32_t lane)
{
    for (int who = 0; who < LANE_WHO; who++)
        if (mr_uuid_equal(account, &w->accounts[lane][who]))
            return true;
    return false;
}

static int by_due(const void *a, const void *b)
{
    const struct lane_part *x = (*(const struct engine_entity *const *)a)->bytes,
                           *y = (*(const struct engine_entity *const *)b)->bytes;
    return (x->due_ms > y->due_ms) - (x->due_ms < y->due_ms);
}

/* The one that is due first comes first. */
static void load_due(const struct lane_world *w, const struct engine_due *want,
                     struct engine_due_entity *dues, struct engine_entity *entities,
                     struct engine_loaded *out)
{
    const struct engine_entity *due[LANE_ENTITIES];
    size_t count = 0;
    for (int i = 0; i < w->entity_count; i++) {
        const struct engine_entity *e = &w->entities[i];
        const struct lane_part *part = e->bytes;
        if (e->key.kind == want->kind && is_of_lane(w, &e->key.account, want->lane) &&
            part->due_ms > 0 && part->due_ms <= want->time_ms)
            due[count++] = e;
    }
    qsort(due, count, sizeof *due, by_due);
    for (size_t i = 0; i < count; i++) {
        dues[out->due_count++] = (struct engine_due_entity){.lane = want->lane, .key = due[i]->key};
        entities[out->entity_count++] = *due[i];
    }
}

void lane_store_load(struct lane_world *w, struct engine_loaded *out)
{
    static struct engine_known known[2 * LANES * LANE_RECORDS];
    static struct engine_entity entities[2 * LANE_ENTITIES];
    static struct engine_parked parked[LANES * LANE_RECORDS];
    static struct engine_due_entity dues[LANE_ENTITIES];
    *out =
        (struct engine_loaded){.known = known, .entities = entities, .parked = parked, .due = dues};
    out->known_count = load_known(w, known);
    for (int i = 0; i < w->entity_count; i++)
        for (size_t k = 0; k < w->load.key_count; k++)
            if (memcmp(&w->entities[i].key, &w->load.keys[k], sizeof *w->load.keys) == 0)
                entities[out->entity_count++] = w->entities[i];
    for (size_t k = 0; k < w->load.due_count; k++)
        load_due(w, &w->load.due[k], dues, entities, out);
    out->parked_count = load_parked(w, parked);
}

/* ---- writing ---- */

void lane_store_touch(struct lane_world *w)
{
    struct lane_rows *r = &w->rows[w->touch.lane];
    r->row.fence = w->touch.fence_new;
    r->row.published = w->touch.published;
    r->row.event_offset = w->touch.event_offset;
    r->named = true;
}

static void note(struct lane_rows *r, int64_t position, char what, const char *text)
{
    r->what[position] = what;
    snprintf(r->text[position], sizeof r->text[position], "%s", text ? text : "");
}

static void save_outcome(struct lane_world *w, const struct engine_outcome *o)
{
    static const char shown[] = {
        [ENGINE_OUTCOME_APPLIED] = 'a',
        [ENGINE_OUTCOME_REJECTED] = 'r',
        [ENGINE_OUTCOME_PARKED] = 'p',
    };
    const struct engine_command *c = o->command;
    struct lane_rows *r = &w->rows[c->record.lane];
    int64_t position = c->record.in.position;
    bool aside = c->keep == ENGINE_KEEP_FACT && r->what[position] == 'q';
    cr_assert(aside || r->what[position] == (o->was_parked ? 'p' : 0),
              "position %d has two outcomes", (int)position);
    cr_assert(c->keep != ENGINE_KEEP_FACT || o->was_parked);
    cr_assert(c->keep == ENGINE_KEEP_FULL || o->status != ENGINE_OUTCOME_PARKED);
    if (c->keep == ENGINE_KEEP_FACT)
        return; /* changes at most the row of the time when its type was not known */
    note(r, position, shown[o->status], o->refusal.problem);
    if (o->was_parked && c->keep == ENGINE_KEEP_FULL)
        return;
    w->known_keep[w->known_count] = c->keep;
    w->known[w->known_count++] = (struct engine_known){
        .account = c->ce.account, .id = c->ce.id, .day = c->day, .has_hash = true, .hash = c->hash};
}

/* A row is refused by the domain's table where it is there already. */
static void save_fact(struct lane_world *w, const struct engine_row_write *row)
{
    const struct engine_command *c = row->command;
    struct lane_rows *r = &w->rows[c->record.lane];
    struct lane_fact fact = {
        .account = c->ce.account, .id = c->ce.id, .day = c->day, .lane = c->record.lane};
    memcpy(&fact.value, row->bytes, sizeof fact.value);
    for (int i = 0; i < w->fact_count; i++)
        cr_assert(w->facts[i].day != fact.day || !mr_uuid_equal(&w->facts[i].id, &fact.id) ||
                      !mr_uuid_equal(&w->facts[i].account, &fact.account),
                  "a fact is stored twice");
    cr_assert_lt(w->fact_count, LANE_FACTS);
    w->facts[w->fact_count++] = fact;
    note(r, c->record.in.position, 'f', "");
}

static void save_parks(struct lane_world *w)
{
    const struct engine_save *s = &w->save;
    for (size_t i = 0; i < s->unpark_count; i++) {
        struct lane_rows *r = &w->rows[s->unparks[i].lane];
        struct lane_parked *p = parked_at(r, s->unparks[i].position);
        cr_assert(p, "unparked twice");
        if (r->what[p->position] == 'p')
            note(r, p->position, '-', "");
        *p = r->parked[--r->parked_count];
    }
    for (size_t i = 0; i < s->park_count; i++) {
        const struct engine_park *park = &s->parks[i];
        struct lane_rows *r = &w->rows[park->lane];
        int64_t position = park->command->record.in.position;
        struct lane_parked *p = parked_at(r, position);
        cr_assert_eq(p != NULL, park->was_parked);
        if (!p)
            p = &r->parked[r->parked_count++];
        *p = (struct lane_parked){.account = park->command->ce.account,
                                  .id = park->command->ce.id,
                                  .day = park->command->day,
                                  .position = position,
                                  .behind = park->behind,
                                  .attempts = p->attempts + 1};
        if (!park->was_parked)
            p->attempts = 1;
        note(r, position, 'p', park->cause);
    }
    for (size_t i = 0; i < s->unrequest_count; i++) {
        struct lane_rows *r = &w->rows[s->unrequests[i].lane];
        for (int k = 0; k < r->filed_count; k++)
            if (r->filed[k].position == s->unrequests[i].position)
                r->filed[k--] = r->filed[--r->filed_count];
    }
}

static void save_entity(struct lane_world *w, const struct engine_entity_write *write)
{
    struct engine_entity *to = NULL;
    for (int i = 0; i < w->entity_count && !to; i++)
        if (memcmp(&w->entities[i].key, &write->entity.key, sizeof w->entities[i].key) == 0)
            to = &w->entities[i];
    cr_assert_eq(to == NULL, write->is_new);
    cr_assert(!to || to->version < write->entity.version);
    if (!to)
        to = &w->entities[w->entity_count++];
    cr_assert_leq(w->entity_count, LANE_ENTITIES);
    *to = write->entity;
    to->bytes = mr_arena_dup(&w->arena, write->entity.bytes, write->entity.bytes_len);
}

static void save_event(struct lane_world *w, const struct engine_event *e)
{
    struct engine_event *to = &w->rows[e->lane].events[e->sequence];
    cr_assert_not(to->data.data, "event %d is written twice", (int)e->sequence);
    *to = *e;
    to->type = mr_arena_slice(&w->arena, e->type);
    to->key = mr_arena_slice(&w->arena, e->key);
    to->data = mr_arena_slice(&w->arena, e->data);
    to->traceparent = mr_arena_slice(&w->arena, e->traceparent);
}

void lane_store_commit(struct lane_world *w)
{
    const struct engine_save *s = &w->save;
    cr_assert(w->open);
    for (size_t i = 0; i < s->outcome_count; i++)
        save_outcome(w, &s->outcomes[i]);
    for (size_t i = 0; i < s->quarantined_count; i++)
        note(&w->rows[s->quarantined[i].lane], s->quarantined[i].command->record.in.position, 'q',
             s->quarantined[i].cause);
    for (size_t i = 0; i < s->conflict_count; i++)
        note(&w->rows[s->conflicts[i].lane], s->conflicts[i].command->record.in.position, 'c', "");
    for (size_t i = 0; i < s->row_count; i++)
        if (s->rows[i].row_kind == LANE_FACT)
            save_fact(w, &s->rows[i]);
    save_parks(w);
    for (size_t i = 0; i < s->entity_count; i++)
        save_entity(w, &s->entities[i]);
    for (size_t i = 0; i < s->event_count; i++)
        save_event(w, &s->events[i]);
    cr_assert_eq(s->lane_count, w->claim_count);
    for (size_t i = 0; i < s->lane_count; i++) {
        struct lane_rows *r = &w->rows[s->lanes[i].lane];
        cr_assert_eq(s->lanes[i].lane, w->claims[i].lane);
        cr_assert_eq(s->lanes[i].fence, w->claims[i].fence_new);
        cr_assert(r->named, "the row names another connection");
        r->row = s->lanes[i];
    }
    w->open = false;
    w->commits++;
}

/* ---- answers ---- */

static void answer_take(struct lane_world *w)
{
    int32_t lane = w->asked[0];
    struct lane_rows *r = &w->rows[lane];
    struct engine_held held[LANE_RECORDS];
    size_t count = 0;
    r->row.fence = w->take_fence;
    r->named = true;
    for (int64_t p = 0; p < r->row.applied; p++) {
        const struct lane_parked *row = parked_at(r, p);
        struct engine_held *h = NULL;
        if (!row)
            continue;
        struct mr_slice key = w->log[lane].records[p].in.key;
        for (size_t k = 0; k < count; k++)
            if (mr_slice_equal(held[k].key, key))
                h = &held[k];
        if (!h) {
            h = &held[count++];
            *h = (struct engine_held){.key = key, .first = p, .first_behind = row->behind};
        }
        h->count++;
    }
    engine_on_taken(w->engine, ENGINE_DONE,
                    &(struct engine_taken){
                        .row = r->row,
                        .held = held,
                        .held_count = count,
                        .events = &r->events[r->row.published],
                        .event_count = (size_t)(r->row.next_event - r->row.published),
                    });
}

static void answer_fences(struct lane_world *w, char op)
{
    struct engine_fence fences[LANES];
    struct engine_request requests[LANES * 8];
    size_t count = 0;
    for (size_t i = 0; i < w->asked_count; i++) {
        struct lane_rows *r = &w->rows[w->asked[i]];
        fences[i] = (struct engine_fence){w->asked[i], r->row.fence};
        for (int k = 0; k < r->filed_count; k++) {
            requests[count] = r->filed[k];
            if (parked_at(r, r->filed[k].position))
                requests[count].key = w->log[w->asked[i]].records[r->filed[k].position].in.key;
            count++;
        }
    }
    if (op == 's')
        engine_on_settled(w->engine, ENGINE_DONE, fences, w->asked_count);
    else
        engine_on_looked(w->engine, ENGINE_DONE, fences, w->asked_count, requests, count);
}

static void answer_begin(struct lane_world *w)
{
    struct engine_loaded loaded;
    int32_t missed[LANES];
    size_t count = 0;
    for (size_t i = 0; i < w->claim_count; i++)
        if (w->rows[w->claims[i].lane].row.fence != w->claims[i].fence)
            missed[count++] = w->claims[i].lane;
    lane_store_load(w, &loaded);
    engine_on_begun(w->engine, ENGINE_DONE, missed, count, &loaded);
}

static bool says(const struct engine_command *c, const char *what)
{
    struct mr_slice body = c->record.in.value;
    return memmem(body.data, body.len, what, strlen(what)) != NULL;
}

/* The database refuses the rows of a command that says so. */
static bool refuses(const struct lane_world *w)
{
    const struct engine_save *s = &w->save;
    for (size_t i = 0; i < s->outcome_count; i++)
        if (s->outcomes[i].status == ENGINE_OUTCOME_APPLIED &&
            says(s->outcomes[i].command, "poison"))
            return true;
    for (size_t i = 0; i < s->row_count; i++)
        if (says(s->rows[i].command, "poison"))
            return true;
    for (size_t i = 0; i < s->park_count; i++)
        if (says(s->parks[i].command, "\"poison\":2"))
            return true;
    return false;
}

static void answer_save(struct lane_world *w)
{
    if (refuses(w)) {
        w->open = false;
        engine_on_saved(w->engine, ENGINE_REFUSED, "23514: the sum is poisoned");
        return;
    }
    lane_store_commit(w);
    engine_on_saved(w->engine, ENGINE_DONE, NULL);
}

void lane_answer(struct lane_world *w)
{
    struct engine_loaded loaded;
    char op = w->op;
    bool moved;
    w->op = 0;
    switch (op) {
    case 't':
        answer_take(w);
        break;
    case 'u':
        moved = w->rows[w->touch.lane].row.fence == w->touch.fence;
        if (moved)
            lane_store_touch(w);
        engine_on_touched(w->engine, ENGINE_DONE, moved);
        break;
    case 's':
    case 'l':
        answer_fences(w, op);
        break;
    case 'b':
        answer_begin(w);
        break;
    case 'm':
        lane_store_load(w, &loaded);
        engine_on_loaded(w->engine, ENGINE_DONE, &loaded);
        break;
    case 'c':
        answer_save(w);
        break;
    default:
        cr_assert_fail("nothing is asked");
    }
}

void lane_fails(struct lane_world *w, enum engine_answer answer, const char *detail)
{
    char op = w->op;
    w->op = 0;
    if (op == 'c' || answer == ENGINE_LOST) /* a failed COMMIT has ended the transaction */
        w->open = false;
    switch (op) {
    case 't':
        engine_on_taken(w->engine, answer, NULL);
        break;
    case 'u':
        engine_on_touched(w->engine, answer, false);
        break;
    case 's':
        engine_on_settled(w->engine, answer, NULL, 0);
        break;
    case 'l':
        engine_on_looked(w->engine, answer, NULL, 0, NULL, 0);
        break;
    case 'b':
        engine_on_begun(w->engine, answer, NULL, 0, &(struct engine_loaded){0});
        break;
    case 'm':
        engine_on_loaded(w->engine, answer, &(struct engine_loaded){0});
        break;
    case 'c':
        engine_on_saved(w->engine, answer, detail);
        break;
    default:
        cr_assert_fail("nothing is asked");
    }
}

void lane_lost(struct lane_world *w, bool happened)
{
    if (happened && w->op == 'c')
        lane_store_commit(w);
    else if (happened && w->op == 'u')
        lane_store_touch(w);
    else if (happened && w->op == 't')
        w->rows[w->asked[0]].row.fence = w->take_fence;
    for (int32_t i = 0; i < LANES; i++)
        w->rows[i].named = false;
    engine_on_connection(w->engine, false);
    lane_fails(w, ENGINE_LOST, NULL);
    cr_assert_eq(w->op, 0, "'%c' is asked without a connection", w->op);
}

void lane_connect(struct lane_world *w)
{
    engine_on_connection(w->engine, true);
}
