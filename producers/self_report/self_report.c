/* When a program's report is sent, and what becomes of it. */
#include "self_report.h"

#include "command_build.h"
#include "command_flow.h"
#include "mr_clock.h"
#include "mr_config.h"
#include "mr_json.h"
#include "mr_random.h"
#include "self_report_series.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SAMPLE_TYPE      "reporting.sample"
#define FLOW_BYTES_MAX   ((size_t)4 << 20)
#define ARENA_BYTES_MAX  ((size_t)1 << 18)
#define SAMPLE_BYTES_MAX ((size_t)1 << 17)
#define LATE_MS          60000 /* the operator is told of a log that is away so long */

struct self_report {
    /* for life */
    struct self_report_settings settings; /* kafka is NULL: not kept */
    const struct mr_catalog_command *command;
    struct mr_uuid account;
    char instance[288];
    struct command_flow *flow;
    struct mr_arena arena; /* of one sample */
    struct mr_buf body;

    struct self_report_series *series;
    struct self_report_series *cursor; /* the next to be sent; NULL: all are */
    int32_t lanes;
    struct mr_timer timer;
    struct mr_deferred go_on;
    struct mr_log_limit late_limit, drop_limit, bad_limit;
    uint64_t dropped;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

/* ---- sending ---- */

/* MR_OK: the flow has it. MR_LIMIT: not now. MR_INVALID: it can never be sent. */
static enum mr_status send_sample(struct self_report *r, const struct self_report_series *series,
                                  struct mr_error *why)
{
    int64_t now_ms = mr_clock_wall_ms();
    json_t *json = NULL;
    struct mr_kafka_message message;
    mr_arena_reset(&r->arena);
    mr_buf_reset(&r->body);
    self_report_series_write(series, now_ms, &r->body);
    if (!mr_buf_ok(&r->body))
        return mr_fail(why, MR_INVALID, "the sample is too large");
    enum mr_status s = mr_json_parse(mr_buf_all(&r->body), &json, why);
    if (s != MR_OK)
        return s;
    struct mr_schema_errors errors;
    mr_schema_errors_init(&errors, &r->arena);
    s = mr_schema_check(r->command->schema, json, &errors);
    if (s != MR_OK)
        mr_schema_errors_text(&errors, why);
    struct command_input input = {.command = r->command,
                                  .account = r->account,
                                  .id = mr_random_uuid_v7(),
                                  .principal = mr_slice_text(r->settings.program),
                                  .time_ms = now_ms,
                                  .body = mr_buf_all(&r->body),
                                  .json = json};
    if (s == MR_OK)
        s = command_build(&input, &r->arena, &message, why);
    json_decref(json);
    return s == MR_OK ? command_flow_send(r->flow, &message, why) : s;
}

/* False: the rest stays merged until the log takes more. */
static bool send_series(struct self_report *r, struct self_report_series *series)
{
    struct mr_error why;
    if (series->count == 0)
        return true;
    enum mr_status s = send_sample(r, series, &why);
    if (s == MR_INVALID) {
        MR_LOG_LIMITED(r->settings.log, &r->bad_limit, ERROR, "own sample dropped",
                       mr_f_text("metric", series->metric), mr_f_text("error", why.text));
        r->dropped += series->count;
    } else if (s != MR_OK) {
        return false;
    }
    self_report_series_reset(series);
    return true;
}

static void send_heartbeat(struct self_report *r)
{
    struct self_report_series beat;
    struct mr_error why;
    char lanes[16];
    snprintf(lanes, sizeof lanes, "%d", (int)r->lanes);
    self_report_series_init(&beat, SELF_REPORT_HEARTBEAT, SELF_REPORT_GAUGE,
                            MR_LABELS({"program", r->settings.program},
                                      {"version", mr_config_version()}, {"instance", r->instance},
                                      {"lanes", lanes}));
    self_report_series_add(&beat, 1);
    if (send_sample(r, &beat, &why) == MR_INVALID)
        MR_LOG_LIMITED(r->settings.log, &r->bad_limit, ERROR, "own sample dropped",
                       mr_f_text("metric", beat.metric), mr_f_text("error", why.text));
    self_report_series_clear(&beat); /* one that is not taken is a beat missed */
}

static void warn_if_late(struct self_report *r)
{
    if (command_flow_wait_ms(r->flow) >= LATE_MS)
        MR_LOG_LIMITED(r->settings.log, &r->late_limit, WARN, "the log does not take own samples",
                       mr_f_int("waiting_ms", command_flow_wait_ms(r->flow)),
                       mr_f_text("error", command_flow_trouble(r->flow)));
}

/* In slices: a thousand series are more than the loop has time for at once. */
static void on_go_on(void *data)
{
    struct self_report *r = data;
    struct mr_budget budget;
    mr_budget_start(&budget);
    while (r->cursor) {
        if (!send_series(r, r->cursor)) {
            r->cursor = NULL;
            return;
        }
        r->cursor = r->cursor->hh.next;
        if (r->cursor && mr_budget_is_spent(&budget)) {
            mr_deferred_start(&r->go_on);
            return;
        }
    }
}

static void on_interval(void *data)
{
    struct self_report *r = data;
    mr_timer_start(&r->timer, r->settings.interval_ms);
    warn_if_late(r);
    send_heartbeat(r);
    r->cursor = r->series;
    on_go_on(r);
}

static void on_settled(void *owner, const struct command_flow_result *result)
{
    struct self_report *r = owner;
    if (result->outcome != MR_KAFKA_STORED && result->status == MR_INVALID)
        MR_LOG_LIMITED(r->settings.log, &r->bad_limit, ERROR, "the log refused an own sample",
                       mr_f_text("error", result->error));
}

/* ---- counting ---- */

static struct self_report_series *series_of(struct self_report *r, const char *metric,
                                            enum self_report_kind kind,
                                            const struct mr_label *labels)
{
    struct self_report_series *series =
        self_report_series_of(&r->series, metric, kind, labels, SELF_REPORT_SERIES_MAX);
    if (!series) {
        r->dropped++;
        MR_LOG_LIMITED(r->settings.log, &r->drop_limit, WARN, "too many series of own samples",
                       mr_f_text("metric", metric));
    }
    return series;
}

void self_report_count(struct self_report *r, const char *metric, const struct mr_label *labels,
                       double n)
{
    if (!r)
        return;
    assert(n > 0);
    struct self_report_series *series = series_of(r, metric, SELF_REPORT_COUNTER, labels);
    if (series)
        self_report_series_add(series, n);
}

void self_report_time(struct self_report *r, const char *metric, const struct mr_label *labels,
                      double seconds)
{
    if (!r)
        return;
    struct self_report_series *series = series_of(r, metric, SELF_REPORT_HISTOGRAM, labels);
    if (series)
        self_report_series_observe(series, seconds);
}

void self_report_lanes(struct self_report *r, int32_t lanes)
{
    if (r)
        r->lanes = lanes;
}

struct self_report_counters self_report_counters(const struct self_report *r)
{
    if (!r)
        return (struct self_report_counters){.stored = 0};
    struct command_flow_counters flow = command_flow_counters(r->flow);
    return (struct self_report_counters){
        .stored = flow.stored, .pending = flow.pending, .dropped = r->dropped};
}

void self_report_report(void *owner, const struct mr_kafka_report *report)
{
    struct self_report *r = owner;
    command_flow_report(r->flow, report);
}

/* ---- life ---- */

static void name_instance(struct self_report *r)
{
    char host[256] = "";
    if (r->settings.instance) {
        snprintf(r->instance, sizeof r->instance, "%s", r->settings.instance);
        return;
    }
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "unknown");
    /* a label is short; the end of a host's name tells less than its beginning */
    snprintf(r->instance, sizeof r->instance, "%.180s:%ld", host, (long)getpid());
}

static void destroy(struct self_report *r)
{
    self_report_series_free(&r->series);
    mr_buf_free(&r->body);
    mr_arena_free(&r->arena);
    free(r);
}

static void on_refused_closed(void *owner)
{
    destroy(owner);
}

static enum mr_status open_flow(struct self_report *r, const struct self_report_settings *settings,
                                struct mr_error *why)
{
    struct command_flow_settings flow = {.loop = settings->loop,
                                         .records_max = SELF_REPORT_IN_FLIGHT_MAX,
                                         .bytes_max = FLOW_BYTES_MAX,
                                         .on_settled = on_settled,
                                         .owner = r};
    struct command_flow_kafka_settings kafka = {.conf = settings->kafka};
    r->flow = command_flow_new(&flow);
    if (!settings->to)
        return command_flow_kafka(r->flow, &kafka, why);
    command_flow_open(r->flow, settings->to);
    return MR_OK;
}

struct self_report *self_report_new(const struct self_report_settings *settings)
{
    struct mr_error why;
    if (!settings->account)
        return NULL;
    const struct mr_catalog_command *command =
        mr_catalog_command_of(settings->catalog, mr_slice_text(SAMPLE_TYPE));
    if (!command) {
        MR_LOG(settings->log, WARN, "own samples are off: the schemas have no " SAMPLE_TYPE);
        return NULL;
    }
    struct self_report *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->settings = *settings;
    r->settings.kafka = NULL;
    r->command = command;
    if (mr_uuid_parse(mr_slice_text(settings->account), &r->account) != MR_OK)
        abort(); /* mr_config has checked it */
    name_instance(r);
    mr_arena_init(&r->arena, ARENA_BYTES_MAX);
    mr_buf_init(&r->body, SAMPLE_BYTES_MAX);
    mr_timer_init(&r->timer, settings->loop, on_interval, r);
    mr_deferred_init(&r->go_on, settings->loop, on_go_on, r);
    if (open_flow(r, settings, &why) != MR_OK) {
        MR_LOG(settings->log, ERROR, "own samples are off", mr_f_text("error", why.text));
        command_flow_close(r->flow, 0, on_refused_closed, r);
        return NULL;
    }
    on_interval(r);
    return r;
}

static void on_flow_closed(void *owner)
{
    struct self_report *r = owner;
    void (*on_closed)(void *) = r->on_closed;
    void *closed_owner = r->closed_owner;
    destroy(r);
    if (on_closed)
        on_closed(closed_owner);
}

void self_report_close(struct self_report *r, uint64_t deadline_ms, void (*on_closed)(void *owner),
                       void *owner)
{
    if (!r) {
        if (on_closed)
            on_closed(owner);
        return;
    }
    mr_timer_stop(&r->timer);
    mr_deferred_stop(&r->go_on);
    r->on_closed = on_closed;
    r->closed_owner = owner;
    for (struct self_report_series *s = r->series; s && send_series(r, s);)
        s = s->hh.next;
    command_flow_close(r->flow, deadline_ms, on_flow_closed, r);
}
