/* What the two encodings of OTLP share; for mr_otlp*.c only. */
#ifndef MR_OTLP_OWN_H
#define MR_OTLP_OWN_H

#include "mr_otlp.h"
#include <stdbool.h>

/* The levels of a request; each has children, the last of which are the records. */
enum mr_otlp_level { MR_OTLP_REQUEST, MR_OTLP_RESOURCE_LOGS, MR_OTLP_SCOPE_LOGS };

/* A message of one level, opened. */
struct mr_otlp_frame {
    struct mr_slice children; /* what mr_otlp_format's child goes along; absent: none */
    struct mr_slice head;     /* the resource or scope; absent: none */
};

/* Where decoded texts go, and why it failed. */
struct mr_otlp_output {
    struct mr_arena *arena;
    struct mr_logline *line;
    struct mr_error *why;
};

/* What an encoding knows. Statuses: MR_INVALID with why, MR_LIMIT: the arena is full. */
struct mr_otlp_format {
    /* The whole body, before anything is walked: *request is its outermost message. */
    enum mr_status (*check)(struct mr_slice body, struct mr_slice *request, struct mr_error *why);
    enum mr_status (*enter)(struct mr_slice message, enum mr_otlp_level level,
                            struct mr_otlp_frame *frame, struct mr_error *why);
    /* The next child of an entered message. */
    bool (*child)(struct mr_slice *children, enum mr_otlp_level level, struct mr_slice *child);
    enum mr_status (*resource)(struct mr_slice head, struct mr_otlp_output *out);
    enum mr_status (*scope)(struct mr_slice head, struct mr_otlp_output *out);
    enum mr_status (*record)(struct mr_slice record, struct mr_otlp_output *out);
};

extern const struct mr_otlp_format mr_otlp_protobuf, mr_otlp_json;

/* -- mr_otlp_value.c: the mapping, once a value is decoded -- */

/* Adds an attribute under prefix + name. Nothing is added where name is empty. */
MR_MUST_CHECK enum mr_status mr_otlp_add(struct mr_otlp_output *out, const char *prefix,
                                         struct mr_slice name, struct mr_logline_value value);
/* As add for a resource's attribute: service.name and host.name are the line's own. */
MR_MUST_CHECK enum mr_status mr_otlp_add_resource(struct mr_otlp_output *out, struct mr_slice name,
                                                  struct mr_logline_value value);
/* Values of the scalar kinds. */
MR_MUST_CHECK enum mr_status mr_otlp_text(struct mr_otlp_output *out, struct mr_slice text,
                                          struct mr_logline_value *value);
struct mr_logline_value mr_otlp_bool(bool v);
MR_MUST_CHECK enum mr_status mr_otlp_integer(struct mr_otlp_output *out, int64_t v,
                                             struct mr_logline_value *value);
MR_MUST_CHECK enum mr_status mr_otlp_double(struct mr_otlp_output *out, double v,
                                            struct mr_logline_value *value);
MR_MUST_CHECK enum mr_status mr_otlp_base64(struct mr_otlp_output *out, struct mr_slice bytes,
                                            struct mr_logline_value *value);
/* A list of values, or (is_object) of named ones, as a JSON value. */
MR_MUST_CHECK enum mr_status mr_otlp_nested(struct mr_otlp_output *out,
                                            const struct mr_logline_attribute *items, size_t count,
                                            bool is_object, struct mr_logline_value *value);
/* Times: 0, and what int64_t does not hold, is none. */
void mr_otlp_times(struct mr_logline *line, uint64_t time_ns, uint64_t observed_ns);
void mr_otlp_severity(struct mr_logline *line, int64_t number);
enum mr_status mr_otlp_too_deep(struct mr_otlp_output *out);

#endif
