/* What a domain (billing, accounts, ...) supplies to the lane engine: plain data and pure
 * functions.
 *
 * A domain reads a command's body, names the entities that the command touches, and decides. It
 * does no I/O, reads no clock and draws nothing at random: time and ids come with the command. To
 * the engine an entity is a key and a run of bytes without pointers (a struct of the domain's own,
 * perhaps with a flexible tail), so the simulator keeps it by copying and the domain's store maps
 * the same bytes to rows. Append-only rows (journal entries) are bytes of the same kind. */
#ifndef ENGINE_DOMAIN_H
#define ENGINE_DOMAIN_H

#include "mr_arena.h"
#include "mr_cloudevent.h"
#include "mr_error.h"
#include "mr_uuid.h"
#include <jansson.h>

/* (account, id) within a kind. kind is the index in engine_domain.kinds. */
struct engine_key {
    int32_t kind;
    struct mr_uuid account;
    struct mr_uuid id;
};

/* bytes == NULL: there is no such entity. version counts from 1 and grows by one a change. */
struct engine_entity {
    struct engine_key key;
    int64_t version;
    const void *bytes;
    size_t bytes_len;
};

struct engine_kind {
    const char *name; /* for messages and the store */
    bool shared;      /* over accounts: loaded with a lock, in id order */
};

/* What a command is decided on. The engine owns it all until the batch ends. */
struct engine_input {
    const struct mr_ce_command *ce; /* id, account, subject, type, principal */
    const void *body;               /* what `read` made of the JSON */
    int64_t time_ms;                /* the log's append time: the time of decision */
    int32_t lane;                   /* that the command came in; a key's lane never changes */
};

enum engine_verdict { ENGINE_APPLIED, ENGINE_REJECTED };

struct engine_state;   /* the batch's entities as they are now; engine_state_get */
struct engine_effects; /* what one command does; kept only if it is applied */
struct engine_keys;    /* collects keys; engine_keys_add */

struct engine_domain {
    const char *name; /* "billing" */
    const struct engine_kind *kinds;
    int32_t kind_count;
    const char *const *row_kinds; /* names of the append-only rows */
    int32_t row_kind_count;
    /* How often the owner of a lane writes a command <name>.tick into it; 0: never. A tick is the
     * only command of its lane in its batch, and is quarantined where others would be parked: the
     * next one does its work. Its body is {"due_ms": N}. */
    int64_t tick_interval_ms;
    /* What `read` makes borrows nothing of the JSON. The tree is freed at once then: where commands
     * come in floods, keeping thousands of trees is most of what reading them costs. */
    bool reads_copies;

    /* Is there a decide function for this type? A type that is not known is parked. */
    bool (*knows)(const char *type);
    /* Makes the body that keys_of and decide see, in arena, from JSON that fulfils the schema of
     * the type. json is borrowed and lives as long as the arena, or, where reads_copies, until read
     * returns. MR_LIMIT: the arena is full. */
    enum mr_status (*read)(const struct mr_ce_command *ce, json_t *json, struct mr_arena *arena,
                           const void **body);
    /* Names every entity that decide may look at or change. */
    void (*keys_of)(const struct engine_input *input, struct engine_keys *keys);
    /* Of a tick only, once what keys_of named is loaded: names what is touched because of it (the
     * hour that a due minute belongs to). NULL: nothing ever is. */
    void (*keys_after)(const struct engine_state *state, const struct engine_input *input,
                       struct engine_keys *keys);
    enum engine_verdict (*decide)(const struct engine_state *state,
                                  const struct engine_input *input, struct engine_effects *effects);
};

void engine_keys_add(struct engine_keys *keys, int32_t kind, const struct mr_uuid *account,
                     const struct mr_uuid *id);

/* Of a tick only: the entities of the kind in the tick's lane that are due at its time, as many as
 * the store's `due` statement gives. engine_state_due goes over them. */
void engine_keys_add_due(struct engine_keys *keys, int32_t kind);

/* The due entities that were loaded for the tick, in the store's order: the one after `after`; NULL
 * begins, and is returned behind the last. As they are now: with what this tick changed so far. */
const struct engine_entity *engine_state_due(const struct engine_state *state, int32_t kind,
                                             const struct engine_entity *after);

/* The entity as the commands before this one left it; its bytes are NULL where there is none.
 * Asserts that keys_of named it. Valid until the command is decided: a later one may change the
 * bytes in place. */
const struct engine_entity *engine_state_get(const struct engine_state *state, int32_t kind,
                                             const struct mr_uuid *account,
                                             const struct mr_uuid *id);

/* Memory for the command at hand, zeroed; dies with the batch. Never NULL: when the arena is full
 * the effects are marked and the engine cuts the batch before this command (a spare is returned).
 */
void *engine_effects_alloc(struct engine_effects *effects, size_t bytes);

/* A new image of the entity, created or changed: a zeroed or copied block of bytes_len to write to.
 * from may be NULL (zeroed). Returns the image; *version is its version after the change. Changing
 * an entity twice in one command is one change: the second call returns a copy of from again. */
void *engine_effects_change(struct engine_effects *effects, const struct engine_entity *was,
                            const void *from, size_t bytes_len, int64_t *version);

/* As engine_state_get, with what the command at hand changed so far: for one that changes an entity
 * again and again. Pass its bytes as `from` to go on with it. */
const struct engine_entity *engine_effects_get(const struct engine_effects *effects, int32_t kind,
                                               const struct mr_uuid *account,
                                               const struct mr_uuid *id);

/* An append-only row; bytes are copied. */
void engine_effects_row(struct engine_effects *effects, int32_t row_kind, const void *bytes,
                        size_t bytes_len);

/* An event. data is taken over (its reference is dropped by the engine); subject is the entity's
 * id and subject_version its version after the change. */
void engine_effects_event(struct engine_effects *effects, const char *type,
                          const struct mr_uuid *subject, int64_t subject_version, json_t *data);

/* The same of an entity whose account is not the command's: a tick has none, and what it tells is
 * told to the entity's. */
void engine_effects_event_of(struct engine_effects *effects, const char *type,
                             const struct engine_key *subject, int64_t subject_version,
                             json_t *data);

/* Refuses by a problem type that the command's schema lists. Returns ENGINE_REJECTED. What the
 * command did before is dropped. */
enum engine_verdict engine_effects_refuse(struct engine_effects *effects, const char *problem,
                                          const char *fmt, ...) MR_PRINTF(3, 4);

#endif
