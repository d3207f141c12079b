#include "loader_metrics.h"

#include <stdio.h>
#include <stdlib.h>

struct lane_gauges {
    struct mr_gauge *owned, *stopped, *missing, *next_offset, *last_sequence, *lag, *waiting;
};

struct table_gauges {
    const struct mr_catalog_table *table;
    struct mr_gauge *freshness;
};

struct loader_metrics {
    int32_t lanes;
    struct lane_gauges *lane;
    struct table_gauges *table;
    size_t table_count;
    struct mr_counter *loaded, *repeated, *ahead, *skipped, *bad, *flushes, *retried, *takeovers,
        *lost;
    struct mr_histogram *flush;
};

static struct mr_counter *counter(const struct loader_metrics_settings *s, const char *name,
                                  const char *help)
{
    return mr_metrics_counter(s->metrics, name, help, MR_LABELS({"topic", s->topic}));
}

static struct mr_counter *outcome(const struct loader_metrics_settings *s, const char *which)
{
    return mr_metrics_counter(s->metrics, "millrace_load_records_total",
                              "Records of the topic that loads have passed, by what became of them",
                              MR_LABELS({"topic", s->topic}, {"outcome", which}));
}

static void register_lane(const struct loader_metrics_settings *s, int32_t lane,
                          struct lane_gauges *g)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)lane);
    const struct mr_label *labels = MR_LABELS({"topic", s->topic}, {"lane", text});
#define GAUGE(name, help) mr_metrics_gauge(s->metrics, "millrace_" name, help, labels)
    g->owned = GAUGE("load_lane_owned", "1 while this process owns the lane");
    g->stopped = GAUGE("lane_stopped", "1 while the lane is stopped and waits for an operator");
    g->missing = GAUGE("load_missing", "1 while the lane's next event is missing");
    g->next_offset = GAUGE("load_next_offset", "The next offset of the topic to load");
    g->last_sequence = GAUGE("load_last_sequence", "The last event's sequence; -1: none yet");
    g->lag = GAUGE("load_lag", "Records of the topic that are not loaded yet");
    g->waiting = GAUGE("load_waiting", "Records that were read and wait for a flush");
#undef GAUGE
}

static bool feeds(const struct mr_catalog_feed *list, size_t count,
                  const struct mr_catalog_table *table)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].table == table)
            return true;
    return false;
}

static bool is_fed_by(const struct loader_metrics_settings *s, const struct mr_catalog_table *table)
{
    const struct mr_catalog_domain *d = s->domain;
    bool fed = false;
    for (size_t i = 0; !s->facts && i < d->event_count; i++)
        fed = fed || feeds(d->events[i].feeds, d->events[i].feed_count, table);
    for (size_t i = 0; s->facts && i < d->command_count; i++)
        fed = fed || feeds(d->commands[i].feeds, d->commands[i].feed_count, table);
    return fed;
}

static void register_tables(const struct loader_metrics_settings *s, struct loader_metrics *m)
{
    for (size_t t = 0; t < s->catalog->table_count; t++) {
        const struct mr_catalog_table *table = &s->catalog->tables[t];
        if (!is_fed_by(s, table))
            continue;
        const struct mr_label *labels = MR_LABELS({"table", table->name});
        m->table[m->table_count++] = (struct table_gauges){
            .table = table,
            .freshness =
                mr_metrics_gauge(s->metrics, "millrace_table_freshness_seconds",
                                 "Age of the newest event that this process has loaded", labels),
        };
        mr_gauge_set(mr_metrics_gauge(s->metrics, "millrace_table_stopped",
                                      "1 where the table contradicts its schemas", labels),
                     s->stopped[t] != NULL);
    }
}

struct loader_metrics *loader_metrics_new(const struct loader_metrics_settings *s)
{
    struct loader_metrics *m = calloc(1, sizeof *m);
    if (!m || !(m->lane = calloc((size_t)s->lanes, sizeof *m->lane)) ||
        !(m->table = calloc(s->catalog->table_count + 1, sizeof *m->table)))
        abort();
    m->lanes = s->lanes;
    for (int32_t i = 0; i < s->lanes; i++)
        register_lane(s, i, &m->lane[i]);
    register_tables(s, m);
    m->loaded = outcome(s, "loaded");
    m->repeated = outcome(s, "repeated");
    m->ahead = outcome(s, "ahead");
    m->skipped = outcome(s, "skipped");
    m->bad = outcome(s, "bad");
    m->flushes = counter(s, "millrace_load_flushes_total", "Loads committed");
    m->retried =
        counter(s, "millrace_load_flushes_retried_total", "Loads that failed and were tried again");
    m->takeovers = counter(s, "millrace_load_takeovers_total", "Lanes taken over");
    m->lost = counter(s, "millrace_load_lanes_lost_total",
                      "Lanes that another owner took while they were ours");
    m->flush = mr_metrics_histogram(s->metrics, "millrace_load_flush_seconds",
                                    "Time from the claim of the ledger to the answer of COMMIT",
                                    MR_LABELS({"topic", s->topic}));
    return m;
}

void loader_metrics_free(struct loader_metrics *m)
{
    if (!m)
        return;
    free(m->lane);
    free(m->table);
    free(m);
}

void loader_metrics_flushed(struct loader_metrics *m, int64_t took_ms)
{
    mr_histogram_observe(m->flush, (double)took_ms / 1000);
}

static void copy_lane(struct lane_gauges *g, const struct engine_load_view *v, int64_t end)
{
    bool owned = v->state >= ENGINE_LANE_CHECKING;
    g->owned->value = owned;
    g->stopped->value = v->state == ENGINE_LANE_STOPPED_STATE;
    g->missing->value = v->missing;
    g->next_offset->value = owned ? (double)v->next_offset : 0;
    g->last_sequence->value = owned ? (double)v->last_sequence : -1;
    g->lag->value = owned && end > v->next_offset ? (double)(end - v->next_offset) : 0;
    g->waiting->value = (double)v->waiting_records;
}

void loader_metrics_copy(struct loader_metrics *m, const struct engine_loader *engine,
                         const struct loader_log *log, const struct loader_pg *pg, int64_t wall_ms)
{
    const struct engine_load_stats *s = engine_loader_stats(engine);
    for (int32_t i = 0; i < m->lanes; i++) {
        struct engine_load_view v;
        engine_loader_look(engine, i, &v);
        copy_lane(&m->lane[i], &v, loader_log_end_of(log, i));
    }
    for (size_t t = 0; t < m->table_count; t++) {
        int64_t through = loader_pg_loaded_through(pg, m->table[t].table->index);
        m->table[t].freshness->value =
            through > 0 && wall_ms > through ? (double)(wall_ms - through) / 1000 : 0;
    }
    m->loaded->value = (double)s->records.loaded;
    m->repeated->value = (double)s->records.repeated;
    m->ahead->value = (double)s->records.ahead;
    m->skipped->value = (double)s->records.skipped;
    m->bad->value = (double)s->records.bad;
    m->flushes->value = (double)s->flushes;
    m->retried->value = (double)s->flushes_retried;
    m->takeovers->value = (double)s->takeovers;
    m->lost->value = (double)s->lanes_lost;
}
