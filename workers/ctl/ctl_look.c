#include "ctl_look.h"

#include <inttypes.h>
#include <stdlib.h>

enum mr_status ctl_look_lane(const char *text, const char *of, int32_t lanes, int32_t *lane,
                             struct mr_error *why)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end || number < 0 || number >= lanes)
        return mr_fail(why, MR_INVALID, "\"%s\" is not a lane of %s: they are 0 to %" PRId32, text,
                       of, lanes - 1);
    *lane = (int32_t)number;
    return MR_OK;
}

/* ---- the row and the ledger ----
 *
 * INSERT waits for whoever changes a row that it would conflict with, though it is to do nothing
 * then: so it is only tried where there is none. */

static enum mr_status check_made(struct mr_pg_result *r, struct mr_error *why)
{
    if (mr_pg_result_rows(r) == 1)
        return MR_OK;
    mr_pg_result_free(r);
    return mr_fail(why, MR_BUSY, "the lane was taken for the first time just now");
}

enum mr_status ctl_look_row(struct ctl *ctl, const char *domain, int32_t lane,
                            struct engine_row *out, struct mr_error *why)
{
    static const char sql[] =
        "WITH found AS (SELECT fence, applied, last_record, next_event, published, event_offset "
        "FROM millrace.lane WHERE domain = $1::text AND lane = $2::int4), "
        "made AS (INSERT INTO millrace.lane (domain, lane, fence) SELECT $1::text, $2::int4, 0 "
        "WHERE NOT EXISTS (SELECT FROM found) ON CONFLICT DO NOTHING RETURNING fence, applied, "
        "last_record, next_event, published, event_offset) "
        "SELECT * FROM found UNION ALL SELECT * FROM made";
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(domain));
    mr_pg_param_int4(&p, lane);
    enum mr_status s = mr_pg_session_exec(ctl->pg, sql, &p, &r, why);
    if (s == MR_OK)
        s = check_made(r, why);
    if (s != MR_OK)
        return s;
    *out = (struct engine_row){
        .lane = lane,
        .fence = (uint64_t)mr_pg_result_int8(r, 0, 0),
        .applied = mr_pg_result_int8(r, 0, 1),
        .has_last_record = !mr_pg_result_null(r, 0, 2),
        .next_event = mr_pg_result_int8(r, 0, 3),
        .published = mr_pg_result_int8(r, 0, 4),
        .event_offset = mr_pg_result_int8(r, 0, 5),
    };
    mr_pg_result_free(r);
    return MR_OK;
}

enum mr_status ctl_look_ledger(struct ctl *ctl, const struct ctl_look *at,
                               struct engine_ledger *out, struct mr_error *why)
{
    static const char sql[] =
        "WITH found AS (SELECT fence, next_offset, last_sequence, last_offset "
        "FROM public.load_ledger WHERE topic = $1::text AND lane = $2::int4), "
        "made AS (INSERT INTO public.load_ledger (topic, lane, fence) SELECT $1::text, $2::int4, 0 "
        "WHERE NOT EXISTS (SELECT FROM found) ON CONFLICT DO NOTHING RETURNING fence, next_offset, "
        "last_sequence, last_offset) SELECT * FROM found UNION ALL SELECT * FROM made";
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(at->topic));
    mr_pg_param_int4(&p, at->lane);
    enum mr_status s = mr_pg_session_exec(ctl->warehouse, sql, &p, &r, why);
    if (s == MR_OK)
        s = check_made(r, why);
    if (s != MR_OK)
        return s;
    *out = (struct engine_ledger){.lane = at->lane,
                                  .fence = (uint64_t)mr_pg_result_int8(r, 0, 0),
                                  .next_offset = mr_pg_result_int8(r, 0, 1),
                                  .last_sequence = mr_pg_result_int8(r, 0, 2),
                                  .last_offset = mr_pg_result_int8(r, 0, 3)};
    mr_pg_result_free(r);
    return MR_OK;
}

/* ---- the command log ---- */

enum mr_status ctl_look_commands(struct ctl *ctl, const struct ctl_look *at, int64_t applied,
                                 struct engine_admin_found *found, struct mr_error *why)
{
    struct mr_kafka_reader_query q = {
        .topic = at->topic, .lane = at->lane, .timeout_ms = CTL_KAFKA_MS};
    struct mr_kafka_lane_range range;
    struct mr_kafka_record record;
    enum mr_status s = mr_kafka_reader_range(ctl->reader, &q, &range, why);
    if (s != MR_OK)
        return s;
    found->log_start = range.low;
    found->log_end = range.high;
    found->has_record = false;
    if (applied <= range.low || applied > range.high)
        return MR_OK; /* nothing before it is left, or the plan refuses it */
    s = mr_kafka_reader_record(ctl->reader, &q, applied - 1, &record, why);
    if (s == MR_LOST)
        return MR_OK; /* a gap in the log */
    if (s != MR_OK)
        return s;
    found->has_record = true;
    found->record =
        mr_digest_record(record.key, record.value, mr_ce_header_find(&record.headers, "ce_id"));
    return MR_OK;
}

/* ---- the event log and its table ---- */

struct highest {
    struct mr_slice domain;
    int64_t sequence, offset;
};

static bool note_highest(void *owner, const struct mr_kafka_record *record)
{
    struct highest *h = owner;
    struct mr_ce_event event;
    const char *cause;
    if (mr_ce_event_read(&record->headers, h->domain, record->lane, &event, &cause) == MR_OK &&
        event.sequence > h->sequence) {
        h->sequence = event.sequence;
        h->offset = record->position;
    }
    return true;
}

enum mr_status ctl_look_events(struct ctl *ctl, const struct ctl_look *at,
                               struct engine_admin_found *found, struct mr_error *why)
{
    static const char sql[] = "SELECT count(*) FROM millrace.event WHERE domain = $1::text "
                              "AND lane = $2::int4 AND sequence > $3::int8 AND sequence < $4::int8";
    struct highest h = {.domain = at->domain, .sequence = -1, .offset = -1};
    struct mr_kafka_reader_query q = {
        .topic = at->topic, .lane = at->lane, .timeout_ms = CTL_KAFKA_MS};
    struct mr_kafka_lane_range range;
    struct mr_kafka_reader_scan scan = {.on_record = note_highest, .owner = &h};
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    enum mr_status s = mr_kafka_reader_range(ctl->reader, &q, &range, why);
    scan.from = range.low;
    scan.to = range.high;
    if (s == MR_OK && range.low < range.high)
        s = mr_kafka_reader_scan(ctl->reader, &q, &scan, why);
    if (s != MR_OK)
        return s;
    found->event_highest = h.sequence;
    found->event_offset = h.offset;
    mr_pg_param_text(&p, at->domain);
    mr_pg_param_int4(&p, at->lane);
    mr_pg_param_int8(&p, h.sequence);
    mr_pg_param_int8(&p, found->row.next_event);
    s = mr_pg_session_exec(ctl->pg, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    found->events_kept = mr_pg_result_int8(r, 0, 0);
    mr_pg_result_free(r);
    return MR_OK;
}

/* ---- the warehouse ---- */

struct load_look {
    const struct ctl_look *at;
    const struct engine_admin_load *ask;
    struct engine_admin_load_found *found;
};

static bool note_event(void *owner, const struct mr_kafka_record *record)
{
    struct load_look *look = owner;
    struct engine_admin_load_found *found = look->found;
    struct mr_ce_event event;
    const char *cause;
    if (mr_ce_event_read(&record->headers, look->at->domain, record->lane, &event, &cause) != MR_OK)
        return true;
    if (record->position < look->ask->next_offset) {
        if (event.sequence == look->ask->last_sequence)
            found->last_offset = record->position;
    } else if (event.sequence > look->ask->last_sequence &&
               (found->next_sequence < 0 || event.sequence < found->next_sequence)) {
        found->next_sequence = event.sequence;
    }
    return true;
}

enum mr_status ctl_look_loads(struct ctl *ctl, const struct ctl_look *at,
                              const struct engine_admin_load *ask,
                              struct engine_admin_load_found *found, struct mr_error *why)
{
    struct mr_kafka_reader_query q = {
        .topic = at->topic, .lane = at->lane, .timeout_ms = CTL_KAFKA_MS};
    struct load_look look = {.at = at, .ask = ask, .found = found};
    struct mr_kafka_lane_range range;
    enum mr_status s = mr_kafka_reader_range(ctl->reader, &q, &range, why);
    if (s != MR_OK)
        return s;
    struct mr_kafka_reader_scan scan = {
        .from = range.low, .to = range.high, .on_record = note_event, .owner = &look};
    found->log_start = range.low;
    found->log_end = range.high;
    return range.low < range.high ? mr_kafka_reader_scan(ctl->reader, &q, &scan, why) : MR_OK;
}

static enum mr_status highest_of(struct ctl *ctl, const struct ctl_look *at, const char *table,
                                 int64_t *highest, struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, at->domain);
    mr_pg_param_int4(&p, at->lane);
    char *sql = mr_arena_printf(&ctl->arena,
                                "SELECT coalesce(max(sequence), -1)::int8 FROM public.\"%s\" "
                                "WHERE domain = $1::text AND lane = $2::int4",
                                table); /* of the catalogue: [a-z0-9_] */
    enum mr_status s = mr_pg_session_exec(ctl->warehouse, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    if (mr_pg_result_int8(r, 0, 0) > *highest)
        *highest = mr_pg_result_int8(r, 0, 0);
    mr_pg_result_free(r);
    return MR_OK;
}

static enum mr_status table_exists(struct ctl *ctl, const char *table, bool *exists,
                                   struct mr_error *why)
{
    static const char sql[] = "SELECT to_regclass('public.' || $1::text) IS NOT NULL";
    struct mr_pg_result *r;
    struct mr_pg_params p = ctl_params(ctl);
    mr_pg_param_text(&p, mr_slice_text(table));
    enum mr_status s = mr_pg_session_exec(ctl->warehouse, sql, &p, &r, why);
    if (s != MR_OK)
        return s;
    *exists = mr_pg_result_bool(r, 0, 0);
    mr_pg_result_free(r);
    return MR_OK;
}

enum mr_status ctl_look_tables(struct ctl *ctl, const struct ctl_look *at, int64_t *highest,
                               struct mr_error *why)
{
    enum mr_status s = MR_OK;
    for (size_t i = 0; i < ctl->catalog->table_count && s == MR_OK; i++) {
        bool exists = false;
        s = table_exists(ctl, ctl->catalog->tables[i].name, &exists, why);
        if (s == MR_OK && exists)
            s = highest_of(ctl, at, ctl->catalog->tables[i].name, highest, why);
    }
    return s;
}
