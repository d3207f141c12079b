#include "edge_wait.h"

#include "mr_clock.h"
#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#define WAITERS_MAX   4096
#define PAUSE_MS_MIN  5
#define PAUSE_MS_MAX  40
#define PAUSE_MS_AWAY 250
#define ARENA_BYTES   (4 * 1024 * 1024) /* 4,096 waiters take about 0.5 MiB */

struct edge_wait {
    struct edge *edge;
    struct edge_waiter *waiters;
    uint32_t count, waiters_max;
    struct mr_timer pause;
    int64_t pause_ms;
    int64_t pause_ms_min; /* PAUSE_MS_MIN, or what the last query took */

    bool asking;
    int64_t asked_ms;
    struct edge_query *query;
    struct edge_waiter **asked; /* by slot - 1; NULL: left meanwhile */
    uint32_t asked_count;
    struct mr_arena arena;
    struct mr_gauge *size;
    struct mr_histogram *seconds;
};

static void on_pause_over(void *data);

struct edge_wait *edge_wait_new(struct edge *edge, uint32_t waiters_max)
{
    struct edge_wait *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    w->edge = edge;
    w->waiters_max = waiters_max ? waiters_max : WAITERS_MAX;
    w->pause_ms = w->pause_ms_min = PAUSE_MS_MIN;
    w->asked = calloc(w->waiters_max, sizeof *w->asked);
    if (!w->asked)
        abort();
    mr_arena_init(&w->arena, ARENA_BYTES);
    mr_timer_init(&w->pause, edge->loop, on_pause_over, w);
    w->size = mr_metrics_gauge(edge->metrics, "millrace_edge_waiters",
                               "Requests that wait for the effect of a command", NULL);
    w->seconds = mr_metrics_histogram(edge->metrics, "millrace_edge_wait_query_seconds",
                                      "One query for all that wait", NULL);
    return w;
}

void edge_wait_free(struct edge_wait *w)
{
    if (!w)
        return;
    assert(!w->waiters);
    if (w->asking)
        edge_query_drop(w->query);
    mr_timer_stop(&w->pause);
    mr_arena_free(&w->arena);
    free(w->asked);
    free(w);
}

/* ---- who waits ---- */

static void leave(struct edge_wait *w, struct edge_waiter *waiter)
{
    DL_DELETE(w->waiters, waiter);
    w->count--;
    mr_gauge_set(w->size, w->count);
    mr_timer_stop(&waiter->deadline);
    if (waiter->slot)
        w->asked[waiter->slot - 1] = NULL;
    waiter->slot = 0;
    if (!w->waiters)
        mr_timer_stop(&w->pause);
}

static void end(struct edge_wait *w, struct edge_waiter *waiter, const struct edge_outcome *outcome)
{
    leave(w, waiter);
    waiter->request->cancel = waiter->request->hasten = NULL;
    waiter->ended(waiter, outcome);
}

static void on_deadline(void *data)
{
    struct edge_waiter *waiter = data;
    end(waiter->request->edge->wait, waiter, NULL);
}

/* The client has gone. */
static void cancel(struct edge_request *r)
{
    leave(r->edge->wait, r->under_way);
}

/* The client sends no more: what would be told later is told now. */
static void hasten(struct edge_request *r)
{
    r->prefer.wait_s = 0;
    end(r->edge->wait, r->under_way, NULL);
}

static void start_pause(struct edge_wait *w, int64_t pause_ms)
{
    w->pause_ms = pause_ms;
    mr_timer_start(&w->pause, pause_ms);
}

bool edge_wait_begin(struct edge_wait *w, struct edge_waiter *waiter)
{
    struct edge_request *r = waiter->request;
    assert(!r->cancel && waiter->ended);
    if (w->count == w->waiters_max || mr_http_exchange_has_input_ended(r->x))
        r->prefer.wait_s = 0;
    if (r->prefer.wait_s == 0)
        return false;
    int64_t wait_ms = r->prefer.wait_s * INT64_C(1000);
    int64_t left_ms = w->edge->waits_end_ms - mr_loop_now_ms(w->edge->loop);
    if (wait_ms > left_ms)
        wait_ms = left_ms > 0 ? left_ms : 0;
    waiter->slot = 0;
    DL_APPEND(w->waiters, waiter);
    mr_gauge_set(w->size, ++w->count);
    mr_timer_init(&waiter->deadline, w->edge->loop, on_deadline, waiter);
    mr_timer_start(&waiter->deadline, wait_ms);
    if (!w->asking && (!mr_timer_is_set(&w->pause) || w->pause_ms > w->pause_ms_min))
        start_pause(w, w->pause_ms_min);
    r->cancel = cancel;
    r->hasten = hasten;
    r->under_way = waiter;
    return true;
}

void edge_wait_end_by(struct edge_wait *w, int64_t wait_ms)
{
    struct edge_waiter *waiter;
    w->edge->waits_end_ms = mr_loop_now_ms(w->edge->loop) + wait_ms;
    DL_FOREACH (w->waiters, waiter)
        if (waiter->deadline.due_ms > w->edge->waits_end_ms)
            mr_timer_start(&waiter->deadline, wait_ms);
}

/* ---- the query ---- */

/* Settled ones are told one by one: whoever is told may leave, add or remove others. */
static uint32_t tell(struct edge_wait *w, const struct mr_pg_result *result)
{
    uint32_t told = 0;
    for (int row = 0; row < mr_pg_result_rows(result); row++) {
        int32_t index = edge_outcome_index(result, row);
        assert(index >= 0 && (uint32_t)index < w->asked_count);
        struct edge_waiter *waiter = w->asked[index];
        struct edge_outcome outcome;
        if (!waiter)
            continue;
        edge_outcome_read(result, row, &waiter->key, &outcome);
        if (outcome.kind == EDGE_AHEAD)
            continue;
        end(w, waiter, &outcome);
        told++;
    }
    return told;
}

static int64_t next_pause(const struct edge_wait *w, bool is_good, uint32_t told)
{
    int64_t pause_ms = w->pause_ms * 3 / 2 + 1;
    if (!is_good)
        return PAUSE_MS_AWAY;
    if (told > 0 || w->pause_ms == PAUSE_MS_AWAY)
        return w->pause_ms_min;
    if (pause_ms > PAUSE_MS_MAX)
        pause_ms = PAUSE_MS_MAX;
    return pause_ms > w->pause_ms_min ? pause_ms : w->pause_ms_min;
}

static void on_answer(struct mr_pg_result *result, void *data)
{
    struct edge_wait *w = data;
    struct mr_error why;
    uint32_t told = 0;
    int64_t took_ms = mr_loop_now_ms(w->edge->loop) - w->asked_ms;
    enum mr_status s = mr_pg_result_status(result, &why);
    if (s == MR_OK)
        told = tell(w, result);
    else
        MR_LOG_LIMITED(w->edge->log, &w->edge->refused, WARN,
                       "waiting commands cannot be looked up", mr_f_text("error", why.text));
    for (uint32_t i = 0; i < w->asked_count; i++)
        if (w->asked[i])
            w->asked[i]->slot = 0;
    w->asking = false;
    w->asked_count = 0;
    mr_histogram_observe(w->seconds, (double)took_ms / 1e3);
    w->pause_ms_min = took_ms > PAUSE_MS_MIN ? took_ms : PAUSE_MS_MIN;
    if (w->waiters)
        start_pause(w, next_pause(w, s == MR_OK, told));
}

static enum mr_status ask(struct edge_wait *w, struct edge_outcome_key *keys)
{
    struct edge_waiter *waiter;
    struct mr_pg_params params;
    w->asked_count = 0;
    DL_FOREACH (w->waiters, waiter) {
        keys[w->asked_count] = waiter->key;
        w->asked[w->asked_count++] = waiter;
        waiter->slot = w->asked_count;
    }
    mr_pg_params_init(&params, &w->arena);
    edge_outcome_params(keys, w->asked_count, true, mr_clock_wall_ms(), &params);
    return edge_query_start(w->edge,
                            &(struct edge_query_ask){.stmt = &edge_outcome_by_receipt,
                                                     .params = &params,
                                                     .deadline_ms = EDGE_READ_DEADLINE_MS,
                                                     .answered = on_answer,
                                                     .asker = w},
                            &w->query);
}

static void on_pause_over(void *data)
{
    struct edge_wait *w = data;
    assert(w->waiters && !w->asking);
    mr_arena_reset(&w->arena);
    struct edge_outcome_key *keys = mr_arena_array(&w->arena, w->count, sizeof *keys);
    enum mr_status s = keys ? ask(w, keys) : MR_LIMIT;
    w->asking = s == MR_OK;
    w->asked_ms = mr_loop_now_ms(w->edge->loop);
    if (w->asking)
        return;
    for (uint32_t i = 0; i < w->asked_count; i++)
        w->asked[i]->slot = 0;
    w->asked_count = 0;
    start_pause(w, PAUSE_MS_AWAY);
}
