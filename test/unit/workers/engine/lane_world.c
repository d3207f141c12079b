#include "lane_world.h"

#include "mr_lane.h"
#include "mr_time.h"
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_MS INT64_C(1795564800000) /* the log's first day begins: 2026-11-25 */
#define DAY_MS   INT64_C(86400000)

/* ---- the domain ---- */

struct body {
    json_int_t add, events, event_bytes, keys, grow, size;
    const char *refuse;
};

struct sum {
    int64_t value;
    char pad[];
};

static bool deployed;

void lane_deploy(bool now)
{
    deployed = now;
}

static bool knows(const char *type)
{
    return strcmp(type, "test.add") == 0 || (deployed && strcmp(type, "test.new") == 0);
}

static enum mr_status read_body(const struct mr_ce_command *ce, json_t *json,
                                struct mr_arena *arena, const void **body)
{
    struct body *b = mr_arena_alloc(arena, sizeof *b);
    (void)ce;
    cr_assert(b);
    b->events = 1;
    json_unpack(json, "{s?I, s?I, s?I, s?I, s?I, s?I, s?s}", "add", &b->add, "events", &b->events,
                "event_bytes", &b->event_bytes, "keys", &b->keys, "grow", &b->grow, "size",
                &b->size, "refuse", &b->refuse);
    *body = b;
    return MR_OK;
}

static void keys_of(const struct engine_input *input, struct engine_keys *keys)
{
    const struct body *b = input->body;
    engine_keys_add(keys, 0, &input->ce->account, &input->ce->account);
    for (int64_t i = 0; i < b->keys; i++) {
        struct mr_uuid other = {.bytes = {1}};
        memcpy(other.bytes + 8, &i, sizeof i);
        engine_keys_add(keys, 0, &input->ce->account, &other);
    }
}

static enum engine_verdict decide(const struct engine_state *state,
                                  const struct engine_input *input, struct engine_effects *effects)
{
    const struct body *b = input->body;
    const struct mr_uuid *account = &input->ce->account;
    const struct engine_entity *was = engine_state_get(state, 0, account, account);
    int64_t version, value = (was->bytes ? ((const struct sum *)was->bytes)->value : 0) + b->add;
    struct sum *sum =
        engine_effects_change(effects, was, NULL, sizeof *sum + (size_t)b->size, &version);
    sum->value = value;
    engine_effects_row(effects, 0, &value, sizeof value);
    if (b->grow)
        engine_effects_alloc(effects, (size_t)b->grow);
    if (b->refuse)
        return engine_effects_refuse(effects, b->refuse, "The body asks for it.");
    char *pad = engine_effects_alloc(effects, (size_t)b->event_bytes + 1);
    memset(pad, 'x', (size_t)b->event_bytes);
    for (int64_t i = 0; i < b->events; i++)
        engine_effects_event(effects, "test.added", account, version,
                             json_pack("{s:I, s:s}", "sum", (json_int_t)value, "pad", pad));
    return ENGINE_APPLIED;
}

static const struct engine_kind kinds[] = {{.name = "sum"}};
static const char *const row_kinds[] = {"line"};
const struct engine_domain lane_domain = {
    .name = "test",
    .kinds = kinds,
    .kind_count = 1,
    .row_kinds = row_kinds,
    .row_kind_count = 1,
    .knows = knows,
    .read = read_body,
    .keys_of = keys_of,
    .decide = decide,
};

static enum engine_body check_body(void *ctx, const struct mr_ce_command *ce, struct mr_slice key,
                                   struct mr_slice value, struct mr_arena *arena, json_t **json,
                                   struct engine_refusal *refusal)
{
    char account[MR_UUID_TEXT + 1];
    (void)ctx, (void)arena;
    if (ce->tick_lane < 0 && !mr_slice_is(key, mr_uuid_text(&ce->account, account)))
        return ENGINE_BODY_MISROUTED;
    *json = json_loadb(value.data, value.len, 0, NULL);
    if (*json)
        return ENGINE_BODY_GOOD;
    *refusal = (struct engine_refusal){.problem = "invalid-body", .detail = "It is no JSON."};
    return ENGINE_BODY_BREAKS;
}

static bool declares(void *ctx, const struct mr_ce_command *ce, const char *problem)
{
    (void)ctx, (void)ce;
    return strcmp(problem, "undeclared") != 0;
}

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

static void log_progress(void *ctx, int32_t lane, int64_t applied)
{
    const struct lane_world *w = ctx;
    cr_assert_eq(applied, w->rows[lane].row.applied, "progress that is not in the row");
}

static int64_t clock_now(void *ctx)
{
    return ((struct lane_world *)ctx)->now_ms;
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
    return mr_uuid_v7(FIRST_MS, bits);
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
                .progress = log_progress},
        .store = lane_store(w),
        .clock = {w, clock_now},
        .random = {w, draw},
        .checker = {.ctx = w, .check = check_body, .declares = declares},
        .notice = {w, tell},
    };
    w->engine = engine_new(&lane_domain, &ports, &w->options);
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

int64_t lane_append(struct lane_world *w, const struct lane_command *command)
{
    struct lane_log *l = &w->log[command->lane];
    char key[MR_UUID_TEXT + 1];
    int64_t position = l->count;
    int64_t time_ms = FIRST_MS + command->day * DAY_MS + position;
    struct mr_ce_command ce = {
        .id = uuid_of(command->id ? command->id : 1000 + ++w->ids),
        .account = command->tick ? (struct mr_uuid){{0}} : w->accounts[command->lane][command->who],
        .tick_lane = command->tick ? command->lane : -1,
        .time_ms = time_ms,
        .domain = mr_slice_text("test"),
        .principal = mr_slice_text("somebody"),
        .type = mr_slice_text(command->type ? command->type : "test.add"),
    };
    struct mr_ce_headers headers = {0};
    cr_assert_lt(position, LANE_RECORDS);
    mr_uuid_text(&ce.account, key);
    if (!command->no_headers)
        cr_assert_eq(mr_ce_command_build(&ce, &w->arena, &headers), MR_OK);
    const char *in_key = command->key ? command->key : command->tick ? "tick" : key;
    const char *body = command->body ? command->body : "{\"add\":1}";
    l->records[l->count++] = (struct engine_record){
        .lane = command->lane,
        .in = {.position = position,
               .append_time_ms = time_ms,
               .key = mr_arena_slice(&w->arena, mr_slice_text(command->no_key ? NULL : in_key)),
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

int64_t lane_sum(const struct lane_world *w, int32_t lane, int who)
{
    for (int i = 0; i < w->entity_count; i++)
        if (mr_uuid_equal(&w->entities[i].key.id, &w->accounts[lane][who]))
            return ((const struct sum *)w->entities[i].bytes)->value;
    return 0;
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
