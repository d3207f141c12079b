/* Whom to end when a lane statement has waited too long for its row.
 *
 * A client that is frozen in mid-statement keeps its row locks whatever timeouts are set, so the
 * lane's row names the backend of its owner. A waiter looks, from a second connection and while it
 * still waits (afterwards nobody blocks it), at who blocks it and at the row. */
#ifndef ENGINE_LOCK_H
#define ENGINE_LOCK_H

#include <stddef.h>
#include <stdint.h>

struct engine_backend {
    int32_t pid;      /* 0: none */
    int64_t start_us; /* backend_start, so that a pid that was given anew is told apart */
};

/* The backend to terminate, or pid 0: the holder must be the one that the row names; any other
 * blocker (another waiter, an operator's psql) is left alone, and asked about again later. */
struct engine_backend engine_lock_holder(const struct engine_backend *named, size_t named_count,
                                         const struct engine_backend *blockers,
                                         size_t blocker_count);

#endif
