/* From librdkafka's message to our record. */
#include "mr_kafka_record.h"

#include "mr_kafka_client.h"

void mr_kafka_record_of(const rd_kafka_message_t *message, struct mr_ce_header *headers,
                        struct mr_kafka_record *out)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    *out = (struct mr_kafka_record){
        .lane = message->partition,
        .position = message->offset,
        .append_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : ms,
        .key = mr_slice(message->key, message->key ? message->key_len : 0),
        .value = mr_slice(message->payload, message->payload ? message->len : 0),
        .headers = {.items = headers},
    };
    rd_kafka_headers_t *all;
    if (rd_kafka_message_headers(message, &all) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const char *name;
    const void *value;
    size_t len, n = 0;
    for (; rd_kafka_header_get_all(all, n, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         n++) {
        if (n < MR_KAFKA_HEADERS_MAX)
            headers[n] = (struct mr_ce_header){.name = mr_slice_text(name),
                                               .value = mr_slice(value, value ? len : 0)};
    }
    out->headers.count = n < MR_KAFKA_HEADERS_MAX ? n : MR_KAFKA_HEADERS_MAX;
    out->header_count_all = n;
}
