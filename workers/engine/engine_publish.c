/* Publication: committed events go to the producer in order and `published` follows the contiguous
 * acknowledged prefix, each acknowledgement at an offset above its predecessor's. Anything else
 * ends the round: the producer is purged and every lane of the process sends again from
 * `published`. */
#include "engine_lane.h"

#include <assert.h>
#include <stdio.h>

#define ROUND_MS 20 /* back-off after a round, doubled each time */

struct engine_pending {
    struct engine_event event; /* slices into bytes */
    bool acknowledged;
    int64_t offset;
    size_t len;
    char bytes[];
};

static struct engine_pending *pending_of(const struct engine_event *event)
{
    size_t len = event->type.len + event->key.len + event->traceparent.len + event->data.len;
    struct engine_pending *p = calloc(1, sizeof *p + len);
    if (!p)
        abort();
    char *to = p->bytes;
    p->event = *event;
    p->len = sizeof *p + len;
    struct mr_slice *slices[] = {&p->event.type, &p->event.key, &p->event.traceparent,
                                 &p->event.data};
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        if (!slices[i]->data)
            continue;
        memcpy(to, slices[i]->data, slices[i]->len);
        slices[i]->data = to;
        to += slices[i]->len;
    }
    return p;
}

static struct engine_pending **place(const struct engine_publish *p, int64_t sequence)
{
    assert(sequence >= p->published && sequence < p->next);
    return &p->ring[(size_t)sequence % p->ring_size];
}

static void grow(struct engine_publish *p)
{
    size_t size = p->ring_size ? p->ring_size * 2 : 64;
    struct engine_pending **ring = calloc(size, sizeof *ring);
    if (!ring)
        abort();
    for (int64_t q = p->published; q < p->next; q++)
        ring[(size_t)q % size] = *place(p, q);
    free(p->ring);
    p->ring = ring;
    p->ring_size = size;
}

void engine_publish_add(struct engine_lane *l, const struct engine_event *event)
{
    struct engine_publish *p = &l->publish;
    assert(event->sequence == p->next);
    if ((size_t)(p->next - p->published) == p->ring_size)
        grow(p);
    p->next++;
    struct engine_pending *pending = pending_of(event);
    *place(p, event->sequence) = pending;
    p->bytes += pending->len;
}

void engine_publish_clear(struct engine_lane *l)
{
    struct engine_publish *p = &l->publish;
    for (int64_t q = p->published; q < p->next; q++)
        free(*place(p, q));
    free(p->ring);
    *p = (struct engine_publish){0};
}

/* A takeover begins a round: nothing that an earlier ownership sent counts any more. */
bool engine_publish_begin(struct engine *e, struct engine_lane *l, const struct engine_taken *taken)
{
    int64_t expected = taken->row.published;
    engine_publish_clear(l);
    l->publish = (struct engine_publish){
        .round = ++e->rounds,
        .published = taken->row.published,
        .sent = taken->row.published,
        .next = taken->row.published,
        .event_offset = taken->row.event_offset,
        .round_offset = -1,
    };
    for (size_t i = 0; i < taken->event_count && taken->events[i].sequence == expected; i++) {
        engine_publish_add(l, &taken->events[i]);
        expected++;
    }
    return expected == taken->row.next_event;
}

void engine_publish_unsaved(struct engine *e, struct engine_lane *l,
                            const struct engine_event *event)
{
    (void)!e->ports.log.publish(e->ports.log.ctx, l->publish.round, event);
}

static void advance(struct engine *e, struct engine_lane *l)
{
    struct engine_publish *p = &l->publish;
    while (p->published < p->next) {
        struct engine_pending **at = place(p, p->published);
        if (!(*at)->acknowledged)
            break;
        if ((*at)->offset <= p->round_offset && !ENGINE_BUG(PUBLISHED_ON_SEND)) {
            engine_publish_end_round(e, "an event was stored out of order");
            return;
        }
        p->round_offset = p->event_offset = (*at)->offset;
        p->bytes -= (*at)->len;
        free(*at);
        *at = NULL;
        p->published++;
        e->rounds_failed = 0;
        e->stats.events_acknowledged++;
    }
    engine_lane_note_published(e, l);
}

void engine_publish_pump(struct engine *e, struct engine_lane *l)
{
    struct engine_publish *p = &l->publish;
    if (l->state != ENGINE_LANE_RUNNING || l->stopping)
        return;
    if (engine_now_ms(e) < e->publish_after_ms) {
        e->publish_blocked = true;
        return;
    }
    while (p->sent < p->next) {
        struct engine_pending *next = *place(p, p->sent);
        enum mr_status status = e->ports.log.publish(e->ports.log.ctx, p->round, &next->event);
        if (status == MR_INVALID) {
            snprintf(l->stop_reason, sizeof l->stop_reason,
                     "the log can never take event %lld: it is too large or not allowed",
                     (long long)p->sent);
            engine_lane_stop_soon(e, l);
            return;
        }
        if (status != MR_OK) {
            e->publish_blocked = true;
            return;
        }
        p->sent++;
        if (ENGINE_BUG(PUBLISHED_ON_SEND)) {
            next->acknowledged = true;
            next->offset = p->round_offset + 1;
            advance(e, l);
        }
    }
}

void engine_publish_end_round(struct engine *e, const char *why)
{
    e->stats.rounds_ended++;
    engine_tell(e, ENGINE_ROUND_ENDED, -1, "%s; every lane sends again from `published`", why);
    e->ports.log.purge(e->ports.log.ctx);
    for (int32_t i = 0; i < e->options.lanes; i++) {
        struct engine_lane *l = &e->lanes[i];
        struct engine_publish *p = &l->publish;
        if (!engine_lane_is_owned(l))
            continue;
        p->round = ++e->rounds;
        p->sent = p->published;
        p->round_offset = -1;
        for (int64_t q = p->published; q < p->next; q++)
            (*place(p, q))->acknowledged = false;
    }
    /* Sent on by a later tick, ever later while nothing is acknowledged. */
    int64_t wait = ROUND_MS << (e->rounds_failed < 7 ? e->rounds_failed : 7);
    e->rounds_failed++;
    e->publish_after_ms = engine_now_ms(e) + wait;
    e->publish_blocked = true;
}

void engine_on_report(struct engine *e, uint64_t round, int32_t lane, int64_t sequence, bool stored,
                      int64_t offset)
{
    struct engine_lane *l = &e->lanes[lane];
    struct engine_publish *p = &l->publish;
    if (!engine_lane_is_owned(l) || round != p->round || sequence < p->published)
        return; /* of an earlier round or ownership: counts for nothing, good or bad */
    if (!stored) {
        engine_publish_end_round(e, "an event's delivery failed or is not known");
    } else {
        struct engine_pending *at = *place(p, sequence);
        at->acknowledged = true;
        at->offset = offset;
        advance(e, l);
    }
    engine_work(e);
}
