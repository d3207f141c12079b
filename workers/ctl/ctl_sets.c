#include "ctl_sets.h"

#include "loader_migrations.h"

static const struct mr_pg_migrations *const warehouse[] = {&loader_migrations};

const struct ctl_sets ctl_sets_warehouse = {warehouse, sizeof warehouse / sizeof *warehouse};
