#include "loader_probe.h"

#include "mr_kafka_reader.h"
#include <stdlib.h>

#define TIMEOUT_MS 5000
#define RETRY_MS   500

struct question {
    bool waits; /* for an answer that nobody is reading yet */
    struct engine_check check;
};

struct loader_probe {
    struct loader_probe_settings settings;
    struct question *questions; /* by lane */
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

/* ---- in the thread pool ---- */

static int64_t sequence_of(const struct loader_probe *p, const struct mr_kafka_record *r)
{
    struct mr_ce_event event;
    const char *cause;
    struct mr_slice domain = mr_slice_text(p->settings.domain);
    if (p->settings.facts)
        return r->position;
    return mr_ce_event_read(&r->headers, domain, r->lane, &event, &cause) == MR_OK ? event.sequence
                                                                                   : -1;
}

/* A gap in the log (an aborted transaction) counts as gone. */
static enum mr_status look_at_event(struct loader_probe *p, const struct mr_kafka_reader_query *q)
{
    struct mr_kafka_record r;
    int64_t offset = p->check.event_offset;
    if (offset < p->checked.log_start)
        return MR_OK;
    if (offset >= p->checked.log_end) {
        p->checked.event = ENGINE_FIND_AHEAD;
        return MR_OK;
    }
    enum mr_status s = mr_kafka_reader_record(p->reader, q, offset, &r, &p->why);
    if (s == MR_LOST)
        return MR_OK;
    if (s == MR_OK) {
        p->checked.event = ENGINE_FIND_HERE;
        p->checked.event_sequence = sequence_of(p, &r);
    }
    return s;
}

static void work(void *data)
{
    struct loader_probe *p = data;
    struct mr_kafka_reader_query q = {
        .topic = p->settings.topic, .lane = p->check.lane, .timeout_ms = TIMEOUT_MS};
    struct mr_kafka_lane_range range = {0};
    p->checked = (struct engine_checked){
        .lane = p->check.lane, .event = ENGINE_FIND_GONE, .event_sequence = -1};
    p->status = MR_OK;
    if (!p->reader)
        p->status = mr_kafka_reader_new(p->settings.conf, &p->reader, &p->why);
    if (p->status == MR_OK)
        p->status = mr_kafka_reader_range(p->reader, &q, &range, &p->why);
    p->checked.log_start = range.low;
    p->checked.log_end = range.high;
    if (p->status == MR_OK && p->check.event_offset >= 0)
        p->status = look_at_event(p, &q);
}

static void free_reader(void *data)
{
    struct loader_probe *p = data;
    if (p->reader)
        mr_kafka_reader_free(p->reader);
}

/* ---- on the loop ---- */

static void on_freed(void *data)
{
    struct loader_probe *p = data;
    void (*on_closed)(void *) = p->on_closed;
    void *owner = p->closed_owner;
    free(p->questions);
    free(p);
    if (on_closed)
        on_closed(owner);
}

static void start(void *data);

static void done(void *data)
{
    struct loader_probe *p = data;
    struct question *q = &p->questions[p->check.lane];
    p->running = false;
    if (p->closing) {
        mr_job_start(&p->job, p->settings.loop, free_reader, on_freed, p);
        return;
    }
    if (p->status != MR_OK) {
        MR_LOG(p->settings.log, WARN, "a lane's check waits for Kafka",
               mr_f_text("topic", p->settings.topic), mr_f_int("lane", p->check.lane),
               mr_f_text("error", p->why.text));
        q->waits = true;
        mr_timer_start(&p->retry, RETRY_MS);
        return;
    }
    if (!q->waits) /* else it was asked anew meanwhile */
        p->settings.on_checked(p->settings.owner, &p->checked);
    start(p);
}

static void start(void *data)
{
    struct loader_probe *p = data;
    if (p->running || p->closing || mr_timer_is_set(&p->retry))
        return;
    for (int32_t i = 0; i < p->settings.lanes; i++) {
        if (!p->questions[i].waits)
            continue;
        p->questions[i].waits = false;
        p->check = p->questions[i].check;
        p->running = true;
        mr_job_start(&p->job, p->settings.loop, work, done, p);
        return;
    }
}

struct loader_probe *loader_probe_new(const struct loader_probe_settings *settings)
{
    struct loader_probe *p = calloc(1, sizeof *p);
    if (!p || !(p->questions = calloc((size_t)settings->lanes, sizeof *p->questions)))
        abort();
    p->settings = *settings;
    mr_timer_init(&p->retry, settings->loop, start, p);
    return p;
}

void loader_probe_ask(struct loader_probe *p, const struct engine_check *check)
{
    p->questions[check->lane] = (struct question){.waits = true, .check = *check};
    start(p);
}

void loader_probe_close(struct loader_probe *p, void (*on_closed)(void *owner), void *owner)
{
    p->closing = true;
    p->on_closed = on_closed;
    p->closed_owner = owner;
    mr_timer_stop(&p->retry);
    if (!p->running)
        mr_job_start(&p->job, p->settings.loop, free_reader, on_freed, p);
}
