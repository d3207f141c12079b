/* Holds a topic against what it shall be; everything that differs is named. */
#include "mr_kafka_topic.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct list {
    char text[480];
    size_t len;
};

static void differs(struct list *list, const char *fmt, ...) MR_PRINTF(2, 3);

static void differs(struct list *list, const char *fmt, ...)
{
    if (list->len + 2 >= sizeof list->text)
        return;
    va_list ap;
    va_start(ap, fmt);
    int n = snprintf(list->text + list->len, sizeof list->text - list->len, "%s",
                     list->len ? "; " : "");
    list->len += (size_t)n;
    n = vsnprintf(list->text + list->len, sizeof list->text - list->len, fmt, ap);
    va_end(ap);
    list->len +=
        (size_t)n < sizeof list->text - list->len ? (size_t)n : sizeof list->text - list->len - 1;
}

enum mr_status mr_kafka_topic_check(const struct mr_kafka_topic *want,
                                    const struct mr_kafka_topic_state *have, struct mr_error *why)
{
    struct list list = {.len = 0};
    if (!have->exists)
        return mr_fail(why, MR_LOST,
                       "%s: there is no such topic; millracectl topics create makes it",
                       want->name);
    if (want->lanes && have->lanes != want->lanes)
        differs(&list, "it has %" PRId32 " partitions, must have %" PRId32, have->lanes,
                want->lanes);
    if (have->replicas < want->replicas)
        differs(&list, "it has %" PRId32 " replicas, must have %d", have->replicas,
                (int)want->replicas);
    if (!have->log_append_time)
        differs(&list, "message.timestamp.type must be LogAppendTime");
    if (!have->deletes)
        differs(&list, "cleanup.policy must be delete");
    if (have->unclean_election)
        differs(&list, "unclean.leader.election.enable must be false");
    if (have->in_sync_min < want->in_sync_min)
        differs(&list, "min.insync.replicas is %" PRId32 ", must be %d", have->in_sync_min,
                (int)want->in_sync_min);
    if (have->retention_ms >= 0 && have->retention_ms < want->retention_ms)
        differs(&list, "retention.ms is %" PRId64 ", must be %" PRId64, have->retention_ms,
                want->retention_ms);
    if (have->message_bytes_max < want->message_bytes_max)
        differs(&list, "max.message.bytes is %" PRId64 ", must be %" PRId64,
                have->message_bytes_max, want->message_bytes_max);
    return list.len ? mr_fail(why, MR_INVALID, "%s: %s", want->name, list.text) : MR_OK;
}
