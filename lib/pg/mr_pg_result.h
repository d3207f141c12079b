/* What became of one statement: rows or an error, and what a caller can do about it.
 *
 * A result is borrowed from the connection and dies when the callback returns, unless the callback
 * takes it with mr_pg_result_take(). Slices and strings point into the result and die with it.
 *
 * Results come in PostgreSQL's binary format unless the statement asks for text; the getters read
 * both. Rows and columns count from 0. A getter's type must be the column's (write casts in the
 * SQL): another one is our own mistake and stops the program. Where the SQL is not ours, ask for
 * text results and read with mr_pg_result_text(). */
#ifndef MR_PG_RESULT_H
#define MR_PG_RESULT_H

#include "mr_error.h"
#include "mr_slice.h"
#include "mr_uuid.h"
#include <stdbool.h>
#include <stdint.h>

enum mr_pg_outcome {
    MR_PG_OK,      /* done; whether it stays depends on the transaction around it */
    MR_PG_ERROR,   /* refused by the server: see mr_pg_result_error() */
    MR_PG_ABORTED, /* not executed: an earlier statement of its group or transaction failed */
    MR_PG_LOST,    /* the connection broke: whether it was executed is unknown */
    MR_PG_LATE     /* pool only: no answer within the deadline; one that comes later is dropped */
};

/* What the caller of a failed statement can do. */
enum mr_pg_class {
    MR_PG_NONE,      /* did not fail */
    MR_PG_TRANSIENT, /* try all of it again: connection, deadlock, serialization, time-out, full
                        disk */
    MR_PG_PARTITION, /* no partition takes this row: make it, then try again */
    MR_PG_ROW,       /* a value or a constraint refuses a row: it will do so again */
    MR_PG_FATAL      /* the statement cannot work here: syntax, missing table, permission */
};

/* Strings are "" where the server sent none; all die with the result. */
struct mr_pg_error {
    enum mr_pg_class class;
    const char *sqlstate; /* five characters; "25P02" of ABORTED, "08006" of LOST, "" of LATE */
    const char *message;  /* the server's one sentence, or ours */
    const char *detail;   /* may hold values of the row: for operators, not for clients */
    const char *schema;
    const char *table;
    const char *column;
    const char *constraint;
};

struct mr_pg_result;

enum mr_pg_outcome mr_pg_result_outcome(const struct mr_pg_result *result);
/* Of an OK result class is MR_PG_NONE and every string "". ABORTED and LOST are MR_PG_TRANSIENT. */
struct mr_pg_error mr_pg_result_error(const struct mr_pg_result *result);
/* MR_OK, or the failure as a status with "SQLSTATE: message (constraint)" in why: TRANSIENT and
 * PARTITION are MR_BUSY, ROW is MR_INVALID, FATAL is MR_FATAL, LOST is MR_LOST. */
MR_MUST_CHECK enum mr_status mr_pg_result_status(const struct mr_pg_result *result,
                                                 struct mr_error *why);
enum mr_pg_class mr_pg_class_of(const char *sqlstate);

int mr_pg_result_rows(const struct mr_pg_result *result);
int mr_pg_result_columns(const struct mr_pg_result *result);
const char *mr_pg_result_column_name(const struct mr_pg_result *result, int column);
/* -1 when there is none of this name. */
int mr_pg_result_column(const struct mr_pg_result *result, const char *name);
uint32_t mr_pg_result_type(const struct mr_pg_result *result, int column);
/* Rows that INSERT, UPDATE, DELETE, MERGE, COPY or SELECT counted; 0 for anything else. */
int64_t mr_pg_result_affected(const struct mr_pg_result *result);
/* The command tag ("COMMIT", "ROLLBACK", "INSERT 0 1"): a COMMIT of a failed transaction is
 * answered OK with the tag ROLLBACK. */
const char *mr_pg_result_tag(const struct mr_pg_result *result);
/* As above: OK and the tag is COMMIT. */
bool mr_pg_result_is_commit(const struct mr_pg_result *result);

bool mr_pg_result_null(const struct mr_pg_result *result, int row, int column);
/* A NULL reads as 0, false, the nil UUID or the absent slice. */
int64_t mr_pg_result_int8(const struct mr_pg_result *result, int row, int column); /* int2, 4, 8 */
int32_t mr_pg_result_int4(const struct mr_pg_result *result, int row, int column); /* int2, 4 */
double mr_pg_result_float8(const struct mr_pg_result *result, int row, int column);
bool mr_pg_result_bool(const struct mr_pg_result *result, int row, int column);
struct mr_uuid mr_pg_result_uuid(const struct mr_pg_result *result, int row, int column);
/* timestamptz as Unix ms, rounded down; binary results only. +-infinity: INT64_MAX, INT64_MIN. */
int64_t mr_pg_result_time(const struct mr_pg_result *result, int row, int column);
/* The same as Unix microseconds, exact. */
int64_t mr_pg_result_time_us(const struct mr_pg_result *result, int row, int column);
/* date as days since 1970-01-01; binary results only. */
int32_t mr_pg_result_day(const struct mr_pg_result *result, int row, int column);
/* text, varchar, name, "char", json, jsonb (as its text), and anything in a text result.
 * data[len] is NUL. */
struct mr_slice mr_pg_result_text(const struct mr_pg_result *result, int row, int column);
/* Binary results only. */
struct mr_slice mr_pg_result_bytea(const struct mr_pg_result *result, int row, int column);

/* The callback's result becomes the caller's, who frees it; only within the callback, once. */
struct mr_pg_result *mr_pg_result_take(struct mr_pg_result *result);
void mr_pg_result_free(struct mr_pg_result *result);

#endif
