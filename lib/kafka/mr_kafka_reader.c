/* Reads by a client without a group: one start, one queue, one stop a call. */
#include "mr_kafka_reader.h"

#include "mr_clock.h"
#include "mr_kafka_client.h"

#include <stdlib.h>

#define POLL_MS 100 /* between two looks at the log and the clock */

struct mr_kafka_reader {
    rd_kafka_t *rk;
    rd_kafka_queue_t *main;
    struct mr_kafka_hooks hooks;
    rd_kafka_message_t *message; /* the record of the last call */
    struct mr_ce_header headers[MR_KAFKA_HEADERS_MAX];
};

enum mr_status mr_kafka_reader_new(const struct mr_kafka_conf *conf, struct mr_kafka_reader **out,
                                   struct mr_error *why)
{
    rd_kafka_conf_t *rd_conf = mr_kafka_conf_make(conf);
    mr_kafka_set(rd_conf, "enable.auto.commit", "false");
    mr_kafka_set(rd_conf, "enable.auto.offset.store", "false");
    mr_kafka_set(rd_conf, "auto.offset.reset", "error");
    mr_kafka_set(rd_conf, "enable.partition.eof", "true");
    mr_kafka_set(rd_conf, "fetch.wait.max.ms", "%d", POLL_MS);
    mr_kafka_set(rd_conf, "queued.max.messages.kbytes", "%d", 16384);
    rd_kafka_conf_set_events(rd_conf,
                             RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_STATS);
    rd_kafka_t *rk;
    enum mr_status s = mr_kafka_client_new(RD_KAFKA_CONSUMER, rd_conf, &rk, why);
    if (s != MR_OK)
        return s;
    struct mr_kafka_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        abort();
    reader->rk = rk;
    reader->main = rd_kafka_queue_get_main(rk);
    reader->hooks = mr_kafka_hooks_of(conf, "reader");
    *out = reader;
    return MR_OK;
}

static void begin(struct mr_kafka_reader *reader)
{
    if (reader->message)
        rd_kafka_message_destroy(reader->message);
    reader->message = NULL;
    mr_kafka_hooks_drain(&reader->hooks, reader->main);
}

void mr_kafka_reader_free(struct mr_kafka_reader *reader)
{
    if (!reader)
        return;
    begin(reader);
    rd_kafka_queue_destroy(reader->main);
    rd_kafka_destroy(reader->rk);
    free(reader);
}

static enum mr_status failed(const struct mr_kafka_reader_query *query, rd_kafka_resp_err_t error,
                             struct mr_error *why)
{
    enum mr_status s = mr_kafka_status_of(error);
    return mr_fail(why, s == MR_OK ? MR_BUSY : s, "%s lane %d: %s", query->topic, (int)query->lane,
                   rd_kafka_err2str(error));
}

static uint32_t left_ms(int64_t until_ms)
{
    int64_t left = until_ms - mr_clock_mono_ms();
    return left > 0 ? (uint32_t)left : 0;
}

enum mr_status mr_kafka_reader_lanes(struct mr_kafka_reader *reader, const char *topic,
                                     int32_t *lanes, uint32_t timeout_ms, struct mr_error *why)
{
    begin(reader);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(reader->rk, topic, NULL);
    if (!rkt)
        return mr_fail(why, MR_INVALID, "%s: %s", topic, rd_kafka_err2str(rd_kafka_last_error()));
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(reader->rk, 0, rkt, &metadata, (int)timeout_ms);
    if (!error)
        error = metadata->topic_cnt == 1 ? metadata->topics[0].err
                                         : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    enum mr_status s = MR_OK;
    if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        s = mr_fail(why, MR_LOST, "%s: there is no such topic", topic);
    else if (error)
        s = mr_fail(why, mr_kafka_status_of(error), "%s: %s", topic, rd_kafka_err2str(error));
    else
        *lanes = metadata->topics[0].partition_cnt;
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(rkt);
    return s;
}

static enum mr_status range_of(struct mr_kafka_reader *reader,
                               const struct mr_kafka_reader_query *query, uint32_t timeout_ms,
                               struct mr_kafka_lane_range *out, struct mr_error *why)
{
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        reader->rk, query->topic, query->lane, &out->low, &out->high, (int)timeout_ms);
    return error ? failed(query, error, why) : MR_OK;
}

enum mr_status mr_kafka_reader_range(struct mr_kafka_reader *reader,
                                     const struct mr_kafka_reader_query *query,
                                     struct mr_kafka_lane_range *out, struct mr_error *why)
{
    begin(reader);
    return range_of(reader, query, query->timeout_ms, out, why);
}

enum mr_status mr_kafka_reader_ranges(struct mr_kafka_reader *reader,
                                      const struct mr_kafka_reader_query *query,
                                      struct mr_kafka_lane_range *ranges, int32_t count,
                                      struct mr_error *why)
{
    begin(reader);
    int64_t until_ms = mr_clock_mono_ms() + query->timeout_ms;
    enum mr_status s = MR_OK;
    for (int32_t lane = 0; lane < count && s == MR_OK; lane++) {
        struct mr_kafka_reader_query one = {.topic = query->topic, .lane = lane};
        s = range_of(reader, &one, left_ms(until_ms), &ranges[lane], why);
    }
    return s;
}

/* ---- records ---- */

struct cursor {
    struct mr_kafka_reader *reader;
    const struct mr_kafka_reader_query *query;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
};

static enum mr_status cursor_open(struct cursor *cursor, int64_t position, struct mr_error *why)
{
    const struct mr_kafka_reader_query *query = cursor->query;
    cursor->topic = rd_kafka_topic_new(cursor->reader->rk, query->topic, NULL);
    if (!cursor->topic)
        return failed(query, rd_kafka_last_error(), why);
    cursor->queue = rd_kafka_queue_new(cursor->reader->rk);
    if (rd_kafka_consume_start_queue(cursor->topic, query->lane, position, cursor->queue) == 0)
        return MR_OK;
    rd_kafka_resp_err_t error = rd_kafka_last_error();
    rd_kafka_queue_destroy(cursor->queue);
    rd_kafka_topic_destroy(cursor->topic);
    return failed(query, error, why);
}

static void cursor_close(struct cursor *cursor)
{
    rd_kafka_consume_stop(cursor->topic, cursor->query->lane);
    rd_kafka_queue_destroy(cursor->queue);
    rd_kafka_topic_destroy(cursor->topic);
}

/* The next record, which the caller destroys; NULL at the end of the lane. */
static enum mr_status cursor_next(struct cursor *cursor, int64_t until_ms, rd_kafka_message_t **out,
                                  struct mr_error *why)
{
    const struct mr_kafka_reader_query *query = cursor->query;
    *out = NULL;
    for (;;) {
        uint32_t left = left_ms(until_ms);
        rd_kafka_message_t *message =
            rd_kafka_consume_queue(cursor->queue, left < POLL_MS ? (int)left : POLL_MS);
        mr_kafka_hooks_drain(&cursor->reader->hooks, cursor->reader->main);
        if (!message) {
            if (left == 0)
                return mr_fail(why, MR_BUSY, "%s lane %d: no record within the timeout",
                               query->topic, (int)query->lane);
            continue;
        }
        rd_kafka_resp_err_t error = message->err;
        if (!error) {
            *out = message;
            return MR_OK;
        }
        rd_kafka_message_destroy(message);
        if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            return MR_OK;
        if (error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
            return mr_fail(why, MR_LOST, "%s lane %d: the log has lost this position", query->topic,
                           (int)query->lane);
        if (mr_kafka_status_of(error) != MR_BUSY)
            return failed(query, error, why);
    }
}

static enum mr_status absent(const struct mr_kafka_reader_query *query, int64_t position,
                             struct mr_error *why)
{
    return mr_fail(why, MR_LOST, "%s lane %d: the log has no record at %lld", query->topic,
                   (int)query->lane, (long long)position);
}

enum mr_status mr_kafka_reader_record(struct mr_kafka_reader *reader,
                                      const struct mr_kafka_reader_query *query, int64_t position,
                                      struct mr_kafka_record *out, struct mr_error *why)
{
    begin(reader);
    int64_t until_ms = mr_clock_mono_ms() + query->timeout_ms;
    struct mr_kafka_lane_range range;
    enum mr_status s = range_of(reader, query, query->timeout_ms, &range, why);
    if (s != MR_OK)
        return s;
    if (position < range.low || position >= range.high)
        return absent(query, position, why);
    struct cursor cursor = {.reader = reader, .query = query};
    s = cursor_open(&cursor, position, why);
    if (s != MR_OK)
        return s;
    s = cursor_next(&cursor, until_ms, &reader->message, why);
    cursor_close(&cursor);
    if (s != MR_OK)
        return s;
    if (!reader->message || reader->message->offset != position)
        return absent(query, position, why);
    mr_kafka_record_of(reader->message, reader->headers, out);
    return MR_OK;
}

static bool hand_over(struct mr_kafka_reader *reader, const struct mr_kafka_reader_scan *scan,
                      rd_kafka_message_t *message)
{
    struct mr_kafka_record record;
    mr_kafka_record_of(message, reader->headers, &record);
    bool more = scan->on_record(scan->owner, &record);
    rd_kafka_message_destroy(message);
    return more;
}

enum mr_status mr_kafka_reader_scan(struct mr_kafka_reader *reader,
                                    const struct mr_kafka_reader_query *query,
                                    const struct mr_kafka_reader_scan *scan, struct mr_error *why)
{
    begin(reader);
    struct mr_kafka_lane_range range;
    enum mr_status s = range_of(reader, query, query->timeout_ms, &range, why);
    if (s != MR_OK)
        return s;
    int64_t next = scan->from > range.low ? scan->from : range.low;
    int64_t to = scan->to < range.high ? scan->to : range.high;
    if (next >= to)
        return MR_OK;
    struct cursor cursor = {.reader = reader, .query = query};
    s = cursor_open(&cursor, next, why);
    if (s != MR_OK)
        return s;
    while (next < to) {
        rd_kafka_message_t *message;
        s = cursor_next(&cursor, mr_clock_mono_ms() + query->timeout_ms, &message, why);
        if (s != MR_OK || !message)
            break;
        next = message->offset + 1;
        if (message->offset >= to) { /* a gap up to the end */
            rd_kafka_message_destroy(message);
            break;
        }
        if (!hand_over(reader, scan, message))
            break;
    }
    cursor_close(&cursor);
    return s;
}
