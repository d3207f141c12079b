/* A loop with one connection on it, and a list of everything that was heard from it. */
#ifndef PG_FIXTURE_H
#define PG_FIXTURE_H

#include "mr_pg_conn.h"
#include "pg_server.h"
#include <criterion/criterion.h>

#define ANSWERS_MAX 20000

/* One answer, with the first column of the first row where that is a bigint or an int. */
struct answer {
    enum mr_pg_outcome outcome;
    enum mr_pg_class class;
    char sqlstate[6];
    int rows;
    int64_t affected;
    int64_t value;
    int label; /* which statement */
    char message[200];
};

struct fixture {
    char conninfo[PG_CONNINFO_BYTES];
    uv_loop_t loop;
    uv_timer_t alarm; /* no test waits for ever */
    struct mr_arena arena;
    struct mr_pg_conn *conn;
    struct answer *answers;
    int answer_count;
    int ups, downs;               /* how often */
    struct mr_pg_backend backend; /* the last on_up's */
    struct mr_pg_down down;       /* the last on_down's */
    bool closed;
};

/* What a callback gets as its data, so that answers can be told apart. */
struct label {
    struct fixture *f;
    int label;
};

/* Makes a database of this name and a loop; no connection yet. */
struct fixture *fixture_new(const char *database);
/* Closes the connection if there is one, and the loop: nothing may be left on it. */
void fixture_free(struct fixture *f);
/* Opens the connection (options->conninfo NULL: the database) and waits until it is up. */
void fixture_up(struct fixture *f, struct mr_pg_options options);
void fixture_open(struct fixture *f, struct mr_pg_options options);
void fixture_close(struct fixture *f);

/* Runs the loop until *flag reaches at_least; fails the test after 20 s. */
void wait_int(struct fixture *f, const int *flag, int at_least);
void wait_answers(struct fixture *f, int count);

/* Queues a statement without parameters; its answer gets the label. */
enum mr_status ask(struct fixture *f, const char *sql, int label);
void must_ask(struct fixture *f, const char *sql, int label);
/* As the callback of statements: notes the answer, by a struct label. */
void note_answer(struct mr_pg_result *result, void *data);
struct label *label_of(struct fixture *f, int label);

#endif
