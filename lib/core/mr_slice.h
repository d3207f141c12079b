/* A borrowed run of bytes: not owned, not NUL-terminated. data may be NULL only where len is 0;
 * where "absent" and "empty" differ, absent is data == NULL. */
#ifndef MR_SLICE_H
#define MR_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct mr_slice {
    const char *data;
    size_t len;
};

static inline struct mr_slice mr_slice(const void *data, size_t len)
{
    return (struct mr_slice){.data = (const char *)data, .len = len};
}

/* text may be NULL: the absent slice. */
static inline struct mr_slice mr_slice_text(const char *text)
{
    return (struct mr_slice){.data = text, .len = text ? strlen(text) : 0};
}

static inline bool mr_slice_equal(struct mr_slice a, struct mr_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool mr_slice_is(struct mr_slice a, const char *text)
{
    return mr_slice_equal(a, mr_slice_text(text));
}

/* For printf's "%.*s". */
#define MR_SLICE_FMT(s) (int)(s).len, (s).data ? (s).data : ""

#endif
