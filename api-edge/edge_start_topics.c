/* Kafka's side of the checks at start: the topics of commands, described in the thread pool. */
#include "edge_start_own.h"
#include "mr_kafka_admin.h"
#include "mr_kafka_conf.h"

#define DESCRIBE_MS     3000
#define RECORD_OVERHEAD 8192 /* headers and framing beside the largest body */

static enum mr_status describe(struct edge_start *s, struct mr_kafka_admin *admin,
                               const struct mr_catalog_domain *domain)
{
    struct mr_kafka_topic_state state;
    const struct mr_kafka_topic want = {
        .name = domain->commands_topic,
        .lanes = s->set.lanes,
        .replicas = 1,
        .in_sync_min = 1,
        .message_bytes_max = (int64_t)s->set.edge->body_bytes_max + RECORD_OVERHEAD,
    };
    enum mr_status status =
        mr_kafka_admin_describe(admin, domain->commands_topic, &state, &s->described_why);
    if (status != MR_OK)
        return status;
    if (!state.exists)
        return mr_fail(&s->described_why, MR_LOST,
                       "There is no topic %s: run millracectl topics create",
                       domain->commands_topic);
    s->described_lanes[domain->index] = state.lanes;
    return mr_kafka_topic_check(&want, &state, &s->described_why);
}

/* On a thread of the pool. */
static void describe_all(void *data)
{
    struct edge_start *s = data;
    const struct mr_catalog *catalog = s->set.edge->catalog;
    struct mr_kafka_admin *admin;
    s->described = mr_kafka_admin_new(s->set.kafka, &admin, &s->described_why);
    if (s->described != MR_OK)
        return;
    mr_kafka_admin_timeout(admin, DESCRIBE_MS);
    for (size_t i = 0; i < catalog->domain_count && s->described == MR_OK; i++)
        if (catalog->domains[i].command_count > 0)
            s->described = describe(s, admin, &catalog->domains[i]);
    mr_kafka_admin_free(admin);
}

static void on_described(void *data)
{
    struct edge_start *s = data;
    s->describing = false;
    if (s->is_closing) {
        edge_start_end(s);
        return;
    }
    if (s->described == MR_OK) {
        memcpy(s->topic_lanes, s->described_lanes,
               s->set.edge->catalog->domain_count * sizeof *s->topic_lanes);
        s->kafka_done = true;
        edge_start_compare(s);
    } else if (s->described == MR_INVALID) {
        edge_start_differs(s, s->described_why.text);
    } else {
        edge_start_waits(s, s->kafka_waits, s->described_why.text);
        mr_timer_start(&s->retry_kafka, EDGE_START_RETRY_MS);
    }
}

void edge_start_topics(void *start)
{
    struct edge_start *s = start;
    s->describing = true;
    mr_job_start(&s->job, s->set.edge->loop, describe_all, on_described, s);
}
