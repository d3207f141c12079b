/* Where every lane of every domain stands, from Postgres, the topics and the warehouse, each asked
 * once. What could not be had is -1, and why is said beside. */
#ifndef CTL_SURVEY_H
#define CTL_SURVEY_H

#include "ctl.h"

struct ctl_lane {
    const char *domain; /* lives in ctl->arena */
    int32_t lane;
    bool taken;      /* a worker has had it: the positions mean something */
    bool owned;      /* the session that the row names lives */
    int64_t applied; /* 0 while it was never taken */
    int64_t next_event, published;
    int64_t parked;      /* commands */
    const char *stopped; /* why, by the lane's owner; NULL: it is not */

    int64_t log_start, log_end; /* of the commands topic; -1: Kafka is away */
    int64_t backlog;            /* commands in the log that are not settled; -1: not known */
    int64_t age_ms;             /* since the oldest of them was appended; -1: none, or not known */

    bool in_ledger;
    int64_t loaded;           /* last sequence + 1; -1: not known */
    int64_t loaded_offset;    /* the next of the events topic that the loader reads */
    const char *load_stopped; /* why, by the loader; NULL: it is not */

    int64_t facts_loaded; /* the next of the commands topic that the loader reads; -1, as above */
    const char *facts_stopped; /* as load_stopped, of the commands topic */
};

struct ctl_survey {
    struct ctl_lane *lanes; /* by domain, then lane; in ctl->arena */
    size_t count;
    bool log_is_known, ledger_is_known;
    struct mr_error log_why, ledger_why; /* where they are not */
};

/* domain: NULL for all. with_age: reads the oldest unsettled record of each lane with a backlog.
 * Fails only where Postgres cannot be read, or (MR_INVALID) there is no such domain. */
MR_MUST_CHECK enum mr_status ctl_survey_read(struct ctl *ctl, const char *domain, bool with_age,
                                             struct ctl_survey *out, struct mr_error *why);

/* What the two servers of a survey are asked by themselves. */
MR_MUST_CHECK enum mr_status ctl_survey_lanes(struct ctl *ctl, const char *domain,
                                              struct ctl_survey *out, struct mr_error *why);
MR_MUST_CHECK enum mr_status ctl_survey_ledger(struct ctl *ctl, struct ctl_survey *survey,
                                               struct mr_error *why);

#endif
