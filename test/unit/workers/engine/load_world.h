/* The loader's engine on fake ports: a clock that stands still, a warehouse that is a ledger and a
 * list of what was asked, a log that notes what it is told. Answers are given by the test. */
#ifndef LOAD_WORLD_H
#define LOAD_WORLD_H

#include "engine_load.h"

#define LOAD_LANES   3
#define LOAD_ROWS    10
#define LOAD_BYTES   1000
#define LOAD_MS      500
#define LOAD_QUEUE   2000
#define LOAD_MISSING 5000

struct load_lane {
    struct engine_ledger ledger; /* as the warehouse has it */
    int64_t started_at;          /* -1: not reading */
    bool paused;
    int checks, progress_count;
    int64_t progress;
    struct engine_check check; /* the newest */
};

struct load_world {
    struct engine_loader *engine;
    struct load_lane lanes[LOAD_LANES];
    int64_t now_ms;
    uint64_t drawn;
    /* the operation that waits for an answer */
    char op; /* 0, 't'ake, 's'ettle, 'l'ook, 'f'lush */
    int32_t take_lane;
    uint64_t take_fence;
    int32_t asked[LOAD_LANES];
    size_t asked_count;
    struct engine_flush flush;
    int freed, made;
    int told[ENGINE_EVENT_MISSING + 1]; /* notices by kind */
    char said[512];                     /* the newest */
};

void load_world_open(struct load_world *w);
void load_world_open_facts(struct load_world *w); /* of a topic of commands */
void load_world_close(struct load_world *w);
/* Assigns the lanes 0 .. count - 1 and brings them to RUNNING from the ledgers that w->lanes say.
 */
void load_run(struct load_world *w, int32_t count);
/* Answers a take, a look or a settling read with what the ledgers say. */
void load_answer(struct load_world *w);
/* Answers the newest check of a lane: all is as the ledger says. */
void load_check(struct load_world *w, int32_t lane);
void load_check_as(struct load_world *w, const struct engine_checked *checked);

/* Hands a record of ROWS over, of one row and 10 bytes. */
void load_record(struct load_world *w, int32_t lane, int64_t offset, int64_t sequence);
void load_record_of(struct load_world *w, const struct engine_load_record *like);
/* Time passes. */
void load_wait(struct load_world *w, int64_t ms);

/* The flush at hand: happened and was answered; happened or not without an answer; did not. */
void load_flush_done(struct load_world *w);
void load_flush_lost(struct load_world *w, bool happened);
void load_flush_fails(struct load_world *w, enum engine_answer answer, const char *detail);
void load_flush_missed(struct load_world *w, int32_t lane);
/* The counts of a lane in the flush at hand. */
const struct engine_load_counts *load_counts(const struct load_world *w, int32_t lane);
/* "0:5=1 0:6=1": lane, offset and verdict of each record of the flush at hand. */
const char *load_records(const struct load_world *w);
struct engine_load_view load_view(const struct load_world *w, int32_t lane);

#endif
