/* What log and tables hold of one lane: the facts that the two set-position verbs are decided by.
 * ctl->reader must be open; for tables the catalogue and the warehouse, for events Postgres. */
#ifndef CTL_LOOK_H
#define CTL_LOOK_H

#include "ctl.h"
#include "engine_admin.h"
#include "engine_load.h"

struct ctl_look {
    const char *topic;
    struct mr_slice domain;
    int32_t lane;
};

/* The lane that an argument names. MR_INVALID: it is none of 0 .. lanes - 1. */
MR_MUST_CHECK enum mr_status ctl_look_lane(const char *text, const char *of, int32_t lanes,
                                           int32_t *lane, struct mr_error *why);

/* The lane's row as it is committed; nobody's lock is waited for, as a frozen owner may have it. It
 * is made where no worker has taken the lane yet, so that such a lane can be placed too. MR_BUSY:
 * it was made by another at the same moment. */
MR_MUST_CHECK enum mr_status ctl_look_row(struct ctl *ctl, const char *domain, int32_t lane,
                                          struct engine_row *out, struct mr_error *why);
/* The same for the loader's ledger in the warehouse. */
MR_MUST_CHECK enum mr_status ctl_look_ledger(struct ctl *ctl, const struct ctl_look *at,
                                             struct engine_ledger *out, struct mr_error *why);

/* The log's ends, and the record at applied - 1. */
MR_MUST_CHECK enum mr_status ctl_look_commands(struct ctl *ctl, const struct ctl_look *at,
                                               int64_t applied, struct engine_admin_found *found,
                                               struct mr_error *why);
/* The highest sequence in the events topic, and what the table holds above it; reads the whole
 * lane. found->row must be set. */
MR_MUST_CHECK enum mr_status ctl_look_events(struct ctl *ctl, const struct ctl_look *at,
                                             struct engine_admin_found *found,
                                             struct mr_error *why);
/* Where the loader would go on: everything of found but loaded_highest; reads the whole lane. */
MR_MUST_CHECK enum mr_status ctl_look_loads(struct ctl *ctl, const struct ctl_look *at,
                                            const struct engine_admin_load *ask,
                                            struct engine_admin_load_found *found,
                                            struct mr_error *why);
/* Raises *highest to the highest sequence of the lane in the warehouse's tables. */
MR_MUST_CHECK enum mr_status ctl_look_tables(struct ctl *ctl, const struct ctl_look *at,
                                             int64_t *highest, struct mr_error *why);

#endif
