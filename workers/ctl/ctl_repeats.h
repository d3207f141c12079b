/* Positions that no row names: each must repeat a command that has an outcome, or a fact. They are
 * gathered and looked up 1,000 at a time, so that memory is bounded. */
#ifndef CTL_REPEATS_H
#define CTL_REPEATS_H

#include "ctl_classify.h"
#include "ctl_verify.h"

struct ctl_repeats;

struct ctl_repeats *ctl_repeats_new(struct ctl_verify *verify,
                                    const struct ctl_verify_domain *domain);
void ctl_repeats_free(struct ctl_repeats *repeats);

/* What is noted from now on is this lane's. */
void ctl_repeats_begin(struct ctl_repeats *repeats, const struct ctl_lane *lane);
/* is borrows the record's memory, which may go after the call. */
MR_MUST_CHECK enum mr_status ctl_repeats_note(struct ctl_repeats *repeats,
                                              const struct ctl_identity *is, int64_t position,
                                              struct mr_error *why);
/* Looks the rest of the lane up. */
MR_MUST_CHECK enum mr_status ctl_repeats_end(struct ctl_repeats *repeats, struct mr_error *why);

#endif
