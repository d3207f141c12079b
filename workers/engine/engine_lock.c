#include "engine_lock.h"

struct engine_backend engine_lock_holder(const struct engine_backend *named, size_t named_count,
                                         const struct engine_backend *blockers,
                                         size_t blocker_count)
{
    for (size_t i = 0; i < blocker_count; i++)
        for (size_t k = 0; k < named_count; k++)
            if (blockers[i].pid && blockers[i].pid == named[k].pid &&
                blockers[i].start_us == named[k].start_us)
                return blockers[i];
    return (struct engine_backend){0};
}
