/* What is done to files, blocking: for the thread pool. */
#ifndef PRODUCE_FILE_H
#define PRODUCE_FILE_H

#include "mr_error.h"
#include "mr_status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct produce_file {
    int fd; /* -1: none */
    bool is_regular;
    uint64_t device, inode, size;
};

/* "-" is standard input. MR_INVALID: it cannot be opened; why names path and cause. */
MR_MUST_CHECK enum mr_status produce_file_open(const char *path, struct produce_file *out,
                                               struct mr_error *why);
void produce_file_close(struct produce_file *file); /* standard input is left open */

/* Reads up to len bytes at offset, of a regular file until there are no more. *got 0: the end.
 * MR_FATAL: why says what the system says. */
MR_MUST_CHECK enum mr_status produce_file_read(const struct produce_file *file, uint64_t offset,
                                               char *out, size_t len, size_t *got,
                                               struct mr_error *why);

/* How a followed file stands. */
struct produce_file_look {
    uint64_t size;    /* of the open file */
    bool is_replaced; /* the path is another file now */
};
void produce_file_look(const struct produce_file *file, const char *path,
                       struct produce_file_look *out);

/* Looks in the folder of path for the file of that device and inode, which was renamed; out has
 * room for size bytes. False: it is not there. */
bool produce_file_find(const char *path, uint64_t device, uint64_t inode, char *out, size_t size);

/* The import key of a source that begins with these bytes: BLAKE2b-256 in hex. */
#define PRODUCE_FILE_KEY 64
void produce_file_key(const char *first, size_t len, char out[PRODUCE_FILE_KEY + 1]);

#endif
