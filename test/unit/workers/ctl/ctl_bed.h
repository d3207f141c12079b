/* A struct ctl on a real Postgres: millrace's database and the warehouse, each migrated and empty
 * but for domain billing of two lanes, day partitions and the tables. No Kafka. The catalogue has
 * billing and logging. */
#ifndef CTL_BED_H
#define CTL_BED_H

#include "ctl.h"
#include "pg_server.h"

struct ctl_bed {
    struct ctl ctl; /* with catalogue and both sessions */
    char pg[PG_CONNINFO_BYTES], warehouse[PG_CONNINFO_BYTES];
};

/* name: lower-case letters and _; one a test. Lanes may be locked for 100 ms before that is looked
 * at. */
struct ctl_bed *ctl_bed_new(const char *name);
void ctl_bed_free(struct ctl_bed *bed);
/* A session of its own that runs one script, then the other, and stays. */
struct mr_pg_session *ctl_bed_session(const char *conninfo, const char *first, const char *second);

#endif
