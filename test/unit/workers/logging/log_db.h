/* A Postgres of this test program's own, with the runtime's and logging's migrations; each test
 * connects by itself and uses accounts of its own, as tests run beside each other. */
#ifndef LOG_DB_H
#define LOG_DB_H

#include "log_row.h"
#include "mr_pg_conn.h"

struct log_db {
    uv_loop_t loop;
    struct mr_pg_conn *conn;
    struct mr_arena arena;
    struct mr_uuid account; /* that no other test uses */
    uint8_t lines;          /* so far; ids are made of it */
    bool up;
};

void log_db_open(struct log_db *db);
void log_db_close(struct log_db *db);

/* Stores a line of the account; its id is 00000000-0000-5000-8000-0000000000NN with NN from 01 in
 * hexadecimal. received_ms: its append time, of today or the two days before. Returns its id. */
struct mr_uuid log_db_put(struct log_db *db, int64_t received_ms, const char *body);
/* Now, as the database has it, in Unix ms. */
int64_t log_db_now(struct log_db *db);

/* The one value of a query as text; $1 is the account. Lives as long as the arena. */
const char *log_db_text(struct log_db *db, const char *fmt, ...) MR_PRINTF(2, 3);
/* The same of a query that the database refuses: the message, and its SQLSTATE before a space. */
const char *log_db_refusal(struct log_db *db, const char *fmt, ...) MR_PRINTF(2, 3);

#endif
