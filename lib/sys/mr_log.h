/* Log lines: one call, one line, one write(2).
 *
 * JSON lines {"ts":"2026-11-25T08:39:03.123Z","level":"info","program":"millrace-edge","msg":"...",
 * <fields>} or text for people. Values are typed and escaped, so hostile text cannot forge a line.
 * msg is constant text; what varies is a field. A secret is never a field. A text is cut at
 * MR_LOG_TEXT_MAX bytes and a line at MR_LOG_LINE_MAX (fields that no longer fit are left out and
 * "cut":true says so). Callable from any thread once opened. */
#ifndef MR_LOG_H
#define MR_LOG_H

#include "mr_config.h"
#include "mr_slice.h"
#include "mr_uuid.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MR_LOG_LINE_MAX 16384
#define MR_LOG_TEXT_MAX 4096

enum mr_log_level { MR_LOG_DEBUG, MR_LOG_INFO, MR_LOG_WARN, MR_LOG_ERROR };
enum mr_log_format { MR_LOG_JSON, MR_LOG_TEXT };

struct mr_log {
    const char *program; /* borrowed */
    int fd;              /* borrowed */
    enum mr_log_level level_min;
    enum mr_log_format format;
    atomic_uint_fast64_t dropped; /* lines that the descriptor did not take */
};

enum mr_log_kind { MR_LOG_F_TEXT, MR_LOG_F_INT, MR_LOG_F_REAL, MR_LOG_F_BOOL, MR_LOG_F_UUID };

struct mr_log_field {
    const char *name;
    enum mr_log_kind kind;
    union {
        struct mr_slice text; /* absent: null */
        int64_t integer;
        double real;
        struct mr_uuid uuid;
    };
};

void mr_log_open(struct mr_log *log, const char *program, int fd, enum mr_log_format format,
                 enum mr_log_level level_min);
/* On standard error, by LOG_FORMAT and LOG_LEVEL. */
void mr_log_open_config(struct mr_log *log, const char *program, const struct mr_config *config);

void mr_log_write(struct mr_log *log, enum mr_log_level level, const char *msg,
                  const struct mr_log_field *fields, size_t count);

/* MR_LOG(log, INFO, "listening", mr_f_int("port", port), mr_f_text("address", address)); */
#define MR_LOG(log, level, msg, ...)                                                               \
    mr_log_write((log), MR_LOG_##level, (msg), MR_LOG_FIELDS(__VA_ARGS__))

/* For messages that may repeat: at most one a limit in 10 s; the next says how many were held back
 * since ("held_back":N). limit is zeroed at first and belongs to one place in the code. */
struct mr_log_limit {
    int64_t next_ms; /* monotonic */
    uint64_t held_back;
};
#define MR_LOG_LIMIT_MS 10000
#define MR_LOG_LIMITED(log, limit, level, msg, ...)                                                \
    mr_log_write_limited((log), (limit), MR_LOG_##level, (msg), MR_LOG_FIELDS(__VA_ARGS__))

void mr_log_write_limited(struct mr_log *log, struct mr_log_limit *limit, enum mr_log_level level,
                          const char *msg, const struct mr_log_field *fields, size_t count);
/* The rule alone: true when a message may be written at now_ms; *held_back is then how many were
 * not since the last one. */
bool mr_log_limit_allows(struct mr_log_limit *limit, int64_t now_ms, uint64_t *held_back);

/* The fields and their count, as two arguments; none gives NULL-like (a one-past pointer, 0). */
#define MR_LOG_FIELDS(...)                                                                         \
    (const struct mr_log_field[]){{.name = NULL} __VA_OPT__(, ) __VA_ARGS__} + 1,                  \
        sizeof((const struct mr_log_field[]){{.name = NULL} __VA_OPT__(, ) __VA_ARGS__}) /         \
                sizeof(struct mr_log_field) -                                                      \
            1

static inline struct mr_log_field mr_f_slice(const char *name, struct mr_slice text)
{
    return (struct mr_log_field){.name = name, .kind = MR_LOG_F_TEXT, .text = text};
}
/* text may be NULL. */
static inline struct mr_log_field mr_f_text(const char *name, const char *text)
{
    return mr_f_slice(name, mr_slice_text(text));
}
static inline struct mr_log_field mr_f_int(const char *name, int64_t integer)
{
    return (struct mr_log_field){.name = name, .kind = MR_LOG_F_INT, .integer = integer};
}
static inline struct mr_log_field mr_f_real(const char *name, double real)
{
    return (struct mr_log_field){.name = name, .kind = MR_LOG_F_REAL, .real = real};
}
static inline struct mr_log_field mr_f_bool(const char *name, bool yes)
{
    return (struct mr_log_field){.name = name, .kind = MR_LOG_F_BOOL, .integer = yes};
}
static inline struct mr_log_field mr_f_uuid(const char *name, const struct mr_uuid *id)
{
    return (struct mr_log_field){.name = name, .kind = MR_LOG_F_UUID, .uuid = *id};
}

#endif
