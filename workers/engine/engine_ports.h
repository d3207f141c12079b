/* The world as the lane engine sees it: four small interfaces (log, store, clock, random), and the
 * plain structs that cross them. Production plugs in librdkafka and libpq, the simulator seeded
 * fakes. The engine calls a port, which starts work and returns; the answer comes later as exactly
 * one engine_on_... call (engine.h), never from inside the port's function.
 *
 * "Position" always means the next one: position p is settled iff p < applied. */
#ifndef ENGINE_PORTS_H
#define ENGINE_PORTS_H

#include "engine_domain.h"
#include "mr_digest.h"
#include "mr_record.h"

/* ---- the log ----------------------------------------------------------------------------------
 */

/* One record as it lies in the log. The bytes are the holder's of the struct. */
struct engine_record {
    int32_t lane;
    struct mr_record in; /* position, append time, key, value, headers */
};

/* An event as it is stored and published. All slices are the holder's. */
struct engine_event {
    int32_t lane;
    int64_t sequence;
    int64_t time_ms; /* the decision's: the command's append time; its UTC day is the partition */
    struct mr_uuid account, subject, causation; /* causation: the command's id */
    int64_t subject_version;
    struct mr_slice type, key, traceparent, data; /* traceparent may be absent */
};

/* What a takeover looks at before it believes its row (design: "when the world goes back"). */
struct engine_check {
    int32_t lane;
    uint64_t number; /* of the question: comes back in the answer */
    int64_t applied;
    int64_t published;    /* events below it were acknowledged */
    int64_t event_offset; /* where event published - 1 lies; -1: not known */
};

enum engine_find {
    ENGINE_FIND_GONE, /* below the log's start: nothing to compare */
    ENGINE_FIND_HERE, /* found */
    ENGINE_FIND_AHEAD /* at or beyond the log's end: the log is shorter than it was */
};

struct engine_checked {
    int32_t lane;
    uint64_t number;
    enum engine_find command; /* of the record at applied - 1 */
    struct mr_digest128 command_digest;
    enum engine_find event; /* of the record at event_offset */
    int64_t event_sequence; /* its sequence; -1: not an event */
    int64_t event_highest;  /* the highest sequence from event_offset (or the start) on; -1: none */
    int64_t log_start, log_end; /* first position that the log still has; the next it will give */
};

#define ENGINE_EARLIEST INT64_C(-2)

struct engine_log {
    void *ctx;
    /* Answered by engine_on_checked; a later question for the lane makes an earlier one void. */
    void (*check)(void *ctx, const struct engine_check *check);
    /* Deliver records of the lane from position on, by engine_on_record. ENGINE_EARLIEST: from the
     * first that there is. */
    void (*start)(void *ctx, int32_t lane, int64_t position);
    void (*stop)(void *ctx, int32_t lane);
    void (*pause)(void *ctx, int32_t lane);
    void (*resume)(void *ctx, int32_t lane);
    /* Hands an event to the producer, which copies it; answered by engine_on_report with the same
     * round. MR_LIMIT or MR_BUSY: not taken, there will be no report, try again later. MR_INVALID:
     * the log can never take it. */
    enum mr_status (*publish)(void *ctx, uint64_t round, const struct engine_event *event);
    /* Drops what the producer holds; late reports of it may still come. */
    void (*purge)(void *ctx);
    /* Writes the tick that is due at due_ms (Unix) into the lane of the commands topic: its id is
     * UUIDv5 of domain LF lane LF due time, so that two owners write the same one. Best effort: one
     * that is not stored is followed by the next. */
    void (*tick)(void *ctx, int32_t lane, int64_t due_ms);
    /* For lag display only. */
    void (*progress)(void *ctx, int32_t lane, int64_t applied);
};

/* ---- the store --------------------------------------------------------------------------------
 */

enum engine_answer {
    ENGINE_DONE,      /* it happened */
    ENGINE_TRANSIENT, /* it did not happen, and may later (deadlock, a partition made just now) */
    ENGINE_REFUSED,   /* it did not happen: the database refuses a row; detail says which rule */
    ENGINE_LOST       /* the connection is gone; whether it happened is not known */
};

/* A lane's row. */
struct engine_row {
    int32_t lane;
    uint64_t fence;
    int64_t applied;
    bool has_last_record; /* false at a lane's start: nothing to compare */
    struct mr_digest128 last_record;
    int64_t next_event, published, event_offset;
};

/* A key with parked commands: it is held, later commands of it wait. */
struct engine_held {
    struct mr_slice key;
    int64_t first;     /* the lowest parked position of the key */
    bool first_behind; /* the lowest only waits: it has no cause of its own (its head settled) */
    int64_t count;     /* parked positions of the key */
};

struct engine_taken {
    struct engine_row row; /* as it is now, with our fence */
    const struct engine_held *held;
    size_t held_count;
    const struct engine_event *events; /* [published, next_event), in order; fewer when the row is
                                        * another's by now, or some are gone */
    size_t event_count;
};

/* A fenced statement of its own: writes published and names the connection's backend. */
struct engine_touch {
    int32_t lane;
    uint64_t fence, fence_new;
    int64_t published, event_offset;
};

struct engine_fence {
    int32_t lane;
    uint64_t fence;
};

enum engine_action { ENGINE_NEW, ENGINE_RETRY, ENGINE_DROP };

/* What an operator filed for a parked command. */
struct engine_request {
    int32_t lane;
    int64_t position;
    enum engine_action action; /* RETRY or DROP */
    struct mr_slice key;       /* of the parked command; absent: nothing is parked there any more */
};

struct engine_claim {
    int32_t lane;
    uint64_t fence, fence_new;
};

/* What is kept of a command (x-command.record). What is parked is kept in millrace.parked; only a
 * FULL one, and one of a type that was not known, has its row in millrace.command meanwhile. */
enum engine_keep {
    ENGINE_KEEP_FULL, /* millrace.command: outcome and hash */
    ENGINE_KEEP_ID,   /* millrace.seen: id and hash */
    ENGINE_KEEP_FACT  /* the fact itself under its id, in a table of the domain: no hash */
};

/* What a batch must know. */
struct engine_lookup { /* is this command known already? Looked for from day - 2 to day + 1 */
    struct mr_uuid account, id;
    int32_t day;
    int32_t lane;
    enum engine_keep keep; /* FULL: in command; ID: in seen and parked; FACT: domain's and parked */
    bool only_its_day;     /* a UUIDv7 of an hour or more into its append day can be there only */
    bool is_parked; /* a parked command (not FULL) that is to be decided now: not looked for in
                     * parked, where it would find itself */
};
struct engine_due { /* the entities of the kind in the lane that are due */
    int32_t lane, kind;
    int64_t time_ms;
};
struct engine_parked_want { /* the lowest parked commands of a key, in order */
    int32_t lane;
    struct mr_slice key;
    int32_t limit;
};
struct engine_load {
    const struct engine_lookup *lookups;
    size_t lookup_count;
    const struct engine_key *keys;
    size_t key_count;
    const struct engine_parked_want *parked;
    size_t parked_count;
    const struct engine_due *due;
    size_t due_count;
};

struct engine_known { /* a command row that a look-up found */
    struct mr_uuid account, id;
    int32_t day;
    bool has_hash; /* false: a fact, or parked; the same id is then a repeat whatever it holds */
    struct mr_digest hash;
};
struct engine_due_entity { /* an entity that is due in a lane; it is among the entities too */
    int32_t lane;
    struct engine_key key;
};
struct engine_parked {
    struct engine_record record;
    bool behind;               /* waits for its key; false: has a cause of its own */
    enum engine_action action; /* what was filed for it; NEW: nothing */
};
struct engine_loaded {
    const struct engine_known *known;
    size_t known_count;
    const struct engine_entity *entities; /* those that exist */
    size_t entity_count;
    const struct engine_parked *parked;
    size_t parked_count;
    const struct engine_due_entity *due; /* in the order of their statement */
    size_t due_count;
};

/* Everything that a batch writes, in one transaction with the claim. */
enum engine_outcome_status {
    ENGINE_OUTCOME_APPLIED = 1,
    ENGINE_OUTCOME_REJECTED,
    ENGINE_OUTCOME_PARKED
};

struct engine_refusal {
    const char *problem; /* problem type's name */
    const char *detail;
    const char *errors; /* JSON array of {pointer, detail}, or NULL */
};

struct engine_command; /* engine_command.h */

/* A row of millrace.command, or (command->keep is ID, and it is not PARKED) of millrace.seen. A
 * fact has none, since its row is among engine_save.rows; one that was parked has an outcome for
 * the row of millrace.command that it has if its type was not known then. */
struct engine_outcome {
    const struct engine_command *command;
    enum engine_outcome_status status;
    struct engine_refusal refusal; /* REJECTED */
    bool was_parked; /* a FULL one's row exists as PARKED and changes; another's may, if its type
                      * was not known then */
};
struct engine_aside { /* a row of millrace.quarantine or millrace.conflict, by position */
    int32_t lane;
    const struct engine_command *command;
    const char *cause; /* quarantine's */
};
struct engine_park { /* a row of millrace.parked */
    int32_t lane;
    const struct engine_command *command;
    const char *cause; /* "waiting" for one that is behind */
    bool behind;
    bool was_parked; /* the row exists: its cause changes, and its attempts grow by one */
};
struct engine_position {
    int32_t lane;
    int64_t position;
};
struct engine_entity_write {
    struct engine_entity entity; /* version is the new one */
    bool is_new;
};
struct engine_row_write {
    int32_t row_kind;
    const struct engine_command *command; /* that it comes from */
    int32_t index;                        /* from 0 within the command and the row kind */
    const void *bytes;
    size_t bytes_len;
};

struct engine_save {
    const struct engine_row *lanes; /* fence is the one that the claim wrote */
    size_t lane_count;
    const struct engine_outcome *outcomes;
    size_t outcome_count;
    const struct engine_aside *quarantined;
    size_t quarantined_count;
    const struct engine_aside *conflicts;
    size_t conflict_count;
    const struct engine_event *events;
    size_t event_count;
    const struct engine_park *parks;
    size_t park_count;
    const struct engine_position *unparks; /* rows of millrace.parked that go */
    size_t unpark_count;
    const struct engine_position *unrequests; /* rows of millrace.request that go */
    size_t unrequest_count;
    const struct engine_entity_write *entities;
    size_t entity_count;
    const struct engine_row_write *rows;
    size_t row_count;
};

/* One operation runs at a time. The arrays in its arguments live until the answer, the structs that
 * name them during the call.
 *
 * Every statement on a lane's row that has waited longer than lane_lock_wait for its lock is looked
 * at from a second connection while it still waits: a holder that the row names (a frozen owner
 * keeps its locks whatever timeouts are set) is terminated; any other blocker, such as another
 * waiter, is left alone and asked about again. */
struct engine_store {
    void *ctx;
    /* One autocommitted UPDATE ... RETURNING that writes fence and backend; then what hangs on the
     * row. engine_on_taken. */
    void (*take)(void *ctx, int32_t lane, uint64_t fence_new);
    /* engine_on_touched: moved says whether the row still had our fence. */
    void (*touch)(void *ctx, const struct engine_touch *touch);
    /* Reads the rows FOR UPDATE, which waits for whoever holds them. engine_on_settled. */
    void (*settle)(void *ctx, const int32_t *lanes, size_t count);
    /* Reads fences and filed requests of the lanes, without locks. engine_on_looked. */
    void (*look)(void *ctx, const int32_t *lanes, size_t count);
    /* Opens a transaction, claims the lanes in ascending order (UPDATE ... SET fence = fence_new
     * WHERE fence = fence), loads. engine_on_begun. */
    void (*begin)(void *ctx, const struct engine_claim *claims, size_t count,
                  const struct engine_load *load);
    /* Loads more in the open transaction. engine_on_loaded. */
    void (*load)(void *ctx, const struct engine_load *load);
    /* Writes all of it and commits. engine_on_saved. */
    void (*save)(void *ctx, const struct engine_save *save);
    /* Ends the open transaction without effect. No answer; the next operation may follow at once.
     */
    void (*roll_back)(void *ctx);
};

/* ---- clock, random, notices --------------------------------------------------------------------
 */

struct engine_clock {
    void *ctx;
    int64_t (*now_ms)(void *ctx);  /* monotonic */
    int64_t (*wall_ms)(void *ctx); /* Unix; for when a tick is due, and nothing else */
};

struct engine_random {
    void *ctx;
    uint64_t (*u64)(void *ctx);
};

enum engine_body {
    ENGINE_BODY_GOOD,
    ENGINE_BODY_BREAKS,   /* its schema */
    ENGINE_BODY_MISROUTED /* the record's key is not what its schema says */
};

/* What is known of command types outside the domain: their schemas. */
struct engine_checker {
    void *ctx;
    /* Parses the value and checks it by the schema of ce->type. GOOD: *json is the caller's.
     * BREAKS: refusal says how, in arena. */
    enum engine_body (*check)(void *ctx, const struct mr_ce_command *ce, struct mr_slice key,
                              struct mr_slice value, struct mr_arena *arena, json_t **json,
                              struct engine_refusal *refusal);
    /* What is kept of a command of this type. FULL for one that is not known; a tick's is ID. */
    enum engine_keep (*keep)(void *ctx, const struct mr_ce_command *ce);
    /* May decide answer this problem for this type? One that is not declared parks the command. */
    bool (*declares)(void *ctx, const struct mr_ce_command *ce, const char *problem);
};

/* What an operator would want to read in the log. */
enum engine_notice_kind {
    ENGINE_LANE_TAKEN,
    ENGINE_LANE_LOST,
    ENGINE_LANE_RELEASED,
    ENGINE_LANE_STOPPED,
    ENGINE_COMMAND_PARKED,
    ENGINE_COMMAND_QUARANTINED,
    ENGINE_BATCH_RETRIED,
    ENGINE_ROUND_ENDED,
    ENGINE_EVENT_MISSING
};
struct engine_notice {
    void *ctx;
    void (*tell)(void *ctx, enum engine_notice_kind kind, int32_t lane, const char *text);
};

struct engine_ports {
    struct engine_log log;
    struct engine_store store;
    struct engine_clock clock;
    struct engine_random random;
    struct engine_checker checker;
    struct engine_notice notice;
};

#endif
