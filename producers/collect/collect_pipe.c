#include "collect_pipe.h"

#include "command_template.h"
#include "mr_clock.h"
#include "mr_gelf.h"
#include "mr_random.h"
#include "mr_syslog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PRINCIPAL       "millrace-collect"
#define HEADERS_BYTES   1024 /* of a command, and its key */
#define ARENA_BYTES     ((size_t)8 << 20)
#define RANDOM_BYTES    5120 /* for 512 ids: the system is asked once for them all */
#define ID_RANDOM_BYTES 10
#define TEXT_MAX        255
#define ATTRIBUTES_MAX  1000
#define CUTS_MAX        3 /* a text of control characters alone grows six-fold as JSON */

struct collect_pipe {
    struct collect_pipe_settings set;
    struct command_flow *flow;
    struct command_template template;
    struct collect_sources *sources;

    /* of one message */
    struct mr_arena arena;
    struct mr_buf body;
    uint8_t random[RANDOM_BYTES];
    size_t random_used;

    struct mr_syslog_context context; /* now and the zone; is_cut is the message's */
    int64_t zone_until_ms;

    struct mr_counter *received[COLLECT_PROTOCOLS], *received_bytes[COLLECT_PROTOCOLS];
    struct mr_counter *lost[COLLECT_PROTOCOLS][COLLECT_CAUSES];
    struct mr_log_limit lost_limit[COLLECT_CAUSES];
    void (*on_closed)(void *owner);
    void *closed_owner;
};

const char *collect_protocol_text(enum collect_protocol protocol)
{
    static const char *const texts[COLLECT_PROTOCOLS] = {
        [COLLECT_SYSLOG_UDP] = "syslog-udp",
        [COLLECT_SYSLOG_TCP] = "syslog-tcp",
        [COLLECT_GELF_UDP] = "gelf-udp",
        [COLLECT_GELF_TCP] = "gelf-tcp",
    };
    assert(protocol < COLLECT_PROTOCOLS);
    return texts[protocol];
}

/* ---- what becomes of a message ---- */

/* The flow gives back who sent it, in one word. */
static void *opaque_of(enum collect_protocol protocol, const struct collect_source *source)
{
    static_assert(sizeof(uintptr_t) >= 8, "a serial and a protocol fit");
    return (void *)((uintptr_t)(source ? source->serial : 0) << 3 | (uintptr_t)protocol);
}

static void on_settled(void *owner, const struct command_flow_result *result)
{
    struct collect_pipe *pipe = owner;
    if (result->outcome == MR_KAFKA_STORED)
        return;
    uintptr_t sender = (uintptr_t)result->opaque;
    struct collect_source *source = collect_sources_at(pipe->sources, (uint32_t)(sender >> 3));
    collect_pipe_lose(pipe, (enum collect_protocol)(sender & 7),
                      result->status == MR_INVALID ? COLLECT_REFUSED : COLLECT_GIVEN_UP, 1, source,
                      result->error);
}

static void on_room(void *owner)
{
    struct collect_pipe *pipe = owner;
    pipe->set.on_room(pipe->set.owner);
}

void collect_pipe_lose(struct collect_pipe *pipe, enum collect_protocol protocol,
                       enum collect_cause cause, uint64_t n, struct collect_source *source,
                       const char *why)
{
    mr_counter_add(pipe->lost[protocol][cause], (double)n);
    if (source)
        source->lost[cause] += n;
    MR_LOG_LIMITED(pipe->set.log, &pipe->lost_limit[cause], WARN, "messages are lost",
                   mr_f_text("protocol", collect_protocol_text(protocol)),
                   mr_f_text("cause", collect_cause_text(cause)), mr_f_text("error", why));
}

void collect_pipe_count(struct collect_pipe *pipe, enum collect_protocol protocol, size_t bytes,
                        struct collect_source *source)
{
    mr_counter_add(pipe->received[protocol], 1);
    mr_counter_add(pipe->received_bytes[protocol], (double)bytes);
    if (source)
        source->received++;
}

/* ---- the way of one message ---- */

static struct mr_uuid next_id(struct collect_pipe *pipe)
{
    if (pipe->random_used + ID_RANDOM_BYTES > RANDOM_BYTES) {
        mr_random_bytes(pipe->random, sizeof pipe->random);
        pipe->random_used = 0;
    }
    struct mr_uuid id = mr_uuid_v7(pipe->context.now_ms, pipe->random + pipe->random_used);
    pipe->random_used += ID_RANDOM_BYTES;
    return id;
}

void collect_pipe_tick(struct collect_pipe *pipe)
{
    pipe->context.now_ms = mr_clock_wall_ms();
    if (pipe->context.now_ms >= pipe->zone_until_ms) {
        struct tm local;
        time_t now = (time_t)(pipe->context.now_ms / 1000);
        pipe->zone_until_ms = pipe->context.now_ms + 60000;
        if (localtime_r(&now, &local))
            pipe->context.zone_minutes = (int32_t)(local.tm_gmtoff / 60);
    }
}

bool collect_pipe_has_room(struct collect_pipe *pipe)
{
    return command_flow_has_room(pipe->flow, pipe->set.body_bytes_max + HEADERS_BYTES);
}

/* The first TEXT_MAX characters: what schemas/logging/line.json takes of a name. */
static void cut_name(struct mr_slice *text)
{
    size_t at = 0, count = 0;
    if (text->len <= TEXT_MAX)
        return;
    for (; at < text->len; at++)
        if (((unsigned char)text->data[at] & 0xC0) != 0x80 && count++ == TEXT_MAX)
            break;
    text->len = at;
}

/* MR_LIMIT: as a command it is too large. */
static enum mr_status send_line(struct collect_pipe *pipe, enum collect_protocol protocol,
                                struct mr_logline *line, struct collect_source *source)
{
    bool kept;
    struct mr_error why;
    struct mr_uuid id = next_id(pipe);
    if (line->attribute_count > ATTRIBUTES_MAX)
        return MR_LIMIT;
    cut_name(&line->service);
    cut_name(&line->host);
    cut_name(&line->severity_text);
    line->has_observed = true;
    line->observed_ns = pipe->context.now_ms * 1000000;
    mr_buf_reset(&pipe->body);
    enum mr_status s =
        mr_ingest_line(pipe->set.ingest, line, &id, &pipe->arena, &pipe->body, &kept);
    if (s != MR_OK || !kept)
        return s;
    const struct command_flow_item item = {.id = id,
                                           .time_ms = pipe->context.now_ms,
                                           .body = mr_buf_all(&pipe->body),
                                           .opaque = opaque_of(protocol, source)};
    s = command_flow_send_of(pipe->flow, &pipe->template, &item, &why);
    assert(s != MR_LIMIT); /* room was asked for */
    if (s != MR_OK)
        collect_pipe_lose(pipe, protocol, s == MR_INVALID ? COLLECT_TOO_LARGE : COLLECT_GIVEN_UP, 1,
                          source, why.text);
    return MR_OK;
}

/* The first half, not in the middle of a character. */
static struct mr_slice half_of(struct mr_slice text)
{
    size_t len = text.len / 2;
    while (len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80)
        len--;
    return mr_slice(text.data, len);
}

void collect_pipe_syslog(struct collect_pipe *pipe, enum collect_protocol protocol,
                         struct mr_slice text, bool is_cut, struct collect_source *source)
{
    struct mr_logline line;
    enum mr_status s = MR_LIMIT;
    for (unsigned cuts = 0; s == MR_LIMIT && cuts <= CUTS_MAX; cuts++) {
        if (cuts > 0)
            text = half_of(text);
        pipe->context.is_cut = is_cut || cuts > 0;
        mr_arena_reset(&pipe->arena);
        s = mr_syslog_read(text, &pipe->context, &pipe->arena, &line);
        if (s == MR_OK)
            s = send_line(pipe, protocol, &line, source);
    }
    if (s != MR_OK)
        collect_pipe_lose(pipe, protocol, COLLECT_TOO_LARGE, 1, source, NULL);
}

void collect_pipe_gelf(struct collect_pipe *pipe, enum collect_protocol protocol,
                       struct mr_slice text, bool is_cut, struct collect_source *source)
{
    struct mr_error why = {.text = ""};
    struct mr_logline line;
    if (is_cut) {
        collect_pipe_lose(pipe, protocol, COLLECT_TOO_LARGE, 1, source, "the message is too long");
        return;
    }
    mr_arena_reset(&pipe->arena);
    enum mr_status s = mr_gelf_read(text, &pipe->arena, &line, &why);
    if (s == MR_OK)
        s = send_line(pipe, protocol, &line, source);
    if (s != MR_OK)
        collect_pipe_lose(pipe, protocol, s == MR_LIMIT ? COLLECT_TOO_LARGE : COLLECT_INVALID, 1,
                          source, why.text);
}

/* ---- life ---- */

static void make_counters(struct collect_pipe *pipe)
{
    struct mr_metrics *m = pipe->set.metrics;
    for (enum collect_protocol p = 0; p < COLLECT_PROTOCOLS; p++) {
        const char *protocol = collect_protocol_text(p);
        pipe->received[p] = mr_metrics_counter(m, "millrace_collect_received_total",
                                               "Datagrams, and messages of streams",
                                               MR_LABELS({"protocol", protocol}));
        pipe->received_bytes[p] =
            mr_metrics_counter(m, "millrace_collect_received_bytes_total",
                               "Bytes of what was received", MR_LABELS({"protocol", protocol}));
        for (enum collect_cause c = 0; c < COLLECT_CAUSES; c++)
            pipe->lost[p][c] = mr_metrics_counter(
                m, "millrace_collect_lost_total", "Messages and chunks that were lost",
                MR_LABELS({"protocol", protocol}, {"cause", collect_cause_text(c)}));
    }
}

enum mr_status collect_pipe_new(const struct collect_pipe_settings *settings,
                                struct collect_pipe **out, struct mr_error *why)
{
    struct command_flow_settings flow = {.loop = settings->loop,
                                         .records_max = settings->in_flight_max,
                                         .on_settled = on_settled,
                                         .on_room = on_room};
    struct collect_pipe *pipe = calloc(1, sizeof *pipe);
    if (!pipe)
        abort();
    pipe->set = *settings;
    enum mr_status s = command_template_init(&pipe->template, settings->command, &settings->account,
                                             PRINCIPAL, why);
    if (s != MR_OK) {
        free(pipe);
        return s;
    }
    flow.owner = pipe;
    if (4 * settings->body_bytes_max > (size_t)16 << 20)
        flow.bytes_max = 4 * settings->body_bytes_max; /* some of the largest fit */
    pipe->flow = command_flow_new(&flow);
    pipe->sources = collect_sources_new();
    pipe->random_used = sizeof pipe->random;
    mr_arena_init(&pipe->arena, ARENA_BYTES + 4 * settings->body_bytes_max);
    mr_buf_init(&pipe->body, settings->body_bytes_max);
    make_counters(pipe);
    collect_pipe_tick(pipe);
    *out = pipe;
    return MR_OK;
}

struct command_flow *collect_pipe_flow(struct collect_pipe *pipe)
{
    return pipe->flow;
}

struct collect_sources *collect_pipe_sources(struct collect_pipe *pipe)
{
    return pipe->sources;
}

static void on_flow_closed(void *owner)
{
    struct collect_pipe *pipe = owner;
    void (*on_closed)(void *) = pipe->on_closed;
    void *closed_owner = pipe->closed_owner;
    command_template_free(&pipe->template);
    collect_sources_free(pipe->sources);
    mr_arena_free(&pipe->arena);
    mr_buf_free(&pipe->body);
    free(pipe);
    if (on_closed)
        on_closed(closed_owner);
}

void collect_pipe_close(struct collect_pipe *pipe, uint64_t deadline_ms,
                        void (*on_closed)(void *owner), void *owner)
{
    pipe->on_closed = on_closed;
    pipe->closed_owner = owner;
    command_flow_close(pipe->flow, deadline_ms, on_flow_closed, pipe);
}
