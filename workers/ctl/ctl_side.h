/* One warehouse table as verify walks it: a group of rows for each (lane, sequence), in order. */
#ifndef CTL_SIDE_H
#define CTL_SIDE_H

#include "ctl_cursor.h"
#include "ctl_verify.h"

/* Columns of ctl_side.rows; the sums of the table's totals follow, in the catalogue's order. */
enum {
    CTL_SIDE_LANE,
    CTL_SIDE_SEQUENCE,
    CTL_SIDE_COUNT,
    CTL_SIDE_HIGHEST,
    CTL_SIDE_DAY, /* of the event */
    CTL_SIDE_TOTALS
};

struct ctl_side {
    struct ctl_verify *verify;
    const struct ctl_verify_domain *domain;
    const struct mr_catalog_table *table; /* NULL: nothing of the domain that is walked feeds it */
    bool of_facts;
    struct ctl_cursor rows;
    int64_t expected; /* the caller's: rows that the present event gives */
};

/* sides: one for each of catalog->tables, zeroed; opens those that the domain's events feed. Close
 * each one's rows. */
MR_MUST_CHECK enum mr_status ctl_sides_open(struct ctl_side *sides, struct ctl_verify *verify,
                                            const struct ctl_verify_domain *domain,
                                            struct mr_error *why);
/* The same of the tables that its facts feed; sequences are positions of the commands topic. */
MR_MUST_CHECK enum mr_status ctl_sides_open_facts(struct ctl_side *sides, struct ctl_verify *verify,
                                                  const struct ctl_verify_domain *domain,
                                                  struct mr_error *why);
/* Where the present group lies, against an event: < 0, 0, > 0. No group left: > 0. */
int ctl_side_against(const struct ctl_side *side, int32_t lane, int64_t sequence);
/* Passes over the groups below an event, which no stored event gave, and reports them. */
MR_MUST_CHECK enum mr_status ctl_side_pass(struct ctl_side *side, int32_t lane, int64_t sequence,
                                           struct mr_error *why);

#endif
