/* A seeded world in which the engines that ship run: two topics, a database, a warehouse, a
 * network, a group, and processes that crash, freeze, wake and lose answers at every step.
 *
 *   sim_log.c     topics, the network to them, what commands there are
 *   sim_tally.c   a domain beside billing: ids, facts, ticks; half of the walks run it
 *   sim_store.c   the database: rows, locks, transactions
 *   sim_commit.c  a commit, and what it must keep (the oracle)
 *   sim_load.c    what a batch reads
 *   sim_worker.c  a process with the lane engine, and its ports
 *   sim_loader.c  a process with the loader's engine, of events or of facts
 *   sim_warehouse.c  the warehouse, its transactions, and their oracle
 *   sim_run.c     one walk: the random steps, then faults off, drain, and the last look
 *
 * Nothing of the oracle asks the engine: it looks at what reached database, topics and warehouse.
 */
#ifndef SIM_H
#define SIM_H

#include "engine.h"
#include "engine_bug.h"
#include "engine_load.h"
#include "mr_prng.h"

#include <stdarg.h>

#define SIM_LANES        2
#define SIM_WORKERS      2
#define SIM_LOADERS      2 /* of events, and as many of facts behind them */
#define SIM_ACCOUNTS     4
#define SIM_NOBODY       SIM_ACCOUNTS           /* the nil account of ticks */
#define SIM_RECORDS_MAX  64                     /* a lane */
#define SIM_EVENTS_MAX   160                    /* a lane */
#define SIM_TICKS_MAX    16                     /* on their way */
#define SIM_DAY_MS       INT64_C(1795564800000) /* 2026-11-25 */
#define SIM_TOPIC_MAX    2048
#define SIM_NET_MAX      1024
#define SIM_ENTITIES_MAX 128
#define SIM_ORPHANS_MAX  64
#define SIM_CHECKS_MAX   16
#define SIM_EVENT_BYTES  900  /* larger ones are refused */
#define SIM_ARENA_BYTES  2000 /* for each command alone, not for some together */
#define SIM_TICK_BYTES   4000 /* the same, for a tick */
/* The problem that strict walks do not declare. */
#define SIM_UNDECLARED "invoice-not-found"

/* ---- topics ---- */

enum sim_kind {
    SIM_GOOD,      /* a command that can be decided */
    SIM_UNKNOWN,   /* of a type that workers know only after a deploy */
    SIM_POISON,    /* the database refuses its rows */
    SIM_BROKEN,    /* the body is no JSON */
    SIM_LARGE,     /* its event would be too large */
    SIM_EMPTY,     /* the domain refuses it; a fact is set aside then */
    SIM_STRANGE,   /* a tick that the domain does not know: the next would do its work */
    SIM_MISROUTED, /* belongs to another lane */
    SIM_UNREADABLE /* no headers */
};

struct sim_record {
    struct engine_record record;
    enum sim_kind kind;
    enum engine_keep keep; /* as a release says that knows the type */
    int account;
    struct mr_uuid id;
    struct mr_digest hash;
    int64_t amount_minor; /* of a payment; of what is counted */
};

struct sim_tick { /* on its way into the log */
    int lane;
    int64_t due_ms;
};

struct sim_event { /* in the events topic */
    int64_t sequence;
    struct mr_digest content;
};

struct sim_topics {
    struct sim_record records[SIM_LANES][SIM_RECORDS_MAX];
    int record_count[SIM_LANES];
    struct sim_event events[SIM_LANES][SIM_TOPIC_MAX];
    int event_count[SIM_LANES];
};

enum sim_flight { SIM_FLYING, SIM_STORED, SIM_GONE };

struct sim_message { /* an event on its way to the topic */
    int worker;
    uint32_t life; /* of the worker: reports of an earlier one go nowhere */
    uint64_t round;
    int lane;
    int64_t sequence, offset;
    struct mr_digest content;
    enum sim_flight flight;
    bool reported, disowned; /* purged: its report says failed, whatever becomes of it */
};

/* ---- the database ---- */

enum sim_outcome { /* of a position: a ghost, only the oracle sees it */
                   SIM_NONE,
                   SIM_APPLIED,
                   SIM_REJECTED,
                   SIM_DROPPED,
                   SIM_PARKED,
                   SIM_KEPT, /* a fact */
                   SIM_REPEAT,
                   SIM_CONFLICT,
                   SIM_QUARANTINED
};

/* Tables in which the database has a row of a position's command. */
#define SIM_IN_COMMAND 1
#define SIM_IN_SEEN    2
#define SIM_IN_FACTS   4

struct sim_parked {
    int64_t position;
    bool behind;
    bool hopeless;             /* the refusal is not declared: no retry helps */
    enum engine_action action; /* filed; NEW: none */
};

struct sim_tx;

struct sim_db_lane {
    struct engine_row row;
    uint64_t backend; /* the connection that the row names */
    enum sim_outcome outcome[SIM_RECORDS_MAX];
    unsigned char tables[SIM_RECORDS_MAX];
    struct engine_event events[SIM_EVENTS_MAX]; /* by sequence; bytes in the world's arena */
    struct sim_parked parked[SIM_RECORDS_MAX];
    int parked_count;
    int64_t stale_request;             /* a request whose position is not parked any more; -1 */
    int64_t decided[SIM_ACCOUNTS + 1]; /* ghost: the highest position decided of the account */
};

struct sim_db_entity {
    struct engine_entity entity;
};

struct sim_db {
    struct sim_db_lane lanes[SIM_LANES];
    struct sim_db_entity entities[SIM_ENTITIES_MAX];
    int entity_count;
    int64_t cash_minor, sum_minor; /* of the journal */
    int64_t counted;               /* ghost: of what was applied to sums */
};

/* A transaction that holds rows: open in a process, or orphaned with its COMMIT on the way. */
struct sim_tx {
    uint64_t conn; /* 0: none */
    bool holds[SIM_LANES];
    uint64_t fence_new[SIM_LANES];
    bool claimed[SIM_LANES];
    const struct engine_save *save; /* a copy; NULL: not sent yet */
};

/* A statement that the server runs after its client was told that the connection is gone. */
struct sim_late {
    bool is_take;
    int lane;
    uint64_t conn;
    struct engine_touch touch;
};

/* ---- processes ---- */

enum sim_op {
    SIM_OP_NONE,
    SIM_OP_TAKE,
    SIM_OP_TAKEN, /* the fence is written, what hangs on the row is still to be read */
    SIM_OP_TOUCH,
    SIM_OP_SETTLE,
    SIM_OP_LOOK,
    SIM_OP_BEGIN,
    SIM_OP_LOAD,
    SIM_OP_SAVE,
    SIM_OP_FLUSH
};

struct sim;

struct sim_process {
    struct sim *sim;
    int index;
    bool alive, frozen, stays_frozen;
    uint32_t life;
    bool view[SIM_LANES]; /* what it knows of the group's word */
    int generation[SIM_LANES];
    uint64_t conn; /* 0: down */
    bool started[SIM_LANES], paused[SIM_LANES];
    int64_t next[SIM_LANES];                    /* to be delivered */
    struct engine_check checks[SIM_CHECKS_MAX]; /* asked and not answered, in order */
    int check_count;

    enum sim_op op;
    int64_t op_since_ms;
    int op_lane;
    int32_t op_lanes[SIM_LANES];
    size_t op_lane_count;
    uint64_t op_fence;
};

struct sim_worker {
    struct sim_process p;
    struct engine *engine;
    bool new_release; /* what its next start runs: knows the type of SIM_UNKNOWN */
    bool runs_new;    /* what runs */
    struct engine_touch touch;
    struct engine_row taken; /* as the takeover's statement returned it */
    struct engine_claim claims[SIM_LANES];
    size_t claim_count;
    struct engine_load load;
    const struct engine_save *save;
    struct sim_tx tx;
};

struct sim_wh_lane {
    struct engine_ledger ledger;
    uint64_t backend;
    struct sim_event rows[SIM_TOPIC_MAX];
    int row_count;
};

struct sim_flush { /* a flush that may still be committed */
    uint64_t conn;
    bool facts;
    bool holds[SIM_LANES];
    bool moves[SIM_LANES];
    struct engine_ledger ledgers[SIM_LANES];
    struct sim_event rows[SIM_LANES][SIM_TOPIC_MAX];
    int row_count[SIM_LANES];
};

struct sim_loader {
    struct sim_process p;
    bool facts; /* reads the commands topic by offset */
    struct engine_loader *engine;
    struct engine_flush flush;
};

struct sim {
    uint64_t seed;
    struct mr_prng prng;
    struct mr_arena arena; /* everything that lives as long as the world */
    int64_t now_ms;
    uint64_t ids;   /* connections and fences */
    int faults;     /* left */
    bool calm;      /* faults are off */
    bool fifo;      /* the network keeps a process's order */
    bool restores;  /* this walk restores the database once */
    bool gone_back; /* it was restored: lanes may stop, and must where events lie ahead */
    bool strict;    /* the schemas do not list SIM_UNDECLARED: it parks */
    bool tally;     /* the domain; else it is billing */
    int to_make;    /* commands that are still to come */
    bool trace;
    char bad[512]; /* the first violation; empty: none */
    uint64_t steps;

    struct mr_uuid accounts[SIM_ACCOUNTS + 1]; /* the last one nil */
    struct sim_topics topics;
    struct sim_tick ticks[SIM_TICKS_MAX];
    int tick_count;
    int64_t skew_ms[SIM_WORKERS]; /* of their clocks on the wall */
    struct sim_message net[SIM_NET_MAX];
    int net_count;
    struct sim_db db, snapshot;
    bool has_snapshot;
    struct sim_tx orphans[SIM_ORPHANS_MAX];
    int orphan_count;
    struct sim_late late[SIM_ORPHANS_MAX];
    int late_count;
    /* ghost: what was ever committed under a sequence, and could be published */
    struct mr_digest committed[SIM_LANES][SIM_EVENTS_MAX];
    bool has_committed[SIM_LANES][SIM_EVENTS_MAX];
    bool left_behind[SIM_LANES][SIM_EVENTS_MAX]; /* published, then restored away */
    int64_t resumed[SIM_LANES]; /* sequences below it were given up by set-position */
    struct sim_wh_lane warehouse[2][SIM_LANES]; /* events, facts */
    struct sim_flush *flush_orphans[SIM_ORPHANS_MAX];
    int flush_orphan_count;
    int owner[SIM_LANES], loader_owner[SIM_LANES], generation[SIM_LANES],
        loader_generation[SIM_LANES];
    struct sim_worker workers[SIM_WORKERS];
    struct sim_loader loaders[2 * SIM_LOADERS];
    uint64_t faults_done, commits, ticks_applied, facts_stored; /* for the summary */
};

/* ---- the dice ---- */
static inline uint32_t sim_below(struct sim *s, uint32_t n)
{
    return mr_prng_below(&s->prng, n);
}
static inline bool sim_maybe(struct sim *s, uint32_t permille)
{
    return mr_prng_chance(&s->prng, permille);
}
/* A fault: only while there are some left. */
static inline bool sim_fault(struct sim *s, uint32_t permille)
{
    if (s->calm || s->faults == 0 || !sim_maybe(s, permille))
        return false;
    s->faults--;
    s->faults_done++;
    return true;
}
void sim_say(struct sim *s, const char *fmt, ...) MR_PRINTF(2, 3);
void sim_bad(struct sim *s, const char *fmt, ...) MR_PRINTF(2, 3);
void *sim_keep(struct sim *s, const void *data, size_t bytes); /* a copy in the world's arena */

/* sim_log.c */
void sim_topics_fill(struct sim *s);
bool sim_topics_step(struct sim *s); /* one more command comes */
bool sim_tick_step(struct sim *s);   /* a tick arrives, or is lost */
struct mr_digest sim_content(const struct engine_event *event);
void sim_net_send(struct sim *s, int worker, uint64_t round, const struct engine_event *event);
bool sim_net_step(struct sim *s);
bool sim_net_report(struct sim *s, struct sim_worker *w);
void sim_net_purge(struct sim *s, const struct sim_worker *w);
void sim_check_ask(struct sim_process *p, const struct engine_check *check);
bool sim_check_next(struct sim *s, struct sim_process *p, struct engine_check *out);
void sim_check_answer(struct sim *s, const struct engine_check *check, struct engine_checked *out);

/* sim_store.c */
bool sim_db_locked(struct sim *s, int lane, uint64_t conn, struct sim_tx **holder);
bool sim_db_end_holder(struct sim *s, int lane, uint64_t conn); /* the lock watch */
void sim_db_rollback(struct sim_tx *tx);
void sim_db_orphan(struct sim *s, struct sim_tx *tx);
bool sim_db_orphan_step(struct sim *s);
bool sim_db_late_step(struct sim *s);
int64_t sim_reach(const struct sim *s, int lane);
void sim_db_touch(struct sim *s, uint64_t conn, const struct engine_touch *t);
const struct engine_save *sim_save_copy(struct sim *s, const struct engine_save *save);
bool sim_save_is_refused(const struct sim *s, const struct engine_save *save);
void sim_db_restore(struct sim *s);
const struct sim_record *sim_record_of(const struct sim *s, const struct engine_command *c);
struct sim_parked *sim_parked_at(struct sim_db_lane *l, int64_t position);

/* sim_commit.c */
void sim_db_commit(struct sim *s, struct sim_tx *tx);
void sim_db_final(struct sim *s);
/* It is to be quarantined. */
bool sim_is_foreign(const struct sim_record *r);
/* The same command, as its account and id say. */
bool sim_is_same(const struct sim_record *a, const struct sim_record *b);

/* sim_load.c: what w->load asks for. The arrays live until the next call. */
void sim_load(struct sim *s, const struct engine_load *load, struct engine_loaded *out);

/* sim_worker.c */
void sim_worker_start(struct sim *s, int index);
void sim_worker_crash(struct sim *s, struct sim_worker *w);
bool sim_worker_step(struct sim *s, struct sim_worker *w);

/* sim_loader.c */
void sim_loader_start(struct sim *s, int index);
void sim_loader_crash(struct sim *s, struct sim_loader *l);
bool sim_loader_step(struct sim *s, struct sim_loader *l);
struct sim_row { /* what a loader made of a record */
    struct engine_load_record record;
    struct mr_digest content;
};

/* sim_warehouse.c */
struct sim_flush *sim_flush_copy(struct sim *s, struct sim_loader *l);
void sim_flush_apply(struct sim *s, const struct sim_flush *f);
bool sim_flush_waits(struct sim *s, struct sim_loader *l, int lane); /* for a lock */
bool sim_flush_orphan_step(struct sim *s);
void sim_warehouse_final(struct sim *s);
/* The topic's next offset. */
int64_t sim_topic_end(const struct sim *s, bool facts, int lane);

/* sim_run.c: one walk. Empty text: nothing was violated. */
struct sim_result {
    char bad[512];
    uint64_t steps, commits, faults, ticks, facts;
};
void sim_run(uint64_t seed, bool trace, struct sim_result *out);

#endif
