#include "ctl_sets.h"

#include "billing_migrations.h"
#include "millrace_migrations.h"
#ifdef CTL_HAS_LOADER
#include "loader_migrations.h"
#endif

static const struct mr_pg_migrations *const pg[] = {&millrace_migrations, &billing_migrations};
#ifdef CTL_HAS_LOADER
static const struct mr_pg_migrations *const warehouse[] = {&loader_migrations};
#endif

const struct ctl_sets ctl_sets_pg = {pg, sizeof pg / sizeof *pg};
#ifdef CTL_HAS_LOADER
const struct ctl_sets ctl_sets_warehouse = {warehouse, sizeof warehouse / sizeof *warehouse};
#else
const struct ctl_sets ctl_sets_warehouse = {0};
#endif
