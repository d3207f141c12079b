/* Loaders of one topic on a real Postgres, with a log that the test plays: it hands records
 * over and finds every check as the ledger says. Each test has a database of its own, with the
 * warehouse's migrations and tables. */
#ifndef LOADER_BED_H
#define LOADER_BED_H

#include "engine_load.h"
#include "loader_events.h"
#include "loader_pg.h"
#include "loader_rows.h"
#include "loader_tables.h"
#include "pg_server.h"

#define BED_LANES  3
#define BED_OWNERS 2

struct bed;

struct bed_owner {
    struct bed *bed;
    struct loader_rows *rows;
    struct loader_pg *pg;
    struct engine_loader *engine;
    bool up, closed;
    struct engine_check checks[BED_LANES];
    bool checking[BED_LANES], reading[BED_LANES];
    int lost, flushes; /* notices of lost lanes; answers of flushes */
    int64_t loaded;    /* next_offset as last reported, of any lane */
};

struct bed {
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_loop loop;
    struct mr_log log;
    struct mr_timer tick;
    struct mr_catalog *catalog;
    struct mr_arena arena;
    struct bed_owner owners[BED_OWNERS];
    int owner_count;
};

/* database: lower-case letters and _; one a test. */
struct bed *bed_new(const char *database);
void bed_free(struct bed *bed);
/* A loader with its sessions up; it owns nothing yet. Waits 100 ms for a lock before it looks. */
struct bed_owner *bed_owner(struct bed *bed);      /* of billing.events */
struct bed_owner *bed_fact_owner(struct bed *bed); /* of logging.commands */
/* The group gives or takes a lane; give waits until the lane is read. */
void bed_give(struct bed_owner *owner, int32_t lane);
void bed_assign(struct bed_owner *owner, int32_t lane);
void bed_revoke(struct bed_owner *owner, int32_t lane);
void bed_put(struct bed_owner *owner, const struct loader_event *event);
void bed_put_fact(struct bed_owner *owner, const struct loader_fact_record *fact);

/* Turns the loop until this is so; fails the test after 20 s. */
void bed_until(struct bed *bed, bool (*so)(void *data), void *data);
/* Until this query gives this text. */
void bed_until_sql(struct bed *bed, const char *sql, const char *text);
void bed_until_loaded(struct bed_owner *owner, int32_t lane, int64_t next_offset);
void bed_until_lost(struct bed_owner *owner, int count);
/* The first value as text. */
const char *bed_sql(struct bed *bed, const char *sql);
#define bed_expect(bed, sql, text) cr_expect_str_eq(bed_sql(bed, sql), text, "%s", sql)

#endif
