/* Errors for clients: RFC 9457 problem documents, and the problem types of the edge and the
 * runtime. The types of a domain's refusals come from its schemas and are written the same way. */
#ifndef MR_PROBLEM_H
#define MR_PROBLEM_H

#include "mr_buf.h"
#include "mr_slice.h"
#include <stdint.h>

#define MR_PROBLEM_CONTENT_TYPE "application/problem+json"

struct mr_problem_type {
    const char *name;        /* of /problems/<name> */
    int32_t status;          /* HTTP */
    const char *title;       /* the same for every occurrence, no full stop */
    const char *description; /* for the page: what it means and what to do */
};

/* NULL where it is not one of ours. */
const struct mr_problem_type *mr_problem_find(struct mr_slice name);
/* The type for a status that the HTTP layer answers by itself (400, 404, 405, 408, 411, 413, 414,
 * 415, 417, 429, 431, 500, 501, 503, 505, ...); "internal" for any other. Never NULL. */
const struct mr_problem_type *mr_problem_of_status(int32_t status);
/* All of ours, by name in ascending order; index < count. */
size_t mr_problem_count(void);
const struct mr_problem_type *mr_problem_at(size_t index);

struct mr_problem_error {
    struct mr_slice
        pointer; /* RFC 6901 without '#', such as "/lines/0/quantity"; "" is the whole */
    struct mr_slice detail;
};

/* One occurrence. Borrowed; absent members are left out. */
struct mr_problem {
    struct mr_slice name; /* required */
    struct mr_slice title;
    int32_t status;
    struct mr_slice detail;   /* one or two sentences about this occurrence */
    struct mr_slice instance; /* URI reference */
    const struct mr_problem_error *errors;
    size_t error_count;
    struct mr_slice id;       /* of the command, where the outcome is unknown */
    struct mr_slice location; /* where to ask for it */
};

/* name, title and status of type, and detail (may be absent). */
struct mr_problem mr_problem_of(const struct mr_problem_type *type, struct mr_slice detail);

/* Appends {"type":"/problems/<name>","title":...,"status":...,...}; ask mr_buf_ok afterwards.
 * An error's pointer is written as a URI fragment: "#/lines/0/quantity". */
void mr_problem_write(const struct mr_problem *problem, struct mr_buf *out);
/* A pointer as errors have it: a JSON string of "#" and the pointer, with what a URI fragment may
 * not hold percent-encoded (RFC 6901, section 6). */
void mr_problem_write_pointer(struct mr_slice pointer, struct mr_buf *out);

#endif
