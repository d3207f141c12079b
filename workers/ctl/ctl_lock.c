#include "ctl_lock.h"

#include "mr_pg_watch.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

const char ctl_lock_watch_lane[] = MR_PG_WATCH_SQL("millrace.lane", "domain");
const char ctl_lock_watch_ledger[] = MR_PG_WATCH_SQL("public.load_ledger", "topic");

/* The watching thread; session and params are its own until it is joined. */
struct watch {
    struct mr_pg_session *session;
    const char *sql;
    const struct mr_pg_params *params;
    int64_t wait_ms;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool is_over; /* under mutex */
};

/* False when the statement was answered before the time was up. */
static bool wait_is_long(struct watch *w)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += w->wait_ms / 1000;
    until.tv_nsec += w->wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&w->mutex);
    int rc = 0;
    while (!w->is_over && rc == 0)
        rc = pthread_cond_timedwait(&w->ended, &w->mutex, &until);
    bool is_over = w->is_over;
    pthread_mutex_unlock(&w->mutex);
    return !is_over;
}

static void *watch_run(void *data)
{
    struct watch *w = data;
    while (wait_is_long(w)) {
        struct mr_pg_result *r;
        struct mr_error why;
        if (mr_pg_session_exec(w->session, w->sql, w->params, &r, &why) != MR_OK) {
            fprintf(stderr, "millracectl: the lock's holder cannot be looked at: %s\n", why.text);
            continue; /* the statement's own lock_timeout is the last resort */
        }
        for (int i = 0; i < mr_pg_result_rows(r); i++)
            fprintf(stderr, "millracectl: ended backend %d, which held the row's lock\n",
                    (int)mr_pg_result_int4(r, i, 0));
        mr_pg_result_free(r);
    }
    return NULL;
}

static void watch_begin(struct watch *w)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->ended, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&w->thread, NULL, watch_run, w) != 0)
        abort();
}

static void watch_end(struct watch *w)
{
    pthread_mutex_lock(&w->mutex);
    w->is_over = true;
    pthread_cond_signal(&w->ended);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->ended);
    pthread_mutex_destroy(&w->mutex);
}

static enum mr_status pid_of(struct mr_pg_session *session, int32_t *pid, struct mr_error *why)
{
    struct mr_pg_result *r;
    enum mr_status s = mr_pg_session_exec(session, "SELECT pg_backend_pid()", NULL, &r, why);
    if (s != MR_OK)
        return s;
    *pid = mr_pg_result_int4(r, 0, 0);
    mr_pg_result_free(r);
    return MR_OK;
}

enum mr_status ctl_lock_exec(struct ctl *ctl, const struct ctl_lock *lock,
                             const struct mr_pg_params *params, struct mr_pg_result **result,
                             struct mr_error *why)
{
    int32_t pid;
    struct mr_pg_params asks = ctl_params(ctl);
    struct mr_pg_array lanes;
    struct watch w = {.sql = lock->watch,
                      .params = &asks,
                      .wait_ms = mr_config_int(ctl->config, "LANE_LOCK_WAIT_MS")};
    enum mr_status s = pid_of(lock->session, &pid, why);
    if (s == MR_OK)
        s = lock->connect(ctl, &w.session, why);
    if (s != MR_OK)
        return s;
    mr_pg_param_int4(&asks, pid);
    mr_pg_param_text(&asks, mr_slice_text(lock->scope));
    mr_pg_array_init(&lanes, &ctl->arena, MR_PG_INT4, 1);
    mr_pg_array_int4(&lanes, lock->lane);
    mr_pg_param_array(&asks, &lanes);
    watch_begin(&w);
    s = mr_pg_session_exec(lock->session, lock->sql, params, result, why);
    watch_end(&w);
    mr_pg_session_close(w.session);
    return s;
}
