#include "mr_loop.h"

#include "mr_clock.h"
#include "mr_random.h"
#include "mr_signal.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct mr_loop loop;
static char order[64];

struct named {
    struct mr_timer timer;
    struct mr_deferred deferred;
    const char *name;
    struct named *stops;             /* when it fires */
    int timer_again, deferred_again; /* how often it starts itself anew */
};

static void fire(void *data)
{
    struct named *n = data;
    strcat(order, n->name);
    if (n->stops) {
        mr_timer_stop(&n->stops->timer);
        mr_deferred_stop(&n->stops->deferred);
    }
    if (n->timer_again-- > 0)
        mr_timer_start(&n->timer, 0);
    if (n->deferred_again-- > 0)
        mr_deferred_start(&n->deferred);
}

static void named_init(struct named *n, const char *name)
{
    *n = (struct named){.name = name};
    mr_timer_init(&n->timer, &loop, fire, n);
    mr_deferred_init(&n->deferred, &loop, fire, n);
}

Test(loop, given_timers_then_they_fire_by_their_time_and_the_loop_ends)
{
    struct named a, b, c;
    mr_loop_init(&loop, NULL);
    named_init(&a, "a");
    named_init(&b, "b");
    named_init(&c, "c");
    mr_timer_start(&a.timer, 30);
    mr_timer_start(&b.timer, 1);
    mr_timer_start(&c.timer, 15);
    mr_timer_start(&b.timer, 20); /* set anew */
    cr_assert(mr_timer_is_set(&b.timer));
    mr_loop_run(&loop);
    cr_assert_str_eq(order, "cba");
    cr_assert_not(mr_timer_is_set(&b.timer));
    mr_loop_close(&loop);
}

Test(loop, given_many_timers_some_stopped_then_the_rest_fire_in_order)
{
    enum { COUNT = 500 };
    static struct named all[COUNT];
    mr_loop_init(&loop, NULL);
    for (int i = 0; i < COUNT; i++) {
        named_init(&all[i], "");
        mr_timer_start(&all[i].timer, (i * 7919) % 40);
    }
    for (int i = 0; i < COUNT; i += 3)
        mr_timer_stop(&all[i].timer);
    int64_t last = 0;
    for (size_t fired = COUNT - (COUNT + 2) / 3; fired > 0;) {
        size_t before = loop.heap_count;
        int64_t due_ms = loop.heap[1]->due_ms;
        cr_assert_geq(due_ms, last);
        last = due_ms;
        uv_run(&loop.uv, UV_RUN_ONCE);
        fired -= before - loop.heap_count;
    }
    cr_assert_eq(loop.heap_count, 0);
    mr_loop_close(&loop);
}

Test(loop, given_a_timer_that_frees_another_of_the_same_time_then_that_one_is_silent)
{
    struct named a, *b = malloc(sizeof *b);
    mr_loop_init(&loop, NULL);
    named_init(&a, "a");
    named_init(b, "b");
    a.stops = b;
    mr_timer_start(&a.timer, 0);
    mr_timer_start(&b->timer, 0);
    mr_loop_run(&loop);
    free(b); /* no handle of it is left */
    cr_assert_str_eq(order, "a");
    mr_loop_close(&loop);
}

Test(loop, given_a_timer_that_starts_itself_at_once_then_others_have_their_turn)
{
    struct named a, b;
    mr_loop_init(&loop, NULL);
    named_init(&a, "a");
    named_init(&b, "b");
    a.timer_again = 2;
    mr_timer_start(&a.timer, 0);
    mr_timer_start(&b.timer, 0);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    cr_assert_str_eq(order, "ab");
    mr_loop_run(&loop);
    cr_assert_str_eq(order, "abaa");
    mr_loop_close(&loop);
}

Test(loop, given_deferred_calls_then_each_runs_once_in_order_outside_the_stack)
{
    struct named a, b, c;
    mr_loop_init(&loop, NULL);
    named_init(&a, "a");
    named_init(&b, "b");
    named_init(&c, "c");
    mr_deferred_start(&a.deferred);
    mr_deferred_start(&b.deferred);
    mr_deferred_start(&a.deferred);
    mr_deferred_start(&c.deferred);
    a.stops = &c; /* the last one of this turn */
    cr_assert_str_eq(order, "");
    mr_loop_run(&loop);
    cr_assert_str_eq(order, "ab");
    mr_loop_close(&loop);
}

Test(loop, given_a_deferred_call_that_defers_itself_then_it_runs_in_the_next_turn)
{
    struct named a, b;
    mr_loop_init(&loop, NULL);
    named_init(&a, "a");
    named_init(&b, "b");
    a.deferred_again = 1;
    mr_deferred_start(&a.deferred);
    mr_deferred_start(&b.deferred);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    cr_assert_str_eq(order, "ab");
    mr_loop_run(&loop);
    cr_assert_str_eq(order, "aba");
    mr_loop_close(&loop);
}

struct sum {
    struct mr_job job;
    pthread_t loop_thread, work_thread, done_thread;
    int in, out;
};

static void work(void *data)
{
    struct sum *s = data;
    s->work_thread = pthread_self();
    s->out = s->in * 2;
}

static void done(void *data)
{
    struct sum *s = data;
    s->done_thread = pthread_self();
    s->out++;
}

Test(loop, given_a_job_then_it_works_on_another_thread_and_ends_on_the_loop)
{
    struct sum s = {.in = 21, .loop_thread = pthread_self()};
    mr_loop_init(&loop, NULL);
    mr_job_start(&s.job, &loop, work, done, &s);
    mr_loop_run(&loop);
    cr_assert_eq(s.out, 43);
    cr_assert_not(pthread_equal(s.work_thread, s.loop_thread));
    cr_assert(pthread_equal(s.done_thread, s.loop_thread));
    mr_loop_close(&loop);
}

static void hold_up(void *data)
{
    uint64_t until = mr_clock_mono_ns() + 30000000;
    (void)data;
    while (mr_clock_mono_ns() < until)
        ;
}

Test(loop, given_a_callback_that_holds_the_loop_up_then_the_lag_is_measured)
{
    struct mr_metrics *metrics = mr_metrics_new();
    struct mr_timer holding, end;
    mr_loop_init(&loop, metrics);
    mr_timer_init(&holding, &loop, hold_up, NULL);
    mr_timer_init(&end, &loop, hold_up, NULL);
    mr_timer_start(&holding, 90); /* busy from 90 to 120 ms: the probe of 100 ms is late */
    mr_timer_start(&end, 150);
    mr_loop_run(&loop);
    cr_assert_geq(loop.lag->sum, 0.010);
    mr_loop_close(&loop);
    mr_metrics_free(metrics);
}

Test(loop, given_a_budget_then_it_is_spent_after_two_ms)
{
    struct mr_budget budget;
    mr_budget_start(&budget);
    uint64_t start = mr_clock_mono_ns();
    while (!mr_budget_is_spent(&budget))
        ;
    cr_assert_geq(mr_clock_mono_ns() - start + 100000, MR_BUDGET_NS);
}

static void asked(void *data)
{
    ++*(int *)data;
}

static void too_late(void *data)
{
    (void)data;
    abort();
}

/* Signals do not keep the loop alive: a guard does. */
static void signals_start(struct mr_signal *signals, struct mr_timer *guard, int *count)
{
    mr_loop_init(&loop, NULL);
    mr_timer_init(guard, &loop, too_late, NULL);
    mr_timer_start(guard, 20000);
    mr_signal_start(signals, &loop, asked, count);
}

Test(loop, given_sigterm_then_the_program_is_asked_once)
{
    struct mr_signal signals;
    struct mr_timer guard;
    int count = 0;
    signals_start(&signals, &guard, &count);
    raise(SIGTERM);
    while (count == 0)
        uv_run(&loop.uv, UV_RUN_ONCE);
    cr_assert_eq(count, 1);
    mr_timer_stop(&guard);
    mr_signal_close(&signals);
    mr_loop_close(&loop);
}

Test(loop, given_a_second_signal_then_it_exits_at_once, .exit_code = 3)
{
    struct mr_signal signals;
    struct mr_timer guard;
    int count = 0;
    signals_start(&signals, &guard, &count);
    raise(SIGTERM);
    raise(SIGINT);
    mr_loop_run(&loop);
}

Test(loop, given_random_ids_then_they_differ_and_carry_the_time)
{
    struct mr_uuid a = mr_random_uuid_v7(), b = mr_random_uuid_v7();
    int64_t ms;
    cr_assert_not(mr_uuid_equal(&a, &b));
    cr_assert(mr_uuid_v7_time(&a, &ms));
    cr_assert_leq(llabs(mr_clock_wall_ms() - ms), 60000);
    cr_assert_neq(mr_random_u64(), mr_random_u64());
}
