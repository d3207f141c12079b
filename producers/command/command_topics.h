/* What produce and collect ask of Kafka when they start: that the topics of commands are there,
 * hold the largest body and append with the log's time, and have MILLRACE_LANES lanes where that is
 * set. Asked in the thread pool, again each second while Kafka or a topic is away.
 *
 *     ASKING -all is as it should be-> on_checked(NULL); -a definite difference-> on_checked(why)
 */
#ifndef COMMAND_TOPICS_H
#define COMMAND_TOPICS_H

#include "mr_catalog.h"
#include "mr_kafka_conf.h"
#include "mr_log.h"
#include "mr_loop.h"
#include <stdint.h>

struct command_topics;

struct command_topics_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct mr_kafka_conf *kafka;      /* borrowed until closed */
    const struct mr_catalog *catalog;       /* likewise */
    const struct mr_catalog_domain *domain; /* the one whose topic matters; NULL: all */
    int32_t lanes;                          /* LANES; 0: any number */
    int64_t body_bytes_max;                 /* BODY_BYTES_MAX */
    /* Once, never from within new. why NULL: everything is as it should be; otherwise one sentence
     * that names the topic: the program must stop. */
    void (*on_checked)(void *owner, const char *why);
    void *owner;
};

struct command_topics *command_topics_new(const struct command_topics_settings *settings);
/* What is awaited, for people; NULL once it is done. */
const char *command_topics_waits(const struct command_topics *topics);
/* on_closed (may be NULL) is called once nothing of it is left (a question that is under way may
 * take seconds), and topics is gone. Takes NULL: at once. */
void command_topics_close(struct command_topics *topics, void (*on_closed)(void *owner),
                          void *owner);

#endif
