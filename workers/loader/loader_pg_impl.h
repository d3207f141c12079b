/* Shared by the parts of loader_pg; private to the folder. */
#ifndef LOADER_PG_IMPL_H
#define LOADER_PG_IMPL_H

#include "loader_op.h"
#include "loader_pg.h"
#include "mr_pg_watch.h"

/* FREE -> TAKING, SETTLING, LOOKING -> FREE
 * FREE -flush-> NAMING -> CLAIMING -all are ours-> ASKING (facts alone) -> COPYING (once a table)
 *      -> WRITING -> COMMITTING -> FREE; a failure on the way, or a missed claim, rolls back ->
 * FREE */
enum loader_pg_state {
    LOADER_PG_FREE,
    LOADER_PG_TAKING,
    LOADER_PG_SETTLING,
    LOADER_PG_LOOKING,
    LOADER_PG_NAMING, /* only lanes whose row does not name this connection's backend */
    LOADER_PG_CLAIMING,
    LOADER_PG_ASKING, /* only with facts: which are loaded already */
    LOADER_PG_COPYING,
    LOADER_PG_WRITING,
    LOADER_PG_COMMITTING
};

/* A table of the catalogue. */
struct loader_pg_table {
    char *copy;             /* its COPY statement */
    char *known;            /* which facts it has already */
    int64_t rows;           /* of the flush at hand */
    int64_t newest_ms;      /* event_time of the flush at hand; 0: no rows */
    int64_t loaded_through; /* as committed by this process; 0: nothing yet */
};

struct loader_pg {
    struct loader_pg_settings settings;
    struct engine_loader *engine;
    struct mr_pg_conn *conn;
    struct mr_pg_watch *watch;
    char backend_start[48];
    int32_t backend_pid;
    bool *named; /* by lane: its row names the backend of this connection */
    bool up, closing;
    void (*on_closed)(void *owner);
    void *closed_owner;

    struct loader_op op;
    enum loader_pg_state state;
    int32_t lane; /* TAKING */
    uint64_t fence_new;
    struct engine_ledger taken;
    struct engine_fence *fences; /* SETTLING, LOOKING; in op.arena */
    size_t fence_count;

    /* the flush at hand */
    struct engine_flush flush; /* what it points to is the engine's until it is answered */
    int64_t flush_began_ms;
    bool *claimed; /* by lane */
    struct loader_pg_table *tables;
    size_t table;        /* COPYING */
    size_t record, line; /* where the COPY's next chunk goes on */
    struct mr_buf chunk;
};

enum engine_answer loader_pg_answer(const struct loader_pg *pg);
void loader_pg_lanes_param(struct loader_pg *pg, struct mr_pg_params *params, const int32_t *lanes,
                           size_t count);
struct mr_pg_params loader_pg_params(struct loader_pg *pg); /* $1 is the topic */

/* loader_pg_facts.c */
char *loader_pg_known_statement(const struct mr_catalog_table *table); /* the caller's */
/* Finds the flush's repeated facts. False: there is no fact, and no operation was begun. */
bool loader_pg_ask_facts(struct loader_pg *pg);

/* loader_pg_flush.c */
void loader_pg_flush(void *ctx, const struct engine_flush *flush);
/* The operation of a flush's state was answered: begins the next one. */
void loader_pg_flush_step(struct loader_pg *pg);

#endif
