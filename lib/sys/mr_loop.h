/* A libuv loop with what every program needs around it: timers and deferred calls that can be let
 * go at once, jobs on the thread pool, slices of time, and a probe of how late the loop runs.
 *
 * mr_timer and mr_deferred are no libuv handles: after _stop their memory may be freed or reused at
 * once, from inside their own callback too. Everything here belongs to the loop's thread. */
#ifndef MR_LOOP_H
#define MR_LOOP_H

#include "mr_metrics.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct mr_timer;
struct mr_deferred;

struct mr_loop {
    uv_loop_t uv; /* for handles of one's own; uv.data is ours */

    /* private */
    struct mr_timer **heap; /* by due_ms, binary, from index 1 */
    size_t heap_count, heap_size;
    int64_t timers_started;
    uv_timer_t alarm; /* fires at alarm_ms, not after the first of the heap */
    int64_t alarm_ms;
    bool in_alarm;
    uv_timer_t probe;
    uv_idle_t idle;   /* active while calls are deferred: the loop then does not block */
    uv_check_t check; /* runs them */
    struct mr_deferred *first, *last;
    struct mr_deferred *end; /* the last one of the turn that is running */
    uint64_t probe_due_ns;
    struct mr_histogram *lag;
};

/* metrics may be NULL; otherwise millrace_loop_lag_seconds is registered there: how late a timer
 * of 100 ms fires. From here on SIGPIPE is ignored: a closed peer is an error of its write. Aborts
 * where the system has no descriptors left for a loop. */
void mr_loop_init(struct mr_loop *loop, struct mr_metrics *metrics);
/* Until mr_loop_stop, or until no handle or timer is active. */
void mr_loop_run(struct mr_loop *loop);
/* mr_loop_run returns after the present callback. */
void mr_loop_stop(struct mr_loop *loop);
/* Closes what the loop owns and runs it until every handle is closed. The owners' handles must be
 * closing by now: one that is not ends the process, with a list of the handles on stderr. */
void mr_loop_close(struct mr_loop *loop);
static inline struct mr_loop *mr_loop_of(uv_loop_t *uv)
{
    return (struct mr_loop *)uv->data;
}
/* Monotonic ms as of this turn of the loop; cheap. */
static inline int64_t mr_loop_now_ms(const struct mr_loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

/* ---- one-shot timers ---- */
struct mr_timer {
    /* private */
    struct mr_loop *loop;
    int64_t due_ms;
    int64_t order; /* of its start among all */
    size_t index;  /* in the heap, from 1; 0: not set */
    void (*fired)(void *data);
    void *data;
};
/* Binds a timer; does not start it. */
void mr_timer_init(struct mr_timer *timer, struct mr_loop *loop, void (*fired)(void *data),
                   void *data);
/* Fires once, wait_ms (>= 0) from now; a timer that is set is set anew. */
void mr_timer_start(struct mr_timer *timer, int64_t wait_ms);
/* No effect on one that is not set, or zeroed. */
void mr_timer_stop(struct mr_timer *timer);
static inline bool mr_timer_is_set(const struct mr_timer *timer)
{
    return timer->index != 0;
}

/* ---- a call later in this turn, outside the present stack ---- */
struct mr_deferred {
    /* private */
    struct mr_loop *loop;
    struct mr_deferred *next, *prev;
    bool queued;
    void (*call)(void *data);
    void *data;
};
void mr_deferred_init(struct mr_deferred *deferred, struct mr_loop *loop, void (*call)(void *data),
                      void *data);
/* Once, even when asked for several times before it runs. */
void mr_deferred_start(struct mr_deferred *deferred);
void mr_deferred_stop(struct mr_deferred *deferred);

/* ---- a job on the thread pool, for what can only block ---- */
struct mr_job {
    /* private */
    uv_work_t req;
    void (*work)(void *data);
    void (*done)(void *data);
    void *data;
};
/* work runs on a pool thread, then done on the loop; the job's memory must live until done. There
 * is no cancel: whoever lost interest notes it in data. */
void mr_job_start(struct mr_job *job, struct mr_loop *loop, void (*work)(void *data),
                  void (*done)(void *data), void *data);

/* ---- slices ---- */
#define MR_BUDGET_NS UINT64_C(2000000)
/* A long loop over input asks after each item, and where the budget is spent goes on in a deferred
 * call, so that others have their turn. */
struct mr_budget {
    uint64_t until_ns;
};
void mr_budget_start(struct mr_budget *budget);
bool mr_budget_is_spent(const struct mr_budget *budget);

#endif
