/* A Postgres of this test program's own, with billing's migrations; each test connects by itself
 * and uses accounts of its own, as tests run beside each other. */
#ifndef BILLING_DB_H
#define BILLING_DB_H

#include "store_calls.h"

struct billing_db {
    uv_loop_t loop;
    struct mr_pg_conn *conn;
    struct mr_arena arena;
    bool up;
};

void billing_db_open(struct billing_db *db);
void billing_db_close(struct billing_db *db);
/* An account that no other test uses. */
struct mr_uuid billing_db_account(void);

/* Runs one statement to its end; the caller frees the result. */
struct mr_pg_result *billing_db_run(struct billing_db *db, const struct mr_pg_stmt *stmt,
                                    const struct mr_pg_params *params);
/* sql with "$1" for the account; the result must be OK, or (refused) name this constraint. */
void billing_db_exec(struct billing_db *db, const char *sql, const struct mr_uuid *account);
void billing_db_refused(struct billing_db *db, const char *sql, const struct mr_uuid *account,
                        const char *constraint);
/* The one value of a query of text, or of another type as text; lives as long as the arena. */
const char *billing_db_text(struct billing_db *db, const char *sql, const struct mr_uuid *account);

/* Saves all of it in one transaction; every call must affect what it should. */
void billing_db_save(struct billing_db *db, const struct engine_save *save);
/* The entity as it is loaded; bytes NULL: there is none. */
struct engine_entity billing_db_load(struct billing_db *db, const struct engine_key *key);

#endif
