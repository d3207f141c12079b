/* Tales of reporting: samples and ticks in the order of the log, and what came of them. A tale
 * decides its commands as a worker does, on the engine's own sheet, over a store in memory or one
 * that a test brings (Postgres).
 *
 *     struct tale *t = tale_begin(NULL, "2026-03-01T10:00:00Z");
 *     tale_sample(t, "{s:s, s:s, s:i}", "metric", "orders", "kind", "counter", "value", 2);
 *     tale_tick(t, "2026-03-01T10:01:10Z");
 *     tale_told(t, 0, "reporting.minute.closed");
 *     tale_end(t);
 *
 * A failed expectation ends the test. */
#ifndef TALE_H
#define TALE_H

#include "engine_sheet.h"
#include "reporting_domain.h"

#define TALE_LANE 1

/* Where a tale's entities are kept. Each answer lives until the next call. */
struct tale_store {
    void *ctx;
    void (*load)(void *ctx, const struct engine_load *load, struct engine_loaded *loaded);
    void (*save)(void *ctx, const struct engine_save *save);
};

struct tale {
    struct mr_uuid account;
    int64_t time_ms; /* the log's clock */
    enum engine_decided verdict;
    struct engine_refusal refusal;

    struct engine_sheet *sheet; /* the open batch */
    struct tale_store store;
    struct tale_kept *kept; /* of the store in memory */
    struct mr_arena arena;
    json_t *told; /* of the last command, or tick: {type, subject, version, account, data} each */
    json_t *bodies;
    size_t rows_before;
    int64_t commands;
    struct engine_save last; /* rows of the last batch saved; entities are not to be looked at */
};

struct tale *tale_begin(const struct tale_store *store, const char *time);
void tale_end(struct tale *t);

int64_t tale_ms(const char *time);
/* The log's clock from now on. */
void tale_at(struct tale *t, const char *time);

/* Decides a sample of these (jansson's pack format), which must be applied. */
void tale_sample(struct tale *t, const char *format, ...);
/* It fulfils the schema and is refused so; nothing changes. */
void tale_refused(struct tale *t, const char *problem, const char *format, ...);
/* Saves the open batch; what follows is decided on what was loaded again. */
void tale_save(struct tale *t);
/* Saves, and decides a tick by itself: batches of it alone. */
void tale_tick(struct tale *t, const char *time);

/* The last command told so many events. */
void tale_told_count(struct tale *t, size_t count);
/* Event i of the last command is of this type and fulfils its schema; its data. */
json_t *tale_told(struct tale *t, size_t i, const char *type);
/* A number of the last command's event i, or NaN where it is null. */
double tale_number(struct tale *t, size_t i, const char *name);

/* As it is now, until the tale goes on; NULL: there is none. */
const struct engine_entity *tale_entity(struct tale *t, enum reporting_kind kind,
                                        const struct mr_uuid *id);
/* labels: as JSON text. */
const struct reporting_row *tale_row(struct tale *t, enum reporting_kind kind, const char *metric,
                                     const char *labels, const char *start);

#endif
