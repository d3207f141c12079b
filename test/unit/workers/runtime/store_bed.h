/* The store on a real Postgres, with its answers laid out for a test to look at: the test plays the
 * engine. Each test has a database of its own, with lane 0 and 1 of domain shop taken over, and the
 * partitions of DAY - 2 to DAY + 1. */
#ifndef STORE_BED_H
#define STORE_BED_H

#include "engine_command.h"
#include "pg_server.h"
#include "runtime_store.h"
#include "shop_store.h"

#define BED_DAY   20782 /* 2026-11-25 */
#define BED_LANES 2

/* What the store answered last. Pointers live until the next operation. */
struct engine {
    int answers; /* how many came */
    enum engine_answer answer;
    char detail[256];
    struct engine_taken taken;
    size_t missed;
    struct engine_loaded loaded;
};

struct store_bed {
    char conninfo[PG_CONNINFO_BYTES];
    struct mr_loop loop;
    struct mr_log log;
    struct mr_timer alarm;
    struct mr_arena arena;
    struct engine engine; /* ours: see above */
    struct runtime_store *store;
    struct engine_store port;
    struct engine_row lanes[BED_LANES]; /* fence as it is in the database */
    int ups, downs;
    bool closed;
};

struct store_bed *store_bed_new(const char *database);
void store_bed_free(struct store_bed *bed);

/* Each returns the answer. begin claims both lanes; save moves `applied` of both by one, where the
 * test's save names no lanes. Once it is done, the lanes' fences are the new ones. */
enum engine_answer store_bed_begin(struct store_bed *bed, const struct engine_load *load);
enum engine_answer store_bed_load(struct store_bed *bed, const struct engine_load *load);
enum engine_answer store_bed_save(struct store_bed *bed, const struct engine_save *save);
/* begin with nothing to load, which must be done, and save. */
enum engine_answer store_bed_write(struct store_bed *bed, const struct engine_save *save);
/* Until the store is idle and what it asked beside its operations is done. */
void store_bed_settle(struct store_bed *bed);
void store_bed_until(struct store_bed *bed, const int *count, int at_least);

/* A command of lane 0 or 1 at a position; its account is 1, its id and hash follow from `id`. */
struct engine_command *store_bed_command(struct store_bed *bed, enum engine_keep keep, int id,
                                         int64_t position);
struct engine_lookup store_bed_lookup(enum engine_keep keep, int id, int32_t day);
struct mr_uuid store_bed_uuid(int n);
/* The first value as text. */
const char *store_bed_sql(struct store_bed *bed, const char *sql);
#define store_bed_expect(bed, sql, text) cr_expect_str_eq(store_bed_sql(bed, sql), text, "%s", sql)

#endif
