#include "mr_loop.h"

#include "mr_clock.h"
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define PROBE_MS 100

/* ---- timers: a binary heap, index 1 .. heap_count, each timer knows its own index ---- */

static void heap_put(struct mr_loop *loop, size_t index, struct mr_timer *timer)
{
    loop->heap[index] = timer;
    timer->index = index;
}

static void heap_up(struct mr_loop *loop, size_t index)
{
    struct mr_timer *t = loop->heap[index];
    for (; index > 1 && loop->heap[index / 2]->due_ms > t->due_ms; index /= 2)
        heap_put(loop, index, loop->heap[index / 2]);
    heap_put(loop, index, t);
}

static void heap_down(struct mr_loop *loop, size_t index)
{
    struct mr_timer *t = loop->heap[index];
    for (;;) {
        size_t child = index * 2;
        if (child > loop->heap_count)
            break;
        if (child < loop->heap_count && loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms)
            child++;
        if (loop->heap[child]->due_ms >= t->due_ms)
            break;
        heap_put(loop, index, loop->heap[child]);
        index = child;
    }
    heap_put(loop, index, t);
}

static void heap_remove(struct mr_loop *loop, struct mr_timer *timer)
{
    size_t index = timer->index;
    struct mr_timer *last = loop->heap[loop->heap_count--];
    timer->index = 0;
    if (last == timer)
        return;
    heap_put(loop, index, last);
    heap_up(loop, index);
    heap_down(loop, last->index);
}

static void on_alarm(uv_timer_t *alarm);

/* The alarm is set to the earliest timer. It is not moved when that one is stopped: an alarm too
 * early costs one look, and most timers are stopped long before they are due. */
static void alarm_set(struct mr_loop *loop)
{
    if (loop->heap_count == 0) {
        uv_timer_stop(&loop->alarm);
        loop->alarm_ms = INT64_MAX;
        return;
    }
    int64_t due_ms = loop->heap[1]->due_ms;
    if (uv_is_active((uv_handle_t *)&loop->alarm) && loop->alarm_ms <= due_ms)
        return;
    int64_t wait_ms = due_ms - mr_loop_now_ms(loop);
    /* libuv 1.44 runs a timer of 0 ms that is set by a timer in the same turn: a timer that starts
     * itself at once would then keep the loop from everything else. */
    int64_t least_ms = loop->in_alarm ? 1 : 0;
    loop->alarm_ms = due_ms;
    uv_timer_start(&loop->alarm, on_alarm, (uint64_t)(wait_ms > least_ms ? wait_ms : least_ms), 0);
}

static void on_alarm(uv_timer_t *alarm)
{
    struct mr_loop *loop = mr_loop_of(alarm->loop);
    int64_t now_ms = mr_loop_now_ms(loop);
    loop->alarm_ms = INT64_MAX;
    /* A timer that its own callback sets to 0 ms is due in the next turn, not in this one. */
    int64_t started = loop->timers_started;
    loop->in_alarm = true;
    while (loop->heap_count > 0 && loop->heap[1]->due_ms <= now_ms &&
           loop->heap[1]->order <= started) {
        struct mr_timer *t = loop->heap[1];
        heap_remove(loop, t);
        t->fired(t->data);
    }
    alarm_set(loop);
    loop->in_alarm = false;
}

void mr_timer_init(struct mr_timer *timer, struct mr_loop *loop, void (*fired)(void *data),
                   void *data)
{
    *timer = (struct mr_timer){.loop = loop, .fired = fired, .data = data};
}

void mr_timer_start(struct mr_timer *timer, int64_t wait_ms)
{
    assert(wait_ms >= 0);
    struct mr_loop *loop = timer->loop;
    if (timer->index != 0)
        heap_remove(loop, timer);
    if (loop->heap_count + 2 > loop->heap_size) {
        loop->heap_size = loop->heap_size ? loop->heap_size * 2 : 64;
        loop->heap = realloc(loop->heap, loop->heap_size * sizeof *loop->heap);
        if (!loop->heap)
            abort();
    }
    timer->due_ms = mr_loop_now_ms(loop) + wait_ms;
    timer->order = ++loop->timers_started;
    heap_put(loop, ++loop->heap_count, timer);
    heap_up(loop, timer->index);
    alarm_set(loop);
}

void mr_timer_stop(struct mr_timer *timer)
{
    if (timer->index == 0)
        return;
    heap_remove(timer->loop, timer);
    if (timer->loop->heap_count == 0)
        alarm_set(timer->loop); /* an idle loop may end */
}

/* ---- deferred calls ---- */

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* being active is all it is for */
}

static void on_check(uv_check_t *check)
{
    struct mr_loop *loop = mr_loop_of(check->loop);
    struct mr_deferred *end = loop->last; /* those deferred from here on have the next turn */
    while (loop->first && end) {
        struct mr_deferred *d = loop->first;
        bool last = d == end;
        mr_deferred_stop(d);
        loop->end = last ? NULL : end;
        d->call(d->data);
        end = loop->end; /* stopped meanwhile: its predecessor, or NULL */
    }
    loop->end = NULL;
}

void mr_deferred_init(struct mr_deferred *deferred, struct mr_loop *loop, void (*call)(void *data),
                      void *data)
{
    *deferred = (struct mr_deferred){.loop = loop, .call = call, .data = data};
}

void mr_deferred_start(struct mr_deferred *deferred)
{
    struct mr_loop *loop = deferred->loop;
    if (deferred->queued)
        return;
    deferred->queued = true;
    deferred->next = NULL;
    deferred->prev = loop->last;
    if (loop->last)
        loop->last->next = deferred;
    else
        loop->first = deferred;
    loop->last = deferred;
    if (loop->first == deferred) {
        uv_idle_start(&loop->idle, on_idle);
        uv_check_start(&loop->check, on_check);
    }
}

void mr_deferred_stop(struct mr_deferred *deferred)
{
    if (!deferred->queued)
        return;
    struct mr_loop *loop = deferred->loop;
    if (loop->end == deferred)
        loop->end = deferred->prev;
    if (deferred->prev)
        deferred->prev->next = deferred->next;
    else
        loop->first = deferred->next;
    if (deferred->next)
        deferred->next->prev = deferred->prev;
    else
        loop->last = deferred->prev;
    deferred->queued = false;
    if (!loop->first) {
        uv_idle_stop(&loop->idle);
        uv_check_stop(&loop->check);
    }
}

/* ---- jobs ---- */

static void on_work(uv_work_t *req)
{
    struct mr_job *job = req->data;
    job->work(job->data);
}

static void on_worked(uv_work_t *req, int status)
{
    struct mr_job *job = req->data;
    assert(status == 0); /* nobody cancels */
    job->done(job->data);
}

void mr_job_start(struct mr_job *job, struct mr_loop *loop, void (*work)(void *data),
                  void (*done)(void *data), void *data)
{
    *job = (struct mr_job){.work = work, .done = done, .data = data};
    job->req.data = job;
    int rc = uv_queue_work(&loop->uv, &job->req, on_work, on_worked);
    assert(rc == 0);
}

/* ---- slices ---- */

void mr_budget_start(struct mr_budget *budget)
{
    budget->until_ns = mr_clock_mono_ns() + MR_BUDGET_NS;
}

bool mr_budget_is_spent(const struct mr_budget *budget)
{
    return mr_clock_mono_ns() >= budget->until_ns;
}

/* ---- the loop ---- */

static void on_probe(uv_timer_t *probe)
{
    struct mr_loop *loop = mr_loop_of(probe->loop);
    uint64_t now_ns = mr_clock_mono_ns();
    if (loop->probe_due_ns != 0) {
        uint64_t late_ns = now_ns > loop->probe_due_ns ? now_ns - loop->probe_due_ns : 0;
        mr_histogram_observe(loop->lag, (double)late_ns / 1e9);
    }
    /* Set anew each time: a repeating timer is due from when it should have run. */
    loop->probe_due_ns = now_ns + (uint64_t)PROBE_MS * 1000000;
    uv_update_time(&loop->uv);
    uv_timer_start(&loop->probe, on_probe, PROBE_MS, 0);
}

void mr_loop_init(struct mr_loop *loop, struct mr_metrics *metrics)
{
    *loop = (struct mr_loop){.alarm_ms = INT64_MAX};
    signal(SIGPIPE, SIG_IGN); /* libuv's try_write would raise it */
    if (uv_loop_init(&loop->uv) != 0)
        abort();
    loop->uv.data = loop;
    uv_timer_init(&loop->uv, &loop->alarm);
    uv_timer_init(&loop->uv, &loop->probe);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_check_init(&loop->uv, &loop->check);
    uv_unref((uv_handle_t *)&loop->probe);
    if (!metrics)
        return;
    loop->lag = mr_metrics_histogram(metrics, "millrace_loop_lag_seconds",
                                     "How late a timer of 100 ms fires", NULL);
    uv_timer_start(&loop->probe, on_probe, 0, 0);
}

void mr_loop_run(struct mr_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void mr_loop_stop(struct mr_loop *loop)
{
    uv_stop(&loop->uv);
}

void mr_loop_close(struct mr_loop *loop)
{
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    uv_close((uv_handle_t *)&loop->probe, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    /* A stop asked for before would end the first run at once. */
    for (int turn = 0; uv_loop_close(&loop->uv) == UV_EBUSY; turn++) {
        if (turn > 1 && !uv_loop_alive(&loop->uv)) {
            uv_print_all_handles(&loop->uv, stderr);
            abort(); /* an owner's handle is neither closing nor active: it would leak */
        }
        uv_run(&loop->uv, UV_RUN_ONCE);
    }
    free(loop->heap);
    loop->heap = NULL;
}
