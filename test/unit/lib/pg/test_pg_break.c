/* Connections that break, cannot be made, or are closed with work in flight. */
#include "pg_fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct mr_pg_options defaults = {0};
static const struct mr_pg_stmt named = {.name = "named", .sql = "SELECT 41 + 1"};

static void terminate(struct fixture *f)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 10000)", f->backend.pid);
    pg_run(f->conninfo, sql);
}

Test(pg_break, given_a_backend_killed_in_mid_statement_then_each_is_lost_once_and_it_reconnects)
{
    struct fixture *f = fixture_new("killed");
    fixture_up(f, defaults);
    int32_t first_pid = f->backend.pid;
    int64_t first_start = f->backend.start_us;
    cr_assert_eq(mr_pg_query(f->conn, &named, NULL, note_answer, label_of(f, 0)), MR_OK);
    mr_pg_sync(f->conn);
    wait_answers(f, 1);
    must_ask(f, "SELECT pg_sleep(60)", 1);
    must_ask(f, "SELECT 1", 2);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 2", 3); /* its group is still open */
    uv_run(&f->loop, UV_RUN_NOWAIT);
    terminate(f);
    wait_int(f, &f->downs, 1);
    cr_assert_eq(f->answer_count, 4, "lost before on_down");
    for (int i = 1; i < 4; i++) {
        cr_assert_eq(f->answers[i].outcome, MR_PG_LOST);
        cr_assert_eq(f->answers[i].label, i);
        cr_assert_eq(f->answers[i].class, MR_PG_TRANSIENT);
    }
    cr_assert(f->down.was_up);
    cr_assert_str_eq(f->down.sqlstate, "57P01", "%s", f->down.why.text);
    cr_assert_eq(f->down.retry_ms, 0, "the first retry is at once");
    cr_assert_eq(ask(f, "SELECT 1", 9), MR_BUSY);
    wait_int(f, &f->ups, 2);
    cr_assert(f->backend.pid != first_pid || f->backend.start_us != first_start);
    cr_assert_eq(mr_pg_query(f->conn, &named, NULL, note_answer, label_of(f, 4)), MR_OK);
    mr_pg_sync(f->conn);
    wait_answers(f, 5);
    cr_assert_eq(f->answers[4].value, 42, "prepared again");
    cr_assert_eq(f->answer_count, 5);
    fixture_free(f);
}

Test(pg_break, given_an_idle_connection_that_breaks_then_the_server_s_reason_is_told)
{
    struct fixture *f = fixture_new("idle");
    fixture_up(f, defaults);
    terminate(f);
    wait_int(f, &f->downs, 1);
    cr_assert_str_eq(f->down.sqlstate, "57P01");
    cr_assert(strstr(f->down.why.text, "terminating"), "%s", f->down.why.text);
    cr_assert_eq(f->answer_count, 0);
    wait_int(f, &f->ups, 2);
    fixture_free(f);
}

Test(pg_break, given_an_idle_transaction_past_its_time_out_then_it_breaks)
{
    struct fixture *f = fixture_new("idle_in_transaction");
    fixture_up(f, (struct mr_pg_options){.idle_in_transaction_timeout_ms = 50});
    must_ask(f, "BEGIN", 0);
    mr_pg_sync(f->conn);
    wait_int(f, &f->downs, 1);
    cr_assert_eq(f->answers[0].outcome, MR_PG_OK);
    cr_assert_str_eq(f->down.sqlstate, "25P03");
    fixture_free(f);
}

Test(pg_break, given_statements_in_flight_when_closed_then_each_is_lost_once)
{
    struct fixture *f = fixture_new("closed");
    fixture_up(f, defaults);
    must_ask(f, "SELECT pg_sleep(60)", 0);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 1", 1);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    fixture_close(f);
    cr_assert_eq(f->answer_count, 2);
    cr_assert_eq(f->answers[0].outcome, MR_PG_LOST);
    cr_assert_eq(f->answers[1].outcome, MR_PG_LOST);
    cr_assert_eq(f->downs, 0);
    fixture_free(f);
}

static void close_from_answer(struct mr_pg_result *result, void *data)
{
    struct label *l = data;
    note_answer(result, data);
    mr_pg_close(l->f->conn, NULL, NULL);
    cr_assert_eq(ask(l->f, "SELECT 1", 9), MR_BUSY);
    l->f->conn = NULL;
}

Test(pg_break, given_a_close_from_an_answer_then_the_rest_is_lost)
{
    struct fixture *f = fixture_new("closed_inside");
    static const struct mr_pg_stmt one = {.sql = "SELECT 1"};
    fixture_up(f, defaults);
    cr_assert_eq(mr_pg_query(f->conn, &one, NULL, close_from_answer, label_of(f, 0)), MR_OK);
    must_ask(f, "SELECT 2", 1);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 3", 2);
    mr_pg_sync(f->conn);
    wait_answers(f, 3);
    cr_assert_eq(f->answers[0].outcome, MR_PG_OK);
    cr_assert_eq(f->answers[1].outcome, MR_PG_LOST);
    cr_assert_eq(f->answers[2].outcome, MR_PG_LOST);
    fixture_free(f);
}

Test(pg_break, given_a_close_while_connecting_then_it_ends_quietly)
{
    struct fixture *f = fixture_new("closed_early");
    fixture_open(f, defaults);
    fixture_close(f);
    fixture_open(f, defaults);
    f->closed = false;
    for (int i = 0; i < 3; i++)
        uv_run(&f->loop, UV_RUN_ONCE);
    fixture_close(f);
    cr_assert_eq(f->downs, 0);
    fixture_free(f);
}

Test(pg_break, given_a_cancel_then_the_running_statement_fails_and_the_next_works)
{
    struct fixture *f = fixture_new("cancelled");
    fixture_up(f, defaults);
    must_ask(f, "SELECT pg_sleep(60)", 0);
    mr_pg_sync(f->conn);
    must_ask(f, "SELECT 2", 1);
    mr_pg_sync(f->conn);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    char sql[120];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM pg_stat_activity WHERE pid = %d AND state = 'active'",
             f->backend.pid);
    while (strcmp(pg_run(f->conninfo, sql), "1") != 0)
        ; /* cancelling what has not begun yet would cancel nothing */
    cr_assert_eq(mr_pg_cancel(f->conn), MR_OK);
    cr_assert_eq(mr_pg_cancel(f->conn), MR_BUSY);
    wait_answers(f, 2);
    cr_assert_str_eq(f->answers[0].sqlstate, "57014");
    cr_assert_eq(f->answers[0].class, MR_PG_TRANSIENT);
    cr_assert_eq(f->answers[1].value, 2);
    fixture_free(f);
}

Test(pg_break, given_a_server_that_never_answers_then_the_open_deadline_ends_the_attempt)
{
    struct fixture *f = fixture_new("deaf");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    char conninfo[100];
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=x user=x",
             ntohs(at.sin_port));
    fixture_open(f, (struct mr_pg_options){.conninfo = conninfo, .open_timeout_ms = 50});
    wait_int(f, &f->downs, 3);
    cr_assert_not(f->down.was_up);
    cr_assert_eq(f->down.attempts, 3);
    cr_assert(strstr(f->down.why.text, "in time"), "%s", f->down.why.text);
    cr_assert_geq(f->down.retry_ms, 100, "it backs off: 0, 100, 200 ms and so on, with jitter");
    cr_assert_leq(f->down.retry_ms, 200);
    fixture_free(f);
    close(fd);
}

Test(pg_break, given_no_server_then_the_first_retry_is_at_once_and_back_off_follows)
{
    struct fixture *f = fixture_new("nobody");
    fixture_open(f, (struct mr_pg_options){.conninfo = "host=127.0.0.1 port=1 dbname=x user=x"});
    wait_int(f, &f->downs, 1);
    cr_assert_eq(f->down.retry_ms, 0);
    cr_assert_eq(f->down.attempts, 1);
    wait_int(f, &f->downs, 2);
    cr_assert_geq(f->down.retry_ms, 50);
    cr_assert_leq(f->down.retry_ms, 100);
    cr_assert(strstr(f->down.why.text, "refused"), "%s", f->down.why.text);
    fixture_free(f);
}

Test(pg_break, given_a_name_without_an_address_then_it_is_named)
{
    struct fixture *f = fixture_new("nameless");
    char host[80], conninfo[200];
    memset(host, 'a', 70); /* too long for a label: no name server is asked */
    host[70] = 0;
    snprintf(conninfo, sizeof conninfo, "host=%s dbname=x user=x password=hunter2", host);
    fixture_open(f, (struct mr_pg_options){.conninfo = conninfo});
    wait_int(f, &f->downs, 1);
    cr_assert(strstr(f->down.why.text, host), "%s", f->down.why.text);
    cr_assert_not(strstr(f->down.why.text, "hunter2"));
    fixture_free(f);
}

Test(pg_break, given_several_hosts_then_the_first_that_answers_is_taken)
{
    struct fixture *f = fixture_new("several");
    char conninfo[300], host[80];
    memset(host, 'a', 70);
    host[70] = 0;
    snprintf(conninfo, sizeof conninfo,
             "host=%s,127.0.0.1,localhost port=1,1,%d user=millrace dbname=several", host,
             pg_server_port());
    fixture_up(f, (struct mr_pg_options){.conninfo = conninfo});
    snprintf(conninfo, sizeof conninfo, "postgresql://millrace@localhost:%d/several",
             pg_server_port());
    fixture_close(f);
    f->ups = 0;
    fixture_up(f, (struct mr_pg_options){.conninfo = conninfo});
    f->closed = false;
    fixture_free(f);
}

Test(pg_break, given_a_string_that_cannot_be_parsed_then_it_is_invalid_and_not_shown)
{
    uv_loop_t loop;
    struct mr_pg_conn *conn;
    struct mr_error why;
    uv_loop_init(&loop);
    struct mr_pg_options options = {.conninfo = "host=x password = hunter2 secret"};
    cr_assert_eq(mr_pg_open(&loop, &options, NULL, &conn, &why), MR_INVALID);
    cr_assert_not(strstr(why.text, "secret"), "%s", why.text);
    cr_assert_eq(uv_loop_close(&loop), 0);
}

Test(pg_break, given_a_database_that_is_missing_then_attempts_fail_with_the_server_s_words)
{
    struct fixture *f = fixture_new("present");
    char conninfo[PG_CONNINFO_BYTES];
    pg_conninfo_tcp("absent", "127.0.0.1", conninfo);
    fixture_open(f, (struct mr_pg_options){.conninfo = conninfo});
    wait_int(f, &f->downs, 2);
    cr_assert(strstr(f->down.why.text, "\"absent\" does not exist"), "%s", f->down.why.text);
    fixture_free(f);
}
