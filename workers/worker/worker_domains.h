/* All domains that this worker can serve, made of the table in workers/domain_store/domains.cmake.
 */
#ifndef WORKER_DOMAINS_H
#define WORKER_DOMAINS_H

#include "domain_store.h"
#include "mr_pg_migrate.h"

struct worker_domain {
    const struct domain_store *store;
    const struct mr_pg_migrations *migrations;
    int admin_port;
};

extern const struct worker_domain worker_domains[];
extern const size_t worker_domain_count;

#endif
