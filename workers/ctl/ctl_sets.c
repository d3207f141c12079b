#include "ctl_sets.h"

#include "billing_migrations.h"
#include "loader_migrations.h"
#include "millrace_migrations.h"

static const struct mr_pg_migrations *const pg[] = {&millrace_migrations, &billing_migrations};
static const struct mr_pg_migrations *const warehouse[] = {&loader_migrations};

const struct ctl_sets ctl_sets_pg = {pg, sizeof pg / sizeof *pg};
const struct ctl_sets ctl_sets_warehouse = {warehouse, sizeof warehouse / sizeof *warehouse};
