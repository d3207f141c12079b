#include "edge_start_own.h"

#include <stdio.h>
#include <stdlib.h>

void edge_start_differs(struct edge_start *s, const char *why)
{
    if (s->told || s->is_closing)
        return;
    s->told = true;
    s->set.differs(why, s->set.data);
}

void edge_start_waits(struct edge_start *s, char *slot, const char *why)
{
    snprintf(slot, sizeof(struct mr_error), "%s", why);
    MR_LOG_LIMITED(s->set.edge->log, &s->limit, WARN, "a check at start has to wait",
                   mr_f_text("error", why));
}

void edge_start_compare(struct edge_start *s)
{
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_error why;
    for (size_t i = 0; i < catalog->domain_count; i++)
        if (s->topic_lanes[i] && s->row_lanes[i] && s->topic_lanes[i] != s->row_lanes[i]) {
            (void)mr_fail(&why, MR_FATAL,
                          "%s has %d partitions, and millrace.domain says %d lanes of %s",
                          catalog->domains[i].commands_topic, (int)s->topic_lanes[i],
                          (int)s->row_lanes[i], catalog->domains[i].name);
            edge_start_differs(s, why.text);
            return;
        }
    if (s->kafka_done && s->pg_done)
        MR_LOG(s->set.edge->log, INFO, "checked topics and database");
}

static void release(struct edge_start *s)
{
    free(s->topic_lanes);
    free(s->described_lanes);
    free(s->row_lanes);
    free(s);
}

enum mr_status edge_start_new(const struct edge_start_settings *settings, struct edge_start **out,
                              struct mr_error *why)
{
    struct edge_start *s = calloc(1, sizeof *s);
    size_t domains = settings->edge->catalog->domain_count + 1;
    if (!s || !(s->topic_lanes = calloc(domains, sizeof *s->topic_lanes)) ||
        !(s->described_lanes = calloc(domains, sizeof *s->described_lanes)) ||
        !(s->row_lanes = calloc(domains, sizeof *s->row_lanes)))
        abort();
    s->set = *settings;
    snprintf(s->kafka_waits, sizeof s->kafka_waits, "Kafka has not answered yet");
    snprintf(s->pg_waits, sizeof s->pg_waits, "Postgres has not answered yet");
    mr_timer_init(&s->retry_kafka, settings->edge->loop, edge_start_topics, s);
    enum mr_status status = edge_start_tables(s, settings->pg, why);
    if (status != MR_OK) {
        release(s);
        return status;
    }
    edge_start_topics(s);
    *out = s;
    return MR_OK;
}

void edge_start_detail(const struct edge_start *s, struct mr_buf *out)
{
    bool is_done = s->kafka_done && s->pg_done;
    mr_buf_text(out, "\"checks\":");
    mr_buf_json_string(out, mr_slice_text(is_done          ? "done"
                                          : !s->kafka_done ? s->kafka_waits
                                                           : s->pg_waits));
}

void edge_start_end(struct edge_start *s)
{
    if (s->describing || s->conn)
        return;
    void (*closed)(void *data) = s->closed;
    void *data = s->closed_data;
    release(s);
    closed(data);
}

void edge_start_close(struct edge_start *s, void (*closed)(void *data), void *data)
{
    s->is_closing = true;
    s->closed = closed;
    s->closed_data = data;
    mr_timer_stop(&s->retry_kafka);
    edge_start_tables_close(s);
    edge_start_end(s);
}
