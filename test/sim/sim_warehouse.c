/* The warehouse, and what must hold of it: each event once, in order, as it was committed; each
 * fact of the log once. */
#include "sim.h"

#include <stdlib.h>

static void apply_event(struct sim *s, int lane, const struct sim_event *e)
{
    struct sim_wh_lane *w = &s->warehouse[0][lane];
    if (e->sequence != w->row_count)
        sim_bad(s, "warehouse of lane %d: event %lld comes after %d", lane, (long long)e->sequence,
                w->row_count - 1);
    if (memcmp(&s->committed[lane][e->sequence], &e->content, sizeof e->content) != 0)
        sim_bad(s, "warehouse of lane %d: event %lld is not what was committed", lane,
                (long long)e->sequence);
}

/* The first of the rows with the fact that lies at this offset; -1: none. */
static int row_of_fact(const struct sim *s, int lane, const struct sim_event *rows, int count,
                       int64_t offset)
{
    const struct sim_record *r = s->topics.records[lane];
    for (int i = 0; i < count; i++)
        if (sim_is_same(&r[rows[i].sequence], &r[offset]))
            return i;
    return -1;
}

static void apply_fact(struct sim *s, int lane, const struct sim_event *e)
{
    const struct sim_wh_lane *w = &s->warehouse[1][lane];
    if (row_of_fact(s, lane, w->rows, w->row_count, e->sequence) >= 0)
        sim_bad(s, "warehouse of lane %d: the fact at offset %lld is loaded twice", lane,
                (long long)e->sequence);
}

void sim_flush_apply(struct sim *s, const struct sim_flush *f)
{
    for (int lane = 0; lane < SIM_LANES; lane++) {
        struct sim_wh_lane *w = &s->warehouse[f->facts][lane];
        if (!f->moves[lane])
            continue;
        w->ledger = f->ledgers[lane];
        for (int i = 0; i < f->row_count[lane]; i++) {
            const struct sim_event *e = &f->rows[lane][i];
            if (f->facts)
                apply_fact(s, lane, e);
            else
                apply_event(s, lane, e);
            if (w->row_count < SIM_TOPIC_MAX)
                w->rows[w->row_count++] = *e;
        }
    }
}

static int locked_by(const struct sim *s, bool facts, int lane)
{
    for (int i = 0; i < s->flush_orphan_count; i++)
        if (s->flush_orphans[i]->facts == facts && s->flush_orphans[i]->holds[lane])
            return i;
    return -1;
}

static void end_orphan(struct sim *s, int i, uint32_t commit_permille)
{
    bool commits = sim_maybe(s, commit_permille);
    sim_say(s, "the warehouse backend of connection %llu %s",
            (unsigned long long)s->flush_orphans[i]->conn, commits ? "commits" : "rolls back");
    if (commits)
        sim_flush_apply(s, s->flush_orphans[i]);
    s->flush_orphans[i] = s->flush_orphans[--s->flush_orphan_count];
}

bool sim_flush_orphan_step(struct sim *s)
{
    if (s->flush_orphan_count == 0)
        return false;
    end_orphan(s, (int)sim_below(s, (uint32_t)s->flush_orphan_count), 600);
    return true;
}

bool sim_flush_waits(struct sim *s, struct sim_loader *l, int lane)
{
    int i = locked_by(s, l->facts, lane);
    if (i < 0)
        return false;
    if (s->now_ms - l->p.op_since_ms >= 1000 &&
        s->warehouse[l->facts][lane].backend == s->flush_orphans[i]->conn)
        end_orphan(s, i, 500);
    return locked_by(s, l->facts, lane) >= 0;
}

/* As the warehouse does: what it has already, or has before in this flush, is a repeat. */
static bool is_repeated(struct sim *s, const struct sim_flush *f, int lane, int64_t offset)
{
    const struct sim_wh_lane *w = &s->warehouse[1][lane];
    return f->facts && (row_of_fact(s, lane, w->rows, w->row_count, offset) >= 0 ||
                        row_of_fact(s, lane, f->rows[lane], f->row_count[lane], offset) >= 0);
}

static void copy_records(struct sim *s, const struct engine_flush *flush, struct sim_flush *f)
{
    for (size_t i = 0; i < flush->record_count; i++) {
        struct engine_load_record *r = flush->records[i];
        const struct sim_row *row = r->rows;
        size_t claim = 0;
        while (flush->claims[claim].lane != r->lane)
            claim++;
        if (is_repeated(s, f, r->lane, r->offset)) {
            r->verdict = ENGINE_LOAD_REPEATED;
            flush->counts[claim].loaded--;
            flush->counts[claim].repeated++;
            continue;
        }
        f->rows[r->lane][f->row_count[r->lane]++] =
            (struct sim_event){.sequence = r->sequence, .content = row->content};
    }
}

struct sim_flush *sim_flush_copy(struct sim *s, struct sim_loader *l)
{
    struct sim_flush *f = mr_arena_alloc(&s->arena, sizeof *f);
    const struct engine_flush *flush = &l->flush;
    if (!f)
        abort();
    f->conn = l->p.conn;
    f->facts = l->facts;
    for (size_t i = 0; i < flush->lane_count; i++) {
        int lane = flush->claims[i].lane;
        f->holds[lane] = f->moves[lane] = true;
        f->ledgers[lane] = flush->ledgers[i];
        const struct engine_load_counts *c = &flush->counts[i];
        if (c->consumed != c->loaded + c->repeated + c->ahead + c->skipped + c->bad)
            sim_bad(s, "a load's counts do not add up");
        if (f->facts && (c->ahead > 0 || c->repeated > 0 || c->bad > 0))
            sim_bad(s, "the loader of facts judges what only the warehouse can");
    }
    copy_records(s, flush, f);
    return f;
}

/* ---- the last look ---- */

static void final_facts(struct sim *s, int lane)
{
    const struct sim_wh_lane *w = &s->warehouse[1][lane];
    for (int p = 0; p < s->topics.record_count[lane]; p++) {
        const struct sim_record *r = &s->topics.records[lane][p];
        bool fact = r->keep == ENGINE_KEEP_FACT && r->kind < SIM_STRANGE && r->kind != SIM_BROKEN;
        if (fact && row_of_fact(s, lane, w->rows, w->row_count, p) < 0)
            sim_bad(s, "warehouse of lane %d: the fact at offset %d is missing", lane, p);
    }
}

void sim_warehouse_final(struct sim *s)
{
    for (int lane = 0; lane < SIM_LANES; lane++) {
        if (s->warehouse[0][lane].row_count != s->db.lanes[lane].row.next_event)
            sim_bad(s, "warehouse of lane %d has %d events, the database %lld", lane,
                    s->warehouse[0][lane].row_count, (long long)s->db.lanes[lane].row.next_event);
        if (s->tally)
            final_facts(s, lane);
    }
}
