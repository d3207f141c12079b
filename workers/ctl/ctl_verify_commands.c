/* The commands topic against the outcomes: each position below what was noted is one of the
 * classes, and each command has exactly one outcome. The topic and the rows are read side by side,
 * both in order of lane and position; what has no row must be a repeat of something that has. */
#include "ctl_classify.h"
#include "ctl_cursor.h"
#include "ctl_repeats.h"

#include <inttypes.h>
#include <stdio.h>

struct walk {
    struct ctl_verify *v;
    const struct ctl_verify_domain *d;
    const struct ctl_lane *lane;
    int64_t log_start; /* as it was when the lane's scan began */
    struct ctl_cursor rows;
    struct ctl_repeats *repeats;
    enum mr_status status; /* what went wrong inside the scan */
    struct mr_error why;
};

/* What was parked while its type was not known has a row in command, whatever it turned out to be:
 * a fact that is none after all is rejected there, and in quarantine besides; a conflict with what
 * is kept by its id stays parked there. */
#define NOT_IN_COMMAND                                                                             \
    " AND NOT EXISTS (SELECT FROM millrace.command c WHERE c.domain = $1::text "                   \
    "AND c.lane = r.lane AND c.position = r.position"

static const char select_rows[] =
    "SELECT lane, position, 0 AS kind, account_id, id, hash, day, status::int4 "
    "FROM millrace.command WHERE domain = $1::text "
    "UNION ALL SELECT lane, position, 0, account_id, id, hash, day, 4 "
    "FROM millrace.seen r WHERE domain = $1::text" NOT_IN_COMMAND ") "
    "UNION ALL SELECT lane, position, 1, account_id, id, hash, NULL, 0 "
    "FROM millrace.conflict r WHERE domain = $1::text" NOT_IN_COMMAND " AND c.status = 3) "
    "UNION ALL SELECT lane, position, 2, NULL, NULL, NULL, NULL, 0 "
    "FROM millrace.quarantine r WHERE domain = $1::text" NOT_IN_COMMAND " AND c.status = 2) "
    "UNION ALL SELECT lane, position, 3, account_id, command_id, NULL, NULL, 0 "
    "FROM millrace.parked r WHERE domain = $1::text" NOT_IN_COMMAND ")";
static const char select_facts[] =
    " UNION ALL SELECT lane, position, 4, account_id, id, NULL, day, 0 FROM %s.facts r "
    "WHERE true" NOT_IN_COMMAND ")";

enum { ROW_LANE, ROW_POSITION, ROW_KIND, ROW_ACCOUNT, ROW_ID, ROW_HASH, ROW_DAY, ROW_STATUS };

static void count(struct walk *w, const char *what)
{
    ctl_report_count(w->v->report, w->d->name, what, 1);
}

/* ---- rows ---- */

static int row_against(const struct walk *w, int64_t at)
{
    return ctl_cursor_against(&w->rows, w->lane->lane, at);
}

static struct ctl_row row_of(const struct ctl_cursor *c)
{
    struct ctl_row row = {.kind = (enum ctl_row_kind)mr_pg_result_int4(c->rows, c->row, ROW_KIND)};
    struct mr_slice hash = mr_pg_result_bytea(c->rows, c->row, ROW_HASH);
    row.account = mr_pg_result_uuid(c->rows, c->row, ROW_ACCOUNT);
    row.id = mr_pg_result_uuid(c->rows, c->row, ROW_ID);
    row.day = mr_pg_result_day(c->rows, c->row, ROW_DAY);
    if (hash.len == sizeof row.hash.bytes)
        memcpy(row.hash.bytes, hash.data, hash.len);
    return row;
}

/* Rows below position that no record was read for. */
static enum mr_status pass_rows(struct walk *w, int64_t position)
{
    enum mr_status s = MR_OK;
    while (s == MR_OK && row_against(w, position) < 0) {
        const struct ctl_cursor *c = &w->rows;
        int32_t lane = mr_pg_result_int4(c->rows, c->row, ROW_LANE);
        int64_t at = mr_pg_result_int8(c->rows, c->row, ROW_POSITION);
        if (lane != w->lane->lane || at >= w->lane->applied)
            ; /* decided since it was noted */
        else if (at < w->log_start)
            count(w, "positions below the log's start (counted only)");
        else
            ctl_report_differs(w->v->report, "outcome without a record",
                               "%s lane %" PRId32 " position %" PRId64 ": the log has none there",
                               w->d->name, lane, at);
        s = ctl_cursor_next(&w->rows, &w->why);
    }
    return s;
}

static bool is_unseen_fact(const struct walk *w, const struct ctl_identity *is)
{
    const struct mr_catalog_command *command =
        is->readable ? mr_catalog_command_of(w->v->ctl->catalog, is->type) : NULL;
    return command && command->record == MR_RECORD_NONE && !w->d->shows_facts;
}

static void count_status(struct walk *w, int32_t status)
{
    static const char *const names[] = {"commands applied", "commands rejected", "commands parked",
                                        "commands kept by their id"};
    count(w, status >= 1 && status <= 4 ? names[status - 1] : "commands of an unknown status");
}

static enum mr_status judge(struct walk *w, const struct mr_kafka_record *record)
{
    struct ctl_identity is = ctl_identity_of(record, mr_slice_text(w->d->name));
    bool has_row = row_against(w, record->position) == 0;
    struct ctl_row row = has_row ? row_of(&w->rows) : (struct ctl_row){0};
    const char *what = "";
    count(w, "positions judged");
    switch (ctl_classify(&is, has_row ? &row : NULL, is_unseen_fact(w, &is), &what)) {
    case CTL_COMMAND:
        count_status(w, mr_pg_result_int4(w->rows.rows, w->rows.row, ROW_STATUS));
        break;
    case CTL_TICK:
        count(w, "ticks");
        break;
    case CTL_CONFLICT:
        count(w, "conflicts");
        break;
    case CTL_QUARANTINED:
        count(w, "quarantined");
        break;
    case CTL_PARKED:
        count(w, "commands parked");
        break;
    case CTL_FACT:
        count(w, "facts");
        break;
    case CTL_REPEAT:
        return ctl_repeats_note(w->repeats, &is, record->position, &w->why);
    case CTL_UNREADABLE:
        if (ctl_verify_is_skipped(w->v, w->lane, CTL_SKIP_POSITIONS, record->position))
            count(w, "positions that a set-position passed over");
        else
            ctl_report_differs(w->v->report, "record neither decided nor quarantined",
                               "%s lane %" PRId32 " position %" PRId64, w->d->name, w->lane->lane,
                               record->position);
        break;
    case CTL_WRONG_ROW:
        ctl_report_differs(w->v->report, "outcome of another record",
                           "%s lane %" PRId32 " position %" PRId64 ": %s", w->d->name,
                           w->lane->lane, record->position, what);
        break;
    }
    return MR_OK;
}

static enum mr_status take_record(struct walk *w, const struct mr_kafka_record *record)
{
    enum mr_status s = pass_rows(w, record->position);
    if (s == MR_OK)
        s = judge(w, record);
    if (s != MR_OK || row_against(w, record->position) != 0)
        return s;
    s = ctl_cursor_next(&w->rows, &w->why);
    while (s == MR_OK && row_against(w, record->position) == 0) {
        ctl_report_differs(w->v->report, "two outcomes of one position",
                           "%s lane %" PRId32 " position %" PRId64, w->d->name, w->lane->lane,
                           record->position);
        s = ctl_cursor_next(&w->rows, &w->why);
    }
    return s;
}

static bool on_record(void *owner, const struct mr_kafka_record *record)
{
    struct walk *w = owner;
    w->status = take_record(w, record);
    return w->status == MR_OK;
}

/* ---- a lane, a domain ---- */

static enum mr_status walk_lane(struct walk *w, const char *topic, struct mr_error *why)
{
    struct mr_kafka_reader_query q = {
        .topic = topic, .lane = w->lane->lane, .timeout_ms = CTL_KAFKA_MS};
    struct mr_kafka_lane_range range;
    enum mr_status s = mr_kafka_reader_range(w->v->ctl->reader, &q, &range, why);
    if (s != MR_OK)
        return s;
    w->log_start = range.low;
    if (range.high < w->lane->applied)
        ctl_report_differs(w->v->report, "log shorter than what was applied",
                           "%s lane %" PRId32 ": the log ends at %" PRId64 ", applied is %" PRId64,
                           w->d->name, w->lane->lane, range.high, w->lane->applied);
    if (range.high > w->lane->applied)
        ctl_report_count(w->v->report, w->d->name, "positions above what was noted (not judged)",
                         range.high - w->lane->applied);
    struct mr_kafka_reader_scan scan = {
        .from = range.low, .to = w->lane->applied, .on_record = on_record, .owner = w};
    if (scan.from < scan.to)
        s = mr_kafka_reader_scan(w->v->ctl->reader, &q, &scan, why);
    if (s == MR_OK && w->status == MR_OK)
        w->status = pass_rows(w, INT64_MAX);
    if (s == MR_OK && w->status == MR_OK)
        w->status = ctl_repeats_end(w->repeats, &w->why);
    if (s == MR_OK && w->status != MR_OK)
        return mr_fail(why, w->status, "%s", w->why.text);
    return s;
}

enum mr_status ctl_verify_commands(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                   struct mr_error *why)
{
    char topic[32];
    struct walk w = {.v = v, .d = d, .rows = {.session = v->ctl->pg, .name = "outcomes"}};
    struct mr_pg_params p = ctl_params(v->ctl);
    snprintf(topic, sizeof topic, "%s.commands", d->name);
    struct mr_buf sql;
    mr_buf_init(&sql, 0);
    mr_buf_text(&sql, select_rows);
    if (d->shows_facts)
        mr_buf_printf(&sql, select_facts, d->name); /* a domain's: lower-case letters */
    mr_buf_text(&sql, " ORDER BY lane, position, kind");
    mr_buf_char(&sql, '\0');
    w.repeats = ctl_repeats_new(v, d);
    mr_pg_param_text(&p, mr_slice_text(d->name));
    enum mr_status s = ctl_cursor_open(&w.rows, sql.data, &p, why);
    mr_buf_free(&sql);
    for (int32_t i = 0; i < d->lane_count && s == MR_OK; i++) {
        w.lane = &d->lanes[i];
        ctl_repeats_begin(w.repeats, w.lane);
        s = walk_lane(&w, topic, why);
    }
    ctl_cursor_close(&w.rows);
    ctl_repeats_free(w.repeats);
    if (s == MR_OK)
        s = mr_pg_session_script(v->ctl->pg, "CLOSE outcomes", why);
    return s;
}
