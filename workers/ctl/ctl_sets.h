/* The migrations that millracectl runs, of each of its two databases. Those of Postgres are
 * millrace's own and every domain's of workers/domain_store/domains.cmake. */
#ifndef CTL_SETS_H
#define CTL_SETS_H

#include "mr_pg_migrate.h"

struct ctl_sets {
    const struct mr_pg_migrations *const *list;
    size_t count;
};

extern const struct ctl_sets ctl_sets_pg, ctl_sets_warehouse;

#endif
