/* Reading files at start. These block: for before the loop runs, or a job. */
#ifndef MR_FILES_H
#define MR_FILES_H

#include "mr_buf.h"
#include "mr_error.h"
#include "mr_status.h"
#include <stddef.h>

/* Appends a whole regular file to out. MR_LIMIT when longer than bytes_max, MR_INVALID when it is
 * not there, not a file, or cannot be read (why names path and cause). */
MR_MUST_CHECK enum mr_status mr_file_read(const char *path, size_t bytes_max, struct mr_buf *out,
                                          struct mr_error *why);

struct mr_file {
    char *path; /* relative to the folder, with '/': "billing/invoice.create.json" */
    char *text; /* NUL-terminated after len bytes */
    size_t len;
};
struct mr_files {
    struct mr_file *files; /* by path, byte order */
    size_t count;
};
#define MR_FILES_MAX       4096
#define MR_FILES_BYTES_MAX (4 * 1024 * 1024) /* of one file */
#define MR_FILES_DEPTH_MAX 16

/* Reads every file below dir whose name ends in suffix (".json"; "" for all), names that begin with
 * '.' left out; links are followed. On MR_OK out is owned: free it. MR_LIMIT: a bound above passed;
 * MR_INVALID: the folder or a file cannot be read. */
MR_MUST_CHECK enum mr_status mr_files_read(const char *dir, const char *suffix,
                                           struct mr_files *out, struct mr_error *why);
void mr_files_free(struct mr_files *files); /* takes a zeroed one */

#endif
