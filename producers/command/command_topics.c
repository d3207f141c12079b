#include "command_topics.h"

#include "mr_kafka_admin.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS          3000
#define RETRY_MS        1000
#define RECORD_OVERHEAD 8192 /* headers and framing beside the largest body */

struct command_topics {
    struct command_topics_settings set;
    struct mr_timer retry;
    struct mr_job job;
    bool asking, is_done, is_closing;
    enum mr_status asked; /* this and why are the job's until it has ended */
    struct mr_error why;
    char waits[sizeof(struct mr_error)];
    struct mr_log_limit limit;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static void ask(struct command_topics *t, struct mr_kafka_admin *admin,
                const struct mr_catalog_domain *domain)
{
    const struct mr_kafka_topic want = {
        .name = domain->commands_topic,
        .lanes = t->set.lanes,
        .replicas = 1,
        .in_sync_min = 1,
        .message_bytes_max = t->set.body_bytes_max + RECORD_OVERHEAD,
    };
    t->asked = mr_kafka_admin_check(admin, &want, 1, &t->why);
}

/* On a thread of the pool. */
static void ask_all(void *data)
{
    struct command_topics *t = data;
    const struct mr_catalog *catalog = t->set.catalog;
    struct mr_kafka_admin *admin;
    t->asked = mr_kafka_admin_new(t->set.kafka, &admin, &t->why);
    if (t->asked != MR_OK)
        return;
    mr_kafka_admin_timeout(admin, ASK_MS);
    for (size_t i = 0; i < catalog->domain_count && t->asked == MR_OK; i++) {
        const struct mr_catalog_domain *domain = &catalog->domains[i];
        if (domain->command_count > 0 && (!t->set.domain || t->set.domain == domain))
            ask(t, admin, domain);
    }
    mr_kafka_admin_free(admin);
}

static void end(struct command_topics *t)
{
    void (*on_closed)(void *) = t->on_closed;
    void *owner = t->closed_owner;
    free(t);
    if (on_closed)
        on_closed(owner);
}

static void on_asked(void *data)
{
    struct command_topics *t = data;
    t->asking = false;
    if (t->is_closing) {
        end(t);
    } else if (t->asked == MR_OK || t->asked == MR_INVALID) {
        t->is_done = true;
        t->set.on_checked(t->set.owner, t->asked == MR_OK ? NULL : t->why.text);
    } else {
        memcpy(t->waits, t->why.text, sizeof t->waits);
        MR_LOG_LIMITED(t->set.log, &t->limit, WARN, "waiting for Kafka",
                       mr_f_text("error", t->waits));
        mr_timer_start(&t->retry, RETRY_MS);
    }
}

static void start(void *data)
{
    struct command_topics *t = data;
    t->asking = true;
    mr_job_start(&t->job, t->set.loop, ask_all, on_asked, t);
}

struct command_topics *command_topics_new(const struct command_topics_settings *settings)
{
    struct command_topics *t = calloc(1, sizeof *t);
    if (!t)
        abort();
    t->set = *settings;
    snprintf(t->waits, sizeof t->waits, "the topics are being looked at");
    mr_timer_init(&t->retry, settings->loop, start, t);
    start(t);
    return t;
}

const char *command_topics_waits(const struct command_topics *topics)
{
    return topics->is_done ? NULL : topics->waits;
}

void command_topics_close(struct command_topics *topics, void (*on_closed)(void *owner),
                          void *owner)
{
    if (!topics) {
        if (on_closed)
            on_closed(owner);
        return;
    }
    assert(!topics->is_closing);
    topics->is_closing = true;
    topics->on_closed = on_closed;
    topics->closed_owner = owner;
    mr_timer_stop(&topics->retry);
    if (!topics->asking)
        end(topics);
}
