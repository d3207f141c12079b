/* How far an import has come: for each source the offset up to which everything is settled, that is
 * stored, rejected or left out by a rule. It is only a short cut: without it everything is sent
 * again, under the ids that it had.
 *
 * The file is JSON, {"version": 1, "sources": [{"key", "path", "device", "inode", "offset",
 * "line"}]}, replaced as a whole: written beside it, synced, renamed, and its folder synced. */
#ifndef PRODUCE_STATE_H
#define PRODUCE_STATE_H

#include "mr_error.h"
#include "mr_slice.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stdint.h>

#define PRODUCE_STATE_SOURCES_MAX 4096 /* the oldest, by use, are forgotten */
#define PRODUCE_STATE_KEY_MAX     255

struct produce_state;

struct produce_mark {
    const char *key;  /* the import key */
    const char *path; /* as it was given; for people, and to find what was renamed */
    uint64_t device, inode;
    uint64_t offset; /* settled: all below */
    uint64_t line;   /* that offset lies in this line, from 1 */
};

/* Reads the file; path NULL: nothing is kept. One that is not there is an empty one. MR_INVALID:
 * it cannot be read, or is no such file (why says which; it is never overwritten then). */
MR_MUST_CHECK enum mr_status produce_state_open(const char *path, struct produce_state **out,
                                                struct mr_error *why);
void produce_state_free(struct produce_state *state); /* takes NULL */

/* What is known of a source; NULL: nothing. Good until the next note. */
const struct produce_mark *produce_state_find(const struct produce_state *state, const char *key);
/* The mark of that path that was noted last, other than key's; NULL: none. */
const struct produce_mark *produce_state_of_path(const struct produce_state *state,
                                                 const char *path, const char *key);
/* Notes a source anew; texts are copied. */
void produce_state_note(struct produce_state *state, const struct produce_mark *mark);

/* True where something was noted since the last snapshot. */
bool produce_state_is_dirty(const struct produce_state *state);
/* The text to be written, malloc'ed, to be freed by the caller. */
char *produce_state_snapshot(struct produce_state *state);
/* Replaces the file by text. Blocks, touches nothing else of state: for a thread of the pool.
 * MR_FATAL: it cannot be written, why says why. */
MR_MUST_CHECK enum mr_status produce_state_write(const struct produce_state *state,
                                                 const char *text, struct mr_error *why);

#endif
