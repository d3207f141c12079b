#include "runtime_probe.h"

#include "mr_kafka_reader.h"
#include "mr_map.h"
#include <stdlib.h>

#define TIMEOUT_MS 5000
#define RETRY_MS   500

struct question {
    struct question *prev, *next;
    struct engine_check check;
};

struct runtime_probe {
    struct runtime_probe_settings settings;
    struct question *waiting;
    struct mr_job job;
    struct mr_timer retry;
    bool running, closing;
    void (*on_closed)(void *owner);
    void *closed_owner;

    /* the job's, while it runs */
    struct mr_kafka_reader *reader;
    struct engine_check check;
    struct engine_checked checked;
    enum mr_status status;
    struct mr_error why;
};

struct engine_record runtime_probe_record(const struct mr_kafka_record *r)
{
    return (struct engine_record){
        .lane = r->lane,
        .in = {.position = r->position,
               .append_time_ms = r->append_ms,
               .key = r->key,
               .value = r->value,
               .headers = r->headers},
    };
}

/* ---- in the thread pool ---- */

/* What the log has at position: gone below its start, ahead beyond its end, else the record. A gap
 * in the log (an aborted transaction) counts as gone. */
static enum mr_status find(struct runtime_probe *p, const struct mr_kafka_reader_query *q,
                           struct mr_kafka_lane_range range, int64_t position,
                           enum engine_find *found, struct mr_kafka_record *record)
{
    if (position < range.low)
        *found = ENGINE_FIND_GONE;
    else if (position >= range.high)
        *found = ENGINE_FIND_AHEAD;
    else
        *found = ENGINE_FIND_HERE;
    if (*found != ENGINE_FIND_HERE)
        return MR_OK;
    enum mr_status status = mr_kafka_reader_record(p->reader, q, position, record, &p->why);
    if (status == MR_LOST) {
        *found = ENGINE_FIND_GONE;
        return MR_OK;
    }
    return status;
}

static enum mr_status look_at_command(struct runtime_probe *p)
{
    struct mr_kafka_reader_query q = {
        .topic = p->settings.commands, .lane = p->check.lane, .timeout_ms = TIMEOUT_MS};
    struct mr_kafka_lane_range range;
    struct mr_kafka_record r;
    enum mr_status status = mr_kafka_reader_range(p->reader, &q, &range, &p->why);
    if (status != MR_OK)
        return status;
    p->checked.log_start = range.low;
    p->checked.log_end = range.high;
    p->checked.command = ENGINE_FIND_GONE;
    if (p->check.applied == 0)
        return MR_OK;
    status = find(p, &q, range, p->check.applied - 1, &p->checked.command, &r);
    if (status == MR_OK && p->checked.command == ENGINE_FIND_HERE)
        p->checked.command_digest =
            mr_digest_record(r.key, r.value, mr_ce_header_find(&r.headers, "ce_id"));
    return status;
}

static int64_t sequence_of(const struct runtime_probe *p, const struct mr_kafka_record *r)
{
    struct mr_ce_event event;
    const char *cause;
    if (mr_ce_event_read(&r->headers, mr_slice_text(p->settings.domain), r->lane, &event, &cause) !=
        MR_OK)
        return -1;
    return event.sequence;
}

static bool note_highest(void *owner, const struct mr_kafka_record *r)
{
    struct runtime_probe *p = owner;
    int64_t sequence = sequence_of(p, r);
    if (sequence > p->checked.event_highest)
        p->checked.event_highest = sequence;
    return true;
}

static enum mr_status look_at_events(struct runtime_probe *p)
{
    struct mr_kafka_reader_query q = {
        .topic = p->settings.events, .lane = p->check.lane, .timeout_ms = TIMEOUT_MS};
    struct mr_kafka_lane_range range;
    struct mr_kafka_record r;
    enum mr_status status = mr_kafka_reader_range(p->reader, &q, &range, &p->why);
    if (status != MR_OK)
        return status;
    p->checked.event = ENGINE_FIND_GONE;
    p->checked.event_sequence = p->checked.event_highest = -1;
    int64_t from = p->check.event_offset < 0 ? range.low : p->check.event_offset;
    if (p->check.event_offset >= 0) {
        status = find(p, &q, range, p->check.event_offset, &p->checked.event, &r);
        if (status == MR_OK && p->checked.event == ENGINE_FIND_HERE)
            p->checked.event_sequence = sequence_of(p, &r);
    }
    struct mr_kafka_reader_scan scan = {
        .from = from, .to = range.high, .on_record = note_highest, .owner = p};
    if (status == MR_OK && from < range.high)
        status = mr_kafka_reader_scan(p->reader, &q, &scan, &p->why);
    return status;
}

static void work(void *data)
{
    struct runtime_probe *p = data;
    p->checked = (struct engine_checked){.lane = p->check.lane, .number = p->check.number};
    p->status = MR_OK;
    if (!p->reader)
        p->status = mr_kafka_reader_new(p->settings.conf, &p->reader, &p->why);
    if (p->status == MR_OK)
        p->status = look_at_command(p);
    if (p->status == MR_OK)
        p->status = look_at_events(p);
}

static void free_reader(void *data)
{
    struct runtime_probe *p = data;
    if (p->reader)
        mr_kafka_reader_free(p->reader);
}

/* ---- on the loop ---- */

static void on_freed(void *data)
{
    struct runtime_probe *p = data;
    struct question *q, *next;
    void (*on_closed)(void *) = p->on_closed;
    void *owner = p->closed_owner;
    DL_FOREACH_SAFE (p->waiting, q, next)
        free(q);
    free(p);
    if (on_closed)
        on_closed(owner);
}

static void start(struct runtime_probe *p);

static void done(void *data)
{
    struct runtime_probe *p = data;
    p->running = false;
    if (p->closing) {
        mr_job_start(&p->job, p->settings.loop, free_reader, on_freed, p);
        return;
    }
    if (p->status != MR_OK) {
        MR_LOG(p->settings.log, WARN, "a lane's check waits for Kafka",
               mr_f_int("lane", p->check.lane), mr_f_text("error", p->why.text));
        mr_timer_start(&p->retry, RETRY_MS);
        return;
    }
    struct question *q = p->waiting;
    DL_DELETE(p->waiting, q);
    free(q);
    p->settings.on_checked(p->settings.owner, &p->checked);
    start(p);
}

static void start(struct runtime_probe *p)
{
    if (p->running || !p->waiting || p->closing || mr_timer_is_set(&p->retry))
        return;
    p->check = p->waiting->check;
    p->running = true;
    mr_job_start(&p->job, p->settings.loop, work, done, p);
}

static void on_retry(void *data)
{
    start(data);
}

struct runtime_probe *runtime_probe_new(const struct runtime_probe_settings *settings)
{
    struct runtime_probe *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->settings = *settings;
    mr_timer_init(&p->retry, settings->loop, on_retry, p);
    return p;
}

void runtime_probe_ask(struct runtime_probe *p, const struct engine_check *check)
{
    struct question *old, *next;
    DL_FOREACH_SAFE (p->waiting, old, next) { /* of an earlier ownership: nobody waits for it */
        if (old->check.lane != check->lane || (p->running && old == p->waiting))
            continue;
        DL_DELETE(p->waiting, old);
        free(old);
    }
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        abort();
    q->check = *check;
    DL_APPEND(p->waiting, q);
    start(p);
}

void runtime_probe_close(struct runtime_probe *p, void (*on_closed)(void *owner), void *owner)
{
    p->closing = true;
    p->on_closed = on_closed;
    p->closed_owner = owner;
    mr_timer_stop(&p->retry);
    if (!p->running)
        mr_job_start(&p->job, p->settings.loop, free_reader, on_freed, p);
}
