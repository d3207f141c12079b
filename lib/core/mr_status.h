/* What a caller can do about an outcome: the one result type of all functions that can fail. */
#ifndef MR_STATUS_H
#define MR_STATUS_H

enum mr_status {
    MR_OK = 0,
    MR_INVALID, /* the input is wrong: never retry */
    MR_LIMIT,   /* full: push back, and go on when there is room */
    MR_BUSY,    /* not now: retry later */
    MR_LOST,    /* not ours any more, or gone: let go */
    MR_FATAL    /* stop */
};

#define MR_MUST_CHECK      __attribute__((warn_unused_result))
#define MR_PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))

#endif
