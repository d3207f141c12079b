/* Inside the sheet: the structs that its two parts share. Not for other folders. */
#ifndef ENGINE_SHEET_IMPL_H
#define ENGINE_SHEET_IMPL_H

#include "engine_list.h"
#include "engine_sheet.h"
#include "mr_map.h"

/* An entity of the batch. A change is written to `other`, and the two images change places when the
 * command is applied: thousands of changes of one entity take the memory of two. */
struct sheet_slot {
    struct engine_key key; /* the hash key: 36 bytes without padding */
    struct engine_entity now;
    size_t now_size;           /* room at now.bytes */
    void *other;               /* the image before the last change; NULL: none yet */
    size_t other_size;         /* room there */
    int64_t loaded_version;    /* 0: did not exist */
    uint64_t changed_by;       /* the number of the command that changed it last, applied or not */
    size_t change;             /* and which of its changes it is */
    struct engine_entity view; /* as the command at hand has it: engine_sheet_view */
    bool is_due;
    struct sheet_slot *due_next; /* of its lane and kind */
    UT_hash_handle hh;
};

struct sheet_change { /* by the command at hand */
    struct sheet_slot *slot;
    void *bytes;
    size_t len;
};

struct sheet_due { /* what was found for a wish; the wishes lie in `dues` at the same index */
    struct sheet_slot *first, *last;
};

struct engine_state { /* the sheet seen by decide and keys_after */
    struct engine_sheet *sheet;
    int32_t lane; /* of the command */
};

struct engine_keys {
    struct engine_sheet *sheet;
    const struct engine_input *input;
    bool full;
};

struct engine_sheet {
    const struct engine_domain *domain;
    size_t event_bytes_max;
    struct mr_arena arena;
    struct sheet_slot *slots;
    ENGINE_LIST(struct engine_key) keys;
    ENGINE_LIST(struct engine_due) dues;
    ENGINE_LIST(struct sheet_due) due_slots;
    ENGINE_LIST(struct engine_event) events;
    ENGINE_LIST(struct engine_row_write) rows;
    ENGINE_LIST(struct engine_entity_write) writes;
    ENGINE_LIST(struct sheet_change) changes; /* of the command at hand */
    ENGINE_LIST(void *) spares;               /* given out when the arena was full */
    uint64_t commands;                        /* begun so far */
    int32_t *row_counts;                      /* of the command at hand, by row kind */
};

struct sheet_slot *engine_sheet_slot(const struct engine_sheet *sheet,
                                     const struct engine_key *key);

/* The entity with what the command at hand changed so far. */
const struct engine_entity *engine_sheet_view(const struct engine_sheet *sheet,
                                              struct sheet_slot *slot);

#endif
