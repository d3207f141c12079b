/* What a batch writes into the runtime's own tables: a statement a table, each with all its rows as
 * arrays. */
#include "runtime_store_impl.h"

#include "engine_command.h"
#include "mr_buf.h"
#include "mr_time.h"
#include <assert.h>
#include <stdlib.h>

#define COLUMNS_MAX 16

static const struct mr_pg_stmt command_insert = {
    .name = "command_insert",
    .sql = "INSERT INTO millrace.command (domain, day, account_id, id, lane, position, type, "
           "subject, hash, status, problem, detail, errors, accepted_at) SELECT $1::text, r.* "
           "FROM unnest($2::date[], $3::uuid[], $4::uuid[], $5::int4[], $6::int8[], $7::text[], "
           "$8::uuid[], $9::bytea[], $10::int4[], $11::text[], $12::text[], $13::text[], "
           "$14::timestamptz[]) r",
    .nparams = 14,
};

static const struct mr_pg_stmt command_update = {
    .name = "command_update",
    .sql = "UPDATE millrace.command c SET status = r.status, problem = r.problem, "
           "detail = r.detail, errors = r.errors, decided_at = now() "
           "FROM unnest($2::date[], $3::uuid[], $4::uuid[], $5::int4[], $6::text[], $7::text[], "
           "$8::text[]) r(day, account_id, id, status, problem, detail, errors) "
           "WHERE c.domain = $1::text AND c.day = r.day AND c.account_id = r.account_id "
           "AND c.id = r.id AND c.status = 3",
    .nparams = 8,
};

static const struct mr_pg_stmt seen_insert = {
    .name = "seen_insert",
    .sql = "INSERT INTO millrace.seen (domain, day, account_id, id, lane, position, hash) "
           "SELECT $1::text, r.* FROM unnest($2::date[], $3::uuid[], $4::uuid[], $5::int4[], "
           "$6::int8[], $7::bytea[]) r",
    .nparams = 7,
};

static const struct mr_pg_stmt event_insert = {
    .name = "event_insert",
    .sql = "INSERT INTO millrace.event (domain, day, lane, sequence, type, time, account_id, "
           "subject, subject_version, command_id, key, traceparent, data) SELECT $1::text, r.* "
           "FROM unnest($2::date[], $3::int4[], $4::int8[], $5::text[], $6::timestamptz[], "
           "$7::uuid[], $8::uuid[], $9::int8[], $10::uuid[], $11::bytea[], $12::text[], "
           "$13::text[]) r",
    .nparams = 13,
};

/* Positions may be read again after set-position: the first row of one stays. */
static const struct mr_pg_stmt conflict_insert = {
    .name = "conflict_insert",
    .sql = "INSERT INTO millrace.conflict (domain, lane, position, account_id, id, hash) "
           "SELECT $1::text, r.* FROM unnest($2::int4[], $3::int8[], $4::uuid[], $5::uuid[], "
           "$6::bytea[]) r ON CONFLICT DO NOTHING",
    .nparams = 6,
};

static const struct mr_pg_stmt quarantine_insert = {
    .name = "quarantine_insert",
    .sql = "INSERT INTO millrace.quarantine (domain, lane, position, cause, record) "
           "SELECT $1::text, r.* FROM unnest($2::int4[], $3::int8[], $4::text[], $5::bytea[]) r "
           "ON CONFLICT DO NOTHING",
    .nparams = 5,
};

static const struct mr_pg_stmt parked_insert = {
    .name = "parked_insert",
    .sql = "INSERT INTO millrace.parked (domain, lane, position, key, account_id, command_id, "
           "type, behind, cause, record) SELECT $1::text, r.* FROM unnest($2::int4[], $3::int8[], "
           "$4::bytea[], $5::uuid[], $6::uuid[], $7::text[], $8::bool[], $9::text[], "
           "$10::bytea[]) r",
    .nparams = 10,
};

static const struct mr_pg_stmt parked_update = {
    .name = "parked_update",
    .sql = "UPDATE millrace.parked p SET cause = r.cause, behind = false, "
           "attempts = p.attempts + 1 "
           "FROM unnest($2::int4[], $3::int8[], $4::text[]) r(lane, position, cause) "
           "WHERE p.domain = $1::text AND p.lane = r.lane AND p.position = r.position",
    .nparams = 4,
};

static const struct mr_pg_stmt parked_delete = {
    .name = "parked_delete",
    .sql = "DELETE FROM millrace.parked p USING unnest($2::int4[], $3::int8[]) r(lane, position) "
           "WHERE p.domain = $1::text AND p.lane = r.lane AND p.position = r.position",
    .nparams = 3,
};

static const struct mr_pg_stmt request_delete = {
    .name = "request_delete",
    .sql = "DELETE FROM millrace.request q USING unnest($2::int4[], $3::int8[]) r(lane, position) "
           "WHERE q.domain = $1::text AND q.lane = r.lane AND q.position = r.position",
    .nparams = 3,
};

static const struct mr_pg_stmt lane_update = {
    .name = "lane_update",
    .sql = "UPDATE millrace.lane l SET applied = r.applied, last_record = r.last_record, "
           "next_event = r.next_event, published = r.published, event_offset = r.event_offset "
           "FROM unnest($2::int4[], $3::int8[], $4::int8[], $5::bytea[], $6::int8[], $7::int8[], "
           "$8::int8[]) r(lane, fence, applied, last_record, next_event, published, event_offset) "
           "WHERE l.domain = $1::text AND l.lane = r.lane AND l.fence = r.fence",
    .nparams = 8,
};

/* ---- a table's rows as arrays ---- */

struct columns {
    struct runtime_store *store;
    struct mr_pg_array array[COLUMNS_MAX];
    int count;
};

/* types ends with 0. */
static struct columns columns_of(struct runtime_store *s, size_t rows, const enum mr_pg_type *types)
{
    struct columns c = {.store = s};
    for (; types[c.count]; c.count++) {
        assert(c.count < COLUMNS_MAX);
        mr_pg_array_init(&c.array[c.count], &s->arena, types[c.count], (uint32_t)rows);
    }
    return c;
}

static void write_rows(struct columns *c, const struct mr_pg_stmt *stmt, int64_t want)
{
    struct mr_pg_params p = store_params(c->store);
    for (int i = 0; i < c->count; i++)
        mr_pg_param_array(&p, &c->array[i]);
    store_query(c->store, stmt, &p, (struct store_call){.want = want});
}

#define TYPES(...) ((const enum mr_pg_type[]){__VA_ARGS__, 0})

void store_note_day(struct runtime_store *s, int32_t day)
{
    s->first_day = day < s->first_day ? day : s->first_day;
    s->last_day = day > s->last_day ? day : s->last_day;
}

static void push_refusal(struct columns *c, int at, const struct engine_refusal *r)
{
    mr_pg_array_text(&c->array[at], mr_slice_text(r->problem));
    mr_pg_array_text(&c->array[at + 1], mr_slice_text(r->detail));
    mr_pg_array_text(&c->array[at + 2], mr_slice_text(r->errors));
}

/* What of an outcome is written where; see struct engine_outcome. */
static bool is_new_command(const struct engine_outcome *o)
{
    return o->command->keep == ENGINE_KEEP_FULL && !o->was_parked;
}

static bool is_parked_command(const struct engine_outcome *o)
{
    return o->command->keep == ENGINE_KEEP_FULL && o->was_parked;
}

/* Parked while its type was not known, it has a row; else it has none. */
static bool may_be_command(const struct engine_outcome *o)
{
    return o->command->keep != ENGINE_KEEP_FULL && o->was_parked;
}

static bool is_seen(const struct engine_outcome *o)
{
    return o->command->keep == ENGINE_KEEP_ID && o->status != ENGINE_OUTCOME_PARKED;
}

typedef bool outcome_filter(const struct engine_outcome *outcome);

static size_t outcomes_of(const struct engine_save *save, outcome_filter *filter)
{
    size_t n = 0;
    for (size_t i = 0; i < save->outcome_count; i++)
        n += filter(&save->outcomes[i]);
    return n;
}

static void save_new_commands(struct runtime_store *s, const struct engine_save *save)
{
    size_t n = outcomes_of(save, is_new_command);
    if (n == 0)
        return;
    struct columns c = columns_of(s, n,
                                  TYPES(MR_PG_DATE, MR_PG_UUID, MR_PG_UUID, MR_PG_INT4, MR_PG_INT8,
                                        MR_PG_TEXT, MR_PG_UUID, MR_PG_BYTEA, MR_PG_INT4, MR_PG_TEXT,
                                        MR_PG_TEXT, MR_PG_TEXT, MR_PG_TIMESTAMPTZ));
    for (size_t i = 0; i < save->outcome_count; i++) {
        const struct engine_outcome *o = &save->outcomes[i];
        const struct engine_command *cmd = o->command;
        if (!is_new_command(o))
            continue;
        store_note_day(s, cmd->day);
        mr_pg_array_day(&c.array[0], cmd->day);
        mr_pg_array_uuid(&c.array[1], &cmd->ce.account);
        mr_pg_array_uuid(&c.array[2], &cmd->ce.id);
        mr_pg_array_int4(&c.array[3], cmd->record.lane);
        mr_pg_array_int8(&c.array[4], cmd->record.in.position);
        mr_pg_array_text(&c.array[5], cmd->ce.type);
        mr_pg_array_uuid(&c.array[6], cmd->ce.has_subject ? &cmd->ce.subject : NULL);
        mr_pg_array_bytea(&c.array[7], mr_slice(cmd->hash.bytes, sizeof cmd->hash.bytes));
        mr_pg_array_int4(&c.array[8], (int32_t)o->status);
        push_refusal(&c, 9, &o->refusal);
        mr_pg_array_time(&c.array[12], cmd->record.in.append_time_ms);
    }
    write_rows(&c, &command_insert, (int64_t)n);
}

static void save_parked_commands(struct runtime_store *s, const struct engine_save *save,
                                 outcome_filter *filter, bool all_exist)
{
    size_t n = outcomes_of(save, filter);
    if (n == 0)
        return;
    struct columns c = columns_of(
        s, n,
        TYPES(MR_PG_DATE, MR_PG_UUID, MR_PG_UUID, MR_PG_INT4, MR_PG_TEXT, MR_PG_TEXT, MR_PG_TEXT));
    for (size_t i = 0; i < save->outcome_count; i++) {
        const struct engine_outcome *o = &save->outcomes[i];
        if (!filter(o))
            continue;
        mr_pg_array_day(&c.array[0], o->command->day);
        mr_pg_array_uuid(&c.array[1], &o->command->ce.account);
        mr_pg_array_uuid(&c.array[2], &o->command->ce.id);
        mr_pg_array_int4(&c.array[3], (int32_t)o->status);
        push_refusal(&c, 4, &o->refusal);
    }
    write_rows(&c, &command_update, all_exist ? (int64_t)n : -1);
}

static void save_seen(struct runtime_store *s, const struct engine_save *save)
{
    size_t n = outcomes_of(save, is_seen);
    if (n == 0)
        return;
    struct columns c = columns_of(
        s, n, TYPES(MR_PG_DATE, MR_PG_UUID, MR_PG_UUID, MR_PG_INT4, MR_PG_INT8, MR_PG_BYTEA));
    for (size_t i = 0; i < save->outcome_count; i++) {
        const struct engine_command *cmd = save->outcomes[i].command;
        if (!is_seen(&save->outcomes[i]))
            continue;
        store_note_day(s, cmd->day);
        mr_pg_array_day(&c.array[0], cmd->day);
        mr_pg_array_uuid(&c.array[1], &cmd->ce.account);
        mr_pg_array_uuid(&c.array[2], &cmd->ce.id);
        mr_pg_array_int4(&c.array[3], cmd->record.lane);
        mr_pg_array_int8(&c.array[4], cmd->record.in.position);
        mr_pg_array_bytea(&c.array[5], mr_slice(cmd->hash.bytes, sizeof cmd->hash.bytes));
    }
    write_rows(&c, &seen_insert, (int64_t)n);
}

static void save_outcomes(struct runtime_store *s, const struct engine_save *save)
{
    save_new_commands(s, save);
    save_parked_commands(s, save, is_parked_command, true);
    save_parked_commands(s, save, may_be_command, false);
    save_seen(s, save);
}

static void save_events(struct runtime_store *s, const struct engine_save *save)
{
    struct columns c = columns_of(s, save->event_count,
                                  TYPES(MR_PG_DATE, MR_PG_INT4, MR_PG_INT8, MR_PG_TEXT,
                                        MR_PG_TIMESTAMPTZ, MR_PG_UUID, MR_PG_UUID, MR_PG_INT8,
                                        MR_PG_UUID, MR_PG_BYTEA, MR_PG_TEXT, MR_PG_TEXT));
    for (size_t i = 0; i < save->event_count; i++) {
        const struct engine_event *e = &save->events[i];
        int32_t day = mr_time_day(e->time_ms);
        store_note_day(s, day);
        mr_pg_array_day(&c.array[0], day);
        mr_pg_array_int4(&c.array[1], e->lane);
        mr_pg_array_int8(&c.array[2], e->sequence);
        mr_pg_array_text(&c.array[3], e->type);
        mr_pg_array_time(&c.array[4], e->time_ms);
        mr_pg_array_uuid(&c.array[5], &e->account);
        mr_pg_array_uuid(&c.array[6], &e->subject);
        mr_pg_array_int8(&c.array[7], e->subject_version);
        mr_pg_array_uuid(&c.array[8], &e->causation);
        mr_pg_array_bytea(&c.array[9], e->key);
        mr_pg_array_text(&c.array[10], e->traceparent);
        mr_pg_array_text(&c.array[11], e->data);
    }
    if (save->event_count > 0)
        write_rows(&c, &event_insert, (int64_t)save->event_count);
}

/* ---- what is set aside ---- */

static struct mr_slice packed(struct runtime_store *s, const struct engine_command *cmd)
{
    struct mr_buf buf;
    mr_buf_init(&buf, 0);
    if (mr_record_pack(&cmd->record.in, &buf) != MR_OK)
        abort(); /* a part of 4 GiB: no topic holds one */
    struct mr_slice bytes = mr_arena_slice(&s->arena, mr_buf_all(&buf));
    mr_buf_free(&buf);
    if (!bytes.data)
        abort(); /* a batch is bounded far below the arena */
    return bytes;
}

static void save_aside(struct runtime_store *s, const struct engine_save *save)
{
    struct columns q = columns_of(s, save->quarantined_count,
                                  TYPES(MR_PG_INT4, MR_PG_INT8, MR_PG_TEXT, MR_PG_BYTEA));
    for (size_t i = 0; i < save->quarantined_count; i++) {
        const struct engine_aside *a = &save->quarantined[i];
        mr_pg_array_int4(&q.array[0], a->command->record.lane);
        mr_pg_array_int8(&q.array[1], a->command->record.in.position);
        mr_pg_array_text(&q.array[2], mr_slice_text(a->cause));
        mr_pg_array_bytea(&q.array[3], packed(s, a->command));
    }
    if (save->quarantined_count > 0)
        write_rows(&q, &quarantine_insert, -1);
    struct columns c =
        columns_of(s, save->conflict_count,
                   TYPES(MR_PG_INT4, MR_PG_INT8, MR_PG_UUID, MR_PG_UUID, MR_PG_BYTEA));
    for (size_t i = 0; i < save->conflict_count; i++) {
        const struct engine_command *cmd = save->conflicts[i].command;
        mr_pg_array_int4(&c.array[0], cmd->record.lane);
        mr_pg_array_int8(&c.array[1], cmd->record.in.position);
        mr_pg_array_uuid(&c.array[2], &cmd->ce.account);
        mr_pg_array_uuid(&c.array[3], &cmd->ce.id);
        mr_pg_array_bytea(&c.array[4], mr_slice(cmd->hash.bytes, sizeof cmd->hash.bytes));
    }
    if (save->conflict_count > 0)
        write_rows(&c, &conflict_insert, -1);
}

static void save_parks(struct runtime_store *s, const struct engine_save *save)
{
    size_t again = 0;
    for (size_t i = 0; i < save->park_count; i++)
        again += save->parks[i].was_parked;
    size_t fresh = save->park_count - again;
    struct columns n = columns_of(s, fresh,
                                  TYPES(MR_PG_INT4, MR_PG_INT8, MR_PG_BYTEA, MR_PG_UUID, MR_PG_UUID,
                                        MR_PG_TEXT, MR_PG_BOOL, MR_PG_TEXT, MR_PG_BYTEA));
    struct columns u = columns_of(s, again, TYPES(MR_PG_INT4, MR_PG_INT8, MR_PG_TEXT));
    for (size_t i = 0; i < save->park_count; i++) {
        const struct engine_park *p = &save->parks[i];
        const struct engine_command *cmd = p->command;
        struct columns *c = p->was_parked ? &u : &n;
        mr_pg_array_int4(&c->array[0], cmd->record.lane);
        mr_pg_array_int8(&c->array[1], cmd->record.in.position);
        if (p->was_parked) {
            mr_pg_array_text(&u.array[2], mr_slice_text(p->cause));
            continue;
        }
        mr_pg_array_bytea(&n.array[2], cmd->record.in.key);
        mr_pg_array_uuid(&n.array[3], &cmd->ce.account);
        mr_pg_array_uuid(&n.array[4], &cmd->ce.id);
        mr_pg_array_text(&n.array[5], cmd->ce.type);
        mr_pg_array_bool(&n.array[6], p->behind);
        mr_pg_array_text(&n.array[7], mr_slice_text(p->cause));
        mr_pg_array_bytea(&n.array[8], packed(s, cmd));
    }
    if (fresh > 0)
        write_rows(&n, &parked_insert, (int64_t)fresh);
    if (again > 0)
        write_rows(&u, &parked_update, (int64_t)again);
}

static void delete_positions(struct runtime_store *s, const struct mr_pg_stmt *stmt,
                             const struct engine_position *list, size_t count)
{
    struct columns c = columns_of(s, count, TYPES(MR_PG_INT4, MR_PG_INT8));
    for (size_t i = 0; i < count; i++) {
        mr_pg_array_int4(&c.array[0], list[i].lane);
        mr_pg_array_int8(&c.array[1], list[i].position);
    }
    if (count > 0)
        write_rows(&c, stmt, -1);
}

/* ---- the positions ---- */

static void save_lanes(struct runtime_store *s, const struct engine_save *save)
{
    struct columns c = columns_of(
        s, save->lane_count,
        TYPES(MR_PG_INT4, MR_PG_INT8, MR_PG_INT8, MR_PG_BYTEA, MR_PG_INT8, MR_PG_INT8, MR_PG_INT8));
    for (size_t i = 0; i < save->lane_count; i++) {
        const struct engine_row *r = &save->lanes[i];
        struct mr_slice last = r->has_last_record
                                   ? mr_slice(r->last_record.bytes, sizeof r->last_record.bytes)
                                   : mr_slice(NULL, 0);
        mr_pg_array_int4(&c.array[0], r->lane);
        mr_pg_array_int8(&c.array[1], (int64_t)r->fence);
        mr_pg_array_int8(&c.array[2], r->applied);
        mr_pg_array_bytea(&c.array[3], last);
        mr_pg_array_int8(&c.array[4], r->next_event);
        mr_pg_array_int8(&c.array[5], r->published);
        mr_pg_array_int8(&c.array[6], r->event_offset);
    }
    write_rows(&c, &lane_update, (int64_t)save->lane_count);
}

void store_save_on(struct runtime_store *s)
{
    const struct engine_save *save = &s->saving;
    if (store_copy_next(s))
        return;
    save_outcomes(s, save);
    save_aside(s, save);
    save_events(s, save);
    save_parks(s, save);
    delete_positions(s, &parked_delete, save->unparks, save->unpark_count);
    delete_positions(s, &request_delete, save->unrequests, save->unrequest_count);
    store_save_domain(s, save);
    save_lanes(s, save);
}

void store_save(struct runtime_store *s, const struct engine_save *save)
{
    s->first_day = INT32_MAX;
    s->last_day = INT32_MIN;
    s->saving = *save;
    s->copy.kind = -1;
    s->unsettled = (struct runtime_store_counts){0};
    store_save_on(s);
}
