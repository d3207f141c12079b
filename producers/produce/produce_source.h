/* One source of an import, a file, a followed path or standard input, read in pieces and cut into
 * items. Files are opened, read and looked at in the thread pool.
 *
 *     OPENING -import key known-> READING -end-> DONE
 *     READING <-no room-> PAUSED (the piece is kept, nothing is read)
 *     followed:  READING -end-> WATCHING -it has grown-> READING
 *                WATCHING -the path is another file, and this one is quiet-> its last line, OPENING
 *                WATCHING -it is shorter than what was read-> OPENING the same file from its start
 *                OPENING -shorter than PRODUCE_KEY_BYTES-> looked at again later
 *
 * A rotated file is read to its end before the one that took its place, since its writer may still
 * have it open: it must have been quiet for PRODUCE_QUIET_MS. */
#ifndef PRODUCE_SOURCE_H
#define PRODUCE_SOURCE_H

#include "mr_error.h"
#include "mr_log.h"
#include "mr_loop.h"
#include "mr_slice.h"
#include "produce_cut.h"
#include "produce_item.h"
#include "produce_state.h"
#include <stdbool.h>
#include <stdint.h>

#define PRODUCE_KEY_BYTES 4096 /* of a source tell it from others */
#define PRODUCE_LOOK_MS   250  /* between two looks at a followed file */
#define PRODUCE_QUIET_MS  1000

struct produce_source;

struct produce_source_events {
    /* A file is open: its first one, or the one that took its place. What follows is of it. mark's
     * key is NULL where its items cannot be repeated; offset and line say where it begins. */
    void (*on_opened)(void *owner, struct produce_source *source, const struct produce_mark *mark);
    /* Asked before each item; false: produce_source_resume follows. */
    bool (*has_room)(void *owner);
    void (*on_item)(void *owner, struct produce_source *source, const struct produce_piece *piece);
    /* An item that the state says is settled was passed over. */
    void (*on_skipped)(void *owner, struct produce_source *source);
    /* The end; not of a followed one. */
    void (*on_end)(void *owner, struct produce_source *source);
    /* It cannot be read (any more); it is at its end then, but on_end does not follow. */
    void (*on_failed)(void *owner, struct produce_source *source, const char *why);
};

struct produce_source_settings {
    struct mr_loop *loop;
    struct mr_log *log;
    const struct produce_source_events *events;
    void *owner;
    const struct produce_state *state; /* where to begin; borrowed */
    const char *path;                  /* "-": standard input */
    const char *idempotency_key;       /* NULL: none was given */
    enum produce_format format;
    bool follow;
    size_t item_bytes_max;
};

/* Begins to open it. */
struct produce_source *produce_source_new(const struct produce_source_settings *settings);
void produce_source_resume(struct produce_source *source);
/* Reads no more; no event follows. */
void produce_source_stop(struct produce_source *source);
/* Stops, and frees once nothing of it is left on the loop or in the pool; on_closed (may be NULL)
 * is never called from within. */
void produce_source_close(struct produce_source *source, void (*on_closed)(void *owner),
                          void *owner);

/* How people call it: the path, or "standard input". */
const char *produce_source_name(const struct produce_source *source);
/* Bytes there are (0: not known) and bytes taken, for progress. */
uint64_t produce_source_size(const struct produce_source *source);
uint64_t produce_source_taken(const struct produce_source *source);

#endif
