/* Blocking reads of single records and ranges, for the thread pool and for millracectl; never on a
 * loop. One reader = one client, reused from call to call by one thread at a time.
 *
 * Timeouts are of the whole call. All functions: MR_OK; MR_BUSY brokers away or timeout; MR_LOST
 * what was asked for is not there; MR_INVALID no such topic, not authorised; why names topic and
 * lane. */
#ifndef MR_KAFKA_READER_H
#define MR_KAFKA_READER_H

#include "mr_error.h"
#include "mr_kafka_record.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

struct mr_kafka_conf;
struct mr_kafka_reader;

struct mr_kafka_lane_range {
    int64_t low;  /* the oldest offset that the log still has */
    int64_t high; /* the offset of the next record to be written */
};

MR_MUST_CHECK enum mr_status mr_kafka_reader_new(const struct mr_kafka_conf *conf,
                                                 struct mr_kafka_reader **out,
                                                 struct mr_error *why);
/* Blocks for some ms. */
void mr_kafka_reader_free(struct mr_kafka_reader *reader);

/* How many partitions the topic has, by a broker's metadata. MR_LOST: there is no such topic. */
MR_MUST_CHECK enum mr_status mr_kafka_reader_lanes(struct mr_kafka_reader *reader,
                                                   const char *topic, int32_t *lanes,
                                                   uint32_t timeout_ms, struct mr_error *why);

struct mr_kafka_reader_query {
    const char *topic;
    int32_t lane;
    uint32_t timeout_ms;
};

/* What the lane's leader has now. */
MR_MUST_CHECK enum mr_status mr_kafka_reader_range(struct mr_kafka_reader *reader,
                                                   const struct mr_kafka_reader_query *query,
                                                   struct mr_kafka_lane_range *out,
                                                   struct mr_error *why);
/* ranges[i] of lane i for all lanes (count is what mr_kafka_reader_lanes says); query->lane is not
 * looked at. */
MR_MUST_CHECK enum mr_status mr_kafka_reader_ranges(struct mr_kafka_reader *reader,
                                                    const struct mr_kafka_reader_query *query,
                                                    struct mr_kafka_lane_range *ranges,
                                                    int32_t count, struct mr_error *why);
/* The record at exactly this offset; it lives until the reader's next call. MR_LOST: the log has
 * none there (below its start, at or beyond its end, or a gap in it). */
MR_MUST_CHECK enum mr_status mr_kafka_reader_record(struct mr_kafka_reader *reader,
                                                    const struct mr_kafka_reader_query *query,
                                                    int64_t position, struct mr_kafka_record *out,
                                                    struct mr_error *why);

struct mr_kafka_reader_scan {
    int64_t from; /* where below the log's start, reading begins at that */
    int64_t to;   /* exclusive; where beyond the log's end, reading stops at the end */
    /* Called for each record in order; false ends the scan (MR_OK). The record lives during the
     * call; the reader must not be used within. */
    bool (*on_record)(void *owner, const struct mr_kafka_record *record);
    void *owner;
};

/* All records of [from, to) that the log has now. timeout_ms is here the longest wait without a
 * record. MR_LOST: the log's start moved past the scan while it ran. */
MR_MUST_CHECK enum mr_status mr_kafka_reader_scan(struct mr_kafka_reader *reader,
                                                  const struct mr_kafka_reader_query *query,
                                                  const struct mr_kafka_reader_scan *scan,
                                                  struct mr_error *why);

#endif
