/* The loader's engine: from one topic into the warehouse, each event exactly once, as a state
 * machine without I/O. The warehouse keeps a ledger row for each lane, which moves in the
 * transaction of the rows, with a fence as a worker's lane has one.
 *
 * Of each lane exactly last + 1 is taken. What is at or below last is a repeat; what is ahead is
 * dropped and counted, since its republication must follow; if last + 1 stays missing there is a
 * notice. An engine serves one topic; its owner gives each a connection of its own.
 *
 * A topic of commands is read for its facts (by_offset): a record's sequence is its offset,
 * whatever its owner says, and offsets have gaps. Whatever comes next is taken; nothing is ahead or
 * missing. What is a repeat only the warehouse can tell, which looks for a fact's id.
 *
 *   FREE -assigned-> WAITING -take-> CHECKING -found as left-> RUNNING
 *                       ^               '-gone back, still ours-> STOPPED
 *                       '---- another fence is in the ledger (lost) */
#ifndef ENGINE_LOAD_H
#define ENGINE_LOAD_H

#include "engine.h"

struct engine_loader;

/* What the owner made of a record. */
enum engine_load_class {
    ENGINE_LOAD_ROWS,    /* an event or a fact that gives rows */
    ENGINE_LOAD_SKIPPED, /* has no place in the warehouse: its type, a tick, what is no fact, or
                          * what the worker quarantines */
    ENGINE_LOAD_BAD      /* does not fit, is not known or cannot be read: goes to bad_rows */
};

enum engine_load_verdict { /* the engine's, of each record that it consumed */
                           ENGINE_LOAD_LOADED,
                           ENGINE_LOAD_REPEATED,
                           ENGINE_LOAD_AHEAD,
                           ENGINE_LOAD_PASSED, /* SKIPPED */
                           ENGINE_LOAD_REFUSED /* BAD */
};

struct engine_load_record {
    struct engine_load_record *prev, *next; /* the engine's, as is verdict */
    enum engine_load_verdict verdict;
    int32_t lane;
    int64_t offset;
    int64_t sequence; /* -1: not readable; it is BAD then and moves no sequence */
    enum engine_load_class class;
    char cause[200]; /* BAD */
    void *rows;      /* the owner's; the record as it was too, for bad_rows */
    size_t row_count, bytes;
};

/* Counts of one lane's share of a load. consumed = loaded + repeated + ahead + skipped + bad. */
struct engine_load_counts {
    int64_t consumed, loaded, repeated, ahead, skipped, bad;
};

struct engine_ledger {
    int32_t lane;
    uint64_t fence;
    int64_t next_offset;   /* of the topic */
    int64_t last_sequence; /* -1: none yet */
    int64_t last_offset;   /* where last_sequence was taken from; -1: not known */
};

/* One transaction: claim the ledger rows in ascending order, stop if one is missed, insert, move.
 */
struct engine_flush {
    const struct engine_claim *claims;   /* fence, fence_new */
    const struct engine_ledger *ledgers; /* as they are to be; same order as claims */
    /* The warehouse moves what it finds loaded already (a fact's repeat) from loaded to repeated,
     * and sets its record's verdict to REPEATED. */
    struct engine_load_counts *counts;
    size_t lane_count;
    struct engine_load_record *const *records; /* LOADED and REFUSED, in order of arrival */
    size_t record_count;
};

struct engine_warehouse {
    void *ctx;
    void (*take)(void *ctx, int32_t lane, uint64_t fence_new);     /* engine_loader_on_taken */
    void (*settle)(void *ctx, const int32_t *lanes, size_t count); /* FOR UPDATE; _on_settled */
    void (*look)(void *ctx, const int32_t *lanes, size_t count);   /* engine_loader_on_looked */
    void (*flush)(void *ctx, const struct engine_flush *flush);    /* engine_loader_on_flushed */
};

struct engine_load_ports {
    /* start, stop, pause, resume and progress; check reads the event at last_offset. */
    struct engine_log log;
    struct engine_warehouse warehouse;
    struct engine_clock clock;
    struct engine_random random;
    struct engine_notice notice;
    void (*free_record)(void *ctx, struct engine_load_record *record); /* ctx is the log's */
};

struct engine_load_options {
    int32_t lanes;
    int64_t flush_rows, flush_bytes, flush_ms; /* whichever comes first */
    size_t queue_bytes_max; /* of records that wait for a flush; then lanes are paused */
    int64_t missing_ms;     /* how long last + 1 may stay missing before there is a notice */
    bool by_offset;         /* a topic of facts: the sequence is the offset */
};

struct engine_loader *engine_loader_new(const struct engine_load_ports *ports,
                                        const struct engine_load_options *options);
void engine_loader_free(struct engine_loader *loader);

void engine_loader_assign(struct engine_loader *loader, const int32_t *lanes, size_t count);
void engine_loader_revoke(struct engine_loader *loader, const int32_t *lanes, size_t count);
void engine_loader_tick(struct engine_loader *loader); /* at least every 50 ms */
/* Flushes what it has, lets go. */
void engine_loader_stop(struct engine_loader *loader);
bool engine_loader_is_stopped(const struct engine_loader *loader);

/* Takes the record over, in order of offsets. */
void engine_loader_on_record(struct engine_loader *loader, struct engine_load_record *record);
void engine_loader_on_out_of_range(struct engine_loader *loader, int32_t lane);
/* The answer to the newest check of the lane; one to an earlier check is to be dropped.
 * checked->event is about last_offset; log_start and log_end are the topic's. The command part is
 * not looked at. */
void engine_loader_on_checked(struct engine_loader *loader, const struct engine_checked *checked);

void engine_loader_on_connection(struct engine_loader *loader, bool up);
void engine_loader_on_taken(struct engine_loader *loader, enum engine_answer answer,
                            const struct engine_ledger *ledger);
void engine_loader_on_settled(struct engine_loader *loader, enum engine_answer answer,
                              const struct engine_fence *fences, size_t count);
void engine_loader_on_looked(struct engine_loader *loader, enum engine_answer answer,
                             const struct engine_fence *fences, size_t count);
/* missed: lanes whose claim found another fence; then nothing was written. */
void engine_loader_on_flushed(struct engine_loader *loader, enum engine_answer answer,
                              const int32_t *missed, size_t missed_count, const char *detail);

struct engine_load_view {
    enum engine_lane_state state;
    const char *stop_reason;
    uint64_t fence;
    int64_t next_offset, last_sequence; /* as the ledger has them */
    int64_t waiting_records;
    bool missing; /* last + 1 has been missing for longer than missing_ms */
};
void engine_loader_look(const struct engine_loader *loader, int32_t lane,
                        struct engine_load_view *out);

struct engine_load_stats {
    struct engine_load_counts records;
    uint64_t flushes, flushes_retried, takeovers, lanes_lost;
};
const struct engine_load_stats *engine_loader_stats(const struct engine_loader *loader);

#endif
