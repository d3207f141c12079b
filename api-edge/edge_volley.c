#include "edge_volley.h"

#include "command_build.h"
#include "mr_clock.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW          1024              /* commands in flight of one request */
#define WINDOW_BYTES    (4 * 1024 * 1024) /* of their bodies; one is always let go */
#define RETRY_MS        10                /* while the log's queue is full */
#define HOLD_MS_MAX     10000 /* longer than any delivery takes: its queue stands still */
#define ARENA_BYTES_MIN 65536 /* beside the bodies' */

/* One command in flight: what its result is to be counted for. */
struct slot {
    struct edge_volley *volley;
    struct slot *next; /* free ones */
    uint64_t number;
    size_t bytes;
};

struct edge_volley {
    struct edge_request *r; /* NULL once it was left */
    struct edge *edge;
    const struct mr_catalog_command *command;
    void (*go_on)(void *owner);
    void *owner;
    char principal[MR_UUID_TEXT + 1];
    struct mr_arena arena;

    struct edge_volley_counts counts;
    uint64_t first, last; /* numbers of counts.first and .last */
    size_t bytes;         /* in flight */
    bool is_full;         /* somebody waits for room */
    bool has_failed;
    struct slot *held; /* built, but not sent yet: message is its */
    struct mr_kafka_message message;
    int64_t held_ms;      /* since when, with nothing stored for anybody meanwhile */
    uint64_t stored_then; /* by all */
    struct mr_timer retry;
    struct slot *spare;
    struct slot slots[WINDOW];
};

static void on_retry(void *data);

struct edge_volley *edge_volley_new(struct edge_request *r,
                                    const struct mr_catalog_command *command,
                                    void (*go_on)(void *owner), void *owner)
{
    struct edge_volley *v = malloc(sizeof *v);
    if (!v)
        abort();
    memset(v, 0, offsetof(struct edge_volley, slots));
    v->r = r;
    v->edge = r->edge;
    v->command = command;
    v->go_on = go_on;
    v->owner = owner;
    mr_uuid_text(&r->who.key_id, v->principal);
    mr_arena_init(&v->arena, ARENA_BYTES_MIN + 8 * (size_t)r->edge->body_bytes_max);
    mr_timer_init(&v->retry, r->edge->loop, on_retry, v);
    for (size_t i = WINDOW; i-- > 0;) {
        v->slots[i] = (struct slot){.volley = v, .next = v->spare};
        v->spare = &v->slots[i];
    }
    return v;
}

static void free_when_over(struct edge_volley *v)
{
    if (v->r || v->counts.in_flight > 0)
        return;
    mr_arena_free(&v->arena);
    free(v);
}

struct mr_arena *edge_volley_arena(struct edge_volley *v)
{
    assert(!v->held);
    return &v->arena;
}

bool edge_volley_has_failed(const struct edge_volley *v)
{
    return v->has_failed;
}

struct edge_volley_counts edge_volley_counts(const struct edge_volley *v)
{
    return v->counts;
}

bool edge_volley_has_room(struct edge_volley *v)
{
    bool has_room = !v->has_failed && !v->held && v->spare && v->bytes < WINDOW_BYTES;
    v->is_full = !has_room;
    return has_room;
}

/* ---- what became of them ---- */

static void release(struct slot *slot)
{
    struct edge_volley *v = slot->volley;
    v->bytes -= slot->bytes;
    v->counts.in_flight--;
    slot->next = v->spare;
    v->spare = slot;
}

static void note_stored(struct edge_volley *v, uint64_t number, const struct mr_receipt *receipt)
{
    if (v->counts.stored == 0 || number < v->first) {
        v->first = number;
        v->counts.first = *receipt;
    }
    if (v->counts.stored == 0 || number > v->last) {
        v->last = number;
        v->counts.last = *receipt;
    }
    v->counts.stored++;
    v->edge->delivery = "stored";
}

static void note(struct edge_volley *v, uint64_t number, const struct command_result *result)
{
    switch (result->outcome) {
    case MR_KAFKA_STORED:
        note_stored(v, number, &result->receipt);
        break;
    case MR_KAFKA_NOT_STORED:
        v->edge->delivery = "not stored";
        if (result->status == MR_INVALID) {
            v->counts.invalid++;
        } else {
            v->counts.not_stored++;
            v->has_failed = true;
        }
        break;
    case MR_KAFKA_UNKNOWN:
        v->edge->delivery = "unknown";
        v->counts.unknown++;
        v->has_failed = true;
        break;
    }
}

/* Called last: the owner may leave, and then nothing of v is there any more. */
static void tell(struct edge_volley *v)
{
    bool is_half = v->counts.in_flight <= WINDOW / 2 && v->bytes <= WINDOW_BYTES / 2;
    if (!v->r)
        free_when_over(v);
    else if (v->counts.in_flight == 0 || (v->is_full && is_half && !v->held))
        v->go_on(v->owner);
}

static void on_result(void *requester, const struct command_result *result)
{
    struct slot *slot = requester;
    struct edge_volley *v = slot->volley;
    note(v, slot->number, result);
    release(slot);
    tell(v);
}

/* ---- sending ---- */

static enum mr_status submit(struct edge_volley *v, struct slot *slot)
{
    struct command_request request = {.message = &v->message,
                                      .domain = v->command->domain->name,
                                      .on_result = on_result,
                                      .requester = slot};
    if (!v->edge->submit)
        return MR_LOST;
    if (command_submit_is_busy(v->edge->submit))
        return MR_LIMIT; /* single commands have no other way than to be refused */
    return command_submit_send(v->edge->submit, &request, NULL, NULL);
}

/* The log will not have it: surely not stored. */
static void give_up(struct edge_volley *v, struct slot *slot)
{
    v->counts.not_stored++;
    v->has_failed = true;
    release(slot);
}

static void on_retry(void *data)
{
    struct edge_volley *v = data;
    struct slot *slot = v->held;
    int64_t now_ms = mr_loop_now_ms(v->edge->loop);
    uint64_t stored = v->edge->submit ? command_submit_counters(v->edge->submit).stored : 0;
    enum mr_status s = submit(v, slot);
    if (stored != v->stored_then) { /* the log takes; only others were first */
        v->stored_then = stored;
        v->held_ms = now_ms;
    }
    if (s == MR_LIMIT && now_ms - v->held_ms < HOLD_MS_MAX) {
        mr_timer_start(&v->retry, RETRY_MS);
        return;
    }
    v->held = NULL;
    if (s == MR_INVALID) {
        v->counts.invalid++;
        release(slot);
    } else if (s != MR_OK) {
        give_up(v, slot);
    }
    v->go_on(v->owner); /* there is room, or it has failed */
}

/* It is sent again by the timer; whoever reads the body does not go on meanwhile. */
static enum mr_status hold(struct edge_volley *v, struct slot *slot)
{
    struct mr_slice body = mr_arena_slice(&v->arena, v->message.value);
    if (!body.data) {
        release(slot);
        return MR_LIMIT;
    }
    v->message.value = body;
    v->held = slot;
    v->held_ms = mr_loop_now_ms(v->edge->loop);
    v->stored_then = command_submit_counters(v->edge->submit).stored;
    mr_timer_start(&v->retry, RETRY_MS);
    return MR_OK;
}

static enum mr_status build(struct edge_volley *v, const struct edge_volley_item *item,
                            struct mr_error *why)
{
    struct edge_request *r = v->r;
    struct command_input input = {.command = v->command,
                                  .account = r->account,
                                  .id = item->id,
                                  .principal = mr_slice_text(v->principal),
                                  .time_ms = mr_clock_wall_ms(),
                                  .body = item->body,
                                  .json = item->json,
                                  .traceparent = mr_slice_text(r->traceparent),
                                  .tracestate = r->tracestate};
    return command_build(&input, &v->arena, &v->message, why);
}

enum mr_status edge_volley_send(struct edge_volley *v, const struct edge_volley_item *item,
                                struct mr_error *why)
{
    assert(v->r && !v->held && v->spare);
    enum mr_status s = build(v, item, why);
    if (s != MR_OK)
        return s;
    struct slot *slot = v->spare;
    v->spare = slot->next;
    slot->number = item->number;
    slot->bytes = item->body.len;
    v->bytes += slot->bytes;
    v->counts.in_flight++;
    s = submit(v, slot);
    if (s == MR_OK)
        return MR_OK;
    if (s == MR_LIMIT)
        return hold(v, slot);
    if (s == MR_INVALID) {
        release(slot);
        return mr_fail(why, MR_INVALID, "The item with its headers is too large for the log.");
    }
    give_up(v, slot);
    return MR_OK;
}

void edge_volley_leave(struct edge_volley *v)
{
    if (!v)
        return;
    v->r = NULL;
    mr_timer_stop(&v->retry);
    if (v->held) {
        release(v->held);
        v->held = NULL;
    }
    free_when_over(v);
}

/* ---- a failure in words ---- */

void edge_volley_failure(const struct edge_volley *v, bool has_key, struct edge_volley_failure *out)
{
    const struct edge_volley_counts *c = &v->counts;
    if (c->stored == 0 && c->unknown == 0) {
        out->problem = "not-accepted";
        snprintf(out->detail, sizeof out->detail,
                 "The log does not take commands just now; nothing was stored.");
        return;
    }
    out->problem = "outcome-unknown";
    snprintf(out->detail, sizeof out->detail,
             "The log went away in the middle: %" PRIu64 " were stored, %" PRIu64
             " may have been, and what came after was not. %s",
             c->stored, c->unknown,
             has_key ? "Sending all of it again in the same order with the same Idempotency-Key is "
                       "safe: what was stored is not stored twice."
                     : "There was no Idempotency-Key, so sending it again stores what was stored a "
                       "second time.");
}
