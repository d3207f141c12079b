/* The lane engine: what a worker does, as a state machine without I/O.
 *
 * Its owner (workers/runtime, or the simulator) tells it what happened by the functions below; the
 * engine answers by calling its ports (engine_ports.h). It takes lanes over, decides their commands
 * in batches, publishes what it committed, parks what may yet succeed, and lets go of what is not
 * its own any more. One operation of the store runs at a time.
 *
 *   FREE -assigned-> WAITING -take-> CHECKING -found as left-> RUNNING
 *                       ^               |  ^out of range-----------'|
 *                       |               '-gone back, still ours-> STOPPED
 *                       '------- another fence is in the row (lost), anywhere
 *
 * A lane that is revoked is let go as soon as no operation works on it. */
#ifndef ENGINE_H
#define ENGINE_H

#include "engine_ports.h"

struct engine;

struct engine_options {
    int32_t lanes;             /* of the domain */
    size_t batch_commands_max; /* 8,192 */
    size_t batch_bytes_max;    /* of records in one batch */
    size_t batch_arena_bytes_max;
    size_t queue_bytes_max; /* of records that wait, over all lanes; then lanes are paused */
    size_t event_bytes_max;
    int64_t publish_ahead_max; /* next_event - published at which a lane takes no more */
    int64_t commit_target_ms;  /* what a batch's transaction should take at most: 50 */
    int64_t flush_timeout_ms;  /* engine_stop: how long to wait for events to be acknowledged */
};

/* ports and domain are borrowed (ports is copied). */
struct engine *engine_new(const struct engine_domain *domain, const struct engine_ports *ports,
                          const struct engine_options *options);
void engine_free(struct engine *engine);

/* The group's word. A lane that is assigned already is begun anew. */
void engine_assign(struct engine *engine, const int32_t *lanes, size_t count);
void engine_revoke(struct engine *engine, const int32_t *lanes, size_t count);
/* Time has passed; call it at least every 50 ms. Also goes on after the owner's own changes. */
void engine_tick(struct engine *engine);
/* Takes nothing more, finishes the batch, waits for publication, writes `published`, lets go. */
void engine_stop(struct engine *engine);
bool engine_is_stopped(const struct engine *engine);

/* ---- the log's answers --------------------------------------------------------------------------
 */
void engine_on_record(struct engine *engine, const struct engine_record *record); /* copied */
void engine_on_out_of_range(struct engine *engine, int32_t lane);
void engine_on_checked(struct engine *engine, const struct engine_checked *checked);
/* stored: acknowledged, at offset. Otherwise failed or unknown. */
void engine_on_report(struct engine *engine, uint64_t round, int32_t lane, int64_t sequence,
                      bool stored, int64_t offset);

/* ---- the store's answers: one for each operation ------------------------------------------------
 */
void engine_on_connection(struct engine *engine, bool up);
void engine_on_taken(struct engine *engine, enum engine_answer answer,
                     const struct engine_taken *taken);
void engine_on_touched(struct engine *engine, enum engine_answer answer, bool moved);
void engine_on_settled(struct engine *engine, enum engine_answer answer,
                       const struct engine_fence *fences, size_t count);
void engine_on_looked(struct engine *engine, enum engine_answer answer,
                      const struct engine_fence *fences, size_t fence_count,
                      const struct engine_request *requests, size_t request_count);
/* missed: lanes whose claim found another fence; loaded counts only where there are none. */
void engine_on_begun(struct engine *engine, enum engine_answer answer, const int32_t *missed,
                     size_t missed_count, const struct engine_loaded *loaded);
void engine_on_loaded(struct engine *engine, enum engine_answer answer,
                      const struct engine_loaded *loaded);
/* detail: with REFUSED, what the database said. */
void engine_on_saved(struct engine *engine, enum engine_answer answer, const char *detail);

/* ---- what there is to see ---- */

enum engine_lane_state {
    ENGINE_LANE_FREE,
    ENGINE_LANE_WAITING,
    ENGINE_LANE_CHECKING,
    ENGINE_LANE_RUNNING,
    ENGINE_LANE_STOPPED_STATE
};

struct engine_lane_view {
    enum engine_lane_state state;
    const char *stop_reason; /* STOPPED; else NULL */
    uint64_t fence;
    int64_t applied, next_event, published;
    int64_t queued_commands;
    int64_t oldest_time_ms; /* append time of the oldest queued command; 0: none */
    int64_t held_keys, parked_commands;
};
void engine_lane_look(const struct engine *engine, int32_t lane, struct engine_lane_view *out);

/* Counted since start. */
struct engine_stats {
    uint64_t batches, batches_retried, commands_applied, commands_rejected, commands_repeated,
        commands_conflicting, commands_parked, commands_quarantined, events_committed,
        events_acknowledged, rounds_ended, takeovers, lanes_lost;
    size_t batch_limit; /* how many commands a batch takes at the moment */
    int64_t load_us_total, decide_us_total, save_us_total; /* by the owner's clock, in ms steps */
};
const struct engine_stats *engine_stats(const struct engine *engine);

#endif
