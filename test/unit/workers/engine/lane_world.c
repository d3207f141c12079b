#include "lane_world.h"

#include "mr_lane.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

/* ---- the log ---- */

static void log_check(void *ctx, const struct engine_check *check)
{
    struct lane_log *l = &((struct lane_world *)ctx)->log[check->lane];
    l->check = *check;
    l->asked = true;
    l->checks++;
}

static void log_start(void *ctx, int32_t lane, int64_t position)
{
    struct lane_log *l = &((struct lane_world *)ctx)->log[lane];
    cr_assert_not(l->started, "lane %d is read twice", lane);
    l->started = true;
    l->paused = false;
    l->started_at = position;
    l->next = position == ENGINE_EARLIEST ? 0 : position;
}

static void log_stop(void *ctx, int32_t lane)
{
    struct lane_log *l = &((struct lane_world *)ctx)->log[lane];
    l->started = false;
    l->started_at = -1;
}

static void log_pause(void *ctx, int32_t lane)
{
    struct lane_log *l = &((struct lane_world *)ctx)->log[lane];
    cr_assert(l->started && !l->paused);
    l->paused = true;
    l->pauses++;
}

static void log_resume(void *ctx, int32_t lane)
{
    struct lane_log *l = &((struct lane_world *)ctx)->log[lane];
    cr_assert(l->started && l->paused);
    l->paused = false;
    l->resumes++;
}

static enum mr_status log_publish(void *ctx, uint64_t round, const struct engine_event *event)
{
    struct lane_world *w = ctx;
    if (event->sequence == w->invalid_sequence)
        return MR_INVALID;
    if (w->room == 0)
        return MR_LIMIT;
    cr_assert_lt(w->sent_count, LANE_EVENTS, "events are sent without end");
    cr_assert(w->rows[event->lane].events[event->sequence].data.data, "sent before its commit");
    w->room--;
    w->sent[w->sent_count++] =
        (struct lane_sent){.round = round, .lane = event->lane, .sequence = event->sequence};
    return MR_OK;
}

static void log_purge(void *ctx)
{
    ((struct lane_world *)ctx)->purges++;
}

/* As the log port must: the id says the lane and the due time, whoever writes it. */
static void log_tick(void *ctx, int32_t lane, int64_t due_ms)
{
    struct lane_world *w = ctx;
    cr_assert_lt((size_t)w->tick_count, sizeof w->ticks / sizeof *w->ticks);
    w->ticks[w->tick_count++] = (struct lane_tick){.lane = lane, .due_ms = due_ms};
    lane_add(w, .lane = lane, .due_ms = due_ms);
}

static void log_progress(void *ctx, int32_t lane, int64_t applied)
{
    const struct lane_world *w = ctx;
    cr_assert_eq(applied, w->rows[lane].row.applied, "progress that is not in the row");
}

static int64_t clock_now(void *ctx)
{
    return ((struct lane_world *)ctx)->now_ms;
}

static int64_t clock_wall(void *ctx)
{
    const struct lane_world *w = ctx;
    return LANE_FIRST_MS + w->now_ms - w->wall_behind_ms;
}

static uint64_t draw(void *ctx)
{
    return ++((struct lane_world *)ctx)->drawn;
}

static void tell(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text)
{
    struct lane_world *w = ctx;
    (void)lane;
    w->told[kind]++;
    snprintf(w->said[kind], sizeof w->said[kind], "%s", text);
}

/* ---- life ---- */

static struct mr_uuid uuid_of(int64_t n)
{
    uint8_t bits[10] = {0};
    for (int i = 0; i < 8; i++) /* version and variant take bits of the first ones */
        bits[2 + i] = (uint8_t)(n >> (56 - 8 * i));
    return mr_uuid_v7(LANE_FIRST_MS, bits);
}

static void make_accounts(struct lane_world *w)
{
    char text[MR_UUID_TEXT + 1];
    int64_t n = 1 << 20;
    for (int32_t lane = 0; lane < LANES; lane++)
        for (int who = 0; who < LANE_WHO; who++)
            do {
                w->accounts[lane][who] = uuid_of(n++);
                mr_uuid_text(&w->accounts[lane][who], text);
            } while (mr_lane_of(mr_slice_text(text), LANES) != lane);
}

void lane_world_open(struct lane_world *w)
{
    *w = (struct lane_world){.now_ms = 1000, .drawn = 100, .room = -1, .invalid_sequence = -1};
    w->options = (struct engine_options){
        .lanes = LANES,
        .batch_commands_max = 128,
        .batch_bytes_max = 1 << 20,
        .batch_arena_bytes_max = 1 << 20,
        .queue_bytes_max = 1 << 20,
        .event_bytes_max = 1000,
        .publish_ahead_max = LANE_EVENTS,
        .commit_target_ms = 50,
        .flush_timeout_ms = 5000,
    };
    mr_arena_init(&w->arena, (size_t)64 << 20);
    make_accounts(w);
    for (int32_t i = 0; i < LANES; i++) {
        w->rows[i].row = (struct engine_row){.lane = i, .fence = 7, .event_offset = -1};
        w->log[i].started_at = -1;
    }
}

void lane_world_close(struct lane_world *w)
{
    engine_free(w->engine);
    mr_arena_free(&w->arena);
}

void lane_start(struct lane_world *w)
{
    struct engine_ports ports = {
        .log = {.ctx = w,
                .check = log_check,
                .start = log_start,
                .stop = log_stop,
                .pause = log_pause,
                .resume = log_resume,
                .publish = log_publish,
                .purge = log_purge,
                .tick = log_tick,
                .progress = log_progress},
        .store = lane_store(w),
        .clock = {w, clock_now, clock_wall},
        .random = {w, draw},
        .checker = lane_checker,
        .notice = {w, tell},
    };
    w->domain = lane_domain;
    w->domain.tick_interval_ms = w->tick_interval_ms;
    w->engine = engine_new(&w->domain, &ports, &w->options);
    engine_on_connection(w->engine, true);
}

void lane_assign(struct lane_world *w, int32_t lane)
{
    engine_assign(w->engine, &lane, 1);
}

void lane_revoke(struct lane_world *w, int32_t lane)
{
    engine_revoke(w->engine, &lane, 1);
}

void lane_run(struct lane_world *w, int32_t count)
{
    lane_start(w);
    for (int32_t i = 0; i < count; i++)
        lane_assign(w, i);
    lane_go(w);
    for (int32_t i = 0; i < count; i++)
        cr_assert_eq(lane_view(w, i).state, ENGINE_LANE_RUNNING);
}

/* ---- records ---- */

static struct mr_uuid tick_id(int32_t lane, int64_t due_ms)
{
    char name[64];
    int len = snprintf(name, sizeof name, "test\n%d\n%" PRId64, lane, due_ms);
    return mr_uuid_v5(mr_slice(name, (size_t)len));
}

static void ce_of(struct lane_world *w, const struct lane_command *command, int64_t time_ms,
                  struct mr_ce_command *ce)
{
    bool tick = command->due_ms != 0;
    const char *type = command->type ? command->type : tick ? "test.tick" : "test.add";
    *ce = (struct mr_ce_command){
        .id = tick               ? tick_id(command->lane, command->due_ms)
              : command->id_text ? (struct mr_uuid){{0}}
                                 : uuid_of(command->id ? command->id : 1000 + ++w->ids),
        .account = tick ? (struct mr_uuid){{0}} : w->accounts[command->lane][command->who],
        .tick_lane = tick ? command->lane : -1,
        .time_ms = time_ms,
        .domain = mr_slice_text("test"),
        .principal = mr_slice_text("somebody"),
        .type = mr_slice_text(type),
    };
    if (command->id_text)
        cr_assert_eq(mr_uuid_parse(mr_slice_text(command->id_text), &ce->id), MR_OK);
}

int64_t lane_append(struct lane_world *w, const struct lane_command *command)
{
    struct lane_log *l = &w->log[command->lane];
    char account[MR_UUID_TEXT + 1], tick[64];
    int64_t position = l->count;
    int64_t time_ms =
        LANE_FIRST_MS + command->day * DAY_MS + command->after_ms + w->now_ms - 1000 + position;
    struct mr_ce_command ce;
    struct mr_ce_headers headers = {0};
    cr_assert_lt(position, LANE_RECORDS);
    ce_of(w, command, time_ms, &ce);
    mr_uuid_text(&ce.account, account);
    if (!command->no_headers)
        cr_assert_eq(mr_ce_command_build(&ce, &w->arena, &headers), MR_OK);
    snprintf(tick, sizeof tick, "{\"due_ms\":%" PRId64 "}", command->due_ms);
    const char *key = command->key ? command->key : command->due_ms ? "tick" : account;
    const char *body = command->body ? command->body : command->due_ms ? tick : "{\"add\":1}";
    l->records[l->count++] = (struct engine_record){
        .lane = command->lane,
        .in = {.position = position,
               .append_time_ms = time_ms,
               .key = mr_arena_slice(&w->arena, mr_slice_text(command->no_key ? NULL : key)),
               .value = mr_arena_slice(&w->arena, mr_slice_text(command->no_value ? NULL : body)),
               .headers = headers},
    };
    return position;
}

bool lane_deliver(struct lane_world *w)
{
    bool any = false;
    for (int32_t i = 0; i < LANES; i++) {
        struct lane_log *l = &w->log[i];
        while (l->started && !l->paused && l->next < l->count) {
            any = true;
            engine_on_record(w->engine, &l->records[l->next++]);
        }
    }
    return any;
}

struct engine_checked lane_checked(const struct lane_world *w, const struct engine_check *check)
{
    const struct lane_log *l = &w->log[check->lane];
    struct engine_checked c = {
        .lane = check->lane,
        .number = check->number,
        .event_sequence = -1,
        .event_highest = -1,
        .log_end = l->count,
    };
    if (check->applied > l->count) {
        c.command = ENGINE_FIND_AHEAD;
    } else if (check->applied > 0) {
        const struct mr_record *in = &l->records[check->applied - 1].in;
        c.command = ENGINE_FIND_HERE;
        c.command_digest =
            mr_digest_record(in->key, in->value, mr_ce_header_find(&in->headers, "ce_id"));
    }
    if (check->event_offset >= l->event_count) {
        c.event = ENGINE_FIND_AHEAD;
    } else if (check->event_offset >= 0) {
        c.event = ENGINE_FIND_HERE;
        c.event_sequence = l->events[check->event_offset];
    }
    for (int64_t i = check->event_offset < 0 ? 0 : check->event_offset; i < l->event_count; i++)
        if (l->events[i] > c.event_highest)
            c.event_highest = l->events[i];
    return c;
}

void lane_check(struct lane_world *w, int32_t lane)
{
    struct engine_checked c = lane_checked(w, &w->log[lane].check);
    w->log[lane].asked = false;
    engine_on_checked(w->engine, &c);
}

/* ---- time ---- */

/* False: nothing is to be done but to answer the store. */
static bool log_goes_on(struct lane_world *w)
{
    for (int32_t i = 0; i < LANES; i++)
        if (w->log[i].asked) {
            lane_check(w, i);
            return true;
        }
    return lane_deliver(w);
}

void lane_go(struct lane_world *w)
{
    for (int i = 0; i < 20000; i++) {
        if (log_goes_on(w))
            continue;
        if (!w->op)
            return;
        lane_answer(w);
    }
    cr_assert_fail("the engine works without end");
}

void lane_until(struct lane_world *w, char op)
{
    for (int i = 0; i < 20000; i++) {
        if (log_goes_on(w))
            continue;
        if (w->op == op)
            return;
        cr_assert(w->op, "nothing is left to do before '%c'", op);
        lane_answer(w);
    }
    cr_assert_fail("'%c' never comes", op);
}

void lane_gather(struct lane_world *w)
{
    cr_assert_eq(w->op, 0);
    lane_wait(w, 1000);
    lane_until(w, 'l');
    lane_until(w, 'b');
}

void lane_wait(struct lane_world *w, int64_t ms)
{
    w->now_ms += ms;
    engine_tick(w->engine);
}

void lane_pass(struct lane_world *w, int64_t ms)
{
    for (int64_t passed = 0; passed < ms; passed += 10) {
        lane_wait(w, 10);
        lane_go(w);
    }
}

/* ---- events ---- */

void lane_report(struct lane_world *w, int i, bool stored)
{
    struct lane_sent *s = &w->sent[i];
    struct lane_log *l = &w->log[s->lane];
    int64_t offset = -1;
    s->reported = true;
    if (stored) {
        offset = l->event_count++;
        l->events[offset] = s->sequence;
    }
    engine_on_report(w->engine, s->round, s->lane, s->sequence, stored, offset);
}

void lane_ack(struct lane_world *w)
{
    for (int i = 0; i < w->sent_count; i++)
        if (!w->sent[i].reported)
            lane_report(w, i, true);
}

/* ---- what there is to see ---- */

const char *lane_outcomes(const struct lane_world *w, int32_t lane)
{
    static char text[LANE_RECORDS + 1];
    const struct lane_rows *r = &w->rows[lane];
    for (int64_t p = 0; p < r->row.applied; p++)
        text[p] = r->what[p] ? r->what[p] : '=';
    text[r->row.applied] = 0;
    return text;
}

const char *lane_sent(const struct lane_world *w, int i)
{
    static char text[4096];
    size_t n = 0;
    text[0] = 0;
    for (; i < w->sent_count && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%d:%" PRId64, n ? " " : "",
                              w->sent[i].lane, w->sent[i].sequence);
    return text;
}

void lane_file(struct lane_world *w, int32_t lane, int64_t position, enum engine_action action)
{
    struct lane_rows *r = &w->rows[lane];
    cr_assert_lt((size_t)r->filed_count, sizeof r->filed / sizeof *r->filed);
    r->filed[r->filed_count++] =
        (struct engine_request){.lane = lane, .position = position, .action = action};
}

struct engine_lane_view lane_view(const struct lane_world *w, int32_t lane)
{
    struct engine_lane_view view;
    engine_lane_look(w->engine, lane, &view);
    return view;
}
