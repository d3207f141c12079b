/* The events topic against millrace.event: what a reader that takes exactly last + 1 sees of each
 * lane is every event below next_event, once, in order, as its row has it. */
#include "ctl_cursor.h"
#include "ctl_verify.h"
#include "mr_time.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define NONE INT64_C(-1)

struct walk {
    struct ctl_verify *v;
    const struct ctl_verify_domain *d;
    const struct ctl_lane *lane;
    struct ctl_cursor rows;
    int64_t first, last; /* sequences taken so far; NONE: nothing yet */
    enum mr_status status;
    struct mr_error why;
};

static const char select_rows[] =
    "SELECT lane, sequence, type, account_id, command_id, subject, key, "
    "sha256(convert_to(data, 'UTF8')) FROM millrace.event WHERE domain = $1::text "
    "ORDER BY lane, sequence";

enum { ROW_LANE, ROW_SEQUENCE, ROW_TYPE, ROW_ACCOUNT, ROW_COMMAND, ROW_SUBJECT, ROW_KEY, ROW_SHA };

static void count(struct walk *w, const char *what)
{
    ctl_report_count(w->v->report, w->d->name, what, 1);
}

static int row_against(const struct walk *w, int64_t at)
{
    return ctl_cursor_against(&w->rows, w->lane->lane, at);
}

/* Which part of the record is not as the row has it; NULL: all is. */
static const char *difference(const struct walk *w, const struct mr_ce_event *event,
                              const struct mr_kafka_record *record)
{
    const struct mr_pg_result *r = w->rows.rows;
    int row = w->rows.row;
    uint8_t sha[crypto_hash_sha256_BYTES];
    struct mr_uuid account = mr_pg_result_uuid(r, row, ROW_ACCOUNT);
    struct mr_uuid command = mr_pg_result_uuid(r, row, ROW_COMMAND);
    struct mr_uuid subject = mr_pg_result_uuid(r, row, ROW_SUBJECT);
    crypto_hash_sha256(sha, (const uint8_t *)record->value.data, record->value.len);
    if (!mr_slice_equal(event->type, mr_pg_result_text(r, row, ROW_TYPE)))
        return "type";
    if (!mr_uuid_equal(&event->account, &account))
        return "account";
    if (!mr_uuid_equal(&event->causation, &command))
        return "command";
    if (event->has_subject && !mr_uuid_equal(&event->subject, &subject))
        return "subject";
    if (!mr_slice_equal(record->key, mr_pg_result_bytea(r, row, ROW_KEY)))
        return "key";
    if (!mr_slice_equal(mr_slice(sha, sizeof sha), mr_pg_result_bytea(r, row, ROW_SHA)))
        return "body";
    return NULL;
}

/* The event that a last + 1 reader takes next. */
static enum mr_status take(struct walk *w, const struct mr_ce_event *event,
                           const struct mr_kafka_record *record)
{
    enum mr_status s = MR_OK;
    if (w->first == NONE)
        w->first = event->sequence;
    w->last = event->sequence;
    if (event->sequence >= w->lane->next_event)
        return MR_OK; /* later than what was noted */
    count(w, "events published, in order");
    while (s == MR_OK && row_against(w, event->sequence) < 0)
        s = ctl_cursor_next(&w->rows, &w->why);
    if (s != MR_OK)
        return s;
    if (row_against(w, event->sequence) == 0) {
        const char *what = difference(w, event, record);
        if (what)
            ctl_report_differs(w->v->report, "event published otherwise than it is stored",
                               "%s lane %" PRId32 " sequence %" PRId64 ": its %s", w->d->name,
                               w->lane->lane, event->sequence, what);
    } else if (ctl_verify_has_day(&w->v->event_days, mr_time_day(event->time_ms)) &&
               !ctl_verify_is_skipped(w->v, w->lane, CTL_SKIP_EVENTS, event->sequence)) {
        ctl_report_differs(w->v->report, "event published that is not stored",
                           "%s lane %" PRId32 " sequence %" PRId64, w->d->name, w->lane->lane,
                           event->sequence);
    }
    return MR_OK;
}

static bool on_record(void *owner, const struct mr_kafka_record *record)
{
    struct walk *w = owner;
    struct mr_ce_event event;
    const char *cause;
    if (mr_ce_event_read(&record->headers, mr_slice_text(w->d->name), record->lane, &event,
                         &cause) != MR_OK)
        count(w, "records of the events topic that are no events (passed over)");
    else if (w->last != NONE && event.sequence <= w->last)
        count(w, "events published again (a reader drops them)");
    else if (w->last != NONE && event.sequence > w->last + 1)
        count(w, "events ahead of their predecessor (a reader drops them)");
    else
        w->status = take(w, &event, record);
    return w->status == MR_OK;
}

/* What the reader has after the last record, against what was noted. */
static void judge_end(struct walk *w, int64_t log_start)
{
    const struct ctl_lane *l = w->lane;
    if (w->first > 0 && log_start == 0 &&
        !ctl_verify_is_skipped(w->v, l, CTL_SKIP_TOPIC, w->first - 1))
        ctl_report_differ(w->v->report, "event not published", w->first,
                          "%s lane %" PRId32 ": the topic begins with sequence %" PRId64,
                          w->d->name, l->lane, w->first);
    else if (w->first > 0)
        ctl_report_count(w->v->report, w->d->name, "events below the topic's start (counted only)",
                         w->first < l->next_event ? w->first : l->next_event);
    bool was_emptied =
        log_start > 0 || ctl_verify_is_skipped(w->v, l, CTL_SKIP_TOPIC, l->next_event - 1);
    if (w->last == NONE && was_emptied && l->published >= l->next_event)
        ctl_report_count(w->v->report, w->d->name, "events below the topic's start (counted only)",
                         l->next_event);
    else if (w->last + 1 < l->next_event)
        ctl_report_differ(w->v->report, "event not published", l->next_event - w->last - 1,
                          "%s lane %" PRId32 ": a reader gets as far as %" PRId64
                          ", the next event is %" PRId64,
                          w->d->name, l->lane, w->last + 1, l->next_event);
}

static enum mr_status walk_lane(struct walk *w, const char *topic, struct mr_error *why)
{
    struct mr_kafka_reader_query q = {
        .topic = topic, .lane = w->lane->lane, .timeout_ms = CTL_KAFKA_MS};
    struct mr_kafka_lane_range range;
    enum mr_status s = mr_kafka_reader_range(w->v->ctl->reader, &q, &range, why);
    if (s != MR_OK)
        return s;
    struct mr_kafka_reader_scan scan = {
        .from = range.low, .to = range.high, .on_record = on_record, .owner = w};
    w->first = w->last = NONE;
    if (scan.from < scan.to)
        s = mr_kafka_reader_scan(w->v->ctl->reader, &q, &scan, why);
    if (s != MR_OK)
        return s;
    if (w->status != MR_OK)
        return mr_fail(why, w->status, "%s", w->why.text);
    judge_end(w, range.low);
    return MR_OK;
}

enum mr_status ctl_verify_published(struct ctl_verify *v, const struct ctl_verify_domain *d,
                                    struct mr_error *why)
{
    char topic[32];
    struct walk w = {.v = v, .d = d, .rows = {.session = v->ctl->pg, .name = "published"}};
    struct mr_pg_params p = ctl_params(v->ctl);
    snprintf(topic, sizeof topic, "%s.events", d->name);
    mr_pg_param_text(&p, mr_slice_text(d->name));
    enum mr_status s = ctl_cursor_open(&w.rows, select_rows, &p, why);
    for (int32_t i = 0; i < d->lane_count && s == MR_OK; i++) {
        w.lane = &d->lanes[i];
        s = walk_lane(&w, topic, why);
    }
    ctl_cursor_close(&w.rows);
    if (s == MR_OK)
        s = mr_pg_session_script(v->ctl->pg, "CLOSE published", why);
    return s;
}
