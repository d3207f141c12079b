/* Receipts of commands of every kind of keeping, asked of a real Postgres. */
#include "reads_bed.h"

#include "edge_wait.h"
#include <criterion/criterion.h>
#include <stdio.h>

#define ID(n) "82060302-fb8f-5b12-bde9-0000000000" #n

static struct reads reads;

static void teardown(void)
{
    reads_close(&reads);
}
TestSuite(edge_outcomes, .fini = teardown);

/* Lane 1 of each domain has come to position 100. billing keeps rows and ids, lines ids of samples
 * and facts. */
static const char outcomes[] =
    "INSERT INTO millrace.domain VALUES ('billing', 4), ('lines', 4);"
    "INSERT INTO millrace.lane (domain, lane, fence, applied) VALUES"
    " ('billing', 1, 0, 100), ('lines', 1, 0, 100);"
    "INSERT INTO millrace.seen (day, domain, account_id, id, lane, position, hash) VALUES"
    " (current_date, 'lines', '" BED_ACCOUNT "', '" ID(
        01) "', 1, 10, decode(repeat('ab',32),'hex')),"
            " (current_date, 'billing', '" BED_ACCOUNT "', '" ID(
                02) "', 1, 20, decode(repeat('ab',32),'hex')),"
                    " (current_date, 'lines', '" BED_OTHER "', '" ID(
                        08) "', 1, 60, decode(repeat('ab',32),'hex'));"
                            "INSERT INTO millrace.conflict (domain, lane, position, account_id, "
                            "id, hash) VALUES"
                            " ('lines', 1, 11, '" BED_ACCOUNT "', '" ID(
                                01) "', decode(repeat('cd',32),'hex'));"
                                    "INSERT INTO millrace.parked (domain, lane, position, key, "
                                    "account_id, command_id, type, behind,"
                                    " cause, record) VALUES"
                                    " ('lines', 1, 30, 'k', '" BED_ACCOUNT "', '" ID(
                                        03) "', 'lines.line', false, 'c', ''),"
                                            " ('lines', 1, 31, 'k', '" BED_ACCOUNT "', '" ID(
                                                04) "', 'lines.sample', true, 'c', ''),"
                                                    " ('billing', 1, 32, 'k', '" BED_ACCOUNT
                                                    "', '" ID(
                                                        05) "', 'billing.invoice.create', false, "
                                                            "'c',"
                                                            " '');"
                                                            "INSERT INTO millrace.command (day, "
                                                            "domain, account_id, id, lane, "
                                                            "position, type, hash, status,"
                                                            " accepted_at) VALUES"
                                                            " (current_date, 'billing', "
                                                            "'" BED_ACCOUNT "', '" ID(
                                                                05) "', 1, 32, "
                                                                    "'billing.invoice.create',"
                                                                    " decode(repeat('ab',32),'hex')"
                                                                    ", 3, now()),"
                                                                    " (current_date, 'billing', "
                                                                    "'" BED_ACCOUNT "', '" ID(
                                                                        06) "', 1, 33, "
                                                                            "'billing.invoice."
                                                                            "create',"
                                                                            " decode(repeat('ab',"
                                                                            "32),'hex'), 1, now());"
                                                                            "INSERT INTO "
                                                                            "millrace.quarantine "
                                                                            "(domain, lane, "
                                                                            "position, cause, "
                                                                            "record) VALUES"
                                                                            " ('lines', 1, 40, "
                                                                            "'c', "
                                                                            "convert_to("
                                                                            "'" BED_ACCOUNT " " ID(
                                                                                07) "', 'UTF8'));";

static const struct {
    const char *what, *path; /* after /commands/ */
    int status;
    const char *want, *not ; /* not: NULL for nothing */
} rows[] = {
    {"an id that was seen", ID(01) "?at=lines-1-10", 200, "\"status\":\"applied\"", "\"type\""},
    {"it does not say what it was about", ID(01) "?at=lines-1-10", 200, "\"at\":\"lines-1-10\"",
     "\"subject\""},
    {"its repeat, which lies elsewhere", ID(01) "?at=lines-1-55", 200, "\"at\":\"lines-1-10\"",
     NULL},
    {"its id with another content", ID(01) "?at=lines-1-11", 422, "/problems/key-reused", NULL},
    {"an id that was seen, without at", ID(01), 200, "\"status\":\"applied\"", "applied_at"},
    {"an id in a domain that keeps rows, too", ID(02) "?at=billing-1-20", 200,
     "\"status\":\"applied\"", "\"subject\""},
    {"a fact that was passed", ID(99) "?at=lines-1-50", 200, "\"status\":\"applied\"", "\"type\""},
    {"a fact that is ahead", ID(99) "?at=lines-1-100", 200, "\"commands_ahead\":0", "applied"},
    {"a fact without at", ID(99), 404, "/problems/not-found", NULL},
    {"a fact that is parked", ID(03) "?at=lines-1-30", 200, "\"status\":\"parked\"", "\"subject\""},
    {"a parked one says its type", ID(03) "?at=lines-1-30", 200, "\"type\":\"lines.line\"", NULL},
    {"an id command that is parked", ID(04) "?at=lines-1-31", 200, "\"status\":\"parked\"", NULL},
    {"another id at that position", ID(99) "?at=lines-1-31", 200, "\"status\":\"applied\"", NULL},
    {"a parked command that has a row", ID(05) "?at=billing-1-32", 200, "\"status\":\"parked\"",
     NULL},
    {"it says what it is about", ID(05) "?at=billing-1-32", 200, "\"subject\":\"" ID(05) "\"",
     NULL},
    {"a quarantined fact", ID(07) "?at=lines-1-40", 200, "\"status\":\"quarantined\"", NULL},
    {"an applied command", ID(06) "?at=billing-1-33", 200, "\"applied_at\":", NULL},
    {"an unknown one where rows are kept", ID(99) "?at=billing-1-50", 410, "/problems/gone", NULL},
    {"an id of another account, without at", ID(08), 404, "/problems/not-found", NULL},
    {"a lane that there is not", ID(99) "?at=lines-9-1", 400, "lines has lanes 0 to 3", NULL},
    {"a lane that nobody has taken yet", ID(99) "?at=lines-2-0", 200, "\"status\":\"accepted\"",
     NULL},
};

Test(edge_outcomes, given_each_kind_of_keeping_then_the_receipt_tells_what_became_of_it)
{
    reads_open(&reads, "receipts");
    reads_run(&reads, outcomes);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[256], status[32];
        snprintf(path, sizeof path, "/commands/%s", rows[i].path);
        snprintf(status, sizeof status, "HTTP/1.1 %d ", rows[i].status);
        const char *reply = reads_get(&reads, path);
        cr_expect(reads_has(reply, status), "%s: %s", rows[i].what, reply);
        cr_expect(reads_has(reply, rows[i].want), "%s: %s", rows[i].what, reply);
        if (rows[i].not )
            cr_expect_not(reads_has(reply, rows[i].not ), "%s: %s", rows[i].what, reply);
    }
}

/* Asks, waits until the edge waits, lets the lane go on, and returns the reply. */
static const char *wait_for(const char *path, const char *meanwhile)
{
    char request[1024];
    snprintf(request, sizeof request,
             "GET " READS_ROOT "/commands/%s HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n"
             "Prefer: wait=20\r\nAuthorization: Bearer " BED_KEY "\r\n\r\n",
             path);
    bed_send(&reads.bed, request);
    while (bed_metric(&reads.bed, "millrace_edge_waiters") != 1)
        uv_run(&reads.bed.loop.uv, UV_RUN_ONCE);
    reads_run(&reads, meanwhile);
    while (!reads.bed.client_closed)
        uv_run(&reads.bed.loop.uv, UV_RUN_ONCE);
    reads.bed.reply[reads.bed.reply_len] = '\0';
    return reads.bed.reply;
}

Test(edge_outcomes, given_a_client_that_waits_then_it_is_told_when_the_lane_has_passed)
{
    reads_open(&reads, "waits");
    reads_run(&reads, outcomes);
    uint64_t began_ms = uv_now(&reads.bed.loop.uv);
    const char *reply = wait_for(ID(99) "?at=lines-1-100",
                                 "UPDATE millrace.lane SET applied = 101 WHERE domain = 'lines'");
    cr_expect(reads_has(reply, "\"status\":\"applied\""), "a fact: %s", reply);
    reply = wait_for(
        ID(98) "?at=lines-1-101",
        "INSERT INTO millrace.parked (domain, lane, position, key, account_id,"
        " command_id, type, behind, cause, record) VALUES ('lines', 1, 101, 'k', '" BED_ACCOUNT
        "', '" ID(98) "', 'lines.line', false, 'c', '');"
                      "UPDATE millrace.lane SET applied = 102 WHERE domain = 'lines'");
    cr_expect(reads_has(reply, "\"status\":\"parked\""), "a parked one: %s", reply);
    reply = wait_for(ID(01) "?at=lines-1-102",
                     "INSERT INTO millrace.conflict (domain, lane, position, account_id, id, hash)"
                     " VALUES ('lines', 1, 102, '" BED_ACCOUNT
                     "', '" ID(01) "', '\\x00');"
                                   "UPDATE millrace.lane SET applied = 103 WHERE domain = 'lines'");
    cr_expect(reads_has(reply, "HTTP/1.1 422 "), "a conflict: %s", reply);
    cr_expect_lt(uv_now(&reads.bed.loop.uv) - began_ms, 20000, "not at the end of the wait");
}
