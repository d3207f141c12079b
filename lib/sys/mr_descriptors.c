#include "mr_descriptors.h"

#include <sys/resource.h>

uint64_t mr_descriptors_raise(uint64_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    struct rlimit raised = limit;
    raised.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
    if (raised.rlim_cur > limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return raised.rlim_cur;
    return limit.rlim_cur;
}
