/* millrace-produce-lines: how cheaply log lines could get into the log if nothing had to be
 * checked: a bare librdkafka producer, acks=all, with the keys, headers and values that the edge
 * would write. The ceiling that POST .../logs is measured by.
 *
 *   millrace-produce-lines BROKERS TOPIC MESSAGES IN_FLIGHT LINGER_MS < bodies.ndjson
 *
 * Bodies are read before the clock starts and sent round after round. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BODIES_MAX 100000
#define ID_TEXT    36

struct ceiling {
    char *bodies[BODIES_MAX];
    size_t lens[BODIES_MAX];
    size_t body_count;
    int64_t reported, stored;
};

static const char account[] = "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10";

static void stop(const char *what, const char *why)
{
    fprintf(stderr, "millrace-produce-lines: %s: %s\n", what, why);
    exit(3);
}

static void on_report(rd_kafka_t *kafka, const rd_kafka_message_t *m, void *opaque)
{
    struct ceiling *c = opaque;
    (void)kafka;
    c->reported++;
    c->stored += m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void read_bodies(struct ceiling *c)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while (c->body_count < BODIES_MAX && (len = getline(&line, &size, stdin)) > 1) {
        c->bodies[c->body_count] = strndup(line, (size_t)len - 1);
        c->lens[c->body_count++] = (size_t)len - 1;
    }
    free(line);
    if (c->body_count == 0)
        stop("standard input", "no bodies");
}

static rd_kafka_t *open_kafka(struct ceiling *c, const char *brokers, const char *linger_ms)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"linger.ms", linger_ms},
        {"queue.buffering.max.messages", "2000000"},
        {"partitioner", "murmur2_random"},
    };
    char why[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why))
            stop(settings[i][0], why);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!kafka)
        stop("Kafka", why);
    return kafka;
}

static bool send_line(rd_kafka_t *kafka, const char *topic, const struct ceiling *c, int64_t n)
{
    char id[ID_TEXT + 1];
    size_t body = (size_t)n % c->body_count;
    snprintf(id, sizeof id, "01936000-0000-7000-8000-%012" PRIx64, (uint64_t)n);
    rd_kafka_resp_err_t err = rd_kafka_producev(
        kafka, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(id, ID_TEXT), RD_KAFKA_V_VALUE(c->bodies[body], c->lens[body]),
        RD_KAFKA_V_HEADER("ce_specversion", "1.0", -1), RD_KAFKA_V_HEADER("ce_id", id, ID_TEXT),
        RD_KAFKA_V_HEADER("ce_source",
                          "/millrace/logging/accounts/3f0d9c1e-5a52-7c11-8b7d-"
                          "0a4c6b2d9e10",
                          -1),
        RD_KAFKA_V_HEADER("ce_type", "logging.line", -1),
        RD_KAFKA_V_HEADER("ce_subject", id, ID_TEXT),
        RD_KAFKA_V_HEADER("ce_time", "2026-11-25T08:39:03.123Z", -1),
        RD_KAFKA_V_HEADER("ce_account", account, ID_TEXT),
        RD_KAFKA_V_HEADER("ce_principal", account, ID_TEXT),
        RD_KAFKA_V_HEADER("content-type", "application/json", -1),
        RD_KAFKA_V_HEADER("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          -1),
        RD_KAFKA_V_END);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
    static struct ceiling c; /* zeroed */
    if (argc != 6) {
        fprintf(stderr, "usage: millrace-produce-lines BROKERS TOPIC MESSAGES IN_FLIGHT LINGER_MS"
                        " < bodies.ndjson\n");
        return 2;
    }
    int64_t messages = atoll(argv[3]), in_flight = atoll(argv[4]), sent = 0;
    read_bodies(&c);
    rd_kafka_t *kafka = open_kafka(&c, argv[1], argv[5]);
    rd_kafka_poll(kafka, 500); /* it connects */
    double wall = now_s(), cpu = cpu_s();
    while (c.reported < messages) {
        while (sent < messages && sent - c.reported < in_flight &&
               send_line(kafka, argv[2], &c, sent))
            sent++;
        rd_kafka_poll(kafka, sent - c.reported >= in_flight || sent == messages ? 10 : 0);
    }
    wall = now_s() - wall;
    cpu = cpu_s() - cpu;
    printf("%" PRId64 " stored %.0f a second %.2f us\n", c.stored, (double)c.stored / wall,
           cpu * 1e6 / (double)messages);
    return c.stored == messages ? 0 : 1;
}
