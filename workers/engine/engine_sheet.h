/* The sheet a batch is worked out on: the entities it loaded, as the commands so far left them, and
 * everything that is to be written. One command at a time is decided on it; what a refused command
 * began is taken back.
 *
 * This is also what tests of a domain use: put entities, decide commands, read the effects. A
 * tick's input has ce->tick_lane >= 0. */
#ifndef ENGINE_SHEET_H
#define ENGINE_SHEET_H

#include "engine_ports.h"

struct engine_sheet;

/* event_bytes_max: an event's data at most. arena_bytes_max: all memory of a batch. */
struct engine_sheet *engine_sheet_new(const struct engine_domain *domain, size_t arena_bytes_max,
                                      size_t event_bytes_max);
void engine_sheet_free(struct engine_sheet *sheet);
void engine_sheet_reset(struct engine_sheet *sheet);
/* The sheet's memory, for what else lives as long as the batch. */
struct mr_arena *engine_sheet_arena(struct engine_sheet *sheet);

/* Notes the keys that the command may touch. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status engine_sheet_want(struct engine_sheet *sheet,
                                               const struct engine_input *input);
/* What was noted since the last reset, each key once. */
const struct engine_key *engine_sheet_keys(const struct engine_sheet *sheet, size_t *count);
/* Takes a loaded entity (bytes are copied). Keys that nobody puts do not exist. */
MR_MUST_CHECK enum mr_status engine_sheet_put(struct engine_sheet *sheet,
                                              const struct engine_entity *entity);

/* ---- ticks: want, put what was wanted and what is due, want_after, put that too, decide ---- */

/* Which kinds ticks asked for by engine_keys_add_due, each (lane, kind) once. */
const struct engine_due *engine_sheet_due(const struct engine_sheet *sheet, size_t *count);
/* A loaded entity that is due in the lane, in the store's order: as engine_sheet_put, for an entity
 * that nobody named. One that was put before stays as it is, and is due as well. */
MR_MUST_CHECK enum mr_status engine_sheet_put_due(struct engine_sheet *sheet, int32_t lane,
                                                  const struct engine_entity *entity);
/* The same without the entity, which engine_sheet_put brings later. */
MR_MUST_CHECK enum mr_status engine_sheet_note_due(struct engine_sheet *sheet, int32_t lane,
                                                   const struct engine_key *key);
/* Notes the keys that the domain's keys_after names for this tick. The new ones lie behind those
 * that engine_sheet_keys gave before; put what exists of them. MR_LIMIT: the arena is full. */
MR_MUST_CHECK enum mr_status engine_sheet_want_after(struct engine_sheet *sheet,
                                                     const struct engine_input *input);

enum engine_decided {
    ENGINE_DECIDED_APPLIED,
    ENGINE_DECIDED_REJECTED, /* refusal says why */
    ENGINE_DECIDED_FULL      /* nothing was kept: the arena has no room */
};

/* A command's outcome and its effects on the sheet. command may be NULL in tests. A refusal by the
 * domain, an event that is too large, and `invalid` (given: the body breaks its schema; not asked
 * of the domain) all give an event <domain>.command.rejected. */
enum engine_decided engine_sheet_decide(struct engine_sheet *sheet,
                                        const struct engine_command *command,
                                        const struct engine_input *input, struct mr_slice key,
                                        struct engine_refusal *refusal);
/* The same for a command whose refusal is known without deciding. */
enum engine_decided engine_sheet_refuse(struct engine_sheet *sheet,
                                        const struct engine_input *input, struct mr_slice key,
                                        const struct engine_refusal *refusal);

/* Takes the event of a refusal back again, when it is not to be one after all. */
void engine_sheet_take_back(struct engine_sheet *sheet, size_t event_count);

/* What is to be written. Events have no lane and sequence yet: from the first one of the command
 * just decided on, the caller sets them. */
struct engine_event *engine_sheet_events(struct engine_sheet *sheet, size_t *count);
const struct engine_row_write *engine_sheet_rows(const struct engine_sheet *sheet, size_t *count);
/* Entities that differ from what was loaded, each once; valid until the sheet changes. */
const struct engine_entity_write *engine_sheet_writes(struct engine_sheet *sheet, size_t *count);

#endif
