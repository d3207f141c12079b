/* A record of a Kafka topic, as consumers and readers hand it over. */
#ifndef MR_KAFKA_RECORD_H
#define MR_KAFKA_RECORD_H

#include "mr_cloudevent.h"
#include "mr_slice.h"
#include <stddef.h>
#include <stdint.h>

#define MR_KAFKA_HEADERS_MAX                                                                       \
    64 /* what lies beyond is not handed over, and header_count_all tells */

struct mr_kafka_record {
    int32_t lane;                 /* partition, 0 .. */
    int64_t position;             /* offset, >= 0 */
    int64_t append_ms;            /* the record's timestamp (LogAppendTime), Unix ms; -1: none */
    struct mr_slice key;          /* data == NULL: no key */
    struct mr_slice value;        /* data == NULL: no value (a tombstone) */
    struct mr_ce_headers headers; /* in the record's order; a null value is an absent slice */
    size_t header_count_all;      /* as in the record; more than headers.count: the rest is cut */
};

#endif
