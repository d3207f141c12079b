/* Shared by the parts of runtime_store; private to the folder. */
#ifndef RUNTIME_STORE_IMPL_H
#define RUNTIME_STORE_IMPL_H

#include "mr_arena.h"
#include "mr_buf.h"
#include "mr_pg_conn.h"
#include "mr_pg_watch.h"
#include "runtime_store.h"

#define STORE_KINDS_MAX 16

/* A kind's statements, made of the domain's texts; their names are kept in `names`. */
struct store_statements {
    struct mr_pg_stmt load, insert, update, due; /* sql is NULL where the kind has none */
    char names[4][49];
};

enum store_op {
    STORE_NONE,
    STORE_TAKE,
    STORE_TOUCH,
    STORE_SETTLE,
    STORE_LOOK,
    STORE_BEGIN,
    STORE_LOAD,
    STORE_SAVE,
    STORE_COMMIT
};

typedef void store_reader(struct runtime_store *store, struct mr_pg_result *result, int32_t arg);

/* One statement under way. want: how many rows it must affect; -1: any. */
struct store_call {
    struct runtime_store *store;
    store_reader *read;
    int32_t arg;
    int64_t want;
};

/* The COPY at hand, of one row kind. */
struct store_copy {
    int32_t kind;
    size_t at;    /* the next of saving.rows to look at */
    int64_t want; /* rows of the kind */
    int64_t given;
    bool ended;        /* the trailer is in buf */
    struct mr_buf buf; /* the chunk that was given last */
};

struct runtime_store {
    struct runtime_store_settings settings;
    const char *domain; /* its name */
    struct engine *engine;
    struct mr_pg_conn *conn;
    struct mr_pg_watch *watch;
    struct mr_timer set_up_again;
    struct mr_deferred
        finish; /* an operation that could not even be queued ends outside the call */
    char backend_start[48];
    int32_t backend_pid;
    bool ready; /* the session is set up */
    bool in_transaction;
    bool closing;
    void (*on_closed)(void *owner);
    void *closed_owner;

    struct store_statements statements[STORE_KINDS_MAX];
    struct mr_pg_stmt row_statements[STORE_KINDS_MAX];
    char row_names[STORE_KINDS_MAX][49];
    char *copy_sql[STORE_KINDS_MAX]; /* NULL: rows of this kind are inserted */
    struct mr_pg_stmt known_facts;   /* sql is NULL: the domain has no facts */
    char known_facts_name[49];

    /* the operation at hand */
    enum store_op op;
    int32_t outstanding; /* statements without an answer */
    enum engine_answer answer;
    char detail[256];
    bool partition_missing;
    int32_t first_day, last_day;                    /* of the records at hand */
    struct mr_arena arena;                          /* parameters, calls and what was read */
    struct mr_pg_result *kept[STORE_KINDS_MAX + 8]; /* results that the answer points into */
    size_t kept_count;
    int32_t lane;
    uint64_t fence_new;
    struct engine_taken taken;
    bool moved;
    const struct engine_claim *claims;
    size_t claim_count;
    int32_t *claimed;
    size_t claimed_count;
    struct engine_save saving; /* its arrays live until the answer */
    struct store_copy copy;
    struct runtime_store_counts unsettled; /* of the batch: counted once it is committed */
    struct engine_loaded loaded;
    struct engine_entity *entities; /* loaded.entities, as they are read */
    struct engine_fence *fences;
    size_t fence_count;
    struct engine_request *requests;
    size_t request_count;

    struct runtime_store_counts counts;

    /* of the latest runtime_store_drop_days */
    const struct domain_store_pruned *pruned;
    void (*on_pruned)(void *owner, bool done);
    void *pruned_owner;
};

/* Begins an operation: forgets the last one's memory. */
void store_begin_op(struct runtime_store *s, enum store_op op);
/* Queues a statement of it. */
void store_query(struct runtime_store *s, const struct mr_pg_stmt *stmt,
                 const struct mr_pg_params *params, struct store_call call);
/* The operation cannot be done now; the first failure says why. */
void store_fail(struct runtime_store *s, const char *detail);
/* The database can never take a row of it. */
void store_refuse(struct runtime_store *s, const char *detail);
/* Whether the statement was done and affected `want` rows (-1: any); else the operation fails. */
bool store_is_as_wanted(struct runtime_store *s, struct mr_pg_result *result, int64_t want);
/* Tells the engine, when nothing of the operation is outstanding. */
void store_finish_if_answered(struct runtime_store *s);
/* The operation's answer, outside the call that asked. */
void store_finish_deferred(void *store);
/* Everything of the operation is queued. */
void store_end_op(struct runtime_store *s);
void store_lock_watch(struct runtime_store *s, const int32_t *lanes, size_t count);
struct mr_pg_params store_params(struct runtime_store *s); /* $1 is the domain */
void store_lanes_param(struct runtime_store *s, struct mr_pg_params *params, const int32_t *lanes,
                       size_t count);
/* Keeps the result until the next operation. */
void store_keep(struct runtime_store *s, struct mr_pg_result *result);
void *store_alloc(struct runtime_store *s, size_t count, size_t bytes); /* arena; never NULL */

extern const struct mr_pg_stmt store_nothing; /* an operation with nothing to ask */

/* runtime_store_lane.c: operations of the port; ctx is the store */
void store_take(void *ctx, int32_t lane, uint64_t fence_new);
void store_touch(void *ctx, const struct engine_touch *touch);
void store_settle(void *ctx, const int32_t *lanes, size_t count);
void store_look(void *ctx, const int32_t *lanes, size_t count);
/* runtime_known.c */
void store_load_known(struct runtime_store *s, const struct engine_load *load);
/* runtime_load.c */
void store_load(struct runtime_store *s, const struct engine_load *load);
/* runtime_save.c */
void store_save(struct runtime_store *s, const struct engine_save *save);
/* A COPY of it is done: the next one, or all the rest. The caller syncs. */
void store_save_on(struct runtime_store *s);
void store_note_day(struct runtime_store *s, int32_t day); /* of a record that is written */
/* runtime_copy.c: starts the COPY of the next kind that has rows for one; false: there is none. */
bool store_copy_next(struct runtime_store *s);
/* runtime_save_domain.c */
void store_save_domain(struct runtime_store *s, const struct engine_save *save);

#endif
