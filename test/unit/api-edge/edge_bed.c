#include "edge_bed.h"

#include "edge_auth.h"
#include "edge_ingest.h"
#include "edge_metrics.h"
#include "edge_read.h"
#include "edge_route.h"
#include "edge_wait.h"
#include "mr_catalog_folder.h"
#include "mr_cloudevent.h"
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the log ---- */

static enum mr_kafka_outcome outcome_of(const struct bed *bed, uint32_t number)
{
    enum bed_log mode = bed->turn_at && number >= bed->turn_at ? bed->turn_mode : bed->mode;
    return mode == BED_STORES  ? MR_KAFKA_STORED
           : mode == BED_LOSES ? MR_KAFKA_NOT_STORED
                               : MR_KAFKA_UNKNOWN;
}

static void on_report_due(void *data)
{
    struct bed *bed = data;
    while (bed->pending_count > 0)
        bed_report_first(bed, outcome_of(bed, bed->sent - bed->pending_count + 1), 1);
}

static enum mr_status log_send(void *impl, const struct mr_kafka_message *message,
                               struct mr_error *why)
{
    struct bed *bed = impl;
    size_t used = 0;
    if (bed->mode == BED_IS_FULL || (bed->room && bed->pending_count >= bed->room))
        return mr_fail(why, MR_LIMIT, "full");
    if (bed->mode == BED_IS_AWAY)
        return mr_fail(why, MR_BUSY, "away");
    cr_assert_lt(message->value.len, sizeof bed->value);
    snprintf(bed->value, sizeof bed->value, "%.*s", MR_SLICE_FMT(message->value));
    snprintf(bed->key, sizeof bed->key, "%.*s", MR_SLICE_FMT(message->key));
    for (size_t i = 0; i < message->headers.count; i++)
        used += (size_t)snprintf(bed->headers + used, sizeof bed->headers - used, "%.*s=%.*s\n",
                                 MR_SLICE_FMT(message->headers.items[i].name),
                                 MR_SLICE_FMT(message->headers.items[i].value));
    if (bed->sent < BED_SEEN) {
        struct mr_slice id = mr_ce_header_find(&message->headers, "ce_id");
        snprintf(bed->seen[bed->sent].id, sizeof bed->seen->id, "%.*s", MR_SLICE_FMT(id));
        bed->seen[bed->sent].value = strdup(bed->value);
    }
    cr_assert_lt(bed->pending_count, BED_PENDING);
    bed->pending[bed->pending_count++] = message->opaque;
    if (bed->pending_count > bed->most_pending)
        bed->most_pending = bed->pending_count;
    bed->sent++;
    if (bed->mode != BED_HOLDS)
        mr_deferred_start(&bed->report);
    return MR_OK;
}

static bool log_is_ready(void *impl)
{
    return ((struct bed *)impl)->mode != BED_IS_AWAY;
}

static void log_close(void *impl, uint64_t deadline_ms, void (*on_closed)(void *owner), void *owner)
{
    (void)deadline_ms;
    bed_report(impl, MR_KAFKA_UNKNOWN);
    on_closed(owner);
}

void bed_report_first(struct bed *bed, enum mr_kafka_outcome outcome, uint32_t n)
{
    struct mr_kafka_report report = {.outcome = outcome,
                                     .status = outcome == MR_KAFKA_STORED ? MR_OK : MR_BUSY,
                                     .partition = 7,
                                     .offset = 90210,
                                     .append_ms = -1,
                                     .error = outcome == MR_KAFKA_STORED ? NULL : "test"};
    for (; n > 0 && bed->pending_count > 0; n--) {
        report.opaque = bed->pending[0];
        report.offset = 90210 + bed->sent - bed->pending_count;
        memmove(bed->pending, bed->pending + 1, --bed->pending_count * sizeof *bed->pending);
        command_submit_report(bed->edge.submit, &report);
    }
}

void bed_report(struct bed *bed, enum mr_kafka_outcome outcome)
{
    bed_report_first(bed, outcome, bed->pending_count);
}

/* ---- the key store: one key, whose secret is the bytes 0 to 31 ---- */

static void on_key_due(void *data)
{
    struct bed *bed = data;
    struct edge_token known;
    const struct mr_slice scopes[] = {mr_slice_text("billing:write"), mr_slice_text("billing:read"),
                                      mr_slice_text("logging:write"),
                                      mr_slice_text("reporting:write")};
    cr_assert_eq(edge_token_parse(mr_slice_text("Bearer " BED_KEY), &known), MR_OK);
    if (bed->keys_away) {
        edge_auth_away(bed->edge.auth, &bed->asked_key);
    } else if (mr_uuid_equal(&known.key_id, &bed->asked_key)) {
        struct edge_key_row row = {
            .hashes = &known.hash, .hash_count = 1, .scopes = scopes, .scope_count = 4};
        cr_assert_eq(mr_uuid_parse(mr_slice_text(BED_ACCOUNT), &row.account), MR_OK);
        edge_auth_found(bed->edge.auth, &bed->asked_key, &row);
    } else {
        edge_auth_found(bed->edge.auth, &bed->asked_key, NULL);
    }
}

static enum mr_status look_up(void *impl, const struct mr_uuid *key_id)
{
    struct bed *bed = impl;
    bed->asked_key = *key_id;
    mr_deferred_start(&bed->answer_key);
    return MR_OK;
}

/* ---- the bed ---- */

struct mr_catalog *bed_catalog(void)
{
    struct mr_error why;
    struct mr_catalog *catalog = NULL;
    const char *folder = getenv("TEST_SCHEMAS");
    cr_assert(folder, "TEST_SCHEMAS names the schemas folder");
    cr_assert_eq(mr_catalog_folder_read(folder, &catalog, &why), MR_OK, "%s", why.text);
    return catalog;
}

static void on_request(struct mr_http_exchange *x, void *data)
{
    struct bed *bed = data;
    if (bed->handler)
        bed->handler(x, bed);
    else
        edge_route_request(x, &bed->edge);
}

static void on_ended(void *data)
{
    ((struct bed *)data)->server = NULL;
}

void bed_open(struct bed *bed, const struct command_submit_settings *settings)
{
    bed_open_on(bed, settings, bed_catalog());
}

void bed_open_on(struct bed *bed, const struct command_submit_settings *settings,
                 struct mr_catalog *catalog)
{
    struct mr_error why;
    *bed = (struct bed){.client_closed = true};
    cr_assert_geq(sodium_init(), 0);
    mr_log_open(&bed->log, "test", STDERR_FILENO, MR_LOG_JSON, MR_LOG_ERROR);
    bed->metrics = mr_metrics_new();
    mr_loop_init(&bed->loop, NULL);
    mr_deferred_init(&bed->report, &bed->loop, on_report_due, bed);
    mr_deferred_init(&bed->answer_key, &bed->loop, on_key_due, bed);
    bed->catalog = catalog;
    struct edge *edge = &bed->edge;
    *edge = (struct edge){.loop = &bed->loop,
                          .log = &bed->log,
                          .metrics = bed->metrics,
                          .catalog = bed->catalog,
                          .body_bytes_max = 4000,
                          .bulk_bytes_max = 1 << 20,
                          .decoded_bytes_max = 1 << 18,
                          .waits_end_ms = INT64_MAX,
                          .delivery = ""};
    mr_prng_seed(&edge->prng, 1);
    cr_assert_eq(edge_reads_new(bed->catalog, &edge->reads, &why), MR_OK);
    const struct edge_ingest_settings ingest = {.catalog = bed->catalog,
                                                .metrics = bed->metrics,
                                                .item_bytes_max = 4000,
                                                .held_bytes_max = 1 << 20};
    cr_assert_eq(edge_ingest_new(&ingest, &edge->ingest, &why), MR_OK, "%s", why.text);
    edge->submit = command_submit_new(&bed->loop.uv, settings);
    command_submit_open(edge->submit,
                        &(struct command_log){bed, log_send, log_is_ready, NULL, log_close});
    edge->stats = edge_metrics_new(edge);
    edge->wait = edge_wait_new(edge, 0);
    edge->auth = edge_auth_new(&(struct edge_auth_settings){
        .loop = &bed->loop, .store = {bed, look_up}, .key_cache_ms = 10000});
    struct mr_http_server_options options = mr_http_server_options_default();
    options.request = on_request;
    options.ended = on_ended;
    options.data = bed;
    bed->server = mr_http_server_new(&bed->loop, &options);
    cr_assert_eq(mr_http_server_listen(bed->server, "127.0.0.1", 0, &bed->port, &why), MR_OK, "%s",
                 why.text);
}

static void on_submit_closed(void *owner)
{
    ((struct bed *)owner)->edge.submit = NULL;
}

void bed_close(struct bed *bed)
{
    mr_http_server_close(bed->server);
    while (bed->server)
        uv_run(&bed->loop.uv, UV_RUN_ONCE);
    command_submit_close(bed->edge.submit, 1, on_submit_closed, bed);
    while (bed->edge.submit)
        uv_run(&bed->loop.uv, UV_RUN_ONCE);
    edge_wait_free(bed->edge.wait);
    edge_auth_free(bed->edge.auth);
    edge_reads_free(bed->edge.reads);
    edge_ingest_free(bed->edge.ingest);
    edge_metrics_free(bed->edge.stats);
    mr_loop_close(&bed->loop);
    for (size_t i = 0; i < BED_SEEN; i++)
        free(bed->seen[i].value);
    mr_catalog_free(bed->catalog);
    mr_metrics_free(bed->metrics);
}

/* ---- the client ---- */

static void on_client_closed(uv_handle_t *handle)
{
    ((struct bed *)handle->data)->client_closed = true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct bed *bed = handle->data;
    (void)suggested;
    *buf = uv_buf_init(bed->reply + bed->reply_len,
                       (unsigned)(sizeof bed->reply - bed->reply_len - 1));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct bed *bed = stream->data;
    (void)buf;
    if (n < 0)
        uv_close((uv_handle_t *)stream, on_client_closed);
    else
        bed->reply_len += (size_t)n;
}

struct sent {
    uv_connect_t connect;
    uv_write_t write;
    struct mr_buf bytes;
};

static void on_written(uv_write_t *write, int status)
{
    struct sent *sent = write->data;
    (void)status; /* a server that refuses a body need not read it */
    mr_buf_free(&sent->bytes);
    free(sent);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct sent *sent = connect->data;
    uv_buf_t buf = uv_buf_init(sent->bytes.data, (unsigned)sent->bytes.len);
    cr_assert_eq(status, 0);
    cr_assert_eq(uv_write(&sent->write, connect->handle, &buf, 1, on_written), 0);
}

static void send_bytes(struct bed *bed, struct mr_slice request)
{
    struct sockaddr_in address;
    cr_assert(bed->client_closed);
    struct sent *sent = calloc(1, sizeof *sent);
    cr_assert(sent);
    sent->connect.data = sent->write.data = sent;
    mr_buf_init(&sent->bytes, 0);
    mr_buf_slice(&sent->bytes, request);
    bed->client_closed = false;
    bed->reply_len = 0;
    uv_ip4_addr("127.0.0.1", bed->port, &address);
    uv_tcp_init(&bed->loop.uv, &bed->client);
    bed->client.data = bed;
    uv_tcp_connect(&sent->connect, &bed->client, (struct sockaddr *)&address, on_connected);
    uv_read_start((uv_stream_t *)&bed->client, on_alloc, on_read);
}

void bed_send(struct bed *bed, const char *request)
{
    send_bytes(bed, mr_slice_text(request));
}

const char *bed_await(struct bed *bed)
{
    while (!bed->client_closed)
        uv_run(&bed->loop.uv, UV_RUN_ONCE);
    bed->reply[bed->reply_len] = '\0';
    return bed->reply;
}

const char *bed_ask(struct bed *bed, const char *request)
{
    bed_send(bed, request);
    return bed_await(bed);
}

const char *bed_end_input(struct bed *bed)
{
    uv_shutdown_t req;
    cr_assert_eq(uv_shutdown(&req, (uv_stream_t *)&bed->client, NULL), 0);
    return bed_await(bed);
}

static char *request_of(const char *method, const char *path, const char *fields, const char *body)
{
    static char text[16384];
    int len = snprintf(text, sizeof text,
                       "%s %s HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n"
                       "Authorization: Bearer " BED_KEY "\r\n%s",
                       method, path, fields);
    if (body)
        len += snprintf(text + len, sizeof text - (size_t)len, "Content-Length: %zu\r\n",
                        strlen(body));
    snprintf(text + len, sizeof text - (size_t)len, "\r\n%s", body ? body : "");
    return text;
}

#define JSON_FIELD "Content-Type: application/json\r\n"

const char *bed_post(struct bed *bed, const char *path, const char *fields, const char *body)
{
    char all[1024];
    snprintf(all, sizeof all, JSON_FIELD "%s", fields);
    return bed_ask(bed, request_of("POST", path, all, body));
}

void bed_post_only(struct bed *bed, const char *path, const char *fields, const char *body)
{
    char all[1024];
    snprintf(all, sizeof all, JSON_FIELD "%s", fields);
    bed_send(bed, request_of("POST", path, all, body));
}

const char *bed_get(struct bed *bed, const char *path, const char *fields)
{
    return bed_ask(bed, request_of("GET", path, fields, NULL));
}

void bed_post_bytes_only(struct bed *bed, const char *path, const char *fields,
                         struct mr_slice body)
{
    struct mr_buf request;
    mr_buf_init(&request, 0);
    mr_buf_printf(&request,
                  "POST %s HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n"
                  "Authorization: Bearer " BED_KEY "\r\n%sContent-Length: %zu\r\n\r\n",
                  path, fields, body.len);
    mr_buf_slice(&request, body);
    send_bytes(bed, mr_buf_all(&request));
    mr_buf_free(&request);
}

const char *bed_post_bytes(struct bed *bed, const char *path, const char *fields,
                           struct mr_slice body)
{
    bed_post_bytes_only(bed, path, fields, body);
    return bed_await(bed);
}

void bed_reset(struct bed *bed)
{
    bed->is_reset = true;
    uv_tcp_close_reset(&bed->client, on_client_closed);
    while (!bed->client_closed)
        uv_run(&bed->loop.uv, UV_RUN_ONCE);
}

void bed_until(struct bed *bed, const uint32_t *counter, uint32_t n)
{
    while (*counter < n)
        uv_run(&bed->loop.uv, UV_RUN_ONCE);
}

double bed_metric(struct bed *bed, const char *line)
{
    struct mr_buf text;
    mr_buf_init(&text, 0);
    mr_metrics_render(bed->metrics, &text);
    mr_buf_char(&text, '\0');
    const char *at = text.data;
    double value = -1;
    for (; value < 0 && (at = strstr(at, line)); at += strlen(line))
        if ((at == text.data || at[-1] == '\n') && at[strlen(line)] == ' ')
            value = strtod(at + strlen(line), NULL);
    mr_buf_free(&text);
    return value;
}
