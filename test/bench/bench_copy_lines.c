/* millrace-copy-lines: how fast log lines could go from a topic into a table if nothing had to be
 * checked: librdkafka, jansson, one staged binary COPY a batch, INSERT ... ON CONFLICT DO NOTHING,
 * and the offsets in the same transaction. The ceiling that the logging worker is measured by.
 *
 *   millrace-copy-lines BROKERS TOPIC ROWS CONNINFO TABLE BATCH
 *
 * TABLE has logging.log's columns. No groups, fences, schemas or repeats by id; one connection. */
#include "mr_buf.h"
#include "mr_digest.h"
#include "mr_pg_copybin.h"
#include "mr_time.h"
#include "mr_uuid.h"
#include <inttypes.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define LANES_MAX 64
#define FIELDS    21
#define IDLE_MS   20

static const char columns[] =
    "account_id, id, day, received_at, lane, position, time, observed_at, severity, severity_text, "
    "service, host, trace_id, span_id, body, body_is_json, attributes, words_0, words_1, words_2, "
    "words_3";

struct ceiling {
    rd_kafka_t *kafka;
    rd_kafka_queue_t *queue;
    PGconn *pg;
    const char *table;
    struct mr_buf rows;
    int64_t next[LANES_MAX]; /* offsets of the batch; -1: nothing of the lane */
    int64_t written;
};

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "millrace-copy-lines: %s: %s\n", what, why);
    exit(3);
}

static void sql(struct ceiling *c, const char *text)
{
    PGresult *r = PQexec(c->pg, text);
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_COPY_IN)
        stop(text, PQerrorMessage(c->pg));
    PQclear(r);
}

/* ---- a row ---- */

static int digit_of(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static struct mr_slice header(const rd_kafka_message_t *m, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    if (rd_kafka_message_headers((rd_kafka_message_t *)m, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &len))
        return (struct mr_slice){0};
    return mr_slice(value, len);
}

static void add_uuid(struct mr_buf *out, struct mr_slice text)
{
    struct mr_uuid id;
    if (mr_uuid_parse(text, &id) == MR_OK)
        mr_pg_copybin_uuid(out, &id);
    else
        mr_pg_copybin_null(out);
}

static void add_text(struct mr_buf *out, const json_t *line, const char *name)
{
    const json_t *text = json_object_get(line, name);
    mr_pg_copybin_bytes(out, text ? mr_slice(json_string_value(text), json_string_length(text))
                                  : (struct mr_slice){0});
}

/* 32 hexadecimal digits are a UUID's without its dashes. */
static void add_trace(struct mr_buf *out, const json_t *line)
{
    const char *trace = json_string_value(json_object_get(line, "trace_id"));
    const char *span = json_string_value(json_object_get(line, "span_id"));
    uint8_t bytes[16];
    for (size_t i = 0; trace && i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(digit_of(trace[2 * i]) << 4 | digit_of(trace[2 * i + 1]));
    mr_pg_copybin_bytes(out, trace ? mr_slice((const char *)bytes, 16) : (struct mr_slice){0});
    for (size_t i = 0; span && i < 8; i++)
        bytes[i] = (uint8_t)(digit_of(span[2 * i]) << 4 | digit_of(span[2 * i + 1]));
    mr_pg_copybin_bytes(out, span ? mr_slice((const char *)bytes, 8) : (struct mr_slice){0});
}

static void add_time(struct mr_buf *out, const json_t *line, const char *name, int64_t otherwise_ms)
{
    const json_t *text = json_object_get(line, name);
    int64_t ms = otherwise_ms;
    if (text && mr_time_parse(mr_slice_text(json_string_value(text)), &ms) != MR_OK)
        stop("time", json_string_value(text));
    if (ms >= 0)
        mr_pg_copybin_time(out, ms);
    else
        mr_pg_copybin_null(out);
}

static void add_attributes(struct mr_buf *out, const json_t *line)
{
    const json_t *attributes = json_object_get(line, "attributes");
    char *text = attributes ? json_dumps(attributes, JSON_COMPACT) : NULL;
    if (text)
        mr_pg_copybin_jsonb(out, mr_slice_text(text));
    else
        mr_pg_copybin_null(out);
    free(text);
}

/* The words' summary is as long as the worker's, and means nothing. */
static void add_words(struct mr_buf *out, const rd_kafka_message_t *m)
{
    uint64_t word = (uint64_t)m->offset * UINT64_C(0x9e3779b97f4a7c15);
    for (int i = 0; i < 4; i++)
        mr_pg_copybin_int8(out, (int64_t)(word >> i));
}

static void add_row(struct ceiling *c, const rd_kafka_message_t *m)
{
    struct mr_buf *out = &c->rows;
    int64_t at = rd_kafka_message_timestamp(m, NULL);
    json_error_t error;
    json_t *line = json_loadb(m->payload, m->len, 0, &error);
    if (!line)
        stop("body", error.text);
    const json_t *severity = json_object_get(line, "severity_number");
    mr_pg_copybin_row(out, FIELDS);
    add_uuid(out, header(m, "ce_account"));
    add_uuid(out, header(m, "ce_id"));
    mr_pg_copybin_day(out, mr_time_day(at));
    mr_pg_copybin_time(out, at);
    mr_pg_copybin_int4(out, m->partition);
    mr_pg_copybin_int8(out, m->offset);
    add_time(out, line, "time", at);
    add_time(out, line, "observed_time", -1);
    if (severity)
        mr_pg_copybin_int4(out, (int32_t)json_integer_value(severity));
    else
        mr_pg_copybin_null(out);
    add_text(out, line, "severity_text");
    add_text(out, line, "service");
    add_text(out, line, "host");
    add_trace(out, line);
    add_text(out, line, "body");
    mr_pg_copybin_bool(out, false);
    add_attributes(out, line);
    add_words(out, m);
    json_decref(line);
}

/* ---- a batch ---- */

static void write_offsets(struct ceiling *c)
{
    for (int i = 0; i < LANES_MAX; i++) {
        char text[200];
        if (c->next[i] < 0)
            continue;
        snprintf(text, sizeof text,
                 "INSERT INTO copy_lines_offset VALUES (%d, %" PRId64
                 ") ON CONFLICT (lane) DO UPDATE SET next = excluded.next",
                 i, c->next[i]);
        sql(c, text);
    }
}

static void write_batch(struct ceiling *c, int64_t rows)
{
    char text[1024];
    snprintf(text, sizeof text, "COPY staged (%s) FROM STDIN (FORMAT binary)", columns);
    sql(c, "BEGIN");
    sql(c, text);
    mr_pg_copybin_trailer(&c->rows);
    if (!mr_buf_ok(&c->rows) || PQputCopyData(c->pg, c->rows.data, (int)c->rows.len) != 1 ||
        PQputCopyEnd(c->pg, NULL) != 1)
        stop("COPY", PQerrorMessage(c->pg));
    for (PGresult *r = PQgetResult(c->pg); r; r = PQgetResult(c->pg)) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            stop("COPY", PQerrorMessage(c->pg));
        PQclear(r);
    }
    snprintf(text, sizeof text, "INSERT INTO %s (%s) SELECT %s FROM staged ON CONFLICT DO NOTHING",
             c->table, columns, columns);
    sql(c, text);
    sql(c, "TRUNCATE staged");
    write_offsets(c);
    sql(c, "COMMIT");
    c->written += rows;
}

static int64_t read_batch(struct ceiling *c, rd_kafka_message_t **messages, size_t most)
{
    int64_t rows = 0;
    size_t count = 0;
    ssize_t got;
    mr_buf_reset(&c->rows);
    mr_pg_copybin_header(&c->rows);
    for (int i = 0; i < LANES_MAX; i++)
        c->next[i] = -1;
    do {
        got = rd_kafka_consume_batch_queue(c->queue, IDLE_MS, messages, most - count);
        for (ssize_t i = 0; i < got; i++) {
            if (!messages[i]->err) {
                add_row(c, messages[i]);
                c->next[messages[i]->partition] = messages[i]->offset + 1;
                rows++;
            }
            rd_kafka_message_destroy(messages[i]);
        }
        count += got > 0 ? (size_t)got : 0;
    } while (got > 0 && count < most);
    return rows;
}

/* ---- life ---- */

static void open_kafka(struct ceiling *c, const char *brokers, const char *topic)
{
    static const char *const settings[][2] = {
        {"group.id", "copy-lines"},
        {"enable.auto.commit", "false"},
        {"queued.min.messages", "200000"},
        {"fetch.message.max.bytes", "4194304"},
        {"enable.auto.offset.store", "false"},
        {"fetch.wait.max.ms", "50"},
    };
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why))
            stop(settings[i][0], why);
    c->kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!c->kafka)
        stop("Kafka", why);
    rd_kafka_poll_set_consumer(c->kafka);
    const struct rd_kafka_metadata *meta;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(c->kafka, topic, NULL);
    if (rd_kafka_metadata(c->kafka, 0, handle, &meta, 10000) || meta->topic_cnt != 1)
        stop("Kafka", "no metadata");
    int lanes = meta->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(lanes);
    for (int i = 0; i < lanes && i < LANES_MAX; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(c->kafka, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(meta);
    rd_kafka_topic_destroy(handle);
    c->queue = rd_kafka_queue_get_consumer(c->kafka);
}

int main(int argc, char **argv)
{
    struct ceiling c = {0};
    char text[256];
    if (argc != 7) {
        fprintf(stderr, "usage: millrace-copy-lines BROKERS TOPIC ROWS CONNINFO TABLE BATCH\n");
        return 2;
    }
    int64_t rows = atoll(argv[3]);
    size_t batch = (size_t)atoll(argv[6]);
    rd_kafka_message_t **messages = calloc(batch, sizeof *messages);
    mr_buf_init(&c.rows, 0);
    c.table = argv[5];
    c.pg = PQconnectdb(argv[4]);
    if (!messages || PQstatus(c.pg) != CONNECTION_OK)
        stop("Postgres", PQerrorMessage(c.pg));
    snprintf(text, sizeof text, "CREATE TEMP TABLE staged (LIKE %s)", c.table);
    sql(&c, text);
    sql(&c, "CREATE TEMP TABLE copy_lines_offset (lane int PRIMARY KEY, next bigint)");
    open_kafka(&c, argv[1], argv[2]);
    while (c.written < rows) {
        int64_t got = read_batch(&c, messages, batch);
        if (got > 0)
            write_batch(&c, got);
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double us = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
                (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    printf("%" PRId64 " rows %.2f us\n", c.written, us / (double)c.written);
    return 0;
}
