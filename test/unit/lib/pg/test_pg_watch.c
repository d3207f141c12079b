/* Who is ended for a lock, and who is not; as a role without privileges of its own, as programs
 * connect. Each test has its own role, as roles are the whole server's. */
#include "mr_pg_watch.h"
#include "pg_server.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define WAIT_MS   50
#define ENDED_MAX 8

static const struct mr_pg_stmt watch_stmt = {
    .sql = MR_PG_WATCH_SQL("public.lane_row", "domain"),
    .nparams = 3,
};

struct bed {
    char admin[PG_CONNINFO_BYTES], plain[PG_CONNINFO_BYTES + 32];
    struct mr_loop loop;
    struct mr_timer turn; /* so that waiting for a condition goes on */
    struct mr_pg_watch *watch;
    struct mr_pg_conn *waiter;
    int32_t waiter_pid;
    bool is_answered, is_closed;
    enum mr_status answer;
    int32_t ended[ENDED_MAX];
    int ended_count, failed;
};

static void on_turn(void *data)
{
    struct bed *b = data;
    mr_timer_start(&b->turn, 5);
}

static void on_ended(void *owner, int32_t pid)
{
    struct bed *b = owner;
    cr_assert_lt(b->ended_count, ENDED_MAX);
    b->ended[b->ended_count++] = pid;
}

static void on_failed(void *owner, const struct mr_error *why)
{
    struct bed *b = owner;
    cr_assert(strstr(why->text, "42501"), "permission denied, not %s", why->text);
    b->failed++;
}

static void on_up(struct mr_pg_conn *conn, const struct mr_pg_backend *backend, void *data)
{
    (void)conn;
    ((struct bed *)data)->waiter_pid = backend->pid;
}

static void turn_until(struct bed *b, bool (*so)(struct bed *b))
{
    uint64_t until = uv_hrtime() + UINT64_C(20000000000);
    while (!so(b)) {
        cr_assert_lt(uv_hrtime(), until, "it did not come about in 20 s");
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    }
}

static bool is_up(struct bed *b)
{
    return b->waiter_pid != 0;
}

/* name: of the database and of the role. */
static struct bed *bed_new(const char *name)
{
    struct bed *b = calloc(1, sizeof *b);
    struct mr_error why;
    char sql[200];
    pg_database(name, b->admin);
    snprintf(b->plain, sizeof b->plain, "%s user=%s", b->admin, name);
    snprintf(sql, sizeof sql, "CREATE ROLE %s LOGIN", name);
    pg_run(b->admin, sql);
    pg_run(b->admin, "CREATE TABLE lane_row (domain text, lane int4, n int, backend_pid int4, "
                     "backend_start timestamptz)");
    pg_run(b->admin, "INSERT INTO lane_row VALUES ('billing', 0), ('billing', 1), ('billing', 2)");
    snprintf(sql, sizeof sql, "GRANT SELECT, UPDATE ON lane_row TO %s", name);
    pg_run(b->admin, sql);
    mr_loop_init(&b->loop, NULL);
    mr_timer_init(&b->turn, &b->loop, on_turn, b);
    mr_timer_start(&b->turn, 5);
    struct mr_pg_watch_settings watch = {.loop = &b->loop,
                                         .conninfo = b->plain,
                                         .stmt = &watch_stmt,
                                         .scope = "billing",
                                         .wait_ms = WAIT_MS,
                                         .on_ended = on_ended,
                                         .on_failed = on_failed,
                                         .owner = b};
    struct mr_pg_options options = {.conninfo = b->plain};
    struct mr_pg_events events = {.on_up = on_up, .data = b};
    cr_assert_eq(mr_pg_watch_open(&watch, &b->watch, &why), MR_OK, "%s", why.text);
    cr_assert_eq(mr_pg_open(&b->loop.uv, &options, &events, &b->waiter, &why), MR_OK);
    turn_until(b, is_up);
    return b;
}

static void on_closed(void *owner)
{
    ((struct bed *)owner)->is_closed = true;
}

static bool is_closed(struct bed *b)
{
    return b->is_closed;
}

static void bed_free(struct bed *b)
{
    mr_pg_close(b->waiter, NULL, NULL);
    mr_pg_watch_close(b->watch, on_closed, b);
    turn_until(b, is_closed);
    mr_timer_stop(&b->turn);
    mr_loop_close(&b->loop);
    free(b);
}

static void must(struct mr_pg_session *s, const char *sql)
{
    struct mr_error why;
    cr_assert_eq(mr_pg_session_script(s, sql, &why), MR_OK, "%s: %s", sql, why.text);
}

static int32_t pid_of(struct mr_pg_session *s)
{
    struct mr_pg_result *r;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_exec(s, "SELECT pg_backend_pid()", NULL, &r, &why), MR_OK);
    int32_t pid = mr_pg_result_int4(r, 0, 0);
    mr_pg_result_free(r);
    return pid;
}

static struct mr_pg_session *session_of(const char *conninfo)
{
    struct mr_pg_session *s;
    struct mr_error why;
    cr_assert_eq(mr_pg_session_open(conninfo, "holder", &s, &why), MR_OK, "%s", why.text);
    return s;
}

/* A session that stands in a transaction with the lane's row locked. The row names it, with its
 * start moved by this. */
static struct mr_pg_session *hold(const char *conninfo, int lane, const char *moved)
{
    char sql[300];
    struct mr_pg_session *s = session_of(conninfo);
    snprintf(sql, sizeof sql,
             "UPDATE lane_row SET backend_pid = a.pid, backend_start = a.backend_start + "
             "interval '%s' FROM pg_stat_activity a WHERE a.pid = pg_backend_pid() AND lane = %d",
             moved, lane);
    must(s, sql);
    snprintf(sql, sizeof sql, "BEGIN; UPDATE lane_row SET n = 1 WHERE lane = %d", lane);
    must(s, sql);
    return s;
}

static void on_answer(struct mr_pg_result *result, void *data)
{
    struct bed *b = data;
    struct mr_error why;
    b->is_answered = true;
    b->answer = mr_pg_result_status(result, &why);
    mr_pg_watch_disarm(b->watch);
}

static bool is_answered(struct bed *b)
{
    return b->is_answered;
}

static void start_waiting(struct bed *b)
{
    static const struct mr_pg_stmt wants = {
        .sql = "SELECT lane FROM lane_row ORDER BY lane FOR UPDATE"};
    static const int32_t lanes[] = {0, 1, 2};
    mr_pg_watch_arm(b->watch, b->waiter_pid, lanes, 3);
    cr_assert_eq(mr_pg_query(b->waiter, &wants, NULL, on_answer, b), MR_OK);
    mr_pg_sync(b->waiter);
}

/* What the conditions below are about. */
static int32_t blocker;
static char asked[64];

static bool waits_behind_blocker(struct bed *b)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT %d = ANY(pg_blocking_pids(%d))", blocker, b->waiter_pid);
    return strcmp(pg_run(b->admin, sql), "t") == 0;
}

static bool is_asked_again(struct bed *b)
{
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND "
             "application_name = 'millrace lock watch' AND state = 'idle' AND query_start > '%s'",
             asked);
    return strcmp(pg_run(b->admin, sql), "t") == 0;
}

/* Until the watch has asked while the waiter waits for this session. */
static void until_seen(struct bed *b, struct mr_pg_session *by)
{
    blocker = pid_of(by);
    turn_until(b, waits_behind_blocker);
    snprintf(asked, sizeof asked, "%s", pg_run(b->admin, "SELECT clock_timestamp()"));
    turn_until(b, is_asked_again);
}

Test(pg_watch, given_a_holder_that_the_row_names_then_it_alone_is_ended)
{
    struct bed *b = bed_new("watch_named");
    struct mr_pg_session *bystander = session_of(b->plain);
    must(bystander, "BEGIN; SELECT 1");
    struct mr_pg_session *named = hold(b->plain, 0, "0");
    struct mr_pg_session *recycled = hold(b->plain, 1, "-1 second"); /* its pid was another's */
    struct mr_pg_session *unnamed = session_of(b->plain);
    int32_t named_pid = pid_of(named);
    must(unnamed, "BEGIN; UPDATE lane_row SET n = 1 WHERE lane = 2");
    start_waiting(b);
    until_seen(b, recycled);
    cr_expect_eq(b->ended_count, 1);
    cr_expect_eq(b->ended[0], named_pid);
    must(recycled, "COMMIT");
    until_seen(b, unnamed);
    cr_expect_not(b->is_answered);
    must(unnamed, "COMMIT");
    turn_until(b, is_answered);
    cr_expect_eq(b->answer, MR_OK);
    cr_expect_eq(b->ended_count, 1);
    cr_expect_eq(b->failed, 0);
    must(bystander, "SELECT 1");
    mr_pg_session_close(bystander);
    mr_pg_session_close(named);
    mr_pg_session_close(recycled);
    mr_pg_session_close(unnamed);
    bed_free(b);
}

/* What a role may not see it cannot judge, and leaves alone. */
Test(pg_watch, given_a_named_holder_of_another_role_then_it_is_left_alone)
{
    struct bed *b = bed_new("watch_other_role");
    struct mr_pg_session *other = hold(b->admin, 0, "0");
    start_waiting(b);
    until_seen(b, other);
    cr_expect_eq(b->ended_count, 0);
    must(other, "COMMIT");
    turn_until(b, is_answered);
    mr_pg_session_close(other);
    bed_free(b);
}

static bool has_failed(struct bed *b)
{
    return b->failed > 1;
}

Test(pg_watch, given_a_blocker_that_cannot_be_looked_at_then_it_is_told_and_asked_again)
{
    struct bed *b = bed_new("watch_refused");
    struct mr_pg_session *named = hold(b->plain, 0, "0");
    pg_run(b->admin, "REVOKE EXECUTE ON FUNCTION pg_blocking_pids FROM public");
    start_waiting(b);
    turn_until(b, has_failed);
    mr_pg_session_close(named);
    bed_free(b);
}
