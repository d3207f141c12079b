/* Inside the loader's engine: the structs that its parts share. Not for other folders. */
#ifndef ENGINE_LOAD_IMPL_H
#define ENGINE_LOAD_IMPL_H

#include "engine_bug.h"
#include "engine_list.h"
#include "engine_load.h"
#include "mr_map.h"

#define ENGINE_LOAD_RETRY_MS 100

/* The operation of the warehouse at hand. */
enum engine_load_op {
    ENGINE_LOAD_OP_NONE,
    ENGINE_LOAD_OP_TAKE,
    ENGINE_LOAD_OP_SETTLE,
    ENGINE_LOAD_OP_LOOK,
    ENGINE_LOAD_OP_FLUSH
};

struct engine_load_lane {
    int32_t lane;
    enum engine_lane_state state;
    bool assigned, busy, let_go, doubt, stopping, paused, told_missing;
    bool out_of_range; /* told while busy or in doubt: to be checked when that is over */
    int64_t waiting;   /* of its records in the queue */
    size_t in_flush;   /* its place in claims, ledgers and counts + 1; 0: none */
    uint64_t fence_tried;
    struct engine_ledger ledger; /* as committed */
    struct engine_ledger seen;   /* after the records that wait */
    int64_t retry_at_ms;
    int32_t lost_in_row;
    int64_t ahead_since_ms; /* since when last + 1 is missing; 0: it is not */
    char stop_reason[256];
};

struct engine_loader {
    struct engine_load_ports ports;
    struct engine_load_options options;
    struct engine_load_lane *lanes;
    struct engine_load_record *queue; /* of all lanes, in order of arrival; consumed, not flushed */
    size_t queue_bytes;
    int64_t queue_rows, queue_count;
    int64_t queued_since_ms; /* 0: the queue is empty */
    bool connected;
    enum engine_load_op op;
    struct engine_load_lane *op_lane;
    int32_t *op_lanes;
    size_t op_lane_count;
    bool flush_in_doubt;
    int64_t flush_count; /* records of the queue's head that the flush at hand takes */
    int64_t cut;         /* 0, or: a refused flush is searched with this many records */
    int64_t looked_ms;
    int64_t flush_after_ms; /* after a failure neither a flush nor a settling read begins earlier */
    int32_t failures;
    ENGINE_LIST(struct engine_claim) claims;
    ENGINE_LIST(struct engine_ledger) ledgers;
    ENGINE_LIST(struct engine_load_counts) counts;
    ENGINE_LIST(struct engine_load_record *) records;
    bool stop_asked, stopped;
    struct engine_load_stats stats;
};

/* ---- engine_load.c ---- */

int64_t engine_load_now_ms(const struct engine_loader *e);
uint64_t engine_load_draw(const struct engine_loader *e);
void engine_load_tell(struct engine_loader *e, enum engine_notice_kind kind, int32_t lane,
                      const char *fmt, ...) MR_PRINTF(4, 5);
bool engine_load_is_owned(const struct engine_load_lane *l);
/* Of a record that is taken: as its owner classed it. */
enum engine_load_verdict engine_load_verdict_of(const struct engine_load_record *r);
/* Takes the record out of the queue and gives it back to its owner. */
void engine_load_queue_remove(struct engine_loader *e, struct engine_load_record *r);
/* Pauses lanes while the queue is full, resumes them when it is half empty. */
void engine_load_balance(struct engine_loader *e);
/* Lets go of a lane, at once or when its operation ends; it waits to be taken again where it is
 * still assigned. */
void engine_load_release(struct engine_loader *e, struct engine_load_lane *l);
void engine_load_unbusy(struct engine_loader *e, struct engine_load_lane *l);
/* Another fence is in the ledger. */
void engine_load_lose(struct engine_loader *e, struct engine_load_lane *l);
/* Begins the next operation where there is one to do and none at hand. */
void engine_load_work(struct engine_loader *e);

/* ---- engine_load_flush.c: each returns whether it began an operation ---- */

bool engine_load_settle(struct engine_loader *e);
bool engine_load_look_due(struct engine_loader *e);
bool engine_load_flush_begin(struct engine_loader *e);

#endif
