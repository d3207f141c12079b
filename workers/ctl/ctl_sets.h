/* The migrations that millracectl runs, of each of its two databases: the one table of them. */
#ifndef CTL_SETS_H
#define CTL_SETS_H

#include "mr_pg_migrate.h"

struct ctl_sets {
    const struct mr_pg_migrations *const *list;
    size_t count;
};

extern const struct ctl_sets ctl_sets_pg, ctl_sets_warehouse;

#endif
