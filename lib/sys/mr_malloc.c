#include "mr_malloc.h"

#include <stdlib.h>
#include <unistd.h>

#define TUNABLES "GLIBC_TUNABLES"

void mr_malloc_keep_blocks(char **argv)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
    char path[4096];
    if (getenv(TUNABLES))
        return;
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len <= 0 || setenv(TUNABLES, "glibc.malloc.tcache_count=60000", 1) != 0)
        return;
    path[len] = '\0';
    execv(path, argv);
#else
    (void)argv;
#endif
}
