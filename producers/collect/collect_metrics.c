#include "collect_metrics.h"

static void read_flow(struct collect_metrics *m)
{
    const struct command_flow *flow = collect_pipe_flow(m->pipe);
    struct command_flow_counters c = command_flow_counters(flow);
    mr_gauge_set(m->pending, (double)c.pending);
    mr_gauge_set(m->pending_bytes, (double)c.pending_bytes);
    mr_gauge_set(m->in_flight, (double)c.in_flight);
    mr_gauge_set(m->wait_seconds, (double)command_flow_wait_ms(flow) / 1000);
    m->stored->value = (double)c.stored;
    m->resent->value = (double)c.resent;
    m->unknown->value = (double)c.unknown;
    m->drains->value = (double)c.drains;
}

static void on_render(void *data)
{
    struct collect_metrics *m = data;
    struct mr_ingest_counter rule;
    if (m->pipe)
        read_flow(m);
    for (size_t i = 0; i < COLLECT_METRICS_SOCKETS; i++)
        if (m->udp[i])
            collect_udp_refresh(m->udp[i]);
    for (size_t i = 0; i < m->rule_count && mr_ingest_counter(m->ingest, i, &rule); i++)
        m->rules[i]->value = (double)rule.count;
}

static void write_sources(void *data, struct mr_buf *out)
{
    struct collect_metrics *m = data;
    if (m->pipe)
        collect_sources_write(collect_pipe_sources(m->pipe), out);
}

static void make_rules(struct collect_metrics *m)
{
    struct mr_ingest_counter rule;
    size_t count = 0;
    while (mr_ingest_counter(m->ingest, count, &rule))
        count++;
    m->rules = mr_metrics_keep(m->metrics, (count + 1) * sizeof(struct mr_counter *));
    for (; m->rule_count < count && mr_ingest_counter(m->ingest, m->rule_count, &rule);
         m->rule_count++)
        m->rules[m->rule_count] = mr_metrics_counter(
            m->metrics,
            rule.is_sample ? "millrace_collect_sampled_total" : "millrace_collect_redacted_total",
            rule.is_sample ? "Lines that a rule left out" : "Texts in which something was replaced",
            MR_LABELS({"rule", rule.rule}));
}

void collect_metrics_start(struct collect_metrics *m)
{
    struct mr_metrics *r = m->metrics;
    m->pending = mr_metrics_gauge(r, "millrace_collect_pending_messages",
                                  "Messages that were taken and are not known to be stored", NULL);
    m->pending_bytes =
        mr_metrics_gauge(r, "millrace_collect_pending_bytes", "Memory that they take", NULL);
    m->in_flight = mr_metrics_gauge(r, "millrace_collect_in_flight_messages",
                                    "Messages whose delivery report is awaited", NULL);
    m->wait_seconds = mr_metrics_gauge(r, "millrace_collect_wait_seconds",
                                       "How long the oldest pending message has waited", NULL);
    m->stored =
        mr_metrics_counter(r, "millrace_collect_stored_total", "Messages that the log has", NULL);
    m->resent = mr_metrics_counter(r, "millrace_collect_resent_total",
                                   "Messages that were sent again, under their ids", NULL);
    m->unknown = mr_metrics_counter(r, "millrace_collect_unknown_total",
                                    "Reports that did not say whether the log has it", NULL);
    m->drains =
        mr_metrics_counter(r, "millrace_collect_drains_total",
                           "Failures after which everything unsettled was sent again", NULL);
    make_rules(m);
    mr_metrics_on_render(r, on_render, m);
    mr_metrics_on_text(r, write_sources, m);
}
