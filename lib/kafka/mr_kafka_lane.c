/* Starting, serving and stopping one lane. */
#include "mr_kafka_lane.h"

#include <stdio.h>
#include <stdlib.h>

struct mr_kafka_lane *mr_kafka_lane_get(struct mr_kafka_consumer *c, int32_t number)
{
    size_t index = (size_t)number;
    if (index >= c->lane_count) {
        size_t count = index + 1;
        struct mr_kafka_lane **lanes = realloc(c->lanes, count * sizeof *lanes);
        if (!lanes)
            abort();
        for (size_t i = c->lane_count; i < count; i++)
            lanes[i] = NULL;
        c->lanes = lanes;
        c->lane_count = count;
    }
    if (!c->lanes[index]) {
        struct mr_kafka_lane *lane = calloc(1, sizeof *lane);
        if (!lane)
            abort();
        lane->number = number;
        c->lanes[index] = lane;
    }
    return c->lanes[index];
}

enum mr_status mr_kafka_lane_start(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane,
                                   int64_t position, struct mr_error *why)
{
    /* A start replaces the one before. A question for the oldest offset that is still open must be
     * stopped first: its answer would move the new start. */
    if (lane->earliest)
        mr_kafka_lane_stop(c, lane);
    bool earliest = position == MR_KAFKA_EARLIEST;
    rd_kafka_queue_t *before = lane->queue;
    lane->queue = rd_kafka_queue_new(c->fetch);
    mr_kafka_wake_watch(&c->wake, lane->queue);
    if (rd_kafka_consume_start_queue(c->topic, lane->number,
                                     earliest ? RD_KAFKA_OFFSET_BEGINNING : position,
                                     lane->queue) != 0) {
        rd_kafka_resp_err_t error = rd_kafka_last_error();
        rd_kafka_queue_destroy(lane->queue);
        lane->queue = before;
        mr_kafka_lane_stop(c, lane);
        return mr_fail(why, MR_BUSY, "%s lane %d: %s", c->topic_name, (int)lane->number,
                       rd_kafka_err2str(error));
    }
    if (before)
        rd_kafka_queue_destroy(before);
    lane->state = MR_KAFKA_LANE_RUNNING;
    lane->start_count++;
    lane->next = earliest ? 0 : position;
    lane->earliest = earliest;
    lane->reset = false;
    lane->retry = false;
    lane->bytes = 0;
    mr_kafka_wake_again(&c->wake);
    return MR_OK;
}

void mr_kafka_lane_stop(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane)
{
    if (!lane->queue)
        return;
    /* Waits for librdkafka's main thread, which never waits for a broker: some 15 us. */
    rd_kafka_consume_stop(c->topic, lane->number);
    rd_kafka_queue_destroy(lane->queue);
    lane->queue = NULL;
    lane->earliest = false;
    lane->state = MR_KAFKA_LANE_ASSIGNED;
}

static void on_trouble(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane,
                       rd_kafka_resp_err_t error, const char *text)
{
    char full[512];
    c->counters.errors++;
    snprintf(full, sizeof full, "%s lane %d: %s", c->topic_name, (int)lane->number, text);
    c->on->on_error(c->owner, lane->number, mr_kafka_status_of(error), full);
}

/* The broker has no such offset. librdkafka has stopped fetching the lane, whomever the refusal was
 * for: one that was on its way when the lane was started anew does not fit this start, which is
 * then repeated, once, since a fetch that has passed records nobody may see is ahead of next too.
 */
static void on_refused(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane, int64_t offset,
                       const char *text)
{
    int64_t position = lane->next;
    struct mr_error why;
    if (lane->earliest) {
        lane->retry = true;
        on_trouble(c, lane, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, text);
        return;
    }
    if (offset != position && !lane->reset) {
        if (mr_kafka_lane_start(c, lane, position, &why) == MR_OK)
            lane->reset = true;
        else
            on_trouble(c, lane, RD_KAFKA_RESP_ERR__FAIL, why.text);
        return;
    }
    mr_kafka_lane_stop(c, lane);
    c->on->on_out_of_range(c->owner, lane->number, position);
}

static void on_record(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane,
                      const rd_kafka_message_t *message)
{
    if (message->offset < lane->next) {
        c->counters.stale++;
        return;
    }
    struct mr_ce_header headers[MR_KAFKA_HEADERS_MAX];
    struct mr_kafka_record record;
    mr_kafka_record_of(message, headers, &record);
    size_t bytes = record.key.len + record.value.len;
    lane->next = record.position + 1;
    lane->earliest = false;
    lane->reset = false;
    lane->bytes += bytes;
    c->counters.records++;
    c->counters.bytes += bytes;
    c->on->on_record(c->owner, &record);
}

static void on_message(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane,
                       const rd_kafka_message_t *message)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        on_record(c, lane, message);
        break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (message->offset >= lane->next && c->on->on_end)
            c->on->on_end(c->owner, lane->number, message->offset);
        break;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        on_refused(c, lane, message->offset, rd_kafka_message_errstr(message));
        break;
    default:
        on_trouble(c, lane, message->err, rd_kafka_message_errstr(message));
    }
}

/* 2.0.2 looks at a lane whose queue was full again only when something wakes its broker's thread,
 * else after a second; a seek to where we are does. What a fetch on its way brings is then dropped
 * and fetched again, so this is done only where the queue has been full. */
static void wake_fetcher(struct mr_kafka_consumer *c, struct mr_kafka_lane *lane)
{
    if (lane->bytes >= c->lane_queue_bytes_max / 2)
        rd_kafka_seek(c->topic, lane->number, lane->next, 0);
    lane->bytes = 0;
}

enum mr_kafka_lane_served mr_kafka_lane_serve(struct mr_kafka_consumer *c,
                                              struct mr_kafka_lane *lane, unsigned count_max)
{
    uint64_t start = lane->start_count;
    for (unsigned n = 0; n < count_max; n++) {
        if (lane->state != MR_KAFKA_LANE_RUNNING || c->closing)
            return MR_KAFKA_LANE_DRY;
        if (lane->start_count != start)
            return MR_KAFKA_LANE_MORE;
        rd_kafka_message_t *message = rd_kafka_consume_queue(lane->queue, 0);
        if (!message) {
            wake_fetcher(c, lane);
            return MR_KAFKA_LANE_DRY;
        }
        on_message(c, lane, message);
        rd_kafka_message_destroy(message);
    }
    return MR_KAFKA_LANE_MORE;
}
