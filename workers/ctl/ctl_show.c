/* millracectl show ID: one command on its whole way, from the record in the log over its outcome
 * and events to the rows in the warehouse. */
#include "ctl_show.h"
#include "ctl_verbs.h"
#include "mr_time.h"

#include <inttypes.h>
#include <stdio.h>

#define BACKLOG_MAX        200000 /* records of a lane that are looked through for one not yet decided */
#define CELL(r, i, column) MR_SLICE_FMT(mr_pg_result_text((r), (i), (column)))

static const struct mr_setting own[] = {
    {"ACCOUNT", NULL, "where commands of several accounts have this id", .kind = MR_CONFIG_UUID},
};

struct show {
    struct ctl *ctl;
    struct mr_uuid id;
    const char *id_text;
    const char *account; /* NULL: any */
    bool found;
};

static struct mr_pg_params params_of(struct show *s)
{
    struct mr_pg_params p = ctl_params(s->ctl);
    mr_pg_param_uuid(&p, &s->id);
    mr_pg_param_text(&p, mr_slice_text(s->account));
    return p;
}

/* ---- the record ---- */

static void print_record(const struct mr_kafka_record *record)
{
    char at[MR_TIME_TEXT + 1];
    printf("  appended %s\n  key ",
           record->append_ms >= 0 ? mr_time_text(record->append_ms, at) : "at an unknown time");
    ctl_show_bytes(record->key);
    for (size_t i = 0; i < record->headers.count; i++) {
        printf("  %.*s: ", MR_SLICE_FMT(record->headers.items[i].name));
        ctl_show_bytes(record->headers.items[i].value);
    }
    printf("  body ");
    ctl_show_bytes(record->value);
}

static enum mr_status show_record(struct show *s, const char *domain, int32_t lane,
                                  int64_t position)
{
    char topic[32];
    struct mr_kafka_record record;
    struct mr_error why;
    snprintf(topic, sizeof topic, "%s.commands", domain);
    struct mr_kafka_reader_query q = {.topic = topic, .lane = lane, .timeout_ms = CTL_KAFKA_MS};
    printf("record: %s lane %" PRId32 " position %" PRId64 "\n", topic, lane, position);
    enum mr_status status = ctl_open_reader(s->ctl, &why);
    if (status == MR_OK)
        status = mr_kafka_reader_record(s->ctl->reader, &q, position, &record, &why);
    if (status == MR_OK)
        print_record(&record);
    else
        printf("  not to be had: %s\n", why.text);
    return MR_OK; /* the rest is worth seeing all the same */
}

/* ---- outcomes ---- */

static const char select_commands[] =
    "SELECT c.domain, c.lane, c.position, c.day::text, c.account_id::text, c.type, "
    "c.subject::text, CASE c.status WHEN 1 THEN 'applied' WHEN 2 THEN 'rejected' ELSE 'parked' "
    "END, c.problem, c.detail, c.errors, to_char(c.decided_at AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), p.cause, p.attempts::text, p.behind::text, q.action, "
    "q.reason FROM millrace.command c LEFT JOIN millrace.parked p USING (domain, lane, position) "
    "LEFT JOIN millrace.request q USING (domain, lane, position) "
    "WHERE c.id = $1::uuid AND ($2::text IS NULL OR c.account_id = $2::text::uuid) "
    "ORDER BY c.day, c.domain, c.account_id";

static void print_outcome(const struct mr_pg_result *r, int i)
{
    printf("outcome: %.*s at %.*s", CELL(r, i, 7), CELL(r, i, 11));
    if (!mr_pg_result_null(r, i, 8))
        printf(", %.*s: %.*s", CELL(r, i, 8), CELL(r, i, 9));
    putchar('\n');
    if (!mr_pg_result_null(r, i, 10))
        printf("  errors %.*s\n", CELL(r, i, 10));
    if (!mr_pg_result_null(r, i, 12))
        printf("  parked: %.*s, %.*s attempt(s)%s\n", CELL(r, i, 12), CELL(r, i, 13),
               mr_slice_is(mr_pg_result_text(r, i, 14), "true") ? ", waits behind its key" : "");
    if (!mr_pg_result_null(r, i, 15))
        printf("  filed: %.*s, %.*s\n", CELL(r, i, 15), CELL(r, i, 16));
}

static enum mr_status show_commands(struct show *s, struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = params_of(s);
    enum mr_status status = mr_pg_session_exec(s->ctl->pg, select_commands, &p, &r, why);
    if (status != MR_OK)
        return status;
    for (int i = 0; i < mr_pg_result_rows(r) && status == MR_OK; i++) {
        char domain[16];
        int32_t lane = mr_pg_result_int4(r, i, 1);
        snprintf(domain, sizeof domain, "%.*s", CELL(r, i, 0));
        printf("command %s: %.*s of account %.*s, subject %.*s\n", s->id_text, CELL(r, i, 5),
               CELL(r, i, 4), CELL(r, i, 6));
        s->found = true;
        status = show_record(s, domain, lane, mr_pg_result_int8(r, i, 2));
        print_outcome(r, i);
        const struct ctl_shown shown = {
            .domain = domain,
            .lane = lane,
            .day = mr_pg_result_text(r, i, 3),
            .account = mr_pg_result_text(r, i, 4),
        };
        if (status == MR_OK)
            status = ctl_show_events(s->ctl, &s->id, &shown, why);
    }
    mr_pg_result_free(r);
    return status;
}

/* Records that carry the id and have no outcome of their own. */
static const char select_asides[] =
    "SELECT 'conflict: the same id with another content', domain, lane, position "
    "FROM millrace.conflict WHERE id = $1::uuid AND ($2::text IS NULL "
    "OR account_id = $2::text::uuid) UNION ALL SELECT 'quarantined: ' || cause, domain, lane, "
    "position FROM millrace.quarantine WHERE position(convert_to($1::uuid::text, 'UTF8') "
    "IN record) > 0 ORDER BY 2, 3, 4";

static enum mr_status show_asides(struct show *s, struct mr_error *why)
{
    struct mr_pg_result *r;
    struct mr_pg_params p = params_of(s);
    enum mr_status status = mr_pg_session_exec(s->ctl->pg, select_asides, &p, &r, why);
    if (status != MR_OK)
        return status;
    for (int i = 0; i < mr_pg_result_rows(r) && status == MR_OK; i++) {
        char domain[16];
        snprintf(domain, sizeof domain, "%.*s", CELL(r, i, 1));
        printf("%.*s\n", CELL(r, i, 0));
        s->found = true;
        status = show_record(s, domain, mr_pg_result_int4(r, i, 2), mr_pg_result_int8(r, i, 3));
    }
    mr_pg_result_free(r);
    return status;
}

/* ---- not decided yet ---- */

static bool find_id(void *owner, const struct mr_kafka_record *record)
{
    struct show *s = owner;
    struct mr_uuid id;
    struct mr_slice text = mr_ce_header_find(&record->headers, "ce_id");
    if (!text.data || mr_uuid_parse(text, &id) != MR_OK || !mr_uuid_equal(&id, &s->id))
        return true;
    printf("record: lane %" PRId32 " position %" PRId64 ", not decided yet\n", record->lane,
           record->position);
    print_record(record);
    s->found = true;
    return true;
}

static const char select_lanes[] =
    "SELECT d.name, n.lane, coalesce(l.applied, 0) FROM millrace.domain d "
    "CROSS JOIN LATERAL generate_series(0, d.lanes - 1) n(lane) "
    "LEFT JOIN millrace.lane l ON l.domain = d.name AND l.lane = n.lane";

static enum mr_status show_waiting(struct show *s, struct mr_error *why)
{
    struct mr_pg_result *r;
    enum mr_status status = mr_pg_session_exec(s->ctl->pg, select_lanes, NULL, &r, why);
    if (status != MR_OK)
        return status;
    status = ctl_open_reader(s->ctl, why);
    for (int i = 0; i < mr_pg_result_rows(r) && status == MR_OK; i++) {
        char topic[32];
        struct mr_kafka_lane_range range;
        snprintf(topic, sizeof topic, "%.*s.commands", CELL(r, i, 0));
        struct mr_kafka_reader_query q = {
            .topic = topic, .lane = mr_pg_result_int4(r, i, 1), .timeout_ms = CTL_KAFKA_MS};
        struct mr_kafka_reader_scan scan = {
            .from = mr_pg_result_int8(r, i, 2), .on_record = find_id, .owner = s};
        status = mr_kafka_reader_range(s->ctl->reader, &q, &range, why);
        scan.from = scan.from > range.low ? scan.from : range.low;
        scan.to = range.high < scan.from + BACKLOG_MAX ? range.high : scan.from + BACKLOG_MAX;
        if (status == MR_OK && scan.from < scan.to)
            status = mr_kafka_reader_scan(s->ctl->reader, &q, &scan, why);
        if (status == MR_OK && range.high > scan.to)
            printf("lane %" PRId32 " of %s: only the next %d records of its backlog were looked "
                   "through\n",
                   q.lane, topic, BACKLOG_MAX);
    }
    mr_pg_result_free(r);
    return status;
}

static enum ctl_exit run(struct ctl *ctl)
{
    struct mr_error why;
    struct show s = {.ctl = ctl, .id_text = ctl_arg(ctl, 0), .account = ctl_text(ctl, "ACCOUNT")};
    if (mr_uuid_parse(mr_slice_text(s.id_text), &s.id) != MR_OK)
        return ctl_end(ctl, CTL_USAGE, "%s is not a command's id", s.id_text);
    enum mr_status status = ctl_open_pg(ctl, &why);
    if (status == MR_OK)
        status = ctl_open_catalog(ctl, &why);
    if (status == MR_OK)
        status = show_commands(&s, &why);
    if (status == MR_OK)
        status = show_asides(&s, &why);
    if (status == MR_OK && !s.found)
        status = show_waiting(&s, &why);
    if (status != MR_OK)
        return ctl_fail(ctl, status, &why);
    return s.found
               ? CTL_DONE
               : ctl_end(ctl, CTL_NOT_SO, "%s is neither decided nor waiting in a log", s.id_text);
}

const struct ctl_verb ctl_show = {
    .name = "show",
    .usage = "ID [--account=UUID]",
    .summary = "Follows one command from its record to its rows in the warehouse",
    .details = "Bodies are shown: they may hold what is not for everybody's eyes.",
    .args_min = 1,
    .args_max = 1,
    .own = own,
    .own_count = sizeof own / sizeof *own,
    .run = run,
};
