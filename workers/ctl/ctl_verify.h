/* Inside verify: what its parts share. Each part reads one step of the way against the step before
 * it, in order of lane and position or sequence, so that memory holds portions only: 2,000 rows of
 * an outcome list, 100 events with their bodies, 1,000 repeats; the sorting is Postgres's. */
#ifndef CTL_VERIFY_H
#define CTL_VERIFY_H

#include "ctl_report.h"
#include "ctl_survey.h"

/* What an operator passed over by set-position, or dropped. */
enum ctl_skip_kind {
    CTL_SKIP_POSITIONS, /* they have no outcome */
    CTL_SKIP_EVENTS,    /* they are not stored: numbers of a time that was restored away */
    CTL_SKIP_TOPIC,     /* they are not in the topic, which was truncated or recreated */
    CTL_SKIP_DROPPED    /* parked commands that were dropped: of a fact nothing is left */
};

struct ctl_skip {
    const char *target; /* "billing 3" */
    enum ctl_skip_kind kind;
    int64_t from, to; /* [from, to) */
};

/* The day partitions of one table. */
struct ctl_days {
    int32_t *list; /* ascending, in ctl->arena */
    size_t count;
    bool dropped; /* some that could have held rows are gone: what is missing may be theirs */
};

struct ctl_verify {
    struct ctl *ctl;
    struct ctl_report *report;
    struct ctl_survey noted; /* applied and next_event: what lies below is judged */
    struct ctl_days command_days, event_days;
    const struct ctl_skip *skips;
    size_t skip_count;
};

/* One domain's share. */
struct ctl_verify_domain {
    const char *name;
    const struct mr_catalog_domain *catalog; /* NULL: the schemas do not know it */
    const struct ctl_lane *lanes;            /* 0 .. lane_count - 1 */
    int32_t lane_count;
    bool has_facts;            /* a command of it is a fact */
    bool loads_facts;          /* a fact of it gives rows in the warehouse */
    bool shows_facts;          /* it has a view `facts`: (lane, position, account_id, id, day) */
    struct ctl_days fact_days; /* of the table behind that view */
};

/* Does a fact of the domain give rows in the warehouse? */
bool ctl_verify_loads_facts(const struct mr_catalog_domain *domain);
bool ctl_verify_has_day(const struct ctl_days *days, int32_t day);
bool ctl_verify_is_skipped(const struct ctl_verify *v, const struct ctl_lane *lane,
                           enum ctl_skip_kind kind, int64_t at);

/* Each fails only where a server cannot be read; what differs goes into the report. */
MR_MUST_CHECK enum mr_status ctl_verify_note(struct ctl_verify *v, struct mr_error *why);
/* Fills what the domain says of its facts. */
MR_MUST_CHECK enum mr_status
ctl_verify_note_facts(struct ctl_verify *v, struct ctl_verify_domain *d, struct mr_error *why);
MR_MUST_CHECK enum mr_status
ctl_verify_commands(struct ctl_verify *v, const struct ctl_verify_domain *d, struct mr_error *why);
MR_MUST_CHECK enum mr_status
ctl_verify_published(struct ctl_verify *v, const struct ctl_verify_domain *d, struct mr_error *why);
MR_MUST_CHECK enum mr_status
ctl_verify_loaded(struct ctl_verify *v, const struct ctl_verify_domain *d, struct mr_error *why);
MR_MUST_CHECK enum mr_status
ctl_verify_facts(struct ctl_verify *v, const struct ctl_verify_domain *d, struct mr_error *why);
MR_MUST_CHECK enum mr_status
ctl_verify_checks(struct ctl_verify *v, const struct ctl_verify_domain *d, struct mr_error *why);

#endif
