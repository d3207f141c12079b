/* A flush: named, claimed, asked about, copied, written, committed. The drawing is in
 * loader_pg_impl.h. */
#include "loader_pg_impl.h"

#include "loader_rows.h"
#include "mr_utf8.h"
#include <assert.h>

#define CHUNK_BYTES ((size_t)256 << 10)

/* ---- statements ---- */

/* After a reconnection the rows still name the old backend; autocommitted, as what is not
 * committed cannot be read by who waits. */
static const struct mr_pg_stmt name_backend = {
    .name = "name_backend",
    .sql = "UPDATE public.load_ledger l SET backend_pid = $4::int4, "
           "backend_start = $5::text::timestamptz "
           "FROM (SELECT k.topic, k.lane FROM public.load_ledger k "
           "JOIN unnest($2::int4[], $3::int8[]) c(lane, fence) USING (lane, fence) "
           "WHERE k.topic = $1::text ORDER BY k.lane FOR UPDATE OF k) mine "
           "WHERE l.topic = mine.topic AND l.lane = mine.lane",
    .nparams = 5,
};

static const struct mr_pg_stmt begin = {.name = "begin", .sql = "BEGIN"};
static const struct mr_pg_stmt commit = {.name = "commit", .sql = "COMMIT"};
static const struct mr_pg_stmt rollback = {.name = "rollback", .sql = "ROLLBACK"};

/* Locks in ascending order the rows that still have our fences: after a wait the fence is compared
 * once more with the row as it is then. */
static const struct mr_pg_stmt claim = {
    .name = "claim",
    .sql = "SELECT l.lane FROM public.load_ledger l "
           "JOIN unnest($2::int4[], $3::int8[]) c(lane, fence) USING (lane, fence) "
           "WHERE l.topic = $1::text ORDER BY l.lane FOR UPDATE OF l",
    .nparams = 3,
};

static const struct mr_pg_stmt insert_bad = {
    .name = "insert_bad",
    .sql = "INSERT INTO public.bad_rows AS b (topic, lane, position, cause, record) "
           "SELECT $1::text, * FROM unnest($2::int4[], $3::int8[], $4::text[], $5::bytea[]) "
           "ON CONFLICT (topic, lane, position) DO UPDATE SET cause = excluded.cause, "
           "record = excluded.record, found_at = excluded.found_at",
    .nparams = 5,
};

static const struct mr_pg_stmt insert_counts = {
    .name = "insert_counts",
    .sql = "INSERT INTO public.load_count (topic, lane, consumed, loaded, repeated, ahead, "
           "skipped, bad, next_offset, last_sequence) "
           "SELECT $1::text, * FROM unnest($2::int4[], $3::int8[], $4::int8[], $5::int8[], "
           "$6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::int8[])",
    .nparams = 10,
};

/* In order of names, as another loader does it too. */
static const struct mr_pg_stmt upsert_freshness = {
    .name = "upsert_freshness",
    .sql = "INSERT INTO public.freshness AS f (table_name, loaded_through, loaded_at) "
           "SELECT u.name, u.through, now() FROM unnest($1::text[], $2::timestamptz[]) "
           "u(name, through) ORDER BY u.name ON CONFLICT (table_name) DO UPDATE SET "
           "loaded_through = greatest(f.loaded_through, excluded.loaded_through), "
           "loaded_at = excluded.loaded_at",
    .nparams = 2,
};

static const struct mr_pg_stmt move_ledger = {
    .name = "move_ledger",
    .sql = "UPDATE public.load_ledger l SET fence = c.fence_new, next_offset = c.next_offset, "
           "last_sequence = c.last_sequence, last_offset = c.last_offset "
           "FROM unnest($2::int4[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[]) "
           "c(lane, fence, fence_new, next_offset, last_sequence, last_offset) "
           "WHERE l.topic = $1::text AND l.lane = c.lane AND l.fence = c.fence",
    .nparams = 7,
};

/* ---- the end of a flush ---- */

static void answer(struct loader_pg *pg, enum engine_answer a, const int32_t *missed, size_t count)
{
    pg->state = LOADER_PG_FREE;
    if (pg->settings.on_flushed)
        pg->settings.on_flushed(pg->settings.owner,
                                mr_loop_now_ms(pg->settings.loop) - pg->flush_began_ms);
    engine_loader_on_flushed(pg->engine, a, missed, count, pg->op.why.text);
}

static void roll_back(struct loader_pg *pg)
{
    if (mr_pg_query(pg->conn, &rollback, NULL, NULL, NULL) == MR_OK)
        mr_pg_sync(pg->conn); /* otherwise the connection is gone, and the transaction with it */
}

/* Before COMMIT was sent: whatever went wrong, nothing happened. */
static void fail(struct loader_pg *pg)
{
    enum engine_answer a = loader_pg_answer(pg);
    if (a == ENGINE_TRANSIENT || a == ENGINE_LOST)
        MR_LOG(pg->settings.log, WARN, "a flush is tried again",
               mr_f_text("topic", pg->settings.topic), mr_f_text("error", pg->op.why.text));
    roll_back(pg);
    answer(pg, a == ENGINE_LOST ? ENGINE_TRANSIENT : a, NULL, 0);
}

/* ---- name and claim ---- */

static void claims_params(struct loader_pg *pg, struct mr_pg_params *p)
{
    size_t count = pg->flush.lane_count;
    struct mr_pg_array lanes, fences;
    mr_pg_array_init(&lanes, &pg->op.arena, MR_PG_INT4, (uint32_t)count);
    mr_pg_array_init(&fences, &pg->op.arena, MR_PG_INT8, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        mr_pg_array_int4(&lanes, pg->flush.claims[i].lane);
        mr_pg_array_int8(&fences, (int64_t)pg->flush.claims[i].fence);
    }
    mr_pg_param_array(p, &lanes);
    mr_pg_param_array(p, &fences);
}

static void watch(struct loader_pg *pg)
{
    size_t count = pg->flush.lane_count;
    int32_t *lanes = loader_op_alloc(&pg->op, count, sizeof *lanes);
    for (size_t i = 0; i < count; i++)
        lanes[i] = pg->flush.claims[i].lane;
    mr_pg_watch_arm(pg->watch, pg->backend_pid, lanes, count);
}

static void start_naming(struct loader_pg *pg)
{
    pg->state = LOADER_PG_NAMING;
    loader_op_begin(&pg->op, pg->conn);
    watch(pg);
    struct mr_pg_params p = loader_pg_params(pg);
    claims_params(pg, &p);
    mr_pg_param_int4(&p, pg->backend_pid);
    mr_pg_param_text(&p, mr_slice_text(pg->backend_start));
    loader_op_query(&pg->op, &name_backend, &p, LOADER_OP_ANY, NULL);
    loader_op_end(&pg->op);
}

static void read_claimed(void *owner, struct mr_pg_result *r)
{
    struct loader_pg *pg = owner;
    for (int i = 0; i < mr_pg_result_rows(r); i++)
        pg->claimed[mr_pg_result_int4(r, i, 0)] = true;
}

static void start_claiming(struct loader_pg *pg)
{
    pg->state = LOADER_PG_CLAIMING;
    loader_op_begin(&pg->op, pg->conn);
    watch(pg);
    for (size_t i = 0; i < pg->flush.lane_count; i++)
        pg->claimed[pg->flush.claims[i].lane] = false;
    struct mr_pg_params p = loader_pg_params(pg);
    claims_params(pg, &p);
    loader_op_query(&pg->op, &begin, NULL, LOADER_OP_ANY, NULL);
    loader_op_query(&pg->op, &claim, &p, LOADER_OP_ANY, read_claimed);
    loader_op_end(&pg->op);
}

/* True when another fence was found; then the flush is answered, and nothing was written. */
static bool answer_missed(struct loader_pg *pg)
{
    int32_t *missed = loader_op_alloc(&pg->op, pg->flush.lane_count, sizeof *missed);
    size_t count = 0;
    for (size_t i = 0; i < pg->flush.lane_count; i++)
        if (!pg->claimed[pg->flush.claims[i].lane])
            missed[count++] = pg->flush.claims[i].lane;
    if (count == 0)
        return false;
    roll_back(pg);
    answer(pg, ENGINE_DONE, missed, count);
    return true;
}

/* ---- copy ---- */

static void count_rows(struct loader_pg *pg)
{
    for (size_t t = 0; t < pg->settings.catalog->table_count; t++)
        pg->tables[t].rows = pg->tables[t].newest_ms = 0;
    for (size_t i = 0; i < pg->flush.record_count; i++) {
        const struct loader_record *r = loader_record_of(pg->flush.records[i]);
        for (size_t k = 0; r->base.verdict == ENGINE_LOAD_LOADED && k < r->line_count; k++) {
            struct loader_pg_table *table = &pg->tables[r->lines[k].table];
            table->rows++;
            if (r->time_ms > table->newest_ms)
                table->newest_ms = r->time_ms;
        }
    }
}

/* Adds the record's lines for the table at hand, from pg->line on, until the chunk is full. */
static void add_lines(struct loader_pg *pg, const struct loader_record *r)
{
    for (; pg->line < r->line_count && pg->chunk.len < CHUNK_BYTES; pg->line++)
        if (r->lines[pg->line].table == pg->table)
            mr_buf_slice(&pg->chunk, r->lines[pg->line].text);
    if (pg->line < r->line_count)
        return;
    pg->line = 0;
    pg->record++;
}

static enum mr_pg_pull pull(struct mr_slice *chunk, void *owner)
{
    struct loader_pg *pg = owner;
    mr_buf_reset(&pg->chunk);
    while (pg->record < pg->flush.record_count && pg->chunk.len < CHUNK_BYTES) {
        const struct loader_record *r = loader_record_of(pg->flush.records[pg->record]);
        if (r->base.verdict == ENGINE_LOAD_LOADED)
            add_lines(pg, r);
        else
            pg->record++;
    }
    *chunk = mr_buf_all(&pg->chunk);
    return pg->chunk.len > 0 ? MR_PG_PULL_MORE : MR_PG_PULL_END;
}

/* False: no table from this one on has rows. */
static bool start_copying(struct loader_pg *pg, size_t from)
{
    for (size_t t = from; t < pg->settings.catalog->table_count; t++) {
        if (pg->tables[t].rows == 0)
            continue;
        pg->state = LOADER_PG_COPYING;
        pg->table = t;
        pg->record = pg->line = 0;
        loader_op_begin(&pg->op, pg->conn);
        loader_op_copy(&pg->op, pg->tables[t].copy, pull, pg->tables[t].rows);
        loader_op_end(&pg->op);
        return true;
    }
    return false;
}

/* ---- write ---- */

/* A cause is cut to the engine's bound, perhaps within a character; a text column takes none. */
static struct mr_slice cause_of(const struct engine_load_record *r)
{
    struct mr_slice cause = mr_slice_text(r->cause);
    for (int i = 0; i < 4 && cause.len > 0 && !mr_utf8_is_valid(cause); i++)
        cause.len--;
    return mr_utf8_is_valid(cause) ? cause : mr_slice_text("its cause is no text");
}

static void write_bad(struct loader_pg *pg)
{
    struct mr_pg_array lanes, positions, causes, records;
    struct mr_arena *arena = &pg->op.arena;
    mr_pg_array_init(&lanes, arena, MR_PG_INT4, 0);
    mr_pg_array_init(&positions, arena, MR_PG_INT8, 0);
    mr_pg_array_init(&causes, arena, MR_PG_TEXT, 0);
    mr_pg_array_init(&records, arena, MR_PG_BYTEA, 0);
    int64_t count = 0;
    for (size_t i = 0; i < pg->flush.record_count; i++) {
        const struct engine_load_record *r = pg->flush.records[i];
        if (r->verdict != ENGINE_LOAD_REFUSED)
            continue;
        mr_pg_array_int4(&lanes, r->lane);
        mr_pg_array_int8(&positions, r->offset);
        mr_pg_array_text(&causes, cause_of(r));
        mr_pg_array_bytea(&records, loader_record_of(r)->packed);
        count++;
    }
    if (count == 0)
        return;
    struct mr_pg_params p = loader_pg_params(pg);
    mr_pg_param_array(&p, &lanes);
    mr_pg_param_array(&p, &positions);
    mr_pg_param_array(&p, &causes);
    mr_pg_param_array(&p, &records);
    loader_op_query(&pg->op, &insert_bad, &p, count, NULL);
}

static void write_counts(struct loader_pg *pg)
{
    const struct engine_flush *f = &pg->flush;
    struct mr_pg_array a[9];
    for (int k = 0; k < 9; k++)
        mr_pg_array_init(&a[k], &pg->op.arena, k == 0 ? MR_PG_INT4 : MR_PG_INT8,
                         (uint32_t)f->lane_count);
    for (size_t i = 0; i < f->lane_count; i++) {
        const struct engine_load_counts *n = &f->counts[i];
        mr_pg_array_int4(&a[0], f->claims[i].lane);
        mr_pg_array_int8(&a[1], n->consumed);
        mr_pg_array_int8(&a[2], n->loaded);
        mr_pg_array_int8(&a[3], n->repeated);
        mr_pg_array_int8(&a[4], n->ahead);
        mr_pg_array_int8(&a[5], n->skipped);
        mr_pg_array_int8(&a[6], n->bad);
        mr_pg_array_int8(&a[7], f->ledgers[i].next_offset);
        mr_pg_array_int8(&a[8], f->ledgers[i].last_sequence);
    }
    struct mr_pg_params p = loader_pg_params(pg);
    for (int k = 0; k < 9; k++)
        mr_pg_param_array(&p, &a[k]);
    loader_op_query(&pg->op, &insert_counts, &p, (int64_t)f->lane_count, NULL);
}

static void write_freshness(struct loader_pg *pg)
{
    const struct mr_catalog *catalog = pg->settings.catalog;
    struct mr_pg_array names, through;
    int64_t count = 0;
    mr_pg_array_init(&names, &pg->op.arena, MR_PG_TEXT, 0);
    mr_pg_array_init(&through, &pg->op.arena, MR_PG_TIMESTAMPTZ, 0);
    for (size_t t = 0; t < catalog->table_count; t++) {
        if (pg->tables[t].rows == 0)
            continue;
        mr_pg_array_text(&names, mr_slice_text(catalog->tables[t].name));
        mr_pg_array_time(&through, pg->tables[t].newest_ms);
        count++;
    }
    if (count == 0)
        return;
    struct mr_pg_params p;
    mr_pg_params_init(&p, &pg->op.arena);
    mr_pg_param_array(&p, &names);
    mr_pg_param_array(&p, &through);
    loader_op_query(&pg->op, &upsert_freshness, &p, count, NULL);
}

static void write_ledger(struct loader_pg *pg)
{
    const struct engine_flush *f = &pg->flush;
    struct mr_pg_array a[6];
    for (int k = 0; k < 6; k++)
        mr_pg_array_init(&a[k], &pg->op.arena, k == 0 ? MR_PG_INT4 : MR_PG_INT8,
                         (uint32_t)f->lane_count);
    for (size_t i = 0; i < f->lane_count; i++) {
        const struct engine_ledger *g = &f->ledgers[i];
        mr_pg_array_int4(&a[0], g->lane);
        mr_pg_array_int8(&a[1], (int64_t)f->claims[i].fence);
        mr_pg_array_int8(&a[2], (int64_t)f->claims[i].fence_new);
        mr_pg_array_int8(&a[3], g->next_offset);
        mr_pg_array_int8(&a[4], g->last_sequence);
        mr_pg_array_int8(&a[5], g->last_offset);
    }
    struct mr_pg_params p = loader_pg_params(pg);
    for (int k = 0; k < 6; k++)
        mr_pg_param_array(&p, &a[k]);
    loader_op_query(&pg->op, &move_ledger, &p, (int64_t)f->lane_count, NULL);
}

static void start_writing(struct loader_pg *pg)
{
    pg->state = LOADER_PG_WRITING;
    loader_op_begin(&pg->op, pg->conn);
    write_bad(pg);
    write_counts(pg);
    write_freshness(pg);
    write_ledger(pg);
    loader_op_end(&pg->op);
}

/* ---- commit ---- */

static void read_commit(void *owner, struct mr_pg_result *r)
{
    struct loader_pg *pg = owner;
    if (!mr_pg_result_is_commit(r))
        pg->op.status = mr_fail(&pg->op.why, MR_BUSY, "the server rolled the transaction back");
}

static void start_committing(struct loader_pg *pg)
{
    pg->state = LOADER_PG_COMMITTING;
    loader_op_begin(&pg->op, pg->conn);
    loader_op_query(&pg->op, &commit, NULL, LOADER_OP_ANY, read_commit);
    loader_op_end(&pg->op);
}

static void on_committed(struct loader_pg *pg)
{
    for (size_t t = 0; t < pg->settings.catalog->table_count; t++)
        if (pg->tables[t].newest_ms > pg->tables[t].loaded_through)
            pg->tables[t].loaded_through = pg->tables[t].newest_ms;
    for (size_t i = 0; pg->settings.on_loaded && i < pg->flush.lane_count; i++)
        pg->settings.on_loaded(pg->settings.owner, &pg->flush.ledgers[i]);
    answer(pg, ENGINE_DONE, NULL, 0);
}

/* Only a COMMIT without an answer leaves it open whether the flush happened. */
static void on_commit_answered(struct loader_pg *pg)
{
    if (pg->op.status == MR_OK)
        on_committed(pg);
    else if (pg->op.status == MR_LOST)
        answer(pg, ENGINE_LOST, NULL, 0);
    else
        fail(pg);
}

/* ---- the way ---- */

static bool all_named(const struct loader_pg *pg)
{
    for (size_t i = 0; i < pg->flush.lane_count; i++)
        if (!pg->named[pg->flush.claims[i].lane])
            return false;
    return true;
}

void loader_pg_flush(void *ctx, const struct engine_flush *flush)
{
    struct loader_pg *pg = ctx;
    assert(pg->state == LOADER_PG_FREE);
    pg->flush = *flush;
    pg->flush_began_ms = mr_loop_now_ms(pg->settings.loop);
    if (all_named(pg))
        start_claiming(pg);
    else
        start_naming(pg);
}

static void start_rows(struct loader_pg *pg)
{
    count_rows(pg);
    if (!start_copying(pg, 0))
        start_writing(pg);
}

void loader_pg_flush_step(struct loader_pg *pg)
{
    if (pg->state == LOADER_PG_COMMITTING) {
        on_commit_answered(pg);
        return;
    }
    if (pg->op.status != MR_OK) {
        fail(pg);
        return;
    }
    switch (pg->state) {
    case LOADER_PG_NAMING:
        for (size_t i = 0; i < pg->flush.lane_count; i++)
            pg->named[pg->flush.claims[i].lane] = true;
        start_claiming(pg);
        break;
    case LOADER_PG_CLAIMING:
        if (answer_missed(pg))
            break;
        pg->state = LOADER_PG_ASKING;
        if (!loader_pg_ask_facts(pg))
            start_rows(pg);
        break;
    case LOADER_PG_ASKING:
        start_rows(pg);
        break;
    case LOADER_PG_COPYING:
        if (!start_copying(pg, pg->table + 1))
            start_writing(pg);
        break;
    case LOADER_PG_WRITING:
        start_committing(pg);
        break;
    default:
        assert(!"a state that is not a flush's");
    }
}
