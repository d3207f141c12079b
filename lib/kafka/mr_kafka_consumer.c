/* A consumer's group membership, its turns on the loop, and its end.
 *
 * Two clients of librdkafka: `member` takes part in the group and is given lanes, but assigns
 * itself nothing, so that it never fetches; `fetch` reads whatever lanes the owner starts, lane by
 * lane. One client that does both would in 2.0.2 have to replace its whole assignment to start one
 * lane (eager), and drops or repeats records around pauses and rebalances. */
#include "mr_kafka_consumer.h"

#include "mr_kafka_lane.h"
#include "mr_loop.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS            1000
#define TURN_RECORDS       64 /* of one lane before the next has its turn */
#define SESSION_TIMEOUT_MS 10000
#define HEARTBEAT_MS       300
#define POLL_INTERVAL_MS   300000
#define FETCH_WAIT_MS      100
#define FETCH_BYTES        (1u << 20)
#define QUEUE_BYTES        (4u << 20)

/* ---- the group ---- */

static int compare_lanes(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The lanes of an event, ascending; the caller frees. */
static int32_t *lanes_of(const rd_kafka_topic_partition_list_t *list, size_t *count)
{
    size_t n = list ? (size_t)list->cnt : 0;
    int32_t *lanes = calloc(n + 1, sizeof *lanes);
    if (!lanes)
        abort();
    for (size_t i = 0; i < n; i++)
        lanes[i] = list->elems[i].partition;
    qsort(lanes, n, sizeof *lanes, compare_lanes);
    *count = n;
    return lanes;
}

static void on_assign(struct mr_kafka_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    size_t count;
    int32_t *lanes = lanes_of(list, &count);
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    rd_kafka_assign(c->member, none);
    rd_kafka_topic_partition_list_destroy(none);
    c->counters.rebalances++;
    for (size_t i = 0; i < count; i++)
        mr_kafka_lane_get(c, lanes[i])->state = MR_KAFKA_LANE_ASSIGNED;
    c->on->on_assigned(c->owner, lanes, count);
    free(lanes);
}

static void take_back(struct mr_kafka_consumer *c, const int32_t *lanes, size_t count, bool lost)
{
    for (size_t i = 0; i < count; i++) {
        struct mr_kafka_lane *lane = mr_kafka_lane_get(c, lanes[i]);
        mr_kafka_lane_stop(c, lane);
        lane->state = MR_KAFKA_LANE_AWAY;
    }
    c->on->on_revoked(c->owner, lanes, count, lost);
}

static void on_revoke(struct mr_kafka_consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    size_t count;
    int32_t *lanes = lanes_of(list, &count);
    take_back(c, lanes, count, rd_kafka_assignment_lost(c->member) != 0);
    free(lanes);
    rd_kafka_assign(c->member, NULL);
}

/* A fatal error of the member (fenced): librdkafka lets go without a word, so we say it. */
static void on_fatal(struct mr_kafka_consumer *c)
{
    char text[512] = "";
    rd_kafka_fatal_error(c->member, text, sizeof text);
    int32_t *lanes = calloc(c->lane_count + 1, sizeof *lanes);
    if (!lanes)
        abort();
    size_t count = 0;
    for (size_t i = 0; i < c->lane_count; i++)
        if (c->lanes[i] && c->lanes[i]->state != MR_KAFKA_LANE_AWAY)
            lanes[count++] = c->lanes[i]->number;
    if (count > 0)
        take_back(c, lanes, count, true);
    free(lanes);
    if (!c->closing)
        c->on->on_error(c->owner, -1, MR_FATAL, text);
}

static void on_event(struct mr_kafka_consumer *c, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
            on_assign(c, rd_kafka_event_topic_partition_list(event));
        else
            on_revoke(c, rd_kafka_event_topic_partition_list(event));
        break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
            c->counters.errors++;
        break;
    case RD_KAFKA_EVENT_ERROR:
        c->counters.errors++;
        if (rd_kafka_event_error_is_fatal(event) ||
            rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL)
            on_fatal(c);
        else
            c->on->on_error(c->owner, -1, mr_kafka_status_of(rd_kafka_event_error(event)),
                            rd_kafka_event_error_string(event));
        break;
    default:
        break;
    }
}

/* ---- turns on the loop ---- */

static void serve_events(struct mr_kafka_consumer *c, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event;
    while (queue && !c->closing && (event = rd_kafka_queue_poll(queue, 0)) != NULL) {
        if (mr_kafka_hooks_take(&c->hooks, event))
            continue;
        on_event(c, event);
        rd_kafka_event_destroy(event);
    }
}

/* Round and round until every lane is dry or the slice of time is spent; then another lane begins.
 */
static void serve_lanes(struct mr_kafka_consumer *c)
{
    struct mr_budget budget;
    mr_budget_start(&budget);
    bool more = true;
    while (more && !c->closing) {
        more = false;
        for (size_t i = 0; i < c->lane_count && !c->closing; i++) {
            struct mr_kafka_lane *lane = c->lanes[(c->turn + i) % c->lane_count];
            if (!lane || lane->state != MR_KAFKA_LANE_RUNNING)
                continue;
            if (mr_kafka_lane_serve(c, lane, TURN_RECORDS) == MR_KAFKA_LANE_MORE)
                more = true;
            if (mr_budget_is_spent(&budget)) {
                c->turn = (c->turn + i + 1) % c->lane_count;
                mr_kafka_wake_again(&c->wake);
                return;
            }
        }
    }
}

static void begin_close(struct mr_kafka_consumer *c);

static void on_wake(void *owner)
{
    struct mr_kafka_consumer *c = owner;
    c->serving = true;
    serve_events(c, c->member_queue);
    serve_events(c, c->fetch_queue);
    serve_lanes(c);
    c->serving = false;
    if (c->closing)
        begin_close(c);
}

/* Polling is also what shows librdkafka that we live (max.poll.interval.ms). */
static void on_tick(uv_timer_t *timer)
{
    struct mr_kafka_consumer *c = timer->data;
    for (size_t i = 0; i < c->lane_count; i++) {
        struct mr_kafka_lane *lane = c->lanes[i];
        struct mr_error why;
        if (lane && lane->queue && lane->retry &&
            mr_kafka_lane_start(c, lane, MR_KAFKA_EARLIEST, &why) != MR_OK)
            lane->retry = true;
    }
    on_wake(c);
}

/* ---- closing ---- */

static void on_wake_closed(void *owner)
{
    struct mr_kafka_consumer *c = owner;
    void (*on_closed)(void *) = c->on_closed;
    void *closed_owner = c->closed_owner;
    for (size_t i = 0; i < c->lane_count; i++)
        free(c->lanes[i]);
    free(c->lanes);
    free(c->topic_name);
    free(c);
    if (on_closed)
        on_closed(closed_owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct mr_kafka_consumer *c = handle->data;
    mr_kafka_wake_close(&c->wake, on_wake_closed);
}

/* In the thread pool: leaving a group and destroying a client block. */
static void work_close(uv_work_t *work)
{
    struct mr_kafka_consumer *c = work->data;
    if (c->member) {
        rd_kafka_consumer_close(c->member);
        rd_kafka_queue_destroy(c->member_queue);
        rd_kafka_destroy(c->member);
    }
    if (c->fetch) {
        if (c->topic)
            rd_kafka_topic_destroy(c->topic);
        rd_kafka_queue_destroy(c->fetch_queue);
        rd_kafka_destroy(c->fetch);
    }
}

static void work_closed(uv_work_t *work, int status)
{
    struct mr_kafka_consumer *c = work->data;
    assert(status == 0); /* it is never cancelled */
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void begin_close(struct mr_kafka_consumer *c)
{
    for (size_t i = 0; i < c->lane_count; i++)
        if (c->lanes[i])
            mr_kafka_lane_stop(c, c->lanes[i]);
    mr_kafka_wake_stop(&c->wake);
    uv_timer_stop(&c->timer);
    c->work.data = c;
    if (uv_queue_work(c->loop, &c->work, work_close, work_closed) != 0)
        abort();
}

void mr_kafka_consumer_close(struct mr_kafka_consumer *consumer, void (*on_closed)(void *owner),
                             void *owner)
{
    assert(!consumer->closing);
    consumer->closing = true;
    consumer->on_closed = on_closed;
    consumer->closed_owner = owner;
    if (!consumer->serving)
        begin_close(consumer);
}

/* ---- making ---- */

#define EVENTS                                                                                     \
    (RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_ERROR |              \
     RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS)

static enum mr_status member_make(struct mr_kafka_consumer *c,
                                  const struct mr_kafka_consumer_settings *s, struct mr_error *why)
{
    rd_kafka_conf_t *rd_conf = mr_kafka_conf_make(s->conf);
    char text[256];
    mr_kafka_set(rd_conf, "group.id", "%s", s->group);
    mr_kafka_set(rd_conf, "session.timeout.ms", "%u",
                 s->session_timeout_ms ? s->session_timeout_ms : SESSION_TIMEOUT_MS);
    /* How soon a member hears of a rebalance that another one began. */
    mr_kafka_set(rd_conf, "heartbeat.interval.ms", "%d", HEARTBEAT_MS);
    mr_kafka_set(rd_conf, "max.poll.interval.ms", "%d", POLL_INTERVAL_MS);
    mr_kafka_set(rd_conf, "partition.assignment.strategy", "range");
    mr_kafka_set(rd_conf, "enable.auto.commit", "false");
    mr_kafka_set(rd_conf, "enable.auto.offset.store", "false");
    mr_kafka_set(rd_conf, "auto.offset.reset", "error");
    if (s->group_instance_id && *s->group_instance_id &&
        rd_kafka_conf_set(rd_conf, "group.instance.id", s->group_instance_id, text, sizeof text) !=
            RD_KAFKA_CONF_OK) {
        rd_kafka_conf_destroy(rd_conf);
        return mr_fail(why, MR_INVALID, "group-instance-id: %s", text);
    }
    rd_kafka_conf_set_events(rd_conf, EVENTS);
    enum mr_status status = mr_kafka_client_new(RD_KAFKA_CONSUMER, rd_conf, &c->member, why);
    if (status != MR_OK)
        return status;
    rd_kafka_poll_set_consumer(c->member);
    c->member_queue = rd_kafka_queue_get_consumer(c->member);
    mr_kafka_wake_watch(&c->wake, c->member_queue);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, s->topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t error = rd_kafka_subscribe(c->member, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return mr_fail(why, MR_INVALID, "%s: %s", s->topic, rd_kafka_err2str(error));
    return MR_OK;
}

static enum mr_status fetch_make(struct mr_kafka_consumer *c,
                                 const struct mr_kafka_consumer_settings *s, struct mr_error *why)
{
    rd_kafka_conf_t *rd_conf = mr_kafka_conf_make(s->conf);
    char text[64];
    mr_kafka_set(rd_conf, "enable.auto.commit", "false");
    mr_kafka_set(rd_conf, "enable.auto.offset.store", "false");
    mr_kafka_set(rd_conf, "auto.offset.reset", "error");
    mr_kafka_set(rd_conf, "enable.partition.eof", "%s", s->on->on_end ? "true" : "false");
    mr_kafka_set(rd_conf, "fetch.wait.max.ms", "%u",
                 s->fetch_wait_ms ? s->fetch_wait_ms : FETCH_WAIT_MS);
    /* A start elsewhere after a refusal waits so long too. */
    mr_kafka_set(rd_conf, "fetch.error.backoff.ms", "%d", FETCH_WAIT_MS);
    mr_kafka_set(rd_conf, "max.partition.fetch.bytes", "%zu",
                 s->lane_fetch_bytes_max ? s->lane_fetch_bytes_max : FETCH_BYTES);
    mr_kafka_set(rd_conf, "queued.min.messages", "%d", 100000); /* the bound in bytes decides */
    mr_kafka_set(rd_conf, "queued.max.messages.kbytes", "%zu",
                 (c->lane_queue_bytes_max + 1023) / 1024);
    /* Newer versions look at a full queue again after this; 2.0.2 does not know it. */
    rd_kafka_conf_set(rd_conf, "fetch.queue.backoff.ms", "10", text, sizeof text);
    rd_kafka_conf_set_events(rd_conf, EVENTS);
    enum mr_status status = mr_kafka_client_new(RD_KAFKA_CONSUMER, rd_conf, &c->fetch, why);
    if (status != MR_OK)
        return status;
    c->fetch_queue = rd_kafka_queue_get_main(c->fetch);
    mr_kafka_wake_watch(&c->wake, c->fetch_queue);
    c->topic = rd_kafka_topic_new(c->fetch, s->topic, NULL);
    if (!c->topic)
        return mr_fail(why, MR_INVALID, "%s: %s", s->topic,
                       rd_kafka_err2str(rd_kafka_last_error()));
    return MR_OK;
}

enum mr_status mr_kafka_consumer_new(uv_loop_t *loop,
                                     const struct mr_kafka_consumer_settings *settings,
                                     struct mr_kafka_consumer **out, struct mr_error *why)
{
    struct mr_kafka_consumer *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->loop = loop;
    c->on = settings->on;
    c->owner = settings->owner;
    c->hooks = mr_kafka_hooks_of(settings->conf, "consumer");
    c->topic_name = strdup(settings->topic);
    c->lane_queue_bytes_max =
        settings->lane_queue_bytes_max ? settings->lane_queue_bytes_max : QUEUE_BYTES;
    mr_kafka_wake_open(&c->wake, loop, on_wake, c);
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    enum mr_status s = fetch_make(c, settings, why);
    if (s == MR_OK && settings->group)
        s = member_make(c, settings, why);
    if (s != MR_OK) {
        mr_kafka_consumer_close(c, NULL, NULL);
        return s;
    }
    uv_timer_start(&c->timer, on_tick, TICK_MS, TICK_MS);
    mr_kafka_wake_again(&c->wake); /* for what came before the queues were watched */
    *out = c;
    return MR_OK;
}

/* ---- what the owner asks for ---- */

static struct mr_kafka_lane *known(const struct mr_kafka_consumer *c, int32_t lane)
{
    return lane >= 0 && (size_t)lane < c->lane_count ? c->lanes[lane] : NULL;
}

bool mr_kafka_consumer_is_assigned(const struct mr_kafka_consumer *consumer, int32_t lane)
{
    const struct mr_kafka_lane *l = known(consumer, lane);
    return !consumer->closing && (!consumer->member || (l && l->state != MR_KAFKA_LANE_AWAY));
}

enum mr_status mr_kafka_consumer_start(struct mr_kafka_consumer *consumer, int32_t lane,
                                       int64_t position, struct mr_error *why)
{
    assert(lane >= 0 && (position >= 0 || position == MR_KAFKA_EARLIEST));
    if (!mr_kafka_consumer_is_assigned(consumer, lane))
        return mr_fail(why, MR_LOST, "%s lane %d: is not assigned", consumer->topic_name,
                       (int)lane);
    return mr_kafka_lane_start(consumer, mr_kafka_lane_get(consumer, lane), position, why);
}

void mr_kafka_consumer_stop(struct mr_kafka_consumer *consumer, int32_t lane)
{
    struct mr_kafka_lane *l = known(consumer, lane);
    if (l)
        mr_kafka_lane_stop(consumer, l);
}

void mr_kafka_consumer_pause(struct mr_kafka_consumer *consumer, int32_t lane)
{
    struct mr_kafka_lane *l = known(consumer, lane);
    if (l && l->state == MR_KAFKA_LANE_RUNNING)
        l->state = MR_KAFKA_LANE_PAUSED;
}

void mr_kafka_consumer_resume(struct mr_kafka_consumer *consumer, int32_t lane)
{
    struct mr_kafka_lane *l = known(consumer, lane);
    if (l && l->state == MR_KAFKA_LANE_PAUSED) {
        l->state = MR_KAFKA_LANE_RUNNING;
        mr_kafka_wake_again(&consumer->wake);
    }
}

void mr_kafka_consumer_commit(struct mr_kafka_consumer *consumer, int32_t lane, int64_t position)
{
    if (!consumer->member || !mr_kafka_consumer_is_assigned(consumer, lane))
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, consumer->topic_name, lane)->offset = position;
    if (rd_kafka_commit_queue(consumer->member, list, consumer->member_queue, NULL, NULL) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        consumer->counters.errors++;
    rd_kafka_topic_partition_list_destroy(list);
}

int64_t mr_kafka_consumer_end_of(const struct mr_kafka_consumer *consumer, int32_t lane)
{
    int64_t low, high;
    if (consumer->closing ||
        rd_kafka_get_watermark_offsets(consumer->fetch, consumer->topic_name, lane, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high >= 0 ? high : -1;
}

struct mr_kafka_consumer_counters
mr_kafka_consumer_counters(const struct mr_kafka_consumer *consumer)
{
    return consumer->counters;
}
