/* What a batch reads of the database: repeats, entities, what is parked, what is due. */
#include "sim.h"

#include "sim_tally.h"
#include <assert.h>
#include <stdlib.h>

static int by_position(const void *a, const void *b)
{
    const struct engine_parked *x = a, *y = b;
    return (x->record.in.position > y->record.in.position) -
           (x->record.in.position < y->record.in.position);
}

static size_t load_parked(struct sim *s, const struct engine_load *load, struct engine_parked *out)
{
    size_t count = 0;
    for (size_t i = 0; i < load->parked_count; i++) {
        const struct engine_parked_want *want = &load->parked[i];
        struct sim_db_lane *l = &s->db.lanes[want->lane];
        size_t from = count;
        for (int k = 0; k < l->parked_count; k++) {
            const struct engine_record *r =
                &s->topics.records[want->lane][l->parked[k].position].record;
            if (mr_slice_equal(r->in.key, want->key))
                out[count++] = (struct engine_parked){
                    .record = *r, .behind = l->parked[k].behind, .action = l->parked[k].action};
        }
        qsort(out + from, count - from, sizeof *out, by_position);
        if (count - from > 1 && sim_maybe(s, 300))
            count--; /* more waits than one batch takes */
    }
    return count;
}

static bool is_looked_for(const struct sim *s, const struct engine_lookup *up,
                          const struct sim_record *r)
{
    return mr_uuid_equal(&up->id, &r->id) && mr_uuid_equal(&up->account, &s->accounts[r->account]);
}

static size_t look_up(const struct sim *s, const struct engine_lookup *up, struct engine_known *out)
{
    static const unsigned tables[] = {
        [ENGINE_KEEP_FULL] = SIM_IN_COMMAND,
        [ENGINE_KEEP_ID] = SIM_IN_SEEN,
        [ENGINE_KEEP_FACT] = SIM_IN_FACTS,
    };
    const struct sim_db_lane *l = &s->db.lanes[up->lane];
    size_t count = 0;
    for (int p = 0; p < s->topics.record_count[up->lane]; p++) {
        const struct sim_record *r = &s->topics.records[up->lane][p];
        struct engine_known known = {.account = up->account, .id = up->id, .day = up->day};
        if (!is_looked_for(s, up, r))
            continue;
        if (up->keep != ENGINE_KEEP_FULL && !up->is_parked && l->outcome[p] == SIM_PARKED)
            out[count++] = known;
        known.has_hash = up->keep != ENGINE_KEEP_FACT;
        known.hash = r->hash;
        if (l->tables[p] & tables[up->keep])
            out[count++] = known;
    }
    return count;
}

static size_t load_known(const struct sim *s, const struct engine_load *load,
                         struct engine_known *out, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < load->lookup_count; i++) {
        assert(count + 2 * SIM_RECORDS_MAX <= size);
        count += look_up(s, &load->lookups[i], out + count);
    }
    return count;
}

static size_t load_entities(struct sim *s, const struct engine_load *load,
                            struct engine_entity *out)
{
    size_t count = 0;
    for (int i = 0; i < s->db.entity_count; i++)
        for (size_t k = 0; k < load->key_count; k++)
            if (memcmp(&s->db.entities[i].entity.key, &load->keys[k], sizeof *load->keys) == 0)
                out[count++] = s->db.entities[i].entity;
    return count;
}

static int lane_of(const struct sim *s, const struct mr_uuid *account)
{
    for (int i = 0; i < SIM_ACCOUNTS; i++)
        if (mr_uuid_equal(&s->accounts[i], account))
            return i % SIM_LANES;
    return -1;
}

static void load_due(const struct sim *s, const struct engine_due *want,
                     struct engine_due_entity *due, struct engine_loaded *out,
                     struct engine_entity *entities)
{
    for (int i = 0; i < s->db.entity_count; i++) {
        const struct engine_entity *e = &s->db.entities[i].entity;
        const struct tally_sum *sum = e->bytes;
        if (e->key.kind != want->kind || lane_of(s, &e->key.account) != want->lane ||
            sum->due_ms == 0 || sum->due_ms > want->time_ms)
            continue;
        due[out->due_count++] = (struct engine_due_entity){.lane = want->lane, .key = e->key};
        entities[out->entity_count++] = *e;
    }
}

void sim_load(struct sim *s, const struct engine_load *load, struct engine_loaded *out)
{
    static struct engine_known known[SIM_LANES * SIM_RECORDS_MAX * 16];
    static struct engine_entity entities[2 * SIM_ENTITIES_MAX];
    static struct engine_due_entity due[SIM_ENTITIES_MAX];
    static struct engine_parked parked[SIM_LANES * SIM_RECORDS_MAX];
    *out = (struct engine_loaded){
        .known = known,
        .known_count = load_known(s, load, known, sizeof known / sizeof *known),
        .entities = entities,
        .entity_count = load_entities(s, load, entities),
        .parked = parked,
        .parked_count = load_parked(s, load, parked),
        .due = due,
    };
    for (size_t i = 0; i < load->due_count; i++)
        load_due(s, &load->due[i], due, out, entities);
}
