/* Inside the engine: the structs that its parts share. Not for other folders. */
#ifndef ENGINE_LANE_H
#define ENGINE_LANE_H

#include "engine.h"
#include "engine_bug.h"
#include "engine_command.h"
#include "engine_list.h"
#include "engine_sheet.h"
#include "mr_map.h"

/* ---- engine_publish.c: events that are committed and not yet acknowledged ---- */

struct engine_pending; /* one event, owned */

struct engine_publish {
    uint64_t round;
    int64_t published;            /* the next to be acknowledged in order */
    int64_t sent;                 /* the next to hand to the producer */
    int64_t next;                 /* the next that a commit will give; published <= sent <= next */
    int64_t event_offset;         /* where published - 1 lies */
    size_t bytes;                 /* of the events in memory */
    int64_t round_offset;         /* the offset last acknowledged in this round, -1: none */
    struct engine_pending **ring; /* of [published, next), at sequence % ring_size */
    size_t ring_size;
};

/* ---- engine_park.c: keys that are held ---- */

struct engine_held_key {
    char *key; /* owned, key_len bytes */
    size_t key_len;
    int64_t first; /* the lowest parked position; meaningful while it has a cause of its own */
    bool first_behind;
    int64_t count;
    UT_hash_handle hh;
};

/* ---- a lane ---- */

struct engine_lane {
    int32_t lane;
    enum engine_lane_state state;
    bool assigned;
    bool busy;                 /* the operation at hand works on it */
    bool let_go;               /* revoked while busy: let go when the operation ends */
    bool named;                /* the row names the backend of this connection */
    bool doubt;                /* whether fence_tried was committed is not known */
    bool stopping;             /* the check failed; to be believed once the fence was read again */
    uint64_t stop_look;        /* by a look of this number or a later one */
    bool out_of_range;         /* to be checked as soon as nothing works on it */
    struct engine_check check; /* the question that is open */
    int64_t touch_after_ms;    /* back-off after a touch that failed */
    int32_t touch_failures;
    uint64_t fence_tried;
    int64_t published_tried, event_offset_tried; /* what the last touch writes */
    struct engine_row row;                       /* as last committed, as far as we know */
    int64_t retry_at_ms;
    int32_t lost_in_row;        /* how often it was lost without a commit since: for the back-off */
    int64_t unwritten_since_ms; /* since when published differs from the row; 0: it does not */
    char stop_reason[256];

    struct engine_command *queue;    /* in order of position */
    size_t queue_count, queue_bytes; /* memory */
    bool paused;
    int64_t expected;  /* no record below it is taken */
    int64_t ticked_ms; /* due time of the last tick written or passed; 0: none since the takeover */

    struct engine_publish publish;
    struct engine_held_key *held;
    int64_t parked_count;
    int64_t waiting_keys; /* held keys whose lowest only waits: there is work on them */
    ENGINE_LIST(struct engine_request) requests; /* as last read; keys owned */
};

/* ---- a batch ---- */

struct engine_item {
    struct engine_command *command;
    struct engine_lane *lane;
    enum engine_action action; /* NEW: from the queue; else from the parked table */
    bool behind, filed;        /* parked: only waits; a request is filed for it */
    bool settled;              /* parked: it has its outcome now, and leaves the table */
};

struct engine_known_id { /* what is known of an id on a day, from the look-ups and from this batch
                          */
    struct mr_uuid account, id;
    int32_t day;
    uint32_t next; /* of the same place in the table, + 1; 0: none */
    bool has_hash;
    struct mr_digest hash;
};

struct engine_fresh_key; /* keys that this batch parks */

struct engine_batch {
    struct engine_sheet *sheet;
    bool of_parked; /* works on parked commands, not on the queues */
    bool saving;
    int64_t begun_ms;
    size_t keys_asked; /* of the sheet's keys, by begin */
    ENGINE_LIST(struct engine_item) items;
    ENGINE_LIST(struct engine_row) rows; /* the lanes, ascending, as they are to be written */
    ENGINE_LIST(struct engine_claim) claims;
    ENGINE_LIST(struct engine_lookup) lookups;
    ENGINE_LIST(struct engine_parked_want) wants;
    ENGINE_LIST(struct engine_outcome) outcomes;
    ENGINE_LIST(struct engine_aside) quarantined;
    ENGINE_LIST(struct engine_aside) conflicts;
    ENGINE_LIST(struct engine_park) parks;
    ENGINE_LIST(struct engine_position) unparks;
    ENGINE_LIST(struct engine_position) unrequests;
    ENGINE_LIST(size_t) ticks; /* which items are, at most one of a lane */
    ENGINE_LIST(struct engine_known_id) known;
    uint32_t *known_first; /* a hash table of indices into known, + 1; 0: none */
    size_t known_places;   /* a power of two, or 0 */
    struct engine_fresh_key *fresh;
    bool counted; /* in the statistics */
    size_t repeats, applied, rejected;
};

/* ---- the engine ---- */

enum engine_op { OP_NONE, OP_TAKE, OP_TOUCH, OP_SETTLE, OP_LOOK, OP_BEGIN, OP_LOAD, OP_SAVE };

struct engine {
    const struct engine_domain *domain;
    struct engine_ports ports;
    struct engine_options options;
    struct engine_lane *lanes;
    bool connected;
    enum engine_op op;
    struct engine_lane *op_lane; /* OP_TAKE, OP_TOUCH */
    int32_t *op_lanes;           /* OP_SETTLE, OP_LOOK */
    size_t op_lane_count;
    uint64_t rounds;
    bool publish_blocked; /* the producer took no more */
    bool doubtful_batch;  /* the batch is kept until its lanes are settled */
    int64_t looked_ms;
    uint64_t looks, checks;  /* so far */
    int64_t settle_after_ms; /* back-off */
    int32_t settle_failures;
    int32_t touch_turn;
    int64_t publish_after_ms; /* back-off after rounds that ended without an acknowledgement */
    int32_t rounds_failed;
    int64_t batch_after_ms; /* back-off after a transient failure */
    int32_t failures;
    size_t batch_limit; /* adapts to commit_target_ms */
    size_t cut;         /* 0, or: a batch refused or too large is searched by so many commands */
    size_t parked_cut;  /* the same for a batch of parked ones */
    int32_t turn;       /* the lane that goes first */
    bool parked_turn;
    bool refused; /* the last batch was: its kind goes first until the culprit is found */
    int64_t poison_position; /* this command alone was refused, or is too large; -1 */
    int32_t poison_lane;
    char poison_cause[256];
    bool poison_aside; /* parking it was refused too: it is quarantined */
    struct engine_batch batch;
    bool stop_asked, stopped;
    int64_t stop_deadline_ms;
    struct engine_stats stats;
};

static inline int64_t engine_now_ms(const struct engine *e)
{
    return e->ports.clock.now_ms(e->ports.clock.ctx);
}

static inline uint64_t engine_random(const struct engine *e)
{
    return e->ports.random.u64(e->ports.random.ctx);
}

static inline bool engine_lane_is_owned(const struct engine_lane *l)
{
    return l->state >= ENGINE_LANE_CHECKING;
}

void engine_tell(struct engine *e, enum engine_notice_kind kind, int32_t lane, const char *fmt, ...)
    MR_PRINTF(4, 5);

/* engine.c: starts the next operation of the store, if none runs and one is due. */
void engine_work(struct engine *e);

/* engine_lane.c */
void engine_lane_begin(struct engine *e, struct engine_lane *l); /* FREE or let go -> WAITING */
void engine_lane_release(struct engine *e, struct engine_lane *l);
void engine_lane_lose(struct engine *e, struct engine_lane *l);
void engine_lane_unbusy(struct engine *e, struct engine_lane *l); /* its operation ended */
/* Lanes whose records are out of range, or that were found so while busy, are checked anew. */
void engine_lane_check_due(struct engine *e);
/* The lane cannot go on, for the reason in stop_reason: it stops once the row still shows our
 * fence. */
void engine_lane_stop_soon(struct engine *e, struct engine_lane *l);
bool engine_lane_take_next(struct engine *e);
bool engine_lane_settle(struct engine *e);
bool engine_lane_look_due(struct engine *e);
bool engine_lane_touch_due(struct engine *e);
void engine_lane_note_published(struct engine *e, struct engine_lane *l);

/* engine_choose.c */
bool engine_batch_begin(struct engine *e);
/* The command's look-up and keys. What is parked and kept whole has its row; other may be known by
 * now. False: the sheet is full. */
bool engine_batch_prepare(struct engine *e, const struct engine_command *c, bool parked);
struct engine_load engine_batch_load(const struct engine_batch *b);
void engine_queue_pop(struct engine *e, struct engine_lane *l);
void engine_queue_drop(struct engine *e, struct engine_lane *l);
#define ENGINE_TOO_LARGE "too-large-for-a-batch"

/* engine_batch.c */
/* The outcome of the doubtful batch for one of its lanes is known. False: the lane is none of its:
 * a touch of it was in doubt. */
bool engine_batch_settled(struct engine *e, struct engine_lane *l, bool committed);
void engine_batch_clear(struct engine_batch *b);
void engine_batch_free(struct engine_batch *b);

/* engine_decide.c: works the batch's items out on the sheet. */
enum engine_batch_decided {
    ENGINE_BATCH_DECIDED,
    ENGINE_BATCH_NOTHING,  /* there is nothing to be done after all */
    ENGINE_BATCH_TOO_LARGE /* there is no room for the first command */
};
enum engine_batch_decided engine_batch_decide(struct engine *e);
/* This command cannot be decided by itself: it is parked for this cause. */
void engine_poison_set(struct engine *e, const struct engine_command *c, const char *cause);
bool engine_poison_is(const struct engine *e, const struct engine_command *c);
/* hash NULL: the same id is a repeat whatever it holds. */
void engine_known_add(struct engine_batch *b, const struct mr_uuid *account,
                      const struct mr_uuid *id, int32_t day, const struct mr_digest *hash);
/* NULL: the command's id is new. */
const struct engine_known_id *engine_known_find(const struct engine_batch *b,
                                                const struct engine_command *c);
void engine_decide_clear(struct engine_batch *b);
void engine_decide_free(struct engine_batch *b);

/* engine_park.c */
struct engine_held_key *engine_held_find(const struct engine_lane *l, struct mr_slice key);
void engine_held_put(struct engine_lane *l, const struct engine_held *held);
void engine_held_parked(struct engine_lane *l, struct mr_slice key, int64_t position, bool behind);
void engine_held_clear(struct engine_lane *l);
/* A parked row of the key was settled, or got a cause of its own (kept). */
void engine_held_settled(struct engine_lane *l, struct mr_slice key);
void engine_held_kept(struct engine_lane *l, struct mr_slice key, int64_t position);
void engine_held_gone(struct engine_lane *l, struct mr_slice key); /* nothing is parked of it */
void engine_requests_set(struct engine_lane *l, const struct engine_request *requests,
                         size_t count);
/* Adds the keys of l that can be worked on to the batch's wants, and requests for what is not
 * parked any more to its unrequests. */
void engine_parked_work(struct engine_batch *b, struct engine_lane *l);

/* engine_publish.c */
#define ENGINE_PUBLISH_BYTES_MAX ((size_t)32 << 20) /* of a lane, at which it takes no more */
/* False: the events are not those that the row says. */
bool engine_publish_begin(struct engine *e, struct engine_lane *l,
                          const struct engine_taken *taken);
void engine_publish_add(struct engine_lane *l, const struct engine_event *event); /* copied */
void engine_publish_pump(struct engine *e, struct engine_lane *l);
void engine_publish_clear(struct engine_lane *l);
void engine_publish_end_round(struct engine *e, const char *why);
void engine_publish_unsaved(struct engine *e, struct engine_lane *l,
                            const struct engine_event *event); /* ENGINE_BUG_EARLY_PUBLISH */

#endif
