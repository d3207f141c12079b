#include "sim.h"

#include "billing_domain.h"
#include "mr_lane.h"
#include "sim_tally.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- commands ---- */

struct make {
    struct sim *sim;
    int lane, account;
    const char *type;
    struct mr_uuid id, subject;
    bool has_subject;
    int64_t amount;
    char body[1200];
};

static struct mr_uuid new_id(struct sim *s)
{
    uint8_t bits[10];
    for (size_t i = 0; i < sizeof bits; i++)
        bits[i] = (uint8_t)sim_below(s, 256);
    return mr_uuid_v7(SIM_DAY_MS + (int64_t)sim_below(s, 1000), bits);
}

/* What makes two records of one id the same command. */
static struct mr_digest hash_of(const struct sim_record *r)
{
    const struct mr_record *in = &r->record.in;
    return mr_digest_command(mr_ce_header_find(&in->headers, "ce_type"),
                             mr_ce_header_find(&in->headers, "ce_subject"), in->value);
}

static struct sim_record *append(struct make *m, enum sim_kind kind)
{
    struct sim *s = m->sim;
    int n = s->topics.record_count[m->lane];
    bool tick = m->account == SIM_NOBODY;
    if (n == SIM_RECORDS_MAX)
        return NULL;
    struct sim_record *r = &s->topics.records[m->lane][n];
    char account[MR_UUID_TEXT + 1];
    struct mr_ce_command ce = {
        .id = m->id,
        .account = s->accounts[m->account],
        .subject = m->subject,
        .has_subject = m->has_subject,
        .tick_lane = tick ? m->lane : -1,
        .time_ms = SIM_DAY_MS,
        .domain = mr_slice_text(s->tally ? "tally" : "billing"),
        .principal = mr_slice_text("sim"),
        .type = mr_slice_text(m->type),
    };
    struct mr_ce_headers headers = {0};
    mr_uuid_text(&ce.account, account);
    if (kind != SIM_UNREADABLE && mr_ce_command_build(&ce, &s->arena, &headers) != MR_OK)
        abort();
    *r = (struct sim_record){
        .kind = kind, .account = m->account, .id = m->id, .amount_minor = m->amount};
    if (s->tally)
        r->keep = tally_keep(&ce);
    r->record = (struct engine_record){
        .lane = m->lane,
        .in = {.position = n,
               .append_time_ms = SIM_DAY_MS + s->now_ms,
               .key = mr_arena_slice(&s->arena, mr_slice_text(tick ? "tick" : account)),
               .value = mr_arena_slice(&s->arena, mr_slice_text(m->body)),
               .headers = headers},
    };
    /* Headers borrow the struct's texts; those are constants. */
    r->hash = hash_of(r);
    s->topics.record_count[m->lane]++;
    return r;
}

/* An id of an invoice that was made in the lane for this account, most of the time. */
static struct mr_uuid some_invoice(struct sim *s, int lane, int account)
{
    for (int tries = 0; tries < 6; tries++) {
        int n = s->topics.record_count[lane];
        if (n == 0)
            break;
        const struct sim_record *r = &s->topics.records[lane][sim_below(s, (uint32_t)n)];
        if (r->account == account && r->kind < SIM_STRANGE)
            return r->id;
    }
    return new_id(s);
}

static void make_create(struct make *m, enum sim_kind kind)
{
    int description = kind == SIM_LARGE ? SIM_EVENT_BYTES : 1;
    m->type = "billing.invoice.create";
    m->has_subject = false;
    snprintf(m->body, sizeof m->body,
             "{\"customer\":\"%s\",\"currency\":\"EUR\",\"lines\":[{\"description\":\"%0*d\","
             "\"quantity\":%u,\"unit_amount_minor\":%u}]}",
             kind == SIM_POISON ? "poison" : "c", description, 0, 1 + sim_below(m->sim, 3),
             100 + sim_below(m->sim, 50));
    if (kind == SIM_BROKEN)
        m->body[strlen(m->body) - 1] = 0;
    append(m, kind);
}

/* Of a type that the domain does not know, or that is no tick's. */
static void make_tick(struct make *m)
{
    m->account = SIM_NOBODY;
    m->type = m->sim->tally ? "tally.count" : "billing.tick";
    m->has_subject = false;
    snprintf(m->body, sizeof m->body, "{}");
    append(m, SIM_STRANGE);
}

static void make_finalize(struct make *m)
{
    m->type = "billing.invoice.finalize";
    m->has_subject = true;
    m->subject = some_invoice(m->sim, m->lane, m->account);
    snprintf(m->body, sizeof m->body, "{}");
    append(m, SIM_GOOD);
}

static void make_payment(struct make *m)
{
    struct mr_uuid invoice = some_invoice(m->sim, m->lane, m->account);
    char text[MR_UUID_TEXT + 1];
    int64_t amount = 1 + (int64_t)sim_below(m->sim, 120);
    m->type = "billing.payment.record"; /* not known before the deploy */
    m->has_subject = false;
    m->amount = amount;
    snprintf(m->body, sizeof m->body, "{\"invoice\":\"%s\",\"amount_minor\":%lld}",
             mr_uuid_text(&invoice, text), (long long)amount);
    append(m, SIM_UNKNOWN);
}

/* The same command again, whole or with another body. */
static void make_repeat(struct make *m)
{
    struct sim *s = m->sim;
    int n = s->topics.record_count[m->lane];
    if (n == 0 || n == SIM_RECORDS_MAX)
        return;
    struct sim_record *to = &s->topics.records[m->lane][n],
                      *from = &s->topics.records[m->lane][sim_below(s, (uint32_t)n)];
    *to = *from;
    to->record.in.position = n;
    to->record.in.append_time_ms = SIM_DAY_MS + s->now_ms;
    if (from->kind < SIM_STRANGE && sim_maybe(s, 300)) {
        struct mr_buf body;
        mr_buf_init(&body, 0);
        mr_buf_slice(&body, from->record.in.value);
        mr_buf_char(&body, ' '); /* other bytes: a conflict */
        to->record.in.value = mr_arena_slice(&s->arena, mr_buf_all(&body));
        to->hash = hash_of(to);
        mr_buf_free(&body);
    }
    s->topics.record_count[m->lane]++;
}

static int account_in(struct sim *s, int lane, bool inside)
{
    for (;;) {
        int a = (int)sim_below(s, SIM_ACCOUNTS);
        char text[MR_UUID_TEXT + 1];
        mr_uuid_text(&s->accounts[a], text);
        if ((mr_lane_of(mr_slice_text(text), SIM_LANES) == lane) == inside)
            return a;
    }
}

static void make_billing(struct sim *s, struct make *m)
{
    switch (sim_below(s, 17)) {
    case 0:
    case 1:
    case 2:
    case 3:
        make_create(m, SIM_GOOD);
        break;
    case 4:
    case 5:
    case 6:
        make_finalize(m);
        break;
    case 7:
    case 8:
    case 9:
        make_payment(m);
        break;
    case 10:
        make_create(m, SIM_POISON);
        break;
    case 13:
        make_create(m, SIM_BROKEN);
        break;
    case 14:
        make_create(m, SIM_LARGE);
        break;
    case 15:
        make_tick(m);
        break;
    case 11:
        m->account = account_in(s, m->lane, false);
        m->type = "billing.invoice.create";
        snprintf(m->body, sizeof m->body, "{}");
        append(m, SIM_MISROUTED);
        break;
    case 12:
        m->type = "x";
        snprintf(m->body, sizeof m->body, "{}");
        append(m, sim_maybe(s, 300) ? SIM_UNREADABLE : SIM_GOOD);
        break;
    default:
        make_repeat(m);
    }
}

/* What the simulator's own domain is sent. */
static void make_tally(struct sim *s, struct make *m)
{
    static const char *const types[] = {"tally.count", "tally.fact", "tally.add"},
                             *const late[] = {"tally.late_count", "tally.late_fact",
                                              "tally.late_add"};
    static const enum sim_kind hard[] = {SIM_POISON, SIM_BROKEN, SIM_EMPTY};
    uint32_t what = sim_below(s, 24), of = sim_below(s, 5) % 3;
    enum sim_kind kind = SIM_GOOD;
    m->type = types[of];
    m->amount = 1 + sim_below(s, 9);
    if (what < 7) {
        make_repeat(m);
        return;
    }
    if (what == 7) {
        make_tick(m);
        return;
    }
    if (what == 8 || what == 9) {
        kind = hard[sim_below(s, 3)];
    } else if (what == 10) {
        kind = sim_maybe(s, 500) ? SIM_MISROUTED : SIM_UNREADABLE;
    } else if (what == 11) {
        m->type = "tally.x"; /* no release knows it */
    } else if (what < 16) {
        kind = SIM_UNKNOWN;
        m->type = late[of];
    }
    if (kind == SIM_MISROUTED)
        m->account = account_in(s, m->lane, false);
    if (kind == SIM_EMPTY)
        m->amount = 0;
    snprintf(m->body, sizeof m->body, kind == SIM_BROKEN ? "{" : "{\"amount\":%" PRId64 "}",
             m->amount);
    append(m, kind);
}

static void make_one(struct sim *s, int lane)
{
    struct make m = {.sim = s, .lane = lane, .account = account_in(s, lane, true), .id = new_id(s)};
    if (s->tally)
        make_tally(s, &m);
    else
        make_billing(s, &m);
}

void sim_topics_fill(struct sim *s)
{
    for (int i = 0; i < SIM_ACCOUNTS; i++) {
        char text[MR_UUID_TEXT + 1];
        do { /* half of the accounts in each lane */
            s->accounts[i] = new_id(s);
            mr_uuid_text(&s->accounts[i], text);
        } while (mr_lane_of(mr_slice_text(text), SIM_LANES) != i % SIM_LANES);
    }
    int n = 3 + (int)sim_below(s, 30);
    s->to_make = s->tally ? n * 2 / 3 : 0; /* between ticks */
    for (int i = s->to_make; i < n; i++)
        make_one(s, (int)sim_below(s, SIM_LANES));
}

bool sim_topics_step(struct sim *s)
{
    if (s->to_make == 0 || s->calm)
        return false;
    s->to_make--;
    make_one(s, (int)sim_below(s, SIM_LANES));
    return true;
}

/* The id says lane and due time, whoever writes it. */
bool sim_tick_step(struct sim *s)
{
    if (s->tick_count == 0)
        return false;
    struct sim_tick *t = &s->ticks[sim_below(s, (uint32_t)s->tick_count)];
    struct make m = {.sim = s, .lane = t->lane, .account = SIM_NOBODY, .type = "tally.tick"};
    char name[64];
    int len = snprintf(name, sizeof name, "tally\n%d\n%" PRId64, t->lane, t->due_ms);
    m.id = mr_uuid_v5(mr_slice(name, (size_t)len));
    snprintf(m.body, sizeof m.body, "{\"due_ms\":%" PRId64 "}", t->due_ms);
    if (!sim_fault(s, 100))
        append(&m, SIM_GOOD);
    *t = s->ticks[--s->tick_count];
    return true;
}

/* ---- the events' way ---- */

struct mr_digest sim_content(const struct engine_event *e)
{
    struct mr_slice parts[] = {
        e->type,
        e->data,
        mr_slice(e->subject.bytes, sizeof e->subject.bytes),
        mr_slice(e->causation.bytes, sizeof e->causation.bytes),
    };
    return mr_digest_of(parts, sizeof parts / sizeof *parts);
}

void sim_net_send(struct sim *s, int worker, uint64_t round, const struct engine_event *event)
{
    if (s->net_count == SIM_NET_MAX) { /* reported ones make room */
        int n = 0;
        for (int i = 0; i < s->net_count; i++)
            if (!s->net[i].reported || s->net[i].flight == SIM_FLYING)
                s->net[n++] = s->net[i];
        s->net_count = n;
    }
    if (s->net_count == SIM_NET_MAX) {
        sim_bad(s, "events are sent without end");
        return;
    }
    s->net[s->net_count++] = (struct sim_message){
        .worker = worker,
        .life = s->workers[worker].p.life,
        .round = round,
        .lane = event->lane,
        .sequence = event->sequence,
        .content = sim_content(event),
    };
    sim_say(s, "w%d sends event %lld of lane %d, round %llu", worker, (long long)event->sequence,
            event->lane, (unsigned long long)round);
}

static void store_message(struct sim *s, struct sim_message *m)
{
    struct sim_topics *t = &s->topics;
    if (t->event_count[m->lane] == SIM_TOPIC_MAX) {
        sim_bad(s, "the events topic grows without end");
        return;
    }
    m->offset = t->event_count[m->lane]++;
    m->flight = SIM_STORED;
    t->events[m->lane][m->offset] =
        (struct sim_event){.sequence = m->sequence, .content = m->content};
    sim_say(s, "topic %d[%lld] = event %lld of w%d", m->lane, (long long)m->offset,
            (long long)m->sequence, m->worker);
    if (m->sequence >= SIM_EVENTS_MAX || !s->has_committed[m->lane][m->sequence])
        sim_bad(s, "event %lld of lane %d was published and never committed",
                (long long)m->sequence, m->lane);
    else if (memcmp(&s->committed[m->lane][m->sequence], &m->content, sizeof m->content) != 0)
        sim_bad(s, "event %lld of lane %d was published with another content",
                (long long)m->sequence, m->lane);
}

/* One message arrives, or is lost on the way. */
bool sim_net_step(struct sim *s)
{
    int flying[SIM_NET_MAX], n = 0;
    for (int i = 0; i < s->net_count; i++)
        if (s->net[i].flight == SIM_FLYING)
            flying[n++] = i;
    if (n == 0)
        return false;
    struct sim_message *m = &s->net[flying[sim_below(s, (uint32_t)n)]];
    for (int i = 0; s->fifo && i < n; i++) /* the first of its process and life */
        if (s->net[flying[i]].worker == m->worker && s->net[flying[i]].life == m->life) {
            m = &s->net[flying[i]];
            break;
        }
    if (sim_fault(s, 100)) {
        m->flight = SIM_GONE;
        sim_say(s, "the network loses event %lld of lane %d", (long long)m->sequence, m->lane);
    } else {
        store_message(s, m);
    }
    return true;
}

bool sim_net_report(struct sim *s, struct sim_worker *w)
{
    int mine[SIM_NET_MAX], n = 0;
    for (int i = 0; i < s->net_count; i++) {
        const struct sim_message *m = &s->net[i];
        if (!m->reported && m->worker == w->p.index && m->life == w->p.life &&
            (m->flight != SIM_FLYING || m->disowned || (!s->calm && s->faults > 0)))
            mine[n++] = i;
    }
    if (n == 0)
        return false;
    struct sim_message *m = &s->net[mine[sim_below(s, (uint32_t)n)]];
    if (m->flight == SIM_FLYING && !m->disowned && !sim_fault(s, 100))
        return false; /* not known yet */
    bool stored = m->flight == SIM_STORED && !m->disowned && !sim_fault(s, 50);
    m->reported = true;
    sim_say(s, "w%d hears of event %lld of lane %d, round %llu: %s", w->p.index,
            (long long)m->sequence, m->lane, (unsigned long long)m->round,
            stored ? "stored" : "failed or unknown");
    engine_on_report(w->engine, m->round, m->lane, m->sequence, stored, m->offset);
    return true;
}

/* What is queued goes, what is in flight may still be stored; all of it is reported as failed. */
void sim_net_purge(struct sim *s, const struct sim_worker *w)
{
    for (int i = 0; i < s->net_count; i++) {
        struct sim_message *m = &s->net[i];
        if (m->worker != w->p.index || m->life != w->p.life || m->reported)
            continue;
        if (m->flight == SIM_FLYING) {
            m->disowned = true;
            if (sim_maybe(s, 500))
                m->flight = SIM_GONE;
        }
    }
}

/* ---- questions wait in line, and may be answered long after they were asked ---- */

void sim_check_ask(struct sim_process *p, const struct engine_check *check)
{
    if (p->check_count == SIM_CHECKS_MAX) {
        sim_bad(p->sim, "checks are asked without end");
        return;
    }
    p->checks[p->check_count++] = *check;
}

bool sim_check_next(struct sim *s, struct sim_process *p, struct engine_check *out)
{
    if (p->check_count == 0 || (!s->calm && sim_maybe(s, 500)))
        return false;
    *out = p->checks[0];
    memmove(p->checks, p->checks + 1, (size_t)--p->check_count * sizeof *p->checks);
    return true;
}

/* ---- what a takeover reads ---- */

void sim_check_answer(struct sim *s, const struct engine_check *check, struct engine_checked *out)
{
    const struct sim_topics *t = &s->topics;
    int lane = check->lane;
    *out = (struct engine_checked){
        .lane = lane,
        .number = check->number,
        .command = ENGINE_FIND_GONE,
        .event = ENGINE_FIND_GONE,
        .event_sequence = -1,
        .event_highest = -1,
        .log_end = t->record_count[lane],
    };
    if (check->applied > 0 && check->applied <= t->record_count[lane]) {
        const struct mr_record *in = &t->records[lane][check->applied - 1].record.in;
        out->command = ENGINE_FIND_HERE;
        out->command_digest =
            mr_digest_record(in->key, in->value, mr_ce_header_find(&in->headers, "ce_id"));
    } else if (check->applied > 0) {
        out->command = ENGINE_FIND_AHEAD;
    }
    if (check->event_offset >= t->event_count[lane]) {
        out->event = ENGINE_FIND_AHEAD;
    } else if (check->event_offset >= 0) {
        out->event = ENGINE_FIND_HERE;
        out->event_sequence = t->events[lane][check->event_offset].sequence;
    }
    for (int64_t i = check->event_offset < 0 ? 0 : check->event_offset; i < t->event_count[lane];
         i++)
        if (t->events[lane][i].sequence > out->event_highest)
            out->event_highest = t->events[lane][i].sequence;
}
