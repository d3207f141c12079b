/* The ring of records, and the one place where the flow changes its state. */
#include "command_flow.h"

#include "mr_kafka_topic.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 4096
#define BYTES_MAX   ((size_t)16 << 20)

enum state { FLOWING, DRAINING, RESTING, CLOSED };

enum record_state {
    RECORD_WAITING, /* not sent, or to be sent again */
    RECORD_SENT,    /* its report is awaited */
    RECORD_STORED,
    RECORD_REFUSED /* for good */
};

/* Its bytes lie in one block of the ring of bytes: of a template the body, else the headers' array
 * and values, key and value. */
struct record {
    struct command_flow *flow;
    struct command_template *template; /* NULL: all is in message */
    struct mr_uuid id;                 /* of a template's, and its time */
    int64_t time_ms;
    struct mr_kafka_message message; /* opaque is the caller's; of a template's the value alone */
    int64_t since_ms;                /* taken */
    int64_t position;
    size_t bytes; /* of the block, with what was left unused before it at the ring's end */
    int32_t lane;
    enum record_state state;
    enum mr_status status; /* REFUSED */
    const char *error;     /* REFUSED */
    bool sent_before;
};

/* Counts of all records ever: settled <= next <= taken; those below next are sent or done, and
 * record n lies in slot n % records_max. */
struct command_flow {
    struct command_flow_settings settings;
    struct command_log log;
    enum state state;
    struct record *records;
    uint64_t settled, next, taken;
    char *bytes;
    size_t bytes_used, bytes_end; /* the block after the newest begins at bytes_end */
    bool hungry;                  /* a send was MR_LIMIT and on_room is owed */
    bool settling;                /* on_settled may send, but does not recurse */
    bool closing;
    struct mr_timer rest;
    struct mr_timer deadline;
    struct mr_deferred go_on; /* what must not happen within send */
    char trouble[160];
    struct command_flow_counters counters;
    void (*on_closed)(void *owner);
    void *closed_owner;
};

static size_t round_up(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static void on_rested(void *data);
static void on_deadline(void *data);
static void on_go_on(void *data);

struct command_flow *command_flow_new(const struct command_flow_settings *settings)
{
    struct command_flow *flow = calloc(1, sizeof *flow);
    if (!flow)
        abort();
    flow->settings = *settings;
    if (!flow->settings.records_max)
        flow->settings.records_max = RECORDS_MAX;
    if (!flow->settings.bytes_max)
        flow->settings.bytes_max = BYTES_MAX;
    flow->settings.bytes_max = round_up(flow->settings.bytes_max);
    flow->records = calloc(flow->settings.records_max, sizeof *flow->records);
    flow->bytes = malloc(flow->settings.bytes_max);
    if (!flow->records || !flow->bytes)
        abort();
    mr_timer_init(&flow->rest, settings->loop, on_rested, flow);
    mr_timer_init(&flow->deadline, settings->loop, on_deadline, flow);
    mr_deferred_init(&flow->go_on, settings->loop, on_go_on, flow);
    return flow;
}

uv_loop_t *command_flow_loop(const struct command_flow *flow)
{
    return &flow->settings.loop->uv;
}

void command_flow_open(struct command_flow *flow, const struct command_log *log)
{
    assert(!flow->log.send);
    flow->log = *log;
}

static struct record *record_of(struct command_flow *flow, uint64_t n)
{
    return &flow->records[n % flow->settings.records_max];
}

static void check(const struct command_flow *flow)
{
    assert(flow->settled <= flow->next && flow->next <= flow->taken);
    assert(flow->taken - flow->settled <= flow->settings.records_max);
    assert(flow->bytes_used <= flow->settings.bytes_max);
}

/* ---- bytes ---- */

static size_t block_bytes(const struct mr_kafka_message *m)
{
    size_t bytes = round_up(m->headers.count * sizeof *m->headers.items);
    for (size_t i = 0; i < m->headers.count; i++)
        bytes += m->headers.items[i].value.len;
    return round_up(bytes + m->key.len + m->value.len);
}

/* What the ring must skip at its end for a block in one piece. */
static size_t skip_of(const struct command_flow *flow, size_t bytes)
{
    size_t left = flow->settings.bytes_max - flow->bytes_end;
    return left < bytes ? left : 0;
}

static bool has_block(const struct command_flow *flow, size_t bytes)
{
    size_t size = flow->settings.bytes_max;
    if (flow->bytes_used == 0)
        return bytes <= size;
    return bytes <= size && flow->bytes_used + skip_of(flow, bytes) + bytes <= size;
}

/* A block in one piece; *taken is what the ring gave, with the end that was too short for it. NULL:
 * full. */
static char *block_take(struct command_flow *flow, size_t bytes, size_t *taken)
{
    if (!has_block(flow, bytes))
        return NULL;
    if (flow->bytes_used == 0)
        flow->bytes_end = 0; /* the same memory again, while it is in the caches */
    size_t skipped = skip_of(flow, bytes);
    size_t at = skipped > 0 ? 0 : flow->bytes_end;
    flow->bytes_end = (at + bytes) % flow->settings.bytes_max; /* a block may end the ring */
    *taken = skipped + bytes;
    flow->bytes_used += *taken;
    return flow->bytes + at;
}

static struct mr_slice put(char **at, struct mr_slice s)
{
    if (!s.data)
        return s;
    memcpy(*at, s.data, s.len);
    struct mr_slice copy = mr_slice(*at, s.len);
    *at += s.len;
    return copy;
}

static void copy_message(struct record *record, const struct mr_kafka_message *m, char *block)
{
    struct mr_ce_header *items = (struct mr_ce_header *)(void *)block;
    char *at = block + round_up(m->headers.count * sizeof *items);
    for (size_t i = 0; i < m->headers.count; i++) {
        items[i].name = m->headers.items[i].name;
        items[i].value = put(&at, m->headers.items[i].value);
    }
    record->message = *m;
    record->message.headers.items = items;
    record->message.key = put(&at, m->key);
    record->message.value = put(&at, m->value);
}

/* ---- settling ---- */

static void settle_one(struct command_flow *flow, struct record *record)
{
    struct command_flow_result result = {.opaque = record->message.opaque,
                                         .outcome = MR_KAFKA_STORED,
                                         .status = MR_OK,
                                         .lane = record->lane,
                                         .position = record->position};
    switch (record->state) {
    case RECORD_STORED:
        flow->counters.stored++;
        break;
    case RECORD_REFUSED:
        flow->counters.refused++;
        result.outcome = MR_KAFKA_NOT_STORED;
        result.status = record->status;
        result.error = record->error;
        break;
    default: /* given up */
        flow->counters.given_up++;
        result.outcome = record->sent_before ? MR_KAFKA_UNKNOWN : MR_KAFKA_NOT_STORED;
        result.status = MR_LOST;
        result.error = "the log did not take it before the end";
        break;
    }
    flow->bytes_used -= record->bytes;
    flow->settled++;
    flow->settings.on_settled(flow->settings.owner, &result);
}

/* The settled prefix leaves the window. */
static void settle(struct command_flow *flow)
{
    if (flow->settling)
        return;
    flow->settling = true;
    while (flow->settled < flow->next) {
        struct record *record = record_of(flow, flow->settled);
        if (record->state != RECORD_STORED && record->state != RECORD_REFUSED)
            break;
        settle_one(flow, record);
    }
    flow->settling = false;
    check(flow);
}

static bool is_half_free(const struct command_flow *flow)
{
    return flow->taken - flow->settled <= flow->settings.records_max / 2 &&
           flow->bytes_used <= flow->settings.bytes_max / 2;
}

static void give_room(struct command_flow *flow)
{
    if (!flow->hungry || flow->closing || !is_half_free(flow))
        return;
    flow->hungry = false;
    if (flow->settings.on_room)
        flow->settings.on_room(flow->settings.owner);
}

/* ---- the states: the drawing is in the header ---- */

static void on_log_closed(void *owner);

static void close_log(struct command_flow *flow)
{
    flow->state = CLOSED;
    mr_timer_stop(&flow->rest);
    mr_timer_stop(&flow->deadline);
    mr_deferred_stop(&flow->go_on);
    if (flow->log.close)
        flow->log.close(flow->log.impl, 0, on_log_closed, flow);
    else
        on_log_closed(flow);
}

static void close_if_done(struct command_flow *flow)
{
    if (flow->closing && flow->state != CLOSED && flow->settled == flow->taken &&
        flow->counters.in_flight == 0)
        close_log(flow);
}

static void stop(struct command_flow *flow, const char *why)
{
    if (flow->state != FLOWING)
        return;
    flow->state = DRAINING;
    flow->counters.drains++;
    snprintf(flow->trouble, sizeof flow->trouble, "%s", why ? why : "the log failed");
    if (flow->log.purge && flow->counters.in_flight > 0)
        flow->log.purge(flow->log.impl);
    mr_deferred_start(&flow->go_on); /* nothing may be in flight */
}

static enum mr_status send_record(struct command_flow *flow, struct record *record)
{
    struct mr_error why;
    struct mr_kafka_message message = record->message;
    if (record->template)
        command_template_fill(record->template, &record->id, record->time_ms, record->message.value,
                              &message);
    message.opaque = record;
    enum mr_status s = flow->log.send(flow->log.impl, &message, &why);
    if (s == MR_OK) {
        record->state = RECORD_SENT;
        flow->counters.in_flight++;
        flow->counters.resent += record->sent_before;
        record->sent_before = true;
    } else if (s == MR_INVALID) {
        record->state = RECORD_REFUSED;
        record->status = s;
        record->error = "too large for its topic";
    } else if (s != MR_LIMIT) {
        stop(flow, why.text);
    }
    return s;
}

/* Sends what waits, in order, as far as the log takes it. */
static void pump(struct command_flow *flow)
{
    while (flow->state == FLOWING && flow->next < flow->taken) {
        struct record *record = record_of(flow, flow->next);
        if (record->state == RECORD_WAITING) {
            enum mr_status s = send_record(flow, record);
            if (s != MR_OK && s != MR_INVALID)
                return; /* MR_LIMIT: reports are coming, and then it goes on */
            if (s == MR_INVALID)
                mr_deferred_start(&flow->go_on); /* to settle it outside of send */
        }
        flow->next++;
    }
}

static void step(struct command_flow *flow)
{
    settle(flow);
    if (flow->state == DRAINING && flow->counters.in_flight == 0) {
        flow->state = RESTING;
        mr_timer_start(&flow->rest, COMMAND_FLOW_RETRY_MS);
    }
    pump(flow);
    give_room(flow);
    close_if_done(flow);
}

static void on_go_on(void *data)
{
    step(data);
}

static void on_rested(void *data)
{
    struct command_flow *flow = data;
    assert(flow->state == RESTING && flow->counters.in_flight == 0);
    flow->state = FLOWING;
    flow->next = flow->settled; /* what is stored already is passed over */
    step(flow);
}

void command_flow_report(void *owner, const struct mr_kafka_report *report)
{
    struct record *record = report->opaque;
    struct command_flow *flow = owner;
    assert(record->flow == flow && record->state == RECORD_SENT);
    assert(flow->counters.in_flight > 0);
    flow->counters.in_flight--;
    flow->counters.unknown += report->outcome == MR_KAFKA_UNKNOWN;
    if (report->outcome == MR_KAFKA_STORED || report->in_log) {
        record->state = RECORD_STORED;
        record->lane = report->partition;
        record->position = report->offset;
    } else if (report->status == MR_INVALID) {
        record->state = RECORD_REFUSED;
        record->status = MR_INVALID;
        record->error = report->error;
    } else {
        record->state = RECORD_WAITING;
        stop(flow, report->error);
    }
    if (flow->state != CLOSED &&
        (flow->state != FLOWING || record == record_of(flow, flow->settled)))
        step(flow);
}

/* ---- taking ---- */

static bool has_slot(const struct command_flow *flow)
{
    return flow->taken - flow->settled < flow->settings.records_max;
}

bool command_flow_has_room(struct command_flow *flow, size_t bytes_max)
{
    size_t items = MR_CE_HEADERS_MAX * sizeof(struct mr_ce_header);
    bool has_room = has_slot(flow) && has_block(flow, round_up(items + bytes_max));
    if (!has_room)
        flow->hungry = true;
    return has_room;
}

/* The next record with a block of its own, nothing but these two filled in. NULL: full. */
static struct record *record_take(struct command_flow *flow, size_t bytes, char **block)
{
    size_t taken = 0;
    *block = has_slot(flow) ? block_take(flow, bytes, &taken) : NULL;
    if (!*block) {
        flow->hungry = true;
        return NULL;
    }
    struct record *record = record_of(flow, flow->taken);
    record->flow = flow;
    record->template = NULL;
    record->since_ms = mr_loop_now_ms(flow->settings.loop);
    record->position = record->lane = -1;
    record->bytes = taken;
    record->state = RECORD_WAITING;
    record->sent_before = false;
    return record;
}

static void record_give(struct command_flow *flow)
{
    flow->taken++;
    flow->counters.taken++;
    pump(flow);
}

/* bytes: as mr_kafka_message_bytes. */
static enum mr_status check_size(const struct command_flow *flow, size_t bytes, size_t block,
                                 struct mr_error *why)
{
    if (bytes <= MR_KAFKA_MESSAGE_BYTES_MAX && block <= flow->settings.bytes_max)
        return MR_OK;
    return mr_fail(why, MR_INVALID, "a command of %zu bytes is too large", bytes);
}

static enum mr_status refuse(const struct command_flow *flow, struct mr_error *why)
{
    return flow->closing ? mr_fail(why, MR_LOST, "no commands are taken any more")
                         : mr_fail(why, MR_LIMIT, "too many commands wait for the log");
}

enum mr_status command_flow_send(struct command_flow *flow, const struct mr_kafka_message *message,
                                 struct mr_error *why)
{
    char *block;
    size_t bytes = block_bytes(message);
    enum mr_status s = check_size(flow, mr_kafka_message_bytes(message), bytes, why);
    if (s != MR_OK)
        return s;
    struct record *record = flow->closing ? NULL : record_take(flow, bytes, &block);
    if (!record)
        return refuse(flow, why);
    copy_message(record, message, block);
    record_give(flow);
    return MR_OK;
}

enum mr_status command_flow_send_of(struct command_flow *flow, struct command_template *template,
                                    const struct command_flow_item *item, struct mr_error *why)
{
    char *block;
    size_t bytes = round_up(item->body.len + 1); /* never an empty block */
    enum mr_status s =
        check_size(flow, command_template_bytes(template) + item->body.len, bytes, why);
    if (s != MR_OK)
        return s;
    struct record *record = flow->closing ? NULL : record_take(flow, bytes, &block);
    if (!record)
        return refuse(flow, why);
    record->template = template;
    record->id = item->id;
    record->time_ms = item->time_ms;
    record->message.value = put(&block, item->body);
    record->message.opaque = item->opaque;
    record_give(flow);
    return MR_OK;
}

struct command_flow_counters command_flow_counters(const struct command_flow *flow)
{
    struct command_flow_counters c = flow->counters;
    c.pending = flow->taken - flow->settled;
    c.pending_bytes = flow->bytes_used;
    return c;
}

int64_t command_flow_wait_ms(const struct command_flow *flow)
{
    if (flow->settled == flow->taken)
        return 0;
    const struct record *oldest = &flow->records[flow->settled % flow->settings.records_max];
    return mr_loop_now_ms(flow->settings.loop) - oldest->since_ms;
}

const char *command_flow_trouble(const struct command_flow *flow)
{
    return flow->trouble;
}

/* ---- closing ---- */

static void on_log_closed(void *owner)
{
    struct command_flow *flow = owner;
    assert(flow->counters.in_flight == 0); /* the log has reported all that it took */
    while (flow->settled < flow->taken)
        settle_one(flow, record_of(flow, flow->settled));
    void (*on_closed)(void *) = flow->on_closed;
    void *closed_owner = flow->closed_owner;
    free(flow->records);
    free(flow->bytes);
    free(flow);
    if (on_closed)
        on_closed(closed_owner);
}

static void on_deadline(void *data)
{
    close_log(data);
}

void command_flow_close(struct command_flow *flow, uint64_t deadline_ms,
                        void (*on_closed)(void *owner), void *owner)
{
    assert(!flow->closing);
    flow->closing = true;
    flow->on_closed = on_closed;
    flow->closed_owner = owner;
    mr_timer_start(&flow->deadline, (int64_t)deadline_ms);
    mr_deferred_start(&flow->go_on);
}
