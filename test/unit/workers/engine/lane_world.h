/* The lane engine on fake ports: a log that the test appends to, a small database that does what it
 * was asked when the test says so, a producer that keeps what it was given, a clock that stands
 * still.
 *
 * The domain "test" keeps one sum for each account. A command's body says what it does:
 *   {"add":1}          adds to the sum and tells it in one event
 *   "events":n         tells it in n events; "event_bytes":n pads each of them
 *   "refuse":"name"    is refused; "undeclared" is a problem that its schema does not list
 *   "poison":1         the database refuses its rows; 2: it refuses to park it, too
 *   "keys":n           looks at n sums more; "grow":n takes n bytes while deciding
 *   "size":n           makes the sum's image n bytes larger
 *   "due_ms":n         is added by the first tick n ms after the beginning or later, not now
 * test.add is kept whole, of test.count the id is kept, test.line is a fact: one row of its `add`,
 * no sum, no event. test.new, test.new_count and test.new_line are the same, known once lane_deploy
 * was called. test.tick adds what is due to the sums and tells each in an event; "sums":n looks at
 * n more afterwards. A body that is no JSON breaks its schema: "{x" by two errors, "{long" by a
 * long one. */
#ifndef LANE_WORLD_H
#define LANE_WORLD_H

#include "engine.h"

#define LANES         2
#define LANE_WHO      4   /* accounts of each lane */
#define LANE_RECORDS  256 /* of a lane */
#define LANE_EVENTS   512
#define LANE_ENTITIES 64
#define LANE_FACTS    128
#define LANE_TEXT     64
#define LANE_FIRST_MS INT64_C(1795564800000) /* the log's first day begins: 2026-11-25 */

struct lane_command {
    int32_t lane;
    int who;             /* which of the lane's accounts */
    int64_t id;          /* 0: a new one */
    int64_t day;         /* from the first one on */
    const char *type;    /* NULL: test.add */
    const char *body;    /* NULL: {"add":1} */
    const char *key;     /* NULL: as it must be */
    const char *id_text; /* a whole id, or NULL */
    int64_t due_ms;      /* of a tick; 0: it is none */
    int64_t after_ms;    /* appended so much later in its day */
    bool no_key, no_value, no_headers;
};

/* The log of a lane: commands, and the events that were stored. */
struct lane_log {
    struct engine_record records[LANE_RECORDS];
    int count;
    bool started, paused;
    int64_t next, started_at;  /* started_at: -1 while it is stopped */
    struct engine_check check; /* the newest question */
    bool asked;                /* it waits for its answer */
    int checks, pauses, resumes;
    int64_t events[LANE_EVENTS]; /* sequences by offset */
    int event_count;
};

struct lane_parked {
    struct mr_uuid account, id;
    int32_t day;
    int64_t position;
    bool behind;
    int attempts;
};

/* What the database holds of a lane. */
struct lane_rows {
    struct engine_row row;
    bool named;                         /* the row names this connection */
    char what[LANE_RECORDS];            /* of a position, as lane_outcomes shows it */
    char text[LANE_RECORDS][LANE_TEXT]; /* problem or cause */
    struct engine_event events[LANE_EVENTS];
    struct lane_parked parked[LANE_RECORDS];
    int parked_count;
    struct engine_request filed[8]; /* key is not used */
    int filed_count;
};

struct lane_tick { /* that the engine wrote */
    int32_t lane;
    int64_t due_ms;
};

struct lane_part { /* an entity that is due one day: due_ms > 0 */
    int64_t due_ms, value;
};

struct lane_fact {
    struct mr_uuid account, id;
    int32_t day, lane;
    int64_t value;
};

struct lane_sent { /* an event that was handed to the producer */
    uint64_t round;
    int32_t lane;
    int64_t sequence;
    bool reported;
};

struct lane_world {
    struct engine_options options; /* as lane_world_open says; change them before lane_run */
    int64_t tick_interval_ms;
    struct engine_domain domain; /* lane_domain with that interval */
    struct engine *engine;
    struct mr_arena arena;
    int64_t now_ms;         /* begins at 1,000, when it is LANE_FIRST_MS + 1,000 on the wall */
    int64_t wall_behind_ms; /* by what the wall's clock was set back */
    uint64_t drawn;
    int64_t ids;
    struct mr_uuid accounts[LANES][LANE_WHO];
    struct lane_log log[LANES];
    struct lane_rows rows[LANES];
    struct engine_entity entities[LANE_ENTITIES];
    int entity_count;
    struct engine_known known[LANES * LANE_RECORDS]; /* command and seen */
    enum engine_keep known_keep[LANES * LANE_RECORDS];
    int known_count;
    struct lane_fact facts[LANE_FACTS];
    int fact_count;
    struct lane_tick ticks[LANE_RECORDS];
    int tick_count;

    /* the operation that waits for its answer: 0, 't'ake, 'u' (touch), 's'ettle, 'l'ook, 'b'egin,
     * 'm' (load more), 'c'ommit */
    char op;
    bool open; /* a transaction is */
    int32_t asked[LANES];
    size_t asked_count;
    uint64_t take_fence;
    struct engine_touch touch;
    struct engine_claim claims[LANES];
    size_t claim_count;
    struct engine_load load;
    struct engine_save save;
    int begins, commits, roll_backs;

    struct lane_sent sent[LANE_EVENTS];
    int sent_count, purges;
    int room;                 /* the producer takes so many events more */
    int64_t invalid_sequence; /* it can never take this one; -1 */
    int told[ENGINE_EVENT_MISSING + 1];
    char said[ENGINE_EVENT_MISSING + 1][512]; /* the newest of each kind */
};

/* lane_domain.c */
enum { LANE_SUM, LANE_PART };  /* kinds */
enum { LANE_LINE, LANE_FACT }; /* row kinds */
extern const struct engine_domain lane_domain;
extern const struct engine_checker lane_checker;

bool lane_knows_nothing(const char *type);
void lane_world_open(struct lane_world *w);
void lane_world_close(struct lane_world *w);
/* Types of the newer release are known from now on. */
void lane_deploy(bool deployed);
/* Connected, with nothing assigned. */
void lane_start(struct lane_world *w);
/* Starts, assigns lanes 0 .. count - 1 and goes on until nothing is left to do. */
void lane_run(struct lane_world *w, int32_t count);
void lane_assign(struct lane_world *w, int32_t lane);
void lane_revoke(struct lane_world *w, int32_t lane);

/* Appends a record; returns its position. It is delivered by lane_deliver. */
int64_t lane_append(struct lane_world *w, const struct lane_command *command);
#define lane_command_of(...) (&(struct lane_command){__VA_ARGS__})
#define lane_add(w, ...)     lane_append(w, lane_command_of(__VA_ARGS__))
/* Delivers what the log has for lanes that are read. False: nothing. */
bool lane_deliver(struct lane_world *w);

/* Answers the operation at hand as the database would. */
void lane_answer(struct lane_world *w);
/* It did not happen. */
void lane_fails(struct lane_world *w, enum engine_answer answer, const char *detail);
/* Its answer is lost with the connection, whether it happened or not. */
void lane_lost(struct lane_world *w, bool happened);
void lane_connect(struct lane_world *w);
/* Answers a lane's newest question truly. */
void lane_check(struct lane_world *w, int32_t lane);
struct engine_checked lane_checked(const struct lane_world *w, const struct engine_check *check);
/* Delivers and answers until nothing is left to do / until this operation is at hand. */
void lane_go(struct lane_world *w);
void lane_until(struct lane_world *w, char op);
/* All that was appended goes into one batch, whose begin is at hand then. */
void lane_gather(struct lane_world *w);
/* Time passes at once; the engine is told, and nothing is answered. */
void lane_wait(struct lane_world *w, int64_t ms);
/* Time passes in small steps, and all is answered. */
void lane_pass(struct lane_world *w, int64_t ms);

/* The fate of one event given to the producer / of all without one, in order. */
void lane_report(struct lane_world *w, int i, bool stored);
void lane_ack(struct lane_world *w);

/* Of positions below applied: 'a'pplied, 'r'ejected, 'p'arked, 'q'uarantined, 'c'onflict, '='
 * repeat, 'f'act that is stored, '-' fact that was parked and went. */
const char *lane_outcomes(const struct lane_world *w, int32_t lane);
/* "0:5 1:7": lane and sequence of what was sent from the i-th on. */
const char *lane_sent(const struct lane_world *w, int i);
int64_t lane_sum(const struct lane_world *w, int32_t lane, int who);
void lane_file(struct lane_world *w, int32_t lane, int64_t position, enum engine_action action);
struct engine_lane_view lane_view(const struct lane_world *w, int32_t lane);

/* lane_world_store.c: what the database does. */
struct engine_store lane_store(struct lane_world *w);
void lane_store_touch(struct lane_world *w);
void lane_store_commit(struct lane_world *w);
void lane_store_load(struct lane_world *w, struct engine_loaded *out);

#endif
