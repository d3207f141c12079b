/* An edge in one process for tests: the real HTTP server, routes and catalogue, over a log and a
 * key store of the test's own, without Postgres. The client is a socket on the same loop. */
#ifndef EDGE_BED_H
#define EDGE_BED_H

#include "command_submit.h"
#include "edge.h"
#include "edge_token.h"
#include "mr_http_server.h"

#define BED_KEY     "mr_3f0d9c1e5a527c118b7d0a4c6b2d9e10_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define BED_ACCOUNT "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
#define BED_OTHER   "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e11"
#define BED_INVOICE                                                                                \
    "{\"customer\":\"Ada\",\"currency\":\"EUR\",  \"lines\":[{\"description\":\"Flour\","          \
    "\"quantity\":3,\"unit_amount_minor\":499}]}"

#define BED_PENDING 8192
#define BED_SEEN    512

enum bed_log { BED_STORES, BED_LOSES, BED_UNSURE, BED_HOLDS, BED_IS_FULL, BED_IS_AWAY };

struct bed {
    struct mr_loop loop;
    struct mr_log log;
    struct mr_metrics *metrics;
    struct mr_catalog *catalog;
    struct mr_http_server *server;
    struct edge edge;
    int port;
    void (*handler)(struct mr_http_exchange *x, struct bed *bed); /* not NULL: in place of routes */
    bool keys_away;
    struct mr_deferred answer_key;
    struct mr_uuid asked_key;

    enum bed_log mode;
    uint32_t turn_at; /* not 0: messages from this one on are reported as turn_mode says */
    enum bed_log turn_mode;
    uint32_t room;             /* not 0: so many unreported messages, and the log is full */
    struct mr_deferred report; /* the log's answer to the pending messages */
    void *pending[BED_PENDING];
    uint32_t pending_count, most_pending;
    uint32_t sent;
    struct {
        char id[MR_UUID_TEXT + 1], *value;
    } seen[BED_SEEN];                          /* the first messages */
    char value[4096], key[256], headers[4096]; /* of the last message; headers: "name=value\n" */

    uv_tcp_t client;
    char reply[65536];
    size_t reply_len;
    bool client_closed, is_reset;
};

/* The project's schemas; free with mr_catalog_free. */
struct mr_catalog *bed_catalog(void);

void bed_open(struct bed *bed, const struct command_submit_settings *settings);
/* The same over another catalogue, which bed_close frees. */
void bed_open_on(struct bed *bed, const struct command_submit_settings *settings,
                 struct mr_catalog *catalog);
void bed_close(struct bed *bed);

/* Sends a request and runs the loop until the connection is closed; the reply's text. The request
 * must make the server close ("Connection: close"). */
const char *bed_ask(struct bed *bed, const char *request);
/* POST with the key, these further header lines ("A: b\r\n") and the body. */
const char *bed_post(struct bed *bed, const char *path, const char *fields, const char *body);
const char *bed_get(struct bed *bed, const char *path, const char *fields);
/* The same with any bytes as the body and its own header lines; "Content-Length" is added. */
const char *bed_post_bytes(struct bed *bed, const char *path, const char *fields,
                           struct mr_slice body);
void bed_post_bytes_only(struct bed *bed, const char *path, const char *fields,
                         struct mr_slice body);
/* Runs the loop until the connection is closed; the reply. */
const char *bed_await(struct bed *bed);
/* The same without waiting for the reply; bed_reset breaks the connection off. */
void bed_send(struct bed *bed, const char *request);
void bed_post_only(struct bed *bed, const char *path, const char *fields, const char *body);
void bed_reset(struct bed *bed);
/* Ends the client's side alone, and runs the loop until the connection is closed; the reply. */
const char *bed_end_input(struct bed *bed);
/* Runs the loop until *counter is at least n. */
void bed_until(struct bed *bed, const uint32_t *counter, uint32_t n);
/* What the log says of the messages it holds; of the first n of them. */
void bed_report_first(struct bed *bed, enum mr_kafka_outcome outcome, uint32_t n);
void bed_report(struct bed *bed, enum mr_kafka_outcome outcome);
/* The value of a metric's line, such as "millrace_edge_waiters"; -1: there is none. */
double bed_metric(struct bed *bed, const char *line);

#endif
