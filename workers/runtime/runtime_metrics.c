#include "runtime_metrics.h"

#include <stdio.h>
#include <stdlib.h>

struct lane_gauges {
    struct mr_gauge *owned, *stopped, *applied, *next_event, *published, *backlog, *oldest_age,
        *parked, *held;
};

struct runtime_metrics {
    int32_t lanes;
    struct lane_gauges *lane;
    struct mr_counter *batches, *retried, *applied, *rejected, *repeated, *conflicting, *parked,
        *quarantined, *committed, *acknowledged, *rounds, *takeovers, *lost, *facts, *copied,
        *dropped, *ticks_written, *ticks_failed;
    struct mr_gauge *batch_limit;
};

static struct mr_counter *counter(struct mr_metrics *m, const char *domain, const char *name,
                                  const char *help)
{
    return mr_metrics_counter(m, name, help, MR_LABELS({"domain", domain}));
}

static struct mr_counter *outcome(struct mr_metrics *m, const char *domain, const char *which)
{
    return mr_metrics_counter(m, "millrace_commands_total",
                              "Commands that lanes have passed, by what became of them",
                              MR_LABELS({"domain", domain}, {"outcome", which}));
}

static struct mr_counter *tick(struct mr_metrics *m, const char *domain, const char *which)
{
    return mr_metrics_counter(m, "millrace_ticks_total",
                              "Ticks that this process wrote into its lanes, or could not",
                              MR_LABELS({"domain", domain}, {"outcome", which}));
}

static void lane_register(struct mr_metrics *m, const char *domain, int32_t lane,
                          struct lane_gauges *g)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)lane);
    const struct mr_label *labels = MR_LABELS({"domain", domain}, {"lane", text});
#define GAUGE(name, help) mr_metrics_gauge(m, "millrace_lane_" name, help, labels)
    g->owned = GAUGE("owned", "1 while this process owns the lane");
    g->stopped = GAUGE("stopped", "1 while the lane is stopped and waits for an operator");
    g->applied = GAUGE("applied", "The next position to apply");
    g->next_event = GAUGE("next_event", "The next event's sequence");
    g->published = GAUGE("published", "The next event to be acknowledged");
    g->backlog = GAUGE("backlog", "Commands in the log that are not applied yet");
    g->oldest_age = GAUGE("oldest_age_seconds", "Age of the oldest command that is not applied");
    g->parked = GAUGE("parked", "Parked commands");
    g->held = GAUGE("held_keys", "Keys that are held by parked commands");
#undef GAUGE
}

struct runtime_metrics *runtime_metrics_new(struct mr_metrics *metrics, const char *domain,
                                            int32_t lanes)
{
    struct runtime_metrics *m = calloc(1, sizeof *m);
    if (!m || !(m->lane = calloc((size_t)lanes, sizeof *m->lane)))
        abort();
    m->lanes = lanes;
    for (int32_t i = 0; i < lanes; i++)
        lane_register(metrics, domain, i, &m->lane[i]);
    m->batches = counter(metrics, domain, "millrace_batches_total", "Transactions committed");
    m->retried = counter(metrics, domain, "millrace_batches_retried_total",
                         "Transactions that failed and were tried again");
    m->applied = outcome(metrics, domain, "applied");
    m->rejected = outcome(metrics, domain, "rejected");
    m->repeated = outcome(metrics, domain, "repeated");
    m->conflicting = outcome(metrics, domain, "conflict");
    m->parked = outcome(metrics, domain, "parked");
    m->quarantined = outcome(metrics, domain, "quarantined");
    m->committed = counter(metrics, domain, "millrace_events_committed_total", "Events committed");
    m->acknowledged = counter(metrics, domain, "millrace_events_published_total",
                              "Events acknowledged by the log in order");
    m->rounds = counter(metrics, domain, "millrace_publish_rounds_ended_total",
                        "Publication rounds that a failed or disordered report ended");
    m->takeovers = counter(metrics, domain, "millrace_takeovers_total", "Lanes taken over");
    m->lost = counter(metrics, domain, "millrace_lanes_lost_total",
                      "Lanes that another owner took while they were ours");
    m->facts = counter(metrics, domain, "millrace_facts_stored_total",
                       "Facts stored in the domain's table, of batches known to be committed");
    m->copied = counter(metrics, domain, "millrace_rows_copied_total",
                        "Rows written by COPY, of batches known to be committed");
    m->dropped = counter(metrics, domain, "millrace_partitions_dropped_total",
                         "Day partitions past retention that this process dropped");
    m->ticks_written = tick(metrics, domain, "written");
    m->ticks_failed = tick(metrics, domain, "failed");
    m->batch_limit =
        mr_metrics_gauge(metrics, "millrace_batch_commands_limit",
                         "Commands that a batch takes at most now", MR_LABELS({"domain", domain}));
    return m;
}

void runtime_metrics_free(struct runtime_metrics *m)
{
    if (!m)
        return;
    free(m->lane);
    free(m);
}

static void copy_lane(struct lane_gauges *g, const struct engine_lane_view *v, int64_t end,
                      int64_t wall_ms)
{
    bool owned = v->state >= ENGINE_LANE_CHECKING;
    g->owned->value = owned;
    g->stopped->value = v->state == ENGINE_LANE_STOPPED_STATE;
    g->applied->value = owned ? (double)v->applied : 0;
    g->next_event->value = owned ? (double)v->next_event : 0;
    g->published->value = owned ? (double)v->published : 0;
    g->backlog->value = owned && end > v->applied ? (double)(end - v->applied) : 0;
    g->oldest_age->value = v->oldest_time_ms && wall_ms > v->oldest_time_ms
                               ? (double)(wall_ms - v->oldest_time_ms) / 1000
                               : 0;
    g->parked->value = owned ? (double)v->parked_commands : 0;
    g->held->value = owned ? (double)v->held_keys : 0;
}

void runtime_metrics_copy(struct runtime_metrics *m, const struct engine *engine,
                          const struct runtime_log *log, const struct runtime_store *store,
                          int64_t wall_ms)
{
    const struct runtime_store_counts stored = runtime_store_counts(store);
    const struct runtime_tick_counts ticks = runtime_log_tick_counts(log);
    const struct engine_stats *s = engine_stats(engine);
    for (int32_t i = 0; i < m->lanes; i++) {
        struct engine_lane_view v;
        engine_lane_look(engine, i, &v);
        copy_lane(&m->lane[i], &v, runtime_log_end_of(log, i), wall_ms);
    }
    m->batches->value = (double)s->batches;
    m->retried->value = (double)s->batches_retried;
    m->applied->value = (double)s->commands_applied;
    m->rejected->value = (double)s->commands_rejected;
    m->repeated->value = (double)s->commands_repeated;
    m->conflicting->value = (double)s->commands_conflicting;
    m->parked->value = (double)s->commands_parked;
    m->quarantined->value = (double)s->commands_quarantined;
    m->committed->value = (double)s->events_committed;
    m->acknowledged->value = (double)s->events_acknowledged;
    m->rounds->value = (double)s->rounds_ended;
    m->takeovers->value = (double)s->takeovers;
    m->lost->value = (double)s->lanes_lost;
    m->facts->value = (double)stored.facts_stored;
    m->copied->value = (double)stored.rows_copied;
    m->dropped->value = (double)stored.partitions_dropped;
    m->ticks_written->value = (double)ticks.written;
    m->ticks_failed->value = (double)ticks.failed;
    m->batch_limit->value = (double)s->batch_limit;
}
