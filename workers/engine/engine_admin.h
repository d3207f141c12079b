/* What an operator does to lanes and parked commands, as plans: what was found goes in, the row to
 * write or a refusal in one sentence comes out. Pure, so that millracectl and the simulator decide
 * alike; whoever asks reads and writes.
 *
 * A lane's plan is written by one statement that replaces the fence it was made from, so that an
 * owner who moved the lane meanwhile makes it a no-op, and an owner who comes later finds out. */
#ifndef ENGINE_ADMIN_H
#define ENGINE_ADMIN_H

#include "engine_ports.h"

#define ENGINE_ADMIN_KEEP INT64_C(-1)

struct engine_admin_position { /* what is asked */
    int64_t applied;           /* the next position that is to be decided */
    int64_t next_event;        /* after a restore; ENGINE_ADMIN_KEEP: events are left alone */
    uint64_t fence_new;
};

struct engine_admin_found {
    struct engine_row row;      /* as it is now */
    int64_t log_start, log_end; /* of the command log */
    bool has_record;            /* the log has a record at applied - 1 */
    struct mr_digest128 record; /* its digest */
    /* The rest only where next_event is asked for. */
    int64_t event_highest; /* the highest sequence in the event log; -1: it holds none */
    int64_t event_offset;  /* where that lies; -1: it holds none */
    int64_t events_kept;   /* rows of the event table in [event_highest + 1, row.next_event) */
};

/* The row as it is to be, with fence_new. MR_INVALID: refused, why says why and what would do:
 * applied is outside [log_start, log_end]; next_event is not the one after the event log's highest
 * sequence; or events that only the table knew are gone.
 *
 * With next_event, published becomes the one after the event log's highest sequence. Where the row
 * numbers further than the event log holds (the log was truncated, not the database), next_event
 * stays, so that no sequence is given twice, and the owner publishes the rest anew. An event log
 * that holds nothing cannot tell: then any next_event from the row's own on is taken. */
MR_MUST_CHECK enum mr_status engine_admin_set_position(const struct engine_admin_position *ask,
                                                       const struct engine_admin_found *found,
                                                       struct engine_row *out,
                                                       struct mr_error *why);

/* The same for a lane of the loader's ledger. */
struct engine_admin_load {
    int64_t next_offset;   /* of the topic: the next record that is to be read */
    int64_t last_sequence; /* the last event that the warehouse holds; -1: none */
};

struct engine_admin_load_found {
    int64_t log_start, log_end;
    int64_t loaded_highest; /* the highest sequence in the warehouse's tables; -1: none */
    int64_t last_offset;    /* where last_sequence lies below next_offset; -1: not found there */
    int64_t next_sequence;  /* the lowest above last_sequence from next_offset on; -1: none yet */
};

/* MR_INVALID: next_offset is outside the log; last_sequence is below what the warehouse holds, so
 * that rows would come twice; or the one after it would stay missing. last_offset is what goes into
 * the ledger. */
MR_MUST_CHECK enum mr_status engine_admin_set_load(const struct engine_admin_load *ask,
                                                   const struct engine_admin_load_found *found,
                                                   struct mr_error *why);

/* A parked command that an operator wants retried or dropped. */
struct engine_admin_parked {
    bool is_parked;
    bool behind;               /* it waits for its key */
    enum engine_action filed;  /* NEW: nothing is filed for it yet */
    enum engine_action action; /* asked: RETRY or DROP */
};

/* MR_OK: file it. MR_INVALID: there is nothing to file it for. MR_BUSY: a request is filed already,
 * and of two the first counts. note says what will happen, or why not. */
MR_MUST_CHECK enum mr_status engine_admin_file(const struct engine_admin_parked *found,
                                               struct mr_error *note);

#endif
